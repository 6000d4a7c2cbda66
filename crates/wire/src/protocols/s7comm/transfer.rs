//! Blocks on their way into a controller or out of it: many messages, one operation.
use facts::Time;
use sha2::{Digest, Sha256};

use super::block::Outline;
use crate::protocols::tls::hex;
use crate::{Asked, Cx, Op, Outcome, Side, Verb};

/// Transfers under way in one connection, and finished downloads that wait for being inserted.
const MOST: usize = 32;
/// Frames remembered of a transfer.
const MOST_FRAMES: usize = 16;
/// How long a finished download may wait for being inserted before it is told.
const PATIENCE_NS: i64 = 60 * 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Into the controller.
    Down,
    /// Out of the controller.
    Up,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// Every byte was seen, the end not yet.
    Complete,
    /// Downloads only: over, and perhaps inserted next.
    Ended,
}

#[derive(Debug)]
struct Transfer {
    way: Way,
    block: Option<String>,
    /// Uploads: the number that the controller gave.
    id: Option<u32>,
    asked: Asked,
    state: State,
    last: Time,
    hash: Sha256,
    bytes: u64,
    outline: Outline,
    /// The request was seen, so that the first bytes are the first.
    from_start: bool,
    /// Something in between is missing.
    broken: bool,
    /// Length that the request or the controller announced.
    announced: Option<u64>,
}

/// The transfers of one connection.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    list: Vec<Transfer>,
}

impl Transfers {
    /// A transfer is asked for.
    pub(super) fn request(
        &mut self,
        cx: &mut Cx<'_>,
        way: Way,
        block: Option<String>,
        announced: Option<u64>,
    ) {
        // The same block again: whatever was known of it is over.
        while let Some(place) = self
            .list
            .iter()
            .position(|known| known.way == way && known.block == block)
        {
            self.list.remove(place).tell_late(cx);
        }
        let transfer = self.add(cx, way, block);
        transfer.from_start = true;
        transfer.announced = announced;
    }

    fn add(&mut self, cx: &mut Cx<'_>, way: Way, block: Option<String>) -> &mut Transfer {
        if self.list.len() >= MOST {
            self.list.remove(0).tell_late(cx);
        }
        self.list.push_mut(Transfer {
            way,
            block,
            id: None,
            asked: cx.asked(),
            state: State::Running,
            last: cx.now(),
            hash: Sha256::new(),
            bytes: 0,
            outline: Outline::default(),
            from_start: false,
            broken: false,
            announced: None,
        })
    }

    fn place(&self, way: Way, block: Option<&str>) -> Option<usize> {
        let mut of_way = self
            .list
            .iter()
            .enumerate()
            .filter(|(_, known)| known.way == way && known.state != State::Ended);
        match block {
            Some(_) => of_way
                .find(|(_, known)| known.block.as_deref() == block)
                .map(|(place, _)| place),
            // Without a name, only the one that runs can be meant.
            None => of_way.next_back().map(|(place, _)| place),
        }
    }

    /// Behind a gap the parts of a download come without its name, until the controller says it again: gives the one
    /// that had none until then.
    fn name(&mut self, block: Option<&str>, states: &[State]) -> Option<usize> {
        let nameless = |known: &Transfer| {
            known.way == Way::Down && known.block.is_none() && states.contains(&known.state)
        };
        let place = self.list.iter().rposition(nameless)?;
        self.list.get_mut(place)?.block = Some(block?.to_owned());
        Some(place)
    }

    /// The request was answered: `id` is the number of an upload.
    pub(super) fn answered(
        &mut self,
        cx: &mut Cx<'_>,
        way: Way,
        block: Option<&str>,
        id: Option<u32>,
        announced: Option<u64>,
        refused: Option<String>,
    ) {
        let Some(place) = self.place(way, block) else {
            return;
        };
        if let Some(why) = refused {
            let transfer = self.list.remove(place);
            transfer.tell(cx, Some(Outcome::Refused), Some(why));
            return;
        }
        if let Some(transfer) = self.list.get_mut(place) {
            transfer.id = id;
            transfer.announced = transfer.announced.or(announced);
            transfer.saw(cx);
        }
    }

    /// Content of a download.
    pub(super) fn block(
        &mut self,
        cx: &mut Cx<'_>,
        block: Option<&str>,
        content: &[u8],
        more: bool,
    ) {
        let begun = self.place(Way::Down, block);
        let transfer = match begun.or_else(|| self.name(block, &[State::Running])) {
            Some(place) => self.list.get_mut(place),
            None => Some(self.add(cx, Way::Down, block.map(str::to_owned))),
        };
        if let Some(transfer) = transfer {
            transfer.content(cx, content, more);
        }
    }

    /// Content of an upload.
    pub(super) fn upload(&mut self, cx: &mut Cx<'_>, id: Option<u32>, content: &[u8], more: bool) {
        let place = self
            .list
            .iter()
            .position(|known| known.way == Way::Up && (id.is_none() || known.id == id));
        let transfer = match place {
            Some(place) => self.list.get_mut(place),
            None => {
                let transfer = self.add(cx, Way::Up, None);
                transfer.id = id;
                Some(transfer)
            }
        };
        if let Some(transfer) = transfer {
            transfer.content(cx, content, more);
        }
    }

