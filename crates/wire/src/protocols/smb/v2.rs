//! SMB 2 and 3 in the clear: requests and answers, one by one in compounds ([MS-SMB2] 2.2).
use super::shares::{Handle, Open, Piece, Shares, Tree, Waiting, request_of, wait};
use super::wide;
use crate::{Asked, Cx, Malformed, Op, Outcome, Reader, Side, Verb};

/// Fixed part of every message.
pub(super) const HEADER: usize = 64;
/// Requests that wait for their answers.
const MOST_WAITING: usize = 128;
/// Longest path kept.
const MOST_PATH: usize = 512;

/// Commands ([MS-SMB2] 2.2.1.2).
pub(super) mod command {
    pub(in super::super) const NEGOTIATE: u16 = 0;
    pub(in super::super) const SESSION_SETUP: u16 = 1;
    pub(super) const TREE_CONNECT: u16 = 3;
    pub(super) const CREATE: u16 = 5;
    pub(super) const CLOSE: u16 = 6;
    pub(in super::super) const READ: u16 = 8;
    pub(in super::super) const WRITE: u16 = 9;
    pub(super) const SET_INFO: u16 = 17;
}

/// Not an error: the answer comes later.
const PENDING: u32 = 0x0000_0103;
/// The answer was cut short by the room for it.
const BUFFER_OVERFLOW: u32 = 0x8000_0005;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub status: u32,
    pub command: u16,
    pub reply: bool,
    related: bool,
    /// Where the next message of the compound begins; 0 in the last.
    pub next: u32,
    message: u64,
    tree: u32,
    pub session: u64,
}

impl Header {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let magic = r.array::<4>()?;
        r.check(magic == *b"\xfeSMB", "magic")?;
        r.skip(4)?;
        let status = r.u32_le()?;
        let command = r.u16_le()?;
        r.skip(2)?;
        let flags = r.u32_le()?;
        let next = r.u32_le()?;
        let message = r.u64_le()?;
        r.skip(4)?;
        let tree = r.u32_le()?;
        let session = r.u64_le()?;
        r.skip(16)?;
        Ok(Header {
            status,
            command,
            reply: flags & 1 != 0,
            related: flags & 4 != 0,
            next,
            message,
            tree,
            session,
        })
    }
}

/// Whether a message of that command is read.
pub(super) const fn tells(command: u16) -> bool {
    matches!(
        command,
        command::NEGOTIATE
            | command::SESSION_SETUP
            | command::TREE_CONNECT
            | command::CREATE
            | command::CLOSE
            | command::READ
            | command::WRITE
            | command::SET_INFO
    )
}

/// The GUID by which the sender of a NEGOTIATE names itself ([MS-SMB2] 2.2.3 and 2.2.4): a request has it from byte 12
/// on, an answer from byte 8. None where it says nothing: zeros by clients of the first dialect, and by Samba's servers a
/// NetBIOS name, filled up with zeros.
pub(super) fn guid(reply: bool, message: &[u8]) -> Option<String> {
    let mut r = Reader::new(message.get(HEADER..)?);
    let size = r.u16_le().ok()?;
    r.skip(if reply { 6 } else { 10 }).ok()?;
    let id = r.array::<16>().ok()?;
    let wanted = if reply { 65 } else { 36 };
    let zeros = id.iter().rev().take_while(|octet| **octet == 0).count();
    let mut name = id.iter().take(id.len() - zeros);
    let is_name = zeros > 0 && name.all(|octet| (0x20..0x7f).contains(octet));
    if size != wanted || is_name {
        return None;
    }
    let [
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        c0,
        c1,
        d0,
        d1,
        e0,
        e1,
        e2,
        e3,
        e4,
        e5,
    ] = id;
    let (a, b, c) = (
        u32::from_le_bytes([a0, a1, a2, a3]),
        u16::from_le_bytes([b0, b1]),
        u16::from_le_bytes([c0, c1]),
    );
    let (d, e) = (
        u16::from_be_bytes([d0, d1]),
        u64::from_be_bytes([0, 0, e0, e1, e2, e3, e4, e5]),
    );
    Some(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"))
}

/// What an answer needs of its request.
#[derive(Debug)]
enum Request {
    Connect(Option<String>),
    Create {
        open: Box<Open>,
        deletes: bool,
    },
    Read {
        handle: Option<Handle>,
        offset: u64,
    },
    Write {
        handle: Handle,
    },
    Close(Option<Handle>),
    Rename {
        handle: Option<Handle>,
        as_asked: Box<(Option<String>, Asked)>,
    },
    Delete {
        handle: Option<Handle>,
        asked: Box<Asked>,
    },
    Size {
        handle: Option<Handle>,
        size: u64,
    },
}

impl Request {
    /// Bytes of the texts in it. A file that is to be opened has its memory already.
    fn texts(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Request::Connect(share) => 1 + length(share),
            Request::Rename { as_asked, .. } => {
                size_of_val(as_asked.as_ref()) + length(&as_asked.0)
            }
            Request::Delete { asked, .. } => size_of_val(asked.as_ref()),
            _ => 0,
        }
    }
}

