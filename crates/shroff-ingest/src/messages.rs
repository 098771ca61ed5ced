//! Messages between banks as payments: ISO 20022 XML and SWIFT MT103.
//!
//! A message is bytes of a stranger. It is read within [`Limits`], in time linear in its length, and
//! either as a whole or not at all. What is read of it is the table in `table.rs`, and nothing else:
//! no address, and no name and no remittance text but where they are asked for, to be sealed.

mod account;
mod civil;
mod encoding;
mod fields;
mod iso;
mod mt103;
mod table;
mod xml;

use shroff_types::{Amount, SentPayment, Timestamp};

pub use self::table::{allowed_fields, named_fields};

/// How much of a message is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole input.
    pub bytes: usize,
    /// Elements within each other.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Prefixes that are declared at one place.
    pub namespaces: usize,
    /// Bytes of one name of an element.
    pub name_bytes: usize,
    /// Bytes of one run of text or one tag.
    pub text_bytes: usize,
    /// Payments, returns and rejections of the whole input.
    pub instructions: usize,
    /// Tags, texts and comments of the whole input.
    pub steps: usize,
    /// Whether names of parties and remittance text are read: only where they are sealed.
    pub has_names: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes: 64 << 20,
            depth: 64,
            attributes: 64,
            namespaces: 64,
            name_bytes: 256,
            text_bytes: 64 << 10,
            instructions: 100_000,
            steps: 16 << 20,
            has_names: false,
        }
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// `pacs.008`: credit transfers between institutions, for their customers.
    Pacs008,
    /// `pacs.004`: returns.
    Pacs004,
    /// `pacs.002`: how payments fare; a rejection is one.
    Pacs002,
    /// `pain.001`: a customer asks for credit transfers.
    Pain001,
    /// `camt.053`: a statement; its booked entries.
    Camt053,
    /// SWIFT's MT103: one credit transfer.
    Mt103,
}

impl MessageKind {
    /// Its name, as `pacs.008`.
    pub fn name(self) -> &'static str {
        match self {
            MessageKind::Pacs008 => "pacs.008",
            MessageKind::Pacs004 => "pacs.004",
            MessageKind::Pacs002 => "pacs.002",
            MessageKind::Pain001 => "pain.001",
            MessageKind::Camt053 => "camt.053",
            MessageKind::Mt103 => "MT103",
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// Its version, as `08`; empty where it names none.
    pub version: String,
    /// Its own reference; empty where it has none.
    pub id: String,
    /// What it says, in order.
    pub instructions: Vec<Instruction>,
    /// Where it breaks its schema and could be read all the same.
    pub warnings: Vec<String>,
}

/// One thing that a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// Money that moves.
    Payment(MessagePayment),
    /// Money that moves back: what is to be taken out again.
    Return(Withdrawal),
    /// A payment that will not be: what is to be taken out again.
    Rejection(Withdrawal),
    /// Something that moves no money between two accounts, and why.
    LeftOut(&'static str),
}

/// A payment as a message says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePayment {
    /// The same for the same payment, however often it comes.
    pub key: String,
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: String,
    /// Who is paid.
    pub creditor: String,
    /// How much.
    pub amount: Amount,
    /// The local instrument or the level of service, where it says.
    pub method: Option<String>,
    /// Names and remittance text; nothing unless they were asked for.
    pub names: PartyNames,
}

/// What people call each other; empty where it is not said, or not read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PartyNames {
    /// Of who pays.
    pub debtor: String,
    /// Of who is paid.
    pub creditor: String,
    /// What for.
    pub remittance: String,
}

/// What is printed by mistake is no name.
impl std::fmt::Debug for PartyNames {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PartyNames(..)")
    }
}

impl MessagePayment {
    /// As it is sent to a log.
    pub fn sent(&self) -> SentPayment<'_> {
        SentPayment {
            id: &self.key,
            time: self.time,
            debtor: &self.debtor,
            creditor: &self.creditor,
            amount: self.amount,
            method: self.method.as_deref(),
        }
    }
}

/// A payment that is taken out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Keys that the original may have, the likeliest first.
    pub originals: Vec<String>,
    /// How much is returned, where that is said.
    pub amount: Option<Amount>,
    /// When that is said.
    pub time: Timestamp,
}

/// Why an input is not read, none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at byte {offset})")]
pub struct Unreadable {
    /// The reason, with no account in it.
    pub reason: String,
    /// Where: bytes from the beginning, of its text in UTF-8.
    pub offset: u64,
}

impl Unreadable {
    fn new(reason: impl Into<String>) -> Unreadable {
        Unreadable { reason: reason.into(), offset: 0 }
    }

    fn at(self, offset: usize) -> Unreadable {
        if self.offset > 0 {
            return self;
        }
        Unreadable { offset: offset as u64, ..self }
    }
}

/// Reads messages, one or several behind each other: all of them or none.
///
/// # Errors
/// Where any of them cannot be read, or a limit is reached.
pub fn read_messages(bytes: &[u8], limits: &Limits) -> Result<Vec<Message>, Unreadable> {
    if bytes.len() > limits.bytes {
        return Err(Unreadable::new(format!("it is longer than {} bytes", limits.bytes)));
    }
    if encoding::without_mark(bytes).trim_ascii_start().starts_with(b"{") {
        return mt103::read(bytes, limits);
    }
    let text = encoding::decode(bytes)?;
    xml::read(&text, limits)
}
