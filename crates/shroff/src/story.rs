//! From alerts to what is told of them: ids, names, the payments behind them, what lies around.

use shroff_engine::{Completion, Draft};
use shroff_ingest::{IngestError, Ledger};
use shroff_types::{AccountId, Alert, Currency, Decimal, Map, Payment, Place, Timestamp};

use crate::evaluation::{Evaluation, Tally};
use crate::ledger::Money;
use crate::report::{AccountLane, FlowPayment};
use crate::tokens::Namer;

/// An alert as it is written to files.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) typology: String,
    pub(crate) score_permille: u16,
    pub(crate) first_time: Timestamp,
    pub(crate) last_time: Timestamp,
    /// The id of the payment at which it could first have been raised.
    pub(crate) raised_by: String,
    pub(crate) raised_time: Timestamp,
    pub(crate) accounts: Vec<String>,
    pub(crate) amount: Decimal,
    pub(crate) currency: Currency,
    pub(crate) reasons: Vec<String>,
    /// The ids of its payments, in order.
    pub(crate) payments: Vec<String>,
}

/// A payment that is evidence of some alert.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) payment: Payment,
    pub(crate) minor: i128,
}

/// Alerts with everything that is known of their payments.
#[derive(Debug)]
pub(crate) struct Stories {
    pub(crate) alerts: Vec<Alert>,
    pub(crate) witnesses: Map<Place, Witness>,
    /// Payments of each day (by its number since 1970).
    pub(crate) days: std::collections::BTreeMap<i64, u64>,
    pub(crate) evaluation: Option<Evaluation>,
}

/// The number of an instant's UTC day.
pub(crate) fn day_of(time: Timestamp) -> i64 {
    time.0.div_euclid(shroff_types::Span::DAY.micros())
}

impl Stories {
    /// Reads the payments once more, in order, and fills the drafts in.
    pub(crate) fn gather(
        drafts: Vec<Draft>,
        typologies: &[String],
        ledger: &Ledger,
        money: &Money,
    ) -> Result<Stories, IngestError> {
        let mut completion = Completion::new(drafts, typologies);
        let mut witnesses = Map::default();
        let mut days = std::collections::BTreeMap::new();
        let mut tally = Tally::new(ledger);
        for (number, payment) in ledger.payments.iter()?.enumerate() {
            let payment = payment?;
            let place = Place(u32::try_from(number).expect("fewer than 2^32 payments"));
            *days.entry(day_of(payment.time)).or_default() += 1;
            let alerted = completion.wants(place);
            tally.add(&payment, alerted);
            if alerted {
                let minor = money.input(&payment).minor;
                let ends = [payment.debtor, payment.creditor];
                completion.see(place, payment.time, ends, minor);
                witnesses.insert(place, Witness { payment, minor });
            }
        }
        let alerts = completion.finish();
        let evaluation = tally.finish(&alerts, &witnesses, ledger);
        Ok(Stories { alerts, witnesses, days, evaluation })
    }

    /// Every alert as it is written to files.
    pub(crate) fn told(&self, namer: &Namer<'_>, money: &Money) -> Vec<Told> {
        self.alerts.iter().map(|alert| self.tell(alert, namer, money)).collect()
    }

    fn tell(&self, alert: &Alert, namer: &Namer<'_>, money: &Money) -> Told {
        let witness = |place: &Place| &self.witnesses[place];
        // Without one base currency, an alert may still be of one.
        let mut currencies = alert.payments.iter().map(|p| witness(p).payment.amount.currency);
        let first = currencies.next().unwrap_or(Currency::NONE);
        let currency = match money.base {
            Currency::NONE if currencies.all(|c| c == first) => first,
            base => base,
        };
        let raised_by = witness(&alert.raised_at);
        Told {
            id: alert.id.clone(),
            typology: alert.typology.clone(),
            score_permille: alert.score_permille,
            first_time: alert.first_time,
            last_time: alert.last_time,
            raised_by: raised_by.payment.id.to_string(),
            raised_time: raised_by.payment.time,
            accounts: alert.accounts.iter().map(|&account| namer.name(account)).collect(),
            amount: Decimal { digits: alert.amount_minor, decimals: money.exponent },
            currency,
            reasons: alert.reasons.iter().map(|reason| reason.text.clone()).collect(),
            payments: alert.payments.iter().map(|p| witness(p).payment.id.to_string()).collect(),
        }
    }
}

