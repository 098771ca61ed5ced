//! JSON Lines: one object a line, its members as the fields of a record.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Members deeper than this are not looked at: `a.b.c` is as deep as payments are written.
const MAX_DEPTH: usize = 4;

/// The members of an object, names of nested ones joined with dots, values as they are written:
/// a number keeps all its digits. Null and what is nested too deep is empty, a list is its text.
///
/// # Errors
/// What serde says of a line that is no object, and of two members of one name.
pub(crate) fn members(line: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the line is not valid UTF-8".to_owned())?;
    let mut found = Vec::new();
    collect(text, "", 1, &mut found)?;
    Ok(found)
}

fn collect(
    text: &str,
    prefix: &str,
    depth: usize,
    found: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), String> {
    let mut input = serde_json::Deserializer::from_str(text);
    let object = input.deserialize_map(Members).map_err(|error| error.to_string())?;
    input.end().map_err(|error| error.to_string())?;
    for (key, value) in object {
        let name = if prefix.is_empty() { key.into_owned() } else { format!("{prefix}.{key}") };
        if found.iter().any(|(known, _)| *known == name) {
            return Err(format!("two members have the name `{name}`"));
        }
        let raw = value.get();
        match raw.as_bytes().first() {
            Some(b'{') if depth < MAX_DEPTH => collect(raw, &name, depth + 1, found)?,
            Some(b'"') => {
                let text: String = serde_json::from_str(raw).map_err(|error| error.to_string())?;
                found.push((name, text.into_bytes()));
            }
            Some(b'n' | b'{') | None => found.push((name, Vec::new())),
            Some(_) => found.push((name, raw.as_bytes().to_vec())),
        }
        // A bound keeps a hostile line from making the search for equal names quadratic.
        if found.len() > 1_000 {
            return Err("the object has more than 1,000 members".to_owned());
        }
    }
    Ok(())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            members.push((key, value));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    fn check(line: &str, members: &str) {
        let shown = match super::members(line.as_bytes()) {
            Ok(found) => found
                .iter()
                .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error,
        };
        assert_eq!(shown, members, "{line}");
    }

    #[test]
    fn members_keep_their_digits_and_nested_ones_their_path() {
        check(r#"{"a": 1.10, "b": "x\ny", "c": null}"#, "a=1.10 b=x\ny c=");
        check(r#"{"a": 50000000000000000000001}"#, "a=50000000000000000000001");
        check(r#"{"a": {"b": {"c": true}}, "d": [1]}"#, "a.b.c=true d=[1]");
        check("{}", "");
    }

    #[test]
    fn what_is_no_object_is_said_to_be_none() {
        check(r#"{"a": 1, "a": 2}"#, "two members have the name `a`");
        check(r#"{"a": 1} x"#, "trailing characters at line 1 column 10");
        check("[1]", "invalid type: sequence, expected a JSON object at line 1 column 0");
        check(r#"{"a": 1"#, "EOF while parsing an object at line 1 column 7");
    }
}
