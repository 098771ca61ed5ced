//! `shroff audit`: the trail computed anew, without the service.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context, bail};
use shroff_store::register::{AuditFault, AuditHead, AuditRow, Chain, Register};

use super::register::FILE;
use crate::{Ending, terminal};

/// Computes a trail anew: that of an export, of a PostgreSQL, or of a data folder.
pub(crate) fn verify(
    file: Option<&Path>,
    data: &Path,
    url: Option<String>,
) -> anyhow::Result<Ending> {
    let (head, faults) = match (file, url) {
        (Some(file), _) => of_file(file)?,
        (None, Some(url)) => of_register(Register::connect(&url))?,
        (None, None) => {
            let path = data.join(FILE);
            if !path.is_file() {
                bail!(
                    "there is no `{}`\nhint: --data names the folder of a service, --register a \
                     PostgreSQL",
                    path.display()
                );
            }
            of_register(Register::look_at(&path))?
        }
    };
    let mut out = std::io::stdout().lock();
    for fault in &faults {
        writeln!(out, "{fault}")?;
    }
    writeln!(out, "{} entries, the last with the hash {}", head.n, head.hash)?;
    if faults.is_empty() {
        terminal::note(format_args!(
            "the trail is whole: compare the last hash with one noted before"
        ));
        return Ok(Ending::Well);
    }
    Ok(Ending::TooManyBad)
}

type Found = (AuditHead, Vec<AuditFault>);

fn of_register(
    register: impl Future<Output = Result<Register, shroff_store::register::RegisterError>>,
) -> anyhow::Result<Found> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let register = register.await.context("the register cannot be opened")?;
        let found = register.verify_audit().await.context("the trail cannot be read")?;
        register.close().await;
        Ok(found)
    })
}

fn of_file(path: &Path) -> anyhow::Result<Found> {
    let shown = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    let mut chain = Chain::default();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.with_context(|| format!("cannot read `{shown}`, line {number}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let Ok(row) = serde_json::from_str::<AuditRow>(&line) else {
            bail!(
                "`{shown}`, line {number}, is no entry\nhint: `GET /v1/audit/export` writes them"
            );
        };
        chain.check(&row);
    }
    Ok(chain.finish())
}
