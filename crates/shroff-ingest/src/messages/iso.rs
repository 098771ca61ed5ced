//! Documents of ISO 20022 as instructions.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use shroff_types::{Amount, Currency, Decimal, DecimalError, Timestamp};

use super::account::{self, Parts};
use super::fields::Fields;
use super::table::{self, SHAPES, Scope, Slot};
use super::{
    Instruction, Message, MessageKind, MessagePayment, PartyNames, Unreadable, Withdrawal, civil,
};

/// What was read so far.
#[derive(Debug)]
pub(super) struct Assembly {
    messages: Vec<Message>,
    /// How many more instructions may come.
    room: usize,
    warnings: BTreeMap<&'static str, u32>,
    header: Header,
    /// What the namespace of the document names: a message and its version.
    named: Option<(String, String)>,
    has_body: bool,
    shape: usize,
    instructions: Vec<Instruction>,
    /// Elements that hold an instruction, and the sum of their amounts in 10^-5.
    count: u64,
    sum: i128,
    keys: BTreeSet<String>,
    /// How often a key that is made up was needed.
    repeats: BTreeMap<String, u32>,
    /// Details of the entry that is being read; whether each has an amount of its own.
    details: Vec<(Instruction, bool)>,
}

/// What the business header said.
#[derive(Debug, Default)]
struct Header {
    id: String,
    kind: String,
    from: Option<String>,
    to: Option<String>,
}

/// The newest version that there is.
const NEWEST_VERSION: u8 = 13;

impl Assembly {
    pub(super) fn new(room: usize) -> Assembly {
        Assembly {
            messages: Vec::new(),
            room,
            warnings: BTreeMap::new(),
            header: Header::default(),
            named: None,
            has_body: false,
            shape: 0,
            instructions: Vec::new(),
            count: 0,
            sum: 0,
            keys: BTreeSet::new(),
            repeats: BTreeMap::new(),
            details: Vec::new(),
        }
    }

    pub(super) fn warn(&mut self, what: &'static str) {
        *self.warnings.entry(what).or_default() += 1;
    }

    /// Another document stands behind the one before: its header is its own.
    pub(super) fn another_root(&mut self) {
        self.header = Header::default();
    }

    /// A document begins.
    pub(super) fn document(&mut self, space: Option<&str>) -> Result<(), Unreadable> {
        self.has_body = false;
        self.named = None;
        let Some(space) = space.filter(|space| !space.is_empty()) else {
            self.warn("its document has no namespace");
            return Ok(());
        };
        if space.starts_with("urn:iso:std:iso:") && !space.starts_with("urn:iso:std:iso:20022:") {
            return Err(Unreadable::new("its namespace is none of ISO 20022"));
        }
        self.named = message_in(space);
        if self.named.is_none() {
            self.warn("its namespace names no message");
        } else if !space.starts_with("urn:iso:std:iso:20022:tech:xsd:") {
            self.warn("its namespace is not that of ISO 20022");
        }
        Ok(())
    }

    /// Which shape a body has.
    pub(super) fn shape(&mut self, local: &str) -> Result<usize, Unreadable> {
        if self.has_body {
            return Err(Unreadable::new("a document has more than one body"));
        }
        self.has_body = true;
        let first = message_in(local);
        let named = |kind: MessageKind, name: &Option<(String, String)>| {
            name.as_ref().is_none_or(|(name, _)| name == kind.name())
        };
        let found = SHAPES.iter().position(|shape| {
            let of_first = first.as_ref().is_some_and(|(name, _)| name == shape.kind.name());
            let rest = local.strip_prefix(shape.body);
            of_first || rest.is_some_and(|rest| rest.is_empty() || rest == "V01")
        });
        let Some(shape) = found else {
            return Err(Unreadable::new(match &self.named {
                Some((name, _)) if SHAPES.iter().any(|shape| shape.kind.name() == name) => {
                    format!("its namespace says {name}, and its body is another's")
                }
                Some((name, _)) => format!("it is a {name}, and none is read"),
                None => "it is no message that is read: pacs.008, pacs.004, pacs.002, pain.001 and camt.053 are".to_owned(),
            }));
        };
        if !named(SHAPES[shape].kind, &self.named) {
            return Err(Unreadable::new("its namespace names another message than its body"));
        }
        let kind = self.header.kind.as_str();
        if !kind.is_empty() && !kind.starts_with(SHAPES[shape].kind.name()) {
            self.warn("its header names another message");
        }
        let version = self.named.as_ref().map_or("", |(_, version)| version.as_str());
        if !version.is_empty()
            && !version.parse().is_ok_and(|v: u8| (1..=NEWEST_VERSION).contains(&v))
        {
            self.warn("its version is not known: 01 to 13 are");
        }
        self.shape = shape;
        self.keys.clear();
        self.repeats.clear();
        (self.count, self.sum) = (0, 0);
        Ok(shape)
    }

