//! Canonical JSON (RFC 8785): one way to write a value, so that its hash is the hash of what it says.
//!
//! Numbers are whole and at most 2^53 - 1 in size: within that, and only there, RFC 8785 writes them as everybody does.
use serde_json::Value;

/// The largest whole number that every reader of JSON reads alike.
pub const MOST: i64 = (1 << 53) - 1;

/// A value that has no canonical form here, with what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no whole number between -(2^53 - 1) and 2^53 - 1")]
pub struct NotCanonical(String);

/// Writes the value: keys in order, no spaces.
pub fn text(value: &Value) -> Result<String, NotCanonical> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(&String, &Value)> = object.iter().collect();
            // RFC 8785, 3.2.3: by UTF-16 code units, which is not the order of code points.
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (place, (key, value)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                string(key, out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Number(number) => match number.as_i64() {
            Some(whole) if (-MOST..=MOST).contains(&whole) => out.push_str(&whole.to_string()),
            _ => return Err(NotCanonical(number.to_string())),
        },
        Value::String(text) => string(text, out),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Null => out.push_str("null"),
    }
    Ok(())
}

/// Writes a text with the escapes of RFC 8785, 3.2.2.2.
pub fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // What needs no escape is copied whole.
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, odd) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = odd.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From RFC 8785: the strings of 3.2.2.2, the key order of 3.2.3.
    #[test]
    fn values_are_written_as_the_standard_writes_them() {
        for (given, written) in [
            (
                r#"{"string": "€$\u000F\nA'B\"\\\\\"/", "literals": [null, true, false]}"#,
                r#"{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}"#,
            ),
            (
                r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#,
                "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}",
            ),
            (r#"[ -0, 9007199254740991, {} ]"#, ""),
            ("[1.5]", ""),
            ("[9007199254740992]", ""),
        ] {
            let value: Value = serde_json::from_str(given).unwrap();
            let made = text(&value);
            match written {
                "" => assert!(made.is_err(), "{given}: {made:?}"),
                _ => assert_eq!(made.as_deref(), Ok(written)),
            }
        }
    }
}
