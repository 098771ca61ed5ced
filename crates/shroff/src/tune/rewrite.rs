//! A typology file with other numbers: its form and its comments stay, and the reason stands above
//! each number that was changed.

use anyhow::{Context, bail};
use shroff_detect::Typology;

/// The text of a file with the values that its typology has now.
pub(crate) fn rewritten(
    name: &str,
    text: &str,
    now: &[Typology],
    reason: &[String],
) -> anyhow::Result<String> {
    let old = Typology::parse(name, text).context("it was read before")?;
    let now = now.iter().find(|typology| typology.id == old.id);
    let now = now.with_context(|| format!("`{}` is among what was tuned", old.id))?;
    let mut text = text.to_owned();
    for (parameter, before) in &old.parameters {
        let value = now.parameters[parameter].value;
        if value.to_bits() != before.value.to_bits() {
            text = set(&text, parameter, value, reason)
                .with_context(|| unwritable(name, parameter))?;
        }
    }
    let read = Typology::parse(name, &text).with_context(|| unwritable(name, "value"))?;
    if read.parameters != now.parameters {
        bail!(unwritable(name, "value"));
    }
    Ok(text)
}

fn unwritable(name: &str, parameter: &str) -> String {
    format!(
        "cannot change `{parameter}` in `{name}`\nhint: write it as `[parameters.NAME]` and, below, \
         `value = NUMBER` on a line of its own"
    )
}

/// Sets `value` in a parameter's table.
fn set(text: &str, parameter: &str, value: f64, reason: &[String]) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let head = format!("[parameters.{parameter}]");
    let table = lines.iter().position(|line| line.split('#').next() == Some(head.as_str()))?;
    let inside = lines.iter().enumerate().skip(table + 1);
    let mut inside = inside.take_while(|(_, line)| !line.trim_start().starts_with('['));
    let (at, line) = inside.find(|(_, line)| {
        line.trim_start()
            .strip_prefix("value")
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    })?;
    let (key, rest) = line.split_once('=')?;
    let (before, comment) = match rest.split_once('#') {
        Some((number, comment)) => (number.trim(), format!(" #{comment}")),
        None => (rest.trim(), String::new()),
    };
    let mut new: Vec<String> = reason.iter().map(|line| format!("# {line}")).collect();
    new.push(format!("# It was {before}."));
    new.push(format!("{key}= {value}{comment}"));
    lines.splice(at..=at, new);
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::set;

    #[test]
    fn only_the_number_changes_and_the_reason_stands_above_it() {
        let text = "# kept\n[parameters.other]\nvalue = 1\n\n[parameters.least]\nwhat = \"x\"\nvalue = 4 # four\nrange = [2, 9]\n";
        let changed = set(text, "least", 6.5, &["Why.".to_owned()]).expect("it is there");
        assert_eq!(
            changed,
            "# kept\n[parameters.other]\nvalue = 1\n\n[parameters.least]\nwhat = \"x\"\n# Why.\n# It was 4.\nvalue = 6.5 # four\nrange = [2, 9]\n"
        );
        assert_eq!(set(text, "absent", 1.0, &[]), None);
        assert_eq!(set("[parameters.a]\n[case]\nvalue = 1\n", "a", 2.0, &[]), None);
    }
}
