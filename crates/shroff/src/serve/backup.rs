//! `shroff backup`: everything that a service needs to go on elsewhere, taken while it runs.
//!
//! The order makes it consistent, without a word to the service. Snapshots come first, then the
//! verdicts, then the register in one transaction, and the payments last: so each is of a moment at
//! which what comes after it knew no less. A register that is behind its log is what a kill leaves
//! too, and a start hands over the rest; a register that is ahead would know alerts of payments that
//! are not there, and a snapshot that is ahead of the register would keep a start from handing over
//! what the register lacks. Rules are copied after the verdicts, because the rules of a version are
//! durable before the first verdict under it; where people made others active meanwhile, all is done
//! once more, so that the file that says which are active belongs to this log.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

mod manifest;
mod restore;
mod store;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use serde_json::json;
use shroff_store::register::Register;
use tokio::runtime::Runtime;

use self::manifest::{Full, Manifest, Reached, Registered};
use self::store::Store;
pub(super) use super::disk::sync_folder;
use super::register::FILE as REGISTER;
use super::webhooks::secrets;
use super::{place, setup};
use crate::cli::Backup;
use crate::{Ending, settings, terminal};

pub(super) use self::restore::run as restore;

/// The copy of the register within a backup.
const ROWS: &str = "register.ndjson";
/// The key of tokens within a backup, and in a data folder.
const TOKEN_KEY: &str = "token.key";
/// How often a backup is begun anew where the rules change meanwhile.
const MOST_PASSES: u32 = 5;
/// What is not copied as it lies there: logs and snapshots have ways of their own, and the rest is of
/// this machine alone.
const NOT_AS_FILES: [&str; 9] = [
    "payments",
    "sealed",
    "verdicts",
    "snapshots",
    "lock",
    REGISTER,
    "register.sqlite-wal",
    "register.sqlite-shm",
    "register.sqlite-journal",
];

/// Makes a backup, or looks at one.
pub(super) fn run(arguments: &Backup) -> anyhow::Result<Ending> {
    if arguments.verify { verify(arguments) } else { make(arguments) }
}

/// Where everything comes from.
struct Origin<'a> {
    data: &'a Path,
    /// The register, where it is no file.
    url: Option<String>,
    token_key: Option<PathBuf>,
    runtime: Runtime,
}

fn make(arguments: &Backup) -> anyhow::Result<Ending> {
    let begun = settings::now();
    let data = arguments.data.as_path();
    if !data.join("payments").is_dir() {
        bail!("`{}` is no data directory\nhint: --data names that of a service", data.display());
    }
    must_be_apart(data, &arguments.folder)?;
    let token_key = arguments.token_key_file();
    let origin = Origin {
        data,
        url: place::url(arguments.register.as_deref(), arguments.register_file.as_deref())?,
        token_key: Some(token_key).filter(|path| path.is_file()),
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
    };
    let mut store = Store::open(&arguments.folder, size_of(data)?)?;
    must_be_of_the_same_log(data, &store, &arguments.folder)?;
    let (reached, register) = passes(&origin, &mut store)?;
    let mut manifest = Manifest::new(reached, register, Vec::new());
    if let Some(path) = &origin.token_key {
        let key = setup::token_key(path)?;
        manifest.token_key = Some(setup::fingerprint(&key));
        if arguments.with_keys {
            store.keep(TOKEN_KEY, &key, None)?;
            manifest.has_keys = true;
        }
    }
    if arguments.with_keys
        && let Some(key) = read_if_there(&data.join(secrets::FILE))?
    {
        store.keep(secrets::FILE, &key, None)?;
    }
    for (number, path) in (1..).zip(&arguments.seal_key) {
        let text = place::private_text(path)?;
        store.keep(&format!("seal-{number}.key"), format!("{text}\n").as_bytes(), None)?;
    }
    manifest.files = std::mem::take(&mut store.files);
    let written = store.written;
    store.finish(&manifest)?;
    tell(arguments, &manifest, Some((written, begun.elapsed().as_secs_f64())))?;
    if !manifest.has_keys {
        terminal::note(format_args!(
            "the key of tokens is not in it: keep `{}` elsewhere, or say --with-keys",
            arguments.token_key_file().display()
        ));
    }
    Ok(Ending::Well)
}

/// A backup within the data folder would be in the next backup.
fn must_be_apart(data: &Path, folder: &Path) -> anyhow::Result<()> {
    let whole =
        |path: &Path| std::path::absolute(path).and_then(|path| path.canonicalize().or(Ok(path)));
    let (data, folder) = (whole(data)?, whole(folder)?);
    if folder.starts_with(&data) || data.starts_with(&folder) {
        bail!("a backup lies outside of what it is of\nhint: name a folder on another disk");
    }
    Ok(())
}