    pub(super) fn begin(&mut self, scope: Scope) {
        if scope == Scope::Entry {
            self.details.clear();
        }
    }

    /// An element of a scope ends.
    pub(super) fn end(&mut self, scope: Scope, fields: &Fields) -> Result<(), Unreadable> {
        match scope {
            Scope::Batch => Ok(()),
            Scope::Entry => self.entry(fields),
            Scope::Instruction => {
                self.count += 1;
                let instruction = match SHAPES[self.shape].kind {
                    MessageKind::Pacs008 => self.transfer(fields)?,
                    MessageKind::Pain001 => self.initiation(fields)?,
                    MessageKind::Pacs004 => self.reversal(fields)?,
                    MessageKind::Pacs002 => self.status(fields)?,
                    MessageKind::Camt053 => return self.detail(fields),
                    MessageKind::Mt103 => return Ok(()),
                };
                self.add(instruction)
            }
        }
    }

    fn add(&mut self, instruction: Instruction) -> Result<(), Unreadable> {
        let Some(room) = self.room.checked_sub(1) else {
            return Err(Unreadable::new("it has too many instructions"));
        };
        self.room = room;
        if let Instruction::Payment(payment) = &instruction
            && !self.keys.insert(payment.key.clone())
        {
            self.warn("two of its payments have one identification: they count once");
        }
        self.instructions.push(instruction);
        Ok(())
    }

    pub(super) fn header(&mut self, fields: &Fields) {
        self.header = Header {
            id: fields.get(table::HEADER_ID).unwrap_or_default().to_owned(),
            kind: fields.get(table::HEADER_KIND).unwrap_or_default().to_owned(),
            from: agent(fields, table::FROM),
            to: agent(fields, table::TO),
        };
    }

    /// A body ends.
    pub(super) fn message(&mut self, fields: &Fields) -> Result<(), Unreadable> {
        let kind = SHAPES[self.shape].kind;
        if self.instructions.is_empty() {
            self.group(fields)?;
        }
        let counted = fields.get(table::COUNT).map(str::parse::<u64>);
        if counted.is_some_and(|count| count != Ok(self.count)) {
            self.warn("`NbOfTxs` is not how many there are");
        }
        let sum =
            fields.get(table::SUM).map(|text| Decimal::parse(text, '.').and_then(|d| d.units(5)));
        if sum.is_some_and(|sum| sum != Ok(self.sum)) {
            self.warn("`CtrlSum` is not the sum of the amounts");
        }
        let id = fields.get(table::MESSAGE_ID).unwrap_or_default().to_owned();
        if !self.header.id.is_empty() && !id.is_empty() && self.header.id != id {
            self.warn("its header has another reference than its body");
        }
        let warnings = std::mem::take(&mut self.warnings);
        let warnings = warnings.into_iter().map(|(what, count)| match count {
            1 => what.to_owned(),
            _ => format!("{what} ({count} times)"),
        });
        self.messages.push(Message {
            kind,
            version: self.named.as_ref().map_or_else(String::new, |(_, version)| version.clone()),
            id,
            instructions: std::mem::take(&mut self.instructions),
            warnings: warnings.collect(),
        });
        Ok(())
    }

