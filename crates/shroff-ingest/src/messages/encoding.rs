//! The bytes of an XML document as text: UTF-8, UTF-16 and ISO-8859-1, as declared, and no other.

use std::borrow::Cow;

use super::Unreadable;

/// The bytes behind a byte-order mark of UTF-8.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Whether a byte-order mark says that this is UTF-16.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}

/// The text of a document.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let text = if is_utf16(bytes) {
        let text = utf16(bytes)?;
        match declared(text.as_bytes()) {
            None | Some("utf-16" | "utf-16le" | "utf-16be") => Cow::Owned(text),
            Some(_) => return Err(wrong("its declaration names another encoding than UTF-16")),
        }
    } else {
        let is_marked = bytes.len() != without_mark(bytes).len();
        let bytes = without_mark(bytes);
        match declared(bytes) {
            None | Some("utf-8" | "us-ascii") => Cow::Borrowed(utf8(bytes)?),
            Some("iso-8859-1") if !is_marked => {
                Cow::Owned(bytes.iter().map(|&b| char::from(b)).collect())
            }
            Some(_) => {
                return Err(wrong(
                    "its declaration names an encoding that is not its own, or is not read: UTF-8, UTF-16 and ISO-8859-1 are",
                ));
            }
        }
    };
    refuse_control_characters(&text)?;
    Ok(text)
}

fn wrong(reason: &str) -> Unreadable {
    Unreadable::new(reason)
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|error| wrong("it is not in UTF-8").at(error.valid_up_to()))
}

fn utf16(bytes: &[u8]) -> Result<String, Unreadable> {
    let is_little = bytes[0] == 0xFF;
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong("it ends within a character of UTF-16"));
    }
    let units = pairs
        .iter()
        .map(|&pair| if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map_err(|_| wrong("it is not in UTF-16"))
}

/// Characters that no XML document has.
fn refuse_control_characters(text: &str) -> Result<(), Unreadable> {
    let bytes = text.as_bytes();
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    if let Some(at) = bytes.iter().position(control) {
        return Err(wrong("it has a control character in it").at(at));
    }
    // U+FFFE and U+FFFF: both begin with EF BF.
    let finds = memchr::memmem::find_iter(bytes, b"\xEF\xBF");
    let mut finds = finds.filter(|&at| matches!(bytes.get(at + 2), Some(0xBE | 0xBF)));
    match finds.next() {
        Some(at) => Err(wrong("it has a character in it that XML does not allow").at(at)),
        None => Ok(()),
    }
}

/// Names of encodings, and what they mean.
const KNOWN: [(&str, &str); 9] = [
    ("utf-8", "utf-8"),
    ("utf8", "utf-8"),
    ("us-ascii", "us-ascii"),
    ("ascii", "us-ascii"),
    ("utf-16", "utf-16"),
    ("utf-16le", "utf-16le"),
    ("utf-16be", "utf-16be"),
    ("iso-8859-1", "iso-8859-1"),
    ("latin1", "iso-8859-1"),
];

/// The encoding that a declaration at the beginning names, of those that are known; `?` for others.
fn declared(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.trim_ascii_start();
    let end = start.len().min(256);
    let declaration = start[..end].strip_prefix(b"<?xml")?;
    let declaration = &declaration[..memchr::memmem::find(declaration, b"?>")?];
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let value = declaration[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first()?;
    let value = &value[..value.iter().position(|&b| b == quote)?];
    let known = KNOWN.iter().find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes()));
    Some(known.map_or("?", |(_, canonical)| canonical))
}
