//! The register, the same on SQLite and on a real PostgreSQL.
#![expect(clippy::disallowed_methods, reason = "tests open files and start processes")]

mod databases;
mod made;
mod postgres;

use serde_json::json;
use shroff_store::register::{
    AlertFilter, AlertSort, AuditEntry, AuditFault, AuditFilter, AuditRow, By, CaseError,
    CaseState, Chain, Command, Copied, Ending, HoldAnswer, HoldEnd, NewHold, Register,
    RegisterError, Watermark,
};
use shroff_types::{Action, Timestamp};

use crate::databases::on_each;
use crate::postgres::Postgres;

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
    let head = register.audit(entry).await.expect("what the test is set up with");
    assert_eq!(head.n, u64::try_from(n).expect("what the test is set up with"));
}

#[test]
fn what_is_noted_is_a_chain_that_can_be_computed_anew() {
    on_each(|register| async move {
        for n in 1..=7 {
            note(&register, n).await;
        }
        let (head, faults) = register.verify_audit().await.expect("what the test is set up with");
        assert_eq!((head.n, faults), (7, Vec::new()));
        let wanted = AuditFilter {
            action: Some("alert.read".to_owned()),
            until: Some(Timestamp(6_000_000)),
            before: Some(6),
            most: 10,
            ..AuditFilter::default()
        };
        let found: Vec<u64> = register
            .audit_rows(&wanted)
            .await
            .expect("what the test is set up with")
            .iter()
            .map(|row| row.n)
            .collect();
        assert_eq!(found, [4, 2]);
    });
}

