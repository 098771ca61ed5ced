//! The register, the same on SQLite and on a real PostgreSQL.
#![expect(clippy::disallowed_methods, reason = "tests open files and start processes")]

mod databases;
mod postgres;

use serde_json::json;
use shroff_store::register::{AuditEntry, AuditFault, AuditFilter, AuditRow, Chain, Register};
use shroff_types::Timestamp;

use crate::databases::on_each;

async fn note(register: &Register, n: i64) {
    let detail = json!({"b": n, "a": "\u{e9}\"\n"});
    let entry = AuditEntry {
        at: Timestamp(n * 1_000_001),
        actor: "ada",
        role: "analyst",
        action: if n % 2 == 0 { "alert.read" } else { "case.decide" },
        object: "case-1",
        detail: &detail,
    };
    let head = register.audit(entry).await.unwrap();
    assert_eq!(head.n, u64::try_from(n).unwrap());
}

#[test]
fn what_is_noted_is_a_chain_that_can_be_computed_anew() {
    on_each(|register| async move {
        for n in 1..=7 {
            note(&register, n).await;
        }
        let (head, faults) = register.verify_audit().await.unwrap();
        assert_eq!((head.n, faults), (7, Vec::new()));
        let wanted = AuditFilter {
            action: Some("alert.read".to_owned()),
            until: Some(Timestamp(6_000_000)),
            before: Some(6),
            most: 10,
            ..AuditFilter::default()
        };
        let found: Vec<u64> =
            register.audit_rows(&wanted).await.unwrap().iter().map(|row| row.n).collect();
        assert_eq!(found, [4, 2]);
    });
}

#[test]
fn a_changed_a_deleted_and_a_moved_entry_are_named() {
    on_each(|register| async move {
        for n in 1..=9 {
            note(&register, n).await;
        }
        let rows = register.audit_after(0).await.unwrap();
        let faults = |change: &dyn Fn(&mut Vec<AuditRow>)| {
            let mut rows = rows.clone();
            change(&mut rows);
            // As an export has it.
            let lines = rows.iter().map(|row| serde_json::to_string(row).unwrap());
            let mut chain = Chain::default();
            for line in lines {
                chain.check(&serde_json::from_str(&line).unwrap());
            }
            chain.must_reach(9);
            chain.finish().1
        };
        assert_eq!(faults(&|_| ()), []);
        assert_eq!(faults(&|rows| rows[3].actor = "eve".to_owned()), [AuditFault::Changed(4)]);
        assert_eq!(faults(&|rows| rows[3].detail["b"] = json!(5)), [AuditFault::Changed(4)]);
        assert_eq!(faults(&|rows| rows[8].hash = rows[7].hash.clone()), [AuditFault::Changed(9)]);
        assert_eq!(
            faults(&|rows| drop(rows.drain(2..5))),
            [AuditFault::Deleted { from: 3, to: 5 }]
        );
        assert_eq!(faults(&|rows| drop(rows.pop())), [AuditFault::Deleted { from: 9, to: 9 }]);
        assert_eq!(faults(&|rows| rows.swap(4, 6)), [AuditFault::Moved(6), AuditFault::Moved(5)]);
        assert_eq!(faults(&|rows| rows.push(rows[1].clone())), [AuditFault::Repeated(2)]);
    });
}
