//! `shroff formats`: the layouts that are read by name, and a mapping for any other.

use std::io::Write;
use std::path::Path;

use shroff_ingest::LAYOUTS;

use crate::Ending;
use crate::inputs::{self, TemporaryFiles};

pub(crate) fn list() -> anyhow::Result<Ending> {
    let mut out = std::io::stdout().lock();
    for layout in LAYOUTS {
        writeln!(out, "{}\n  {}", layout.name, layout.description)?;
        writeln!(out, "  columns: {}", layout.columns.join(","))?;
        if !layout.optional.is_empty() {
            writeln!(out, "  and, where there: {}", layout.optional.join(","))?;
        }
        if !layout.notes.is_empty() {
            writeln!(out, "  {}", layout.notes)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Any other: `shroff formats guess FILE > map.toml`, then --map map.toml")?;
    Ok(Ending::Well)
}

pub(crate) fn guess(file: &Path) -> anyhow::Result<Ending> {
    let name = file.display().to_string();
    for input in inputs::open(std::slice::from_ref(&name))? {
        let mapping = shroff_ingest::guess(&input, &mut TemporaryFiles)?;
        write!(std::io::stdout().lock(), "{mapping}")?;
    }
    Ok(Ending::Well)
}
