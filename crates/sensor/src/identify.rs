//! What a file is, by its first bytes. Names and endings of files are never asked.
use crate::bytes::Endian;

/// Bytes that are enough to tell (`ustar` stands at 257).
pub(crate) const HEAD: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Pcap,
    Pcapng,
    Packed(Packing),
    Empty,
    Other { found: String, remedy: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

/// Kinds of pcap by their magic number: byte order, nanoseconds, length of a record header.
///
/// `a1b2cd34` is the variant of old Linux systems, whose record headers carry interface and protocol too.
pub(crate) fn pcap_magic(head: &[u8]) -> Option<(Endian, bool, usize)> {
    [Endian::Big, Endian::Little]
        .into_iter()
        .find_map(|endian| match endian.u32(head, 0)? {
            0xa1b2_c3d4 => Some((endian, false, 16)),
            0xa1b2_3c4d => Some((endian, true, 16)),
            0xa1b2_cd34 => Some((endian, false, 24)),
            _ => None,
        })
}

const CONVERT: &str = "convert it with `editcap -F pcapng IN OUT` of Wireshark";

/// Other formats that people hand in: first bytes, what it is, what to do.
const KNOWN: &[(&[u8], &str, &str)] = &[
    (
        b"\xfd7zXZ\0",
        "an xz archive",
        "unpack it first with `xz -d`",
    ),
    (b"BZh", "a bzip2 archive", "unpack it first with `bunzip2`"),
    (
        b"PK\x03\x04",
        "a zip archive",
        "unpack it first with `unzip`",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7-Zip archive",
        "unpack it first with `7z x`",
    ),
    (b"Rar!", "a RAR archive", "unpack it first with `unrar x`"),
    (
        b"\x04\x22\x4d\x18",
        "an lz4 archive",
        "unpack it first with `lz4 -d`",
    ),
    (b"snoop\0\0\0", "a snoop capture", CONVERT),
    (b"GMBU", "a Microsoft Network Monitor capture", CONVERT),
    (b"RTSS", "a Microsoft Network Monitor capture", CONVERT),
    (b"TRSNIFF data", "a Sniffer capture", CONVERT),
    (b"XCP\0", "a NetXRay capture", CONVERT),
    (
        b"\x1c\x00\x01\xac",
        "a pcap capture as IXIA writes it",
        CONVERT,
    ),
    (
        b"\xac\x01\x00\x1c",
        "a pcap capture as IXIA writes it",
        CONVERT,
    ),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "give the capture itself",
    ),
    (b"\x7fELF", "a program", "give the capture itself"),
    (b"%PDF", "a PDF document", "give the capture itself"),
];

pub(crate) fn identify(head: &[u8]) -> Content {
    if head.is_empty() {
        return Content::Empty;
    }
    if pcap_magic(head).is_some() {
        return Content::Pcap;
    }
    if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        return Content::Pcapng;
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Content::Packed(Packing::Gzip);
    }
    // RFC 8878: a frame, or a skippable frame (0x184D2A50 to 0x184D2A5F) before it.
    let number = Endian::Little.u32(head, 0).unwrap_or(0);
    if number == 0xfd2f_b528 || number & 0xffff_fff0 == 0x184d_2a50 {
        return Content::Packed(Packing::Zstd);
    }
    if let Some((_, found, remedy)) = KNOWN.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Content::Other {
            found: (*found).to_owned(),
            remedy: (*remedy).to_owned(),
        };
    }
    if head.get(257..262) == Some(b"ustar") {
        let remedy = "unpack it first with `tar -x`".to_owned();
        return Content::Other {
            found: "a tar archive".to_owned(),
            remedy,
        };
    }
    Content::Other {
        found: describe(head),
        remedy: format!("if it is a capture of another kind, {CONVERT}"),
    }
}

/// The first bytes as a reader can compare them: text as text, everything else in hex.
fn describe(head: &[u8]) -> String {
    let start = head.get(..head.len().min(24)).unwrap_or(head);
    let is_text = |text: &str| {
        text.chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
    };
    // A character of several bytes may be cut at the end of the excerpt.
    let text = match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        Err(e) if e.error_len().is_none() => start
            .get(..e.valid_up_to())
            .and_then(|s| std::str::from_utf8(s).ok()),
        Err(_) => None,
    };
    match text {
        Some(text) if is_text(text) && !text.is_empty() => {
            format!("text that begins with {text:?}")
        }
        _ => {
            let hex: Vec<String> = start
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("data that begins with the bytes {}", hex.join(" "))
        }
    }
}

#[test]
fn first_bytes_tell_captures_from_everything_else() {
    assert_eq!(identify(b""), Content::Empty);
    for magic in [
        "a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "a1b2cd34", "34cdb2a1",
    ] {
        let bytes: Vec<u8> = u32::from_str_radix(magic, 16)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        assert_eq!(identify(&bytes), Content::Pcap, "{magic}");
    }
    assert_eq!(
        identify(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]),
        Content::Packed(Packing::Zstd)
    );
    let found = |bytes: &[u8]| match identify(bytes) {
        Content::Other { found, .. } => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        found("file\tbytes\nGröße".as_bytes()),
        "text that begins with \"file\\tbytes\\nGröße\""
    );
    assert_eq!(
        found(&[0, 1, 2, 0xff]),
        "data that begins with the bytes 00 01 02 ff"
    );
    assert_eq!(found(b"\xfd7zXZ\0\0\0"), "an xz archive");
}
