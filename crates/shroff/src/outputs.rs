//! The files that a scan leaves: alerts as JSON Lines and Parquet, the key to the tokens, the run.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are written")]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use shroff_types::Decimal;

use crate::story::Told;

/// Creates a file, its folder too.
pub(crate) fn create(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    File::create(path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Creates a file that only its owner can read.
pub(crate) fn create_private(path: &Path) -> anyhow::Result<File> {
    let file = create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
            .with_context(|| format!("cannot protect `{}`", path.display()))?;
    }
    Ok(file)
}

/// Removes a file that a run before may have left.
pub(crate) fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file through `write`, and says which file it was when that fails.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(create(path)?);
    write(&mut out)
        .and_then(|()| out.flush())
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// One alert a line. `amount` is an exact decimal number; read it as a decimal, not as a float.
pub(crate) fn write_json_lines(out: &mut dyn Write, alerts: &[Told]) -> io::Result<()> {
    for alert in alerts {
        let list = |texts: &[String]| serde_json::to_string(texts).map_err(io::Error::from);
        let text = |text: &str| serde_json::to_string(text).map_err(io::Error::from);
        writeln!(
            out,
            "{{\"id\":{},\"typology\":{},\"score\":{},\"first_time\":\"{}\",\"last_time\":\"{}\",\
             \"raised_by\":{},\"accounts\":{},\"amount\":{},\"currency\":\"{}\",\"reasons\":{},\
             \"payments\":{}}}",
            text(&alert.id)?,
            text(&alert.typology)?,
            Decimal { digits: i128::from(alert.score_permille), decimals: 3 },
            alert.first_time,
            alert.last_time,
            text(&alert.raised_by)?,
            list(&alert.accounts)?,
            alert.amount,
            alert.currency,
            list(&alert.reasons)?,
            list(&alert.payments)?,
        )?;
    }
    Ok(())
}

/// The same as Parquet; `amount` is a decimal of as many decimals as the run's minor unit.
pub(crate) fn write_parquet(path: &Path, alerts: &[Told], exponent: u8) -> anyhow::Result<()> {
    let batch = alerts_batch(alerts, exponent)?;
    write_batches(path, &batch.schema(), |writer| writer.write(&batch))
}

/// A Parquet file of one schema, written by `write`.
pub(crate) fn write_batches(
    path: &Path,
    schema: &Arc<Schema>,
    write: impl FnOnce(&mut ArrowWriter<File>) -> parquet::errors::Result<()>,
) -> anyhow::Result<()> {
    let shown = path.display();
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let mut writer = ArrowWriter::try_new(create(path)?, Arc::clone(schema), Some(properties))
        .with_context(|| format!("cannot write `{shown}`"))?;
    write(&mut writer).with_context(|| format!("cannot write `{shown}`"))?;
    writer.close().with_context(|| format!("cannot write `{shown}`"))?;
    Ok(())
}

fn alerts_batch(alerts: &[Told], exponent: u8) -> anyhow::Result<RecordBatch> {
    let strings = |text: fn(&Told) -> &str| -> ArrayRef {
        Arc::new(alerts.iter().map(|a| Some(text(a))).collect::<StringArray>())
    };
    let times = |time: fn(&Told) -> i64| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(alerts.iter().map(time));
        Arc::new(times.with_timezone("UTC"))
    };
    let lists = |texts: fn(&Told) -> &[String]| -> ArrayRef {
        let mut list = ListBuilder::new(StringBuilder::new());
        for alert in alerts {
            texts(alert).iter().for_each(|text| list.values().append_value(text));
            list.append(true);
        }
        Arc::new(list.finish())
    };
    let scores: Float64Array =
        alerts.iter().map(|a| Some(f64::from(a.score_permille) / 1_000.0)).collect();
    let scale = i8::try_from(exponent).context("decimals fit a byte")?;
    let amounts: Decimal128Array = alerts.iter().map(|a| Some(a.amount.digits)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", strings(|a| &a.id)),
        ("typology", strings(|a| &a.typology)),
        ("score", Arc::new(scores)),
        ("first_time", times(|a| a.first_time.0)),
        ("last_time", times(|a| a.last_time.0)),
        ("raised_by", strings(|a| &a.raised_by)),
        ("accounts", lists(|a| &a.accounts)),
        ("amount", Arc::new(amounts.with_precision_and_scale(38, scale)?)),
        ("currency", strings(|a| a.currency.code())),
        ("reasons", lists(|a| &a.reasons)),
        ("payments", lists(|a| &a.payments)),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

