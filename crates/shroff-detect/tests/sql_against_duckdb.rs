//! Random typed expressions on random rows, evaluated here and by DuckDB: no difference.
//!
//! Needs `python3` with the package `duckdb`; without them it says so and passes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use shroff_detect::sql::{Expression, Row, Schema, Shared, Type, Value};
use shroff_types::Decimal;

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

/// The columns of the table, without its first, the number of the row.
const COLUMNS: [(&str, Type, &str); 10] = [
    ("i", Type::Int, "BIGINT"),
    ("j", Type::Int, "BIGINT"),
    ("d", Type::Decimal, "DECIMAL(9, 2)"),
    ("e", Type::Decimal, "DECIMAL(9, 4)"),
    ("r", Type::Real, "DOUBLE"),
    ("q", Type::Real, "DOUBLE"),
    ("s", Type::Text, "VARCHAR"),
    ("t", Type::Text, "VARCHAR"),
    ("a", Type::Bool, "BOOLEAN"),
    ("b", Type::Bool, "BOOLEAN"),
];

/// `SplitMix64`: a case is its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).expect("it is below a length")]
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below((high - low + 1).unsigned_abs()))
            .expect("the range is small")
    }
}

/// An expression as we write it, with few parentheses, and as DuckDB gets it, with all of them.
#[derive(Clone)]
struct Pair {
    ours: String,
    theirs: String,
    binds: u8,
}

/// How tightly operators bind: OR, AND, NOT, predicates, `||`, sums, products, the rest.
const OR: u8 = 0;
const AND: u8 = 1;
const NOT: u8 = 2;
const PREDICATE: u8 = 3;
const JOIN: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const ATOM: u8 = 9;

impl Pair {
    fn atom(text: impl Into<String>) -> Pair {
        let ours = text.into();
        Pair { theirs: ours.clone(), ours, binds: ATOM }
    }

    /// Ours, in parentheses where it binds less than asked.
    fn within(&self, binds: u8) -> String {
        if self.binds < binds { format!("({})", self.ours) } else { self.ours.clone() }
    }

    fn call(name: &str, arguments: &[Pair]) -> Pair {
        let list = |part: fn(&Pair) -> &str| {
            format!("{name}({})", arguments.iter().map(part).collect::<Vec<_>>().join(", "))
        };
        Pair { ours: list(|p| &p.ours), theirs: list(|p| &p.theirs), binds: ATOM }
    }

    /// A result that is NULL here where it is not finite there.
    fn finite(self) -> Pair {
        Pair { theirs: format!("fin({})", self.theirs), ..self }
    }

    fn infix(left: &Pair, operator: &str, right: &Pair, binds: u8) -> Pair {
        Pair {
            ours: format!("{} {operator} {}", left.within(binds), right.within(binds + 1)),
            theirs: format!("({} {operator} {})", left.theirs, right.theirs),
            binds,
        }
    }
}

fn expression(random: &mut Random, kind: Type, depth: u32) -> Pair {
    if depth == 0 || random.below(8) == 0 {
        return leaf(random, kind);
    }
    match random.below(9) {
        0 => case(random, kind, depth),
        1 => {
            let name = random.pick(&["coalesce", "least", "greatest"]);
            let count = 1 + random.below(3);
            let parts = (0..count).map(|_| expression(random, kind, depth - 1)).collect::<Vec<_>>();
            Pair::call(name, &parts)
        }
        2 => {
            let parts = [expression(random, kind, depth - 1), like_typed(random, kind, depth - 1)];
            Pair::call("nullif", &parts)
        }
        _ => match kind {
            Type::Bool => truth(random, depth - 1),
            Type::Int => whole(random, depth - 1),
            Type::Decimal => exact(random, depth - 1),
            Type::Real => real(random, depth - 1),
            Type::Text => text(random, depth - 1),
        },
    }
}

/// An expression of a type that compares with `kind`.
fn like_typed(random: &mut Random, kind: Type, depth: u32) -> Pair {
    let kind = match kind {
        Type::Bool | Type::Text => kind,
        Type::Int | Type::Decimal | Type::Real => number_type(random),
    };
    expression(random, kind, depth)
}

fn number_type(random: &mut Random) -> Type {
    [Type::Int, Type::Decimal, Type::Real][usize::try_from(random.below(3)).expect("below 3")]
}

