//! Random programs that share what they compute say what their expressions say, each for itself.

use shroff_detect::sql::{Expression, Program, Schema, Scratch, Type, Value, put_in_steps};

use super::random::{Pair, Random, expression, number_type, rows, schema, schema_of};

/// A condition and a number, and the schema that they are of.
struct Asked {
    schema: usize,
    condition: Expression,
    value: Expression,
    text: String,
}

impl Asked {
    fn new(schemas: &[Schema], at: usize, [condition, value]: [&Pair; 2]) -> Asked {
        let compiled = |text: &str| {
            Expression::compile(text, &schemas[at])
                .unwrap_or_else(|error| panic!("{text}\n{error}"))
        };
        let text = format!("{} | {}", condition.ours, value.ours);
        let (condition, value) = (compiled(&condition.ours), compiled(&value.ours));
        Asked { schema: at, condition, value, text }
    }

    /// By the trees, as bits.
    fn by_trees(&self, row: &[Value<'_>]) -> Option<u64> {
        let is_true = self.condition.is_true(row);
        is_true.then(|| self.value.real(row).unwrap_or(0.0).to_bits())
    }
}

/// Programs that share what they compute.
fn programs(asked: &[Asked]) -> Vec<Program> {
    let new = |asked: &Asked| Program::new(asked.condition.clone(), asked.value.clone());
    let mut programs: Vec<Program> = asked.iter().map(new).collect();
    put_in_steps(asked.iter().map(|asked| asked.schema).zip(&mut programs));
    programs
}

/// Rows, some of them with whole numbers that no other number of 64 bits can be added to or that have
/// more, and with reals that are zero from below or not finite.
fn extreme_rows(random: &mut Random) -> Vec<Vec<Value<'static>>> {
    let mut rows = rows(random, 12);
    for row in rows.iter_mut().step_by(3) {
        row[0] = Value::Int(
            [i128::from(i64::MAX), i128::from(i64::MIN), 1 << 70, i128::MAX, -(1 << 53) - 1]
                [usize::try_from(random.below(5)).expect("it is small")],
        );
        row[4] = Value::Real(
            [-0.0, f64::MAX, 5e-324, f64::INFINITY]
                [usize::try_from(random.below(4)).expect("it is small")],
        );
    }
    rows
}

#[test]
fn random_programs_say_what_their_expressions_say() {
    let mut random = Random(7);
    // The second has the columns of the first in another order of the same types.
    let mut columns = schema().columns().to_vec();
    for pair in [(0, 1), (4, 5), (8, 9)] {
        let name = columns[pair.0].0.clone();
        columns[pair.0].0 = std::mem::replace(&mut columns[pair.1].0, name);
    }
    let schemas = [schema(), schema_of(columns)];

    let (mut true_of, mut asked_of) = (0_usize, 0_usize);
    for round in 0..3_000 {
        let depth = 1 + round % 5;
        let conditions: Vec<Pair> =
            (0..4).map(|_| expression(&mut random, Type::Bool, depth)).collect();
        let values: Vec<Pair> = (0..4)
            .map(|_| {
                let kind = number_type(&mut random);
                expression(&mut random, kind, depth)
            })
            .collect();
        let asked: Vec<Asked> = (0..12)
            .map(|_| {
                let mut pick = |from: &[Pair]| {
                    from[usize::try_from(random.below(4)).expect("it is small")].clone()
                };
                // What is joined is taken apart, and may be in another condition by itself.
                let both = Pair::joined(&pick(&conditions), &pick(&conditions));
                let condition = [both, pick(&conditions)][usize::from(round % 3 == 0)].clone();
                let value = pick(&values);
                let at = usize::from(random.below(4) == 0);
                Asked::new(&schemas, at, [&condition, &value])
            })
            .collect();
        let programs = programs(&asked);
        let scratch = Scratch::default();
        for row in extreme_rows(&mut random) {
            scratch.forget();
            for (asked, program) in asked.iter().zip(&programs) {
                let by_steps = program.ask(&row[..], &scratch).map(f64::to_bits);
                assert_eq!(by_steps, asked.by_trees(&row), "`{}` of {row:?}", asked.text);
                true_of += usize::from(by_steps.is_some());
                asked_of += 1;
            }
        }
    }
    assert!(true_of > asked_of / 20, "{true_of} of {asked_of} are true");
}
