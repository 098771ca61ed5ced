//! What is counted of alerts, cases and holds.

use shroff_types::{Span, Timestamp};

use super::Register;
use super::error::RegisterError;
use super::find::count;
use super::sql::{Sql, column};

const DOING: &str = "count what is in the register";
/// Decisions whose times are looked at: the newest.
const MOST_DECISIONS: i64 = 10_000;

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Alerts by state.
    pub states: Vec<(String, u64)>,
    /// Alerts whose case was reported.
    pub reports: u64,
    /// Holds that are open.
    pub holds_open: u64,
    /// When the oldest alert was raised that is not decided.
    pub oldest_open: Option<Timestamp>,
    /// Of each day since 1970 that has any: raised, and decided.
    pub days: Vec<(i64, u64, u64)>,
    /// By typology.
    pub typologies: Vec<TypologyCount>,
    /// How long cases of these days took, ascending.
    pub decisions: Vec<Span>,
}

/// What the search costs, the innocent above all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Burden {
    /// Accounts in alerts of these days.
    pub accounts_alerted: u64,
    /// Those in more than one.
    pub accounts_alerted_again: u64,
    /// Those of which an alert was decided, and none reported.
    pub innocent_accounts: u64,
    /// How long payments were held in alerts that were not reported.
    pub held_innocent: Span,
}

/// What is counted of a typology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypologyCount {
    /// Its id.
    pub typology: String,
    /// Alerts of these days.
    pub alerts: u64,
    /// Those that are decided.
    pub decided: u64,
    /// Those that were reported.
    pub reports: u64,
}

/// How much waits for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCounts {
    /// Alerts that are not decided.
    pub alerts: u64,
    /// Cases that are not decided.
    pub cases: u64,
    /// Payments that are held.
    pub holds: u64,
}

