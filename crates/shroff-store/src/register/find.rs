//! Alerts that are asked for: lists, one whole, and those of an account.

use std::collections::BTreeMap;

use shroff_types::{Action, Currency, Decimal, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Register;
use super::alerts::{Evidence, Rest, RevisionRow, RuleShare};
use super::error::{Doing, RegisterError};
use super::life::CaseState;
use super::money::join;
use super::sql::{Conditions, Page, Sql, column, page};

const DOING: &str = "read alerts from the register";
/// Alerts of the same accounts that are shown beside one.
const MOST_EARLIER: i64 = 20;
/// Payments of an account that are told of: one is enough, and a few where one is damaged.
const MOST_PLACES: i64 = 3;
/// Values of one statement.
const MOST_VALUES: usize = 500;

/// An alert as it stands in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRow {
    /// Its number in the register.
    pub number: i64,
    /// Its id.
    pub id: String,
    /// The id of its typology.
    pub typology: String,
    /// The title of its typology.
    pub title: String,
    /// How strong it is, 0 to 1000.
    pub score_permille: u16,
    /// What is suggested.
    pub action: String,
    /// The time of the earliest payment of its evidence.
    pub first_time: Timestamp,
    /// The time of the latest.
    pub last_time: Timestamp,
    /// The time of the payment that raised it.
    pub raised_at: Timestamp,
    /// The id of that payment.
    pub raised_by: String,
    /// The sum of its evidence.
    pub amount: Decimal,
    /// The code of its currency.
    pub currency: String,
    /// The accounts of its evidence, as tokens, in the order in which its payments name them.
    pub accounts: Vec<String>,
    /// How many payments its evidence has.
    pub payment_count: u64,
    /// Whether its evidence is all that its rules rest on; none where it was written before that
    /// was noted.
    pub evidence_is_complete: Option<bool>,
    /// How often it has changed.
    pub revision: u64,
    /// What its case says; open where it has none.
    pub state: String,
    /// The number of its case.
    pub case: Option<i64>,
    /// Who has its case.
    pub assignee: Option<String>,
    /// How its case was decided.
    pub outcome: Option<String>,
    /// Why, strongest first.
    pub rules: Vec<RuleShare>,
}

/// An alert with everything.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeAlert {
    /// What a list says of it.
    pub row: AlertRow,
    /// Its evidence, in order.
    pub evidence: Vec<Evidence>,
    /// How it grew.
    pub revisions: Vec<RevisionRow>,
    /// Others that share an account with it, newest first.
    pub earlier: Vec<AlertRow>,
}

/// What alerts are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlertSort {
    /// By the time of the payment that raised them.
    #[default]
    Time,
    /// By strength.
    Score,
    /// By the sum of their evidence, whatever its currency.
    Amount,
}

impl AlertSort {
    fn column(self) -> &'static str {
        match self {
            AlertSort::Time => "raised_at",
            AlertSort::Score => "score_permille",
            AlertSort::Amount => "amount_rank",
        }
    }
}

/// Where a page begins: behind this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// What it is sorted by.
    pub key: i64,
    /// Its number.
    pub number: i64,
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    /// Of one of these typologies; of any where none is named, as in what follows.
    pub typologies: Vec<String>,
    /// At least so strong.
    pub least_permille: Option<u16>,
    /// For which one of these is suggested.
    pub actions: Vec<Action>,
    /// In one of these states.
    pub states: Vec<CaseState>,
    /// Of this person's cases.
    pub assignee: Option<String>,
    /// With a payment of this time or later.
    pub since: Option<Timestamp>,
    /// With a payment before this time.
    pub until: Option<Timestamp>,
    /// With this account, as a token.
    pub account: Option<String>,
    /// Of so much at least, in ten-thousandths.
    pub least_amount: Option<i64>,
    /// With this id or the beginning of it, or with a payment of this id.
    pub text: Option<String>,
    /// Sorted by this.
    pub sort: AlertSort,
    /// From the lowest on.
    pub ascending: bool,
    /// From behind this one on.
    pub behind: Option<Behind>,
    /// So many at most.
    pub most: u32,
}

/// A page of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPage {
    /// The alerts.
    pub alerts: Vec<AlertRow>,
    /// Where the next page begins; none where this is the last.
    pub next: Option<Behind>,
    /// How many there are on all pages.
    pub total: u64,
}

