//! SMB 1: the messages that open, read, write and delete files ([MS-CIFS] 2.2.4, [MS-SMB] 2.2.4).
use super::shares::{Handle, Open, Piece, Shares, Tree, Waiting, request_of, wait};
use super::v2::{delete, outcome};
use super::wide;
use crate::reader::text;
use crate::{Asked, Cx, Malformed, Op, Reader, Side, Verb};

/// Fixed part of every message, with the count of words behind it.
pub(super) const HEADER: usize = 33;
/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Longest path kept.
const MOST_PATH: usize = 512;

/// Commands ([MS-CIFS] 2.2.2.1).
pub(super) mod command {
    pub(super) const CLOSE: u8 = 0x04;
    pub(super) const DELETE: u8 = 0x06;
    pub(super) const RENAME: u8 = 0x07;
    pub(super) const CORE_READ: u8 = 0x0a;
    pub(super) const CORE_WRITE: u8 = 0x0b;
    pub(super) const OPEN: u8 = 0x2d;
    pub(super) const READ: u8 = 0x2e;
    pub(super) const WRITE: u8 = 0x2f;
    pub(in super::super) const NEGOTIATE: u8 = 0x72;
    pub(in super::super) const SESSION_SETUP: u8 = 0x73;
    pub(super) const TREE_CONNECT: u8 = 0x75;
    pub(super) const CREATE: u8 = 0xa2;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub command: u8,
    pub status: u32,
    pub reply: bool,
    unicode: bool,
    tree: u16,
    pub user: u16,
    message: u64,
    words: usize,
    /// Where the words begin.
    at: usize,
}

impl Header {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let magic = r.array::<4>()?;
        r.check(magic == *b"\xffSMB", "magic")?;
        let command = r.u8()?;
        let status = r.u32_le()?;
        let flags = r.u8()?;
        let more = r.u16_le()?;
        r.skip(12)?;
        let tree = r.u16_le()?;
        let process = r.u16_le()?;
        let user = r.u16_le()?;
        let message = r.u16_le()?;
        Ok(Header {
            command,
            status,
            reply: flags & 0x80 != 0,
            unicode: more & 0x8000 != 0,
            tree,
            user,
            message: u64::from(process) << 16 | u64::from(message),
            words: usize::from(r.u8()?),
            at: HEADER,
        })
    }

    /// The message carries content that is read as it comes.
    pub(super) const fn is_bulk(&self) -> bool {
        matches!(
            (self.command, self.reply),
            (command::READ | command::CORE_READ, true)
                | (command::WRITE | command::CORE_WRITE, false)
        )
    }

    /// In the oldest form: the content follows the words, its format and its length.
    const fn is_core(&self) -> bool {
        matches!(self.command, command::CORE_READ | command::CORE_WRITE)
    }

    /// The command that follows in the same message, if it is one that opens a share.
    fn chained(&self, bytes: &[u8]) -> Option<Header> {
        let mut r = Reader::new(bytes.get(HEADER..)?);
        let command = r.u8().ok()?;
        r.skip(1).ok()?;
        let at = usize::from(r.u16_le().ok()?);
        let words = usize::from(*bytes.get(at)?);
        (command == command::TREE_CONNECT && at >= HEADER).then_some(Header {
            command,
            words,
            at: at + 1,
            ..*self
        })
    }

    /// Bytes of a bulk message that say what its content is.
    pub(super) const fn fixed(&self) -> usize {
        HEADER + self.words * 2
    }

    pub(super) const fn tells(&self) -> bool {
        matches!(
            self.command,
            command::CLOSE
                | command::DELETE
                | command::RENAME
                | command::OPEN
                | command::READ
                | command::WRITE
                | command::CORE_READ
                | command::CORE_WRITE
                | command::NEGOTIATE
                | command::SESSION_SETUP
                | command::TREE_CONNECT
                | command::CREATE
        )
    }
}

#[derive(Debug)]
enum Request {
    Connect(Option<String>),
    Open(Box<Open>),
    Read { handle: Handle, offset: u64 },
    Write(Handle),
    Close(Handle),
    Delete(Box<(Option<String>, Asked)>),
    Rename(Box<(Option<String>, Option<String>, Asked)>),
}

impl Request {
    /// Bytes of the texts in it. A file that is to be opened has its memory already.
    fn texts(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Request::Connect(share) => 1 + length(share),
            Request::Delete(asked) => size_of_val(asked.as_ref()) + length(&asked.0),
            Request::Rename(asked) => {
                size_of_val(asked.as_ref()) + length(&asked.0) + length(&asked.1)
            }
            _ => 0,
        }
    }
}

