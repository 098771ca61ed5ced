//! Alerts as JSON: as a scan writes them, with how they grew.

use shroff_engine::{Draft, Revision};
use shroff_store::Disk;
use shroff_types::{Amount, Currency, Decimal, Place, Timestamp};

use super::core::Core;
use super::reply::{list, permille, quoted, show};
use crate::tokens;

/// A payment of evidence.
struct Witness {
    id: String,
    time: Timestamp,
    debtor: String,
    creditor: String,
    amount: Amount,
}

/// An alert with everything: accounts as tokens under `key`.
pub(crate) fn whole<D: Disk>(
    out: &mut Vec<u8>,
    core: &Core<D>,
    (number, key): (u32, &[u8; 32]),
) -> anyhow::Result<()> {
    let Some(draft) = core.live.draft(number) else { return Ok(()) };
    let witnesses = witnesses(core, &draft.payments)?;
    head(out, core, &draft, &witnesses)?;
    let mut accounts: Vec<&str> = Vec::new();
    for account in witnesses.iter().flat_map(|w| [&w.debtor, &w.creditor]) {
        if !accounts.contains(&account.as_str()) {
            accounts.push(account);
        }
    }
    let text = |out: &mut Vec<u8>, text: &str| {
        quoted(out, text);
        Ok(())
    };
    out.extend_from_slice(b",\"accounts\":");
    list(out, &accounts, |out, account| text(out, &tokens::token(key, account)))?;
    out.extend_from_slice(b",\"reasons\":");
    list(out, &draft.grounds, |out, ground| text(out, &ground.text))?;
    out.extend_from_slice(b",\"rules\":");
    let typologies = core.live.typologies();
    list(out, &draft.grounds, |out, ground| {
        out.extend_from_slice(b"{\"typology\":");
        quoted(out, &typologies[ground.hit.typology]);
        out.extend_from_slice(b",\"score\":");
        permille(out, ground.hit.score_permille);
        out.extend_from_slice(b",\"share\":");
        permille(out, ground.share_permille);
        out.push(b'}');
        Ok(())
    })?;
    out.extend_from_slice(b",\"payments\":");
    list(out, &witnesses, |out, witness| text(out, &witness.id))?;
    out.extend_from_slice(b",\"evidence\":");
    list(out, &witnesses, |out, witness| {
        evidence(out, witness, key);
        Ok(())
    })?;
    out.extend_from_slice(b",\"revisions\":");
    let revisions = core.live.revisions(number).iter().zip(1_usize..);
    list(out, revisions, |out, (revision, number)| revised(out, core, (number, revision)))?;
    out.push(b'}');
    Ok(())
}

fn witnesses<D: Disk>(core: &Core<D>, places: &[Place]) -> anyhow::Result<Vec<Witness>> {
    let witness = |&place: &Place| {
        core.payment(place, |sent| Witness {
            id: sent.id.to_owned(),
            time: sent.time,
            debtor: sent.debtor.to_owned(),
            creditor: sent.creditor.to_owned(),
            amount: sent.amount,
        })
    };
    places.iter().map(witness).collect()
}

/// What a list and a single alert begin with; the closing brace is the caller's.
fn head<D: Disk>(
    out: &mut Vec<u8>,
    core: &Core<D>,
    draft: &Draft,
    witnesses: &[Witness],
) -> anyhow::Result<()> {
    let typologies = core.live.typologies();
    let times = witnesses.iter().map(|witness| witness.time);
    let (first, last) = (times.clone().min(), times.max());
    let sum: i128 = witnesses.iter().map(|w| core.live.engine_minor(w.amount)).sum();
    let currency = common_currency(witnesses);
    let exponent = core.live.exponent();
    let exact = Decimal { digits: sum, decimals: exponent };
    // Where several currencies stand side by side, the sum has the decimals of the finest.
    let shown = currency.decimals().max(2).min(exponent);
    let amount = exact.units(shown).map_or(exact, |digits| Decimal { digits, decimals: shown });
    out.extend_from_slice(b"{\"id\":");
    quoted(out, &draft.id(typologies));
    out.extend_from_slice(b",\"typology\":");
    quoted(out, &typologies[draft.typology]);
    out.extend_from_slice(b",\"score\":");
    permille(out, draft.score_permille);
    out.extend_from_slice(b",\"action\":");
    quoted(out, draft.action.name());
    for (name, time) in [("first_time", first), ("last_time", last)] {
        show(out, format_args!(",\"{name}\":\"{}\"", time.unwrap_or(Timestamp(0))));
    }
    out.extend_from_slice(b",\"raised_by\":");
    core.payment(draft.raised_at, |sent| quoted(out, sent.id))?;
    show(out, format_args!(",\"amount\":{amount},\"currency\":\"{currency}\""));
    Ok(())
}

fn common_currency(witnesses: &[Witness]) -> Currency {
    let first = witnesses.first().map_or(Currency::NONE, |witness| witness.amount.currency);
    let same = witnesses.iter().all(|witness| witness.amount.currency == first);
    if same { first } else { Currency::NONE }
}

fn evidence(out: &mut Vec<u8>, witness: &Witness, key: &[u8; 32]) {
    out.extend_from_slice(b"{\"id\":");
    quoted(out, &witness.id);
    show(out, format_args!(",\"time\":\"{}\",\"debtor\":\"", witness.time));
    show(out, tokens::token(key, &witness.debtor));
    out.extend_from_slice(b"\",\"creditor\":\"");
    show(out, tokens::token(key, &witness.creditor));
    let Amount { minor, currency } = witness.amount;
    let amount = Decimal { digits: minor, decimals: currency.decimals() };
    show(out, format_args!("\",\"amount\":{amount},\"currency\":\"{currency}\"}}"));
}

fn revised<D: Disk>(
    out: &mut Vec<u8>,
    core: &Core<D>,
    (number, revision): (usize, &Revision),
) -> anyhow::Result<()> {
    show(out, format_args!("{{\"revision\":{number},\"payment\":"));
    let time = core.payment(revision.place, |sent| {
        quoted(out, sent.id);
        sent.time
    })?;
    show(out, format_args!(",\"time\":\"{time}\",\"score\":"));
    permille(out, revision.score_permille);
    let action = revision.action.name();
    let count = revision.payments;
    show(out, format_args!(",\"action\":\"{action}\",\"payment_count\":{count}}}"));
    Ok(())
}
