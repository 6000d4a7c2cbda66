//! As much of XML as finding devices needs: the text of an element by its local name, whatever the prefix.
use crate::reader::text;

/// The content of the first element called `name` that holds no other element.
pub(in crate::protocols) fn value(xml: &[u8], name: &str, most: usize) -> Option<String> {
    let mut rest = xml;
    while let Some(start) = rest.iter().position(|byte| *byte == b'<') {
        rest = rest.get(start + 1..)?;
        let end = rest.iter().position(|byte| *byte == b'>')?;
        let (tag, content) = (rest.get(..end)?, rest.get(end + 1..)?);
        let called = tag.split(u8::is_ascii_whitespace).next().unwrap_or(tag);
        let local = called.rsplit(|byte| *byte == b':').next().unwrap_or(called);
        if local == name.as_bytes() && !tag.ends_with(b"/") {
            let end = content.iter().position(|byte| *byte == b'<')?;
            let value = content.get(..end)?;
            if !value.trim_ascii().is_empty() {
                return text(value.trim_ascii(), most);
            }
        }
        rest = content;
    }
    None
}

#[test]
fn an_element_is_found_by_its_local_name() {
    let xml =
        b"<?xml version=\"1.0\"?><d:Match><d:Types a='1'> tds:Device </d:Types><Empty/></d:Match>";
    assert_eq!(value(xml, "Types", 40).as_deref(), Some("tds:Device"));
    assert_eq!(value(xml, "Empty", 40), None);
    assert_eq!(value(xml, "Match", 40), None);
    assert_eq!(value(b"<Types>cut", "Types", 40), None);
}
