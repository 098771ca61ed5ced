//! SWIFT's MT103 as it travels: blocks in braces, one message or several.

use shroff_types::{Amount, Decimal, DecimalError, Timestamp};

use super::account::{self, Parts};
use super::{
    Instruction, Limits, Message, MessageKind, MessagePayment, PartyNames, Unreadable, Withdrawal,
    civil, encoding, iso,
};

/// Reads messages; acknowledgements (service 21) are passed over.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<Message>, Unreadable> {
    let bytes = encoding::without_mark(bytes);
    if let Some(at) =
        bytes.iter().position(|&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 1 | 3))
    {
        return Err(Unreadable::new("it has a control character in it").at(at));
    }
    // What is read is ASCII; names and remittance text, which are not, may be in any encoding.
    let text: String =
        bytes.iter().map(|&b| if b.is_ascii() { char::from(b) } else { '?' }).collect();
    let mut messages = Vec::new();
    let mut at = 0;
    while let Some((message, end)) = next(&text, at)? {
        if messages.len() >= limits.instructions {
            return Err(Unreadable::new("it has too many instructions").at(at));
        }
        if let Some(blocks) = message {
            messages.push(blocks.message(limits.has_names).map_err(|error| error.at(at.max(1)))?);
        }
        at = end;
    }
    if messages.is_empty() {
        return Err(Unreadable::new("there is no message in it"));
    }
    Ok(messages)
}

/// The blocks of one message, without their braces.
#[derive(Debug, Default, Clone, Copy)]
struct Blocks<'a> {
    basic: &'a str,
    application: &'a str,
    user: &'a str,
    body: &'a str,
    /// Whether a trailer is only begun.
    is_cut: bool,
}

/// The next message from a place on, and where it ends. No message where it is an acknowledgement.
fn next(text: &str, from: usize) -> Result<Option<(Option<Blocks<'_>>, usize)>, Unreadable> {
    let mut at = skip(text, from);
    if at == text.len() {
        return Ok(None);
    }
    let mut blocks = Blocks::default();
    let mut last = 0;
    while text[at..].starts_with('{') {
        let number = text.as_bytes().get(at + 1).copied().unwrap_or_default();
        // A first block again: another message.
        if number == b'1' && last > 0 {
            break;
        }
        // Some writers leave a trailer out, and not its brace.
        let behind = skip(text, at + 1);
        if last == b'4' && (behind == text.len() || text[behind..].starts_with("{1:")) {
            blocks.is_cut = true;
            at = behind;
            break;
        }
        let end = block_end(text, at)?;
        let inner =
            text.get(at + 3..end - 1).filter(|_| text.as_bytes().get(at + 2) == Some(&b':'));
        let Some(inner) = inner else {
            return Err(Unreadable::new("a block of it is none").at(at));
        };
        match number {
            b'1' => blocks.basic = inner,
            b'2' => blocks.application = inner,
            b'3' => blocks.user = inner,
            b'4' => blocks.body = inner,
            // Trailers of the network and of the terminal.
            b'5' | b'S' => {}
            _ => return Err(Unreadable::new("a block of it is none").at(at)),
        }
        if last == 0 && number != b'1' {
            return Err(Unreadable::new("it does not begin with its basic header").at(at));
        }
        last = number;
        at = skip_space(text, end);
    }
    if last == 0 {
        return Err(Unreadable::new("there is text outside of its blocks").at(at));
    }
    let is_message = blocks.basic.get(1..3) == Some("01");
    Ok(Some((is_message.then_some(blocks), at)))
}

fn skip_space(text: &str, from: usize) -> usize {
    let rest = text[from..]
        .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{1}' || c == '\u{3}');
    text.len() - rest.len()
}

/// Space, and the `$` between messages of a file.
fn skip(text: &str, from: usize) -> usize {
    let rest = text[from..].trim_start_matches(|c: char| {
        c.is_ascii_whitespace() || matches!(c, '\u{1}' | '\u{3}' | '$')
    });
    text.len() - rest.len()
}

/// Behind the closing brace of the block at a place.
fn block_end(text: &str, at: usize) -> Result<usize, Unreadable> {
    let mut depth = 0_u32;
    let is_body = text[at..].starts_with("{4:") && !text[at..].starts_with("{4:{");
    if is_body {
        // Its text may have any brace in it; it ends with `-}` on a line of its own.
        let end = text[at..].find("\n-}").map(|end| at + end + 3);
        return end.ok_or_else(|| Unreadable::new("it ends within its text block").at(at.max(1)));
    }
    for (offset, byte) in text[at..].bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(at + offset + 1);
        }
    }
    Err(Unreadable::new("it ends within a block").at(at.max(1)))
}

