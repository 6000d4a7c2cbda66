//! Files that cross by BACnet's atomic reads and writes, part by part: one operation for each run over a file.
use facts::Time;

use super::pdu::Object;
use super::services::Part;
use crate::protocols::asking::{Asking, Carried};
use crate::{Cx, Outcome, Side};

/// Files under way in one flow.
const MOST: usize = 8;
/// Nothing says that a file is written to its end: when no part came for so long, it is over (nanoseconds).
const PATIENCE: i64 = 30 * 1_000_000_000;

#[derive(Debug)]
struct Run {
    side: Side,
    of: Object,
    reads: bool,
    carried: Carried,
    /// Where the next part begins.
    next: u32,
    last: Time,
    /// A part was acknowledged.
    answered: bool,
}

impl Run {
    fn tell_late(self, cx: &mut Cx<'_>) {
        // A read says when the file ends; a write just stops.
        let ended = !self.reads && self.answered;
        let outcome = if self.answered {
            Some(Outcome::Ok)
        } else {
            cx.unanswered(self.side.other())
        };
        self.carried.tell_late(cx, ended, outcome);
    }
}

/// The files under way in one flow.
#[derive(Debug, Default)]
pub(super) struct Files {
    list: Vec<Run>,
}

impl Files {
    /// A part was read, or is to be written.
    pub(super) fn part(
        &mut self,
        cx: &mut Cx<'_>,
        asking: Asking,
        of: Object,
        reads: bool,
        part: &Part<'_>,
    ) {
        let side = asking.side;
        let same = |run: &Run| (run.side, run.of, run.reads) == (side, of, reads);
        let mut place = self.list.iter().position(same);
        if let Some(at) = place
            && part.start == 0
            && self.list.get(at).is_some_and(|run| run.next != 0)
        {
            // From the beginning again: the run before it is over.
            self.list.remove(at).tell_late(cx);
            place = None;
        }
        let place = match place {
            Some(place) => place,
            None => {
                if self.list.len() >= MOST {
                    self.list.remove(0).tell_late(cx);
                }
                self.list.push(Run {
                    side,
                    of,
                    reads,
                    carried: Carried::new(asking, part.start == 0),
                    next: part.start,
                    last: cx.now(),
                    answered: reads,
                });
                self.list.len() - 1
            }
        };
        let Some(run) = self.list.get_mut(place) else {
            return;
        };
        run.last = cx.now();
        if part.start != run.next {
            run.carried.broke();
        }
        run.next = part.start.saturating_add(part.content.len() as u32);
        run.carried.add(cx, part.content);
        if part.last {
            let run = self.list.remove(place);
            run.carried.tell(cx, true, Some(Outcome::Ok), None);
        }
    }

    fn written_to(&self, side: Side, of: Object) -> Option<usize> {
        let same = |run: &Run| (run.side, run.of, run.reads) == (side, of, false);
        self.list.iter().position(same)
    }

    /// A part that was to be written is.
    pub(super) fn written(&mut self, side: Side, of: Object) {
        if let Some(place) = self.written_to(side, of)
            && let Some(run) = self.list.get_mut(place)
        {
            run.answered = true;
        }
    }

    /// A part that was to be written is not.
    pub(super) fn refused(&mut self, cx: &mut Cx<'_>, side: Side, of: Object, why: &str) {
        if let Some(place) = self.written_to(side, of) {
            let run = self.list.remove(place);
            run.carried
                .tell(cx, false, Some(Outcome::Refused), Some(why));
        }
    }

    /// Tells the files of which nothing came any more.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        while let Some(place) = self
            .list
            .iter()
            .position(|run| cx.now().since(run.last) > PATIENCE)
        {
            self.list.remove(place).tell_late(cx);
        }
    }

    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        for run in std::mem::take(&mut self.list) {
            run.tell_late(cx);
        }
    }
}