/// One connection.
#[derive(Debug, Default)]
pub(super) struct V1 {
    waiting: Waiting<Request, MOST_WAITING>,
}

fn handle(number: u16) -> Handle {
    Handle::Id(u128::from(number).to_le_bytes())
}

/// A file that may have been opened before the capture began.
fn known(cx: &mut Cx<'_>, shares: &mut Shares, header: &Header, handle: Handle) {
    let tree = (0, u32::from(header.tree));
    shares.known(cx, tree, u64::from(header.user), handle);
}

impl V1 {
    /// The content of a bulk message and where it begins.
    pub(super) fn piece(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        header: &Header,
        bytes: &[u8],
    ) -> Option<(Piece, usize)> {
        let mut r = Reader::new(bytes.get(HEADER..)?);
        if header.is_core() {
            return self.core_piece(cx, shares, header, &mut r);
        }
        r.skip(4).ok()?;
        if header.reply {
            r.skip(2 + 2 + 2).ok()?;
            let low = u64::from(r.u16_le().ok()?);
            let before = usize::from(r.u16_le().ok()?);
            let high = u64::from(r.u16_le().ok()?);
            let Some(Request::Read { handle, offset }) =
                request_of(&mut self.waiting, header.message)
            else {
                return None;
            };
            let piece = Piece {
                handle,
                offset,
                length: high << 16 | low,
                write: false,
            };
            return (header.status == 0).then_some((piece, before));
        }
        let handle = handle(r.u16_le().ok()?);
        let offset = u64::from(r.u32_le().ok()?);
        r.skip(4 + 2 + 2).ok()?;
        let high = u64::from(r.u16_le().ok()?);
        let low = u64::from(r.u16_le().ok()?);
        let before = usize::from(r.u16_le().ok()?);
        let above = if header.words >= 14 {
            u64::from(r.u32_le().ok()?)
        } else {
            0
        };
        known(cx, shares, header, handle);
        wait(
            cx,
            &mut self.waiting,
            header.message,
            Request::Write(handle),
            0,
        );
        let piece = Piece {
            handle,
            offset: above << 32 | offset,
            length: high << 16 | low,
            write: true,
        };
        Some((piece, before))
    }

    fn core_piece(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        header: &Header,
        r: &mut Reader<'_>,
    ) -> Option<(Piece, usize)> {
        // Count of bytes, format, length.
        let before = header.fixed() + 2 + 1 + 2;
        if header.reply {
            let length = u64::from(r.u16_le().ok()?);
            let Some(Request::Read { handle, offset }) =
                request_of(&mut self.waiting, header.message)
            else {
                return None;
            };
            let piece = Piece {
                handle,
                offset,
                length,
                write: false,
            };
            return (header.status == 0).then_some((piece, before));
        }
        let handle = handle(r.u16_le().ok()?);
        let length = u64::from(r.u16_le().ok()?);
        let offset = u64::from(r.u32_le().ok()?);
        known(cx, shares, header, handle);
        wait(
            cx,
            &mut self.waiting,
            header.message,
            Request::Write(handle),
            0,
        );
        let piece = Piece {
            handle,
            offset,
            length,
            write: true,
        };
        Some((piece, before))
    }

    /// A message without bulk.
    pub(super) fn message(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        side: Side,
        header: &Header,
        bytes: &[u8],
    ) -> Result<(), Malformed> {
        if header.command == command::SESSION_SETUP {
            return match header.chained(bytes) {
                Some(behind) => self.message(cx, shares, side, &behind, bytes),
                None => Ok(()),
            };
        }
        let mut r = Reader::new(bytes);
        r.skip(header.at)?;
        match side {
            Side::Client => self.request(cx, shares, header, bytes, &mut r),
            Side::Server => self.answer(cx, shares, header, &mut r),
        }
    }

