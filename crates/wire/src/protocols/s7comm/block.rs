//! What a block of S7-300/400 says of itself: header, code, interface, segment table, footer.
//!
//! The format is known from blocks that others published; it has no public standard. The header has 36 bytes, big endian:
//! 0x7070, version, attribute, language, kind, number, length, protection, two times (milliseconds of the day, days since
//! 1984), lengths of interface, segment table, local data and code. The footer has author, family, name and version.
use facts::Time;
use sha2::{Digest, Sha256};

use crate::protocols::tls::hex;
use crate::reader::text;
use crate::{Malformed, Reader};

const HEADER: usize = 36;
const FOOTER: usize = 36;
/// 1984-01-01, in seconds since 1970.
const EPOCH: i64 = 441_763_200;

/// A block as it passes: its ends are kept, of the rest a hash.
#[derive(Debug, Default)]
pub(super) struct Outline {
    head: Vec<u8>,
    tail: Vec<u8>,
    at: usize,
    header: Option<Header>,
    code: Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    language: u8,
    /// A data block: what stands for code are its values.
    data: bool,
    length: u32,
    protection: u32,
    changed: Option<Time>,
    /// Bytes of code, or of values.
    code: usize,
    /// Interface and segment table: with the code, all that the block does.
    declared: usize,
}

impl Header {
    fn read(head: &[u8]) -> Result<Header, Malformed> {
        let mut r = Reader::new(head);
        let magic = r.u16()?;
        r.check(magic == 0x7070, "block")?;
        r.skip(2)?;
        let (language, kind) = (r.u8()?, r.u8()?);
        r.skip(2)?;
        let (length, protection) = (r.u32()?, r.u32()?);
        let (milliseconds, days) = (r.u32()?, r.u16()?);
        r.skip(6)?;
        let (interface, segments) = (usize::from(r.u16()?), usize::from(r.u16()?));
        r.skip(2)?;
        let code = usize::from(r.u16()?);
        let seconds = EPOCH + i64::from(days) * 86_400 + i64::from(milliseconds / 1000);
        Ok(Header {
            language,
            data: matches!(kind, 0x0a | 0x0b),
            length,
            protection,
            changed: (days > 0).then(|| Time::from_secs(seconds)),
            code,
            declared: interface + segments,
        })
    }

    /// Where stands what the block does, whatever its values and times are.
    fn hashed(&self) -> std::ops::Range<usize> {
        let end = HEADER + self.code + self.declared;
        if self.data {
            HEADER + self.code..end
        } else {
            HEADER..end
        }
    }
}

impl Outline {
    /// The next bytes of the block.
    pub(super) fn add(&mut self, content: &[u8]) {
        let room = HEADER.saturating_sub(self.head.len()).min(content.len());
        let (head, rest) = content.split_at_checked(room).unwrap_or((content, &[]));
        self.head.extend_from_slice(head);
        if self.header.is_none() && self.head.len() == HEADER {
            self.header = Header::read(&self.head).ok();
        }
        self.at += head.len();
        if let Some(header) = self.header {
            let hashed = header.hashed();
            let from = hashed.start.saturating_sub(self.at);
            let to = hashed.end.saturating_sub(self.at).min(rest.len());
            self.code.update(rest.get(from..to).unwrap_or(&[]));
        }
        self.at += rest.len();
        let kept = rest.len().saturating_sub(FOOTER);
        self.tail.extend_from_slice(rest.get(kept..).unwrap_or(&[]));
        let over = self.tail.len().saturating_sub(FOOTER);
        self.tail.drain(..over);
    }

    /// The length that the block itself gives.
    pub(super) fn length(&self) -> Option<u64> {
        match self.head.as_slice() {
            [0x70, 0x70, _, _, _, _, _, _, a, b, c, d, ..] => {
                Some(u64::from(u32::from_be_bytes([*a, *b, *c, *d])))
            }
            _ => None,
        }
    }

