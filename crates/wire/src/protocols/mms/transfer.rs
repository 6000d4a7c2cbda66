//! Files and domains that cross by MMS, piece by piece: one operation each, told at the end.
use super::ber::{self, CONSTRUCTED, PRIMITIVE};
use crate::protocols::asking::{Asking, Carried};
use crate::{Cx, Outcome, Side};

/// Transfers under way in one association.
const MOST: usize = 16;

/// What tells transfers apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// File that is open for reading.
    File(u32),
    /// Domain that is being uploaded.
    Upload(u32),
    /// Domain that is being downloaded, by name.
    Download(String),
}

#[derive(Debug)]
struct Transfer {
    /// Who asked for it.
    side: Side,
    id: Id,
    carried: Carried,
    /// Octets that were announced.
    size: Option<u64>,
    /// No more follows.
    ended: bool,
}

impl Transfer {
    fn is_whole(&self) -> bool {
        self.ended && self.size.is_none_or(|size| size == self.carried.bytes())
    }
}

/// The transfers of one association.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    list: Vec<Transfer>,
}

impl Transfers {
    pub(super) fn begin(
        &mut self,
        cx: &mut Cx<'_>,
        asking: Asking,
        id: Id,
        size: Option<u64>,
        from_start: bool,
    ) {
        let side = asking.side;
        self.tell_late(cx, side, &id);
        if self.list.len() >= MOST {
            let oldest = self.list.remove(0);
            let whole = oldest.is_whole();
            oldest.carried.tell_late(cx, whole, None);
        }
        self.list.push(Transfer {
            side,
            id,
            carried: Carried::new(asking, from_start),
            size,
            ended: false,
        });
    }

    fn place(&self, side: Side, id: &Id) -> Option<usize> {
        self.list
            .iter()
            .position(|known| known.side == side && known.id == *id)
    }

    fn tell_late(&mut self, cx: &mut Cx<'_>, side: Side, id: &Id) {
        if let Some(place) = self.place(side, id) {
            let before = self.list.remove(place);
            let whole = before.is_whole();
            before.carried.tell_late(cx, whole, None);
        }
    }

    pub(super) fn is_known(&self, side: Side, id: &Id) -> bool {
        self.place(side, id).is_some()
    }

    /// A piece: element 0 of the answer is the content, element 1 whether more follows.
    pub(super) fn piece(&mut self, cx: &Cx<'_>, side: Side, id: &Id, answer: &[u8]) {
        let Some(place) = self.place(side, id) else {
            return;
        };
        let Some(transfer) = self.list.get_mut(place) else {
            return;
        };
        match ber::find(answer, PRIMITIVE, 0) {
            Some(piece) => transfer.carried.add(cx, piece),
            // Coded in a way of its own: there is content, and it is not read.
            None if ber::find(answer, CONSTRUCTED, 0).is_some() => transfer.carried.broke(),
            None => {}
        }
        transfer.ended |= ber::find(answer, PRIMITIVE, 1) == Some(&[0]);
    }

    /// A piece was refused, or lost.
    pub(super) fn broke(&mut self, side: Side, id: &Id) {
        if let Some(place) = self.place(side, id)
            && let Some(transfer) = self.list.get_mut(place)
        {
            transfer.carried.broke();
        }
    }

    pub(super) fn end(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        id: &Id,
        outcome: Outcome,
        why: Option<&str>,
    ) {
        if let Some(place) = self.place(side, id) {
            let transfer = self.list.remove(place);
            let whole = transfer.is_whole();
            transfer.carried.tell(cx, whole, Some(outcome), why);
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self) {
        for transfer in &mut self.list {
            if !transfer.ended {
                transfer.carried.broke();
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        for transfer in std::mem::take(&mut self.list) {
            let whole = transfer.is_whole();
            transfer.carried.tell_late(cx, whole, None);
        }
    }
}
