//! A world as CSV in Shroff's own layout, digits written by hand: a few hundred MB a second.

use std::io::{self, Write};

use crate::calendar::{Day, HOUR};
use crate::flow::Kind;
use crate::ledger::Entry;
use crate::world::Simulation;

const HEADER: &[u8] = b"id,time,debtor,creditor,amount,currency,method,label,pattern,lookalike\n";
/// Bytes gathered before they are written.
const CHUNK: usize = 64 * 1024;
/// No row is longer: 10 digits of id, 20 of time, 2 x 11 of accounts, 13 of amount, and names.
const LONGEST_ROW: usize = 256;

impl Simulation {
    /// Writes all payments. `id` is the row's number from 0, `label` 1 for an attempt, `pattern`
    /// its `<number>:<TYPOLOGY>`, `lookalike` an innocent flow's `<kind>:<number>`.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(CHUNK + LONGEST_ROW);
        buffer.extend_from_slice(HEADER);
        for (id, entry) in (0_u64..).zip(&self.entries) {
            self.write_row(&mut buffer, id, entry);
            if buffer.len() >= CHUNK {
                out.write_all(&buffer)?;
                buffer.clear();
            }
        }
        out.write_all(&buffer)?;
        out.flush()
    }

    fn write_row(&self, buffer: &mut Vec<u8>, id: u64, entry: &Entry) {
        digits(buffer, id, 1);
        buffer.push(b',');
        let day = self.calendar.days[(entry.second / (24 * HOUR)) as usize];
        time(buffer, day, entry.second % (24 * HOUR));
        for account in [entry.debtor, entry.creditor] {
            buffer.extend_from_slice(b",A");
            digits(buffer, u64::from(account.0), 7);
        }
        buffer.push(b',');
        digits(buffer, u64::from(entry.amount_minor / 100), 1);
        buffer.push(b'.');
        digits(buffer, u64::from(entry.amount_minor % 100), 2);
        buffer.extend_from_slice(b",EUR,");
        buffer.extend_from_slice(entry.method.name().as_bytes());
        match entry.flow.map(|flow| self.planted[flow.index()]) {
            None => buffer.extend_from_slice(b",0,,\n"),
            Some(flow) => match flow.kind {
                Kind::Attempt(typology) => {
                    buffer.extend_from_slice(b",1,");
                    digits(buffer, u64::from(flow.number), 1);
                    buffer.push(b':');
                    buffer.extend_from_slice(typology.name().as_bytes());
                    buffer.extend_from_slice(b",\n");
                }
                Kind::Lookalike(lookalike) => {
                    buffer.extend_from_slice(b",0,,");
                    buffer.extend_from_slice(lookalike.name().as_bytes());
                    buffer.push(b':');
                    digits(buffer, u64::from(flow.number), 1);
                    buffer.push(b'\n');
                }
            },
        }
    }
}

/// RFC 3339 in UTC, on whole seconds.
fn time(buffer: &mut Vec<u8>, day: Day, second: u32) {
    digits(buffer, u64::from(day.year), 4);
    buffer.push(b'-');
    digits(buffer, u64::from(day.month), 2);
    buffer.push(b'-');
    digits(buffer, u64::from(day.of_month), 2);
    buffer.push(b'T');
    digits(buffer, u64::from(second / HOUR), 2);
    buffer.push(b':');
    digits(buffer, u64::from(second / 60 % 60), 2);
    buffer.push(b':');
    digits(buffer, u64::from(second % 60), 2);
    buffer.push(b'Z');
}

/// A number in decimal, filled up with zeros to `width`.
fn digits(buffer: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while number > 0 {
        start -= 1;
        text[start] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
    buffer.extend_from_slice(&text[start.min(text.len() - width)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for (number, width) in
            [(0, 1), (0, 2), (7, 2), (10, 1), (12_345_678, 7), (u64::MAX, 1), (99, 4)]
        {
            let mut buffer = Vec::new();
            digits(&mut buffer, number, width);
            assert_eq!(String::from_utf8(buffer).expect("ASCII"), format!("{number:0width$}"));
        }
    }
}
