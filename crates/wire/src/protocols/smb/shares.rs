//! What a connection has open: shares, files, and what was read from and written to them.
use std::collections::VecDeque;

use crate::protocols::carried::{About, Content, Share, Sum, room};
use crate::{Asked, Cx, Op, Outcome, Pending, Side, Verb};

/// Shares and users remembered of one connection.
const MOST_SHARES: usize = 64;
/// Files open at a time; the one opened first gives way, and is told as far as it was seen.
const MOST_OPEN: usize = 64;
/// Bytes that a file costs while it is open, its path included.
const OPEN: usize = size_of::<Open>() + 512;

/// Shares and users, and requests, of which each connection remembers so many whatever others do. More takes memory that all share.
const FREE: usize = 2;
const FREE_REQUESTS: usize = 8;
/// Bytes that a share, a user or a request costs at most beside the texts in it.
const COST: usize = 128;

/// A request until its answer, with what it takes of the memory that all flows share.
pub(super) type Waiting<R, const N: usize> = Pending<u64, (R, Option<Share>), N>;

/// A request waits for its answer. `texts`: bytes that it holds besides, which are never free.
pub(super) fn wait<R, const N: usize>(
    cx: &mut Cx<'_>,
    waiting: &mut Waiting<R, N>,
    message: u64,
    request: R,
    texts: usize,
) {
    // A list that grows has up to twice what it holds.
    const { assert!(2 * size_of::<(u64, (R, Option<Share>))>() <= COST) };
    let free = if texts == 0 { FREE_REQUESTS } else { 0 };
    match room(&cx.picture.budget, waiting.len(), free, COST + texts) {
        Some(share) => drop(waiting.put(message, (request, share))),
        None => cx.leave_out("requests of files", 1),
    }
}

/// The request that is answered.
pub(super) fn request_of<R, const N: usize>(
    waiting: &mut Waiting<R, N>,
    message: u64,
) -> Option<R> {
    waiting.take(&message).map(|(request, _)| request)
}

/// What a file is called on the wire: its identifier, or the request that will give it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    Id([u8; 16]),
    /// Opened by the request of that number, which is not answered yet.
    Asked(u64),
}

/// A piece of a file in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub handle: Handle,
    pub offset: u64,
    pub length: u64,
    /// Written; else read.
    pub write: bool,
}

/// A file between its opening and its closing.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// With the share, as far as known; nothing where the opening was not seen.
    pub path: Option<String>,
    /// Its size when it was opened.
    pub size: Option<u64>,
    /// It was given that size while it was open.
    pub set_size: Option<u64>,
    /// A pipe or a folder: what goes through it is no file.
    pub is_file: bool,
    pub user: Option<String>,
    pub asked: Option<Asked>,
    pub refused: bool,
    /// Something was missed, or the end was not seen: more may have been written than what was seen.
    pub(super) unsure: bool,
    pub(super) read: Content,
    pub(super) written: Content,
    /// What it takes of the memory that all flows share.
    pub(super) share: Option<Share>,
}

#[derive(Debug, Default)]
pub(super) struct Shares {
    /// By session and tree: its name and whether it holds files.
    trees: VecDeque<((u64, u32), Tree, Option<Share>)>,
    users: VecDeque<(u64, String, Option<Share>)>,
    open: VecDeque<(Handle, Box<Open>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    pub share: Option<String>,
    pub files: bool,
}

impl Shares {
    pub(super) fn connect(&mut self, cx: &mut Cx<'_>, session: u64, tree: u32, known: Tree) {
        self.trees.retain(|(key, ..)| *key != (session, tree));
        let bytes = COST + known.share.as_ref().map_or(0, String::len);
        let Some(share) = room(&cx.picture.budget, self.trees.len(), FREE, bytes) else {
            cx.leave_out("shares and users", 1);
            return;
        };
        self.trees.push_back(((session, tree), known, share));
        if self.trees.len() > MOST_SHARES {
            self.trees.pop_front();
        }
    }

    /// The share; one that was connected before the capture began holds files, for all that is known.
    pub(super) fn tree(&self, session: u64, tree: u32) -> Tree {
        let known = self.trees.iter().find(|(key, ..)| *key == (session, tree));
        known.map_or(
            Tree {
                share: None,
                files: true,
            },
            |(_, tree, _)| tree.clone(),
        )
    }

    pub(super) fn log_in(&mut self, cx: &mut Cx<'_>, session: u64, user: String) {
        self.users.retain(|(key, ..)| *key != session);
        let bytes = COST + user.len();
        let Some(share) = room(&cx.picture.budget, self.users.len(), FREE, bytes) else {
            cx.leave_out("shares and users", 1);
            return;
        };
        self.users.push_back((session, user, share));
        if self.users.len() > MOST_SHARES {
            self.users.pop_front();
        }
    }

