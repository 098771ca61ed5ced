//! The walk through the elements of a document, within limits.

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use super::fields::Fields;
use super::iso::Assembly;
use super::table::{self, Slot, Tree};
use super::{Limits, Message, Unreadable};

/// Where an element is.
#[derive(Debug, Clone, Copy)]
enum At {
    /// In an envelope, or at the top.
    Outside,
    /// A `Document`: the next element is its body.
    Document,
    /// Below a body or a header, at a node of its tree.
    Node(&'static Tree, u16),
    /// What is not read.
    Skipped,
}

struct Walk<'a> {
    limits: &'a Limits,
    stack: Vec<At>,
    /// Prefixes with their namespaces, each with the depth that it was declared at.
    bindings: Vec<(String, String, usize)>,
    fields: Fields,
    assembly: Assembly,
    steps: usize,
    /// How many documents are within the text of others.
    level: u8,
    roots: usize,
}

/// Longer than any text that is read may be.
const MOST_FIELD_BYTES: usize = 512;
/// The longest remittance text, all lines of it.
const MOST_REMITTANCE_BYTES: usize = 4_096;
/// Shorter than this nothing can be a document.
const LEAST_DOCUMENT_BYTES: usize = 16;

/// Reads the documents of a text.
pub(super) fn read(text: &str, limits: &Limits) -> Result<Vec<Message>, Unreadable> {
    let assembly = Assembly::new(limits.instructions);
    let (stack, bindings, fields) = (Vec::new(), Vec::new(), Fields::new());
    let mut walk = Walk { limits, stack, bindings, fields, assembly, steps: 0, level: 0, roots: 0 };
    if text.starts_with(|c: char| c.is_ascii_whitespace()) {
        walk.assembly.warn("there is space before the document");
    }
    walk.document(text.trim_ascii_start())?;
    walk.assembly.finish()
}

