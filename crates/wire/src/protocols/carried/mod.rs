//! Files on their way: what the protocols that carry them have in common.
//!
//! Content is hashed as it goes by. What is kept of it is the beginning, until it tells what the file is, and pieces that came
//! before their turn, both within a [`Budget`] that all flows of a worker share. A file with a hole has no hash. Other
//! dialogues that keep more than a few hundred bytes of what may never be ended take it from the same budget.
mod encoded;
mod look;
mod spans;
mod xml;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use facts::{Evidence, Time};
use sha2::{Digest, Sha256};

pub(crate) use self::encoded::Encoded;
use self::look::Look;
use self::spans::Spans;
pub(crate) use self::xml::Document;
use self::xml::Xml;
use crate::cx::{At, FlowView};
use crate::protocols::soap;
use crate::{Asked, Cx, Outcome, Side};

/// First bytes by which the content tells what it is.
const HEAD: usize = 4096;
/// Bytes of one file that wait for what comes before them.
const MOST_WAITING: usize = 256 * 1024;
/// Pieces of one file that wait.
const MOST_PIECES: usize = 64;
/// Frames of the content's beginning that are cited, beside those of the request and of its end.
const MOST_FRAMES: usize = 8;
/// Bytes that all flows of a worker may keep of files, and of what else comes in pieces.
pub(crate) const MOST_KEPT: usize = 16 << 20;

/// Bytes that a worker keeps. What does not fit costs a hash, a kind or a name, never more memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

impl Budget {
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= MOST_KEPT);
        let order = Ordering::Relaxed;
        self.0.fetch_update(order, order, fits).ok()?;
        Some(Share {
            of: self.clone(),
            bytes,
        })
    }
}

/// Memory for one more of what a connection holds: the first `free` of them take none of the budget. The outer `None`: there is no room.
pub(crate) fn room(
    budget: &Budget,
    held: usize,
    free: usize,
    bytes: usize,
) -> Option<Option<Share>> {
    match held < free {
        true => Some(None),
        false => budget.take(bytes).map(Some),
    }
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Budget,
    bytes: usize,
}

impl Share {
    /// Takes more; `false` where there is none.
    fn grow(&mut self, bytes: usize) -> bool {
        let Some(mut more) = self.of.take(bytes) else {
            return false;
        };
        self.bytes += std::mem::take(&mut more.bytes);
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    _share: Share,
}

/// What was seen of a file's content.
#[derive(Debug, Default)]
pub(crate) struct Content {
    hash: Sha256,
    /// Bytes hashed: everything before this place.
    hashed: u64,
    /// Where the next piece goes if nobody says where.
    place: u64,
    seen: Spans,
    head: Vec<u8>,
    share: Option<Share>,
    look: Option<Look>,
    /// It looks like XML, and is read as that while it comes in order.
    xml: Option<Box<Xml>>,
    waiting: BTreeMap<u64, Piece>,
    waiting_bytes: usize,
    /// Something was written twice, so that the bytes hashed are not what was left in the end.
    rewritten: bool,
    /// Pieces that could not even be noted as seen.
    left_out: u64,
    first: Option<Time>,
    last: Time,
    evidence: Evidence,
    end: Option<(u32, u32)>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    pub bytes: u64,
    pub size: Option<u64>,
    pub missing: Option<u64>,
    pub complete: bool,
    pub sha256: Option<String>,
    pub look: Look,
    /// What it says, where it is XML.
    pub xml: Option<Box<Document>>,
    pub rewritten: bool,
    /// Pieces that could not even be noted as seen.
    pub left_out: u64,
    pub first: Option<Time>,
    pub last: Time,
    pub evidence: Evidence,
}

impl Content {
    /// The next bytes.
    pub(crate) fn take(&mut self, cx: &Cx<'_>, bytes: &[u8]) {
        self.put(cx, self.place, bytes);
    }

    /// The next bytes are those at that place.
    pub(crate) const fn go_to(&mut self, place: u64) {
        self.place = place;
    }

    /// The next `lost` bytes were not captured.
    pub(crate) fn lose(&mut self, lost: u64) {
        self.place = self.place.saturating_add(lost);
    }

    /// Bytes at a place of the file, as someone wrote them: what was there before is gone.
    pub(crate) fn write(&mut self, cx: &Cx<'_>, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64);
        self.rewritten |= self.seen.touch(offset, end);
        self.put(cx, offset, bytes);
    }

