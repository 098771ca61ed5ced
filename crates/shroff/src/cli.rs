//! What can be asked on the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use shroff_detect::{Thresholds, Typology};
use shroff_types::{Clock, Span};

use crate::library;
use crate::serve::Role;
use crate::zone::Zone;

/// Watches payments, not people: finds fraud and laundering in the flow of money, and shows the
/// evidence. A human decides.
///
/// Exit codes: 0 all is well; 1 everything is written, but more records were bad than --max-bad
/// allows, or `rules` found something wrong; 2 nothing could be done, and the message says why.
#[derive(Debug, Parser)]
#[command(name = "shroff", version, about, long_about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read payments, find the patterns, write the alerts and a report.
    Scan(Scan),
    /// Compute the features of every payment.
    Features(Features),
    /// Replay a history under a set of rules: what they cost, what they catch, what each adds.
    Backtest(Backtest),
    /// Choose the rules' thresholds for a budget, and write a changed copy of the rules.
    Tune(Tune),
    /// Check, test, list, show or document the typologies.
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Write a made-up world of payments with planted laundering and innocent look-alikes.
    Simulate(Simulate),
    /// Serve a made-up world that goes on living, with the review desk; or scan it into a report.
    Demo(Demo),
    /// List the layouts that are read by name, or guess the mapping of a file.
    Formats {
        #[command(subcommand)]
        command: Option<FormatsCommand>,
    },
    /// Measure the engine: a table by family of features over a simulated world, or one line over a
    /// stream of one's own.
    Bench(Bench),
    /// Serve: take payments over HTTP, make them durable, and answer each with its verdict.
    Serve(Serve),
    /// Load a history into the log of a service that does not run, or with --url send it to one that
    /// does: all that `scan` reads, and messages. Again and again where it was interrupted: what is known counts once.
    Ingest(Box<Ingest>),
    /// Print every key of the configuration of a service with its value, or check a file.
    Config(Config),
    /// Print the description of the service for programs (`OpenAPI` 3.1).
    Openapi,
    /// Compute the verdict on a payment, or an alert, anew from the log of a service, and compare it
    /// with what was said; exit code 1 where they differ.
    Explain(Explain),
    /// Compute all that a service said anew from its log, under every version of its rules, and
    /// look at its snapshots; exit code 1 where anything is not the same.
    Verify(Verify),
    /// Check the audit trail of a service, without the service.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Ask a service on this machine whether it takes payments; exit code 1 where it does not.
    Ready {
        /// Where it listens, without TLS.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
        address: SocketAddr,
    },
    /// Copy all that a service needs to go on elsewhere into a folder, while it runs or not. Again into
    /// the same folder, only what is new is copied.
    Backup(Backup),
    /// Make a data folder of a backup, once every digest in it was checked.
    Restore(Restore),
    /// Make keys for a service.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Write a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    /// A file that says what the command line does not; `shroff config` prints one to start from.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the log, of what was said, and of the keys; it is made where it is not there.
    #[arg(long, value_name = "DIR", default_value = "shroff-data")]
    pub(crate) data: PathBuf,
    /// Where to listen: on this machine only. Port 0 takes one that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) ruling: Ruling,
    /// How late a payment may come and still be judged, as in `5m`: earlier than the newest by no
    /// more than this.
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    pub(crate) lateness: Span,
    /// How far ahead of the clock a payment may lie.
    #[arg(long, value_name = "SPAN", default_value = "1d")]
    pub(crate) ahead: Span,
    /// Decimals of the unit that amounts are counted in: those of the finest currency that comes.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=18))]
    pub(crate) decimals: u8,
    /// Threads of the engine; 0 for as many as the machine runs side by side.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// The file of the key of account tokens; `token.key` in the data folder unless named.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// A file of a key that names and remittance text are sealed with, as `shroff keys seal` makes one;
    /// without it they are not read. Several where a key was exchanged: the first seals what is new.
    #[arg(long, value_name = "FILE")]
    pub(crate) seal_key: Vec<PathBuf>,
    /// Take a snapshot of the state after so many payments, so that a start after a kill has no more
    /// than that to compute anew; 0 for at the end alone.
    #[arg(long, value_name = "PAYMENTS", default_value_t = 100_000)]
    pub(crate) snapshot_every: u32,
    /// The PostgreSQL that alerts, cases, holds and the audit trail are kept in; unless named, the
    /// file `register.sqlite` in the data folder.
    #[arg(long, value_name = "URL")]
    pub(crate) register: Option<String>,
    /// The same as a file that holds the URL, with a password in it: only its owner may read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) register_file: Option<PathBuf>,
    /// A decision needs a second person.
    #[arg(long)]
    pub(crate) second_review: bool,
    /// How long a payment is held for somebody to decide.
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) hold_for: Span,
    /// What becomes of a held payment that nobody decides.
    #[arg(long, value_name = "WHAT", default_value = "release")]
    pub(crate) hold_end: HoldEnd,
    /// The certificate that TLS is spoken with, as PEM: the service's own first, then those that
    /// vouch for it. With it the service may be reached from other machines.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of that certificate, as PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy in front of it speaks TLS with those who come, and nobody comes but through it.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    #[command(flatten)]
    pub(crate) provider: Provider,
    /// How long a person sees the number of an account that was unmasked.
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = within_a_day)]
    pub(crate) unmask_for: Span,
    #[command(flatten)]
    pub(crate) hooks: Hooks,
    #[command(flatten)]
    pub(crate) tracing: Tracing,
    /// Write the log of the program as JSON.
    #[arg(long)]
    pub(crate) log_json: bool,
}

