//! `shroff ingest --url`: a history over the network, to a service that runs.
//!
//! Payments go in the order of time, some hundred at once, and messages where their time is. Nothing
//! is kept of how far it came: what the service knows counts once, so it is begun again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use shroff_ingest::messages::{Instruction, Limits, read_messages};
use shroff_ingest::{Ledger, Rejected, Source, messages_in};
use shroff_types::{Amount, Currency, Decimal, Payment, Timestamp};
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::cli::Ingest;
use crate::inputs::Input;
use crate::ledger::Quarantine;
use crate::progress::Bar;
use crate::serve::http::MOST_BODY_BYTES;
use crate::serve::{oidc, place, tls};
use crate::{Ending, inputs, ledger, settings, terminal};

/// Payments of one request, and their bytes.
const BATCH: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
/// How long a connection, and an answer, may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_mins(2);
/// The longest answer, and the longest pause that a service may ask for.
const MOST_ANSWER_BYTES: u64 = 64 << 20;
const LONGEST_PAUSE_SECONDS: u64 = 60;
/// How often a service may ask for a pause before one request is taken.
const MOST_PAUSES: u32 = 100;
/// How often the connection may end under one request.
const MOST_BROKEN: u32 = 5;

pub(super) fn run(arguments: &Ingest, url: &str) -> anyhow::Result<Ending> {
    let door = Door::open(url, arguments)?;
    let path = arguments.quarantine.clone().unwrap_or_else(|| PathBuf::from("quarantine.csv"));
    let mut quarantine = Quarantine::at(&path);
    let files = inputs::open(&arguments.sources.inputs)?;
    let (mut messages, mut tables) = (Vec::new(), Vec::new());
    for file in files {
        match first_time(&file, &mut quarantine)? {
            Form::Table => tables.push(file),
            Form::Messages(time) => messages.push((time, file)),
            Form::Refused => {}
        }
    }
    messages.sort_by_key(|(time, _)| *time);
    let options = ledger::options(&arguments.sources)?;
    let ledger = match tables.as_slice() {
        [] => None,
        tables => Some(ledger::read_files(tables, &options, &mut quarantine)?.0),
    };
    let total = ledger.as_ref().map_or(0, |ledger| ledger.payments.len());
    let bar = Bar::of_payments("sending", total);
    let mut sending = Sending {
        door,
        quarantine: &mut quarantine,
        batch: Batch::default(),
        counts: Counts::default(),
        bar,
    };
    let sent = sending.all(ledger.as_ref(), messages);
    let Sending { counts, bar, .. } = sending;
    bar.done();
    let refused = quarantine.finish()?.total;
    counts.tell(refused, &path);
    // What was sent before is told of in any case.
    sent.context("not all was sent\nhint: run it again: what the service knows counts once")?;
    Ok(ledger::ending(refused, counts.taken() + refused, arguments.max_bad))
}

/// What a file is.
enum Form {
    Table,
    /// Messages; the earliest time in them.
    Messages(Timestamp),
    Refused,
}

/// Looks into a file of messages: one that cannot be read is not sent.
fn first_time(file: &Input, quarantine: &mut Quarantine<'_>) -> anyhow::Result<Form> {
    let Some(bytes) = messages_in(file, MOST_BODY_BYTES)? else { return Ok(Form::Table) };
    let mut refuse = |reason: String, hint: &str| {
        quarantine.add(refused(file.name(), "", reason, hint));
        Ok(Form::Refused)
    };
    if bytes.len() > MOST_BODY_BYTES {
        let reason = format!("it has more than {MOST_BODY_BYTES} bytes");
        return refuse(reason, "load it where the service is, with --data, or in parts");
    }
    let messages = match read_messages(&bytes, &Limits::default()) {
        Ok(messages) => messages,
        Err(error) => {
            let hint = "nothing of the file is sent: one that is cut or changed is worth nothing";
            return refuse(error.to_string(), hint);
        }
    };
    let times =
        messages.iter().flat_map(|message| &message.instructions).filter_map(|it| match it {
            Instruction::Payment(payment) => Some(payment.time),
            Instruction::Return(one) | Instruction::Rejection(one) => Some(one.time),
            Instruction::LeftOut(_) => None,
        });
    Ok(Form::Messages(times.min().unwrap_or(Timestamp(i64::MAX))))
}