/// One connection.
#[derive(Debug, Default)]
pub(super) struct V2 {
    waiting: Waiting<Request, MOST_WAITING>,
    /// The opening within the compound under way, as asked and as answered.
    asked_open: Option<u64>,
    answered_open: Option<[u8; 16]>,
}

impl V2 {
    /// The content that a READ answer or WRITE request carries, once its fixed part is here.
    pub(super) fn piece(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        header: &Header,
        bytes: &[u8],
    ) -> Option<Piece> {
        let mut r = Reader::new(bytes.get(HEADER..)?);
        r.skip(2).ok()?;
        if header.reply {
            r.skip(2).ok()?;
            let length = u64::from(r.u32_le().ok()?);
            if header.status == PENDING {
                return None;
            }
            let Some(Request::Read { handle, offset }) =
                request_of(&mut self.waiting, header.message)
            else {
                return None;
            };
            let fine = header.status == 0 || header.status == BUFFER_OVERFLOW;
            let answered = || self.answered_open.map(Handle::Id);
            let handle = handle.or_else(answered).filter(|_| fine)?;
            return Some(Piece {
                handle,
                offset,
                length,
                write: false,
            });
        }
        r.skip(2).ok()?;
        let length = u64::from(r.u32_le().ok()?);
        let offset = r.u64_le().ok()?;
        let id = r.array::<16>().ok()?;
        let handle = match Self::handle(header, id) {
            Some(handle) => handle,
            None => Handle::Asked(self.asked_open?),
        };
        // Opened before the capture began, or in this same compound.
        shares.known(cx, (header.session, header.tree), header.session, handle);
        wait(
            cx,
            &mut self.waiting,
            header.message,
            Request::Write { handle },
            0,
        );
        Some(Piece {
            handle,
            offset,
            length,
            write: true,
        })
    }

    /// Where the content of such a message begins.
    pub(super) fn before(header: &Header, bytes: &[u8]) -> Option<usize> {
        let place = bytes.get(HEADER + 2..HEADER + 4)?;
        Some(match place {
            [low, _] if header.reply => usize::from(*low),
            [low, high] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => return None,
        })
    }

