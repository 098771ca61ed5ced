//! A payment as a record of the log.

use shroff_types::{Amount, Currency, SentPayment, Timestamp};

/// The longest id, account or method that is taken, in bytes.
pub const MOST_TEXT_BYTES: usize = 256;

/// Appends a payment with its length in front, as a frame holds it.
///
/// # Panics
/// Where a text is longer than 65,535 bytes, or the amount is out of its range.
pub fn write_payment(payment: &SentPayment<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&payment.time.0.to_le_bytes());
    let Amount { minor, currency } = payment.amount;
    assert!((0..=Amount::MAX_MINOR).contains(&minor), "amounts are checked where they are read");
    out.extend_from_slice(&minor.to_le_bytes()[..12]);
    out.extend_from_slice(currency.code().as_bytes());
    out.push(u8::from(payment.method.is_some()));
    for text in [payment.id, payment.debtor, payment.creditor, payment.method.unwrap_or_default()] {
        let length = u16::try_from(text.len()).expect("texts are checked where they are read");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    let length = u32::try_from(out.len() - start - 4).expect("four short texts");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// The time of a payment; none where these bytes are none.
pub fn read_time(record: &[u8]) -> Option<Timestamp> {
    record.first_chunk().map(|time| Timestamp(i64::from_le_bytes(*time)))
}

/// Reads a payment; none where these bytes are none.
pub fn read_payment(record: &[u8]) -> Option<SentPayment<'_>> {
    let (head, mut rest) = record.split_at_checked(24)?;
    let time = read_time(head)?;
    let mut minor = [0; 16];
    minor[..12].copy_from_slice(&head[8..20]);
    let minor = i128::from_le_bytes(minor);
    let currency = Currency::from_code(std::str::from_utf8(&head[20..23]).ok()?)?;
    let mut texts = [""; 4];
    for text in &mut texts {
        let length = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
        let (bytes, after) = rest[2..].split_at_checked(length)?;
        *text = std::str::from_utf8(bytes).ok()?;
        rest = after;
    }
    let [id, debtor, creditor, method] = texts;
    let sound = rest.is_empty() && minor <= Amount::MAX_MINOR && head[23] <= 1;
    let method = (head[23] == 1).then_some(method);
    let amount = Amount { minor, currency };
    sound.then_some(SentPayment { id, time, debtor, creditor, amount, method })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_read_as_it_was_written_and_a_cut_one_is_none() {
        for (method, minor) in [(None, 1), (Some("ACH"), Amount::MAX_MINOR), (Some(""), 0)] {
            let payment = SentPayment {
                id: "p-1",
                time: Timestamp(-5),
                debtor: "D\u{e9}bit",
                creditor: "",
                amount: Amount { minor, currency: Currency::EUR },
                method,
            };
            let mut bytes = Vec::new();
            write_payment(&payment, &mut bytes);
            assert_eq!(read_payment(&bytes[4..]), Some(payment));
            for cut in 4..bytes.len() {
                assert_eq!(read_payment(&bytes[4..cut]), None, "{cut}");
            }
        }
    }
}