fn refused(source: &str, column: &str, reason: String, hint: &str) -> Rejected {
    Rejected {
        source: source.to_owned(),
        line: 0,
        column: column.to_owned(),
        value: String::new(),
        reason,
        hint: hint.to_owned(),
    }
}

/// What became of what was sent.
#[derive(Debug, Default)]
struct Counts {
    new: u64,
    known: u64,
    withdrawn: u64,
    /// Returns and rejections that took nothing out.
    missed: u64,
    too_late: u64,
}

impl Counts {
    fn taken(&self) -> u64 {
        self.new + self.known
    }

    fn tell(&self, refused: u64, path: &Path) {
        terminal::note(format_args!(
            "{} new, {} known, {} taken out again, {} refused",
            terminal::grouped(self.new),
            terminal::grouped(self.known),
            terminal::grouped(self.withdrawn),
            terminal::grouped(refused)
        ));
        if refused > 0 {
            terminal::note(format_args!("what was refused is in `{}`", path.display()));
        }
        if self.missed > 0 {
            terminal::warn(format_args!(
                "{} returns or rejections found no payment, or give back a part: they take nothing out",
                self.missed
            ));
        }
        if self.too_late > 0 {
            terminal::warn(format_args!(
                "{} payments lie too far before what the service has: they are kept and not judged; \
                 load the history before the service takes newer ones",
                terminal::grouped(self.too_late)
            ));
        }
    }
}

/// A payment as the service reads it.
#[derive(Serialize)]
struct Wire<'a> {
    id: &'a str,
    /// Microseconds since 1970.
    time: i64,
    debtor: &'a str,
    creditor: &'a str,
    amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
}

/// Payments that go together, as an array while it is written.
#[derive(Default)]
struct Batch {
    body: Vec<u8>,
    ids: Vec<String>,
}

struct Sending<'q, 'p> {
    door: Door,
    quarantine: &'q mut Quarantine<'p>,
    batch: Batch,
    counts: Counts,
    bar: Bar,
}

impl Sending<'_, '_> {
    /// In the order of time: a return takes out what came before it.
    fn all(
        &mut self,
        ledger: Option<&Ledger>,
        messages: Vec<(Timestamp, Input)>,
    ) -> anyhow::Result<()> {
        let mut messages = messages.into_iter().peekable();
        if let Some(ledger) = ledger {
            for (number, payment) in (1..).zip(ledger.payments.iter()?) {
                let payment = payment?;
                while let Some((_, file)) = messages.next_if(|(time, _)| *time < payment.time) {
                    self.flush()?;
                    self.messages(&file)?;
                }
                self.payment(ledger, &payment)?;
                self.bar.at(number);
            }
            self.flush()?;
        }
        messages.try_for_each(|(_, file)| self.messages(&file))
    }