/// How others are told of what changes, by webhooks.
#[expect(clippy::struct_field_names, reason = "named as the options are")]
#[derive(Debug, Clone, Args)]
pub(crate) struct Hooks {
    /// The pauses after which a message of a webhook is tried again; after the last it is given up.
    #[arg(
        long,
        value_name = "SPANS",
        value_delimiter = ',',
        default_value = "5s,1m,5m,30m,2h,6h,12h,1d",
        value_parser = within_a_week
    )]
    pub(crate) webhook_retries: Vec<Span>,
    /// How long the receiver of a webhook may take to answer.
    #[arg(long, value_name = "SPAN", default_value = "15s", value_parser = within_a_minute)]
    pub(crate) webhook_timeout: Span,
    /// Webhooks may lead to this machine and into private networks.
    #[arg(long)]
    pub(crate) webhook_private: bool,
}

/// Whom what the service does is told to, as OpenTelemetry has it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Tracing {
    /// Send traces to an OpenTelemetry collector by OTLP over HTTP, as in
    /// `https://collector.bank.example:4318`; `http://` for this machine alone.
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,
    /// A file of headers that are sent with them, each `Name: value` on a line: only its owner may
    /// read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) otlp_headers_file: Option<PathBuf>,
    /// The share of requests that are traced, where whoever asks does not say (`traceparent`).
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub(crate) otlp_sample: f64,
}

/// The provider that people may sign in by.
#[derive(Debug, Clone, Args)]
pub(crate) struct Provider {
    /// The provider (OIDC) that people may sign in by, as it names itself.
    #[arg(long, value_name = "URL")]
    pub(crate) oidc_issuer: Option<String>,
    /// What the provider calls this service.
    #[arg(long, value_name = "ID")]
    pub(crate) oidc_client: Option<String>,
    /// A file with the secret that the provider gave for it: only its owner may read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) oidc_secret_file: Option<PathBuf>,
    /// The claim that names the role: a text or a list; dots go into a claim, as in
    /// `realm_access.roles`.
    #[arg(long, value_name = "CLAIM", default_value = "role")]
    pub(crate) oidc_role_claim: String,
    /// Where browsers reach the service, for the provider to send them back to; unless set, where
    /// it listens.
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
}

/// What becomes of a held payment that nobody decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HoldEnd {
    /// It goes on.
    Release,
    /// It goes back.
    Return,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Compute the audit trail anew, and name each entry that was changed, deleted or moved.
    Verify {
        /// What `GET /v1/audit/export` gave; else the trail of the data folder is read.
        file: Option<PathBuf>,
        /// The folder of the service.
        #[arg(long, value_name = "DIR", default_value = "shroff-data")]
        data: PathBuf,
        /// The PostgreSQL that the trail is in.
        #[arg(long, value_name = "URL", conflicts_with = "file")]
        register: Option<String>,
        /// A file that holds the URL of that PostgreSQL.
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        register_file: Option<PathBuf>,
    },
}

fn token_key_file(data: &Path, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| data.join("token.key"), Path::to_owned)
}

