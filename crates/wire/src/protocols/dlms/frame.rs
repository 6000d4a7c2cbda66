//! What carries DLMS over TCP and UDP: the wrapper, and HDLC as serial converters pass it on.
//!
//! Spec: IEC 62056-47 (wrapper); IEC 62056-46 and ISO/IEC 13239, 4 (HDLC frame format type 3).
use crate::{Malformed, Reader};

/// Version, source, destination, length.
const WRAPPER: usize = 8;
/// Flag around each HDLC frame.
const FLAG: u8 = 0x7e;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub content: &'a [u8],
    /// HDLC: more of the same message follows.
    pub more: bool,
    /// HDLC: what the logical link says of the sender; `None` where it says nothing.
    pub command: Option<bool>,
}

/// ISO/IEC 13239, 4.2.5: polynomial 1021, least bit first.
fn checksum(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xffffu16, |mut crc, byte| {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 {
                crc >> 1
            } else {
                crc >> 1 ^ 0x8408
            };
        }
        crc
    })
}

/// Reads a frame of either kind. Everything that both kinds repeat must agree.
pub(super) fn frame<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, Malformed> {
    match r.peek().first() {
        Some(&FLAG) => hdlc(r),
        _ => wrapped(r),
    }
}

fn wrapped<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, Malformed> {
    if let [first, rest @ ..] = r.peek() {
        r.check(
            *first == 0 && rest.first().is_none_or(|second| *second == 1),
            "version",
        )?;
    }
    let mut head = r.sub(WRAPPER)?;
    head.skip(WRAPPER - 2)?;
    let length = usize::from(head.u16()?);
    r.check(length > 0, "length")?;
    Ok(Frame {
        content: r.bytes(length)?,
        more: false,
        command: None,
    })
}

fn hdlc<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, Malformed> {
    // One flag may end a frame and begin the next; some send two.
    while r.peek().first() == Some(&FLAG) {
        r.skip(1)?;
    }
    let frame = r.peek();
    let format = Reader::new(frame).u16()?;
    r.check(format >> 12 == 0x0a, "frame format")?;
    let length = usize::from(format & 0x07ff);
    r.check(length >= 7, "length")?;
    let body = r.bytes(length)?;
    let end = r.u8()?;
    r.check(end == FLAG, "closing flag")?;
    let Some((checked, check)) = body.split_last_chunk::<2>() else {
        return Err(Malformed::Bad("length"));
    };
    r.check(checksum(checked) == u16::from_le_bytes(*check), "checksum")?;
    let inside = |read: Result<u8, Malformed>| read.map_err(|_| Malformed::Bad("length"));
    let mut content = Reader::new(checked);
    _ = content.u16();
    // Two addresses, of one, two or four octets: the lowest bit marks the last.
    for _ in 0..2 {
        let mut octets = 1;
        while inside(content.u8())? & 1 == 0 {
            octets += 1;
            r.check(octets <= 4, "address")?;
        }
    }
    let control = inside(content.u8())?;
    let empty = Frame {
        content: &[],
        more: false,
        command: None,
    };
    // Only information frames carry messages; their header has a checksum of its own.
    if control & 1 != 0 || content.is_empty() {
        return Ok(empty);
    }
    content.skip(2).map_err(|_| Malformed::Bad("length"))?;
    let (content, command) = match content.rest() {
        [0xe6, 0xe6, 0, content @ ..] => (content, Some(true)),
        [0xe6, 0xe7, 0, content @ ..] => (content, Some(false)),
        content => (content, None),
    };
    Ok(Frame {
        content,
        more: format & 0x0800 != 0,
        command,
    })
}

#[test]
fn a_frame_of_a_serial_line_is_read_with_its_checksum_only() {
    // Set normal response mode, from 1 to 1.
    let mut bytes = crate::testing::hex("7ea0 0703 2193 0f01 7e");
    let read = frame(&mut Reader::new(&bytes)).map(|frame| frame.content.len());
    assert_eq!(read, Ok(0));
    bytes[4] ^= 2;
    assert_eq!(
        frame(&mut Reader::new(&bytes)),
        Err(Malformed::Bad("checksum"))
    );
}
