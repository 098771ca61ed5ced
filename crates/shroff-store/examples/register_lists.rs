//! How long lists take with 100,000 alerts in an SQLite register.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement")]
#![expect(clippy::unwrap_used, reason = "a measurement ends where something fails")]

#[path = "../tests/register/made.rs"]
mod made;

use std::time::Instant;

use shroff_store::register::{AlertFilter, AlertSort, CaseState, Register};
use shroff_types::{Action, Timestamp};

const ALERTS: u32 = 100_000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let register = Register::sqlite(&folder.path().join("register.sqlite")).await.unwrap();
        let begun = Instant::now();
        for first in (0..ALERTS).step_by(200) {
            let alerts: Vec<_> = (first..first + 200).map(made::alert).collect();
            register.write_alerts(&alerts, &[], None, Timestamp(0)).await.unwrap();
        }
        println!(
            "{:.1} s to write {ALERTS} alerts of four payments",
            begun.elapsed().as_secs_f64()
        );
        let base = AlertFilter { most: 50, ..AlertFilter::default() };
        let lists = [
            ("newest", base.clone()),
            ("strongest", AlertFilter { sort: AlertSort::Score, ..base.clone() }),
            ("typology", AlertFilter { typologies: vec!["cycle".into()], ..base.clone() }),
            ("score", AlertFilter { least_permille: Some(900), ..base.clone() }),
            (
                "hold, open",
                AlertFilter {
                    actions: vec![Action::Hold],
                    states: vec![CaseState::Open],
                    ..base.clone()
                },
            ),
            ("since", AlertFilter { since: Some(Timestamp(5_000_000_000_000)), ..base.clone() }),
            ("account", AlertFilter { account: Some("0005-0001".into()), ..base.clone() }),
            (
                "amount",
                AlertFilter {
                    least_amount: Some(5_000_000),
                    sort: AlertSort::Amount,
                    ..base.clone()
                },
            ),
            ("id", AlertFilter { text: Some("cycle-99".into()), ..base.clone() }),
            ("payment", AlertFilter { text: Some("p399999".into()), ..base }),
        ];
        for (name, wanted) in lists {
            let mut slowest = 0.0_f64;
            let mut total = 0;
            for _ in 0..10 {
                let begun = Instant::now();
                total = register.alerts(&wanted).await.unwrap().total;
                slowest = slowest.max(begun.elapsed().as_secs_f64());
            }
            println!("{name}: {total} alerts, {:.1} ms", slowest * 1_000.0);
        }
    });
}
