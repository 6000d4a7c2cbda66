//! Which VLANs each capture showed, and until when: a mirror port from which one was taken goes on showing the others.
use facts::Time;
use hashbrown::HashMap;

/// Rows of captures and VLANs. A capture has at most 4096 of them; what does not fit is counted.
const MOST: usize = 1 << 16;
/// Places remembered; a power of two.
const NEAR: usize = 64;

/// What a capture showed of a VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// Time of the earliest frame of the VLAN.
    pub first: Time,
    /// Time of the latest frame of the VLAN.
    pub last: Time,
    /// Frames of the VLAN, counted by its innermost tag.
    pub frames: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Vlans {
    rows: Vec<((u32, u16), Vlan)>,
    /// Places of the rows.
    index: HashMap<(u32, u16), usize>,
    /// The place last found for a VLAN, by its lowest bits: every frame asks, and mostly for one of few.
    near: [usize; NEAR],
    left_out: u64,
}

impl Default for Vlans {
    fn default() -> Vlans {
        Vlans {
            rows: Vec::new(),
            index: HashMap::new(),
            near: [0; NEAR],
            left_out: 0,
        }
    }
}

impl Vlans {
    #[inline]
    pub(crate) fn count(&mut self, capture: u32, vlan: u16, now: Time) {
        let near = self.near.get(usize::from(vlan) % NEAR);
        if let Some(place) = near
            && let Some((key, seen)) = self.rows.get_mut(*place)
            && *key == (capture, vlan)
        {
            seen.first = seen.first.min(now);
            seen.last = seen.last.max(now);
            seen.frames += 1;
            return;
        }
        let one = Vlan {
            first: now,
            last: now,
            frames: 1,
        };
        self.add((capture, vlan), one);
    }

    #[cold]
    fn add(&mut self, key: (u32, u16), more: Vlan) {
        let place = match self.index.get(&key) {
            Some(place) => *place,
            None if self.rows.len() >= MOST => {
                self.left_out += more.frames;
                return;
            }
            None => {
                self.index.insert(key, self.rows.len());
                let none = Vlan { frames: 0, ..more };
                self.rows.push((key, none));
                self.rows.len() - 1
            }
        };
        if let Some((_, seen)) = self.rows.get_mut(place) {
            seen.first = seen.first.min(more.first);
            seen.last = seen.last.max(more.last);
            seen.frames += more.frames;
        }
        if let Some(near) = self.near.get_mut(usize::from(key.1) % NEAR) {
            *near = place;
        }
    }

    pub(crate) fn merge(&mut self, other: Vlans) {
        self.left_out += other.left_out;
        for (key, more) in other.rows {
            self.add(key, more);
        }
    }

    /// Frames of VLANs that did not fit.
    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// By capture and VLAN.
    pub(crate) fn rows(&self) -> Vec<(u32, u16, Vlan)> {
        let rows = self.rows.iter();
        let mut rows: Vec<_> = rows
            .map(|((capture, vlan), seen)| (*capture, *vlan, *seen))
            .collect();
        rows.sort_unstable_by_key(|(capture, vlan, _)| (*capture, *vlan));
        rows
    }
}