/// The backup of another service is not replaced by this one.
fn must_be_of_the_same_log(data: &Path, store: &Store, folder: &Path) -> anyhow::Result<()> {
    let log = shroff_store::reach(&super::disk::Folder::there(&data.join("payments")))?;
    let before = store.before().and(salt_before(store));
    if let (Some(log), Some(before)) = (log, before)
        && log.salt != before
    {
        bail!(
            "`{}` has the backup of another log\nhint: name a folder of its own",
            folder.display()
        );
    }
    Ok(())
}

/// About how many bytes there are to be copied.
fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let told = || format!("cannot read `{}`", folder.display());
    let mut total = 0;
    for entry in std::fs::read_dir(folder).with_context(told)? {
        let path = entry.with_context(told)?.path();
        // What is gone meanwhile has no size.
        let size = std::fs::symlink_metadata(&path)
            .map_or(0, |it| if it.is_file() { it.len() } else { 0 });
        total += if path.is_dir() && !path.is_symlink() { size_of(&path)? } else { size };
    }
    Ok(total)
}

/// Copies until the rules were the same before and after.
fn passes(origin: &Origin<'_>, store: &mut Store) -> anyhow::Result<(Reached, Registered)> {
    let versions = || read_if_there(&origin.data.join("rules").join("versions.json"));
    for _ in 0..MOST_PASSES {
        store.again();
        let before = versions()?;
        let copied = pass(origin, store)?;
        if versions()? == before {
            return Ok(copied);
        }
        terminal::note(format_args!("the rules changed meanwhile: what is new is copied again"));
    }
    bail!("the rules changed each time that they were copied\nhint: try again in a while");
}

fn pass(origin: &Origin<'_>, store: &mut Store) -> anyhow::Result<(Reached, Registered)> {
    let data = origin.data;
    copy_snapshots(data, store)?;
    let verdicts = copy_log(data, "verdicts", store)?;
    let register = copy_register(origin, store)?;
    let payments = copy_log(data, "payments", store)?;
    // Names that are ahead of the log open for no payment.
    copy_log(data, "sealed", store)?;
    copy_files(origin, "", store)?;
    let (next, said) = (payments.map_or(0, |it| it.1), verdicts.map_or(0, |it| it.1));
    if register.payments > next {
        bail!(
            "the register knows {} payments, and the log has {next}\nhint: they belong to different \
             data; --data and --register must be those of one service",
            register.payments
        );
    }
    if said > next {
        bail!(
            "there are verdicts of {said} payments, and the log has {next}\nhint: a part of it is gone"
        );
    }
    let log = payments.map_or_else(|| "none".to_owned(), |(salt, _)| format!("{salt:016x}"));
    Ok((Reached { log, payments: next, verdicts: said }, register))
}

/// The bytes of a file; none where there is no such file.
fn read_if_there(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// The names in a folder, in order; none where it is not there.
fn names_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let told = || format!("cannot read `{}`", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(told)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.with_context(told)?.file_name();
        let name =
            name.to_str().with_context(|| format!("a name in `{}` is no UTF-8", folder.display()));
        names.push(name?.to_owned());
    }
    names.sort();
    Ok(names)
}

/// The snapshots that are there; one that is replaced meanwhile is passed over.
fn copy_snapshots(data: &Path, store: &mut Store) -> anyhow::Result<()> {
    for name in names_in(&data.join("snapshots"))? {
        let path = format!("snapshots/{name}");
        if let Some(bytes) = read_if_there(&data.join(&path))? {
            store.keep(&path, &bytes, None)?;
        }
    }
    Ok(())
}

/// The segments of a log up to its last whole frame: its salt, and how many records it has. A full
/// segment that the backup before has is not read again.
fn copy_log(data: &Path, log: &str, store: &mut Store) -> anyhow::Result<Option<(u64, u64)>> {
    let mut names = names_in(&data.join(log))?;
    names.retain(|name| Path::new(name).extension().is_some_and(|it| it == "log"));
    let mut reached: Option<(u64, u64)> = None;
    let mut expected: Option<u64> = None;
    for (number, name) in names.iter().enumerate() {
        let is_last = number + 1 == names.len();
        let path = format!("{log}/{name}");
        let told = || format!("cannot read `{}`", data.join(&path).display());
        let metadata = std::fs::metadata(data.join(&path)).with_context(told)?;
        let modified = metadata.modified().with_context(told)?.duration_since(UNIX_EPOCH);
        let modified = modified.map_or(0, |since| since.as_nanos()).to_string();
        if !is_last && let Some(next) = store.take_over(&path, metadata.len(), &modified) {
            expected = Some(next);
            continue;
        }
        let mut bytes = std::fs::read(data.join(&path)).with_context(told)?;
        let whole = shroff_store::extent(name, &bytes, is_last);
        let whole = whole.with_context(|| format!("in `{}`", data.join(log).display()))?;
        let Some(whole) = whole else { break };
        if expected.is_some_and(|next| next != whole.first) {
            bail!(
                "`{path}` does not go on where the segment before it ends\nhint: `shroff verify`"
            );
        }
        bytes.truncate(whole.bytes);
        let full = (!is_last).then_some(Full { modified, next: whole.next });
        store.keep(&path, &bytes, full)?;
        (expected, reached) = (Some(whole.next), Some((whole.salt, whole.next)));
    }
    // Where the last one was only just begun, the one before it was taken over with what it says.
    Ok(reached.or(expected.and_then(|next| Some((salt_before(store)?, next)))))
}

