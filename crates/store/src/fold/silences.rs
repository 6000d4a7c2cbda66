//! Times in which captures show nothing though something was to be seen.
//!
//! A capture without a frame for long may be of a quiet network, or of a mirror port that somebody turned off. What tells the
//! two apart is what others saw: a silence counts where a capture of another sensor has frames all the while. So does a VLAN
//! in which devices spoke all the time, until it fell silent for the rest of its sensor's captures. How long is long is what
//! the site says of live sensors (`silence`). These tell of their own silences, and are left alone here.
use std::collections::BTreeMap;

use facts::Time;
use facts::kinds::{AddressFact, Capture, Coverage};

use super::coverage::Sensors;
use super::places::Places;

/// So many times in the span of a silence a VLAN spoke on average, before it fell silent.
const SPOKE: i64 = 20;

/// Drops the silences of captures that nothing contradicts, and adds those between captures and of VLANs.
pub(super) fn judge(
    rows: &mut Vec<Coverage>,
    files: &[Capture],
    addresses: &[AddressFact],
    sensors: &Sensors,
    places: &Places<'_>,
) {
    let long = places.site.run.silence;
    let of_capture = |row: &Coverage| row.what == "silence" && row.evidence.capture.is_some();
    let gaps: Vec<(Option<u32>, Time, Time)> = rows
        .iter()
        .filter(|row| of_capture(row))
        .filter_map(|row| Some((row.evidence.capture, row.time?, row.last?)))
        .collect();
    let live: Vec<String> = rows
        .iter()
        .filter(|row| row.what == "drops")
        .filter_map(|row| row.sensor.clone())
        .collect();
    // Another sensor had frames all the while.
    let others_saw = |sensor: &str, from: Time, until: Time| {
        (0u32..).zip(files).any(|(index, file)| {
            let number = file.evidence.capture.or(Some(index));
            let other = file.sensor.as_deref().is_some_and(|other| other != sensor);
            let spans = file.time.is_some_and(|time| time <= from)
                && file.last.is_some_and(|last| last >= until);
            let silent = |(capture, begin, end): &(Option<u32>, Time, Time)| {
                *capture == number && *begin < until && *end > from
            };
            other && spans && !gaps.iter().any(silent)
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
            let fell = vlans(addresses, sensor, sensors)
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

fn vlans(addresses: &[AddressFact], sensor: &str, sensors: &Sensors) -> BTreeMap<u16, Seen> {
    let mut vlans: BTreeMap<u16, Seen> = BTreeMap::new();
    let own = |row: &&AddressFact| sensors.capture(&row.evidence) == Some(sensor);
    for row in addresses.iter().filter(own) {
        let Some(vlan) = row.vlan else { continue };
        let seen = vlans.entry(vlan).or_insert(Seen {
            first: row.time,
            last: row.last,
            packets: 0,
        });
        seen.first = seen.first.min(row.time);
        seen.last = seen.last.max(row.last);
        seen.packets = seen.packets.saturating_add(row.packets);
    }
    vlans
}
