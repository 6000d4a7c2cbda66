//! What a file is, by its first bytes.
use infer::MatcherType;

/// A media type, and a word for people.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Look {
    pub mime: Option<&'static str>,
    pub kind: &'static str,
}

impl Default for Look {
    fn default() -> Look {
        Look {
            mime: None,
            kind: "data",
        }
    }
}

impl Look {
    pub(super) fn at(head: &[u8]) -> Look {
        let text = is_text(head);
        let found = infer::get(head)
            // Two letters at the beginning of a text are no program.
            .filter(|found| !text || speaks_for_text(found.matcher_type(), found.mime_type()));
        match found {
            Some(found) => Look {
                mime: Some(found.mime_type()),
                kind: word(found.matcher_type(), found.mime_type()),
            },
            None if text => Look {
                mime: Some("text/plain"),
                kind: "text",
            },
            None => Look::default(),
        }
    }
}

fn speaks_for_text(matcher: MatcherType, mime: &str) -> bool {
    matches!(matcher, MatcherType::Text | MatcherType::Doc)
        || matches!(
            mime,
            "application/pdf" | "application/rtf" | "text/x-shellscript"
        )
}

fn word(matcher: MatcherType, mime: &str) -> &'static str {
    match mime {
        "application/pdf" | "application/rtf" | "application/postscript" => return "document",
        "text/x-shellscript"
        | "application/x-msi"
        | "application/vnd.debian.binary-package"
        | "application/x-rpm"
        | "application/x-ole-storage" => return "program",
        // Certificates and what else begins as one: nothing that runs.
        "application/x-x509-ca-cert" => return "data",
        _ => {}
    }
    match matcher {
        MatcherType::App => "program",
        MatcherType::Archive => "archive",
        MatcherType::Audio => "sound",
        MatcherType::Book | MatcherType::Doc => "document",
        MatcherType::Font => "font",
        MatcherType::Image => "picture",
        MatcherType::Text => "text",
        MatcherType::Video => "video",
        MatcherType::Custom => "data",
    }
}

/// Characters to read and nothing else; the last one may be cut.
fn is_text(head: &[u8]) -> bool {
    let readable = |text: &str| {
        text.chars()
            .all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\u{c}'))
    };
    match std::str::from_utf8(head) {
        Ok(text) => !text.is_empty() && readable(text),
        Err(error) => {
            let known = head.get(..error.valid_up_to()).unwrap_or(&[]);
            error.error_len().is_none()
                && std::str::from_utf8(known).is_ok_and(|text| !text.is_empty() && readable(text))
        }
    }
}

#[test]
fn content_tells_what_it_is_and_two_letters_are_no_program() {
    let look = |bytes: &[u8]| {
        let look = Look::at(bytes);
        (look.mime.unwrap_or("-"), look.kind)
    };
    let mut program = b"MZ\x90\0".to_vec();
    program.resize(100, 0);
    assert_eq!(look(&program).1, "program");
    assert_eq!(
        look(b"PK\x03\x04\x14\0\0\0"),
        ("application/zip", "archive")
    );
    assert_eq!(look(b"BC;lane;speed\r\n"), ("text/plain", "text"));
    assert_eq!(look(b"%PDF-1.7\n"), ("application/pdf", "document"));
    assert_eq!(look("Ladegeschirr über".as_bytes()), ("text/plain", "text"));
    assert_eq!(look(&[1, 2, 3]), ("-", "data"));
    assert_eq!(look(&[]), ("-", "data"));
}

#[test]
fn no_beginning_cut_anywhere_is_too_much() {
    // Signatures of formats whose recognition reads lengths or places from the content.
    let heads: [&[u8]; 9] = [
        b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x13\0\0\0[Content_Types].xml",
        b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0mimetypeapplication/vnd",
        b"\xff\xff\xff\xffftypmif1\0\0\0\0heicmif1",
        b"\0\0\0\x18ftypavif\0\0\0\0avis",
        b"\x50\x2a\x4d\x18\xff\xff\xff\xff\0\0\0\0",
        b"\x50\x2a\x4d\x18\x01\0\0\0\0\x28\xb5\x2f\xfd",
        b"\xca\xfe\xba\xbe\0\0\0\x34",
        b"\x1a\x45\xdf\xa3\x42\x82\x88matroska",
        b"dey\n036\0dex\n",
    ];
    for head in heads {
        for fill in [0, b' ', 0xff] {
            let mut bytes = head.to_vec();
            bytes.resize(600, fill);
            for end in 0..bytes.len() {
                Look::at(&bytes[..end]);
            }
        }
    }
}
