//! XML as it goes by: elements and what they hold, without a tree and without keeping the text.
//!
//! It is read as far as messages need that are looked at here: local names, the namespace of an element by the latest
//! declaration of its prefix, the text of those that hold no other. Entities are resolved before elements are looked
//! for, so that a message inside a message, escaped or as CDATA, reads like any other.
use super::{Budget, Share};

/// First bytes that are read: what a message is stands at its beginning.
const MOST: usize = 64 * 1024;
/// Longest tag, and longest text of an element.
const MOST_TOKEN: usize = 2048;
/// Longest name and namespace that are kept.
const MOST_NAME: usize = 128;
/// Declared prefixes that are remembered.
const MOST_SPACES: usize = 16;
/// Elements with their text that are kept.
const MOST_VALUES: usize = 48;
/// What reading one document keeps, from the budget.
const KEPT: usize = 16 * 1024;

/// What a document says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    /// The outermost element: local name and namespace.
    pub root: Option<Element>,
    /// The first element in `Body`, where the outermost is an envelope (SOAP 1.1, 4).
    pub body: Option<Element>,
    /// Elements that hold text alone, by local name, each as it came first.
    values: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Element {
    pub name: String,
    pub space: Option<String>,
}

impl Document {
    /// Of a message that is there whole.
    pub(crate) fn read(bytes: &[u8]) -> Document {
        let mut reading = Xml::fresh(None);
        reading.take(bytes);
        reading.finish()
    }

    /// The text of the first element of that local name that holds any.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    /// The first text that begins so.
    pub(crate) fn beginning(&self, with: &str) -> Option<&str> {
        let mut texts = self.values.iter().map(|(_, text)| text.as_str());
        texts.find(|text| text.starts_with(with))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Text,
    Tag,
}

/// A document on its way.
#[derive(Debug)]
pub(crate) struct Xml {
    document: Document,
    left: usize,
    place: Place,
    token: Vec<u8>,
    entity: Option<Vec<u8>>,
    spaces: Vec<(Vec<u8>, String)>,
    /// The element that was opened last, while nothing else was opened or closed.
    open: Option<String>,
    in_body: bool,
    _share: Option<Share>,
}

impl Xml {
    /// Begins where content looks like XML, and there is room to read it.
    pub(crate) fn begin(budget: &Budget, bytes: &[u8]) -> Option<Box<Xml>> {
        let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let start = start.trim_ascii_start();
        let html = |name: &[u8]| {
            start
                .get(..name.len())
                .is_some_and(|begins| begins.eq_ignore_ascii_case(name))
        };
        if start.first() != Some(&b'<') || html(b"<!doctype html") || html(b"<html") {
            return None;
        }
        Some(Box::new(Xml::fresh(Some(budget.take(KEPT)?))))
    }

    fn fresh(share: Option<Share>) -> Xml {
        Xml {
            document: Document::default(),
            left: MOST,
            place: Place::Text,
            token: Vec::new(),
            entity: None,
            spaces: Vec::new(),
            open: None,
            in_body: false,
            _share: share,
        }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(..self.left.min(bytes.len())).unwrap_or(bytes);
        self.left -= bytes.len();
        for byte in bytes {
            match (&mut self.entity, byte) {
                (None, b'&') => self.entity = Some(Vec::new()),
                (None, byte) => self.next(*byte),
                (Some(_), b';') => {
                    let name = self.entity.take().unwrap_or_default();
                    match name.as_slice() {
                        b"lt" => self.next(b'<'),
                        b"gt" => self.next(b'>'),
                        b"amp" => self.next(b'&'),
                        b"quot" => self.next(b'"'),
                        b"apos" => self.next(b'\''),
                        // Other characters stand in no name that is looked for.
                        _ => self.next(b'?'),
                    }
                }
                (Some(name), byte)
                    if name.len() < 8 && (byte.is_ascii_alphanumeric() || *byte == b'#') =>
                {
                    name.push(*byte);
                }
                // No entity after all.
                (Some(_), byte) => {
                    let name = self.entity.take().unwrap_or_default();
                    self.next(b'&');
                    for known in name {
                        self.next(known);
                    }
                    self.next(*byte);
                }
            }
        }
    }

    fn next(&mut self, byte: u8) {
        match (&self.place, byte) {
            (Place::Text, b'<') => {
                let text = std::mem::take(&mut self.token);
                self.place = Place::Tag;
                // It belongs to what is closed next, if that is what was opened last.
                self.text(text);
            }
            // `<![CDATA[<Root>`: a tag begins anew.
            (Place::Tag, b'<') => self.token.clear(),
            (Place::Tag, b'>') => {
                let tag = std::mem::take(&mut self.token);
                self.place = Place::Text;
                self.tag(&tag);
            }
            _ if self.token.len() < MOST_TOKEN => self.token.push(byte),
            _ => {}
        }
    }

    /// The text before the next tag, kept with the element while that is open.
    fn text(&mut self, text: Vec<u8>) {
        let Some(open) = &self.open else { return };
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() || self.document.value(open).is_some() {
            return;
        }
        if self.document.values.len() < MOST_VALUES
            && let Some(text) = crate::reader::text(trimmed, MOST_TOKEN)
        {
            self.document.values.push((open.clone(), text));
        }
    }