impl Register {
    /// A page of the alerts that are wanted.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn alerts(&self, wanted: &AlertFilter) -> Result<AlertPage, RegisterError> {
        let mut count = Sql::new("SELECT COUNT(*) AS total FROM alerts");
        choose(&mut count, wanted, &mut Conditions::default());
        let total = count.row(&self.reader, DOING).await?;
        let total: i64 = total.map_or(Ok(0), |row| column(&row, "total"))?;
        let key = wanted.sort.column();
        // Which they are is asked of an index, and what they say of those alone.
        let mut sql = Sql::new("SELECT * FROM alerts WHERE number IN (SELECT number FROM alerts");
        let mut all = Conditions::default();
        choose(&mut sql, wanted, &mut all);
        let behind = wanted.behind.map(|Behind { key, number }| [key, number]);
        // One more than is shown says whether there is another page.
        let most = i64::from(wanted.most) + 1;
        let wanted_page = Page { behind, ascending: wanted.ascending, most };
        page(&mut sql, &mut all, [&wanted.number(key), "number"], wanted_page);
        let order = if wanted.ascending { "ASC" } else { "DESC" };
        sql.text(&format!(") ORDER BY {key} {order}, number {order}"));
        let mut rows = sql.rows(&self.reader, DOING).await?;
        let is_more = rows.len() > wanted.most as usize;
        rows.truncate(wanted.most as usize);
        let next = match rows.last().filter(|_| is_more) {
            Some(row) => Some(Behind { key: column(row, key)?, number: column(row, "number")? }),
            None => None,
        };
        let alerts = self.with_accounts(&rows).await?;
        let total = u64::try_from(total).unwrap_or(0);
        Ok(AlertPage { alerts, next, total })
    }

    /// Whether there is an alert of a typology, which may be one that is looked for no more.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn has_typology(&self, typology: &str) -> Result<bool, RegisterError> {
        let mut sql = Sql::new("SELECT number FROM alerts WHERE typology = ");
        sql.value(typology.to_owned()).text(" LIMIT 1");
        Ok(sql.row(&self.reader, DOING).await?.is_some())
    }

    /// Alerts by their ids, in the order of the register.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn alerts_of(&self, ids: &[String]) -> Result<Vec<AlertRow>, RegisterError> {
        let mut found = Vec::new();
        for ids in ids.chunks(MOST_VALUES) {
            let mut sql = Sql::new("SELECT * FROM alerts WHERE id IN (");
            sql.values(ids.iter().cloned()).text(") ORDER BY number");
            let rows = sql.rows(&self.reader, DOING).await?;
            found.extend(self.with_accounts(&rows).await?);
        }
        Ok(found)
    }

    /// The alerts of a case, strongest first.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn alerts_of_case(&self, case: i64) -> Result<Vec<AlertRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM alerts WHERE case_number = ");
        sql.value(case).text(" ORDER BY score_permille DESC, number");
        let rows = sql.rows(&self.reader, DOING).await?;
        self.with_accounts(&rows).await
    }

    /// Where in the log payments of an account are that are evidence of a case's alerts: the newest
    /// few; none where the case has no alert with it.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn places_of(&self, case: i64, account: &str) -> Result<Vec<u32>, RegisterError> {
        let mut sql = Sql::new(
            "SELECT one.place AS place FROM alerts JOIN alert_payments AS one \
             ON one.alert = alerts.number WHERE alerts.case_number = ",
        );
        sql.value(case).text(" AND (one.debtor = ").value(account.to_owned());
        sql.text(" OR one.creditor = ").value(account.to_owned());
        sql.text(") ORDER BY one.place DESC LIMIT ").value(MOST_PLACES);
        let rows = sql.rows(&self.reader, DOING).await?;
        let place = |row: &AnyRow| {
            let place = u32::try_from(column::<i64>(row, "place")?);
            place.map_err(|_| RegisterError::Kept { what: "place" })
        };
        rows.iter().map(place).collect()
    }

    /// An alert with everything; none where there is none of this id.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn alert(&self, id: &str) -> Result<Option<WholeAlert>, RegisterError> {
        let Some(row) = self.alerts_of(&[id.to_owned()]).await?.pop() else { return Ok(None) };
        let mut sql = Sql::new("SELECT * FROM alert_payments WHERE alert = ");
        sql.value(row.number).text(" ORDER BY place");
        let evidence = sql.rows(&self.reader, DOING).await?;
        let mut sql = Sql::new("SELECT * FROM alert_revisions WHERE alert = ");
        sql.value(row.number).text(" ORDER BY revision");
        let revisions = sql.rows(&self.reader, DOING).await?;
        let mut sql = Sql::new(
            "SELECT * FROM alerts WHERE number IN (SELECT other.alert FROM alert_accounts AS own \
             JOIN alert_accounts AS other ON other.account = own.account WHERE own.alert = ",
        );
        sql.value(row.number).text(") AND number <> ").value(row.number);
        sql.text(" ORDER BY raised_at DESC, number DESC LIMIT ").value(MOST_EARLIER);
        let earlier = sql.rows(&self.reader, DOING).await?;
        Ok(Some(WholeAlert {
            row,
            evidence: evidence.iter().map(evidence_of).collect::<Result<_, _>>()?,
            revisions: revisions.iter().map(revision_of).collect::<Result<_, _>>()?,
            earlier: self.with_accounts(&earlier).await?,
        }))
    }

    /// Rows as alerts, each with its accounts.
    pub(super) async fn with_accounts(
        &self,
        rows: &[AnyRow],
    ) -> Result<Vec<AlertRow>, RegisterError> {
        let mut on = self.reader.acquire().await.doing(DOING)?;
        with_accounts(&mut on, rows).await
    }
}

