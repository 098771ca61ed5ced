//! An account as one text: the same account is the same text in every message.
//!
//! - `iban:DE89370400440532013000`: an IBAN is unique by itself, whoever keeps it.
//! - `DEUTDEFFXXX/BBAN/123`: agent, scheme and number. A number is unique only within its agent.
//!   `-` stands where a part is not given; `%`, `/`, spaces and what is no printable ASCII is written
//!   as `%` and two digits for each byte.
//! - `DEUTDEFFXXX/-/-`: the agent itself, where a message names no account.

use std::fmt::Write;

/// What a message says of an account.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts<'a> {
    pub(super) iban: Option<&'a str>,
    pub(super) number: Option<&'a str>,
    pub(super) scheme: Option<&'a str>,
    /// As [`agent`] wrote it.
    pub(super) agent: Option<&'a str>,
}

/// The text, and what is to be warned of.
pub(super) fn text(parts: Parts<'_>) -> Option<(String, Option<&'static str>)> {
    let Parts { iban, number, scheme, agent } = parts;
    if let Some(iban) = iban {
        let iban = compact(iban);
        let warning = if is_iban(&iban) {
            None
        } else {
            Some("an IBAN has wrong check digits or a wrong form")
        };
        let mut out = "iban:".to_owned();
        escape(&iban, &mut out);
        return Some((out, warning));
    }
    if let Some(number) = number {
        // Some write an IBAN where other numbers stand.
        let whole = compact(number);
        if is_iban(&whole) {
            return Some((format!("iban:{whole}"), None));
        }
    }
    let mut out = agent.unwrap_or("-").to_owned();
    let Some(number) = number else {
        agent?;
        out.push_str("/-/-");
        return Some((out, Some("a payment names no account: the agent stands for it")));
    };
    out.push('/');
    escape(scheme.unwrap_or("-"), &mut out);
    out.push('/');
    escape(number, &mut out);
    let warning = agent
        .is_none()
        .then_some("an account has no agent, and its number is unique only within one");
    Some((out, warning))
}

/// An agent as one text: its BIC with eleven characters, else `CLEARING:MEMBER`, else its own id.
pub(super) fn agent(
    bic: Option<&str>,
    (clearing, member): (Option<&str>, Option<&str>),
    other: Option<&str>,
) -> Option<String> {
    let mut out = String::new();
    if let Some(bic) = bic {
        escape(&compact(bic), &mut out);
        if out.len() == 8 {
            out.push_str("XXX");
        }
    } else if let Some(member) = member {
        escape(clearing.unwrap_or("-"), &mut out);
        out.push(':');
        escape(member, &mut out);
    } else {
        out.push_str("-:");
        escape(other?, &mut out);
    }
    Some(out)
}

/// Without spaces, in capitals.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// Appends a part so that parts cannot run into each other.
pub(super) fn escape(text: &str, out: &mut String) {
    for byte in text.trim().bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'/') {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
}

/// Whether this is an IBAN, by its form and its check digits.
fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let form = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let digits = bytes.iter().cycle().skip(4).take(bytes.len());
    let rest = digits.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
    });
    form && rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_account_is_the_same_text_and_another_is_another() {
        let bank = agent(Some("deutdeff"), (None, None), None);
        let clearing = agent(None, (Some("USABA"), Some("021000021")), None);
        let with =
            |parts| text(parts).map(|(text, warning)| format!("{text} {}", warning.is_some()));
        for (parts, wanted) in [
            (
                Parts {
                    iban: Some("de89 3704 0044 0532 0130 00"),
                    agent: bank.as_deref(),
                    ..Parts::default()
                },
                Some("iban:DE89370400440532013000 false"),
            ),
            (
                Parts { number: Some("DE89370400440532013000"), ..Parts::default() },
                Some("iban:DE89370400440532013000 false"),
            ),
            (
                Parts { iban: Some("DE00370400440532013000"), ..Parts::default() },
                Some("iban:DE00370400440532013000 true"),
            ),
            (
                Parts { number: Some("12/3 4"), agent: bank.as_deref(), ..Parts::default() },
                Some("DEUTDEFFXXX/-/12%2F3%204 false"),
            ),
            (
                Parts {
                    number: Some("123"),
                    scheme: Some("BBAN"),
                    agent: clearing.as_deref(),
                    ..Parts::default()
                },
                Some("USABA:021000021/BBAN/123 false"),
            ),
            (Parts { number: Some("123"), ..Parts::default() }, Some("-/-/123 true")),
            (Parts { agent: bank.as_deref(), ..Parts::default() }, Some("DEUTDEFFXXX/-/- true")),
            (Parts::default(), None),
        ] {
            assert_eq!(with(parts).as_deref(), wanted);
        }
    }
}
