//! Work of many messages that is one operation: a program on its way in or out, firmware, a file.
use facts::Time;
use sha2::{Digest, Sha256};

use crate::protocols::tls::hex;
use crate::{Asked, Cx, Op, Outcome, Side, Verb};

/// Frames remembered of one.
const MOST_FRAMES: usize = 16;
/// Silence after which the work is taken as over.
const PATIENCE_NS: i64 = 60 * 1_000_000_000;

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Objects of the controller are created, set and deleted.
    Change,
    /// Objects of the controller are listed and read out.
    Export,
    Firmware,
    FileIn,
    FileOut,
}

/// One message of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Created,
    Deleted,
    Set,
    /// Content into the device, at this offset where there is one.
    Content(Option<u32>),
    Listed,
    ReadOut,
    /// The length of what comes is announced.
    Announced(u32),
    Other,
}

#[derive(Debug)]
struct Batch {
    side: Side,
    work: Work,
    object: Option<String>,
    asked: Asked,
    last: Time,
    last_frame: Option<u32>,
    /// Parts of the program itself were touched, not only settings of the controller.
    program: bool,
    created: u32,
    deleted: u32,
    set: u32,
    bytes: u64,
    hash: Sha256,
    announced: Option<u64>,
    broken: bool,
    accepted: u32,
    refused: Option<String>,
    last_refused: bool,
}

/// The work of one connection; one of each kind at a time.
#[derive(Debug, Default)]
pub(super) struct Batches {
    list: Vec<Batch>,
}

/// A message of some work.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub work: Work,
    pub step: Step,
    pub object: Option<String>,
    /// It touches the program itself.
    pub program: bool,
}

impl Batches {
    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn find(&mut self, work: Work) -> Option<&mut Batch> {
        self.list.iter_mut().find(|batch| batch.work == work)
    }

    pub(super) fn runs(&self, work: Work) -> bool {
        self.list.iter().any(|batch| batch.work == work)
    }

    /// A message is sent.
    pub(super) fn asked(&mut self, cx: &mut Cx<'_>, side: Side, part: &Part, content: &[u8]) {
        let new = Batch {
            side,
            work: part.work,
            object: None,
            asked: cx.asked(),
            last: cx.now(),
            last_frame: None,
            program: false,
            created: 0,
            deleted: 0,
            set: 0,
            bytes: 0,
            hash: Sha256::new(),
            announced: None,
            broken: false,
            accepted: 0,
            refused: None,
            last_refused: false,
        };
        let batch = match self.list.iter().position(|batch| batch.work == part.work) {
            Some(place) => self.list.get_mut(place),
            None => Some(self.list.push_mut(new)),
        };
        if let Some(batch) = batch {
            batch.add(cx, part, content);
        }
    }

    /// A message is answered; `content` came with it.
    pub(super) fn answered(
        &mut self,
        cx: &Cx<'_>,
        work: Work,
        refused: Option<String>,
        content: &[u8],
    ) {
        let Some(batch) = self.find(work) else { return };
        batch.saw(cx);
        batch.last_refused = refused.is_some();
        match refused {
            Some(why) => batch.refused = Some(why),
            None => {
                batch.accepted = batch.accepted.saturating_add(1);
                if matches!(work, Work::Export | Work::FileOut) {
                    batch.bytes += content.len() as u64;
                    batch.hash.update(content);
                }
            }
        }
    }

    pub(super) fn gap(&mut self) {
        for batch in &mut self.list {
            batch.broken = true;
        }
    }

    /// The work is over.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, work: Work) {
        if let Some(place) = self.list.iter().position(|batch| batch.work == work) {
            self.list.remove(place).tell(cx);
        }
    }

    /// Tells what has been silent for long.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        while let Some(place) = self
            .list
            .iter()
            .position(|batch| cx.now().since(batch.last) > PATIENCE_NS)
        {
            self.list.remove(place).tell(cx);
        }
    }

    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        for batch in std::mem::take(&mut self.list) {
            batch.tell(cx);
        }
    }
}

