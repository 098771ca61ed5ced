//! What rules cost: the built-in library until there are 100 rules, asked of payments. Those that come
//! again have other parameters, a tenth more each time, as somebody tries who compares. And 100 rules of
//! which no two ask the same.
#![expect(clippy::disallowed_methods, reason = "it measures, and reads the library's files")]
#![expect(clippy::print_stdout, reason = "this is where it speaks")]

use std::path::Path;
use std::time::Instant;

use shroff_detect::{
    Asked, BoundRule, ColumnKind, Definitions, Extractor, Input, Memo, Rules, Typology, union,
};
use shroff_types::{AccountId, Currency, Names, Span, Timestamp};

fn main() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../typologies"));
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the repository has typologies")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let library: Vec<Typology> = paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a typology is read");
            Typology::parse(&path.display().to_string(), &text).expect("it is right")
        })
        .collect();
    let definitions = union(&library, Span::ZERO).expect("it is right");
    let variants: Vec<Typology> =
        [1.0, 1.1, 1.2, 1.3].into_iter().flat_map(|factor| with(&library, factor)).collect();
    let bound = Rules::bind_each(&variants, &definitions);
    let rules: Vec<BoundRule> =
        bound.into_iter().flat_map(|rules| rules.map_or(Vec::new(), |rules| rules.bound)).collect();
    let bounded = strangers(&definitions, &format!("{{a}} >= 40 AND {LONG}"), LONG_SCORE);
    let unbounded = strangers(&definitions, LONG, LONG_SCORE);
    let short = strangers(&definitions, "{a} >= {n} AND amount > {r}00.25", "0.{n}");

    // Many accounts, of which few rules say anything, and few, of which many do.
    for (name, rules) in [
        ("of the library", &rules[..100]),
        ("with nothing in common", &bounded),
        ("with nothing in common and no bound to begin with", &unbounded),
        ("of two bounds and a number each", &short),
    ] {
        for accounts in [9_973, 97] {
            measure(&definitions, (name, rules), accounts);
        }
    }
}

const LONG: &str =
    "{a} * {n}.5 >= {b} + {n} AND ({c} > {n} OR {d} IS NOT NULL) AND amount > {r}.25 + 0.{n} * {a}";
const LONG_SCORE: &str = "least(1, 0.{n} + {a} / (1.0 + {a} + {b}))";

/// 100 rules, each with columns and numbers of its own in place of the letters.
fn strangers(definitions: &Definitions, when: &str, score: &str) -> Vec<BoundRule> {
    let columns = definitions.columns();
    let numbers: Vec<&str> = columns
        .iter()
        .filter(|column| column.kind != ColumnKind::Bool)
        .map(|column| &*column.name)
        .collect();
    let typologies: Vec<Typology> = (0..100)
        .map(|rule| {
            let own = [("a", 7), ("b", 11), ("c", 13), ("d", 17)]
                .map(|(letter, step)| (letter, numbers[rule * step % numbers.len()].to_owned()));
            let own = own.into_iter().chain([("n", (rule % 9 + 1).to_string()), ("r", rule.to_string())]);
            let [when, score] = own.fold([when, score].map(str::to_owned), |texts, (letter, own)| {
                texts.map(|text| text.replace(&format!("{{{letter}}}"), &own))
            });
            let text = format!(
                "id = \"r{rule}\"\ntitle = \"R\"\nwhat = \"a\"\nwhy = \"b\"\ninnocent = \"c\"\nsources = []\n\
                 [[case]]\nwhen = \"{when}\"\nscore = \"{score}\"\n\
                 reason = \"r\"\nevidence = [\"debtor_out_count_45d\"]\n"
            );
            Typology::parse("r.toml", &text).expect("it is right")
        })
        .collect();
    Rules::bind(&typologies, definitions).expect("they are right").bound
}

/// The library with every parameter times a factor, as far as its range goes.
fn with(library: &[Typology], factor: f64) -> impl Iterator<Item = Typology> + use<'_> {
    library.iter().cloned().map(move |mut typology| {
        let values: Vec<(String, f64)> = typology
            .parameters
            .iter()
            .map(|(name, parameter)| {
                let value = parameter.value * factor;
                let is_whole = parameter.value.fract() == 0.0;
                (name.clone(), if is_whole { value.ceil() } else { value })
            })
            .collect();
        for (name, value) in values {
            let (low, high) = typology.parameters[&name].range;
            typology.set(&name, value.clamp(low, high)).expect("it is in its range");
        }
        typology
    })
}

fn measure(definitions: &Definitions, (name, rules): (&str, &[BoundRule]), accounts: u32) {
    let mut extractor = Extractor::new(definitions, 2);
    let mut rows = Vec::new();
    let payments: Vec<Input> = (0..20_000_u32)
        .map(|number| Input {
            time: Timestamp(i64::from(number) * 60_000_000),
            debtor: AccountId(number.wrapping_mul(2_654_435_761) % accounts),
            creditor: AccountId(number.wrapping_mul(40_503) % (accounts - 6)),
            minor: 1 + i128::from(number.wrapping_mul(7_919) % 2_000_000),
            currency: Currency::EUR,
            method: None,
        })
        .collect();
    extractor.push(&payments, &Names::default(), &mut |finished| {
        rows.push((finished.cells.to_vec(), finished.input));
    });
    for batch in [1, 1_024] {
        let begun = Instant::now();
        let (mut fired, mut times) = (0_u64, 0_u32);
        let mut memo = Memo::default();
        while begun.elapsed().as_secs_f64() < 2.0 {
            for rows in rows.chunks(batch) {
                for (cells, input) in rows {
                    let asked = Asked {
                        cells,
                        amount: Asked::major(input.minor, 2),
                        currency: input.currency,
                        method: None,
                        clock_micros: input.time.0,
                        history_days: 20.0,
                    };
                    let asking = memo.turn_to(asked);
                    let firing = rules.iter().filter(|rule| rule.fires(&asking).is_some());
                    fired += firing.count() as u64;
                }
            }
            times += 1;
        }
        let asked = f64::from(times) * 20_000.0;
        let micros = begun.elapsed().as_secs_f64() * 1e6 / asked;
        let fired = fired / u64::from(times);
        println!(
            "{accounts} accounts, batch {batch}: {micros:.2} us a payment for 100 rules {name}, \
             which fired {fired} times at 20,000 payments"
        );
    }
}