fn any_type(random: &mut Random) -> Type {
    match random.below(5) {
        0 => Type::Bool,
        1 => Type::Text,
        _ => number_type(random),
    }
}

fn leaf(random: &mut Random, kind: Type) -> Pair {
    if random.below(10) < 6 {
        let names = COLUMNS.iter().filter(|(_, k, _)| *k == kind);
        let names = names.map(|(name, ..)| *name).collect::<Vec<_>>();
        if kind == Type::Real && random.below(3) == 0 {
            let at = usize::from(random.below(2) == 1);
            let (name, _, theirs) = NAMED[at];
            return Pair { ours: name.to_owned(), theirs: theirs.to_owned(), binds: ATOM };
        }
        return Pair::atom(random.pick(&names));
    }
    match kind {
        Type::Bool => Pair::atom(random.pick(&["TRUE", "FALSE", "true"])),
        Type::Int => Pair::atom(random.between(0, 9).to_string()),
        Type::Decimal => Pair::atom(format!(
            "{}.{}",
            random.below(4),
            random.pick(&["0", "5", "25", "10", "999"])
        )),
        Type::Real => Pair::atom(random.pick(&["0e0", "1e0", "25e-2", "1e-1", "2.5e0"])),
        Type::Text => {
            Pair::atom(format!("'{}'", random.pick(&["", "a", "ab", "A", "b%", "a_", "\u{e4}b"])))
        }
    }
}

fn case(random: &mut Random, kind: Type, depth: u32) -> Pair {
    let depth = depth - 1;
    let mut made = Pair { ours: "CASE".to_owned(), theirs: "CASE".to_owned(), binds: ATOM };
    let mut add = |before: &str, part: Option<&Pair>| {
        for (text, part) in
            [(&mut made.ours, part.map(|p| &p.ours)), (&mut made.theirs, part.map(|p| &p.theirs))]
        {
            write!(text, " {before} {}", part.map_or("", String::as_str))
                .expect("a string takes text");
        }
    };
    let operand = (random.below(3) == 0).then(|| any_type(random));
    if let Some(operand) = operand {
        let part = expression(random, operand, depth);
        add("", Some(&Pair { ours: part.within(JOIN), ..part }));
    }
    for _ in 0..=random.below(2) {
        let when = match operand {
            Some(operand) => like_typed(random, operand, depth),
            None => expression(random, Type::Bool, depth),
        };
        let ours = if operand.is_some() { when.within(JOIN) } else { when.ours.clone() };
        add("WHEN", Some(&Pair { ours, ..when }));
        add("THEN", Some(&expression(random, kind, depth)));
    }
    if random.below(2) == 0 {
        add("ELSE", Some(&expression(random, kind, depth)));
    }
    add("END", None);
    made
}