impl Serve {
    /// Where the key of account tokens is.
    pub(crate) fn token_key_file(&self) -> PathBuf {
        token_key_file(&self.data, self.token_key.as_deref())
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ingest {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Send it to a service that runs, as in `https://shroff.bank.example`; `http://` for this machine alone.
    #[arg(long, value_name = "URL", requires = "key_file", conflicts_with = "data")]
    pub(crate) url: Option<String>,
    /// The file of the key that it is sent with: only its owner may read it.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) key_file: Option<PathBuf>,
    /// The certificate that vouches for the service, as PEM, where the machine does not trust it.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Where refused records go; unless named, `quarantine.csv` in the data folder, or here with --url.
    #[arg(long, value_name = "FILE")]
    pub(crate) quarantine: Option<PathBuf>,
    /// The share of bad records from which on the exit code is 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) max_bad: f64,
    /// As for the service: the same rules give the same verdicts.
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Config {
    /// The file whose values are printed; else the defaults are.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say whether a file can be used, and print nothing of it.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) check: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Explain {
    /// The id of a payment as it was sent, or of an alert as it was told.
    #[arg(value_name = "PAYMENT|ALERT")]
    pub(crate) subject: String,
    /// The folder of the service.
    #[arg(long, value_name = "DIR", default_value = "shroff-data")]
    pub(crate) data: PathBuf,
    /// The file of the key of account tokens; `token.key` in the data folder unless named.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
}

impl Explain {
    /// Where the key of account tokens is.
    pub(crate) fn token_key_file(&self) -> PathBuf {
        token_key_file(&self.data, self.token_key.as_deref())
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Verify {
    /// The folder of the service.
    #[arg(long, value_name = "DIR", default_value = "shroff-data")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Backup {
    /// The folder of the backup: new, empty, or with a backup of the same service in it.
    #[arg(value_name = "BACKUP")]
    pub(crate) folder: PathBuf,
    /// The folder of the service.
    #[arg(long, value_name = "DIR", default_value = "shroff-data")]
    pub(crate) data: PathBuf,
    /// The PostgreSQL of the register, where it is in one.
    #[arg(long, value_name = "URL")]
    pub(crate) register: Option<String>,
    /// A file that holds the URL of that PostgreSQL.
    #[arg(long, value_name = "FILE")]
    pub(crate) register_file: Option<PathBuf>,
    /// The file of the key of account tokens; `token.key` in the data folder unless named.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// The files of the sealing keys, to be put in with --with-keys.
    #[arg(long, value_name = "FILE", requires = "with_keys")]
    pub(crate) seal_key: Vec<PathBuf>,
    /// Put the secret keys into the backup: whoever has it then has all. Else keep them elsewhere.
    #[arg(long)]
    pub(crate) with_keys: bool,
    /// Copy nothing, and check a backup: every digest, and that its logs are whole.
    #[arg(long, conflicts_with_all = ["with_keys", "register", "register_file", "token_key"])]
    pub(crate) verify: bool,
    /// Write what was done as JSON to standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Backup {
    /// Where the key of account tokens is.
    pub(crate) fn token_key_file(&self) -> PathBuf {
        token_key_file(&self.data, self.token_key.as_deref())
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Restore {
    /// The folder of the backup.
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// The data folder to make: new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// A PostgreSQL without tables of a register, to restore the register into; else it becomes a file
    /// of the data folder, whatever it was before.
    #[arg(long, value_name = "URL")]
    pub(crate) register: Option<String>,
    /// A file that holds the URL of that PostgreSQL.
    #[arg(long, value_name = "FILE")]
    pub(crate) register_file: Option<PathBuf>,
    /// The file of the key of account tokens, to be checked: whether it is that of the backup.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// Write what was done as JSON to standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key, and show it this once.
    Add {
        /// Whose it is.
        name: String,
        /// What it is for.
        #[arg(long)]
        role: Role,
        /// After how long it ends, as in `90d`; never unless set.
        #[arg(long, value_name = "SPAN")]
        expires: Option<Span>,
        /// Requests a second at most, as many of them at once; any number unless set.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        pace: Option<u32>,
        /// The folder of the service.
        #[arg(long, value_name = "DIR", default_value = "shroff-data")]
        data: PathBuf,
    },
    /// Make a key that names and remittance text are sealed with, in a file that only its owner may read.
    Seal {
        /// The file, apart from the data folder.
        file: PathBuf,
    },
    /// List the keys: all but themselves.
    List {
        /// The folder of the service.
        #[arg(long, value_name = "DIR", default_value = "shroff-data")]
        data: PathBuf,
    },
    /// Take a key away.
    Revoke {
        /// Whose it is.
        name: String,
        /// The folder of the service.
        #[arg(long, value_name = "DIR", default_value = "shroff-data")]
        data: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FormatsCommand {
    /// Write a mapping to start from, for a file of any layout.
    Guess {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

/// Which typologies, and how they are told.
#[derive(Debug, Clone, Args)]
pub(crate) struct RulesOf {
    /// A folder of typology files; the built-in ones unless named.
    #[arg(long, value_name = "DIR")]
    pub(crate) typologies: Option<PathBuf>,
    /// Write JSON to standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Find everything that is wrong, each with its place; exit code 1 where something is.
    Check {
        #[command(flatten)]
        of: RulesOf,
        /// Payments to look at: a condition that is true at none of them is told, with what its
        /// values are. May stand several times.
        #[arg(long, value_name = "INPUT")]
        observed: Vec<String>,
        /// The time zone of the institution for that, as in `Europe/Amsterdam` or `+01:00`.
        #[arg(
            long,
            value_name = "ZONE",
            default_value = "+00:00",
            allow_hyphen_values = true,
            requires = "observed"
        )]
        time_zone: Zone,
        /// Set a parameter of a typology for that, as in `fan-in.least_payers=6`; may stand several
        /// times.
        #[arg(long, value_name = "ID.PARAMETER=NUMBER", requires = "observed")]
        set: Vec<String>,
    },
    /// Run the example ledgers; exit code 1 where one does not give its alerts.
    Test(RulesOf),
    /// List them with their parameters.
    List(RulesOf),
    /// Print one as its file.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        of: RulesOf,
    },
    /// Write a page of the book for each.
    Docs {
        /// The folder.
        #[arg(long, short, value_name = "DIR", default_value = "docs/src/library")]
        out: PathBuf,
        #[command(flatten)]
        of: RulesOf,
    },
    /// Print the feature definitions that they need, each block once.
    Definitions {
        /// How far features look ahead, as in `7d`.
        #[arg(long, value_name = "SPAN", default_value = "0s")]
        horizon: String,
        #[command(flatten)]
        of: RulesOf,
    },
}

/// What is read, and which column of it is what.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sources {
    /// Files, patterns such as `2024-*.csv.gz`, or `-` for standard input; read as one stream.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// The layout, where it is not to be recognised; `shroff formats` lists them.
    #[arg(long, value_name = "NAME", conflicts_with = "map")]
    pub(crate) format: Option<String>,
    /// A mapping file that says which column is what; `shroff formats guess FILE` writes one.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
}

/// What is read, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// The column that says which payments are laundering, where it has another name.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// Dated rates to convert into one currency: a CSV of date, currency, rate.
    #[arg(long, value_name = "FILE")]
    pub(crate) rates: Option<PathBuf>,
    /// The currency that rates convert into, where their file does not name it.
    #[arg(long, value_name = "CODE", requires = "rates")]
    pub(crate) base: Option<String>,
    /// Which features to compute; a built-in file unless named.
    #[arg(long, value_name = "FILE")]
    pub(crate) definitions: Option<PathBuf>,
    /// The largest share of bad records that is no failure, such as `1%` or `0.01`.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    pub(crate) max_bad: f64,
    /// Memory for putting payments in order, in MiB; beyond it they are sorted on disk.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sort_memory: u32,
}

impl Reading {
    /// Some inputs, whose layout is to be recognised.
    pub(crate) fn of(inputs: Vec<String>) -> Reading {
        Reading {
            sources: Sources { inputs, format: None, map: None },
            label: None,
            rates: None,
            base: None,
            definitions: None,
            max_bad: 0.01,
            sort_memory: 256,
        }
    }
}

/// How accounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Naming {
    /// Keyed tokens; `accounts.csv`, readable by its owner only, says which is which.
    Tokens,
    /// As in the input.
    Plain,
}

/// Which rules a run asks, and what they are asked with.
#[derive(Debug, Clone, Args)]
pub(crate) struct Ruling {
    /// A folder of typology files in place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) typologies: Option<PathBuf>,
    /// Set a parameter of a typology, as in `fan-in.least_payers=6`; may stand several times.
    #[arg(long, value_name = "ID.PARAMETER=NUMBER")]
    pub(crate) set: Vec<String>,
    /// The time zone of the institution, as in `Europe/Amsterdam` or `+01:00`; rules ask its clock
    /// for the hour.
    #[arg(
        long,
        alias = "utc-offset",
        value_name = "ZONE",
        default_value = "+00:00",
        allow_hyphen_values = true
    )]
    pub(crate) time_zone: Zone,
    /// From which score on a hold is suggested, where a typology that fired goes so far.
    #[arg(long, value_name = "SCORE", default_value = "0.9", value_parser = permille)]
    pub(crate) hold_from: u16,
}

impl Ruling {
    /// What is built in, as though nothing was said on the command line.
    pub(crate) fn built_in() -> Ruling {
        Ruling { typologies: None, set: Vec::new(), time_zone: Zone::utc(), hold_from: 900 }
    }

    /// The typologies, with their parameters set.
    pub(crate) fn typologies(&self) -> anyhow::Result<Vec<Typology>> {
        library::for_run(self.typologies.as_deref(), &self.set)
    }

    /// The institution's clock.
    pub(crate) fn clock(&self) -> Clock {
        self.time_zone.clock()
    }

    /// What is suggested from which score on.
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds { hold_permille: self.hold_from, ..Thresholds::default() }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Scan {
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The folder for alerts, report and the rest.
    #[arg(long, short, value_name = "DIR", default_value = "shroff-report")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) ruling: Ruling,
    /// How far features look ahead, as in `4d`: zero is what was known at once, more is for
    /// review after the fact.
    #[arg(long, value_name = "SPAN", conflicts_with = "definitions")]
    pub(crate) horizon: Option<String>,
    /// Typologies that say nothing new of some accounts: who says so, why, and until when.
    #[arg(long, value_name = "FILE")]
    pub(crate) mutes: Option<PathBuf>,
    /// Keep the strongest alerts only: so many a day for each 1,000 accounts.
    #[arg(long, value_name = "ALERTS", value_parser = positive)]
    pub(crate) budget: Option<f64>,
    /// How accounts are written.
    #[arg(long, value_name = "HOW", default_value = "tokens")]
    pub(crate) accounts: Naming,
    /// How many alerts are drawn in the report; all are in alerts.jsonl.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) top: usize,
    /// Write the summary as JSON to standard output instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) work: Work,
}

/// A history that rules are replayed over, and what is kept of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) ruling: Ruling,
    /// Where payments and features are kept for the next run, readable by you alone; a folder in
    /// the output unless named.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// How far features look ahead, as in `4d`: zero is what was known at once, more is for
    /// review after the fact.
    #[arg(long, value_name = "SPAN", conflicts_with = "definitions")]
    pub(crate) horizon: Option<String>,
    /// What the intervals are drawn from: equal seeds give equal bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How accounts are written.
    #[arg(long, value_name = "HOW", default_value = "tokens")]
    pub(crate) accounts: Naming,
    /// Write the summary as JSON to standard output instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Backtest {
    #[command(flatten)]
    pub(crate) history: History,
    /// The folder for the page and the tables.
    #[arg(long, short, value_name = "DIR", default_value = "shroff-backtest")]
    pub(crate) out: PathBuf,
    /// Another version of the rules to compare with, payment by payment: a folder, or `built-in`.
    #[arg(long, value_name = "DIR")]
    pub(crate) against: Option<PathBuf>,
    /// Keep the strongest alerts only: so many a day for each 1,000 accounts.
    #[arg(long, value_name = "ALERTS", value_parser = positive)]
    pub(crate) budget: Option<f64>,
    /// Samples above and below the line of each typology.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) samples: usize,
}

#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("goal").required(true)))]
pub(crate) struct Tune {
    #[command(flatten)]
    pub(crate) history: History,
    /// The folder for the changed rules, the page and the tables.
    #[arg(long, short, value_name = "DIR", default_value = "shroff-tuned")]
    pub(crate) out: PathBuf,
    /// Catch as much as these alerts a day allow, for the whole institution.
    #[arg(long, value_name = "ALERTS", group = "goal", value_parser = positive)]
    pub(crate) alerts_a_day: Option<f64>,
    /// Catch as much as there is while at least this share of the alerts is right.
    #[arg(long, value_name = "SHARE", group = "goal", value_parser = share)]
    pub(crate) precision: Option<f64>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Features {
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The file to write, `.csv` or `.parquet`; CSV on standard output unless named.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where bad records go; `quarantine.csv` beside the output unless named.
    #[arg(long, value_name = "FILE")]
    pub(crate) quarantine: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) work: Work,
}

/// How the engine is fed. No value depends on it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Work {
    /// Payments handed to the engine at once.
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = at_least_one)]
    pub(crate) batch: usize,
    /// Threads; 0 for as many as the machine runs side by side.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
}

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,
    /// Payments of the simulated world.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) payments: u64,
    /// Payments handed to the engine at once.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    pub(crate) batch: usize,
    /// Threads; 0 for as many as the machine runs side by side.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,
    /// CPU seconds for each of three rounds of each family; 0 for all payments once.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Write the table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time the features of a stream. The first 26 hours fill the windows; then batches are timed,
    /// three times, from further and further into the stream.
    Features(BenchFeatures),
    /// Time a service under load: it is started for that, with a data folder of its own.
    Serve(BenchServe),
}

