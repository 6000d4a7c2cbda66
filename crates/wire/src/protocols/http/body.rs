//! What follows a head: how long it is, and whether it is a file that someone fetches or puts.
use sha2::{Digest, Sha256};

use super::head::Head;
use crate::{Op, Step};

/// How the end of a body is told (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    None,
    Sized(u64),
    Chunked,
    /// Only the end of the connection tells.
    UntilClose,
}

impl Length {
    pub(super) fn of_request(head: &Head<'_>) -> Length {
        Length::stated(head).unwrap_or(Length::None)
    }

    pub(super) fn of_answer(head: &Head<'_>) -> Length {
        Length::stated(head).unwrap_or(Length::UntilClose)
    }

    fn stated(head: &Head<'_>) -> Option<Length> {
        if head.says("transfer-encoding", "chunked") {
            return Some(Length::Chunked);
        }
        head.content_length().map(|length| match length {
            0 => Length::None,
            length => Length::Sized(length),
        })
    }
}

/// Where the reading of a body stands.
#[derive(Debug, Default)]
pub(super) enum Place {
    /// Between messages.
    #[default]
    Head,
    /// In a body of known size, or in the data of a chunk with its line end.
    Data {
        left: u64,
        chunked: bool,
    },
    ChunkSize,
    Trailer,
    UntilClose,
}

/// A file on its way.
pub(super) struct File {
    /// What is told of it when it is through.
    pub about: Op,
    bytes: u64,
    hash: Sha256,
    /// The bytes are the file's own, and all of them.
    plain: bool,
}

impl File {
    pub(super) fn new(about: Op, head: &Head<'_>, part: bool) -> File {
        let encoding = head
            .text("content-encoding")
            .filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        let range = part.then(|| head.text("content-range")).flatten();
        let detail = encoding
            .as_ref()
            .map(|encoding| format!("encoded as {encoding}"))
            .or_else(|| range.map(|range| format!("part of the file, {range}")));
        File {
            plain: encoding.is_none() && !part,
            about: Op { detail, ..about },
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// What is known of it in the end; `whole` when all of it was seen.
    pub(super) fn finish(self, whole: bool) -> Op {
        let sha256 =
            (whole && self.plain).then(|| crate::protocols::tls::hex(&self.hash.finalize()));
        Op {
            content_bytes: Some(self.bytes),
            content_sha256: sha256,
            ..self.about
        }
    }
}

/// What a step through a body came to.
pub(super) enum Through {
    /// Go on.
    Step(Step),
    /// That step ends the body.
    End(Step),
}

impl Place {
    pub(super) const fn enter(length: Length) -> Place {
        match length {
            Length::None => Place::Head,
            Length::Sized(left) => Place::Data {
                left,
                chunked: false,
            },
            Length::Chunked => Place::ChunkSize,
            Length::UntilClose => Place::UntilClose,
        }
    }

    /// Reads on in a body. Bytes of content go to `content`; without a file they are passed over unseen.
    pub(super) fn read(&mut self, bytes: &[u8], file: Option<&mut File>) -> Through {
        match *self {
            Place::Head => Through::End(Step::Bad("body")),
            // Whether the end of the connection is the end of the file cannot be told: such files get no hash.
            Place::UntilClose => match file {
                Some(file) => {
                    file.take(bytes);
                    Through::Step(Step::Took(bytes.len()))
                }
                None => Through::Step(Step::Done),
            },
            Place::Data { left, chunked } => {
                let next = if chunked {
                    Place::ChunkSize
                } else {
                    Place::Head
                };
                // The line end behind a chunk is no content.
                let tail = if chunked { 2 } else { 0 };
                let Some(file) = file else {
                    *self = next;
                    return if chunked {
                        Through::Step(Step::Skip(left))
                    } else {
                        Through::End(Step::Skip(left))
                    };
                };
                let content = left.saturating_sub(tail);
                let here = usize::try_from(content)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                file.take(bytes.get(..here).unwrap_or(&[]));
                if here as u64 == left {
                    *self = next;
                    return Through::End(Step::Took(here));
                }
                if here as u64 == content {
                    *self = next;
                    return Through::Step(Step::Skip(left));
                }
                *self = Place::Data {
                    left: left - here as u64,
                    chunked,
                };
                Through::Step(Step::Took(here))
            }
            Place::ChunkSize => match line(bytes) {
                Ok((line, length)) => {
                    let digits = line.split(|byte| *byte == b';').next().unwrap_or(&[]);
                    let size = std::str::from_utf8(digits.trim_ascii())
                        .ok()
                        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
                    match size {
                        Some(0) => *self = Place::Trailer,
                        Some(size) if size < 1 << 60 => {
                            *self = Place::Data {
                                left: size + 2,
                                chunked: true,
                            }
                        }
                        _ => return Through::End(Step::Bad("chunk size")),
                    }
                    Through::Step(Step::Took(length))
                }
                Err(step) => Through::Step(step),
            },
            Place::Trailer => match line(bytes) {
                Ok(([], length)) => {
                    *self = Place::Head;
                    Through::End(Step::Took(length))
                }
                Ok((_, length)) => Through::Step(Step::Took(length)),
                Err(step) => Through::Step(step),
            },
        }
    }
}

/// A line and its length with the line end.
fn line(bytes: &[u8]) -> Result<(&[u8], usize), Step> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = bytes.get(..end).unwrap_or(&[]);
            Ok((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
        }
        None if bytes.len() < 4096 => Err(Step::Need(bytes.len() + 1)),
        None => Err(Step::Bad("chunk size")),
    }
}

/// Content that is a file to keep or run, rather than a page or a message.
pub(super) fn is_file(head: &Head<'_>, path: Option<&str>) -> bool {
    let kind = head.content_type();
    let by_kind = kind.as_deref().is_some_and(|kind| {
        matches!(
            kind,
            "application/octet-stream"
                | "application/zip"
                | "application/gzip"
                | "application/pdf"
                | "application/java-archive"
                | "application/msword"
                | "application/vnd.ms-excel"
                | "application/vnd.ms-cab-compressed"
                | "application/vnd.android.package-archive"
                | "application/x-zip-compressed"
                | "application/x-gzip"
                | "application/x-tar"
                | "application/x-7z-compressed"
                | "application/x-rar-compressed"
                | "application/x-msdownload"
                | "application/x-msdos-program"
                | "application/x-msi"
                | "application/x-dosexec"
                | "application/x-executable"
                | "application/x-iso9660-image"
                | "application/x-rpm"
                | "application/vnd.debian.binary-package"
                | "binary/octet-stream"
        ) || kind.starts_with("application/vnd.openxmlformats-officedocument")
    });
    let by_name = path
        .and_then(|path| path.rsplit('/').next())
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, ending)| {
            matches!(
                ending.to_ascii_lowercase().as_str(),
                "exe"
                    | "msi"
                    | "dll"
                    | "bin"
                    | "hex"
                    | "fw"
                    | "img"
                    | "iso"
                    | "zip"
                    | "cab"
                    | "7z"
                    | "rar"
                    | "tar"
                    | "gz"
                    | "tgz"
                    | "xz"
                    | "bz2"
                    | "apk"
                    | "rpm"
                    | "deb"
                    | "jar"
                    | "bat"
                    | "cmd"
                    | "ps1"
                    | "vbs"
                    | "upd"
                    | "upg"
            )
        });
    let attached = head.says("content-disposition", "attachment");
    by_kind || attached || by_name && !kind.is_some_and(|kind| kind.starts_with("text/html"))
}