fn truth(random: &mut Random, depth: u32) -> Pair {
    let kind = any_type(random);
    let not = random.pick(&["", "NOT "]);
    match random.below(12) {
        0 | 1 => {
            let parts =
                [expression(random, Type::Bool, depth), expression(random, Type::Bool, depth)];
            Pair::infix(&parts[0], "AND", &parts[1], AND)
        }
        2 | 3 => {
            let parts =
                [expression(random, Type::Bool, depth), expression(random, Type::Bool, depth)];
            Pair::infix(&parts[0], "OR", &parts[1], OR)
        }
        4 => {
            let part = expression(random, Type::Bool, depth);
            Pair {
                ours: format!("NOT {}", part.within(NOT)),
                theirs: format!("(NOT {})", part.theirs),
                binds: NOT,
            }
        }
        5 => {
            let part = expression(random, kind, depth);
            postfix(&part, &format!("IS {not}NULL"))
        }
        6 => {
            let part = expression(random, Type::Bool, depth);
            postfix(&part, &format!("IS {not}{}", random.pick(&["TRUE", "FALSE"])))
        }
        7 => {
            let parts = three(random, kind, depth);
            let side = |p: &[String]| format!("{} {not}BETWEEN {} AND {}", p[0], p[1], p[2]);
            Pair {
                ours: side(&parts.clone().map(|p| p.within(JOIN))),
                theirs: format!("({})", side(&parts.map(|p| p.theirs))),
                binds: PREDICATE,
            }
        }
        8 => {
            let parts = three(random, kind, depth);
            let side =
                |p: &[String], null: &str| format!("{} {not}IN ({}, {}{null})", p[0], p[1], p[2]);
            let null = random.pick(&["", "", ", NULL"]);
            Pair {
                ours: side(&parts.clone().map(|p| p.within(JOIN)), null),
                theirs: format!("({})", side(&parts.map(|p| p.theirs), null)),
                binds: PREDICATE,
            }
        }
        9 => like(random, depth, not),
        10 => {
            let name = random.pick(&["starts_with", "ends_with", "contains"]);
            let parts =
                [expression(random, Type::Text, depth), expression(random, Type::Text, depth)];
            Pair::call(name, &parts)
        }
        _ => {
            let operators =
                ["=", "<>", "!=", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"];
            let operator = random.pick(&operators);
            let (left, right) = (expression(random, kind, depth), like_typed(random, kind, depth));
            Pair {
                ours: format!("{} {operator} {}", left.within(JOIN), right.within(JOIN)),
                theirs: format!("({} {operator} {})", left.theirs, right.theirs),
                binds: PREDICATE,
            }
        }
    }
}

fn three(random: &mut Random, kind: Type, depth: u32) -> [Pair; 3] {
    [
        expression(random, kind, depth),
        like_typed(random, kind, depth),
        like_typed(random, kind, depth),
    ]
}

fn postfix(part: &Pair, operator: &str) -> Pair {
    Pair {
        ours: format!("{} {operator}", part.within(JOIN)),
        theirs: format!("({} {operator})", part.theirs),
        binds: PREDICATE,
    }
}

fn like(random: &mut Random, depth: u32, not: &str) -> Pair {
    let part = expression(random, Type::Text, depth);
    let pattern = random.pick(&[
        "'%'",
        "'a%'",
        "'%b'",
        "'_'",
        "'%a_%'",
        "'A!_%' ESCAPE '!'",
        "'%!%' ESCAPE '!'",
        "''",
        "t",
    ]);
    let word = random.pick(&["LIKE", "ILIKE"]);
    postfix(&part, &format!("{not}{word} {pattern}"))
}

/// Sums, products and remainders of any type of number.
fn arithmetic(random: &mut Random, kind: Type, depth: u32) -> Pair {
    let parts = [expression(random, kind, depth), expression(random, kind, depth)];
    match random.below(5) {
        0 => Pair::infix(&parts[0], "+", &parts[1], SUM),
        1 => Pair::infix(&parts[0], "-", &parts[1], SUM),
        2 => Pair::infix(&parts[0], "*", &parts[1], PRODUCT),
        3 => {
            let made = Pair::infix(&parts[0], "%", &parts[1], PRODUCT);
            Pair {
                theirs: format!("({} % nullif({}, 0))", parts[0].theirs, parts[1].theirs),
                ..made
            }
        }
        _ => {
            let [part, _] = parts;
            Pair {
                ours: format!("-{}", part.within(ATOM)),
                theirs: format!("(- {})", part.theirs),
                binds: PRODUCT,
            }
        }
    }
}

fn whole(random: &mut Random, depth: u32) -> Pair {
    match random.below(10) {
        9 => {
            // Whole numbers of the table spread over some centuries.
            let name = random.pick(&["year", "month", "day", "isodow", "hour", "minute"]);
            let part = expression(random, Type::Int, depth);
            Pair {
                ours: format!("{name}(({}) % 1000000 * 3700000011)", part.ours),
                theirs: format!(
                    "{name}(make_timestamp(CAST((({}) % 1000000) * 3700000011 AS BIGINT)))",
                    part.theirs
                ),
                binds: ATOM,
            }
        }
        0 => Pair::call("length", &[expression(random, Type::Text, depth)]),
        1 => Pair::call("abs", &[expression(random, Type::Int, depth)]),
        2 => {
            let kind = number_type(random);
            Pair::call("sign", &[expression(random, kind, depth)])
        }
        3 => {
            let part = expression(random, Type::Int, depth);
            Pair::call("round", &[part, Pair::atom(random.pick(&["0", "-1", "-2", "3"]))])
        }
        4 => {
            let kind = if random.below(4) == 0 { Type::Bool } else { number_type(random) };
            let part = expression(random, kind, depth);
            Pair {
                ours: format!("CAST({} AS BIGINT)", part.ours),
                theirs: format!("CAST({} AS BIGINT)", part.theirs),
                binds: ATOM,
            }
        }
        _ => arithmetic(random, Type::Int, depth),
    }
}

fn exact(random: &mut Random, depth: u32) -> Pair {
    let kind = if random.below(3) == 0 { Type::Int } else { Type::Decimal };
    match random.below(8) {
        0 => Pair::call("abs", &[expression(random, Type::Decimal, depth)]),
        1 => {
            let name = random.pick(&["floor", "ceil", "round"]);
            Pair::call(name, &[expression(random, Type::Decimal, depth)])
        }
        2 => {
            let part = expression(random, Type::Decimal, depth);
            Pair::call("round", &[part, Pair::atom(random.pick(&["0", "1", "-1", "3"]))])
        }
        3 => {
            let part = expression(random, kind, depth);
            Pair {
                ours: format!("CAST({} AS DECIMAL(12, 1))", part.ours),
                theirs: format!("CAST({} AS DECIMAL(12, 1))", part.theirs),
                binds: ATOM,
            }
        }
        4 => {
            let parts = [expression(random, kind, depth), expression(random, Type::Decimal, depth)];
            Pair::infix(&parts[0], random.pick(&["+", "-"]), &parts[1], SUM)
        }
        _ => arithmetic(random, Type::Decimal, depth),
    }
}

fn real(random: &mut Random, depth: u32) -> Pair {
    match random.below(11) {
        10 => {
            let kinds = [number_type(random), number_type(random)];
            let [part, whole] = kinds.map(|kind| expression(random, kind, depth));
            let share = match random.below(2) {
                0 => Pair::atom(random.pick(&["0", "1", "0.25", "7e-1"])),
                _ => expression(random, Type::Real, depth),
            };
            Pair::call("uneven", &[part, whole, share]).finite()
        }
        9 => {
            let kinds = [number_type(random), number_type(random), number_type(random)];
            let parts = kinds.map(|kind| expression(random, kind, depth));
            let parts = if random.below(2) == 0 { &parts[..2] } else { &parts };
            Pair::call("surprise", parts).finite()
        }
        0 | 1 => {
            let kinds = [number_type(random), number_type(random)];
            let parts = kinds.map(|kind| expression(random, kind, depth));
            Pair::infix(&parts[0], "/", &parts[1], PRODUCT).finite()
        }
        2 => {
            let kind = number_type(random);
            let name = random.pick(&["sqrt", "ln", "log10", "log2", "exp"]);
            Pair::call(name, &[expression(random, kind, depth)]).finite()
        }
        3 => {
            let parts =
                [expression(random, Type::Real, depth), expression(random, Type::Int, depth)];
            Pair::call(random.pick(&["power", "pow"]), &parts).finite()
        }
        4 => {
            let name = random.pick(&["floor", "ceil", "abs", "round"]);
            Pair::call(name, &[expression(random, Type::Real, depth)]).finite()
        }
        5 => {
            let part = expression(random, Type::Real, depth);
            Pair::call("round", &[part, Pair::atom(random.pick(&["0", "2", "-1"]))]).finite()
        }
        6 => {
            let kind = number_type(random);
            let parts = [expression(random, Type::Real, depth), expression(random, kind, depth)];
            Pair::infix(&parts[0], random.pick(&["+", "-"]), &parts[1], SUM).finite()
        }
        _ => arithmetic(random, Type::Real, depth).finite(),
    }
}

fn text(random: &mut Random, depth: u32) -> Pair {
    let part = expression(random, Type::Text, depth);
    match random.below(5) {
        0 => Pair::call(random.pick(&["lower", "upper"]), &[part]),
        1 => Pair::call(random.pick(&["trim", "ltrim", "rtrim"]), &[part]),
        2 => {
            let characters = expression(random, Type::Text, depth);
            Pair::call(random.pick(&["trim", "ltrim", "rtrim"]), &[part, characters])
        }
        3 => {
            let at = |random: &mut Random| Pair::atom(random.between(-4, 4).to_string());
            let mut parts = vec![part, at(random)];
            parts.extend((random.below(2) == 0).then(|| at(random)));
            Pair::call("substr", &parts)
        }
        _ => {
            let other = expression(random, Type::Text, depth);
            Pair::infix(&part, "||", &other, JOIN)
        }
    }
}

fn value(random: &mut Random, kind: Type) -> Value<'static> {
    if random.below(6) == 0 {
        return Value::Null;
    }
    match kind {
        Type::Bool => Value::Bool(random.below(2) == 0),
        Type::Int if random.below(10) == 0 => Value::Int(random.between(-100_000, 100_000).into()),
        Type::Int => Value::Int(random.between(-3, 9).into()),
        Type::Decimal => {
            let digits = random.between(-1_000, 1_000) * random.pick(&[&1_i64, &10, &25]);
            Value::Decimal(Decimal { digits: digits.into(), decimals: 2 })
        }
        Type::Real => {
            let steps = i32::try_from(random.between(-40, 40)).expect("below 40");
            Value::Real(f64::from(steps) * random.pick(&[&0.25, &0.1, &1.0]))
        }
        Type::Text => {
            Value::from(random.pick(&[
                "", "a", "A", "ab", "aB", " b ", "b%", "a_b", "\u{e4}b", "\u{c4}", "abcab",
            ]))
        }
    }
}

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

