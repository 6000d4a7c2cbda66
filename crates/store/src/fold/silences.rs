//! Times in which captures show nothing though something was to be seen.
//!
//! A capture without a frame for long may be of a quiet network, or of a mirror port that somebody turned off. What tells the
//! two apart is what others saw: a silence counts where another sensor has frames all the while, in one capture or in several
//! that follow each other. So does a VLAN in which devices spoke all the time, until it fell silent for the rest of its
//! sensor's captures; which sensor showed a VLAN, and when, is counted by capture, for one that another sensor goes on to show
//! is silent all the same. How long is long is what the site says of live sensors (`silence`). These tell of their own
//! silences, and are left alone here.
use std::collections::BTreeMap;

use facts::Time;
use facts::kinds::{Capture, Coverage};

use super::coverage::Sensors;
use super::places::Places;

/// So many times in the span of a silence a VLAN spoke on average, before it fell silent.
const SPOKE: i64 = 20;

/// Nanoseconds: a shorter break between two captures of a sensor is like one within a capture, of which nothing is told.
const BREAK: i64 = 60_000_000_000;

/// Drops the silences of captures that nothing contradicts, and adds those between captures and of VLANs. The rows of VLANs
/// by capture have done their duty then.
pub(super) fn judge(
    rows: &mut Vec<Coverage>,
    files: &[Capture],
    sensors: &Sensors,
    places: &Places<'_>,
) {
    let long = places.site.run.silence;
    let of_capture = |row: &Coverage| row.what == "silence" && row.evidence.capture.is_some();
    let gaps: Vec<Gap> = rows
        .iter()
        .filter(|row| of_capture(row))
        .filter_map(|row| Some((row.evidence.capture, row.time?, row.last?)))
        .collect();
    let live: Vec<String> = rows
        .iter()
        .filter(|row| row.what == "drops")
        .filter_map(|row| row.sensor.clone())
        .collect();
    let vlans: Vec<Coverage> = rows
        .extract_if(.., |row| {
            row.what == "vlan" && row.evidence.capture.is_some()
        })
        .collect();
    let busy = busy(files, &gaps);
    let others_saw = |sensor: &str, from: Time, until: Time| {
        let mut others = busy.iter().filter(|(other, _)| **other != sensor);
        others.any(|(_, spans)| {
            let behind = spans.partition_point(|(begin, _)| *begin <= from);
            let last = behind.checked_sub(1).and_then(|place| spans.get(place));
            last.is_some_and(|(_, end)| *end >= until)
        })
    };
    rows.retain(|row| {
        if !of_capture(row) {
            return true;
        }
        let (Some(sensor), Some(from), Some(until)) = (&row.sensor, row.time, row.last) else {
            return false;
        };
        until.since(from) >= long && others_saw(sensor, from, until)
    });

    let mut by_sensor: BTreeMap<&str, Vec<(Time, Time)>> = BTreeMap::new();
    for file in files {
        if let (Some(sensor), Some(time), Some(last)) = (&file.sensor, file.time, file.last)
            && !live.contains(sensor)
        {
            by_sensor.entry(sensor).or_default().push((time, last));
        }
    }
    let mut more = Vec::new();
    for (sensor, spans) in &mut by_sensor {
        spans.sort_unstable();
        let mut seen_until: Option<Time> = None;
        for (begin, end) in spans.iter() {
            if let Some(before) = seen_until
                && begin.since(before) >= long
                && others_saw(sensor, before, *begin)
            {
                more.push(Coverage::silence(sensor, None, before, *begin));
            }
            seen_until = seen_until.max(Some(*end));
        }
        if let Some(end) = seen_until {
            let fell = by_vlan(&vlans, sensor, sensors)
                .into_iter()
                .filter(|(_, seen)| seen.fell_silent(end, long));
            more.extend(
                fell.map(|(vlan, seen)| Coverage::silence(sensor, Some(vlan), seen.last, end)),
            );
        }
    }
    // Facts that were judged before bring them along.
    let same = |a: &Coverage, b: &Coverage| {
        (&a.what, &a.sensor, &a.part, a.time, a.last)
            == (&b.what, &b.sensor, &b.part, b.time, b.last)
    };
    more.retain(|row| !rows.iter().any(|known| same(known, row)));
    rows.extend(more);
}

/// A capture, and the two frames between which it showed none.
type Gap = (Option<u32>, Time, Time);

/// When each sensor had frames without a break, in order and apart from each other.
fn busy<'a>(files: &'a [Capture], gaps: &[Gap]) -> BTreeMap<&'a str, Vec<(Time, Time)>> {
    let mut by_capture: BTreeMap<u32, Vec<(Time, Time)>> = BTreeMap::new();
    for (capture, from, until) in gaps {
        let Some(capture) = capture else { continue };
        by_capture
            .entry(*capture)
            .or_default()
            .push((*from, *until));
    }
    let mut busy: BTreeMap<&str, Vec<(Time, Time)>> = BTreeMap::new();
    for (index, file) in (0u32..).zip(files) {
        let (Some(sensor), Some(first), Some(last)) = (&file.sensor, file.time, file.last) else {
            continue;
        };
        let number = file.evidence.capture.unwrap_or(index);
        let mut own = by_capture.remove(&number).unwrap_or_default();
        own.sort_unstable();
        let spans = busy.entry(sensor).or_default();
        let mut begin = first;
        for (from, until) in own {
            spans.push((begin, from));
            begin = until;
        }
        spans.push((begin, last));
    }
    for spans in busy.values_mut() {
        spans.sort_unstable();
        spans.dedup_by(|next, before| {
            let goes_on = next.0.since(before.1) < BREAK;
            if goes_on {
                before.1 = before.1.max(next.1);
            }
            goes_on
        });
    }
    busy
}

/// What was seen of a VLAN.
#[derive(Clone, Copy)]
struct Seen {
    first: Time,
    last: Time,
    packets: u64,
}

impl Seen {
    /// It spoke all the time, and then no more until the `end`.
    fn fell_silent(&self, end: Time, long: i64) -> bool {
        let spoke = self.last.since(self.first);
        let turns = spoke.checked_div(long / SPOKE).unwrap_or(0);
        let often = i64::try_from(self.packets).unwrap_or(i64::MAX) >= turns;
        end.since(self.last) >= long && spoke >= long && often
    }
}

/// What all captures of a sensor showed of each VLAN.
fn by_vlan(rows: &[Coverage], sensor: &str, sensors: &Sensors) -> BTreeMap<u16, Seen> {
    let mut vlans: BTreeMap<u16, Seen> = BTreeMap::new();
    let own = |row: &&Coverage| sensors.capture(&row.evidence) == Some(sensor);
    for row in rows.iter().filter(own) {
        let (Some(vlan), Some(first), Some(last)) = (row.of_vlan(), row.time, row.last) else {
            continue;
        };
        let seen = vlans.entry(vlan).or_insert(Seen {
            first,
            last,
            packets: 0,
        });
        seen.first = seen.first.min(first);
        seen.last = seen.last.max(last);
        seen.packets = seen.packets.saturating_add(row.good);
    }
    vlans
}