    fn payment(&mut self, ledger: &Ledger, payment: &Payment) -> anyhow::Result<()> {
        let Amount { minor, currency } = payment.amount;
        // What has no currency has two decimals.
        let is_named = currency != Currency::NONE;
        let decimals = if is_named { currency.decimals() } else { 2 };
        let wire = Wire {
            id: &payment.id,
            time: payment.time.0,
            debtor: ledger.accounts.text(payment.debtor.0),
            creditor: ledger.accounts.text(payment.creditor.0),
            amount: Decimal { digits: minor, decimals }.to_string(),
            currency: is_named.then(|| currency.code()),
            method: payment.method.map(|method| ledger.symbols.text(method.0)),
        };
        let Batch { body, ids } = &mut self.batch;
        body.push(if ids.is_empty() { b'[' } else { b',' });
        serde_json::to_writer(&mut *body, &wire)?;
        ids.push(payment.id.to_string());
        if ids.len() >= BATCH || body.len() >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Sends what is gathered, and counts what is said of each.
    fn flush(&mut self) -> anyhow::Result<()> {
        let Batch { mut body, ids } = std::mem::take(&mut self.batch);
        if ids.is_empty() {
            return Ok(());
        }
        body.push(b']');
        let answer = self.door.post("/v1/payments", "application/json", &body)?;
        if answer.status != 200 {
            return Err(answer.wrong());
        }
        let said: Vec<&RawValue> =
            serde_json::from_slice(&answer.body).context("the answer is no list")?;
        if said.len() != ids.len() {
            bail!("{} answers to {} payments", said.len(), ids.len());
        }
        for (said, id) in said.into_iter().zip(&ids) {
            self.count(said.get(), id)?;
        }
        self.knew(answer.known)
    }

    /// Of those that were counted as new, so many were known.
    fn knew(&mut self, known: u64) -> anyhow::Result<()> {
        let new = self.counts.new.checked_sub(known);
        self.counts.new = new.context("the service knew more payments than were sent")?;
        self.counts.known += known;
        Ok(())
    }

    fn count(&mut self, said: &str, source: &str) -> anyhow::Result<()> {
        let said: Said = serde_json::from_str(said).context("an answer cannot be read")?;
        match said {
            Said { status: Some(404), .. } | Said { left_out: Some(_), .. } => {
                self.counts.missed += 1;
            }
            Said { status: Some(_), detail, hint, field, .. } => {
                self.quarantine.add(refused(source, &field, detail, &hint));
            }
            Said { withdrawn: Some(_), .. } => self.counts.withdrawn += 1,
            Said { arrival, .. } => {
                self.counts.new += 1;
                self.counts.too_late += u64::from(arrival.as_deref() == Some("too-late"));
            }
        }
        Ok(())
    }

    /// Sends a file of messages as it is.
    fn messages(&mut self, file: &Input) -> anyhow::Result<()> {
        let bytes = messages_in(file, MOST_BODY_BYTES)?;
        let bytes = bytes.with_context(|| format!("`{}` is another one by now", file.name()))?;
        let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).trim_ascii_start();
        let kind = if start.starts_with(b"{") { "text/plain" } else { "application/xml" };
        let answer = self.door.post("/v1/messages", kind, &bytes)?;
        if matches!(answer.status, 413 | 422) {
            let Said { detail, hint, .. } = answer.problem();
            self.quarantine.add(refused(file.name(), "", detail, &hint));
            return Ok(());
        }
        if answer.status != 200 {
            return Err(answer.wrong());
        }
        let told: Told =
            serde_json::from_slice(&answer.body).context("an answer cannot be read")?;
        for said in told.messages.iter().flat_map(|message| &message.instructions) {
            self.count(&said.to_string(), file.name())?;
        }
        self.knew(answer.known)
    }
}

/// What is said of a payment, as far as it is counted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Said {
    status: Option<u16>,
    detail: String,
    hint: String,
    field: String,
    withdrawn: Option<String>,
    left_out: Option<String>,
    arrival: Option<String>,
}

#[derive(serde::Deserialize)]
struct Told {
    messages: Vec<ToldMessage>,
}

#[derive(serde::Deserialize)]
struct ToldMessage {
    instructions: Vec<Value>,
}

struct Answer {
    status: u16,
    /// How many of the payments it knew before.
    known: u64,
    body: Vec<u8>,
}

impl Answer {
    fn problem(&self) -> Said {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// As an error.
    fn wrong(&self) -> anyhow::Error {
        let Said { detail, hint, .. } = self.problem();
        let status = self.status;
        match detail.as_str() {
            "" => anyhow!(
                "the answer is {status}, and no problem of Shroff\nhint: does --url name the service itself?"
            ),
            _ => anyhow!("the service refuses it ({status}): {detail}\nhint: {hint}"),
        }
    }
}

/// A service that runs.
struct Door {
    agent: ureq::Agent,
    base: String,
    key: String,
}

impl Door {
    fn open(url: &str, arguments: &Ingest) -> anyhow::Result<Door> {
        oidc::must_be_safe(url, "--url")?;
        if url.contains(['@', '?', '#']) || url.contains(char::is_whitespace) {
            bail!(
                "--url is the address of a service and no more\nhint: as in https://shroff.bank.example"
            );
        }
        let file = arguments.key_file.as_deref().context("--url needs a --key-file")?;
        let key = place::private_text(file)?;
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
            bail!(
                "`{}` holds no key\nhint: what `shroff keys add` printed, and nothing else",
                file.display()
            );
        }
        let roots = match &arguments.ca_file {
            Some(path) => certificates(path)?,
            None => RootCerts::PlatformVerifier,
        };
        let config = tls::asking(roots)
            .timeout_connect(Some(CONNECTS_WITHIN))
            .timeout_recv_response(Some(ANSWERS_WITHIN))
            .build();
        let base = url.trim_end_matches('/').to_owned();
        let door = Door { agent: config.new_agent(), base, key };
        // Nothing, to hear early what keeps something from being sent.
        let knocked = door.post("/v1/payments", "application/json", b"[]")?;
        if knocked.status == 200 { Ok(door) } else { Err(knocked.wrong()) }
    }