#[test]
fn a_changed_a_deleted_and_a_moved_entry_are_named() {
    on_each(|register| async move {
        for n in 1..=9 {
            note(&register, n).await;
        }
        let rows = register.audit_after(0).await.expect("what the test is set up with");
        let faults = |change: &dyn Fn(&mut Vec<AuditRow>)| {
            let mut rows = rows.clone();
            change(&mut rows);
            // As an export has it.
            let lines = rows
                .iter()
                .map(|row| serde_json::to_string(row).expect("what the test is set up with"));
            let mut chain = Chain::default();
            for line in lines {
                chain.check(&serde_json::from_str(&line).expect("what the test is set up with"));
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

/// The ids of all pages of a list.
async fn paged(register: &Register, wanted: AlertFilter) -> Vec<String> {
    let (mut ids, mut behind) = (Vec::new(), None);
    loop {
        let wanted = AlertFilter { behind, most: 7, ..wanted.clone() };
        let page = register.alerts(&wanted).await.expect("what the test is set up with");
        ids.extend(page.alerts.into_iter().map(|alert| alert.id));
        let Some(next) = page.next else {
            assert_eq!(ids.len() as u64, page.total);
            return ids;
        };
        behind = Some(next);
    }
}

#[test]
fn several_conditions_at_once_choose_what_each_of_them_lets_through() {
    on_each(|register| async move {
        let alerts: Vec<_> = (0..100).map(made::alert).collect();
        let written = register.write_alerts(&alerts, &[], None, Timestamp(0)).await;
        written.expect("what the test is set up with");
        let minute = |n: i64| Timestamp(n * 60_000_000);
        for chosen in 0_u32..64 {
            let is = |bit: u32| chosen >> bit & 1 == 1;
            let wanted = AlertFilter {
                typologies: if is(0) {
                    vec!["cycle".to_owned(), "fan-in".to_owned()]
                } else {
                    vec![]
                },
                actions: if is(1) { vec![Action::Review] } else { vec![] },
                states: if is(2) { vec![CaseState::Open] } else { vec![] },
                least_permille: is(3).then_some(200),
                least_amount: is(4).then_some(2_000),
                since: is(5).then_some(minute(10)),
                until: is(5).then_some(minute(90)),
                sort: [AlertSort::Time, AlertSort::Score, AlertSort::Amount][chosen as usize % 3],
                ascending: is(1) == is(4),
                ..AlertFilter::default()
            };
            let mut same: Vec<_> = alerts
                .iter()
                .filter(|it| !is(0) || it.typology != "structuring")
                .filter(|it| !is(1) || it.action == Action::Review)
                .filter(|it| !is(3) || it.score_permille >= 200)
                // In hundredths, and the bound in ten-thousandths.
                .filter(|it| !is(4) || it.sum.amount.digits * 100 >= 2_000)
                .filter(|it| !is(5) || (minute(10) <= it.last_time && it.first_time < minute(90)))
                .collect();
            // Time and amount rise together.
            same.sort_by_key(|it| match wanted.sort {
                AlertSort::Score => (i64::from(it.score_permille), it.raised_at),
                AlertSort::Time | AlertSort::Amount => (it.raised_at.0, it.raised_at),
            });
            if !wanted.ascending {
                same.reverse();
            }
            assert!(!same.is_empty(), "{chosen:b} chooses some");
            let ids: Vec<&str> = same.iter().map(|it| it.id.as_str()).collect();
            assert_eq!(paged(&register, wanted).await, ids, "{chosen:b}");
        }
    });
}

#[test]
fn pages_are_what_the_same_list_is_in_memory() {
    on_each(|register| async move {
        let alerts: Vec<_> = (0..100).map(made::alert).collect();
        let known = Watermark { next: 400, version: 7 };
        register
            .write_alerts(&alerts, &[], Some(known), Timestamp(0))
            .await
            .expect("what the test is set up with");
        assert_eq!(register.watermark().await.expect("what the test is set up with"), Some(known));
        for (sort, ascending) in [AlertSort::Time, AlertSort::Score, AlertSort::Amount]
            .map(|it| (it, true))
            .into_iter()
            .chain([AlertSort::Time, AlertSort::Score, AlertSort::Amount].map(|it| (it, false)))
        {
            let mut same: Vec<_> = alerts.iter().filter(|it| it.typology == "cycle").collect();
            same.sort_by_key(|it| match sort {
                AlertSort::Score => (i64::from(it.score_permille), it.raised_at),
                AlertSort::Time | AlertSort::Amount => (it.raised_at.0, it.raised_at),
            });
            if !ascending {
                same.reverse();
            }
            let wanted = AlertFilter {
                typologies: vec!["cycle".to_owned()],
                sort,
                ascending,
                ..AlertFilter::default()
            };
            let ids: Vec<&str> = same.iter().map(|it| it.id.as_str()).collect();
            assert_eq!(paged(&register, wanted).await, ids);
        }
        let of = |change: &dyn Fn(&mut AlertFilter)| {
            let mut wanted = AlertFilter { ascending: true, ..AlertFilter::default() };
            change(&mut wanted);
            wanted
        };
        let found = paged(&register, of(&|it| it.text = Some("p9".to_owned()))).await;
        assert_eq!(found, ["structuring-2"]);
        let found = paged(&register, of(&|it| it.text = Some("cycle-9".to_owned()))).await;
        assert_eq!(found, ["cycle-9", "cycle-90", "cycle-93", "cycle-96", "cycle-99"]);
        let found = paged(&register, of(&|it| it.account = Some("0005-0001".to_owned()))).await;
        assert_eq!(found, ["structuring-5"]);
        let found = paged(&register, of(&|it| it.least_amount = Some(9_900))).await;
        assert_eq!(found, ["structuring-98", "cycle-99"]);
        let strong = paged(&register, of(&|it| it.actions = vec![Action::Hold])).await;
        assert_eq!(strong.len(), alerts.iter().filter(|it| it.action == Action::Hold).count());
        let all = vec![Action::Hold, Action::Review, Action::None];
        assert_eq!(paged(&register, of(&|it| it.actions.clone_from(&all))).await.len(), 100);
        let both = vec!["cycle".to_owned(), "structuring".to_owned()];
        let of_both = alerts.iter().filter(|it| both.contains(&it.typology)).count();
        assert_eq!(
            paged(&register, of(&|it| it.typologies.clone_from(&both))).await.len(),
            of_both
        );
        let states = vec![CaseState::Open, CaseState::Waiting];
        assert_eq!(paged(&register, of(&|it| it.states.clone_from(&states))).await.len(), 100);
        assert_eq!(paged(&register, of(&|it| it.states = states[1..].to_vec())).await.len(), 0);
        let knows = async |typology| register.has_typology(typology).await.expect("it is there");
        assert!(knows("cycle").await && !knows("cycl").await);
    });
}

#[test]
fn an_alert_that_grows_is_one_and_what_is_written_again_is_once() {
    on_each(|register| async move {
        let mut first = made::alert(1);
        let rest = first.evidence.split_off(2);
        register
            .write_alerts(&[first.clone()], &[], None, Timestamp(0))
            .await
            .expect("what the test is set up with");
        let mut second = made::alert(1);
        (second.evidence, second.revision, second.score_permille) = (rest, 2, 999);
        second.revisions[0].revision = 2;
        for _ in 0..2 {
            register
                .write_alerts(&[second.clone()], &[], None, Timestamp(0))
                .await
                .expect("what the test is set up with");
        }
        let grown =
            register.alert(&second.id).await.expect("what the test is set up with").unwrap();
        assert_eq!(grown.evidence, made::alert(1).evidence);
        assert_eq!((grown.row.score_permille, grown.revisions.len()), (999, 2));
        // As one that came while the database was away.
        let mut merged = made::alert(2);
        let later = merged.evidence.split_off(1);
        merged.merge(shroff_store::register::AlertChange { evidence: later, ..made::alert(2) });
        register
            .write_alerts(&[merged], &[], None, Timestamp(0))
            .await
            .expect("what the test is set up with");
        let id = made::alert(2).id;
        assert_eq!(
            register.alert(&id).await.expect("what the test is set up with").unwrap().evidence,
            made::alert(2).evidence
        );
    });
}

#[test]
fn a_hold_ends_once_by_a_person_or_by_time() {
    on_each(|register| async move {
        let hold = |place: u32| NewHold {
            place,
            payment: format!("p{place}"),
            alert: None,
            opened_at: Timestamp(5),
            ends_at: Timestamp(10 + i64::from(place)),
        };
        register
            .write_alerts(&[], &[hold(1), hold(2), hold(3)], None, Timestamp(0))
            .await
            .expect("what the test is set up with");
        register
            .write_alerts(&[], &[hold(1)], None, Timestamp(0))
            .await
            .expect("what the test is set up with");
        let ending = Ending { by: "ray", role: "reviewer", reason: "known", at: Timestamp(6) };
        let ended = register
            .end_hold("p2", HoldEnd::Returned, ending)
            .await
            .expect("what the test is set up with");
        assert!(matches!(ended, HoldAnswer::Ended(row) if row.state == "returned"));
        let again = register
            .end_hold("p2", HoldEnd::Released, ending)
            .await
            .expect("what the test is set up with");
        assert!(matches!(again, HoldAnswer::Before(row) if row.state == "returned"));
        assert_eq!(
            register
                .end_hold("p9", HoldEnd::Released, ending)
                .await
                .expect("what the test is set up with"),
            HoldAnswer::None
        );
        assert_eq!(
            register.next_hold_end().await.expect("what the test is set up with"),
            Some(Timestamp(11))
        );
        let due = register
            .end_due_holds(Timestamp(12), HoldEnd::Released)
            .await
            .expect("what the test is set up with");
        let due: Vec<&str> = due.iter().map(|row| row.payment.as_str()).collect();
        assert_eq!(due, ["p1"]);
        assert_eq!(
            register
                .holds(Some("open"), None, 9)
                .await
                .expect("what the test is set up with")
                .len(),
            1
        );
        assert_eq!(register.verify_audit().await.expect("what the test is set up with").0.n, 2);
    });
}

#[test]
fn an_unmasked_account_is_in_the_log_of_its_case_and_in_the_trail_and_its_number_in_neither() {
    on_each(|register| async move {
        let by = |name| By { name, role: "reviewer", second_review: false, at: Timestamp(7) };
        let changes = [made::alert(1)];
        register
            .write_alerts(&changes, &[], None, Timestamp(0))
            .await
            .expect("what the test is set up with");
        let alerts = [changes[0].id.clone()];
        let opened = register.open_case(&alerts, None, by("ada")).await;
        let opened = opened.expect("what the test is set up with");
        let said = ("kz6e-3h64-ejtj", "the report names it");
        let noted = register.note_unmasked(opened.number, said, by("ray")).await;
        let noted = noted.expect("the case is there");
        assert_eq!((noted.version, noted.state), (2, CaseState::Open));
        let log = register.case_log(opened.number).await.expect("it reads");
        let line = &log[1];
        let told = (line.n, line.by.as_str(), line.command.as_str(), line.text.as_str());
        assert_eq!(told, (2, "ray", "unmask", "the report names it"));
        assert_eq!(line.detail, json!({ "account": "kz6e-3h64-ejtj" }));
        let wanted = AuditFilter { most: 1, ..AuditFilter::default() };
        let trail = register.audit_rows(&wanted).await.expect("it reads");
        let entry = (trail[0].action.as_str(), trail[0].object.as_str(), &trail[0].detail);
        let detail = json!({ "case": "case-1", "reason": "the report names it" });
        assert_eq!(entry, ("unmask", "kz6e-3h64-ejtj", &detail));
        // A command on the version before is refused, as after any other line.
        let stale = register.command_case((1, 1), &Command::Unassign, by("ada")).await;
        assert!(matches!(stale, Err(CaseError::Stale(2))), "{stale:?}");
        let unknown = register.note_unmasked(9, said, by("ray")).await;
        assert!(matches!(unknown, Err(CaseError::NotFound)), "{unknown:?}");
        assert_eq!(register.verify_audit().await.expect("it reads").1, Vec::new());
    });
}

/// All lines of a copy.
async fn lines_of(register: &Register) -> (Copied, Vec<String>) {
    let mut lines = Vec::new();
    let mut write = |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    };
    let copied = register.copy(&mut write).await.expect("it can be read");
    (copied, lines)
}

async fn fill(register: &Register, lines: &[String]) -> Result<u64, RegisterError> {
    let mut lines = lines.iter().cloned();
    register.fill(&mut || Ok(lines.next())).await
}

/// What a copy has in it, in whatever order a database tells texts.
fn sorted(lines: &[String]) -> Vec<String> {
    let mut sorted = lines.to_vec();
    sorted.sort();
    sorted
}

async fn filled(register: &Register) {
    let changes: Vec<_> = (1..=700).map(made::alert).collect();
    let upto = Some(Watermark { next: 2_800, version: 7 });
    register
        .write_alerts(&changes, &[], upto, Timestamp(0))
        .await
        .expect("what the test is set up with");
    for n in 1..=5 {
        note(register, n).await;
    }
}

#[test]
fn a_copy_goes_into_either_database_with_every_row_and_its_chain() {
    on_each(|register| async move {
        filled(&register).await;
        let (copied, lines) = lines_of(&register).await;
        assert_eq!(copied.watermark, Some(Watermark { next: 2_800, version: 7 }));
        assert_eq!(copied.audit.as_ref().map(|head| head.n), Some(5));
        // 700 alerts with 4 payments, 5 accounts or fewer, and a revision each; 5 entries.
        assert!(copied.rows > 700 * 6 + 5, "{}", copied.rows);
        let folder = tempfile::tempdir().expect("what the test is set up with");
        let other = Register::blank(&folder.path().join("other.sqlite")).await;
        let other = other.expect("what the test is set up with");
        assert_eq!(fill(&other, &lines).await.expect("it is a copy"), copied.rows);
        let (again, same) = lines_of(&other).await;
        assert_eq!((again, sorted(&same)), (copied, sorted(&lines)));
        assert_eq!(other.verify_audit().await.expect("it reads").1, Vec::new());
        // It goes on from there.
        note(&other, 6).await;
        let refused = fill(&other, &lines).await.expect_err("it is not empty");
        assert!(refused.to_string().contains("is not empty"), "{refused}");
        other.close().await;
        if let Some(postgres) = Postgres::start() {
            let third = Register::connect(&postgres.url()).await;
            let third = third.expect("what the test is set up with");
            assert_eq!(fill(&third, &lines).await.expect("it is a copy"), again_rows(&lines));
            assert_eq!(sorted(&lines_of(&third).await.1), sorted(&lines));
            third.close().await;
        }
    });
}

/// The rows of a copy, as its last line has them.
fn again_rows(lines: &[String]) -> u64 {
    lines.iter().filter(|line| line.starts_with('[')).count() as u64
}

#[test]
fn what_is_no_copy_fills_nothing_and_is_told_by_its_line() {
    on_each(|register| async move {
        filled(&register).await;
        let (_, lines) = lines_of(&register).await;
        let row = lines.iter().position(|line| line.starts_with('[')).expect("a row");
        let with = |at: usize, text: &str| {
            let mut lines = lines.clone();
            text.clone_into(&mut lines[at]);
            lines
        };
        let mut short = lines.clone();
        short.remove(row);
        let newer = r#"{"form":1,"migrations":[1,999999]}"#;
        let folder = tempfile::tempdir().expect("what the test is set up with");
        for (lines, wanted) in [
            (lines[..lines.len() - 1].to_vec(), "it ends too early"),
            (with(0, "{}"), "line 1: it does not begin as a copy"),
            (with(0, newer), "does not know migration 999999"),
            (with(1, "{\"table\":\"alerts; DROP TABLE audit\",\"columns\":[]}"), "line 2: "),
            (with(row, "[1]"), "this is no row of its table"),
            (with(row, "[[]]"), "this is no row of its table"),
            (short, "the rows are not as many"),
        ] {
            let path = folder.path().join("other.sqlite");
            let other = Register::blank(&path).await.expect("what the test is set up with");
            let refused = fill(&other, &lines).await.expect_err(wanted).to_string();
            assert!(refused.contains(wanted), "{refused}");
            other.close().await;
            // Nothing of it is there.
            let other = Register::sqlite(&path).await.expect("what the test is set up with");
            assert_eq!(lines_of(&other).await.0.rows, 0, "{wanted}");
            other.close().await;
            std::fs::remove_file(path).expect("a file of our own");
        }
    });
}
