//! Inputs that are messages between banks.

use shroff_types::{AccountId, Payment, Symbol};

use super::{Run, form};
use crate::IngestError;
use crate::messages::{self, Instruction, Limits, MessagePayment};
use crate::plan::Bad;
use crate::source::{Source, Stream};

/// Whether the beginning of an input looks like messages. Other XML is none, and is said to be so.
pub(super) fn are_messages(ahead: &[u8]) -> bool {
    let is_xml = |text: &[u8]| {
        let known: [&[u8]; 2] = [b"Document", b"AppHdr"];
        known.iter().any(|name| memchr::memmem::find(text, name).is_some())
    };
    let start = ahead.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(ahead).trim_ascii_start();
    let is_wide = ahead.starts_with(b"\xFF\xFE<\0") || ahead.starts_with(b"\xFE\xFF\0<");
    is_wide || start.starts_with(b"{1:") || (start.starts_with(b"<") && is_xml(start))
}

/// All that is left of a stream, or a little more than `most`.
fn whole(stream: &mut Stream, name: &str, most: usize) -> Result<Vec<u8>, IngestError> {
    let mut bytes = Vec::new();
    loop {
        let ahead = stream.ahead();
        bytes.extend_from_slice(ahead);
        let count = ahead.len();
        stream.consume(count);
        if bytes.len() > most || !stream.fill(name)? {
            return Ok(bytes);
        }
    }
}

/// The bytes of an input that is messages between banks, unpacked: more than `most` where it has
/// more. None where it is something else.
///
/// # Errors
/// Where it cannot be opened or read.
pub fn messages_in(source: &dyn Source, most: usize) -> Result<Option<Vec<u8>>, IngestError> {
    let mut stream = Stream::open(source)?;
    if !are_messages(stream.ahead()) {
        return Ok(None);
    }
    whole(&mut stream, source.name(), most).map(Some)
}

impl Run<'_> {
    pub(super) fn messages(&mut self, mut stream: Stream, name: &str) -> Result<(), IngestError> {
        self.summary.form = form("messages", stream.packing());
        "messages".clone_into(&mut self.summary.layout);
        let limits = Limits::default();
        let bytes = whole(&mut stream, name, limits.bytes)?;
        let messages = match messages::read_messages(&bytes, &limits) {
            Ok(messages) => messages,
            Err(error) => {
                // Its bytes have account numbers in them; the file is there to be looked at.
                let hint =
                    "nothing of the file is read: one that is cut or changed is worth nothing";
                self.refuse(1, *Bad::whole(b"", &error.to_string(), hint));
                return Ok(());
            }
        };
        for message in messages {
            for warning in message.warnings {
                let note = format!("{} {}: {warning}", message.kind.name(), message.id);
                if self.summary.notes.len() < MOST_NOTES && !self.summary.notes.contains(&note) {
                    self.summary.notes.push(note);
                }
            }
            for instruction in message.instructions {
                match instruction {
                    Instruction::Payment(payment) => self.message_payment(&payment)?,
                    Instruction::Return(one) | Instruction::Rejection(one) => {
                        self.withdrawals.push(one);
                        self.left_out("a return or a rejection: the service takes payments out, a scan does not");
                    }
                    Instruction::LeftOut(why) => self.left_out(why),
                }
            }
        }
        self.report(bytes.len() as u64);
        Ok(())
    }

    fn message_payment(&mut self, sent: &MessagePayment) -> Result<(), IngestError> {
        if !self.keys.insert(sent.key.clone()) {
            self.left_out("the same payment came before");
            return Ok(());
        }
        let payment = Payment {
            id: sent.key.as_str().into(),
            time: sent.time,
            debtor: AccountId(self.desk.accounts.intern(&sent.debtor)),
            creditor: AccountId(self.desk.accounts.intern(&sent.creditor)),
            amount: sent.amount,
            method: sent.method.as_deref().map(|method| Symbol(self.desk.symbols.intern(method))),
            label: None,
            attempt: None,
        };
        if let Some(bad) = self.too_much(&payment) {
            self.refuse(1, bad);
            return Ok(());
        }
        self.summary.records += 1;
        self.summary.payments += 1;
        self.facts.add(&payment, self.options.unnamed_decimals);
        self.builder.push(&payment, self.hooks.spill)
    }

    fn left_out(&mut self, why: &str) {
        self.summary.records += 1;
        *self.summary.left_out.entry(why.to_owned()).or_default() += 1;
    }
}

/// Warnings that are told of one input.
const MOST_NOTES: usize = 20;