    /// Sends a body, as often as the service asks for a pause.
    fn post(&self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let mut broken = 0;
        for _ in 0..MOST_PAUSES {
            let request = self.agent.post(format!("{}{path}", self.base));
            let request = request.header("Authorization", format!("Bearer {}", self.key));
            let sent = match request.header("Content-Type", kind).send(body) {
                Ok(sent) => sent,
                // Who is told to wait before all was read may not hear it.
                Err(error) if broken < MOST_BROKEN && is_broken(&error) => {
                    broken += 1;
                    settings::pause(Duration::from_secs(1));
                    continue;
                }
                Err(error) => return Err(self.away(&error)),
            };
            let (head, body) = sent.into_parts();
            let number = |name: &str| {
                let value = head.headers.get(name).and_then(|value| value.to_str().ok());
                value.and_then(|text| text.parse::<u64>().ok())
            };
            let status = head.status.as_u16();
            if status == 429 {
                let seconds = number("retry-after").unwrap_or(1).clamp(1, LONGEST_PAUSE_SECONDS);
                settings::pause(Duration::from_secs(seconds));
                continue;
            }
            let known = number(KNOWN).unwrap_or(0);
            let body = body.into_with_config().limit(MOST_ANSWER_BYTES).read_to_vec();
            let answer = Answer { status, known, body: body.map_err(|error| self.away(&error))? };
            return match status {
                401 => Err(anyhow!(
                    "the service at {} does not know the key\nhint: `shroff keys add NAME --role payment-system` makes one; `shroff keys list` says which are good",
                    self.base
                )),
                403 => Err(anyhow!(
                    "the key may not send payments\nhint: one of the role payment-system may"
                )),
                _ => Ok(answer),
            };
        }
        bail!("the service at {} is too busy: it asked for {MOST_PAUSES} pauses", self.base);
    }

    /// Why a service cannot be reached.
    fn away(&self, error: &ureq::Error) -> anyhow::Error {
        let base = &self.base;
        let text = error.to_string();
        let refused = match error {
            ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            ureq::Error::ConnectionFailed => true,
            _ => false,
        };
        if refused {
            return anyhow!(
                "no service answers at {base}\nhint: does it run, and is this its --listen?"
            );
        }
        if matches!(error, ureq::Error::HostNotFound) {
            return anyhow!("there is no machine of the name in {base}\nhint: is it spelled so?");
        }
        if text.to_ascii_lowercase().contains("certificate") {
            return anyhow!(
                "the certificate of {base} is not trusted: {text}\nhint: --ca-file names the certificate that vouches for it, as PEM"
            );
        }
        anyhow!(
            "the service at {base} cannot be asked: {text}\nhint: run it again: what is known counts once"
        )
    }
}

/// Whether a connection ended while something was sent.
fn is_broken(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let ureq::Error::Io(error) = error else { return false };
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | UnexpectedEof)
}

/// In which header the service says how many of the payments it knew before.
const KNOWN: &str = "known-payments";

fn certificates(path: &Path) -> anyhow::Result<RootCerts> {
    let text = inputs::text(path)?;
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(text.as_bytes()) {
        let item = item.map_err(|error| anyhow!("`{}` is no PEM: {error}", path.display()))?;
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        bail!(
            "`{}` has no certificate\nhint: PEM, with -----BEGIN CERTIFICATE-----",
            path.display()
        );
    }
    Ok(RootCerts::new_with_certs(&found))
}
