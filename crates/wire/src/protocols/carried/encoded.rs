//! Content that was packed for the way: unpacked as it comes, within limits.
use std::io::Write;

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{Content, Share};
use crate::Cx;

/// Bytes unpacked at a time: what they may become stays below half a megabyte.
const STEP: usize = 512;
/// Bytes that one file may become.
const MOST_UNPACKED: u64 = 1 << 28;
/// What every file may become, however little came.
const ANYWAY: u64 = 1 << 20;
/// How many bytes one byte may become beyond that: real content seldom packs better, bombs do.
const MOST_RATIO: u64 = 200;
/// What an unpacker keeps: its window and tables.
const KEPT: usize = 44 * 1024;

enum Unpacker {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Deflate(DeflateDecoder<Vec<u8>>),
    /// Which of the two the first bytes tell.
    Either(Vec<u8>),
}

/// An encoding under way.
pub(crate) struct Encoded {
    unpacker: Option<Unpacker>,
    packed: u64,
    unpacked: u64,
    _share: Share,
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoded({} of {})", self.unpacked, self.packed)
    }
}

impl Encoded {
    /// For a content coding of RFC 9110, 8.4.1; `None` for one that is not unpacked here.
    pub(crate) fn new(cx: &Cx<'_>, coding: &str) -> Option<Encoded> {
        let coding = coding.trim();
        let unpacker = if ["gzip", "x-gzip"]
            .iter()
            .any(|it| coding.eq_ignore_ascii_case(it))
        {
            Unpacker::Gzip(MultiGzDecoder::new(Vec::new()))
        } else if coding.eq_ignore_ascii_case("deflate") {
            Unpacker::Either(Vec::new())
        } else {
            return None;
        };
        Some(Encoded {
            unpacker: Some(unpacker),
            packed: 0,
            unpacked: 0,
            _share: cx.picture.budget.take(KEPT)?,
        })
    }

    /// The next packed bytes; what they become goes to `content`.
    pub(crate) fn take(&mut self, cx: &Cx<'_>, content: &mut Content, bytes: &[u8]) {
        for piece in bytes.chunks(STEP) {
            self.packed += piece.len() as u64;
            let Some(unpacker) = &mut self.unpacker else {
                return;
            };
            let Some(plain) = unpacker.step(piece) else {
                self.unpacker = None;
                return;
            };
            self.unpacked += plain.len() as u64;
            let room = ANYWAY.max(self.packed.saturating_mul(MOST_RATIO));
            if self.unpacked > room.min(MOST_UNPACKED) {
                self.unpacker = None;
                return;
            }
            content.take(cx, &plain);
        }
    }

    /// Bytes are missing: what follows cannot be unpacked.
    pub(crate) fn lose(&mut self) {
        self.unpacker = None;
    }

    /// Nothing more comes. Whether all of it was unpacked.
    pub(crate) fn finish(&mut self, cx: &Cx<'_>, content: &mut Content) -> bool {
        let rest = match self.unpacker.take() {
            Some(Unpacker::Gzip(it)) => it.finish(),
            Some(Unpacker::Zlib(it)) => it.finish(),
            Some(Unpacker::Deflate(it)) => it.finish(),
            Some(Unpacker::Either(it)) if it.is_empty() => Ok(it),
            Some(Unpacker::Either(_)) | None => return false,
        };
        match rest {
            Ok(plain) => {
                if !plain.is_empty() {
                    content.take(cx, &plain);
                }
                true
            }
            Err(_) => false,
        }
    }
}

impl Unpacker {
    fn step(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        if let Unpacker::Either(held) = self {
            held.extend_from_slice(piece);
            let [method, check, ..] = held.as_slice() else {
                return Some(Vec::new());
            };
            // RFC 1950, 2.2: many servers leave the zlib frame out.
            let framed = method & 0x0f == 8
                && (u16::from(*method) * 256 + u16::from(*check)).is_multiple_of(31);
            let held = std::mem::take(held);
            *self = if framed {
                Unpacker::Zlib(ZlibDecoder::new(Vec::new()))
            } else {
                Unpacker::Deflate(DeflateDecoder::new(Vec::new()))
            };
            return self.step(&held);
        }
        match self {
            Unpacker::Gzip(it) => {
                it.write_all(piece).ok()?;
                it.flush().ok()?;
                Some(std::mem::take(it.get_mut()))
            }
            Unpacker::Zlib(it) => {
                it.write_all(piece).ok()?;
                it.flush().ok()?;
                Some(std::mem::take(it.get_mut()))
            }
            Unpacker::Deflate(it) => {
                it.write_all(piece).ok()?;
                it.flush().ok()?;
                Some(std::mem::take(it.get_mut()))
            }
            Unpacker::Either(_) => None,
        }
    }
}
