//! The head of an HTTP message: first line and fields, as bytes.
use crate::reader::text;
use crate::{Malformed, Step};

/// Longest head read; servers refuse longer ones too.
const MOST_HEAD: usize = 1 << 16;
/// Fields kept of a head.
const MOST_FIELDS: usize = 128;
/// Characters of a path or field kept.
const MOST_TEXT: usize = 256;

/// RFC 9110, 9; WebDAV (RFC 4918 and its extensions); UPnP and SSDP.
const METHODS: &[&str] = &[
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "M-SEARCH",
    "M-POST",
    "RPC_CONNECT",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "BITS_POST",
];

/// First line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First<'a> {
    Request {
        method: &'static str,
        target: &'a [u8],
    },
    Status(u16),
}

/// Reads the first line of `bytes`. `Short` while it could still become one.
pub(super) fn first(bytes: &[u8]) -> Result<First<'_>, Malformed> {
    let line = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => bytes.get(..end).unwrap_or(&[]),
        None if could_begin(bytes) => return Err(Malformed::Short),
        None => return Err(Malformed::Bad("first line")),
    };
    // Some devices leave blanks at the end.
    let line = line.trim_ascii_end();
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        let [b'0' | b'1', b' ', a, b, c, rest @ ..] = rest else {
            return Err(Malformed::Bad("status line"));
        };
        let digits = [*a, *b, *c];
        let fits = digits.iter().all(u8::is_ascii_digit)
            && matches!(a, b'1'..=b'5')
            && matches!(rest, [] | [b' ', ..]);
        if !fits {
            return Err(Malformed::Bad("status line"));
        }
        let status = digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        return Ok(First::Status(status));
    }
    let (method, rest) = method(line).ok_or(Malformed::Bad("method"))?;
    let end = rest
        .iter()
        .rposition(|byte| *byte == b' ')
        .ok_or(Malformed::Bad("request line"))?;
    let (target, version) = rest
        .split_at_checked(end)
        .ok_or(Malformed::Bad("request line"))?;
    if !matches!(version, b" HTTP/1.1" | b" HTTP/1.0") || target.is_empty() {
        return Err(Malformed::Bad("request line"));
    }
    Ok(First::Request { method, target })
}

fn method(line: &[u8]) -> Option<(&'static str, &[u8])> {
    METHODS.iter().find_map(|method| {
        let rest = line.strip_prefix(method.as_bytes())?;
        Some((*method, rest.strip_prefix(b" ")?))
    })
}

/// Bytes without a line end that may still become a first line.
fn could_begin(bytes: &[u8]) -> bool {
    if bytes.len() > MOST_HEAD {
        return false;
    }
    let begins = |word: &[u8]| word.starts_with(bytes) || bytes.starts_with(word);
    begins(b"HTTP/1.")
        || method(bytes).is_some_and(|(_, target)| !target.contains(&0))
        || METHODS
            .iter()
            .any(|method| bytes.len() <= method.len() && method.as_bytes().starts_with(bytes))
}

/// A whole head.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub first: First<'a>,
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// Bytes up to and with the empty line.
    pub length: usize,
    /// A field without a colon.
    pub odd_field: bool,
}

impl<'a> Head<'a> {
    /// The head at the start of `bytes`, or the step that says why there is none.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Head<'a>, Step> {
        let first = match first(bytes) {
            Ok(first) => first,
            Err(Malformed::Short) => return Err(Step::Need(bytes.len() + 1)),
            Err(Malformed::Bad(what)) => return Err(Step::Bad(what)),
        };
        let mut head = Head {
            first,
            fields: Vec::new(),
            length: 0,
            odd_field: false,
        };
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            head.length += line.len();
            if head.length > MOST_HEAD {
                return Err(Step::Bad("head too long"));
            }
            let Some(line) = line.strip_suffix(b"\n") else {
                break;
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                return Ok(head);
            }
            // A line that begins with a blank goes on with the field before (RFC 9112, 5.2).
            if number == 0 || matches!(line.first(), Some(b' ' | b'\t')) {
                continue;
            }
            match line.iter().position(|byte| *byte == b':') {
                Some(colon) if head.fields.len() < MOST_FIELDS => {
                    let (name, value) = line.split_at(colon);
                    let value = value.get(1..).unwrap_or(&[]);
                    head.fields
                        .push((name.trim_ascii_end(), value.trim_ascii()));
                }
                Some(_) => {}
                None => head.odd_field = true,
            }
        }
        Err(Step::Need(bytes.len() + 1))
    }

    /// The value of the first field of that name (lower case).
    pub(super) fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.field(name)?, MOST_TEXT)
    }

    /// Whether a field of that name has `word` in it.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        self.field(name).is_some_and(|value| {
            value
                .windows(word.len())
                .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        })
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        std::str::from_utf8(self.field("content-length")?)
            .ok()?
            .parse()
            .ok()
    }

    /// The media type, in lower case, without parameters.
    pub(super) fn content_type(&self) -> Option<String> {
        let value = self.field("content-type")?;
        let kind = value.split(|byte| *byte == b';').next()?;
        text(kind, 100).map(|kind| kind.to_ascii_lowercase())
    }

    /// `filename` of a disposition (RFC 6266, 4.3), without folders.
    pub(super) fn file_name(&self) -> Option<String> {
        file_name(self.field("content-disposition")?)
    }
}

/// `filename="…"` among the parameters of a field.
pub(super) fn file_name(value: &[u8]) -> Option<String> {
    let value = text(value, 1024)?;
    let (_, rest) = value.split_once("filename=")?;
    let name = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(';').next(),
    }?;
    let name = name.rsplit(['/', '\\']).next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Where a request goes: the host that its target names itself, and the path without query.
pub(super) fn target(bytes: &[u8]) -> (Option<String>, Option<String>) {
    let Some(whole) = text(bytes, 2048) else {
        return (None, None);
    };
    // The absolute form, as proxies get it (RFC 9112, 3.2.2).
    let (authority, path) = match whole.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme == "https" => {
            match rest.find('/') {
                Some(slash) => {
                    let (authority, path) = rest.split_at(slash);
                    (Some(authority), path)
                }
                None => (Some(rest), "/"),
            }
        }
        _ => (None, whole.as_str()),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = text(path.as_bytes(), MOST_TEXT);
    (authority.and_then(host), path)
}

/// The host of an authority, without user and port.
pub(super) fn host_and_port(authority: &str) -> Option<(String, u16)> {
    let (_, port) = authority.rsplit_once(':')?;
    Some((host(authority)?, port.trim().parse().ok()?))
}

/// The host alone.
pub(super) fn host(authority: &str) -> Option<String> {
    let place = authority.rsplit('@').next()?.trim();
    let host = match place.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => place.split(':').next()?,
    };
    (!host.is_empty() && host.len() <= 255).then(|| host.to_owned())
}
