use std::net::IpAddr;

use crate::{Evidence, Time, kind};

kind! {
    /// What a witness could and could not see: the ground under every verdict. "0 lost of 0" is no coverage.
    Coverage = "coverage" (counted if Coverage::adds_up) {
        /// Begin of the interval.
        time: Option<Time> => first,
        /// End of the interval.
        last: Option<Time> => last,
        /// Sensor as named in the site file; null for a capture that no sensor claims, for a zone without one, and for what
        /// all sensors have in common.
        sensor: Option<String>,
        /// Zone it speaks of; null for the capture as a whole.
        zone: Option<String>,
        /// `capture` (the file: read to its end?), `frames` (frames of the zone seen), `streams` (TCP bytes
        /// acknowledged and captured), `directions` (TCP conversations seen both ways), `classified` (frames
        /// with a named class), `once` (frames that are no copies of others, as a mirror port makes that is doubled), `limits` (tables that overflowed). Of a live sensor also: `watching` (seconds in which it
        /// ran), `drops` (frames that reached it and were not dropped before it read them), `shedding` (frames that it had
        /// time to decode), `silence` (seconds without a frame where frames were expected), `history` (rows that were kept
        /// for later). What is worked out of captures is left out of the tables once it is judged: `vlan` (frames of a VLAN),
        /// `reported` (flow records that name an address, by the device that exports them).
        what: String,
        /// The part of the sensor or zone that it speaks of: the interface that dropped, the class of traffic that was shed,
        /// the VLAN that fell silent, that was only spoken into (of `directions`) or is only known by name (of `frames`) as `vlan/10`, `senders` (of `directions`: MAC addresses that were spoken to and
        /// never heard), `reported` (of `directions`: addresses whose traffic another device reports and of which no frame
        /// was captured; of what is worked out of captures, the address), the table that overflowed, why nobody was watching (`stopped`; `ended`
        /// without a word; `paused`, the machine slept; `clock`, it was set, so that
        /// these times happened twice or never; `lost`, the record is missing); null for the whole.
        part: Option<String>,
        /// How many were good, in the unit of `what`.
        good: u64 => sum,
        /// Out of how many.
        total: u64 => sum,
        /// `complete`, `partial` or `none`.
        state: String,
        /// What is missing, in a sentence; null when complete.
        detail: Option<String> => latest,
    }
}

/// What a live sensor says of itself. Good and bad intervals stand in rows of their own, so that a row that is not complete
/// tells of the bad ones alone, and is forgotten with them.
impl Coverage {
    /// Whether a later row of the same key adds to it. What tells of one capture, or of one interval of absence, stands
    /// for itself.
    fn adds_up(&self) -> bool {
        self.what == "reported" || self.evidence.capture.is_none() && self.what != "watching"
    }

    /// Where the clock was set back in between, it lies between the two times all the same.
    fn interval(what: &str, sensor: Option<&str>, from: Time, until: Time) -> Coverage {
        Coverage {
            time: Some(from.min(until)),
            last: Some(until.max(from)),
            sensor: sensor.map(str::to_owned),
            what: what.to_owned(),
            ..Coverage::default()
        }
    }

    fn counting(mut self, part: Option<&str>, good: u64, lost: u64) -> Coverage {
        self.part = part.map(str::to_owned);
        self.good = good;
        self.total = good.saturating_add(lost);
        self.state = match (good, lost) {
            (_, 0) => "complete",
            (0, _) => "none",
            _ => "partial",
        }
        .to_owned();
        self
    }

    /// Nobody was watching: `sensor` was not, or none at all. `why` is one of `stopped`, `ended`, `paused`, `clock`,
    /// `lost`.
    pub fn not_watching(
        sensor: Option<&str>,
        from: Time,
        until: Time,
        why: &'static str,
    ) -> Coverage {
        let seconds = seconds(from, until);
        Coverage::interval("watching", sensor, from, until).counting(Some(why), 0, seconds)
    }

    /// Frames that reached an interface of the sensor in the interval, and those of them that the kernel or the card
    /// dropped before they were read.
    pub fn drops(
        sensor: &str,
        interface: &str,
        from: Time,
        until: Time,
        received: u64,
        dropped: u64,
    ) -> Coverage {
        Coverage::interval("drops", Some(sensor), from, until).counting(
            Some(interface),
            received,
            dropped,
        )
    }

