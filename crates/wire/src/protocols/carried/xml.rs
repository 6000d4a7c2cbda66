//! XML as it goes by: elements and what they hold, without a tree and without keeping the text.
//!
//! It is read as far as messages need that are looked at here: local names, the namespace of an element by the latest
//! declaration of its prefix, the text of those that hold no other. Entities are resolved before elements are looked
//! for, so that a message inside a message, escaped or as CDATA, reads like any other. What stands in comments and
//! processing instructions is not said.
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
/// What reading one document keeps beside its values, from the budget; these are taken from it as they come.
const KEPT: usize = 16 * 1024;
/// Octets of a character at most.
const WIDE: usize = 4;
/// The token under way, declared prefixes with their namespaces, and the names and namespaces of three elements.
const _: () = assert!(
    MOST_TOKEN + MOST_SPACES * (MOST_NAME + WIDE * MOST_NAME + 64) + 5 * WIDE * MOST_NAME <= KEPT
);

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
    /// In a comment or a processing instruction, until what is here and `>` (XML 1.0, 2.5 and 2.6).
    Aside(&'static [u8]),
}

const COMMENT: &[u8] = b"--";
const INSTRUCTION: &[u8] = b"?";

/// A document on its way.
#[derive(Debug)]
pub(crate) struct Xml {
    document: Document,
    left: usize,
    place: Place,
    /// The tag, comment or instruction began with an entity: it is of a message inside this one.
    inner: bool,
    /// In CDATA, and whether that began with an entity.
    cdata: Option<bool>,
    /// The last two octets since something began that ends with them and `>`.
    tail: [u8; 2],
    token: Vec<u8>,
    entity: Option<Vec<u8>>,
    spaces: Vec<(Vec<u8>, String)>,
    /// The element that was opened last, while nothing else was opened or closed.
    open: Option<String>,
    in_body: bool,
    /// `None` where the message is there whole, and is read in one go.
    share: Option<Share>,
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
            inner: false,
            cdata: None,
            tail: [0; 2],
            token: Vec::new(),
            entity: None,
            spaces: Vec::new(),
            open: None,
            in_body: false,
            share,
        }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(..self.left.min(bytes.len())).unwrap_or(bytes);
        self.left -= bytes.len();
        for byte in bytes {
            match (&mut self.entity, byte) {
                (None, b'&') => self.entity = Some(Vec::new()),
                (None, byte) => self.next(*byte, false),
                (Some(_), b';') => {
                    let name = self.entity.take().unwrap_or_default();
                    let byte = match name.as_slice() {
                        b"lt" => b'<',
                        b"gt" => b'>',
                        b"amp" => b'&',
                        b"quot" => b'"',
                        b"apos" => b'\'',
                        // Other characters stand in no name that is looked for.
                        _ => b'?',
                    };
                    self.next(byte, true);
                }
                (Some(name), byte)
                    if name.len() < 8 && (byte.is_ascii_alphanumeric() || *byte == b'#') =>
                {
                    name.push(*byte);
                }
                // No entity after all.
                (Some(_), byte) => {
                    let name = self.entity.take().unwrap_or_default();
                    self.next(b'&', false);
                    for known in name {
                        self.next(known, false);
                    }
                    self.next(*byte, false);
                }
            }
        }
    }

    /// `entity` says that the octet was written as one.
    fn next(&mut self, byte: u8, entity: bool) {
        let tail = self.tail;
        let [_, last] = tail;
        self.tail = [last, byte];
        // What began in this message does not end in one inside it.
        let closes = byte == b'>' && (self.inner || !entity);
        if byte == b'>' && tail == *b"]]" && self.cdata.is_some_and(|inner| inner || !entity) {
            self.leave_cdata();
            return;
        }
        match self.place {
            Place::Aside(end) if closes && tail.ends_with(end) => self.place = Place::Text,
            // The message inside ended without an end of it.
            Place::Aside(_) if byte == b'<' && !entity && self.inner => self.begin_tag(entity),
            Place::Aside(_) => {}
            Place::Text if byte == b'<' => {
                let text = std::mem::take(&mut self.token);
                // It belongs to what is closed next, if that is what was opened last.
                self.text(&text);
                self.begin_tag(entity);
            }
            // A tag that nothing ended: one begins anew.
            Place::Tag if byte == b'<' => self.begin_tag(entity),
            Place::Tag if byte == b'>' => {
                let tag = std::mem::take(&mut self.token);
                self.place = Place::Text;
                self.tag(&tag);
            }
            _ if self.token.len() < MOST_TOKEN => self.push(byte),
            // Whether a tag is closed within itself stands at its end.
            Place::Tag => {
                if let Some(last) = self.token.last_mut() {
                    *last = byte;
                }
            }
            Place::Text => {}
        }
    }

    fn begin_tag(&mut self, entity: bool) {
        self.place = Place::Tag;
        self.inner = entity;
        self.token.clear();
    }

    fn push(&mut self, byte: u8) {
        self.token.push(byte);
        if self.place != Place::Tag {
            return;
        }
        match self.token.as_slice() {
            b"!--" => self.place = Place::Aside(COMMENT),
            b"?" => self.place = Place::Aside(INSTRUCTION),
            b"![CDATA[" => {
                self.place = Place::Text;
                self.cdata = Some(self.inner);
            }
            _ => return,
        }
        // What begins so is not what ends it: `<!-->` is no comment.
        self.token.clear();
        self.tail = [0; 2];
    }

    /// Whatever was begun in it and did not end, ends with it.
    fn leave_cdata(&mut self) {
        self.cdata = None;
        self.tail = [0; 2];
        if self.place == Place::Text {
            let text = self.token.len().saturating_sub(2);
            self.token.truncate(text);
        } else {
            self.place = Place::Text;
            self.token.clear();
        }
    }

    /// The text before the next tag, kept with the element while that is open.
    fn text(&mut self, text: &[u8]) {
        let Some(open) = &self.open else { return };
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() || self.document.value(open).is_some() {
            return;
        }
        if self.document.values.len() >= MOST_VALUES {
            return;
        }
        let Some(text) = crate::reader::text(trimmed, MOST_TOKEN) else {
            return;
        };
        let kept = size_of::<(String, String)>() + open.len() + text.len();
        if self.share.as_mut().is_none_or(|share| share.grow(kept)) {
            self.document.values.push((open.clone(), text));
        }
    }

    fn tag(&mut self, tag: &[u8]) {
        match tag {
            // `<!DOCTYPE …>`
            [b'!', ..] => {}
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
        let (tag, closed) = match tag.strip_suffix(b"/") {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        // Closed within itself it holds nothing.
        self.open = None;
        let (called, attributes) = match tag.iter().position(u8::is_ascii_whitespace) {
            Some(end) => tag.split_at_checked(end).unwrap_or((tag, &[])),
            None => (tag, &[][..]),
        };
        self.declare(attributes);
        let Some(name) = crate::reader::text(local(called), MOST_NAME) else {
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
        } else if name == "Body" && !closed {
            let envelope = |root: &Element| root.name == "Envelope";
            self.in_body = self.document.root.as_ref().is_some_and(envelope);
        }
        self.open = (!closed).then_some(name);
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
    fn only_what_is_in_an_element_is_its_text_and_comments_say_nothing() {
        let told = |text: &str| {
            let mut cut = Xml::begin(&Budget::default(), text.as_bytes()).unwrap();
            text.as_bytes().chunks(3).for_each(|piece| cut.take(piece));
            let cut = cut.finish();
            assert_eq!(cut, Document::read(text.as_bytes()), "{text}");
            cut.value("Model").map(str::to_owned)
        };
        let filler = "x".repeat(3000);
        for (text, model) in [
            ("<r><Model/>text</r>", None),
            ("<r><Model a='1' />text<Model>M</Model></r>", Some("M")),
            (&*format!("<r><Model a='{filler}'/>text</r>"), None),
            ("<r><!-- <Model>X</Model> --></r>", None),
            (
                "<r><!-- > <Model>X</Model> -- &--&gt; <Model>X</Model> --></r>",
                None,
            ),
            ("<r><!--><Model>X</Model>--><Model>M</Model></r>", Some("M")),
            (
                "<r><!---><Model>X</Model>--><Model>M</Model></r>",
                Some("M"),
            ),
            ("<r><?><Model>X</Model>?><Model>M</Model></r>", Some("M")),
            (
                "<r><?p <Model>X</Model> ?><Model><!-- c -->M</Model></r>",
                Some("M"),
            ),
            ("<r><Model><![CDATA[a > b]]></Model></r>", Some("a > b")),
            ("<r><![CDATA[<i><!-- ]]><Model>M</Model></r>", Some("M")),
            ("<r><![CDATA[<i><!-- <Model>X</Model> --></i>]]></r>", None),
            // A message inside one has its own; its end of a comment may be written either way.
            ("<r>&lt;!-- <Model>M</Model></r>", Some("M")),
            (
                "<r>&lt;!-- &lt;Model>X&lt;/Model> -->&lt;Model>M&lt;/Model></r>",
                Some("M"),
            ),
            ("<r>&lt;!-- &lt;Model&gt;X&lt;/Model&gt; --&gt;</r>", None),
        ] {
            assert_eq!(told(text).as_deref(), model, "{text}");
        }
        let body = |held: &str| {
            Document::read(format!("<e:Envelope>{held}</e:Envelope>").as_bytes())
                .body
                .map(|body| body.name)
        };
        assert_eq!(body("<e:Body/><send/>"), None);
        assert_eq!(body("<!-- <e:Body><no/></e:Body> --><x/>"), None);
        assert_eq!(
            body("<e:Body><!-- <no/> --><send/></e:Body>").as_deref(),
            Some("send")
        );
    }

    #[test]
    fn what_a_document_keeps_is_taken_from_the_budget() {
        let budget = Budget::default();
        let value = "v".repeat(1200);
        let text: String = (0..48)
            .map(|number| format!("<n{number}>{value}</n{number}>"))
            .collect();
        let mut xml = Xml::begin(&budget, b"<r>").unwrap();
        xml.take(text.as_bytes());
        assert!(budget.taken() >= 48 * value.len(), "{}", budget.taken());
        assert_eq!(xml.document.values.len(), 48);
        drop(xml);
        // Where others hold the rest of it, as much is kept as there is room for.
        let others = budget.take(super::super::MOST_KEPT - super::KEPT - 4000);
        let mut xml = Xml::begin(&budget, b"<r>").unwrap();
        xml.take(text.as_bytes());
        assert_eq!(xml.document.values.len(), 3);
        drop((xml, others));
        assert_eq!(budget.taken(), 0);
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