    /// Bytes at a place of the file.
    pub(crate) fn put(&mut self, cx: &Cx<'_>, offset: u64, bytes: &[u8]) {
        self.note(cx);
        let end = offset.saturating_add(bytes.len() as u64);
        self.place = end;
        if !self.seen.add(&cx.picture.budget, offset, end) {
            self.left_out += 1;
        }
        if offset > self.hashed {
            self.keep(&cx.picture.budget, offset, bytes);
            return;
        }
        self.hash(&cx.picture.budget, offset, bytes);
        while let Some(piece) = self.waiting.first_entry() {
            if *piece.key() > self.hashed {
                break;
            }
            let (at, piece) = piece.remove_entry();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(piece.bytes.len());
            self.hash(&cx.picture.budget, at, &piece.bytes);
        }
    }

    /// The message shows the file.
    fn note(&mut self, cx: &Cx<'_>) {
        self.first.get_or_insert(cx.now());
        self.last = self.last.max(cx.now());
        for frame in cx.frames {
            if self.evidence.frames.len() < MOST_FRAMES {
                self.evidence.add(cx.at.capture, *frame);
            }
            self.end = Some((cx.at.capture, *frame));
        }
    }

    fn keep(&mut self, budget: &Budget, offset: u64, bytes: &[u8]) {
        let fits = self.waiting.len() < MOST_PIECES
            && self.waiting_bytes + bytes.len() <= MOST_WAITING
            && !self.waiting.contains_key(&offset);
        let Some(share) = fits.then(|| budget.take(bytes.len())).flatten() else {
            return;
        };
        self.waiting_bytes += bytes.len();
        let piece = Piece {
            bytes: bytes.to_vec(),
            _share: share,
        };
        self.waiting.insert(offset, piece);
    }

