//! `shroff ingest`: a history through the door of the service, into the log or over the network.
//!
//! It is idempotent, so an interrupted run is begun again: what is known counts once.

use anyhow::{Context, bail};
use shroff_detect::Alone;
use shroff_ingest::messages::Withdrawal;
use shroff_ingest::{Hooks, Ledger, Mapping, Options, Rejected, Source};
use shroff_types::{Payment, SentPayment, Timestamp};

use super::core::{Admission, Core};
use super::disk::Folder;
use super::setup;
use crate::cli::Ingest;
use crate::inputs::{self, TemporaryFiles};
use crate::ledger::Quarantine;
use crate::progress::Bar;
use crate::{Ending, ledger, settings, terminal};

/// Payments that are made durable together.
const BATCH: u32 = 4_096;
/// The longest id and account, and the longest method, in bytes: as by HTTP.
const MOST_NAME_BYTES: usize = 128;
const MOST_METHOD_BYTES: usize = 64;

pub(crate) fn run(arguments: &Ingest) -> anyhow::Result<Ending> {
    let data = arguments.serve.data.as_path();
    setup::make_private_folder(data)?;
    let lock = setup::lock(data)?;
    let path = arguments.quarantine.clone().unwrap_or_else(|| data.join("quarantine.csv"));
    let mut quarantine = Quarantine::at(&path);
    let ledger = read(arguments, &mut quarantine)?;
    let (_, rulebook) = super::rules_of(&arguments.serve)?;
    setup::token_key(&arguments.serve.token_key_file())?;
    let (core, _) = super::open(data, rulebook.live()?, rulebook.version())?;
    let latest = settings::wall().after(arguments.serve.ahead);
    let mut loading =
        Loading { core, waiting: 0, latest, new: 0, known: 0, withdrawn: 0, missed: 0 };
    loading.all(&ledger, &mut quarantine)?;
    let Loading { mut core, new, known, withdrawn, missed, .. } = loading;
    core.close()?;
    super::keeper(data)?.keep(core.snapshot())?;
    drop(lock);
    let refused = quarantine.finish()?.total;
    terminal::note(format_args!(
        "{} new, {} known, {} taken out again, {} refused",
        terminal::grouped(new),
        terminal::grouped(known),
        terminal::grouped(withdrawn),
        terminal::grouped(refused)
    ));
    if refused > 0 {
        terminal::note(format_args!("what was refused is in `{}`", path.display()));
    }
    if missed > 0 {
        terminal::warn(format_args!(
            "{missed} returns or rejections found no payment, or give back a part: they take nothing out"
        ));
    }
    Ok(ledger::ending(refused, new + known + refused, arguments.max_bad))
}

fn read(arguments: &Ingest, quarantine: &mut Quarantine<'_>) -> anyhow::Result<Ledger> {
    let files = inputs::open(&arguments.inputs)?;
    let map = match &arguments.map {
        Some(path) => Some(Mapping::parse(&path.display().to_string(), &inputs::text(path)?)?),
        None => None,
    };
    let options = Options { map, format: arguments.format.clone(), ..Options::default() };
    let mut bar = Bar::of_bytes("reading", files.iter().map(Source::size).sum());
    let (mut before, mut current, mut source) = (0, 0, String::new());
    let sources: Vec<&dyn Source> = files.iter().map(|file| file as &dyn Source).collect();
    let hooks = Hooks {
        spill: &mut TemporaryFiles,
        refused: &mut |rejected| quarantine.add(rejected),
        progress: &mut |progress| {
            if source != progress.source {
                before += current;
                progress.source.clone_into(&mut source);
            }
            current = progress.bytes;
            bar.at(before + current);
        },
    };
    let ledger = shroff_ingest::read(&sources, &options, hooks)?;
    bar.done();
    Ok(ledger)
}

/// A history on its way into the log.
struct Loading {
    core: Core<Folder>,
    /// Admitted, and not written.
    waiting: u32,
    latest: Timestamp,
    new: u64,
    known: u64,
    withdrawn: u64,
    /// Returns and rejections that took nothing out.
    missed: u64,
}