    fn tag(&mut self, tag: &[u8]) {
        match tag {
            [b'?' | b'!', rest @ ..] => {
                // `<![CDATA[text]]>`
                if let Some(text) = rest.strip_prefix(b"[CDATA[") {
                    let text = text.strip_suffix(b"]]").unwrap_or(text).to_vec();
                    self.text(text);
                }
            }
            [b'/', name @ ..] => {
                self.open = None;
                if self.in_body && self.document.body.is_none() && local(name) == b"Body" {
                    self.in_body = false;
                }
            }
            _ => self.opened(tag),
        }
    }

    fn opened(&mut self, tag: &[u8]) {
        let tag = tag.strip_suffix(b"/").unwrap_or(tag);
        let (called, attributes) = match tag.iter().position(u8::is_ascii_whitespace) {
            Some(end) => tag.split_at_checked(end).unwrap_or((tag, &[])),
            None => (tag, &[][..]),
        };
        self.declare(attributes);
        let Some(name) = crate::reader::text(local(called), MOST_NAME) else {
            self.open = None;
            return;
        };
        if self.document.root.is_none() || self.in_body && self.document.body.is_none() {
            let prefix = called
                .iter()
                .position(|byte| *byte == b':')
                .and_then(|end| called.get(..end))
                .unwrap_or(&[]);
            let space = self.spaces.iter().find(|(known, _)| known == prefix);
            let element = Element {
                name: name.clone(),
                space: space.map(|(_, space)| space.clone()),
            };
            if self.document.root.is_none() {
                self.document.root = Some(element);
            } else {
                self.document.body = Some(element);
            }
        } else if name == "Body" {
            let envelope = |root: &Element| root.name == "Envelope";
            self.in_body = self.document.root.as_ref().is_some_and(envelope);
        }
        self.open = Some(name);
    }

    /// `xmlns:prefix="namespace"`, the latest of a prefix.
    fn declare(&mut self, attributes: &[u8]) {
        let mut rest = attributes;
        while let Some(place) = rest.iter().position(|byte| *byte == b'=') {
            let name = rest.get(..place).unwrap_or(&[]).trim_ascii();
            let value = rest.get(place + 1..).unwrap_or(&[]).trim_ascii_start();
            let Some((quote, value)) = value.split_first() else {
                return;
            };
            let Some(end) = value.iter().position(|byte| byte == quote) else {
                return;
            };
            let (space, after) = value.split_at_checked(end).unwrap_or((value, &[]));
            rest = after.get(1..).unwrap_or(&[]);
            let prefix = match name.strip_prefix(b"xmlns") {
                Some([]) => &[][..],
                Some([b':', prefix @ ..]) => prefix,
                _ => continue,
            };
            let Some(space) = crate::reader::text(space, MOST_NAME) else {
                continue;
            };
            self.spaces.retain(|(known, _)| known != prefix);
            if self.spaces.len() < MOST_SPACES && prefix.len() <= MOST_NAME {
                self.spaces.push((prefix.to_vec(), space));
            }
        }
    }

    pub(crate) fn finish(self) -> Document {
        self.document
    }
}

/// A name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    let name = name.trim_ascii();
    name.rsplit(|byte| *byte == b':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Budget, Document, Xml};

    #[test]
    fn a_message_inside_a_message_is_read_however_it_is_wrapped_and_cut() {
        let inner = "<Root><Header><SenderCode>A1</SenderCode></Header></Root>";
        let escaped = inner.replace('<', "&lt;").replace('>', "&gt;");
        for held in [inner.to_owned(), format!("<![CDATA[{inner}]]>"), escaped] {
            let whole = format!(
                "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>\
                 <s:Body><x:send xmlns:x=\"http://x.example/\"><content>{held}</content><empty/></x:send></s:Body></s:Envelope>"
            );
            let mut cut = Xml::begin(&Budget::default(), whole.as_bytes()).unwrap();
            for piece in whole.as_bytes().chunks(7) {
                cut.take(piece);
            }
            let cut = cut.finish();
            assert_eq!(cut, Document::read(whole.as_bytes()));
            let body = cut.body.as_ref().unwrap();
            assert_eq!(
                (body.name.as_str(), body.space.as_deref()),
                ("send", Some("http://x.example/"))
            );
            assert_eq!(cut.value("SenderCode"), Some("A1"), "{held}");
            assert_eq!((cut.value("Header"), cut.value("empty")), (None, None));
        }
    }

    #[test]
    fn text_is_told_by_the_local_name_of_its_element_and_pages_are_not_read() {
        let document = Document::read(
            b"<d:Match><d:Types a='1'> tds:Device </d:Types><n><![CDATA[A & B]]></n><Types>cut",
        );
        assert_eq!(document.value("Types"), Some("tds:Device"));
        assert_eq!(document.value("n"), Some("A & B"));
        assert_eq!(document.value("Match"), None);
        for page in ["<!DOCTYPE html><html>", "\n<HTML>", "GIF89a"] {
            assert!(
                Xml::begin(&Budget::default(), page.as_bytes()).is_none(),
                "{page}"
            );
        }
    }
}