/// How many payments of evidence are drawn in one picture, and how many of those around.
const MOST_EVIDENCE: usize = 500;
const MOST_CONTEXT: usize = 24;

/// The payments of one alert as they are drawn.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) lanes: Vec<AccountLane>,
    pub(crate) payments: Vec<FlowPayment>,
    pub(crate) evidence_left_out: u64,
    pub(crate) context_left_out: u64,
}

/// What lies around an alert: other payments of its accounts in its time.
#[derive(Debug, Default)]
struct Around {
    from: Timestamp,
    to: Timestamp,
    /// Between two of its accounts, and of one of them with somebody else.
    inside: Vec<(Place, Payment, i128)>,
    outside: Vec<(Place, Payment, i128)>,
    seen: u64,
}

/// Draws the first `most` alerts: reads the payments once more for what lies around them.
pub(crate) fn pictures(
    stories: &Stories,
    most: usize,
    ledger: &Ledger,
    namer: &Namer<'_>,
    money: &Money,
) -> Result<Vec<Picture>, IngestError> {
    let drawn = &stories.alerts[..most.min(stories.alerts.len())];
    let mut around = Vec::new();
    let mut members: Map<AccountId, Vec<usize>> = Map::default();
    for (number, alert) in drawn.iter().enumerate() {
        // A tenth of its time before and after, an hour at least, shows how it sits in its days.
        let length = alert.last_time.micros_since(alert.first_time);
        let margin = (length / 10).max(3_600_000_000);
        let (from, to) = (alert.first_time.0 - margin, alert.last_time.0 + margin);
        around.push(Around { from: Timestamp(from), to: Timestamp(to), ..Around::default() });
        for &account in &alert.accounts {
            members.entry(account).or_default().push(number);
        }
    }
    for (number, payment) in ledger.payments.iter()?.enumerate() {
        let payment = payment?;
        let place = Place(u32::try_from(number).expect("fewer than 2^32 payments"));
        let empty = Vec::new();
        let [pays, paid] =
            [payment.debtor, payment.creditor].map(|a| members.get(&a).unwrap_or(&empty));
        for &alert in pays.iter().chain(paid.iter().filter(|a| !pays.contains(a))) {
            let here = &mut around[alert];
            let in_time = payment.time >= here.from && payment.time <= here.to;
            if !in_time || drawn[alert].payments.binary_search(&place).is_ok() {
                continue;
            }
            here.seen += 1;
            let inside = pays.contains(&alert) && paid.contains(&alert);
            let list = if inside { &mut here.inside } else { &mut here.outside };
            if list.len() < MOST_CONTEXT {
                list.push((place, payment.clone(), money.input(&payment).minor));
            }
        }
    }
    let pictures = drawn.iter().zip(around);
    Ok(pictures.map(|(alert, around)| picture(stories, alert, around, namer)).collect())
}

fn picture(stories: &Stories, alert: &Alert, around: Around, namer: &Namer<'_>) -> Picture {
    let shown = &alert.payments[..alert.payments.len().min(MOST_EVIDENCE)];
    let mut all: Vec<(Place, &Payment, i128, bool)> = Vec::new();
    for place in shown {
        let witness = &stories.witnesses[place];
        all.push((*place, &witness.payment, witness.minor, true));
    }
    let context: Vec<_> =
        around.inside.iter().chain(&around.outside).take(MOST_CONTEXT).collect();
    let context_left_out = around.seen - context.len() as u64;
    all.extend(context.iter().map(|(place, payment, minor)| (*place, payment, *minor, false)));
    all.sort_by_key(|(place, ..)| *place);
    let mut picture = Picture {
        evidence_left_out: (alert.payments.len() - shown.len()) as u64,
        context_left_out,
        ..Picture::default()
    };
    let mut lanes: Map<AccountId, usize> = Map::default();
    for (_, payment, minor, evidence) in all {
        let [debtor, creditor] = [payment.debtor, payment.creditor].map(|account| {
            *lanes.entry(account).or_insert_with(|| {
                picture.lanes.push(AccountLane { name: namer.name(account) });
                picture.lanes.len() - 1
            })
        });
        picture.payments.push(FlowPayment {
            id: payment.id.to_string(),
            time: payment.time,
            debtor,
            creditor,
            amount: payment.amount,
            base_minor: minor,
            evidence,
            method: None,
            label: payment.label,
        });
    }
    picture
}