    /// What a message says of a whole group, which names none of its payments.
    fn group(&mut self, fields: &Fields) -> Result<(), Unreadable> {
        let status = fields.get(table::GROUP_STATUS);
        let original = fields.get(table::GROUP_ORIGINAL);
        match (SHAPES[self.shape].kind, status, original) {
            (MessageKind::Pacs002, Some("RJCT"), _) | (MessageKind::Pacs004, _, Some(_)) => self
                .add(Instruction::LeftOut(
                    "it is about a whole group and names no payment of it: nothing is taken out",
                )),
            _ => Ok(()),
        }
    }

    pub(super) fn document_ended(&mut self) -> Result<(), Unreadable> {
        if self.has_body { Ok(()) } else { Err(Unreadable::new("its document has no body")) }
    }

    pub(super) fn finish(self) -> Result<Vec<Message>, Unreadable> {
        if self.messages.is_empty() {
            return Err(Unreadable::new("there is no message in it"));
        }
        Ok(self.messages)
    }
}

/// What is common to the instructions.
impl Assembly {
    fn amount(&mut self, fields: &Fields, slot: Slot) -> Result<Option<Amount>, Unreadable> {
        let Some(text) = fields.get(slot) else { return Ok(None) };
        let amount = amount(text, fields.get(slot + 1))?;
        if text.bytes().filter(u8::is_ascii_digit).count() > 18 {
            self.warn("an amount has more than 18 digits");
        }
        Ok(Some(amount))
    }

    /// The amount of an instruction, which is above zero.
    fn moved(&mut self, fields: &Fields, slot: Slot) -> Result<Option<Amount>, Unreadable> {
        let moved = self.amount(fields, slot)?;
        if let Some(amount) = moved {
            if amount.minor == 0 {
                return Err(Unreadable::new("an amount is zero"));
            }
            let exact = Decimal { digits: amount.minor, decimals: amount.currency.decimals() };
            self.sum = self.sum.saturating_add(exact.units(5).unwrap_or(i128::MAX));
        }
        Ok(moved)
    }

    fn account(
        &mut self,
        fields: &Fields,
        slot: Slot,
        agent: Option<&str>,
    ) -> Result<String, Unreadable> {
        let Some((text, warning)) = account::text(parts(fields, slot, agent)) else {
            return Err(Unreadable::new(
                "a payment names neither an account nor an agent of one side",
            ));
        };
        if let Some(warning) = warning {
            self.warn(warning);
        }
        if text.len() > MOST_KEY_BYTES {
            return Err(Unreadable::new("an account is too long"));
        }
        Ok(text)
    }

    /// The first of some fields that is a time.
    fn time(&mut self, fields: &Fields, slots: &[Slot]) -> Result<Timestamp, Unreadable> {
        for &slot in slots {
            let Some(text) = fields.get(slot) else { continue };
            let Some((time, has_zone)) = civil::parse(text) else {
                self.warn("a time is none, or not between 1970 and 2200: another one is taken");
                continue;
            };
            if !has_zone && text.contains('T') {
                self.warn("a time has no zone: it is taken as UTC");
            }
            return Ok(time);
        }
        Err(Unreadable::new("a payment has no time that can be read"))
    }

    /// A UETR in small letters.
    fn uetr(&mut self, fields: &Fields) -> Option<String> {
        let text = fields.get(table::UETR)?.to_ascii_lowercase();
        let is_uetr = is_uetr(&text);
        if !is_uetr {
            self.warn("a UETR is none, and is not used");
        }
        is_uetr.then_some(text)
    }

    /// A digest of what a payment says.
    fn content_key(&mut self, parts: &[&str]) -> String {
        self.warn("a payment has no identification: a digest of its content is used");
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        format!("sha256:{}", hex(&digest.finalize()[..16]))
    }

    /// A key that no other payment of the message has: two that are alike in one message are two.
    fn numbered(&mut self, key: String) -> String {
        let count = self.repeats.entry(key.clone()).or_default();
        *count += 1;
        if *count == 1 { key } else { format!("{key}/{count}") }
    }
}

