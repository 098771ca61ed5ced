//! The files that a scan leaves: alerts as JSON Lines and Parquet, the key to the tokens, the run.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are written")]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
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

/// Makes a folder that only its owner can look into, and those above it.
pub(crate) fn create_private_folder(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder `{shown}`"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot protect `{shown}`"))?;
    }
    Ok(())
}

/// Copies a file to where only its owner can read it.
pub(crate) fn copy_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut out = create_private(to)?;
    let copied = File::open(from).and_then(|mut file| io::copy(&mut file, &mut out));
    copied.with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    Ok(())
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
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as `sha256sum` prints them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

/// As many bytes as are told in hexadecimal; none where it is anything else.
pub(crate) fn from_hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    // A sign is no digit, and a number has one.
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Where a file is written until it is whole: a run that is killed leaves no half of one under its
/// own name.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// Gives a file that is whole its own name.
fn complete(path: &Path) -> anyhow::Result<()> {
    std::fs::rename(partial(path), path)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes a file that has its own name only once `write` is done with it.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    write(create(&partial(path))?).with_context(|| format!("cannot write `{}`", path.display()))?;
    complete(path)
}

/// Writes a file that only its owner can read, whole or not at all, and makes it durable.
pub(crate) fn write_private(
    path: &Path,
    write: impl FnOnce(&mut File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut file = create_private(&partial(path))?;
    write(&mut file)
        .and_then(|()| Ok(file.sync_all()?))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    complete(path)
}

/// Writes a file through `write`, and says which file it was when that fails.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(create(&partial(path))?);
    write(&mut out)
        .and_then(|()| out.flush())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    complete(path)
}

/// One alert as a line of JSON. `amount` is an exact decimal number; read it as a decimal, not as
/// a float.
pub(crate) fn write_json_line(out: &mut dyn Write, told: &Told<'_>) -> io::Result<()> {
    let alert = told.alert;
    let reasons: Vec<&str> = alert.reasons.iter().map(|reason| reason.text.as_str()).collect();
    let thousandths = |permille: u16| f64::from(permille) / 1_000.0;
    let rules: Vec<serde_json::Value> = alert
        .reasons
        .iter()
        .map(|reason| {
            serde_json::json!({
                "typology": reason.typology,
                "score": thousandths(reason.score_permille),
                "share": thousandths(reason.share_permille),
            })
        })
        .collect();
    writeln!(
        out,
        "{{\"id\":{},\"typology\":{},\"score\":{},\"first_time\":\"{}\",\"last_time\":\"{}\",\
         \"action\":\"{}\",\"raised_by\":{},\"accounts\":{},\"amount\":{},\"currency\":\"{}\",\
         \"reasons\":{},\"rules\":{},\"payments\":{}}}",
        serde_json::to_string(&alert.id)?,
        serde_json::to_string(&alert.typology)?,
        Decimal { digits: i128::from(alert.score_permille), decimals: 3 },
        alert.first_time,
        alert.last_time,
        alert.action.name(),
        serde_json::to_string(told.raised_by)?,
        serde_json::to_string(&told.accounts)?,
        told.amount,
        told.currency,
        serde_json::to_string(&reasons)?,
        serde_json::to_string(&rules)?,
        serde_json::to_string(&told.payments)?,
    )
}

/// A Parquet file of one schema, written by `write`.
pub(crate) fn write_batches(
    path: &Path,
    schema: &Arc<Schema>,
    write: impl FnOnce(&mut ArrowWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let properties = packed().build();
    write_parquet(path, (create(&partial(path))?, schema), properties, write)
}

/// The same for what is kept between runs: only its owner can read it, and no statistics are
/// written, which nobody would read.
pub(crate) fn write_private_batches(
    path: &Path,
    schema: &Arc<Schema>,
    write: impl FnOnce(&mut ArrowWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let properties = packed().set_statistics_enabled(EnabledStatistics::None).build();
    write_parquet(path, (create_private(&partial(path))?, schema), properties, write)
}

fn packed() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()))
}

fn write_parquet(
    path: &Path,
    (file, schema): (File, &Arc<Schema>),
    properties: WriterProperties,
    write: impl FnOnce(&mut ArrowWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let shown = path.display();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))
        .with_context(|| format!("cannot write `{shown}`"))?;
    write(&mut writer).with_context(|| format!("cannot write `{shown}`"))?;
    writer.close().with_context(|| format!("cannot write `{shown}`"))?;
    complete(path)
}

/// The columns of `alerts.parquet`; `amount` has as many decimals as the run's minor unit.
pub(crate) fn alerts_schema(exponent: u8) -> anyhow::Result<Arc<Schema>> {
    let scale = i8::try_from(exponent).context("decimals fit a byte")?;
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let texts = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let fields = [
        ("id", DataType::Utf8),
        ("typology", DataType::Utf8),
        ("score", DataType::Float64),
        ("first_time", instant.clone()),
        ("last_time", instant),
        ("action", DataType::Utf8),
        ("raised_by", DataType::Utf8),
        ("accounts", texts.clone()),
        ("amount", DataType::Decimal128(38, scale)),
        ("currency", DataType::Utf8),
        ("reasons", texts.clone()),
        ("payments", texts),
    ];
    let fields = fields.map(|(name, kind)| Field::new(name, kind, false));
    Ok(Arc::new(Schema::new(fields.to_vec())))
}

/// Hands each text of an alert's list to a closure.
type EachText<'f> = dyn Fn(&Told<'_>, &mut dyn FnMut(&str)) + 'f;

/// Some alerts as rows of that schema.
pub(crate) fn alerts_batch(
    schema: &Arc<Schema>,
    alerts: &[Told<'_>],
) -> anyhow::Result<RecordBatch> {
    let DataType::Decimal128(precision, scale) = *schema.field(8).data_type() else {
        unreachable!("the schema is the one above");
    };
    let strings = |text: fn(&Told<'_>) -> String| -> ArrayRef {
        Arc::new(alerts.iter().map(|told| Some(text(told))).collect::<StringArray>())
    };
    let times = |time: fn(&Told<'_>) -> i64| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(alerts.iter().map(time));
        Arc::new(times.with_timezone("UTC"))
    };
    let lists = |texts: &EachText<'_>| -> ArrayRef {
        let mut list = ListBuilder::new(StringBuilder::new());
        for told in alerts {
            texts(told, &mut |text| list.values().append_value(text));
            list.append(true);
        }
        Arc::new(list.finish())
    };
    let score = |told: &Told<'_>| Some(f64::from(told.alert.score_permille) / 1_000.0);
    let decimals = u8::try_from(scale).context("decimals are no less than none")?;
    // What is shown is never finer than the minor unit, so it is whole there.
    let amount = |told: &Told<'_>| told.amount.units(decimals).ok();
    let amounts: Decimal128Array = alerts.iter().map(amount).collect();
    let columns: Vec<ArrayRef> = vec![
        strings(|told| told.alert.id.clone()),
        strings(|told| told.alert.typology.clone()),
        Arc::new(alerts.iter().map(score).collect::<Float64Array>()),
        times(|told| told.alert.first_time.0),
        times(|told| told.alert.last_time.0),
        strings(|told| told.alert.action.name().to_owned()),
        strings(|told| told.raised_by.to_owned()),
        lists(&|told, add| told.accounts.iter().for_each(|text| add(text))),
        Arc::new(amounts.with_precision_and_scale(precision, scale)?),
        strings(|told| told.currency.code().to_owned()),
        lists(&|told, add| told.alert.reasons.iter().for_each(|reason| add(&reason.text))),
        lists(&|told, add| told.payments.iter().for_each(|text| add(text))),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