    fn hash(&mut self, budget: &Budget, offset: u64, bytes: &[u8]) {
        let known = usize::try_from(self.hashed.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(fresh) = bytes.get(known..).filter(|fresh| !fresh.is_empty()) else {
            return;
        };
        self.hash.update(fresh);
        if self.hashed == 0 {
            self.xml = Xml::begin(budget, fresh);
        }
        if let Some(xml) = &mut self.xml {
            xml.take(fresh);
        }
        self.hashed = self.hashed.saturating_add(fresh.len() as u64);
        if self.look.is_some() {
            return;
        }
        // Content that comes whole is looked at in place.
        if self.head.is_empty() && fresh.len() >= HEAD {
            self.look = Some(Look::at(fresh.get(..HEAD).unwrap_or(fresh)));
            return;
        }
        if self.share.is_none() {
            self.share = budget.take(HEAD);
            if self.share.is_none() {
                self.look = Some(Look::at(fresh));
                return;
            }
        }
        let room = HEAD - self.head.len().min(HEAD);
        self.head
            .extend_from_slice(fresh.get(..room.min(fresh.len())).unwrap_or(fresh));
        if self.head.len() >= HEAD {
            self.judge();
        }
    }

    fn judge(&mut self) -> Look {
        let head = std::mem::take(&mut self.head);
        self.share = None;
        self.look.get_or_insert_with(|| Look::at(&head)).clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Where the last byte seen stands.
    pub(crate) fn end(&self) -> u64 {
        self.seen.end()
    }

    /// All of a file of that size was seen.
    pub(crate) fn is_whole(&self, size: u64) -> bool {
        self.seen.covers(size)
    }

    /// What was seen of it in the end. `size` is what the file has where that was stated; `ended` says that its last byte is
    /// the last that was seen where it was not.
    pub(crate) fn finish(mut self, size: Option<u64>, ended: bool) -> Sum {
        let size = size.or_else(|| ended.then(|| self.seen.end().max(self.place)));
        let complete = size.is_some_and(|size| self.is_whole(size));
        let bytes = self.seen.bytes();
        let hashed = complete && Some(self.hashed) == size && !self.rewritten;
        let mut evidence = std::mem::take(&mut self.evidence);
        if let Some((capture, frame)) = self.end {
            evidence.add(capture, frame);
        }
        // Without its beginning the content does not tell what it is.
        let look = if self.hashed > 0 {
            self.judge()
        } else {
            Look::default()
        };
        Sum {
            bytes,
            size,
            missing: size.map(|size| size.saturating_sub(bytes)),
            complete,
            sha256: hashed.then(|| hex(&std::mem::take(&mut self.hash).finalize())),
            look,
            xml: self.xml.map(|xml| Box::new(xml.finish())),
            rewritten: self.rewritten,
            left_out: self.left_out,
            first: self.first,
            last: self.last,
            evidence,
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    crate::protocols::tls::hex(bytes)
}

/// A file as its decoder tells it, beside its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// Who sent the content.
    pub sender: Option<Side>,
    /// The sender put it; else the receiver asked for it.
    pub upload: bool,
    /// Its name as it stood on the wire.
    pub path: Option<String>,
    /// Its name where that is not the end of `path`.
    pub name: Option<String>,
    pub page: bool,
    pub detail: Option<String>,
    pub user: Option<String>,
    pub outcome: Option<Outcome>,
    pub asked: Option<Asked>,
}

impl About {
    /// Adds a remark.
    pub(crate) fn remark(&mut self, remark: &str) {
        match &mut self.detail {
            Some(known) => {
                known.push_str(", ");
                known.push_str(remark);
            }
            none => *none = Some(remark.to_owned()),
        }
    }
}

/// The last part of a path of either kind of slash.
pub(crate) fn base(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

impl Cx<'_> {
    /// A file that this conversation carried.
    pub(crate) fn file(&mut self, about: About, sum: Sum) {
        let flow = *self.flow;
        if let Some(document) = &sum.xml {
            let asker = if about.upload {
                Side::Client
            } else {
                Side::Server
            };
            // It was said where the content stood, and not in the message at which that is told.
            let capture = sum.evidence.capture.unwrap_or(self.at.capture);
            let mut there = Cx {
                flow: self.flow,
                at: At {
                    now: sum.last,
                    capture,
                    ..self.at
                },
                frames: &sum.evidence.frames,
                decoder: self.decoder,
                picture: &mut *self.picture,
                expected: &mut *self.expected,
                learned: &mut *self.learned,
                passed: None,
            };
            soap::tell(&mut there, about.sender.unwrap_or(asker), document);
        }
        self.file_of(&flow, self.decoder.name, about, sum);
    }

    /// A file that a conversation beside this one carried.
    pub(crate) fn file_of(&mut self, flow: &FlowView, protocol: &str, mut about: About, sum: Sum) {
        let asker = if about.upload {
            Side::Client
        } else {
            Side::Server
        };
        let sender = about.sender.unwrap_or(asker);
        self.leave_out("pieces of files", sum.left_out);
        let (from, to) = (flow.end(sender), flow.end(sender.other()));
        let mut evidence = Evidence::default();
        for frame in about.asked.iter().flat_map(|asked| &asked.frames) {
            let capture = about.asked.as_ref().map_or(0, |asked| asked.capture);
            evidence.add(capture, *frame);
        }
        if let Some(capture) = sum.evidence.capture {
            for frame in &sum.evidence.frames {
                evidence.add(capture, *frame);
            }
        }
        if sum.rewritten {
            about.remark("parts were written twice");
        } else if sum.complete && sum.sha256.is_none() {
            about.remark("came out of order");
        }
        if let Some(way) = self.learned.through.as_deref() {
            about.remark(way);
        }
        let asked = about.asked.as_ref().map(|asked| asked.time);
        let time = asked.or(sum.first).unwrap_or(self.at.now);
        self.picture.file(facts::kinds::File {
            time,
            last: time.max(sum.last),
            count: 1,
            source: from.address,
            target: to.address,
            source_mac: from.mac,
            target_mac: to.mac,
            vlan: flow.vlan,
            protocol: protocol.to_owned(),
            direction: if about.upload { "upload" } else { "download" }.to_owned(),
            name: about.name.or_else(|| about.path.as_deref().and_then(base)),
            path: about.path,
            size: sum.size,
            bytes: sum.bytes,
            missing: sum.missing,
            complete: sum.complete,
            sha256: sum.sha256,
            mime: sum.look.mime.map(str::to_owned),
            content: (sum.bytes > 0).then(|| sum.look.kind.to_owned()),
            page: about.page,
            detail: about.detail,
            user: about.user,
            outcome: about.outcome,
            community_id: flow.community_id(),
            asked_for: self.learned.asked_for.as_deref().map(str::to_owned),
            evidence,
            ..facts::kinds::File::default()
        });
    }
}