impl Walk<'_> {
    fn document(&mut self, text: &str) -> Result<(), Unreadable> {
        let mut reader = Reader::from_str(text);
        let bottom = self.stack.len();
        let roots = self.roots;
        loop {
            let event = reader.read_event();
            let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            self.steps += 1;
            if self.steps > self.limits.steps {
                return Err(Unreadable::new("it has too many parts").at(offset));
            }
            // The reader's own words may quote the document.
            let event =
                event.map_err(|_| Unreadable::new("it is not well-formed XML").at(offset))?;
            if let Event::Eof = event {
                break;
            }
            self.event(event, bottom).map_err(|error| error.at(offset))?;
        }
        if self.stack.len() > bottom || self.roots == roots {
            return Err(Unreadable::new("it ends before its document does").at(text.len()));
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, bottom: usize) -> Result<(), Unreadable> {
        match event {
            Event::Start(tag) => self.start(&tag, bottom),
            Event::Empty(tag) => {
                self.start(&tag, bottom)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text, bottom),
            Event::CData(text) => self.cdata(&text.into_inner(), bottom),
            Event::GeneralRef(entity) => self.entity(&entity, bottom),
            Event::Comment(text) => self.bound(text.len()),
            Event::PI(text) => self.bound(text.len()),
            Event::Decl(declaration) => self.declaration(&declaration, bottom),
            Event::DocType(_) => Err(Unreadable::new("it has a DTD, and none is read")),
            Event::Eof => Ok(()),
        }
    }

    fn bound(&self, length: usize) -> Result<(), Unreadable> {
        if length > self.limits.text_bytes {
            return Err(Unreadable::new(format!(
                "a part of it is longer than {} bytes",
                self.limits.text_bytes
            )));
        }
        Ok(())
    }

    fn declaration(
        &mut self,
        declaration: &BytesDecl<'_>,
        bottom: usize,
    ) -> Result<(), Unreadable> {
        if self.stack.len() > bottom {
            return Err(Unreadable::new("an XML declaration is within an element"));
        }
        match declaration.version().as_deref() {
            Ok("1.0") => Ok(()),
            Ok(_) | Err(_) => Err(Unreadable::new("it is not XML 1.0")),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, bottom: usize) -> Result<(), Unreadable> {
        let name = tag.name();
        let name = name.as_ref();
        if name.len() > self.limits.name_bytes {
            return Err(Unreadable::new("the name of an element is too long"));
        }
        self.bound(tag.len())?;
        if self.stack.len() >= self.limits.depth {
            return Err(Unreadable::new(format!(
                "its elements lie more than {} deep",
                self.limits.depth
            )));
        }
        if self.stack.len() == bottom {
            self.roots += 1;
            if self.roots > 1 && self.level == 0 {
                self.assembly.another_root();
                self.fields.forget(u128::MAX);
            }
        }
        let currency = self.attributes(tag)?;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let space = self.namespace(prefix)?;
        let at = match self.stack.last().copied() {
            Some(At::Skipped) => At::Skipped,
            Some(At::Node(tree, node)) => self.descend(tree, node, local),
            Some(At::Document) => self.assembly.body(local, self.limits.has_names)?,
            Some(At::Outside) | None => match local {
                "Document" => {
                    self.assembly.document(space.as_deref())?;
                    At::Document
                }
                "AppHdr" => {
                    self.fields.forget(u128::MAX);
                    At::Node(table::header_tree(), 0)
                }
                _ if table::SHAPES.iter().any(|shape| shape.body == local) => {
                    self.assembly.document(space.as_deref())?;
                    self.assembly.warn("it has no `Document` around its body");
                    self.assembly.body(local, self.limits.has_names)?
                }
                _ => At::Outside,
            },
        };
        if let At::Node(tree, node) = at {
            self.enter(tree, node, currency.as_deref());
        }
        self.stack.push(at);
        Ok(())
    }

    /// Where a child of a node is.
    fn descend(&mut self, tree: &'static Tree, node: u16, local: &str) -> At {
        let Some(child) = tree.child(node, local) else { return At::Skipped };
        if let Some(slot) = tree.slot(child)
            && !self.fields.begin(slot)
        {
            // Of remittance text there may be any number of lines: all are read, as one.
            if slot == table::REMITTANCE {
                self.remit(" ");
                return At::Node(tree, child);
            }
            // `Cd` and `Prtry` are one slot; a text that has children has none of its own.
            if tree.slot(node) == Some(slot) {
                return At::Node(tree, child);
            }
            if table::is_single(slot) {
                self.assembly.warn("a field is there more than once: the first one is read");
            }
            return At::Skipped;
        }
        At::Node(tree, child)
    }

    fn enter(&mut self, tree: &'static Tree, node: u16, currency: Option<&str>) {
        let entered = tree.node(node);
        if let Some(scope) = entered.scope {
            self.fields.forget(entered.below);
            self.assembly.begin(scope);
        }
        if let (true, Some(slot), Some(currency)) =
            (entered.has_currency, tree.slot(node), currency)
            && self.fields.begin(slot + 1)
        {
            self.fields.append(slot + 1, currency);
        }
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        let depth = self.stack.len();
        self.bindings.truncate(
            self.bindings.iter().rposition(|(.., at)| *at < depth).map_or(0, |last| last + 1),
        );
        let Some(at) = self.stack.pop() else {
            return Err(Unreadable::new("it is not well-formed XML"));
        };
        match at {
            At::Node(tree, node) => match tree.node(node).scope {
                Some(scope) => self.assembly.end(scope, &self.fields),
                None if node == 0 && std::ptr::eq(tree, table::header_tree()) => {
                    self.assembly.header(&self.fields);
                    Ok(())
                }
                None if node == 0 => self.assembly.message(&self.fields),
                None => Ok(()),
            },
            At::Document => self.assembly.document_ended(),
            At::Outside | At::Skipped => Ok(()),
        }
    }

    /// The slot that a text goes to.
    fn slot(&self) -> Option<Slot> {
        match self.stack.last() {
            Some(At::Node(tree, node)) => tree.slot(*node),
            Some(At::Outside | At::Document | At::Skipped) | None => None,
        }
    }

    fn text(&mut self, text: &str, bottom: usize) -> Result<(), Unreadable> {
        self.bound(text.len())?;
        if self.stack.len() <= bottom && !text.trim_ascii().is_empty() {
            return Err(Unreadable::new("there is text outside of its document"));
        }
        let Some(slot) = self.slot() else { return Ok(()) };
        if slot == table::REMITTANCE {
            self.remit(text);
            return Ok(());
        }
        if self.fields.length(slot) + text.len() > MOST_FIELD_BYTES {
            // Space between the elements of a field that has children is no text of it.
            if text.trim_ascii().is_empty() {
                return Ok(());
            }
            return Err(Unreadable::new(format!(
                "a field is longer than {MOST_FIELD_BYTES} bytes"
            )));
        }
        self.fields.append(slot, text);
        Ok(())
    }

    /// Adds to the remittance text what it has room for: the longest is no reason to read nothing.
    fn remit(&mut self, text: &str) {
        let room = MOST_REMITTANCE_BYTES.saturating_sub(self.fields.length(table::REMITTANCE));
        if text.len() > room {
            self.assembly.warn("remittance text is too long: its beginning is read");
        }
        self.fields.append(table::REMITTANCE, &text[..text.floor_char_boundary(room)]);
    }

    /// A text that may be a document of its own: within an envelope, and once.
    fn cdata(&mut self, text: &str, bottom: usize) -> Result<(), Unreadable> {
        let is_outside = matches!(self.stack.last(), Some(At::Outside));
        let inner = text.trim_ascii();
        let looks_so = inner.starts_with('<') && inner.len() >= LEAST_DOCUMENT_BYTES;
        if !is_outside || !looks_so {
            return self.text(text, bottom);
        }
        if self.level > 0 {
            return Err(Unreadable::new("it is packed twice"));
        }
        // What is declared around it is not declared within it.
        let bindings = std::mem::take(&mut self.bindings);
        self.level += 1;
        self.document(inner)?;
        self.level -= 1;
        self.bindings = bindings;
        Ok(())
    }

    fn entity(&mut self, entity: &BytesRef<'_>, bottom: usize) -> Result<(), Unreadable> {
        let resolved = match entity.resolve_char_ref() {
            Ok(Some(c)) => Some(c),
            Ok(None) => match &**entity {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => None,
            },
            Err(_) => None,
        };
        let Some(c) = resolved.filter(|&c| is_allowed(c)) else {
            return Err(Unreadable::new("it names a character or an entity that it cannot name"));
        };
        self.text(c.encode_utf8(&mut [0; 4]), bottom)
    }

    /// Looks at the attributes: namespaces are noted, and `Ccy` is given.
    fn attributes(&mut self, tag: &BytesStart<'_>) -> Result<Option<String>, Unreadable> {
        if tag.attributes_raw().trim_ascii().is_empty() {
            return Ok(None);
        }
        let wrong = || Unreadable::new("it is not well-formed XML: an attribute");
        let depth = self.stack.len() + 1;
        let mut names: Vec<&str> = Vec::new();
        let mut currency = None;
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| wrong())?;
            let key = attribute.key.into_inner();
            if names.len() >= self.limits.attributes {
                return Err(Unreadable::new(format!(
                    "an element has more than {} attributes",
                    self.limits.attributes
                )));
            }
            if names.contains(&key) || attribute.value.contains('<') {
                return Err(wrong());
            }
            names.push(key);
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|_| wrong())?;
            if !value.chars().all(is_allowed) {
                return Err(wrong());
            }
            let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                if self.bindings.len() >= self.limits.namespaces {
                    return Err(Unreadable::new("it declares too many namespaces"));
                }
                self.bindings.push((prefix.to_owned(), value.into_owned(), depth));
            } else if key == "Ccy" {
                if value.len() > MOST_FIELD_BYTES {
                    return Err(Unreadable::new("a currency is too long"));
                }
                currency = Some(value.into_owned());
            }
        }
        Ok(currency)
    }

    /// The namespace of a prefix; none where there is none without a prefix.
    fn namespace(&self, prefix: &str) -> Result<Option<String>, Unreadable> {
        let is_read = matches!(self.stack.last(), Some(At::Outside) | None);
        if prefix.is_empty() && !is_read {
            return Ok(None);
        }
        let bound = self.bindings.iter().rev().find(|(name, ..)| name == prefix);
        match bound {
            Some((_, space, _)) if is_read => Ok(Some(space.clone())),
            Some(_) => Ok(None),
            None if prefix.is_empty() || prefix == "xml" => Ok(None),
            None => Err(Unreadable::new("an element has a prefix that is not declared")),
        }
    }
}

fn is_allowed(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

impl Assembly {
    /// Where the body of a document is.
    fn body(&mut self, local: &str, has_names: bool) -> Result<At, Unreadable> {
        let shape = self.shape(local)?;
        Ok(At::Node(table::tree(shape, has_names), 0))
    }
}