/// The longest key and account that is kept as it is, in bytes.
const MOST_KEY_BYTES: usize = 120;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap_or_default();
        out
    })
}

pub(super) fn is_uetr(text: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| {
            if dashes.contains(&at) {
                byte == b'-'
            } else {
                matches!(byte, b'0'..=b'9' | b'a'..=b'f')
            }
        })
}

/// A key of parts, which cannot run into each other; a digest of it where it is long.
pub(super) fn key(agent: &str, message: &str, payment: &str) -> String {
    let mut key = agent.to_owned();
    for part in [message, payment] {
        key.push('/');
        account::escape(part, &mut key);
    }
    if key.len() > MOST_KEY_BYTES {
        key = format!("sha256:{}", hex(&Sha256::digest(key.as_bytes())[..16]));
    }
    key
}

/// What a servicer calls a payment of an account. A key is shown, so no account is in it.
fn servicer_key(own: &str, reference: &str) -> String {
    let digest = Sha256::digest(key(own, "servicer", reference).as_bytes());
    format!("servicer:{}", hex(&digest[..16]))
}

/// An identification that is one: some write that there is none.
/// Names and remittance text, where the tree has them.
fn names(fields: &Fields) -> PartyNames {
    let text = |slot| fields.get(slot).unwrap_or_default().to_owned();
    PartyNames {
        debtor: text(table::DEBTOR_NAME),
        creditor: text(table::CREDITOR_NAME),
        remittance: text(table::REMITTANCE),
    }
}

fn given(fields: &Fields, slot: Slot) -> Option<&str> {
    fields.get(slot).filter(|text| !text.eq_ignore_ascii_case("NOTPROVIDED"))
}

fn agent(fields: &Fields, slot: Slot) -> Option<String> {
    let [bic, clearing, member, other] = [0, 1, 2, 3].map(|part| fields.get(slot + part));
    account::agent(bic, (clearing, member), other)
}

fn parts<'a>(fields: &'a Fields, slot: Slot, agent: Option<&'a str>) -> Parts<'a> {
    let [iban, number, scheme, proxy] = [0, 1, 2, 3].map(|part| fields.get(slot + part));
    // A proxy stands for an account where none is named.
    let scheme = if number.is_none() && proxy.is_some() { Some("proxy") } else { scheme };
    Parts { iban, number: number.or(proxy), scheme, agent }
}

pub(super) fn amount(text: &str, currency: Option<&str>) -> Result<Amount, Unreadable> {
    let Some(code) = currency else { return Err(Unreadable::new("an amount has no currency")) };
    let currency = Currency::from_code(code).filter(|currency| *currency != Currency::NONE);
    let currency =
        currency.ok_or_else(|| Unreadable::new("an amount has a currency that is none"))?;
    if text.bytes().any(|byte| !byte.is_ascii_digit() && byte != b'.' && byte != b'+') {
        return Err(Unreadable::new("an amount is no decimal number of zero or more"));
    }
    let units = Decimal::parse(text, '.').and_then(|number| number.units(currency.decimals()));
    let minor = units.map_err(|error| {
        Unreadable::new(match error {
            DecimalError::TooFine => {
                "an amount has more decimals than its currency, and they are not zero"
            }
            DecimalError::TooLong => "an amount is too large",
            DecimalError::NotANumber => "an amount is no decimal number of zero or more",
        })
    })?;
    if minor > Amount::MAX_MINOR {
        return Err(Unreadable::new("an amount is too large"));
    }
    Ok(Amount { minor, currency })
}

/// A message's name and version, as a namespace or a name has them: `pacs.008.001.08`.
fn message_in(text: &str) -> Option<(String, String)> {
    let bytes = text.as_bytes();
    bytes.windows(15).find_map(|window| {
        let form = window.iter().enumerate().all(|(at, byte)| match at {
            0..4 => byte.is_ascii_lowercase(),
            4 | 8 | 12 => *byte == b'.',
            _ => byte.is_ascii_digit(),
        });
        let text = std::str::from_utf8(window).ok().filter(|_| form)?;
        Some((text[..8].to_owned(), text[13..].to_owned()))
    })
}