/// What a request of a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadShape {
    /// Many payments as NDJSON, as fast as replies come.
    Batches,
    /// One payment, as fast as replies come.
    Single,
    /// One payment, at a fixed rate whether replies come or not.
    Rate,
}

impl LoadShape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            LoadShape::Batches => "batches",
            LoadShape::Single => "single",
            LoadShape::Rate => "rate",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BenchServe {
    /// What a request is.
    #[arg(value_name = "SHAPE")]
    pub(crate) shape: LoadShape,
    /// Payments that are timed.
    #[arg(long, value_name = "N", default_value_t = 300_000)]
    pub(crate) payments: usize,
    /// Payments that fill the window first: an hour of them.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub(crate) warm: usize,
    /// Accounts of the simulated world: the fewer, the more each pays in the hour, and the more
    /// rules fire.
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    pub(crate) accounts: u32,
    /// The seed of the world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Payments of a request of `batches`.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = at_least_one)]
    pub(crate) batch: usize,
    /// Connections; 4 for batches and 64 for single payments unless set.
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<usize>,
    /// Requests a second of `rate`.
    #[arg(long, value_name = "N", default_value_t = 2_000.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// Every other payment is from or to one account.
    #[arg(long)]
    pub(crate) hub: bool,
    /// The data folder of the service; a new one that is removed unless named.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A service that runs already, as `127.0.0.1:8787`.
    #[arg(long, value_name = "ADDRESS", requires = "key", conflicts_with = "data")]
    pub(crate) address: Option<String>,
    /// A key of that service.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BenchFeatures {
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Payments handed to the engine at once: what one call is.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    pub(crate) batch: usize,
    /// Threads; 0 for as many as the machine runs side by side.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,
    /// CPU seconds for each of three rounds; 0 for the whole stream once.
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub(crate) seconds: f64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Simulate {
    /// How many accounts.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) accounts: u32,
    /// How many payments.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) payments: u64,
    /// How many days.
    #[arg(long, default_value_t = 120)]
    pub(crate) days: u32,
    /// The seed: equal seeds give equal bytes.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The file to write (`.csv`, `.csv.gz` or `.csv.zst`), or `-` for standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// The folder for the world; where one is there already, it goes on.
    #[arg(long, short, value_name = "DIR", default_value = "shroff-demo")]
    pub(crate) out: PathBuf,
    /// The seed of the world.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where to listen: on this machine only. Port 0 takes one that is free.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8787",
        conflicts_with = "report"
    )]
    pub(crate) listen: SocketAddr,
    /// Scan the world into a report, and serve nothing.
    #[arg(long)]
    pub(crate) report: bool,
}

/// `+01:00` or `-05:30` in microseconds.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|e| e.to_string())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("it is a number above zero".to_owned())
    }
}

fn within_a_day(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    let is_good = (1..=Span::DAY.micros()).contains(&span.micros());
    if is_good { Ok(span) } else { Err("from a second to a day".to_owned()) }
}

fn within_a_week(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    let is_good = (1..=Span::DAY.times(7).micros()).contains(&span.micros());
    if is_good { Ok(span) } else { Err("from a second to seven days".to_owned()) }
}

fn within_a_minute(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    let is_good = (1..=60_000_000).contains(&span.micros());
    if is_good { Ok(span) } else { Err("from a second to a minute".to_owned()) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("a whole number, at least 1".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("seconds, from 0 to 86400".to_owned()),
    }
}

/// A share of 1 in thousandths.
fn permille(text: &str) -> Result<u16, String> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 1, so 0 to 1000"
    )]
    share(text).map(|share| (share * 1_000.0).round() as u16)
}

fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = number.trim().parse::<f64>().map_err(|e| e.to_string())? / unit;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("a share lies between 0 and 1, or 0% and 100%".to_owned())
    }
}