fn salt_before(store: &Store) -> Option<u64> {
    u64::from_str_radix(&store.before()?.reached.log, 16).ok()
}

/// The register as it is at one moment.
fn copy_register(origin: &Origin<'_>, store: &mut Store) -> anyhow::Result<Registered> {
    let file = origin.data.join(REGISTER);
    if origin.url.is_none() && !file.is_file() {
        bail!(
            "there is no `{}`\nhint: --register or --register-file names the PostgreSQL of the service",
            file.display()
        );
    }
    let mut written = store.writer(ROWS)?;
    let copied = origin.runtime.block_on(async {
        let register = match &origin.url {
            Some(url) => Register::connect(url).await,
            None => Register::look_at(&file).await,
        };
        let register = register.context("the register cannot be opened")?;
        let copied = register.copy(&mut |line| written.line(line)).await?;
        register.close().await;
        anyhow::Ok(copied)
    })?;
    store.keep_written(written)?;
    Ok(Registered {
        payments: copied.watermark.map_or(0, |known| known.next),
        rows: copied.rows,
        audit_entries: copied.audit.as_ref().map_or(0, |head| head.n),
        audit_hash: copied.audit.map(|head| head.hash),
    })
}

/// Everything else that lies in the data folder, but for secrets and what is half written.
fn copy_files(origin: &Origin<'_>, within: &str, store: &mut Store) -> anyhow::Result<()> {
    for name in names_in(&origin.data.join(within))? {
        let path = if within.is_empty() { name.clone() } else { format!("{within}/{name}") };
        let of = Path::new(&name).extension().and_then(|it| it.to_str()).unwrap_or_default();
        if NOT_AS_FILES.contains(&path.as_str()) || ["key", "lock", "partial"].contains(&of) {
            continue;
        }
        let whole = origin.data.join(&path);
        if origin.token_key.as_ref() == Some(&whole) || whole.is_symlink() {
            continue;
        }
        if whole.is_dir() {
            copy_files(origin, &path, store)?;
        } else if whole.is_file()
            && let Some(bytes) = read_if_there(&whole)?
        {
            store.keep(&path, &bytes, None)?;
        }
    }
    Ok(())
}

/// Says what a backup is.
fn tell(arguments: &Backup, manifest: &Manifest, made: Option<(u64, f64)>) -> anyhow::Result<()> {
    let Manifest { reached, register, files, .. } = manifest;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let mut told = json!({
            "folder": arguments.folder,
            "made": manifest.made,
            "program": manifest.program,
            "payments": reached.payments,
            "verdicts": reached.verdicts,
            "register_payments": register.payments,
            "register_rows": register.rows,
            "audit_entries": register.audit_entries,
            "audit_hash": register.audit_hash,
            "files": files.len(),
            "bytes": manifest.bytes(),
            "has_keys": manifest.has_keys,
        });
        if let Some((written, seconds)) = made {
            told["written_bytes"] = written.into();
            told["seconds"] = seconds.into();
        }
        writeln!(out, "{told}")?;
        return Ok(());
    }
    let shown = arguments.folder.display();
    let grouped = terminal::grouped;
    writeln!(
        out,
        "`{shown}`: {} payments and {} rows of the register, in {} files of {} bytes, made {}",
        grouped(reached.payments),
        grouped(register.rows),
        files.len(),
        grouped(manifest.bytes()),
        manifest.made
    )?;
    if let Some((written, seconds)) = made {
        writeln!(out, "{} bytes were new, in {seconds:.1} s", grouped(written))?;
    }
    Ok(())
}

/// Reads a whole backup: every digest, and that its logs are whole.
fn verify(arguments: &Backup) -> anyhow::Result<Ending> {
    let manifest = Manifest::read(&arguments.folder)?;
    look_through(&arguments.folder, &manifest)?;
    tell(arguments, &manifest, None)?;
    terminal::note(format_args!("every file is what was written"));
    Ok(Ending::Well)
}