    /// The file that a request names; `None`: the one that the same compound opened.
    fn handle(header: &Header, id: [u8; 16]) -> Option<Handle> {
        if header.related && id == [0xff; 16] {
            return None;
        }
        Some(Handle::Id(id))
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
        if !header.related {
            match side {
                Side::Client => self.asked_open = None,
                Side::Server => self.answered_open = None,
            }
        }
        let mut r = Reader::new(bytes);
        r.skip(HEADER)?;
        if header.reply {
            self.answer(cx, shares, header, &mut r)
        } else {
            self.request(cx, shares, header, bytes, &mut r)
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
        let string = |offset: u16, length: u16| {
            let start = usize::from(offset);
            let value = bytes.get(start..start.checked_add(usize::from(length))?)?;
            wide(value, MOST_PATH)
        };
        r.skip(2)?;
        let mut request = match header.command {
            command::TREE_CONNECT => {
                r.skip(2)?;
                Request::Connect(string(r.u16_le()?, r.u16_le()?))
            }
            command::CREATE => {
                r.skip(2 + 4 + 8 + 8 + 4 + 4 + 4 + 4)?;
                let options = r.u32_le()?;
                let name = string(r.u16_le()?, r.u16_le()?);
                let tree = shares.tree(header.session, header.tree);
                let path = match (tree.share, name) {
                    (Some(share), Some(name)) => {
                        Some(format!("{share}\\{}", name.trim_start_matches('\\')))
                    }
                    (share, name) => name.or(share),
                };
                self.asked_open = Some(header.message);
                Request::Create {
                    open: Box::new(Open {
                        path,
                        // FILE_DIRECTORY_FILE ([MS-SMB2] 2.2.13).
                        is_file: tree.files && options & 1 == 0,
                        user: shares.user(header.session),
                        asked: Some(cx.asked()),
                        ..Open::default()
                    }),
                    // FILE_DELETE_ON_CLOSE.
                    deletes: options & 0x1000 != 0,
                }
            }
            command::READ => {
                r.skip(2 + 4)?;
                let offset = r.u64_le()?;
                let handle = Self::handle(header, r.array::<16>()?);
                if let Some(handle) = handle {
                    shares.known(cx, (header.session, header.tree), header.session, handle);
                }
                Request::Read { handle, offset }
            }
            command::CLOSE => {
                r.skip(2 + 4)?;
                Request::Close(Self::handle(header, r.array::<16>()?))
            }
            command::SET_INFO => {
                let (kind, class) = (r.u8()?, r.u8()?);
                let length = r.u32_le()?;
                let offset = r.u16_le()?;
                r.skip(2 + 4)?;
                let handle = Self::handle(header, r.array::<16>()?);
                let start = usize::from(offset);
                let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                let value = bytes.get(start..end).ok_or(Malformed::Short)?;
                match info(kind, class, value)? {
                    Some(Info::Rename(to)) => Request::Rename {
                        handle,
                        as_asked: Box::new((to, cx.asked())),
                    },
                    Some(Info::Delete) => Request::Delete {
                        handle,
                        asked: Box::new(cx.asked()),
                    },
                    Some(Info::Size(size)) => Request::Size { handle, size },
                    None => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        if let Request::Create { open, .. } = &mut request
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
        if header.status == PENDING {
            return Ok(());
        }
        let fine = header.status == 0;
        let answered = self.answered_open.map(Handle::Id);
        match request_of(&mut self.waiting, header.message) {
            Some(Request::Connect(share)) if fine => {
                r.skip(2)?;
                // SMB2_SHARE_TYPE_DISK ([MS-SMB2] 2.2.10).
                let files = r.u8()? == 1;
                let tree = Tree { share, files };
                shares.connect(cx, header.session, header.tree, tree);
            }
            Some(Request::Create { open, deletes }) => {
                self.created(cx, shares, header, *open, deletes, r)?;
            }
            Some(Request::Write { handle }) if !fine => {
                // What the same compound opened has its identifier by now.
                let handle = match handle {
                    Handle::Asked(_) => answered.unwrap_or(handle),
                    id @ Handle::Id(_) => id,
                };
                if let Some(open) = shares.get(handle) {
                    open.refused = true;
                }
            }
            Some(Request::Close(handle)) => {
                let open = handle.or(answered).and_then(|handle| shares.take(handle));
                if let Some(mut open) = open {
                    if fine {
                        r.skip(2)?;
                        let flags = r.u16_le()?;
                        r.skip(4 + 8 * 4 + 8)?;
                        // SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB: what the file has become.
                        if flags & 1 != 0 {
                            open.set_size = Some(r.u64_le()?);
                        }
                    }
                    open.tell(cx);
                }
            }
            Some(Request::Rename { handle, as_asked }) => {
                let (to, asked) = *as_asked;
                let open = handle.or(answered).and_then(|it| shares.get(it));
                let from = open.and_then(|open| open.path.clone());
                let op = Op {
                    object: to,
                    detail: from.map(|from| format!("renamed from {from}")),
                    outcome: Some(outcome(fine)),
                    asked: Some(asked),
                    ..Op::new(Verb::FileWrite)
                };
                cx.operation(Side::Client, op);
            }
            Some(Request::Delete { handle, asked }) => {
                let open = handle.or(answered).and_then(|it| shares.get(it));
                let object = open.and_then(|open| open.path.clone());
                delete(cx, object, fine, Some(*asked));
            }
            Some(Request::Size { handle, size }) if fine => {
                if let Some(open) = handle.or(answered).and_then(|it| shares.get(it)) {
                    open.set_size = Some(size);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn created(
        &mut self,
        cx: &mut Cx<'_>,
        shares: &mut Shares,
        header: &Header,
        mut open: Open,
        deletes: bool,
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        let early = shares.take(Handle::Asked(header.message));
        if header.status != 0 {
            if deletes {
                delete(cx, open.path, false, open.asked);
            }
            return Ok(());
        }
        r.skip(2 + 2 + 4 + 8 * 4 + 8)?;
        let size = r.u64_le()?;
        let attributes = r.u32_le()?;
        r.skip(4)?;
        let id = r.array::<16>()?;
        self.answered_open = Some(id);
        // FILE_ATTRIBUTE_DIRECTORY ([MS-FSCC] 2.6).
        let folder = attributes & 0x10 != 0;
        if deletes {
            delete(cx, open.path.clone(), true, open.asked.clone());
        }
        open.size = Some(size);
        open.is_file &= !folder;
        if let Some(early) = early {
            open.go_on_with(*early);
        }
        shares.put(cx, Handle::Id(id), open);
        Ok(())
    }
}

pub(super) const fn outcome(fine: bool) -> Outcome {
    if fine { Outcome::Ok } else { Outcome::Refused }
}

pub(super) fn delete(cx: &mut Cx<'_>, object: Option<String>, fine: bool, asked: Option<Asked>) {
    let op = Op {
        object,
        outcome: Some(outcome(fine)),
        asked,
        ..Op::new(Verb::FileDelete)
    };
    cx.operation(Side::Client, op);
}

enum Info {
    Rename(Option<String>),
    Delete,
    Size(u64),
}

/// [MS-FSCC] 2.4: what of a file is set.
fn info(kind: u8, class: u8, value: &[u8]) -> Result<Option<Info>, Malformed> {
    let mut r = Reader::new(value);
    // SMB2_0_INFO_FILE.
    if kind != 1 {
        return Ok(None);
    }
    Ok(match class {
        // FileRenameInformation, and the same with flags.
        10 | 65 => {
            r.skip(8 + 8)?;
            let length = usize::try_from(r.u32_le()?).unwrap_or(usize::MAX);
            Some(Info::Rename(wide(r.bytes(length)?, MOST_PATH)))
        }
        // FileDispositionInformation; FileDispositionInformationEx.
        13 => (r.u8()? != 0).then_some(Info::Delete),
        64 => (r.u32_le()? & 1 != 0).then_some(Info::Delete),
        // FileEndOfFileInformation.
        20 => Some(Info::Size(r.u64_le()?)),
        _ => None,
    })
}
