//! `shroff ingest`: a history through the door of the service, into the log or over the network.
//!
//! It is idempotent, so an interrupted run is begun again: what is known counts once.

mod remote;

use anyhow::{Context, bail};
use shroff_ingest::messages::Withdrawal;
use shroff_ingest::{Ledger, Rejected};
use shroff_types::{Payment, SentPayment, Timestamp};

use super::core::{Admission, Core, TakenBack};
use super::disk::Folder;
use super::setup;
use super::wire::{MOST_METHOD_BYTES, MOST_NAME_BYTES};
use crate::cli::Ingest;
use crate::ledger::Quarantine;
use crate::progress::Bar;
use crate::{Ending, inputs, ledger, settings, terminal};

/// Payments that are made durable together.
const BATCH: u32 = 4_096;

pub(crate) fn run(arguments: &Ingest) -> anyhow::Result<Ending> {
    if let Some(url) = &arguments.url {
        return remote::run(arguments, url);
    }
    let data = arguments.serve.data.as_path();
    setup::make_private_folder(data)?;
    let lock = setup::lock(data)?;
    let path = arguments.quarantine.clone().unwrap_or_else(|| data.join("quarantine.csv"));
    let mut quarantine = Quarantine::at(&path);
    let files = inputs::open(&arguments.sources.inputs)?;
    let options = ledger::options(&arguments.sources)?;
    let (ledger, _) = ledger::read_files(&files, &options, &mut quarantine)?;
    let (_, rulebook) = super::rules_of(&arguments.serve)?;
    setup::token_key_of(&arguments.serve.data, &arguments.serve.token_key_file())?;
    let (core, ..) = super::open(&arguments.serve, rulebook.live()?, &rulebook)?;
    let latest = settings::wall().after(arguments.serve.ahead);
    let mut loading =
        Loading { core, waiting: 0, latest, new: 0, known: 0, withdrawn: 0, missed: 0 };
    loading.all(&ledger, &mut quarantine)?;
    let Loading { mut core, new, known, withdrawn, missed, .. } = loading;
    core.close()?;
    super::keeper(data)?.keep(core.snapshot()())?;
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
        match self.core.take_back(withdrawal) {
            TakenBack::Out(_, true) => {
                self.withdrawn += 1;
                self.waiting += 1;
            }
            TakenBack::Out(_, false) => {}
            TakenBack::Part | TakenBack::Unknown | TakenBack::Refused(_) => self.missed += 1,
        }
        if self.waiting >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Makes durable what waits, and says of it what there is to say.
    fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.core.write(settings::wall()).context("the log cannot be written")?;
        let told = self.core.run();
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