/// The instructions.
impl Assembly {
    /// A payment of a pacs.008.
    fn transfer(&mut self, fields: &Fields) -> Result<Instruction, Unreadable> {
        let amount = if let Some(amount) = self.moved(fields, table::SETTLED_AMOUNT)? {
            amount
        } else {
            self.warn("a payment has no settlement amount: what was instructed is taken");
            let instructed = self.moved(fields, table::INSTRUCTED_AMOUNT)?;
            instructed.ok_or_else(|| Unreadable::new("a payment has no amount"))?
        };
        let times = [table::ACCEPTED, table::CREATED, table::SETTLED, table::GROUP_SETTLED];
        let payment = Half {
            amount,
            time: self.time(fields, &times)?,
            agents: [agent(fields, table::DEBTOR_AGENT), agent(fields, table::CREDITOR_AGENT)],
        };
        let sender = agent(fields, table::INSTRUCTING)
            .or_else(|| agent(fields, table::GROUP_INSTRUCTING))
            .or_else(|| self.header.from.clone())
            .or_else(|| payment.agents[0].clone());
        let ids = [table::TX_ID, table::END_TO_END_ID, table::INSTRUCTION_ID];
        let id = ids.into_iter().find_map(|slot| given(fields, slot));
        let message = fields.get(table::MESSAGE_ID);
        let identified =
            message.zip(id).map(|(message, id)| (sender, message.to_owned(), id.to_owned()));
        self.payment(fields, payment, identified)
    }

    /// A payment of a pain.001.
    fn initiation(&mut self, fields: &Fields) -> Result<Instruction, Unreadable> {
        let amount = self.moved(fields, table::INSTRUCTED_AMOUNT)?;
        let payment = Half {
            amount: amount.ok_or_else(|| Unreadable::new("a payment has no amount"))?,
            time: self.time(fields, &[table::CREATED, table::REQUESTED])?,
            agents: [agent(fields, table::DEBTOR_AGENT), agent(fields, table::CREDITOR_AGENT)],
        };
        let initiator = [table::INITIATOR, table::INITIATOR_NUMBER];
        let initiator = initiator.into_iter().find_map(|slot| fields.get(slot)).map(|text| {
            let mut out = String::new();
            account::escape(text, &mut out);
            out
        });
        let sender = initiator.or_else(|| payment.agents[0].clone());
        let ids = [table::INSTRUCTION_ID, table::END_TO_END_ID];
        let id = ids.into_iter().find_map(|slot| given(fields, slot));
        let batch = fields.get(table::BATCH_ID).unwrap_or("-");
        let message = fields.get(table::MESSAGE_ID);
        let identified = message
            .zip(id)
            .map(|(message, id)| (sender, message.to_owned(), format!("{batch} {id}")));
        self.payment(fields, payment, identified)
    }

    fn payment(
        &mut self,
        fields: &Fields,
        half: Half,
        identified: Option<(Option<String>, String, String)>,
    ) -> Result<Instruction, Unreadable> {
        let Half { amount, time, agents } = half;
        let debtor = self.account(fields, table::DEBTOR, agents[0].as_deref())?;
        let creditor = self.account(fields, table::CREDITOR, agents[1].as_deref())?;
        let key = match (self.uetr(fields), identified) {
            (Some(uetr), _) => uetr,
            (None, Some((sender, message, id))) => {
                key(sender.as_deref().unwrap_or("-"), &message, &id)
            }
            (None, None) => {
                let (time, minor) = (time.0.to_string(), amount.minor.to_string());
                let message = fields.get(table::MESSAGE_ID).unwrap_or_default();
                let code = amount.currency.code();
                let key = self.content_key(&[message, &time, &debtor, &creditor, &minor, code]);
                self.numbered(key)
            }
        };
        let method = [table::INSTRUMENT, table::GROUP_INSTRUMENT, table::LEVEL, table::GROUP_LEVEL];
        let method = method.into_iter().find_map(|slot| fields.get(slot)).map(short);
        let names = names(fields);
        Ok(Instruction::Payment(MessagePayment {
            key,
            time,
            debtor,
            creditor,
            amount,
            method,
            names,
        }))
    }