/// Named values that are real, so that a row may keep them; and what they stand for there.
const NAMED: [(&str, &str, &str); 2] = [
    ("rq", "r * q - 1e0", "fin(fin(r * q) - 1e0)"),
    ("odd", "surprise(i, q) / (r + 25e-2)", "fin(fin(surprise(i, q)) / fin(r + 25e-2))"),
];

fn schema() -> Schema {
    let mut schema = Schema::new(COLUMNS.map(|(name, kind, _)| (name.to_owned(), kind)).to_vec());
    for (name, ours, _) in NAMED {
        schema.value(name, ours);
    }
    schema
}

/// A row that keeps what it is given, as that of a rule does.
struct Keeping<'a> {
    row: &'a [Value<'a>],
    kept: RefCell<BTreeMap<usize, Option<f64>>>,
}

impl Row for Keeping<'_> {
    fn get(&self, column: usize) -> Value<'_> {
        self.row[column].clone()
    }

    fn kept(&self, slot: usize) -> Option<Option<f64>> {
        self.kept.borrow().get(&slot).copied()
    }

    fn keep(&self, slot: usize, value: Option<f64>) {
        self.kept.borrow_mut().insert(slot, value);
    }
}

/// The values of expressions that share parts, on one row that keeps them.
fn kept(shared: &[Expression], row: &[Value<'_>]) -> Vec<String> {
    let row = Keeping { row, kept: RefCell::default() };
    shared.iter().map(|expression| format!("{:?}", expression.evaluate(&row))).collect()
}

/// Compares each pair on each row; how many expressions DuckDB refused, or nothing without it.
fn compare(pairs: &[Pair], rows: &[Vec<Value<'_>>]) -> Option<usize> {
    let mut input = table(rows);
    for pair in pairs {
        writeln!(input, "E{}", pair.theirs).expect("a string takes text");
    }
    let answers = ask(input)?;
    let (schema, mut refused) = (schema(), 0);
    let (mut shared, mut slots): (Vec<Expression>, Shared) = Default::default();
    for (pair, answer) in pairs.iter().zip(answers) {
        let compiled = Expression::compile(&pair.ours, &schema);
        let compiled = compiled.unwrap_or_else(|error| panic!("{}\n{error}", pair.ours));
        // Beside its neighbours, as the condition and the score of a rule are.
        if shared.len() % 4 == 0 {
            slots = Shared::default();
        }
        shared.push(Expression::compile_shared(&pair.ours, &schema, &mut slots).expect("as alone"));
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
    for (together, alone) in shared.chunks(4).zip(pairs.chunks(4)) {
        let alone: Vec<Expression> = alone
            .iter()
            .map(|pair| Expression::compile(&pair.ours, &schema).expect("as above"))
            .collect();
        for row in rows {
            let values = alone.iter().map(|e| format!("{:?}", e.evaluate(&row[..])));
            assert_eq!(kept(together, row), values.collect::<Vec<_>>(), "{row:?}");
        }
    }
    Some(refused)
}

fn rows(random: &mut Random, count: usize) -> Vec<Vec<Value<'static>>> {
    (0..count).map(|_| COLUMNS.iter().map(|(_, kind, _)| value(random, *kind)).collect()).collect()
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
