//! From alerts to what is told of them: ids, names, the payments behind them, what lies around.

use shroff_engine::{Completion, Draft};
use shroff_ingest::Ledger;
use shroff_types::{AccountId, Alert, Currency, Decimal, Map, Payment, Place, Timestamp};

use crate::evaluation::{Evaluation, Tally};
use crate::ledger::Money;
use crate::report::{AccountLane, FlowPayment};
use crate::tokens::Namer;

/// An alert as it is written to files.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) alert: &'a Alert,
    /// The id of the payment at which it could first have been raised.
    pub(crate) raised_by: &'a str,
    pub(crate) accounts: Vec<String>,
    pub(crate) amount: Decimal,
    pub(crate) currency: Currency,
    /// The ids of its payments, in order.
    pub(crate) payments: Vec<&'a str>,
}

/// The payments that are evidence of some alert, in order: their ids, and a few bytes each.
#[derive(Debug, Default)]
pub(crate) struct Witnesses {
    places: Vec<Place>,
    ids: String,
    ends: Vec<u64>,
    times: Vec<Timestamp>,
    currencies: Vec<Currency>,
    labelled: Vec<bool>,
}

impl Witnesses {
    fn add(&mut self, place: Place, payment: &Payment) {
        self.places.push(place);
        self.ids.push_str(&payment.id);
        self.ends.push(self.ids.len() as u64);
        self.times.push(payment.time);
        self.currencies.push(payment.amount.currency);
        self.labelled.push(payment.label == Some(true));
    }

    fn at(&self, place: Place) -> usize {
        self.places.binary_search(&place).expect("every payment of evidence was gathered")
    }

    fn id(&self, at: usize) -> &str {
        let whole = |end: u64| usize::try_from(end).expect("fits memory");
        let start = at.checked_sub(1).map_or(0, |before| whole(self.ends[before]));
        &self.ids[start..whole(self.ends[at])]
    }

    /// When a payment was.
    pub(crate) fn time(&self, place: Place) -> Timestamp {
        self.times[self.at(place)]
    }

    /// Whether a payment is called laundering or fraud.
    pub(crate) fn is_labelled(&self, place: Place) -> bool {
        self.labelled[self.at(place)]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.places.len() as u64
    }
}

/// Alerts with everything that is known of their payments.
#[derive(Debug)]
pub(crate) struct Stories {
    pub(crate) alerts: Vec<Alert>,
    pub(crate) witnesses: Witnesses,
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
    ) -> anyhow::Result<Stories> {
        let mut completion = Completion::new(drafts, typologies);
        let mut witnesses = Witnesses::default();
        let mut days = std::collections::BTreeMap::new();
        let mut tally = Tally::new(ledger);
        for (number, payment) in ledger.payments.iter()?.enumerate() {
            let payment = payment?;
            let place = Place(u32::try_from(number).expect("fewer than 2^32 payments"));
            *days.entry(day_of(payment.time)).or_default() += 1;
            let alerted = completion.wants(place);
            tally.add(&payment, alerted);
            if alerted {
                let minor = money.input(&payment)?.minor;
                let ends = [payment.debtor, payment.creditor];
                completion.see(place, payment.time, ends, minor);
                witnesses.add(place, &payment);
            }
        }
        let alerts = completion.finish();
        let evaluation = tally.finish(&alerts, &witnesses, ledger);
        Ok(Stories { alerts, witnesses, days, evaluation })
    }

    /// An alert as it is written to files.
    pub(crate) fn tell<'a>(
        &'a self,
        alert: &'a Alert,
        namer: &Namer<'_>,
        money: &Money,
    ) -> Told<'a> {
        let Witnesses { currencies, .. } = &self.witnesses;
        let rows: Vec<usize> = alert.payments.iter().map(|&p| self.witnesses.at(p)).collect();
        // Without one base currency, an alert may still be of one.
        let first = currencies[rows[0]];
        let currency = match money.base {
            Currency::NONE if rows.iter().all(|&row| currencies[row] == first) => first,
            base => base,
        };
        // Where several currencies stand side by side, the sum has the decimals of the finest.
        let sum = Decimal { digits: alert.amount_minor, decimals: money.exponent };
        let shown = currency.decimals().max(2).min(money.exponent);
        let amount = match sum.units(shown) {
            Ok(digits) => Decimal { digits, decimals: shown },
            Err(_) => sum,
        };
        Told {
            alert,
            raised_by: self.witnesses.id(self.witnesses.at(alert.raised_at)),
            accounts: alert.accounts.iter().map(|&account| namer.name(account)).collect(),
            amount,
            currency,
            payments: rows.iter().map(|&row| self.witnesses.id(row)).collect(),
        }
    }
}

/// How many payments of evidence are drawn in one picture, and how many of those around.
const MOST_EVIDENCE: usize = 500;
const MOST_CONTEXT: usize = 16;

/// The payments of one alert as they are drawn.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) lanes: Vec<AccountLane>,
    pub(crate) payments: Vec<FlowPayment>,
    pub(crate) evidence_left_out: u64,
    pub(crate) context_left_out: u64,
}

/// What is drawn of an alert: its own payments, and others of its accounts in its time.
#[derive(Debug, Default)]
struct Around {
    from: Timestamp,
    to: Timestamp,
    evidence: Vec<(Place, Payment, i128)>,
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
) -> anyhow::Result<Vec<Picture>> {
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
            let inside = pays.contains(&alert) && paid.contains(&alert);
            let (list, most) = if drawn[alert].payments.binary_search(&place).is_ok() {
                (&mut here.evidence, MOST_EVIDENCE)
            } else if payment.time >= here.from && payment.time <= here.to {
                here.seen += 1;
                (if inside { &mut here.inside } else { &mut here.outside }, MOST_CONTEXT)
            } else {
                continue;
            };
            let minor = money.input(&payment)?.minor;
            if list.len() < most {
                list.push((place, payment.clone(), minor));
            } else if most == MOST_CONTEXT
                && let Some(smallest) =
                    list.iter_mut().min_by_key(|(place, _, minor)| (*minor, *place))
                && smallest.2 < minor
            {
                // Of what lies around, the largest are shown.
                *smallest = (place, payment.clone(), minor);
            }
        }
    }
    let pictures = drawn.iter().zip(around);
    Ok(pictures.map(|(alert, around)| picture(alert, &around, namer)).collect())
}

fn picture(alert: &Alert, around: &Around, namer: &Namer<'_>) -> Picture {
    let context: Vec<_> = around.inside.iter().chain(&around.outside).take(MOST_CONTEXT).collect();
    let mut picture = Picture {
        evidence_left_out: (alert.payments.len() - around.evidence.len()) as u64,
        context_left_out: around.seen - context.len() as u64,
        ..Picture::default()
    };
    let evidence =
        around.evidence.iter().map(|(place, payment, minor)| (*place, payment, *minor, true));
    let context = context.iter().map(|(place, payment, minor)| (*place, payment, *minor, false));
    let mut all: Vec<_> = evidence.chain(context).collect();
    all.sort_by_key(|(place, ..)| *place);
    let mut lanes: Map<AccountId, usize> = Map::default();
    for (_, payment, minor, evidence) in all {
        let [debtor, creditor] = [payment.debtor, payment.creditor].map(|account| {
            *lanes.entry(account).or_insert_with(|| {
                picture.accounts.push(account);
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