impl Register {
    /// Counts what waits for people: quick, to be asked often.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn open_counts(&self) -> Result<OpenCounts, RegisterError> {
        let sql = Sql::new(
            "SELECT (SELECT COUNT(*) FROM alerts) - (SELECT COUNT(*) FROM alerts WHERE state = \
             'decided') AS alerts, (SELECT COUNT(*) FROM cases WHERE state <> 'decided') AS cases, \
             (SELECT COUNT(*) FROM holds WHERE state = 'open') AS holds",
        );
        let row = sql.row(&self.reader, DOING).await?;
        let row = row.ok_or(RegisterError::Kept { what: "count" })?;
        let of = |name| column::<i64>(&row, name).map(i64::unsigned_abs);
        Ok(OpenCounts { alerts: of("alerts")?, cases: of("cases")?, holds: of("holds")? })
    }

    /// Counts what is in the register; where it is of days, from `since` on.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn counted(&self, since: Timestamp) -> Result<Counted, RegisterError> {
        let mut counted = Counted::default();
        let sql = Sql::new("SELECT state, COUNT(*) AS n FROM alerts GROUP BY state ORDER BY state");
        for row in sql.rows(&self.reader, DOING).await? {
            counted.states.push((column(&row, "state")?, count(&row, "n")?));
        }
        let sql = Sql::new(
            "SELECT (SELECT COUNT(*) FROM alerts WHERE outcome = 'report') AS reports, (SELECT \
             COUNT(*) FROM holds WHERE state = 'open') AS holds, (SELECT MIN(raised_at) FROM \
             alerts WHERE state <> 'decided') AS oldest",
        );
        if let Some(row) = sql.row(&self.reader, DOING).await? {
            counted.reports = count(&row, "reports")?;
            counted.holds_open = count(&row, "holds")?;
            counted.oldest_open = column::<Option<i64>>(&row, "oldest")?.map(Timestamp);
        }
        self.count_days(&mut counted, since).await?;
        Ok(counted)
    }

    async fn count_days(
        &self,
        counted: &mut Counted,
        since: Timestamp,
    ) -> Result<(), RegisterError> {
        let mut sql = Sql::new(
            "SELECT day, CAST(SUM(raised) AS BIGINT) AS raised, CAST(SUM(decided) AS BIGINT) AS \
             decided FROM (SELECT raised_at / 86400000000 AS day, 1 AS raised, 0 AS decided FROM \
             alerts WHERE raised_at >= ",
        );
        sql.value(since.0).text(
            " UNION ALL SELECT decided_at / 86400000000, 0, 1 FROM alerts WHERE decided_at >= ",
        );
        sql.value(since.0).text(") AS days GROUP BY day ORDER BY day");
        for row in sql.rows(&self.reader, DOING).await? {
            let (raised, decided) = (count(&row, "raised")?, count(&row, "decided")?);
            counted.days.push((column(&row, "day")?, raised, decided));
        }
        let mut sql = Sql::new(
            "SELECT typology, COUNT(*) AS alerts, COUNT(outcome) AS decided, CAST(SUM(CASE WHEN \
             outcome = 'report' THEN 1 ELSE 0 END) AS BIGINT) AS reports FROM alerts WHERE \
             raised_at >= ",
        );
        sql.value(since.0).text(" GROUP BY typology ORDER BY typology");
        for row in sql.rows(&self.reader, DOING).await? {
            counted.typologies.push(TypologyCount {
                typology: column(&row, "typology")?,
                alerts: count(&row, "alerts")?,
                decided: count(&row, "decided")?,
                reports: count(&row, "reports")?,
            });
        }
        let mut sql = Sql::new(
            "SELECT decided_at - opened_at AS took FROM cases WHERE state = 'decided' AND \
             decided_at >= ",
        );
        sql.value(since.0).text(" ORDER BY number DESC LIMIT ").value(MOST_DECISIONS);
        for row in sql.rows(&self.reader, DOING).await? {
            let took = Span::from_micros(column::<i64>(&row, "took")?);
            counted.decisions.push(took.unwrap_or(Span::ZERO));
        }
        counted.decisions.sort_unstable();
        Ok(())
    }

    /// Counts what alerts from `since` on cost. It looks at each of their accounts, which takes longer
    /// than all the rest: whoever wants both asks for them at the same time.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn burden(&self, since: Timestamp, now: Timestamp) -> Result<Burden, RegisterError> {
        let mut burden = Burden::default();
        let mut sql = Sql::new(
            "SELECT COUNT(*) AS accounts, CAST(COALESCE(SUM(CASE WHEN n > 1 THEN 1 ELSE 0 END), 0) \
             AS BIGINT) AS again FROM (SELECT account, COUNT(*) AS n FROM alert_accounts WHERE \
             raised_at >= ",
        );
        sql.value(since.0).text(" GROUP BY account) AS accounts");
        if let Some(row) = sql.row(&self.reader, DOING).await? {
            burden.accounts_alerted = count(&row, "accounts")?;
            burden.accounts_alerted_again = count(&row, "again")?;
        }
        // From the alerts that are decided: they are few beside all.
        let mut sql = Sql::new(
            "SELECT COUNT(*) AS innocent FROM (SELECT account FROM alerts JOIN alert_accounts ON \
             alert_accounts.alert = alerts.number WHERE outcome IN ('report', 'no_report') AND \
             alerts.raised_at >= ",
        );
        sql.value(since.0).text(
            " GROUP BY account HAVING SUM(CASE WHEN outcome = 'report' THEN 1 ELSE 0 END) = 0) AS \
             accounts",
        );
        if let Some(row) = sql.row(&self.reader, DOING).await? {
            burden.innocent_accounts = count(&row, "innocent")?;
        }
        let mut sql = Sql::new("SELECT CAST(COALESCE(SUM(COALESCE(holds.ended_at, ");
        sql.value(now.0).text(
            ") - holds.opened_at), 0) AS BIGINT) AS held FROM holds JOIN alerts ON alerts.id = \
             holds.alert WHERE alerts.outcome = 'no_report' AND holds.opened_at >= ",
        );
        sql.value(since.0);
        if let Some(row) = sql.row(&self.reader, DOING).await? {
            let held = Span::from_micros(column::<i64>(&row, "held")?);
            burden.held_innocent = held.unwrap_or(Span::ZERO);
        }
        Ok(burden)
    }
}