impl Loading {
    /// In the order of time: a return takes out what came before it.
    fn all(&mut self, ledger: &Ledger, quarantine: &mut Quarantine<'_>) -> anyhow::Result<()> {
        let mut bar = Bar::of_payments("loading", ledger.payments.len());
        let mut withdrawals: Vec<&Withdrawal> = ledger.withdrawals.iter().collect();
        withdrawals.sort_by_key(|one| one.time);
        let mut withdrawals = withdrawals.into_iter().peekable();
        for (number, payment) in (1..).zip(ledger.payments.iter()?) {
            let payment = payment?;
            while let Some(one) = withdrawals.next_if(|one| one.time < payment.time) {
                self.withdraw(one)?;
            }
            self.payment(ledger, &payment, quarantine)?;
            bar.at(number);
        }
        for one in withdrawals {
            self.withdraw(one)?;
        }
        self.flush()?;
        bar.done();
        Ok(())
    }

    fn payment(
        &mut self,
        ledger: &Ledger,
        payment: &Payment,
        quarantine: &mut Quarantine<'_>,
    ) -> anyhow::Result<()> {
        let sent = SentPayment {
            id: &payment.id,
            time: payment.time,
            debtor: ledger.accounts.text(payment.debtor.0),
            creditor: ledger.accounts.text(payment.creditor.0),
            amount: payment.amount,
            method: payment.method.map(|method| ledger.symbols.text(method.0)),
        };
        let bad = self.wrong(&sent).or_else(|| match self.core.admit(&sent) {
            Admission::New(_) => {
                self.new += 1;
                self.waiting += 1;
                None
            }
            Admission::Known(_) => {
                self.known += 1;
                None
            }
            Admission::Conflict(_) => {
                Some(("id", "another payment has this id", "give another payment another id"))
            }
            Admission::Refused(_) => Some((
                "amount",
                "the amount cannot be carried",
                "--decimals says what is counted in",
            )),
        });
        if let Some((column, reason, hint)) = bad {
            quarantine.add(Rejected {
                source: payment.id.to_string(),
                line: 0,
                column: column.to_owned(),
                value: String::new(),
                reason: reason.to_owned(),
                hint: hint.to_owned(),
            });
        }
        if self.waiting >= BATCH { self.flush() } else { Ok(()) }
    }

    /// What would be refused by HTTP before it comes to the engine.
    fn wrong(&self, sent: &SentPayment<'_>) -> Option<(&'static str, &'static str, &'static str)> {
        let is_name = |text: &str| {
            !text.trim().is_empty()
                && text.len() <= MOST_NAME_BYTES
                && !text.chars().any(char::is_control)
        };
        let names = [("id", sent.id), ("debtor", sent.debtor), ("creditor", sent.creditor)];
        if let Some((column, _)) = names.into_iter().find(|(_, text)| !is_name(text)) {
            return Some((
                column,
                "it is empty, too long, or has a control character",
                "128 bytes at most",
            ));
        }
        let is_method =
            |text: &str| text.len() <= MOST_METHOD_BYTES && !text.chars().any(char::is_control);
        if sent.method.is_some_and(|method| !is_method(method)) {
            return Some((
                "method",
                "it is too long, or has a control character",
                "64 bytes at most",
            ));
        }
        if sent.time > self.latest {
            return Some(("time", "it is too far ahead of the clock", "--ahead allows more"));
        }
        None
    }

    fn withdraw(&mut self, withdrawal: &Withdrawal) -> anyhow::Result<()> {
        let found = withdrawal.originals.iter().find_map(|id| self.core.live.find(id));
        let whole = found.filter(|&place| {
            self.core.live.held(place).is_some_and(|held| {
                withdrawal.amount.is_none_or(|back| {
                    back.currency == held.amount.currency && back.minor >= held.amount.minor
                })
            })
        });
        match whole.and_then(|place| self.core.withdraw(place)) {
            Some(Admission::New(_)) => {
                self.withdrawn += 1;
                self.waiting += 1;
            }
            Some(Admission::Known(_)) => {}
            Some(Admission::Conflict(_) | Admission::Refused(_)) | None => self.missed += 1,
        }
        if self.waiting >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Makes durable what waits, and says of it what there is to say.
    fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.core.write(settings::wall()).context("the log cannot be written")?;
        let told = self.core.run(&Alone);
        let mut log = self.core.lend_log();
        let synced = log.sync();
        self.core.return_log(log);
        synced.context("the log cannot be made durable")?;
        self.core.keep(&told).context("verdicts cannot be kept")?;
        if told.len() != self.waiting as usize {
            bail!("{} verdicts of {} payments", told.len(), self.waiting);
        }
        self.waiting = 0;
        Ok(())
    }
}
