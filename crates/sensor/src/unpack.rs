//! Compressed captures as a stream: gzip with several members, zstd with several frames.
//!
//! Whatever could be unpacked before an error is handed out before the error is. Zeros behind the last member are padding, as
//! tapes and some shares leave it.
use std::io::{self, BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::identify::Packing;

/// Bytes of the file that are unpacked at a time.
const PACKED: usize = 1 << 16;

pub(crate) fn unpack(source: impl Read + Send + 'static, packing: Packing) -> Box<dyn Read + Send> {
    let source = BufReader::with_capacity(PACKED, source);
    match packing {
        Packing::Gzip => Box::new(Gzip(Member::Next(source))),
        Packing::Zstd => Box::new(Zstd::new(source)),
    }
}

/// What stands where a member or frame ought to begin.
enum Behind {
    Nothing,
    More,
    Else,
}

/// Passes zeros over, and looks at what comes then.
fn behind(source: &mut impl BufRead, is_begin: impl Fn(&[u8]) -> bool) -> io::Result<Behind> {
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(Behind::Nothing);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros == 0 {
            return Ok(if is_begin(bytes) {
                Behind::More
            } else {
                Behind::Else
            });
        }
        source.consume(zeros);
    }
}

fn nothing_more(packing: Packing) -> io::Error {
    io::Error::other(format!("what follows there is no {} data", packing.name()))
}

struct Gzip<R>(Member<R>);

enum Member<R> {
    Next(R),
    Inside(flate2::bufread::GzDecoder<R>),
    Over,
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.0, Member::Over) {
                Member::Over => return Ok(0),
                Member::Next(mut source) => {
                    // The other half of its mark may lie behind what is at hand.
                    match behind(&mut source, |bytes| bytes.first() == Some(&0x1f))? {
                        Behind::Nothing => return Ok(0),
                        Behind::Else => return Err(nothing_more(Packing::Gzip)),
                        Behind::More => {
                            self.0 = Member::Inside(flate2::bufread::GzDecoder::new(source));
                        }
                    }
                }
                Member::Inside(mut member) => {
                    let count = member.read(buffer)?;
                    if count > 0 || buffer.is_empty() {
                        self.0 = Member::Inside(member);
                        return Ok(count);
                    }
                    self.0 = Member::Next(member.into_inner());
                }
            }
        }
    }
}

/// A last block that is raw and empty, and a checksum (RFC 8878, 3.1.1.2): ends a frame that broke off.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    /// A frame is begun and not handed out to its end.
    inside: bool,
    /// Error to be given once all that was unpacked before it is handed out.
    failed: Option<io::Error>,
    over: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Zstd<R> {
        Zstd {
            source,
            decoder: FrameDecoder::new(),
            inside: false,
            failed: None,
            over: false,
        }
    }

    /// Begins the next frame, past frames that are to be skipped. `false`: the source is at its end.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            // Frames begin with 28, those to be skipped with 50 to 5f.
            let begins = |bytes: &[u8]| matches!(bytes.first(), Some(0x28 | 0x50..=0x5f));
            match behind(&mut self.source, begins)? {
                Behind::Nothing => return Ok(false),
                Behind::Else => return Err(nothing_more(Packing::Zstd)),
                Behind::More => {}
            }
            let (decoder, source) = (&mut self.decoder, &mut self.source);
            match guarded(|| decoder.reset(source))? {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(
                        &mut self.source.by_ref().take(u64::from(length)),
                        &mut io::sink(),
                    )?;
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
    }

    fn block(&mut self) -> io::Result<()> {
        let (decoder, source) = (&mut self.decoder, &mut self.source);
        match guarded(|| decoder.decode_blocks(source, BlockDecodingStrategy::UptoBlocks(1))) {
            Ok(decoded) => decoded.map(|_| ()).map_err(io::Error::other),
            Err(error) => {
                // In what state it is, nobody knows.
                self.decoder = FrameDecoder::new();
                Err(error)
            }
        }
    }

    /// The decoder holds a window of unpacked bytes back until the frame ends; so the frame is ended for it.
    fn give_up(&mut self, error: io::Error) {
        let decoder = &mut self.decoder;
        let ended = guarded(|| {
            decoder.decode_blocks(LAST_BLOCK.as_slice(), BlockDecodingStrategy::UptoBlocks(1))
        });
        self.inside = matches!(ended, Ok(Ok(true)));
        self.failed = Some(error);
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.over && !buffer.is_empty() {
            if self.inside {
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(buffer);
                }
                if !self.decoder.is_finished() {
                    if let Err(error) = self.block() {
                        self.give_up(error);
                    }
                    continue;
                }
                self.inside = false;
                let stated = self.decoder.get_checksum_from_data();
                if self.failed.is_none()
                    && stated.is_some()
                    && stated != self.decoder.get_calculated_checksum()
                {
                    self.failed = Some(io::Error::other(
                        "the checksum of the unpacked content does not match",
                    ));
                }
            } else if let Some(error) = self.failed.take() {
                self.over = true;
                return Err(error);
            } else {
                match self.begin() {
                    Ok(begun) => (self.inside, self.over) = (begun, !begun),
                    Err(error) => self.failed = Some(error),
                }
            }
        }
        Ok(0)
    }
}

