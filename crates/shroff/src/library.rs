//! The typologies that are built in.

use shroff_detect::{RuleError, Typology};

macro_rules! built_in {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("../../../typologies/", $name, ".toml")))),*]
    };
}

/// File names and texts, in the order in which reports list them.
const FILES: &[(&str, &str)] = built_in![
    "cycle",
    "scatter-gather",
    "gather-scatter",
    "fan-in",
    "fan-out",
    "layering-chain",
    "pass-through",
    "structuring"
];

/// Reads the built-in typologies.
pub(crate) fn built_in() -> Result<Vec<Typology>, RuleError> {
    FILES.iter().map(|(name, text)| Typology::parse(name, text)).collect()
}