    fn withdrawal(
        &mut self,
        fields: &Fields,
        amount: Option<Amount>,
    ) -> Result<Withdrawal, Unreadable> {
        let time = self.time(fields, &[table::CREATED])?;
        let mut originals = Vec::new();
        originals.extend(self.uetr(fields));
        let message =
            fields.get(table::ORIGINAL_MESSAGE).or_else(|| fields.get(table::GROUP_ORIGINAL));
        let ids = [table::TX_ID, table::END_TO_END_ID, table::INSTRUCTION_ID];
        let id = ids.into_iter().find_map(|slot| given(fields, slot));
        if let (Some(message), Some(id)) = (message, id) {
            // Whoever is instructed now has instructed the original.
            let senders = [
                agent(fields, table::INSTRUCTED),
                agent(fields, table::GROUP_INSTRUCTED),
                self.header.to.clone(),
                agent(fields, table::DEBTOR_AGENT),
                agent(fields, table::INSTRUCTING),
                agent(fields, table::GROUP_INSTRUCTING),
                self.header.from.clone(),
                Some("-".to_owned()),
            ];
            for sender in senders.into_iter().flatten() {
                let key = key(&sender, message, id);
                if !originals.contains(&key) {
                    originals.push(key);
                }
            }
        }
        if originals.is_empty() {
            self.warn("a return or a rejection does not say of which payment");
        }
        Ok(Withdrawal { originals, amount, time })
    }

    fn reversal(&mut self, fields: &Fields) -> Result<Instruction, Unreadable> {
        // Before charges, where that is said in the same currency.
        let settled = self.moved(fields, table::RETURNED_AMOUNT)?;
        let instructed = self.amount(fields, table::INSTRUCTED_AMOUNT)?;
        let amount = match (settled, instructed) {
            (Some(settled), Some(instructed)) if settled.currency == instructed.currency => {
                Some(if instructed.minor > settled.minor { instructed } else { settled })
            }
            (settled, instructed) => settled.or(instructed),
        };
        Ok(Instruction::Return(self.withdrawal(fields, amount)?))
    }

    fn status(&mut self, fields: &Fields) -> Result<Instruction, Unreadable> {
        let status = fields.get(table::STATUS).or_else(|| fields.get(table::GROUP_STATUS));
        match status {
            Some("RJCT" | "CANC") => Ok(Instruction::Rejection(self.withdrawal(fields, None)?)),
            Some(_) => Ok(Instruction::LeftOut("its status is no rejection: nothing changes")),
            None => Ok(Instruction::LeftOut("it has no status: nothing changes")),
        }
    }

    /// One payment of an entry.
    fn detail(&mut self, fields: &Fields) -> Result<(), Unreadable> {
        if self.details.len() >= self.room {
            return Err(Unreadable::new("it has too many instructions"));
        }
        let mut own = self.amount(fields, table::SETTLED_AMOUNT)?;
        if own.is_none() {
            own = self.amount(fields, table::INSTRUCTED_AMOUNT)?;
        }
        let number = self.details.len() + 1;
        let instruction = self.booked(fields, own, number)?;
        self.details.push((instruction, own.is_some()));
        Ok(())
    }

    /// An entry ends: with one payment its amount is the entry's, where it has none of its own.
    fn entry(&mut self, fields: &Fields) -> Result<(), Unreadable> {
        let details = std::mem::take(&mut self.details);
        if details.is_empty() {
            let instruction = match entry_left_out(fields) {
                Some(why) => Instruction::LeftOut(why),
                None => Instruction::LeftOut("an entry of a statement names no other account"),
            };
            return self.add(instruction);
        }
        let is_single = details.len() == 1;
        for (instruction, has_amount) in details {
            let is_without = !has_amount && !is_single;
            let instruction = match instruction {
                Instruction::Payment(_) | Instruction::Return(_) if is_without => {
                    Instruction::LeftOut(
                        "a payment of an entry of several has no amount of its own",
                    )
                }
                // A servicer may call a whole batch by one reference.
                Instruction::Payment(payment) if !is_uetr(&payment.key) => {
                    let key = self.numbered(payment.key);
                    Instruction::Payment(MessagePayment { key, ..payment })
                }
                other => other,
            };
            self.add(instruction)?;
        }
        Ok(())
    }