/// The decoder asserts what it holds for impossible. Hostile bytes must not end the program there: such a frame is
/// given up like any other damaged one, and its decoder is not asked again.
fn guarded<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| io::Error::other("the decoder gave up on impossible data"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn read(bytes: Vec<u8>, packing: Packing) -> (Vec<u8>, Option<String>) {
        let mut source = unpack(io::Cursor::new(bytes), packing);
        let mut out = Vec::new();
        let error = source.read_to_end(&mut out).err().map(|e| e.to_string());
        (out, error)
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        compress_to_vec(content, CompressionLevel::Fastest)
    }

    /// Content that neither repeats nor packs well.
    fn content(length: u32) -> Vec<u8> {
        (0..length)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 21) as u8)
            .collect()
    }

    #[test]
    fn zstd_frames_are_read_one_after_another_past_skippable_ones() {
        let mut bytes = vec![0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
        bytes.extend(zstd(b"first "));
        bytes.extend([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
        bytes.extend(zstd(b""));
        bytes.extend(zstd(b"second"));
        assert_eq!(read(bytes, Packing::Zstd), (b"first second".to_vec(), None));
    }

    #[test]
    fn what_lies_before_a_cut_in_zstd_is_not_held_back() {
        let whole = content(1_000_000);
        let mut bytes = zstd(&whole);
        bytes.truncate(bytes.len() * 3 / 4);
        let (out, error) = read(bytes, Packing::Zstd);
        assert!(
            out.len() > 500_000 && whole.starts_with(&out),
            "{}",
            out.len()
        );
        assert!(error.is_some());
    }

    #[test]
    fn a_wrong_checksum_and_garbage_after_a_frame_are_reported_after_the_content() {
        let mut bytes = zstd(b"some content");
        bytes.extend(b"garbage");
        let (out, error) = read(bytes.clone(), Packing::Zstd);
        assert_eq!(out, b"some content");
        assert_eq!(error.unwrap(), "what follows there is no zstd data");

        bytes.truncate(bytes.len() - b"garbage".len());
        *bytes.last_mut().unwrap() ^= 1;
        let (out, error) = read(bytes, Packing::Zstd);
        assert_eq!(out, b"some content");
        assert_eq!(
            error.unwrap(),
            "the checksum of the unpacked content does not match"
        );
    }

    #[test]
    fn zeros_behind_the_end_are_padding_and_anything_else_is_told() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, b"some content").unwrap();
        let packed = [
            (gzip.finish().unwrap(), Packing::Gzip, "gzip"),
            (zstd(b"some content"), Packing::Zstd, "zstd"),
        ];
        for (whole, packing, name) in packed {
            for (behind, content, error) in [
                ([vec![0; 100_000], whole.clone()].concat(), 24, None),
                (vec![0; 512], 12, None),
                (
                    b"\0\0trailer".to_vec(),
                    12,
                    Some("what follows there is no"),
                ),
            ] {
                let (out, told) = read([whole.clone(), behind].concat(), packing);
                assert_eq!(out.len(), content, "{name}");
                let error = error.map(|error| format!("{error} {name} data"));
                assert_eq!(told, error, "{name}");
            }
        }
    }

    #[test]
    fn damaged_zstd_never_panics() {
        let whole = zstd(&content(3000).repeat(4));
        let mut state = 1u32;
        for _ in 0..3000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize % bytes.len();
                bytes[at] ^= 1 << (state & 7);
            }
            read(bytes, Packing::Zstd);
        }
    }
}
