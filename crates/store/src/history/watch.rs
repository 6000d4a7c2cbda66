//! When somebody was watching. Each run writes down from when to when it watched; what lies between is a gap.
use facts::Time;
use facts::kinds::Coverage;

/// How an interval of watching came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on, or the program ended without a word: killed, crashed, no power.
    Open,
    /// The program was stopped.
    Stopped,
    /// The program or its machine stood still.
    Paused,
    /// It goes on in another file.
    Continued,
}

impl End {
    const ALL: [End; 4] = [End::Open, End::Stopped, End::Paused, End::Continued];

    /// As it stands in the file; an open end is null there.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            End::Open => None,
            End::Stopped => Some("stopped"),
            End::Paused => Some("paused"),
            End::Continued => Some("continued"),
        }
    }

    pub(super) fn parse(name: Option<&str>) -> End {
        let found = End::ALL.into_iter().find(|end| end.name() == name);
        found.unwrap_or(End::Open)
    }
}

/// An interval of watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// From when on everything told is kept.
    pub begin: Time,
    /// Until when everything told is kept.
    pub last: Time,
    /// Why it ended; [`End::Open`] while it goes on.
    pub end: End,
}

impl Watch {
    /// Of a day whose file cannot be read: somebody may have watched, and nothing of it is left.
    pub(super) fn lost(day: &str) -> Watch {
        let begin = super::day::begin(day).unwrap_or(Time::MIN);
        Watch {
            begin,
            last: begin,
            end: End::Continued,
        }
    }
}

/// An interval in which nobody was watching, or of which nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Last moment that was watched before it, or where the time asked for begins.
    pub from: Time,
    /// First moment that was watched again, or where the time asked for ends.
    pub until: Time,
    /// `stopped`, `ended` (without a word), `paused`, or `lost` (the file that would tell is gone).
    pub why: &'static str,
}

impl Gap {
    /// The coverage that no verdict `met` survives.
    pub fn coverage(&self) -> Coverage {
        Coverage::not_watching(None, self.from, self.until, self.why)
    }
}

/// What lies between the intervals, within the time asked for. Before the first interval nothing is claimed: there was no
/// watch yet. After the last one, silence of up to `patience` nanoseconds is a run that is about to write.
pub(super) fn gaps(mut watches: Vec<Watch>, from: Time, until: Time, patience: i64) -> Vec<Gap> {
    watches.sort_by_key(|watch| (watch.begin, watch.last));
    let mut gaps = Vec::new();
    let mut add = |begin: Time, end: Time, after: End| {
        let (from, until) = (begin.max(from), end.min(until));
        let why = match after {
            End::Open => "ended",
            End::Stopped => "stopped",
            End::Paused => "paused",
            End::Continued => "lost",
        };
        if from < until {
            gaps.push(Gap { from, until, why });
        }
    };
    let mut watches = watches.into_iter();
    let Some(mut covered) = watches.next() else {
        return gaps;
    };
    for watch in watches {
        if watch.begin > covered.last {
            add(covered.last, watch.begin, covered.end);
        }
        if watch.last >= covered.last {
            covered = watch;
        }
    }
    if covered.end != End::Open || until.since(covered.last) > patience {
        add(covered.last, until, covered.end);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(begin: i64, last: i64, end: End) -> Watch {
        Watch {
            begin: Time(begin),
            last: Time(last),
            end,
        }
    }

    fn told(watches: &[Watch], from: i64, until: i64) -> Vec<(i64, i64, &'static str)> {
        let gaps = gaps(watches.to_vec(), Time(from), Time(until), 5);
        gaps.iter()
            .map(|gap| (gap.from.0, gap.until.0, gap.why))
            .collect()
    }

    #[test]
    fn a_gap_is_what_no_interval_covers_with_the_reason_of_the_one_before() {
        let watches = [
            watch(10, 20, End::Continued),
            watch(20, 30, End::Open),
            watch(40, 50, End::Stopped),
            watch(60, 70, End::Continued),
            watch(90, 100, End::Open),
        ];
        let all = [(30, 40, "ended"), (50, 60, "stopped"), (70, 90, "lost")];
        assert_eq!(told(&watches, 0, 103), all);
        assert_eq!(
            told(&watches, 35, 65),
            [(35, 40, "ended"), (50, 60, "stopped")],
            "only within the time asked for"
        );
        assert_eq!(
            told(&watches, 95, 120),
            [(100, 120, "ended")],
            "nobody watches any more"
        );
    }

    #[test]
    fn intervals_that_a_clock_set_back_made_overlap_leave_no_gap() {
        let watches = [
            watch(10, 60, End::Open),
            watch(30, 40, End::Stopped),
            watch(55, 80, End::Open),
        ];
        assert_eq!(told(&watches, 0, 80), []);
    }
}