/// Reads every file of a backup, and checks that the logs are as long as it says.
fn look_through(folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let mut bar = crate::progress::Bar::of_bytes("verify", Some(manifest.bytes()));
    let mut done = 0;
    let mut logs: [(&str, u64); 2] = [("payments/", 0), ("verdicts/", 0)];
    for entry in &manifest.files {
        let log = logs.iter_mut().find(|(log, _)| entry.path.starts_with(log));
        let mut bytes = Vec::new();
        let is_log = log.is_some();
        store::read_through(folder, entry, &mut |read| {
            if is_log {
                bytes.extend_from_slice(read);
            }
            Ok(())
        })?;
        if let Some((_, next)) = log {
            let whole = shroff_store::extent(&entry.path, &bytes, false);
            let whole = whole.context("what was copied was damaged")?;
            let whole = whole.filter(|whole| *next == 0 || whole.first == *next);
            *next = whole
                .with_context(|| format!("before `{}` a segment is missing", entry.path))?
                .next;
        }
        done += entry.bytes;
        bar.at(done);
    }
    bar.done();
    let Reached { payments, verdicts, .. } = manifest.reached;
    if logs.map(|(_, next)| next) != [payments, verdicts] {
        bail!(
            "the logs of the backup are not as long as its manifest says\nhint: use another backup"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shroff_store::{Access, Log, Options, write_payment};
    use shroff_types::{Amount, Currency, SentPayment, Timestamp};

    use super::super::disk::Folder;
    use super::*;

    /// Adds payments to a log whose segments are full after a few.
    fn grow(data: &Path, payments: u32) {
        let options = Options { access: Access::Owner, segment_bytes: 300, salt: 5, from: 0 };
        let folder = Folder::at(&data.join("payments")).expect("a folder of our own");
        let mut log = Log::open(folder, options, &mut |_| Ok(())).expect("it opens");
        for _ in 0..payments {
            let mut record = Vec::new();
            let amount = Amount { minor: 1, currency: Currency::EUR };
            let (id, time) = (&log.next().to_string(), Timestamp(1));
            let (debtor, creditor, method) = ("A", "B", None);
            write_payment(&SentPayment { id, time, debtor, creditor, amount, method }, &mut record);
            log.append(&record, 1, Timestamp(1)).expect("it is written");
            log.sync().expect("it is durable");
        }
    }

    /// A backup of the log alone; how many bytes of it were new.
    fn copy(data: &Path, kept: &Path) -> anyhow::Result<(Manifest, u64)> {
        let mut store = Store::open(kept, 0)?;
        let (salt, payments) = copy_log(data, "payments", &mut store)?.expect("there is a log");
        let reached = Reached { log: format!("{salt:016x}"), payments, verdicts: 0 };
        let register = Registered { payments, rows: 0, audit_entries: 0, audit_hash: None };
        let manifest = Manifest::new(reached, register, std::mem::take(&mut store.files));
        let written = store.written;
        store.finish(&manifest)?;
        look_through(kept, &manifest)?;
        Ok((manifest, written))
    }

    #[test]
    fn a_full_segment_is_copied_once_and_one_that_was_changed_is_read_and_its_damage_named() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
        grow(&data, 20);
        let (first, all) = copy(&data, &kept).expect("it is copied");
        assert_eq!((first.reached.payments, all), (20, first.bytes()));
        assert!(first.files.len() > 3, "{}", first.files.len());
        assert_eq!(copy(&data, &kept).expect("it is copied").1, 0, "nothing is new");
        grow(&data, 5);
        // What rots in a segment that was copied is not copied over what was whole.
        let path = data.join(&first.files[0].path);
        let modified = std::fs::metadata(&path).and_then(|it| it.modified()).expect("a time");
        let mut bytes = std::fs::read(&path).expect("it is there");
        bytes[100] ^= 1;
        std::fs::write(&path, &bytes).expect("it is ours");
        let file = std::fs::File::options().write(true).open(&path).expect("it is ours");
        file.set_modified(modified).expect("it is ours");
        let (second, new) = copy(&data, &kept).expect("it is copied");
        assert_eq!(second.reached.payments, 25);
        assert!(new > 0 && new < all, "{new} of {all}");
        file.set_modified(modified + std::time::Duration::from_secs(1)).expect("it is ours");
        let refused = copy(&data, &kept).expect_err("it is damaged");
        assert!(format!("{refused:#}").contains("is damaged"), "{refused:#}");
        let before = Manifest::read(&kept).expect("the backup before is there");
        look_through(&kept, &before).expect("and whole");
    }
}
