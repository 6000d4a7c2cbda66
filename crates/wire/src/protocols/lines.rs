//! Lines of text on a stream: what FTP, RTSP and their like share.
use crate::Step;

/// Longest line that is waited for.
pub(super) const MOST_LINE: usize = 8 * 1024;

/// The first line without its end, and how many bytes it takes; `None` while its end is not there.
pub(super) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// What to do while a line has no end yet.
pub(super) fn wait(bytes: &[u8]) -> Step {
    if bytes.len() < MOST_LINE {
        Step::Need(bytes.len() + 1)
    } else {
        Step::Bad("line too long")
    }
}

/// `head` without `prefix`, whatever its case.
pub(super) fn after<'a>(head: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = head.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether `part` stands somewhere in `bytes`, whatever its case.
pub(super) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

/// Printable text with the usual white space, Latin letters with accents included.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e | 0x80..))
}

/// The user name of `Basic` credentials (RFC 7617: base64 of `user:password`); the rest is not decoded.
pub(super) fn basic_user(base64: &[u8]) -> Option<String> {
    let mut user = Vec::new();
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in base64.iter().take(256) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            if byte == b':' {
                return crate::reader::text(&user, 64);
            }
            user.push(byte);
        }
    }
    None
}

#[test]
fn only_the_user_of_basic_credentials_is_decoded() {
    // admin:secret
    assert_eq!(basic_user(b"YWRtaW46c2VjcmV0").as_deref(), Some("admin"));
    assert_eq!(basic_user(b"YWRtaW4"), None, "no colon, no user");
}

#[test]
fn a_line_ends_with_lf_whatever_stands_before() {
    assert_eq!(line(b"A\r\nB"), Some((&b"A"[..], 3)));
    assert_eq!(line(b"A\nB"), Some((&b"A"[..], 2)));
    assert_eq!(line(b"A\r"), None);
}