/// Alerts by their numbers, within a unit of work.
pub(super) async fn numbered(
    work: &mut AnyConnection,
    numbers: &[i64],
) -> Result<Vec<AlertRow>, RegisterError> {
    let mut found = Vec::new();
    for numbers in numbers.chunks(MOST_VALUES) {
        let mut sql = Sql::new("SELECT * FROM alerts WHERE number IN (");
        sql.values(numbers.iter().copied()).text(") ORDER BY number");
        let rows = sql.rows(&mut *work, DOING).await?;
        found.extend(with_accounts(work, &rows).await?);
    }
    Ok(found)
}

async fn with_accounts(
    on: &mut AnyConnection,
    rows: &[AnyRow],
) -> Result<Vec<AlertRow>, RegisterError> {
    let mut alerts = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let numbers: Vec<i64> = alerts.iter().map(|alert| alert.number).collect();
    let mut accounts: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for numbers in numbers.chunks(MOST_VALUES) {
        let mut sql = Sql::new("SELECT alert, account FROM alert_accounts WHERE alert IN (");
        sql.values(numbers.iter().copied()).text(") ORDER BY alert, position");
        for row in sql.rows(&mut *on, DOING).await? {
            accounts.entry(column(&row, "alert")?).or_default().push(column(&row, "account")?);
        }
    }
    for alert in &mut alerts {
        alert.accounts = accounts.remove(&alert.number).unwrap_or_default();
    }
    Ok(alerts)
}

impl AlertFilter {
    /// The least or greatest value of a column, where it has one.
    fn bounds(&self) -> [(&'static str, &'static str, Option<i64>); 4] {
        [
            ("score_permille", ">=", self.least_permille.map(i64::from)),
            ("last_time", ">=", self.since.map(|time| time.0)),
            ("first_time", "<", self.until.map(|time| time.0)),
            ("amount_rank", ">=", self.least_amount),
        ]
    }

    /// Whether one walk over the index that has every column to choose by is the quickest: unless
    /// a smaller index says all, or an account or a text leaves few rows anyway.
    ///
    /// A database that has not counted its rows guesses that any of the conditions leaves few of
    /// them, and then looks each up by itself.
    fn walks(&self) -> bool {
        let AlertFilter { typologies, actions, states, assignee, account, text, .. } = self;
        let is_bounded = self.bounds().iter().any(|(.., bound)| bound.is_some());
        let open =
            [typologies.is_empty(), actions.is_empty(), states.is_empty(), assignee.is_none()];
        let named = open.into_iter().filter(|is_open| !is_open).count();
        account.is_none() && text.is_none() && (is_bounded || named > 1)
    }

    /// A column of numbers, as an expression that is no index's where one walk is wanted.
    fn number(&self, column: &'static str) -> String {
        if self.walks() { format!("+{column}") } else { column.to_owned() }
    }

    /// The same of a column of texts.
    fn name(&self, column: &'static str) -> String {
        if self.walks() { format!("({column} || '')") } else { column.to_owned() }
    }
}

