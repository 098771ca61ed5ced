//! Random typed expressions on random rows, evaluated here and by DuckDB: no difference.
//!
//! Needs `python3` with the package `duckdb`; without them it says so and passes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use shroff_detect::sql::{Expression, Type, Value};
use shroff_types::Decimal;

use super::random::{COLUMNS, Pair, Random, any_type, expression, rows, schema};

/// Reads a table and expressions, one a line, and writes for each expression one line with its
/// value on each row, or `!` and the error.
const SCRIPT: &str = r#"
import sys, decimal
try:
    import duckdb
except ImportError:
    print("no duckdb")
    sys.exit()
def show(v):
    if v is None: return "N"
    if isinstance(v, bool): return "b" + str(v).lower()
    if isinstance(v, int): return "i" + str(v)
    if isinstance(v, decimal.Decimal): return "d" + format(v, "f")
    if isinstance(v, float): return "r" + repr(v)
    return "t" + v
c = duckdb.connect()
c.execute("SET threads = 1")
c.execute("SET ieee_floating_point_ops = true")
c.execute("CREATE MACRO sur(n, e) AS CASE WHEN n < 0 OR e < 0 THEN NULL WHEN n <= e THEN 0.0 ELSE n * ln(n / e) - n + e END")
c.execute("CREATE MACRO learnt(n, e, k) AS CASE WHEN k IS NULL OR n < 0 OR e < 0 OR k < 0 THEN NULL WHEN n <= e THEN 0.0 ELSE n * ln(n / e) - (n + k) * ln((n + k) / (e + k)) END")
c.execute("CREATE MACRO surprise(n, e) AS sur(CAST(n AS DOUBLE), CAST(e AS DOUBLE)), (n, e, k) AS learnt(CAST(n AS DOUBLE), CAST(e AS DOUBLE), CAST(k AS DOUBLE))")
c.execute("CREATE MACRO part(n, e) AS CASE WHEN n = 0 THEN 0.0 ELSE n * ln(n / e) END")
c.execute("CREATE MACRO unev(p, w, s) AS CASE WHEN p IS NULL OR w IS NULL OR s IS NULL OR p < 0 OR p > w OR s < 0 OR s > 1 THEN NULL WHEN p < w * s THEN -greatest(0.0, part(p, w * s) + part(w - p, w * (1 - s))) ELSE greatest(0.0, part(p, w * s) + part(w - p, w * (1 - s))) END")
c.execute("CREATE MACRO uneven(p, w, s) AS unev(CAST(p AS DOUBLE), CAST(w AS DOUBLE), CAST(s AS DOUBLE))")
c.execute("CREATE MACRO fin(x) AS list_extract(list_filter([CAST(x AS DOUBLE)], lambda v: isfinite(v)), 1)")
print("ready")
for line in sys.stdin:
    kind, sql = line[0], line[1:].rstrip("\n")
    if kind == "S":
        c.execute(sql)
        continue
    try:
        values = c.execute("SELECT " + sql + " FROM t ORDER BY n").fetchall()
        print("\x1f".join(show(v) for (v,) in values))
    except Exception as e:
        print("!" + str(e).replace("\n", " "))
"#;

fn literal(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("'{text}'"),
        Value::Real(real) => format!("{real:e}"),
        other => other.to_string(),
    }
}

/// Whether what DuckDB wrote is our value. Numbers are compared as numbers: `floor` of a whole
/// number is real there and whole here.
fn agrees(ours: &Value<'_>, theirs: &str) -> bool {
    let (kind, rest) = theirs.split_at(1);
    match (kind, ours) {
        ("N", Value::Null) => true,
        ("b", Value::Bool(truth)) => rest == truth.to_string(),
        ("t", Value::Text(text)) => rest == text,
        ("i" | "d", Value::Int(_) | Value::Decimal(_)) => {
            let exact = |text: &str| Decimal::parse(text, '.').expect("a number");
            exact(rest) == exact(&ours.to_string())
        }
        ("i" | "d" | "r", Value::Int(_) | Value::Decimal(_) | Value::Real(_)) => {
            Some(rest.parse::<f64>().expect("a number")) == ours.as_real()
        }
        _ => false,
    }
}

/// The answers of DuckDB on the table for each expression; nothing where it is not installed.
fn ask(input: String) -> Option<Vec<String>> {
    let started = Command::new("python3")
        .args(["-c", SCRIPT])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = started.ok()?;
    let mut stdin = child.stdin.take().expect("it was piped");
    // One that is not installed ends without reading, which is no failure of ours.
    let writer = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(input.as_bytes()).is_ok());
        let output = child.wait_with_output().expect("python3 ends");
        (writer.join().expect("the writer ends"), String::from_utf8(output.stdout).expect("UTF-8"))
    });
    let (_, output) = writer;
    let mut lines = output.split('\n').map(str::to_owned);
    (lines.next()? == "ready").then(|| lines.collect())
}