    /// What it says of itself, in words; the hash only if every byte was seen.
    pub(super) fn words(self, whole: bool) -> Vec<String> {
        let Some(header) = self.header else {
            return Vec::new();
        };
        let mut words = Vec::new();
        let language = language(header.language);
        if !language.is_empty() {
            words.push(language.to_owned());
        }
        if header.protection != 0 {
            words.push("know-how protected".to_owned());
        }
        if let Some(changed) = header.changed {
            // The controller's own time, of no zone that it tells.
            let changed = changed.to_string();
            words.push(format!("changed {}", changed.get(..19).unwrap_or_default()));
        }
        if whole && header.length as usize == self.at {
            words.extend(footer(&self.tail));
        }
        let Header { code, data, .. } = header;
        words.push(match data {
            true => format!("{code} bytes of data"),
            false => format!("{code} bytes of code"),
        });
        if whole && !header.hashed().is_empty() && header.hashed().end <= self.at {
            let what = if data { "declaration" } else { "code" };
            words.push(format!("{what} SHA-256 {}", hex(&self.code.finalize())));
        }
        words
    }
}

/// Author, family, name, version: each where it is set.
fn footer(tail: &[u8]) -> Vec<String> {
    let mut r = Reader::new(tail);
    let mut words = Vec::new();
    for what in ["author", "family", "name"] {
        let Ok(field) = r.bytes(8) else {
            return Vec::new();
        };
        // What is no text here is no footer, but the end of a block that has none.
        if !field.iter().all(|byte| matches!(byte, 0 | b' '..=b'~')) {
            return Vec::new();
        }
        words.extend(text(field, 8).map(|field| format!("{what} {field}")));
    }
    if let Ok(version) = r.u8() {
        words.push(format!("version {}.{}", version >> 4, version & 15));
    }
    words
}

/// Languages of blocks, by the field's numbers.
pub(super) const fn language(code: u8) -> &'static str {
    match code {
        1 => "STL",
        2 | 100 => "LAD",
        3 | 101 => "FBD",
        4 => "SCL",
        5 => "DB",
        6 => "GRAPH",
        7 | 17 => "SDB",
        21 => "C for S7",
        22 => "HiGraph",
        23 => "CFC",
        24 => "SFC",
        32 => "F-STL",
        33 => "F-LAD",
        34 => "F-FBD",
        35 => "F-DB",
        41 => "encrypted",
        201 => "motion DB",
        _ => "",
    }
}

#[test]
fn bytes_that_are_no_text_are_no_author() {
    let named = |last: u8| {
        let mut tail = [0; FOOTER];
        tail[..2].copy_from_slice(b"ZP");
        tail[23] = last;
        footer(&tail)
    };
    assert_eq!(named(0), ["author ZP", "version 0.0"]);
    assert_eq!(named(0x9a), Vec::<String>::new());
}

#[test]
fn the_code_has_one_hash_whatever_the_times_are_and_however_it_is_cut() {
    // FC1 in STL: changed on day 2 at 1 s; interface 2, segment table 2, code 4; author ZP, family CR, name HOIST, 1.2.
    let head =
        "7070 0101 01 0c 0001 00000050 00000003 000003e8 0002 00000000 0000 0002 0002 0000 0004";
    let rest = "65000100 1000 0001 5a50000000000000 4352000000000000 484f495354000000 12 00 0000 0000000000000000";
    let words = |block: &str, cut: usize| {
        let bytes = crate::testing::hex(block);
        let mut outline = Outline::default();
        for part in bytes.chunks(cut) {
            outline.add(part);
        }
        assert_eq!(outline.length(), Some(80));
        outline.words(bytes.len() == 80)
    };
    let block = format!("{head}{rest}");
    let whole = words(&block, 80);
    expect_test::expect![[r#"
        STL
        know-how protected
        changed 1984-01-03T00:00:01
        author ZP
        family CR
        name HOIST
        version 1.2
        4 bytes of code
        code SHA-256 561a59fa4282e54b4d14d770dee662240da2194812af27f9648d0425d27c59a3"#]]
    .assert_eq(&whole.join("\n"));
    for cut in [1, 7, 35, 37] {
        assert_eq!(words(&block, cut), whole);
    }
    let later = block.replace("000003e8 0002", "000003e8 0003");
    assert_eq!(words(&later, 80).last(), whole.last());
    let other = block.replace("65000100", "65000101");
    assert_ne!(words(&other, 80).last(), whole.last());
    assert_eq!(words(head, 36).last().unwrap(), "4 bytes of code");
}
