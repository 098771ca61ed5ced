//! `shroff restore`: a backup becomes a data folder, all of it or none that a service would start on.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use shroff_store::register::Register;

use super::manifest::Manifest;
use super::{REGISTER, ROWS, TOKEN_KEY, look_through, store, sync_folder};
use crate::cli::Restore;
use crate::progress::Bar;
use crate::serve::{place, setup};
use crate::{Ending, outputs, terminal};

/// The longest line of a copy of the register.
const MOST_LINE_BYTES: u64 = 64 << 20;

/// Restores a backup into a folder that is new or empty.
pub(in crate::serve) fn run(arguments: &Restore) -> anyhow::Result<Ending> {
    let data = arguments.data.as_path();
    must_be_empty(data)?;
    let url = place::url(arguments.register.as_deref(), arguments.register_file.as_deref())?;
    let manifest = Manifest::read(&arguments.backup)?;
    look_through(&arguments.backup, &manifest)?;
    let named = arguments.token_key.as_deref();
    let is_right_key = named.map(|path| must_be_its_key(path, &manifest)).transpose()?.is_some();
    setup::make_private_folder(data)?;
    let marker = data.join(setup::RESTORING);
    drop(outputs::create_private(&marker)?);
    sync_folder(data)?;
    copy_files(&arguments.backup, data, &manifest)?;
    let rows = fill(&arguments.backup, data, url.as_deref(), &manifest)?;
    if let Some(known) = &manifest.token_key {
        setup::expect_key(data, known)?;
    }
    // Without it, it is a data folder.
    outputs::remove_if_there(&marker)?;
    sync_folder(data)?;
    tell(arguments, &manifest, rows)?;
    next_steps(arguments, &manifest, is_right_key);
    Ok(Ending::Well)
}

fn must_be_empty(data: &Path) -> anyhow::Result<()> {
    if !data.exists() {
        return Ok(());
    }
    let told = || format!("cannot read `{}`", data.display());
    let mut entries = std::fs::read_dir(data).with_context(told)?;
    if entries.next().is_some() {
        bail!(
            "`{}` is not empty\nhint: a backup is restored into a new folder; look at what is there, \
             and move it away",
            data.display()
        );
    }
    Ok(())
}

/// The key that the tokens of the register were made with.
fn must_be_its_key(path: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let key = setup::token_key_that_is_there(path)?;
    let is_it = manifest.token_key.as_ref().is_none_or(|known| *known == setup::fingerprint(&key));
    if !is_it {
        bail!(
            "`{}` is not the key that the tokens of this backup were made with\nhint: the service \
             would show every account under another token",
            path.display()
        );
    }
    Ok(())
}

/// Writes every file but the register, and makes all of it durable.
fn copy_files(backup: &Path, data: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let mut bar = Bar::of_bytes("restore", Some(manifest.bytes()));
    let mut done = 0;
    let mut folders: BTreeSet<PathBuf> = BTreeSet::from([data.to_owned()]);
    // Of a service that was sent nothing yet they are empty, and there all the same.
    for name in ["payments", "verdicts", "snapshots"] {
        let folder = data.join(name);
        setup::make_private_folder(&folder)?;
        folders.insert(folder);
    }
    for entry in manifest.files.iter().filter(|entry| entry.path != ROWS) {
        let to = data.join(&entry.path);
        for folder in to.ancestors().skip(1).take_while(|folder| *folder != data) {
            folders.insert(folder.to_owned());
            setup::make_private_folder(folder)?;
        }
        outputs::write_private(&to, |file| {
            store::read_through(backup, entry, &mut |bytes| file.write_all(bytes))
        })?;
        done += entry.bytes;
        bar.at(done);
    }
    for folder in folders {
        sync_folder(&folder)?;
    }
    bar.done();
    Ok(())
}

/// Fills the register: the file of the data folder, or a PostgreSQL.
fn fill(backup: &Path, data: &Path, url: Option<&str>, manifest: &Manifest) -> anyhow::Result<u64> {
    let entry = manifest.entry(ROWS).context("the backup has no register")?;
    let path = backup.join(entry.stored());
    let shown = path.display();
    let file = std::fs::File::open(&path).with_context(|| format!("cannot read `{shown}`"))?;
    let mut lines = BufReader::new(file);
    let mut read = move || {
        let mut line = String::new();
        (&mut lines).take(MOST_LINE_BYTES).read_line(&mut line)?;
        let is_whole = line.pop().is_none_or(|last| last == '\n');
        if !is_whole {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        Ok(Some(line).filter(|line| !line.is_empty()))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let register = if let Some(url) = url {
            Register::connect(url).await
        } else {
            let path = data.join(REGISTER);
            drop(outputs::create_private(&path)?);
            Register::blank(&path).await
        };
        let register = register.context("the register cannot be opened")?;
        let rows = register.fill(&mut read).await.context("the register was not restored")?;
        register.close().await;
        anyhow::Ok(rows)
    })
}

fn tell(arguments: &Restore, manifest: &Manifest, rows: u64) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let payments = manifest.reached.payments;
    if arguments.json {
        let told = json!({
            "data": arguments.data,
            "made": manifest.made,
            "payments": payments,
            "register_rows": rows,
            "audit_entries": manifest.register.audit_entries,
            "audit_hash": manifest.register.audit_hash,
            "has_keys": manifest.has_keys,
        });
        writeln!(out, "{told}")?;
        return Ok(());
    }
    writeln!(
        out,
        "`{}` has the {} payments and {} rows of the register that the backup of {} has",
        arguments.data.display(),
        terminal::grouped(payments),
        terminal::grouped(rows),
        manifest.made
    )?;
    if let Some(hash) = &manifest.register.audit_hash {
        writeln!(
            out,
            "the audit trail ends with entry {}, {hash}",
            manifest.register.audit_entries
        )?;
    }
    Ok(())
}

fn next_steps(arguments: &Restore, manifest: &Manifest, is_right_key: bool) {
    let shown = arguments.data.display();
    if !manifest.has_keys && !is_right_key && manifest.token_key.is_some() {
        terminal::note(format_args!(
            "the key of tokens is not in the backup: put it to `{shown}/{TOKEN_KEY}`, or name it with \
             --token-key; with another one the service does not start"
        ));
    }
    terminal::note(format_args!(
        "next: `shroff verify --data {shown}`, `shroff audit verify`, then start the service with the \
         options that it had, and send the payments again that came after the backup: what is known \
         counts once"
    ));
    if manifest.program != env!("CARGO_PKG_VERSION") {
        terminal::note(format_args!(
            "the backup is of version {}, and this is {}",
            manifest.program,
            env!("CARGO_PKG_VERSION")
        ));
    }
}