    fn request(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        header: &Header,
        bytes: &[u8],
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        // Behind the words and the count of bytes.
        let data = header.at + header.words * 2 + 2;
        let string = |at: usize| string(header, bytes, at);
        let tree = shares.tree(0, u32::from(header.tree));
        let path = |name: Option<String>| match (tree.share.as_deref(), name) {
            (Some(share), Some(name)) => {
                Some(format!("{share}\\{}", name.trim_start_matches('\\')))
            }
            (share, name) => name.or(share.map(str::to_owned)),
        };
        let open = |name: Option<String>, folder: bool, cx: &Cx<'_>| {
            Request::Open(Box::new(Open {
                path: path(name),
                is_file: tree.files && !folder,
                user: shares.user(u64::from(header.user)),
                asked: Some(cx.asked()),
                ..Open::default()
            }))
        };
        let mut request = match header.command {
            command::TREE_CONNECT => {
                r.skip(4 + 2)?;
                let password = usize::from(r.u16_le()?);
                Request::Connect(string(data + password).0)
            }
            command::CREATE => {
                r.skip(4 + 1 + 2 + 4 + 4 + 4 + 8 + 4 + 4 + 4)?;
                let options = r.u32_le()?;
                open(string(data).0, options & 1 != 0, cx)
            }
            command::OPEN => open(string(data).0, false, cx),
            command::READ => {
                r.skip(4)?;
                let handle = handle(r.u16_le()?);
                let low = u64::from(r.u32_le()?);
                r.skip(2 + 2 + 4 + 2)?;
                let high = if header.words >= 12 {
                    u64::from(r.u32_le()?)
                } else {
                    0
                };
                known(cx, shares, header, handle);
                Request::Read {
                    handle,
                    offset: high << 32 | low,
                }
            }
            command::CORE_READ => {
                let handle = handle(r.u16_le()?);
                r.skip(2)?;
                let offset = u64::from(r.u32_le()?);
                known(cx, shares, header, handle);
                Request::Read { handle, offset }
            }
            command::CLOSE => Request::Close(handle(r.u16_le()?)),
            // A byte tells the format of each name.
            command::DELETE => Request::Delete(Box::new((path(string(data + 1).0), cx.asked()))),
            command::RENAME => {
                let (from, end) = string(data + 1);
                let to = path(string(end + 1).0);
                Request::Rename(Box::new((path(from), to, cx.asked())))
            }
            _ => return Ok(()),
        };
        if let Request::Open(open) = &mut request
            && !open.keep(cx)
        {
            return Ok(());
        }
        let texts = request.texts();
        wait(cx, &mut self.waiting, header.message, request, texts);
        Ok(())
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        header: &Header,
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        let fine = header.status == 0;
        match request_of(&mut self.waiting, header.message) {
            Some(Request::Connect(share)) if fine => {
                r.skip(header.words * 2 + 2)?;
                // The service: `A:` holds files.
                let files = r.peek().starts_with(b"A:");
                shares.connect(cx, 0, u32::from(header.tree), Tree { share, files });
            }
            Some(Request::Open(mut open)) if fine => {
                r.skip(4)?;
                let number = if header.command == command::CREATE {
                    r.skip(1)?;
                    let number = r.u16_le()?;
                    r.skip(4 + 8 * 4)?;
                    let attributes = r.u32_le()?;
                    r.skip(8)?;
                    open.size = Some(r.u64_le()?);
                    let resource = r.u16_le()?;
                    open.is_file &= resource == 0 && attributes & 0x10 == 0;
                    number
                } else {
                    let number = r.u16_le()?;
                    r.skip(2 + 4)?;
                    open.size = Some(u64::from(r.u32_le()?));
                    number
                };
                shares.put(cx, handle(number), *open);
            }
            Some(Request::Write(handle)) if !fine => {
                if let Some(open) = shares.get(handle) {
                    open.refused = true;
                }
            }
            Some(Request::Close(handle)) => {
                if let Some(open) = shares.take(handle) {
                    open.tell(cx);
                }
            }
            Some(Request::Delete(asked)) => delete(cx, asked.0, fine, Some(asked.1)),
            Some(Request::Rename(asked)) => {
                let (from, to, asked) = *asked;
                let op = Op {
                    object: to,
                    detail: from.map(|from| format!("renamed from {from}")),
                    outcome: Some(outcome(fine)),
                    asked: Some(asked),
                    ..Op::new(Verb::FileWrite)
                };
                cx.operation(Side::Client, op);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A string that begins there, and where what follows it begins. In Unicode it stands at an even place.
fn string(header: &Header, bytes: &[u8], at: usize) -> (Option<String>, usize) {
    if !header.unicode {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let length = rest
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(rest.len());
        let value = rest.get(..length).unwrap_or(&[]);
        return (text(value, MOST_PATH), at + length + 1);
    }
    let at = at + at % 2;
    let rest = bytes.get(at..).unwrap_or(&[]);
    let (pairs, _) = rest.as_chunks::<2>();
    let length = 2 * pairs
        .iter()
        .position(|pair| *pair == [0, 0])
        .unwrap_or(pairs.len());
    let value = rest.get(..length).unwrap_or(&[]);
    (wide(value, MOST_PATH), at + length + 2)
}
