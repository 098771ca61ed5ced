//! `--mutes FILE`: which typology says nothing new of which account, who says so, why, until when.

use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use shroff_detect::Typology;
use shroff_engine::{Mute, Mutes};
use shroff_types::{AccountId, Names, Span, Timestamp};

use crate::tokens::Namer;
use crate::{inputs, terminal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    mute: Vec<Entry>,
}

/// A mute as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    typology: String,
    /// As the input writes it, or its token.
    account: String,
    owner: String,
    reason: String,
    #[serde(default)]
    from: Option<toml::value::Datetime>,
    until: toml::value::Datetime,
}

/// A mute whose typology and account are there.
#[derive(Debug, Clone)]
struct Known {
    entry: Entry,
    account: String,
    mute: Mute,
}

/// What a file of mutes says of a run.
#[derive(Debug, Default)]
pub(crate) struct Muting {
    known: Vec<Known>,
    /// Mutes of accounts that the input does not have, and of those that end before it begins.
    pub(crate) notes: Vec<String>,
}

impl Muting {
    /// Reads a file of mutes.
    ///
    /// # Errors
    /// Where it can't be read, a mute has no owner, reason or end, or there is no such typology.
    pub(crate) fn read(
        file: &Path,
        typologies: &[Typology],
        (accounts, namer): (&Names, &Namer<'_>),
    ) -> anyhow::Result<Muting> {
        let shown = file.display();
        let text: Text = toml::from_str(&inputs::text(file)?)
            .with_context(|| format!("`{shown}` is no file of mutes\nhint: {EXAMPLE}"))?;
        let mut muting = Muting::default();
        for (number, entry) in (1..).zip(text.mute) {
            let place = || format!("`{shown}`, mute {number}");
            let mute = entry.check(typologies).with_context(place)?;
            match find(&entry.account, accounts, namer) {
                Some(account) => muting.known.push(Known {
                    entry,
                    account: namer.name(account),
                    mute: Mute { account, ..mute },
                }),
                None => muting.notes.push(format!(
                    "{}: no payment of the input is from or to that account, so it mutes nothing",
                    place()
                )),
            }
        }
        Ok(muting)
    }

    /// What the engine is given.
    pub(crate) fn mutes(&self) -> Mutes {
        Mutes::new(self.known.iter().map(|known| known.mute))
    }

    /// What each mute kept back, as the run tells it.
    pub(crate) fn told(&self, mutes: &Mutes) -> Vec<Muted> {
        let known = self.known.iter().zip(mutes.kept_back());
        let muted = known.map(|(Known { entry, account, .. }, hits)| Muted {
            typology: entry.typology.clone(),
            account: account.clone(),
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
            from: entry.from.map(|from| from.to_string()),
            until: entry.until.to_string(),
            hits,
        });
        muted.collect()
    }
}

/// What a mute kept back. The account is written as accounts are in the run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Muted {
    typology: String,
    account: String,
    owner: String,
    reason: String,
    from: Option<String>,
    until: String,
    hits: u64,
}

impl Muted {
    pub(crate) fn note(&self) -> String {
        let Muted { typology, account, owner, reason, until, hits, .. } = self;
        format!(
            "{typology} is muted for {account} until {until} by {owner} ({reason}): {} hits kept back",
            terminal::grouped(*hits)
        )
    }
}

const EXAMPLE: &str = "as in\n\
    [[mute]]\ntypology = \"fan-in\"\naccount = \"A123\"\nowner = \"m.jansen\"\n\
    reason = \"collects rents, file 2231\"\nuntil = 2026-12-31";

impl Entry {
    /// The mute, of no account yet.
    fn check(&self, typologies: &[Typology]) -> anyhow::Result<Mute> {
        for (name, value) in [("owner", &self.owner), ("reason", &self.reason)] {
            if value.trim().is_empty() {
                bail!("`{name}` is empty\nhint: a mute says who answers for it, and why");
            }
        }
        let Some(typology) = typologies.iter().position(|t| t.id == self.typology) else {
            bail!("there is no typology `{}`\nhint: `shroff rules list` names them", self.typology);
        };
        let from = match &self.from {
            Some(from) => instant(from)?,
            None => Timestamp(i64::MIN),
        };
        // A date is meant with the whole of its day.
        let until = instant(&self.until)?;
        let until = if self.until.time.is_none() { until.after(Span::DAY) } else { until };
        if until <= from {
            bail!("it ends, {}, before it begins\nhint: `until` is after `from`", self.until);
        }
        Ok(Mute { typology, account: AccountId(u32::MAX), from, until })
    }
}

fn instant(text: &toml::value::Datetime) -> anyhow::Result<Timestamp> {
    Timestamp::parse(&text.to_string())
        .with_context(|| format!("`{text}` is no instant\nhint: a date, as in 2026-12-31"))
}

fn find(text: &str, accounts: &Names, namer: &Namer<'_>) -> Option<AccountId> {
    let plain = accounts.find(text).map(AccountId);
    plain.or_else(|| {
        let count = u32::try_from(accounts.len()).expect("accounts are numbered in 32 bits");
        (0..count).map(AccountId).find(|&account| namer.token_of(account) == text)
    })
}
