//! AMLworld's `*_Patterns.txt`: blocks of payments, each one labelled attempt at laundering.

/// What a line of such a file is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'l> {
    /// The beginning of an attempt of this typology.
    Begin(&'l str),
    End,
    Blank,
    /// Anything else: a payment in the columns of AMLworld's transactions.
    Payment,
}

pub(crate) fn classify(line: &str) -> Line<'_> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("BEGIN LAUNDERING ATTEMPT") {
        let title = rest.trim_start_matches([' ', '-']);
        let typology = title.split(':').next().unwrap_or(title).trim();
        return Line::Begin(if typology.is_empty() { "UNNAMED" } else { typology });
    }
    if line.starts_with("END LAUNDERING ATTEMPT") {
        return Line::End;
    }
    if line.is_empty() { Line::Blank } else { Line::Payment }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_names_its_typology_with_or_without_a_remark() {
        for (line, is) in [
            ("BEGIN LAUNDERING ATTEMPT - CYCLE:  Max 10 hops", Line::Begin("CYCLE")),
            ("BEGIN LAUNDERING ATTEMPT - STACK", Line::Begin("STACK")),
            ("BEGIN LAUNDERING ATTEMPT", Line::Begin("UNNAMED")),
            ("END LAUNDERING ATTEMPT - CYCLE", Line::End),
            ("  \r", Line::Blank),
            ("2022/09/01 00:06,021174,...", Line::Payment),
        ] {
            assert_eq!(classify(line), is, "{line}");
        }
    }
}