    /// The controller says that the download is over, with its error code.
    pub(super) fn download_ended(&mut self, cx: &mut Cx<'_>, block: Option<&str>, error: u16) {
        let begun = self.place(Way::Down, block);
        let place = match begun.or_else(|| self.name(block, &[State::Running, State::Complete])) {
            Some(place) => place,
            None => {
                self.add(cx, Way::Down, block.map(str::to_owned));
                self.list.len().saturating_sub(1)
            }
        };
        if error != 0 {
            let transfer = self.list.remove(place);
            transfer.tell(cx, Some(Outcome::Refused), Some(super::pdu::error(error)));
        } else if let Some(transfer) = self.list.get_mut(place) {
            transfer.saw(cx);
            transfer.state = State::Ended;
        }
    }

    pub(super) fn upload_ended(&mut self, cx: &mut Cx<'_>, id: Option<u32>) {
        let place = self
            .list
            .iter()
            .position(|known| known.way == Way::Up && (id.is_none() || known.id == id));
        if let Some(place) = place {
            let transfer = self.list.remove(place);
            transfer.tell(cx, Some(Outcome::Ok), None);
        }
    }

    /// Blocks were inserted into the program (`_INSE`), or that was refused. Gives those whose download was not seen.
    pub(super) fn inserted(
        &mut self,
        cx: &mut Cx<'_>,
        asked: &Asked,
        blocks: &[String],
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) -> Vec<String> {
        let mut others = Vec::new();
        for block in blocks {
            let place = self.list.iter().position(|known| {
                // Whose end is missing ended all the same: only what is there is inserted.
                let over = known.state != State::Running || known.broken;
                known.way == Way::Down && over && known.block.as_deref() == Some(block.as_str())
            });
            let Some(place) = place else {
                others.push(block.clone());
                continue;
            };
            let mut transfer = self.list.remove(place);
            for frame in &asked.frames {
                transfer.frame(*frame);
            }
            let detail = match (outcome, why) {
                (Some(Outcome::Ok), _) => "inserted".to_owned(),
                (_, Some(why)) => format!("not inserted: {why}"),
                _ => "insertion not answered".to_owned(),
            };
            transfer.tell(cx, outcome, Some(detail));
        }
        others
    }

    /// Bytes are missing: what ran then is not whole.
    pub(super) fn gap(&mut self) {
        for transfer in &mut self.list {
            if transfer.state == State::Running {
                transfer.broken = true;
            }
        }
    }

    /// Tells finished downloads that nobody inserted.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        while let Some(place) = self.list.iter().position(|known| {
            known.state == State::Ended && cx.now().since(known.last) > PATIENCE_NS
        }) {
            self.list.remove(place).tell_late(cx);
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        for transfer in std::mem::take(&mut self.list) {
            transfer.tell_late(cx);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Transfer {
    fn frame(&mut self, frame: u32) {
        if self.asked.frames.len() < MOST_FRAMES && !self.asked.frames.contains(&frame) {
            self.asked.frames.push(frame);
        }
    }

    fn saw(&mut self, cx: &Cx<'_>) {
        self.last = cx.now();
        // The last places are kept for the end.
        if self.asked.frames.len() < MOST_FRAMES - 4 {
            for frame in cx.frames {
                self.frame(*frame);
            }
        }
    }

    fn content(&mut self, cx: &Cx<'_>, content: &[u8], more: bool) {
        self.saw(cx);
        self.hash.update(content);
        self.bytes += content.len() as u64;
        self.outline.add(content);
        if !more {
            self.state = State::Complete;
        }
    }

    /// Every byte of it was seen: by the lengths that were announced and that the block's own header gives.
    fn is_whole(&self) -> bool {
        let own = self.outline.length();
        let fits = |length: Option<u64>| length.is_none_or(|length| length == self.bytes);
        // A known length proves more than the absence of gaps: those may have swallowed something else.
        let proven = own.is_some() || self.announced.is_some();
        self.state != State::Running
            && self.bytes > 0
            && fits(self.announced)
            && fits(own)
            && (proven || (self.from_start && !self.broken))
    }

    /// What to say of a transfer whose end was not seen.
    fn outcome_without_end(&self, cx: &Cx<'_>) -> Option<Outcome> {
        if self.state == State::Running {
            // One that moved bytes was accepted; only the end is unknown.
            if self.bytes > 0 || self.id.is_some() || self.broken {
                return None;
            }
            return cx.unanswered(Side::Server);
        }
        Some(Outcome::Ok)
    }

    /// Tells a transfer at a message that is none of its own.
    fn tell_late(self, cx: &mut Cx<'_>) {
        let outcome = self.outcome_without_end(cx);
        let frames = std::mem::take(&mut cx.frames);
        self.tell(cx, outcome, None);
        cx.frames = frames;
    }

    fn tell(self, cx: &mut Cx<'_>, outcome: Option<Outcome>, detail: Option<String>) {
        let whole = self.is_whole();
        let verb = match self.way {
            Way::Down => Verb::ProgramDownload,
            Way::Up => Verb::ProgramUpload,
        };
        let what = match (self.way, self.bytes > 0 && !whole) {
            (_, true) => Some("content incomplete"),
            (Way::Down, _) if self.state == State::Ended && detail.is_none() => {
                Some("not inserted")
            }
            _ => None,
        };
        let words = self.outline.words(whole);
        let detail = what.map(str::to_owned).into_iter().chain(detail);
        let detail: Vec<String> = detail.chain(words).collect();
        let op = Op {
            object: self.block,
            detail: (!detail.is_empty()).then(|| detail.join(", ")),
            outcome,
            content_bytes: (self.bytes > 0).then_some(self.bytes),
            content_sha256: whole.then(|| hex(&self.hash.finalize())),
            asked: Some(self.asked),
            ..Op::new(verb)
        };
        cx.operation(Side::Client, op);
    }
}