fn table(rows: &[Vec<Value<'_>>]) -> String {
    let columns = COLUMNS.map(|(name, _, kind)| format!("{name} {kind}")).join(", ");
    let mut input = format!("SCREATE TABLE t (n BIGINT, {columns})\n");
    for (n, row) in rows.iter().enumerate() {
        let values = row.iter().map(literal).collect::<Vec<_>>().join(", ");
        writeln!(input, "SINSERT INTO t VALUES ({n}, {values})").expect("a string takes text");
    }
    input
}

/// Compares each pair on each row; how many expressions DuckDB refused, or nothing without it.
fn compare(pairs: &[Pair], rows: &[Vec<Value<'_>>]) -> Option<usize> {
    let mut input = table(rows);
    for pair in pairs {
        writeln!(input, "E{}", pair.theirs).expect("a string takes text");
    }
    let answers = ask(input)?;
    let (schema, mut refused) = (schema(), 0);
    for (pair, answer) in pairs.iter().zip(answers) {
        let compiled = Expression::compile(&pair.ours, &schema);
        let compiled = compiled.unwrap_or_else(|error| panic!("{}\n{error}", pair.ours));
        if let Some(error) = answer.strip_prefix('!') {
            // Numbers that do not fit its types, and nothing else.
            let known = [
                "Out of Range",
                "Conversion Error",
                "Could not cast",
                "too large",
                "width",
                "Overflow",
            ];
            assert!(known.iter().any(|part| error.contains(part)), "{}\n{error}", pair.theirs);
            refused += 1;
            continue;
        }
        let answers = answer.split('\u{1f}').collect::<Vec<_>>();
        assert_eq!(answers.len(), rows.len(), "{}", pair.theirs);
        for (row, theirs) in rows.iter().zip(answers) {
            let ours = compiled.evaluate(&row[..]);
            assert!(
                agrees(&ours, theirs),
                "`{}` on {row:?}\nis {ours:?} here, `{theirs}` there\n`{}`",
                pair.ours,
                pair.theirs
            );
            let never = compiled.never_true();
            assert!(never.is_none() || ours != Value::Bool(true), "{never:?}: {}", pair.ours);
        }
    }
    Some(refused)
}

#[test]
fn random_expressions_mean_what_they_mean_in_duckdb() {
    let mut random = Random(20);
    let rows = rows(&mut random, 24);
    let pairs = (0..2_000)
        .map(|n| {
            let kind = if n % 2 == 0 { Type::Bool } else { any_type(&mut random) };
            expression(&mut random, kind, 1 + u32::try_from(n % 4).unwrap())
        })
        .collect::<Vec<_>>();
    let Some(refused) = compare(&pairs, &rows) else {
        println!("skipped: python3 with the package duckdb is needed");
        return;
    };
    assert!(refused < pairs.len() / 10, "{refused} of {} refused", pairs.len());
}

#[test]
fn the_same_text_is_read_alike() {
    let texts = [
        "1 + 2 * 3 - 4 % 3",
        "- i * j",
        "-i % 3",
        "- - 3",
        "2 - 3 - 4",
        "24 / 4 / 3",
        "2 * 3 % 4",
        "7 % 4 * 2",
        "NOT i = j AND a OR b",
        "a OR b AND NOT a",
        "NOT a AND b",
        "NOT NOT a",
        "NOT i IS NULL",
        "NOT s LIKE 'a%'",
        "NOT i BETWEEN 1 AND 2",
        "NOT i IN (1, 2)",
        "i BETWEEN 1 AND 3 AND a",
        "i BETWEEN j - 1 AND j + 1 OR a",
        "i + 1 < j * 2",
        "s || t = 'ab'",
        "s || 'a' LIKE t || '%'",
        "i + 1 IS NULL",
        "-i IS NOT NULL",
        "s || t IS NULL",
        "i + 1 IN (j, 2 * 3)",
        "i IS DISTINCT FROM j + 1",
        "CASE WHEN a THEN i ELSE j END + 1 > 2 AND b",
        "i::DOUBLE / 2",
        "-i::DOUBLE",
        "d::BIGINT + 1",
        "(i = j) = a",
        "(i IS NULL) = (j IS NULL)",
        "i == j",
        "d = 12.35 OR d >= 0.1 AND d < 5",
        "e = d",
        "d * 1.5 >= 3",
        "i / 2 = 3.5",
        "r = 0.1",
        "r > 0.25",
        "0.1 + 0.2 = 0.3",
        "0.1e0 + 0.2e0 = 0.3e0",
        ".5 = 0.50",
        "1_000 = 1000",
        "trim(BOTH 'a' FROM s)",
        "substring(s FROM 2 FOR 1)",
        "s NOT ILIKE '\u{e4}%'",
        "s < t",
        "a < b",
        "s IN ('a', 'ab') IS TRUE = FALSE OR a",
    ];
    let skipped = texts.len() - 1; // The last one is refused here: a comparison directly within another.
    let pairs = texts[..skipped].iter().map(|text| Pair::atom(*text)).collect::<Vec<_>>();
    let mut random = Random(21);
    let rows = rows(&mut random, 40);
    assert_ne!(compare(&pairs, &rows), Some(pairs.len()));
    assert!(Expression::compile(texts[skipped], &schema()).is_err());
}