    /// Frames of a class of traffic that were decoded in the interval, and those that were put aside under load.
    pub fn shedding(
        sensor: &str,
        class: &str,
        from: Time,
        until: Time,
        decoded: u64,
        shed: u64,
    ) -> Coverage {
        Coverage::interval("shedding", Some(sensor), from, until).counting(
            Some(class),
            decoded,
            shed,
        )
    }

    /// Frames that the sensor read in the interval, and those of them whose protocol has no name. A frame is found to have
    /// none when its conversation is told, which may be an interval later than the frame was counted.
    pub fn classified(
        sensor: &str,
        from: Time,
        until: Time,
        frames: u64,
        nameless: u64,
    ) -> Coverage {
        let named = frames.saturating_sub(nameless);
        let state = if nameless == 0 { "complete" } else { "partial" };
        Coverage {
            state: state.to_owned(),
            ..Coverage::interval("classified", Some(sensor), from, until)
                .counting(None, named, nameless)
        }
    }

    /// Frames that the sensor read in the interval, and those of them that were copies of others: they were seen, so this
    /// is complete, and tells how much of the traffic came twice.
    pub fn once(sensor: &str, from: Time, until: Time, frames: u64, copies: u64) -> Coverage {
        Coverage {
            good: frames.saturating_sub(copies),
            total: frames,
            state: "complete".to_owned(),
            ..Coverage::interval("once", Some(sensor), from, until)
        }
    }

    /// An interval in which the sensor (or a VLAN that it sees) gave no frame though it should have.
    pub fn silence(sensor: &str, vlan: Option<u16>, from: Time, until: Time) -> Coverage {
        let part = vlan.map(|vlan| format!("vlan/{vlan}"));
        Coverage::interval("silence", Some(sensor), from, until).counting(
            part.as_deref(),
            0,
            seconds(from, until),
        )
    }

    /// Frames of a VLAN in a capture, from the first to the last.
    pub fn vlan(capture: u32, vlan: u16, first: Time, last: Time, frames: u64) -> Coverage {
        let part = format!("vlan/{vlan}");
        Coverage {
            evidence: Evidence::whole(capture),
            ..Coverage::interval("vlan", None, first, last).counting(Some(&part), frames, 0)
        }
    }

    /// So many flow records of `exporter` name an address: second-hand, so it says what was there to be seen, and no more.
    pub fn reported(
        exporter: IpAddr,
        address: IpAddr,
        first: Time,
        last: Time,
        records: u64,
    ) -> Coverage {
        let part = address.to_string();
        Coverage {
            detail: Some(format!("reported by {exporter}")),
            ..Coverage::interval("reported", None, first, last).counting(Some(&part), records, 0)
        }
    }

    /// Rows that were kept in the interval, and those that were given up since they could not be written.
    pub fn history(from: Time, until: Time, kept: u64, given_up: u64) -> Coverage {
        Coverage::interval("history", None, from, until).counting(None, kept, given_up)
    }

    /// Rows that a table holds, and those that it let go for want of room; these began and ended then.
    pub fn limit(
        table: &str,
        from: Option<Time>,
        until: Option<Time>,
        held: u64,
        let_go: u64,
    ) -> Coverage {
        let row = Coverage {
            time: from,
            last: until,
            what: "limits".to_owned(),
            ..Coverage::default()
        };
        row.counting(Some(table), held, let_go)
    }

    /// The VLAN that [`Coverage::silence`] or [`Coverage::vlan`] speaks of.
    pub fn of_vlan(&self) -> Option<u16> {
        self.part.as_deref()?.strip_prefix("vlan/")?.parse().ok()
    }
}

impl Coverage {
    /// The address that [`Coverage::reported`] speaks of, and who reports it.
    pub fn of_report(&self) -> Option<(IpAddr, &str)> {
        let exporter = self.detail.as_deref()?.strip_prefix("reported by ")?;
        let address = (self.what == "reported").then_some(self.part.as_deref()?)?;
        Some((address.parse().ok()?, exporter))
    }
}

/// Whole seconds of an interval, at least one: an interval without length would say that nothing lacks.
fn seconds(from: Time, until: Time) -> u64 {
    u64::try_from(until.since(from) / 1_000_000_000)
        .unwrap_or(0)
        .max(1)
}