impl Blocks<'_> {
    /// Who sends and who receives it, and when, where that is said.
    fn banks(self) -> Result<([Option<String>; 2], Option<Timestamp>), Unreadable> {
        let direction = self.application.get(..1).unwrap_or_default();
        let kind = self.application.get(1..4).unwrap_or_default();
        if kind != "103" || !matches!(direction, "I" | "O") {
            return Err(Unreadable::new("it is no MT103, and no other MT is read"));
        }
        // Of a logical terminal: its bank, its terminal, its branch.
        let own = self.basic.get(3..15).and_then(terminal);
        if direction == "I" {
            return Ok(([own, self.application.get(4..16).and_then(terminal)], None));
        }
        let created = self.application.get(8..14).zip(self.application.get(4..8));
        let created = created.and_then(|(date, time)| civil::swift(date, time));
        Ok(([self.application.get(14..26).and_then(terminal), own], created))
    }

    fn message(self, has_names: bool) -> Result<Message, Unreadable> {
        let wrong = |what: &str| Unreadable::new(what);
        let ([sender, receiver], created) = self.banks()?;
        let mut warnings = Vec::new();
        if self.is_cut {
            warnings.push("a block of it is only begun".to_owned());
        }
        let fields = Fields { body: self.body };
        let reference = fields.get("20").map(str::trim).filter(|value| !value.is_empty());
        let settled = fields.get("32A").ok_or_else(|| wrong("it has no field 32A"))?;
        let settled = settled.trim();
        let date = settled.get(..6).and_then(|date| civil::swift(date, "0000"));
        let date = date.ok_or_else(|| wrong("field 32A begins with no date"))?;
        if fields.get("23B").is_none() {
            warnings.push("it has no field 23B".to_owned());
        }
        let amount =
            amount(settled.get(6..9).unwrap_or_default(), settled.get(9..).unwrap_or_default())?;
        let uetr = self.user.split_once("{121:").and_then(|(_, rest)| rest.split('}').next());
        let uetr = uetr.map(str::to_ascii_lowercase).filter(|text| iso::is_uetr(text));
        let time = created.unwrap_or(date);
        let message = |instruction: Instruction, warnings: Vec<String>| Message {
            kind: MessageKind::Mt103,
            version: String::new(),
            id: reference.unwrap_or_default().to_owned(),
            instructions: vec![instruction],
            warnings,
        };
        if let Some(back) = fields.back() {
            // Who is told of it now has sent the original.
            let senders = [receiver, sender, Some("-".to_owned())];
            let originals = back.originals(uetr, senders.iter().flatten());
            if originals.is_empty() {
                warnings.push("a return or a rejection does not say of which payment".to_owned());
            }
            let amount = fields.before_charges(amount);
            return Ok(message(back.instruction(originals, amount, time), warnings));
        }
        let debtor_agent = fields.agent(["52A", "52D"]).or_else(|| sender.clone());
        let creditor_agent = fields.agent(["57A", "57D"]).or_else(|| receiver.clone());
        let mut side = |names: [&str; 3], agent: Option<String>| {
            let parts = fields.account(names);
            let parts = Parts { number: parts, agent: agent.as_deref(), ..Parts::default() };
            let told = account::text(parts);
            let (text, warning) =
                told.ok_or_else(|| wrong("it names neither an account nor a bank of one side"))?;
            warnings.extend(warning.map(str::to_owned));
            Ok(text)
        };
        let debtor = side(["50A", "50F", "50K"], debtor_agent)?;
        let creditor = side(["59", "59A", "59F"], creditor_agent)?;
        let key = match (uetr, reference) {
            (Some(uetr), _) => uetr,
            (None, Some(reference)) => {
                iso::key(sender.as_deref().unwrap_or("-"), "MT103", reference)
            }
            (None, None) => return Err(wrong("it has neither a UETR nor a field 20")),
        };
        let method = fields.get("23B").map(|value| value.trim().chars().take(16).collect());
        let names = if has_names { fields.names() } else { PartyNames::default() };
        let payment = MessagePayment { key, time, debtor, creditor, amount, method, names };
        Ok(message(Instruction::Payment(payment), warnings))
    }
}

fn terminal(text: &str) -> Option<String> {
    let bic = format!("{}{}", text.get(..8)?, text.get(9..12)?);
    account::agent(Some(&bic), (None, None), None)
}

/// An amount with a decimal comma.
fn amount(code: &str, text: &str) -> Result<Amount, Unreadable> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b',');
    if !is_number || Decimal::parse(text, ',') == Err(DecimalError::NotANumber) {
        return Err(Unreadable::new("field 32A ends with no amount"));
    }
    let amount = iso::amount(&text.replace(',', "."), Some(code))?;
    if amount.minor == 0 {
        return Err(Unreadable::new("an amount is zero"));
    }
    Ok(amount)
}

