//! Load shedding by rule: what goes first when more comes than there is time for, and that control traffic never does.
//!
//! The measure is what waits in the packet ring, in bytes: that is the work which is not done yet. A ring of many blocks
//! with a packet or two in each, as it is after a moment of standing still, is no load.
use std::time::Duration;

use sensor::live::Packet;
use wire::{Class, Frame, Worker};

/// Part of the ring above which each level begins. Below half of it for [`CALM`], the level ends.
const BEGINS: [(f64, Level); 3] = [
    (0.50, Level::Heads),
    (0.65, Level::Counted),
    (0.80, Level::Control),
];
const CALM: Duration = Duration::from_secs(1);
/// Of a packet of bulk this much is kept on disk: its headers.
pub const HEAD: usize = 128;

/// How much is put aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    #[default]
    Nothing,
    /// Of bulk, the ring on disk keeps the headers alone. All is decoded.
    Heads,
    /// Bulk is counted for its conversation, and not decoded.
    Counted,
    /// Only control traffic is decoded and kept.
    Control,
}

impl Level {
    const fn below(self) -> Level {
        match self {
            Level::Control => Level::Counted,
            Level::Counted => Level::Heads,
            Level::Heads | Level::Nothing => Level::Nothing,
        }
    }

    /// Part of the ring above which it begins.
    fn begins(self) -> f64 {
        let begins = BEGINS.iter().find(|(_, level)| *level == self);
        begins.map_or(0.0, |(mark, _)| *mark)
    }
}

/// The level at the moment. It rises at once, and falls step by step.
#[derive(Debug, Default)]
pub struct Shedding {
    level: Level,
    /// Since when the load is below the half of where the level began.
    calm: Option<Duration>,
}

impl Shedding {
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Takes note of how full the fullest ring is, 0 to 1.
    pub fn look(&mut self, load: f64, now: Duration) {
        let asked = BEGINS.iter().rev().find(|(mark, _)| load >= *mark);
        let asked = asked.map_or(Level::Nothing, |(_, level)| *level);
        if asked > self.level {
            (self.level, self.calm) = (asked, None);
        } else if self.level == Level::Nothing || load >= self.level.begins() / 2.0 {
            self.calm = None;
        } else if now.saturating_sub(*self.calm.get_or_insert(now)) >= CALM {
            (self.level, self.calm) = (self.level.below(), Some(now));
        }
    }
}

/// What became of a class of frames while anything was put aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub decoded: u64,
    pub shed: u64,
}

/// What one interface put aside since the worker began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shed {
    /// Frames of which the disk has the headers alone.
    pub heads: u64,
    pub bulk: Sum,
    pub other: Sum,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Onto the disk and into the picture, whole.
    Whole,
    /// Its headers onto the disk; into the picture whole, or counted where that suffices.
    Head { counted: bool },
    /// Nowhere.
    Aside,
}

impl Shed {
    pub fn way(&mut self, level: Level, worker: &mut Worker, packet: &Packet<'_>) -> Way {
        if level == Level::Nothing {
            return Way::Whole;
        }
        let (sum, way) = match worker.class(&packet.frame(0, 0)) {
            Class::Control => return Way::Whole,
            Class::Other => (&mut self.other, Way::Whole),
            Class::Bulk => (
                &mut self.bulk,
                Way::Head {
                    counted: level >= Level::Counted,
                },
            ),
        };
        if level == Level::Control {
            sum.shed += 1;
            return Way::Aside;
        }
        if way != Way::Whole && packet.data.len() > HEAD {
            self.heads += 1;
        }
        if way == Way::Whole || level == Level::Heads {
            sum.decoded += 1;
        }
        way
    }

    /// A frame of bulk: counted for its conversation where that can be, else read.
    pub fn count(&mut self, worker: &mut Worker, frame: &Frame<'_>) {
        if worker.count_only(frame) {
            self.bulk.shed += 1;
        } else {
            self.bulk.decoded += 1;
            worker.frame(frame);
        }
    }
}

#[test]
fn the_level_rises_at_once_and_falls_step_by_step_when_it_was_calm_for_a_while() {
    let mut shedding = Shedding::default();
    let mut after = |millis: u64, load: f64| {
        shedding.look(load, Duration::from_millis(millis));
        shedding.level()
    };
    assert_eq!(after(0, 0.49), Level::Nothing);
    assert_eq!(after(1, 0.5), Level::Heads);
    assert_eq!(after(2, 0.9), Level::Control);
    // Half as full is not calm yet, and calm for less than a second is not either.
    assert_eq!(after(3, 0.5), Level::Control);
    assert_eq!(after(5_000, 0.4), Level::Control);
    assert_eq!(after(5_001, 0.3), Level::Control);
    assert_eq!(after(6_000, 0.3), Level::Control);
    assert_eq!(after(6_001, 0.3), Level::Counted);
    assert_eq!(after(6_500, 0.33), Level::Counted);
    assert_eq!(after(7_600, 0.2), Level::Counted);
    assert_eq!(after(8_600, 0.2), Level::Heads);
    assert_eq!(after(8_700, 0.7), Level::Counted);
    assert_eq!(after(9_700, 0.0), Level::Counted);
    assert_eq!(after(10_700, 0.0), Level::Heads);
    assert_eq!(after(11_700, 0.0), Level::Nothing);
}
