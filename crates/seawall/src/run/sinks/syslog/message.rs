//! One syslog message after RFC 5424.
use report::events::{Event, Format, Origin};

use super::Facility;

/// Octets of a message at most, without framing. Receivers should take 8192 (RFC 5425, 4.3.1); common ones cut there.
pub(super) const MOST: usize = 8192;
/// Octets of one value of the structured data.
const MOST_VALUE: usize = 256;
/// 32473 is the enterprise number that RFC 5612 sets aside for documentation; Seawall has none of its own. It keeps our names
/// apart from the registered ones, and that is all that it is for.
const ID: &str = "seawall@32473";

/// The message. A body that does not fit is replaced by the line for people: half a JSON tree tells nothing.
pub(super) fn message(
    event: &Event,
    origin: &Origin,
    facility: Facility,
    format: Format,
) -> Vec<u8> {
    let head = head(event, origin, facility);
    let whole = format!("{head} {}", body(event, origin, format));
    if whole.len() <= MOST {
        return whole.into_bytes();
    }
    let mut short = format!("{head} {}", body(event, origin, Format::Text));
    short.truncate(short.floor_char_boundary(MOST));
    short.into_bytes()
}

/// `<PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA`
fn head(event: &Event, origin: &Origin, facility: Facility) -> String {
    let priority =
        u16::from(facility.number()).saturating_mul(8) + u16::from(event.severity.syslog());
    let host = word(&origin.host, 255);
    let process = std::process::id();
    let kind = word(event.kind(), 32);
    let mut data = format!("[{ID}");
    let terminal = ("terminal", origin.terminal.clone());
    for (name, value) in event.labels().into_iter().chain([terminal]) {
        let value = value
            .get(..value.floor_char_boundary(MOST_VALUE))
            .unwrap_or_default();
        data.push_str(&format!(" {name}=\"{}\"", escaped(value)));
    }
    data.push(']');
    format!(
        "<{priority}>1 {} {host} seawall {process} {kind} {data}",
        timestamp(event)
    )
}

/// RFC 3339 with six fractional digits, which is the most that RFC 5424 allows.
fn timestamp(event: &Event) -> String {
    let nanos = event.time.to_string();
    match nanos.split_once('.') {
        Some((seconds, fraction)) => {
            let micros: String = fraction.chars().take(6).collect();
            format!("{seconds}.{micros}Z")
        }
        None => nanos,
    }
}

/// Printable ASCII without spaces, cut to what the field takes; `-` where nothing is left.
fn word(text: &str, most: usize) -> String {
    let word: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(most)
        .collect();
    if word.is_empty() {
        "-".to_owned()
    } else {
        word
    }
}

/// The three characters that RFC 5424, 6.3.3 wants escaped; control characters have no place in a line.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text is UTF-8 and says so by a byte order mark. JSON must not have one (RFC 8259, 8.1): it is written in ASCII, which
/// needs none.
fn body(event: &Event, origin: &Origin, format: Format) -> String {
    let line = format.line(event, origin);
    if format == Format::Text {
        return format!("\u{feff}{line}");
    }
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