fn choose(sql: &mut Sql, wanted: &AlertFilter, all: &mut Conditions) {
    all.one_of(sql, &wanted.name("typology"), &wanted.typologies);
    all.one_of(sql, &wanted.name("action"), wanted.actions.iter().map(|action| action.name()));
    all.one_of(sql, &wanted.name("state"), wanted.states.iter().map(|state| state.name()));
    all.one_of(sql, &wanted.name("assignee"), &wanted.assignee);
    for (column, compared, bound) in wanted.bounds() {
        if let Some(bound) = bound {
            let column = wanted.number(column);
            all.and(sql).text(&format!("{column} {compared} ")).value(bound);
        }
    }
    if let Some(account) = &wanted.account {
        all.and(sql).text("number IN (SELECT alert FROM alert_accounts WHERE account = ");
        sql.value(account.clone()).text(")");
    }
    if let Some(text) = &wanted.text {
        let letters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        all.and(sql).text("number IN (SELECT alert FROM alert_payments WHERE payment = ");
        sql.value(text.clone()).text(" UNION SELECT number FROM alerts WHERE substr(id, 1, ");
        // PostgreSQL's takes a smaller integer.
        sql.text("CAST(").value(letters).text(" AS INTEGER)) = ").value(text.clone()).text(")");
    }
}

fn read(row: &AnyRow) -> Result<AlertRow, RegisterError> {
    let rest: String = column(row, "rest")?;
    let rest: Rest =
        serde_json::from_str(&rest).map_err(|_| RegisterError::Kept { what: "rest" })?;
    let decimals = u8::try_from(column::<i64>(row, "amount_decimals")?);
    Ok(AlertRow {
        number: column(row, "number")?,
        id: column(row, "id")?,
        typology: column(row, "typology")?,
        title: rest.title,
        score_permille: permille(row)?,
        action: column(row, "action")?,
        first_time: Timestamp(column(row, "first_time")?),
        last_time: Timestamp(column(row, "last_time")?),
        raised_at: Timestamp(column(row, "raised_at")?),
        raised_by: column(row, "raised_by")?,
        amount: Decimal {
            digits: join(column(row, "amount_high")?, column(row, "amount_low")?),
            decimals: decimals.map_err(|_| RegisterError::Kept { what: "amount_decimals" })?,
        },
        currency: column(row, "currency")?,
        accounts: Vec::new(),
        payment_count: count(row, "payment_count")?,
        evidence_is_complete: rest.evidence_is_complete,
        revision: count(row, "revision")?,
        state: column(row, "state")?,
        case: column(row, "case_number")?,
        assignee: column(row, "assignee")?,
        outcome: column(row, "outcome")?,
        rules: rest.rules,
    })
}

fn evidence_of(row: &AnyRow) -> Result<Evidence, RegisterError> {
    let code: String = column(row, "currency")?;
    let place = u32::try_from(column::<i64>(row, "place")?);
    Ok(Evidence {
        place: place.map_err(|_| RegisterError::Kept { what: "place" })?,
        payment: column(row, "payment")?,
        time: Timestamp(column(row, "time")?),
        debtor: column(row, "debtor")?,
        creditor: column(row, "creditor")?,
        amount: shroff_types::Amount {
            minor: join(column(row, "amount_high")?, column(row, "amount_low")?),
            currency: Currency::from_code(&code).ok_or(RegisterError::Kept { what: "currency" })?,
        },
    })
}

fn revision_of(row: &AnyRow) -> Result<RevisionRow, RegisterError> {
    let action: String = column(row, "action")?;
    let action = [Action::None, Action::Review, Action::Hold]
        .into_iter()
        .find(|known| known.name() == action);
    Ok(RevisionRow {
        revision: count(row, "revision")?,
        payment: column(row, "payment")?,
        time: Timestamp(column(row, "time")?),
        score_permille: permille(row)?,
        action: action.ok_or(RegisterError::Kept { what: "action" })?,
        payment_count: count(row, "payment_count")?,
    })
}

fn permille(row: &AnyRow) -> Result<u16, RegisterError> {
    let permille = u16::try_from(column::<i64>(row, "score_permille")?);
    permille.map_err(|_| RegisterError::Kept { what: "score_permille" })
}

pub(super) fn count(row: &AnyRow, name: &'static str) -> Result<u64, RegisterError> {
    u64::try_from(column::<i64>(row, name)?).map_err(|_| RegisterError::Kept { what: name })
}