impl Batch {
    fn saw(&mut self, cx: &Cx<'_>) {
        self.last = cx.now();
        self.last_frame = cx.frames.last().copied().or(self.last_frame);
    }

    /// A frame that shows something new of the work.
    fn note(&mut self, cx: &Cx<'_>) {
        for frame in cx.frames {
            // One place is kept for the last.
            if self.asked.frames.len() < MOST_FRAMES - 1 && !self.asked.frames.contains(frame) {
                self.asked.frames.push(*frame);
            }
        }
    }

    fn add(&mut self, cx: &Cx<'_>, part: &Part, content: &[u8]) {
        self.saw(cx);
        self.program |= part.program;
        if self.object.is_none() {
            self.object.clone_from(&part.object);
        }
        match part.step {
            Step::Created => self.created += 1,
            Step::Deleted => self.deleted += 1,
            Step::Set => self.set += 1,
            Step::Announced(length) => self.announced = Some(u64::from(length)),
            Step::Content(offset) => {
                let here = u64::from(u32::MAX) & self.bytes;
                // A part that is sent again does not count twice.
                if offset.is_some_and(|offset| u64::from(offset) < here) {
                    return;
                }
                if offset.is_some_and(|offset| u64::from(offset) != here) {
                    self.broken = true;
                }
            }
            Step::Listed | Step::ReadOut | Step::Other => {}
        }
        if matches!(self.work, Work::Change | Work::Firmware | Work::FileIn) {
            self.bytes += content.len() as u64;
            self.hash.update(content);
        }
        if self.work == Work::Change || !matches!(part.step, Step::Content(_)) {
            self.note(cx);
        }
    }

    fn verb(&self) -> Verb {
        match self.work {
            Work::Change
                if self.program && self.created == 0 && self.set == 0 && self.bytes == 0 =>
            {
                Verb::ProgramDelete
            }
            Work::Change if self.program => Verb::ProgramDownload,
            Work::Change => Verb::Configure,
            Work::Export if self.program => Verb::ProgramUpload,
            Work::Export => Verb::Diagnose,
            Work::Firmware => Verb::FirmwareUpdate,
            Work::FileIn => Verb::FileWrite,
            Work::FileOut => Verb::FileRead,
        }
    }

    fn tell(mut self, cx: &mut Cx<'_>) {
        let verb = self.verb();
        let outcome = match (self.accepted, &self.refused) {
            (0, Some(_)) => Some(Outcome::Refused),
            (0, None) => cx.unanswered(self.side.other()),
            // Refused where it counts: at the end of one piece of content.
            (_, Some(_)) if self.last_refused && self.work != Work::Change => {
                Some(Outcome::Refused)
            }
            _ => Some(Outcome::Ok),
        };
        let mut detail = Vec::new();
        for (count, what) in [
            (self.created, "created"),
            (self.set, "set"),
            (self.deleted, "deleted"),
        ] {
            if count > 0 {
                detail.push(format!("{count} {what}"));
            }
        }
        let whole = self.announced == Some(self.bytes) && !self.broken && self.bytes > 0;
        if let Some(announced) = self.announced
            && !whole
        {
            detail.push(format!("{} of {announced} bytes", self.bytes));
        }
        if let Some(why) = self.refused.take() {
            let when = if self.last_refused {
                "at the end"
            } else {
                "at times"
            };
            detail.push(format!("refused {when}: {why}"));
        }
        self.asked.frames.extend(self.last_frame);
        let object = match self.work {
            Work::Change | Work::Export if self.program => Some("controller program".to_owned()),
            Work::Change | Work::Export => Some("controller".to_owned()),
            Work::Firmware => Some("firmware".to_owned()),
            Work::FileIn | Work::FileOut => self.object.take(),
        };
        let op = Op {
            object,
            detail: (!detail.is_empty()).then(|| detail.join(", ")),
            outcome,
            content_bytes: (self.bytes > 0).then_some(self.bytes),
            content_sha256: whole.then(|| hex(&self.hash.finalize())),
            asked: Some(self.asked),
            ..Op::new(verb)
        };
        let frames = std::mem::take(&mut cx.frames);
        cx.operation(self.side, op);
        cx.frames = frames;
    }
}
