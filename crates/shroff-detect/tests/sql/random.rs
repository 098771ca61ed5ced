//! Random typed expressions and rows.

use std::fmt::Write as _;

use shroff_detect::sql::{Schema, Type, Value};
use shroff_types::Decimal;

/// The columns of the table, without its first, the number of the row.
pub(crate) const COLUMNS: [(&str, Type, &str); 10] = [
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
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).expect("it is below a length")]
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below((high - low + 1).unsigned_abs()))
            .expect("the range is small")
    }
}

/// An expression as we write it, with few parentheses, and as DuckDB gets it, with all of them.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) ours: String,
    pub(crate) theirs: String,
    binds: u8,
}

/// How tightly operators bind: OR, AND, NOT, predicates, `||`, sums, products, the rest.
pub(crate) const OR: u8 = 0;
pub(crate) const AND: u8 = 1;
pub(crate) const NOT: u8 = 2;
pub(crate) const PREDICATE: u8 = 3;
pub(crate) const JOIN: u8 = 4;
pub(crate) const SUM: u8 = 5;
pub(crate) const PRODUCT: u8 = 6;
pub(crate) const ATOM: u8 = 9;

impl Pair {
    pub(crate) fn atom(text: impl Into<String>) -> Pair {
        let ours = text.into();
        Pair { theirs: ours.clone(), ours, binds: ATOM }
    }

    /// Ours, in parentheses where it binds less than asked.
    pub(crate) fn within(&self, binds: u8) -> String {
        if self.binds < binds { format!("({})", self.ours) } else { self.ours.clone() }
    }

    pub(crate) fn call(name: &str, arguments: &[Pair]) -> Pair {
        let list = |part: fn(&Pair) -> &str| {
            format!("{name}({})", arguments.iter().map(part).collect::<Vec<_>>().join(", "))
        };
        Pair { ours: list(|p| &p.ours), theirs: list(|p| &p.theirs), binds: ATOM }
    }

    /// A result that is NULL here where it is not finite there.
    pub(crate) fn finite(self) -> Pair {
        Pair { theirs: format!("fin({})", self.theirs), ..self }
    }

    /// Both of them, joined by `AND`.
    pub(crate) fn joined(left: &Pair, right: &Pair) -> Pair {
        Pair::infix(left, "AND", right, AND)
    }

    pub(crate) fn infix(left: &Pair, operator: &str, right: &Pair, binds: u8) -> Pair {
        Pair {
            ours: format!("{} {operator} {}", left.within(binds), right.within(binds + 1)),
            theirs: format!("({} {operator} {})", left.theirs, right.theirs),
            binds,
        }
    }
}

pub(crate) fn expression(random: &mut Random, kind: Type, depth: u32) -> Pair {
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
pub(crate) fn like_typed(random: &mut Random, kind: Type, depth: u32) -> Pair {
    let kind = match kind {
        Type::Bool | Type::Text => kind,
        Type::Int | Type::Decimal | Type::Real => number_type(random),
    };
    expression(random, kind, depth)
}

pub(crate) fn number_type(random: &mut Random) -> Type {
    [Type::Int, Type::Decimal, Type::Real][usize::try_from(random.below(3)).expect("below 3")]
}

pub(crate) fn any_type(random: &mut Random) -> Type {
    match random.below(5) {
        0 => Type::Bool,
        1 => Type::Text,
        _ => number_type(random),
    }
}

pub(crate) fn leaf(random: &mut Random, kind: Type) -> Pair {
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

pub(crate) fn case(random: &mut Random, kind: Type, depth: u32) -> Pair {
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

pub(crate) fn truth(random: &mut Random, depth: u32) -> Pair {
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

pub(crate) fn three(random: &mut Random, kind: Type, depth: u32) -> [Pair; 3] {
    [
        expression(random, kind, depth),
        like_typed(random, kind, depth),
        like_typed(random, kind, depth),
    ]
}

pub(crate) fn postfix(part: &Pair, operator: &str) -> Pair {
    Pair {
        ours: format!("{} {operator}", part.within(JOIN)),
        theirs: format!("({} {operator})", part.theirs),
        binds: PREDICATE,
    }
}

pub(crate) fn like(random: &mut Random, depth: u32, not: &str) -> Pair {
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
pub(crate) fn arithmetic(random: &mut Random, kind: Type, depth: u32) -> Pair {
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

pub(crate) fn whole(random: &mut Random, depth: u32) -> Pair {
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

pub(crate) fn exact(random: &mut Random, depth: u32) -> Pair {
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

pub(crate) fn real(random: &mut Random, depth: u32) -> Pair {
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

pub(crate) fn text(random: &mut Random, depth: u32) -> Pair {
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

pub(crate) fn value(random: &mut Random, kind: Type) -> Value<'static> {
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

/// Named values that are real, so that a row may keep them; and what they stand for there.
pub(crate) const NAMED: [(&str, &str, &str); 2] = [
    ("rq", "r * q - 1e0", "fin(fin(r * q) - 1e0)"),
    ("odd", "surprise(i, q) / (r + 25e-2)", "fin(fin(surprise(i, q)) / fin(r + 25e-2))"),
];

pub(crate) fn schema() -> Schema {
    schema_of(COLUMNS.map(|(name, kind, _)| (name.to_owned(), kind)).to_vec())
}

/// Of these columns, with the named values.
pub(crate) fn schema_of(columns: Vec<(String, Type)>) -> Schema {
    let mut schema = Schema::new(columns);
    for (name, ours, _) in NAMED {
        schema.value(name, ours);
    }
    schema
}

pub(crate) fn rows(random: &mut Random, count: usize) -> Vec<Vec<Value<'static>>> {
    (0..count).map(|_| COLUMNS.iter().map(|(_, kind, _)| value(random, *kind)).collect()).collect()
}