    fn booked(
        &mut self,
        fields: &Fields,
        own: Option<Amount>,
        number: usize,
    ) -> Result<Instruction, Unreadable> {
        if let Some(why) = entry_left_out(fields) {
            return Ok(Instruction::LeftOut(why));
        }
        let amount = match own {
            Some(amount) => Some(amount),
            None => self.amount(fields, table::ENTRY_AMOUNT)?,
        };
        let Some(amount) = amount.filter(|amount| amount.minor > 0) else {
            return Ok(Instruction::LeftOut("an entry of a statement moves nothing"));
        };
        let times = [table::BOOKED, table::VALUED, table::BATCH_CREATED, table::CREATED];
        let time = self.time(fields, &times)?;
        let servicer = agent(fields, table::SERVICER);
        let direction = fields.get(table::DIRECTION).or_else(|| fields.get(table::ENTRY_DIRECTION));
        let is_reversal =
            fields.get(table::REVERSAL).is_some_and(|text| matches!(text, "true" | "1"));
        let own = self.account(fields, table::OWN, servicer.as_deref())?;
        let key = self.booked_key(fields, &own, number);
        if is_reversal {
            let originals = key.into_iter().collect();
            return Ok(Instruction::Return(Withdrawal { originals, amount: Some(amount), time }));
        }
        let (other, agents) = match direction {
            Some("CRDT") => (table::DEBTOR, table::DEBTOR_AGENT),
            Some("DBIT") => (table::CREDITOR, table::CREDITOR_AGENT),
            _ => return Ok(Instruction::LeftOut("an entry of a statement says no direction")),
        };
        let agents = agent(fields, agents);
        let Some((other, warning)) = account::text(parts(fields, other, agents.as_deref())) else {
            return Ok(Instruction::LeftOut("an entry of a statement names no other account"));
        };
        if let Some(warning) = warning {
            self.warn(warning);
        }
        let (debtor, creditor) =
            if direction == Some("CRDT") { (other, own) } else { (own, other) };
        let key = key.unwrap_or_else(|| {
            let (time, minor) = (time.0.to_string(), amount.minor.to_string());
            let statement = fields.get(table::BATCH_ID).unwrap_or_default();
            self.content_key(&[
                statement,
                &time,
                &debtor,
                &creditor,
                &minor,
                amount.currency.code(),
            ])
        });
        Ok(Instruction::Payment(MessagePayment {
            key,
            time,
            debtor,
            creditor,
            amount,
            method: None,
            names: names(fields),
        }))
    }

    /// What identifies a booked payment: its UETR, else what the servicer calls it.
    fn booked_key(&mut self, fields: &Fields, own: &str, number: usize) -> Option<String> {
        if let Some(uetr) = self.uetr(fields) {
            return Some(uetr);
        }
        if let Some(reference) = given(fields, table::SERVICER_REFERENCE) {
            return Some(servicer_key(own, reference));
        }
        let entry = given(fields, table::ENTRY_SERVICER_REFERENCE)?;
        Some(servicer_key(own, &format!("{entry} {number}")))
    }
}

/// What a payment is beside its accounts and its key.
struct Half {
    amount: Amount,
    time: Timestamp,
    agents: [Option<String>; 2],
}

/// Why an entry is no payment.
fn entry_left_out(fields: &Fields) -> Option<&'static str> {
    match fields.get(table::ENTRY_STATUS) {
        Some("BOOK") => None,
        Some(_) => Some("an entry of a statement is not booked"),
        None => Some("an entry of a statement has no status"),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(16).collect()
}
