//! Which VLANs each capture showed, and until when: a mirror port from which one was taken goes on showing the others.
use facts::Time;
use hashbrown::HashMap;

/// Rows of captures and VLANs. A capture has at most 4096 of them; what does not fit is counted.
const MOST: usize = 1 << 16;

/// What a capture showed of a VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    pub first: Time,
    pub last: Time,
    pub frames: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Vlans {
    seen: HashMap<(u32, u16), Vlan>,
    left_out: u64,
}

impl Vlans {
    #[inline]
    pub(crate) fn count(&mut self, capture: u32, vlan: u16, now: Time) {
        let one = Vlan {
            first: now,
            last: now,
            frames: 1,
        };
        self.add((capture, vlan), one);
    }

    #[inline]
    fn add(&mut self, key: (u32, u16), more: Vlan) {
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.first = seen.first.min(more.first);
            seen.last = seen.last.max(more.last);
            seen.frames += more.frames;
        } else if self.seen.len() < MOST {
            self.seen.insert(key, more);
        } else {
            self.left_out += more.frames;
        }
    }

    pub(crate) fn merge(&mut self, other: Vlans) {
        self.left_out += other.left_out;
        for (key, more) in other.seen {
            self.add(key, more);
        }
    }

    /// Frames of VLANs that did not fit.
    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// By capture and VLAN.
    pub(crate) fn rows(&self) -> Vec<(u32, u16, Vlan)> {
        let rows = self.seen.iter();
        let mut rows: Vec<_> = rows
            .map(|((capture, vlan), seen)| (*capture, *vlan, *seen))
            .collect();
        rows.sort_unstable_by_key(|(capture, vlan, _)| (*capture, *vlan));
        rows
    }
}
