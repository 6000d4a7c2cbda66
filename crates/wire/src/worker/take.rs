//! Telling while the flows live on: what a sensor that never stops hands on every few seconds.
use super::Worker;
use crate::picture::Picture;

/// Places looked at per [`Worker::take`] for flows that fell silent long ago.
const SWEPT: u32 = 4096;

/// What a worker holds, for those who watch its health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Conversations under way.
    pub flows: usize,
    /// Bytes that wait in flows for what comes before them, or for the rest of their message.
    pub waiting_bytes: usize,
    /// Packets of which fragments wait for the others.
    pub fragments: usize,
    /// Frames read since the worker began.
    pub frames: u64,
}

impl Worker {
    /// Everything seen since the last `take`: rows with the counts, times and frames of that interval alone, and each
    /// operation that was not told before. A conversation that had packets, or ended, is one row of all that it was since
    /// its beginning: it takes the place of the row with the same uid that was told before. The flows live on.
    ///
    /// The work is in proportion to the flows that moved; of the others a bit each is looked at.
    pub fn take(&mut self) -> Picture {
        for place in self.flows.moved() {
            self.tell_at(place);
        }
        let awake = self.flows.turn(SWEPT);
        for place in awake.chain(self.flows.turn_at_rest(SWEPT)) {
            if self.flows.is_stale(place, self.now) {
                self.close(place);
            }
        }
        self.settle_counts();
        self.picture.take()
    }

    /// What the worker holds at the moment.
    pub fn load(&self) -> Load {
        Load {
            flows: self.flows.len(),
            waiting_bytes: self.waiting,
            fragments: self.fragments.len(),
            frames: self.frames,
        }
    }

    /// Puts what was counted apart into the picture.
    pub(super) fn settle_counts(&mut self) {
        let (capture, counts) = &mut self.counts;
        if *counts != Default::default() {
            self.picture.count_frames(*capture, std::mem::take(counts));
        }
        let dropped = std::mem::take(&mut self.fragments.dropped);
        if dropped > 0 {
            *self.picture.left_out.entry("fragments").or_default() += dropped;
        }
    }
}