/// What field 72 says of a payment that comes back or was refused.
#[derive(Debug, Clone, Copy)]
struct Back<'a> {
    is_return: bool,
    /// The reference that the original had in its field 20.
    reference: Option<&'a str>,
}

impl Back<'_> {
    /// Keys that the original may have, the likeliest first.
    fn originals<'s>(
        self,
        uetr: Option<String>,
        senders: impl Iterator<Item = &'s String>,
    ) -> Vec<String> {
        let mut originals: Vec<String> = uetr.into_iter().collect();
        for (sender, reference) in senders.zip(std::iter::repeat(self.reference)) {
            let key = reference.map(|reference| iso::key(sender, "MT103", reference));
            originals.extend(key.filter(|key| !originals.contains(key)));
        }
        originals
    }

    fn instruction(self, originals: Vec<String>, amount: Amount, time: Timestamp) -> Instruction {
        if self.is_return {
            Instruction::Return(Withdrawal { originals, amount: Some(amount), time })
        } else {
            Instruction::Rejection(Withdrawal { originals, amount: None, time })
        }
    }
}

/// The fields of a text block.
#[derive(Debug, Clone, Copy)]
struct Fields<'a> {
    body: &'a str,
}

impl<'a> Fields<'a> {
    /// The value of the first field of a name: up to the next line that begins with a colon.
    fn get(self, name: &str) -> Option<&'a str> {
        let mut rest = self.body;
        while let Some(at) = rest.find("\n:") {
            rest = &rest[at + 2..];
            let Some((tag, _)) = rest.split_once(':') else { break };
            if tag == name {
                let value = &rest[tag.len() + 1..];
                return Some(value.find("\n:").map_or(value, |end| &value[..end]));
            }
        }
        None
    }

    /// What field 72 says where it begins a line with `/RETN/` or `/REJT/`; nothing else of it is read
    /// but the reference behind `/MREF/`.
    fn back(self) -> Option<Back<'a>> {
        let field = self.get("72")?;
        let behind = |code: &str| field.lines().find_map(|line| line.trim().strip_prefix(code));
        let is_return = behind("/RETN/").is_some();
        if !is_return && behind("/REJT/").is_none() {
            return None;
        }
        let reference = behind("/MREF/").map(str::trim).filter(|text| !text.is_empty());
        Some(Back { is_return, reference })
    }

    /// What was instructed, where that is more than what is left of it: charges came off on the way.
    fn before_charges(self, settled: Amount) -> Amount {
        let instructed = self
            .get("33B")
            .map(str::trim)
            .and_then(|text| amount(text.get(..3)?, text.get(3..)?).ok());
        match instructed {
            Some(other) if other.currency == settled.currency && other.minor > settled.minor => {
                other
            }
            _ => settled,
        }
    }

    /// The number behind the slash that begins a party.
    fn account(self, names: [&str; 3]) -> Option<&'a str> {
        let value = names.into_iter().find_map(|name| self.get(name))?;
        let line = value.lines().next()?.trim().strip_prefix('/')?;
        // `//` begins a clearing code, and `/C/` or `/D/` stands before some accounts.
        let line = line.strip_prefix("C/").or_else(|| line.strip_prefix("D/")).unwrap_or(line);
        Some(line).filter(|line| !line.is_empty() && !line.starts_with('/'))
    }

    /// The names of the parties, the line behind the account, and the remittance text.
    fn names(self) -> PartyNames {
        let party = |names: [&str; 3]| {
            let value = names.into_iter().find_map(|name| self.get(name)).unwrap_or_default();
            let mut lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
            let line = lines.find(|line| !line.starts_with('/')).unwrap_or_default();
            // In option F lines are numbered, and the name is the first.
            line.strip_prefix("1/").unwrap_or(line).to_owned()
        };
        let remittance: Vec<&str> =
            self.get("70").unwrap_or_default().lines().map(str::trim).collect();
        PartyNames {
            debtor: party(["50K", "50F", "50A"]),
            creditor: party(["59", "59F", "59A"]),
            remittance: remittance.join(" ").trim().to_owned(),
        }
    }

    /// The BIC of a bank: the last line of an option A that is one.
    fn agent(self, names: [&str; 2]) -> Option<String> {
        let value = self.get(names[0])?;
        let bic = value.lines().map(str::trim).find(|line| {
            matches!(line.len(), 8 | 11) && line.bytes().all(|b| b.is_ascii_alphanumeric())
        })?;
        account::agent(Some(bic), (None, None), None)
    }
}