    pub(super) fn user(&self, session: u64) -> Option<String> {
        let known = self.users.iter().find(|(key, ..)| *key == session);
        known.map(|(_, user, _)| user.clone())
    }

    pub(super) fn get(&mut self, handle: Handle) -> Option<&mut Open> {
        let known = self.open.iter_mut().rev().find(|(key, _)| *key == handle);
        known.map(|(_, open)| open.as_mut())
    }

    pub(super) fn put(&mut self, cx: &mut Cx<'_>, handle: Handle, mut open: Open) {
        if !open.keep(cx) {
            return;
        }
        if let Some(mut old) = self.take(handle) {
            old.unsure = true;
            old.tell(cx);
        }
        self.open.push_back((handle, Box::new(open)));
        if self.open.len() > MOST_OPEN
            && let Some((_, mut oldest)) = self.open.pop_front()
        {
            oldest.unsure = true;
            oldest.tell(cx);
        }
    }

    /// What is read or written, where its opening was not seen: a file, if its share holds such.
    pub(super) fn known(
        &mut self,
        cx: &mut Cx<'_>,
        (session, tree): (u64, u32),
        user: u64,
        handle: Handle,
    ) {
        if self.get(handle).is_some() {
            return;
        }
        let open = Open {
            is_file: self.tree(session, tree).files,
            user: self.user(user),
            asked: Some(cx.asked()),
            ..Open::default()
        };
        self.put(cx, handle, open);
    }

    pub(super) fn take(&mut self, handle: Handle) -> Option<Box<Open>> {
        let place = self.open.iter().position(|(key, _)| *key == handle)?;
        self.open.remove(place).map(|(_, open)| open)
    }

    /// Content of a piece, as much of it as is here.
    pub(super) fn content(&mut self, cx: &Cx<'_>, piece: &Piece, bytes: &[u8]) {
        let Some(open) = self.get(piece.handle).filter(|open| open.is_file) else {
            return;
        };
        if piece.write {
            open.written.write(cx, piece.offset, bytes);
        } else {
            open.read.put(cx, piece.offset, bytes);
        }
    }

    /// Requests are missing: what is open may have been written to.
    pub(super) fn doubt(&mut self) {
        for (_, open) in &mut self.open {
            open.unsure = true;
        }
    }

    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        self.doubt();
        for (_, open) in std::mem::take(&mut self.open) {
            open.tell(cx);
        }
    }
}

impl Open {
    /// Whether there is memory for it; where there is none, that is counted.
    pub(super) fn keep(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.share.is_none() {
            self.share = cx.picture.budget.take(OPEN);
        }
        let kept = self.share.is_some();
        cx.leave_out("open files", u64::from(!kept));
        kept
    }

    /// What was written before the opening was answered.
    pub(super) fn go_on_with(&mut self, early: Open) {
        if self.is_file {
            self.written = early.written;
        }
        self.refused |= early.refused;
    }

    /// What was read from it and written to it.
    pub(super) fn tell(self, cx: &mut Cx<'_>) {
        let Open {
            path,
            size,
            set_size,
            user,
            asked,
            refused,
            unsure,
            read,
            written,
            ..
        } = self;
        let outcome = Some(if refused {
            Outcome::Refused
        } else {
            Outcome::Ok
        });
        let base = About {
            path,
            user,
            outcome,
            asked,
            ..About::default()
        };
        if !written.is_empty() {
            // What was there before and was not written over is a part of the file that was not seen.
            let kept = size.filter(|size| *size > 0);
            let whole = set_size.or(kept.map(|size| size.max(written.end())));
            let sum = if unsure {
                let mut sum = written.finish(set_size, false);
                (sum.complete, sum.sha256) = (false, None);
                sum
            } else if whole.is_some() || size.is_none() {
                written.finish(whole, false)
            } else {
                written.finish(None, true)
            };
            let about = About {
                sender: Some(Side::Client),
                upload: true,
                ..base.clone()
            };
            say(cx, Verb::FileWrite, about, sum);
        }
        if !read.is_empty() {
            let sum = read.finish(size, false);
            let about = About {
                sender: Some(Side::Server),
                ..base
            };
            say(cx, Verb::FileRead, about, sum);
        }
    }
}

/// As a file, and as an operation.
fn say(cx: &mut Cx<'_>, verb: Verb, about: About, mut sum: Sum) {
    if about.outcome == Some(Outcome::Refused) {
        sum.sha256 = None;
        sum.complete = false;
    }
    cx.operation(
        Side::Client,
        Op {
            object: about.path.clone(),
            outcome: about.outcome,
            content_bytes: Some(sum.bytes),
            content_sha256: sum.sha256.clone(),
            asked: about.asked.clone(),
            ..Op::new(verb)
        },
    );
    cx.file(about, sum);
}
