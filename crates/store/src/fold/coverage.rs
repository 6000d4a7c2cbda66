//! Coverage: what the captures could and could not show, per capture and per sensor and zone.
//!
//! Rows made here:
//! - `capture`: frames decoded of frames read; anything cut off, snapped or of an unknown link type makes it partial.
//! - `limits` per sensor: whether a table of the witness overflowed; then it is partial for every sensor.
//! - `frames` per zone: frames that the zone's own addresses sent or that were seen in its VLANs. How many there were is
//!   unknown, so the total is what was seen; a zone without a frame has no coverage. What goes to the other end of a cable
//!   alone (LLDP, spanning tree) without a tag counts for none. Frames alone do not prove that the
//!   sensor sees all of the zone: a sensor of the site must say that it does, and its captures must be there and whole.
//! - `streams` per zone: TCP bytes captured of those that the other end acknowledged; a loss of up to 0.1 % passes.
//! - `directions` per zone: TCP conversations captured both ways; in rows of their own, those who were spoken to and never heard, and
//!   VLANs of which only floods were seen (`tags`).
//!
//! What another conversation carried (through a proxy) has no frames and no directions; its `streams` are of its destination.
//!
//! A zone in which nobody spoke TCP (or sent a byte by it) has `streams` and `directions` of 0 out of 0. That is complete
//! exactly if its `frames` are: when every frame of a zone is seen and none is TCP, nothing of TCP was missed. In every
//! other case 0 out of 0 is no coverage.
//!
//! Zones outside the terminal's own hands (internet, third party, business) need no sensor; they have a row only where
//! frames of them were seen.
use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::{AddressFact, Capture, Conversation, Coverage, Facts};
use facts::site::{Sensor, Site, Zone, ZoneKind};
use facts::{Address, Evidence, Few};

use super::places::Places;
use super::shares::Picked;
use super::tags::Tags;
use super::{nameless, reported, silences, unheard, witness};

/// Of so many TCP bytes one may be lost before `streams` is partial.
const LOSS_OF: u64 = 1000;

/// Rows that are made anew each time.
const MADE_HERE: &[&str] = &["capture", "limits", "frames", "streams", "directions"];

/// Names the sensor of each capture: the first of the site whose pattern claims it.
pub(super) fn name_sensors(files: &mut [Capture], site: &Site) {
    for file in files.iter_mut().filter(|file| file.sensor.is_none()) {
        let sensor = site
            .sensor_of(&file.name)
            .and_then(|index| site.sensors.get(index));
        file.sensor = sensor.map(|sensor| sensor.name.clone());
    }
}

/// Builds the rows of captures and zones; those of other kinds that the witness wrote stay. `counts` are those of the
/// conversations, and `picked` those of them that are asked for here.
pub(super) fn build(
    facts: &mut Facts,
    own: &[bool],
    places: &Places<'_>,
    sensor_of: &Sensors,
    mut counts: Counts<'_>,
    tags: &Tags,
    picked: &Picked,
) {
    for row in &mut facts.coverage {
        if row.sensor.is_none() {
            row.sensor = sensor_of.capture(&row.evidence).map(str::to_owned);
        }
    }
    let vlans_seen = vlans_seen(&facts.coverage);
    silences::judge(&mut facts.coverage, &facts.files, sensor_of, places);
    witness::tell(&mut facts.coverage, places);
    nameless::tell(&mut facts.coverage, picked.nameless(&facts.conversations));
    let limits = limits(facts);
    facts
        .coverage
        .retain(|row| !MADE_HERE.contains(&row.what.as_str()));
    let captures: Vec<Coverage> = facts
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| of_capture(index, file))
        .collect();
    for (row, own) in facts.addresses.iter().zip(own) {
        counts.add_address(row, *own, places);
    }
    let mut zones = reported::judge(&mut facts.coverage, &facts.addresses, places);
    for (index, zone) in places.site.zones.iter().enumerate() {
        let watching: Vec<&Sensor> = places
            .site
            .sensors
            .iter()
            .filter(|sensor| sensor.sees.contains(&index))
            .collect();
        if matches!(
            zone.kind,
            ZoneKind::Internet | ZoneKind::ThirdParty | ZoneKind::Business
        ) {
            let count = counts.of_zone(index);
            if count.frames() > 0 {
                let view = View {
                    zone: &zone.name,
                    sensor: None,
                    files: facts.files.iter().collect(),
                    lack: None,
                };
                zones.extend(view.rows(&count));
            }
            continue;
        }
        if watching.is_empty() {
            let lack = if places.site.sensors.is_empty() {
                "the site file declares no sensor, so nothing says that every frame of this zone was seen"
            } else {
                "no sensor of the site file says that it sees this zone"
            };
            let files = facts.files.iter().collect();
            let view = View {
                zone: &zone.name,
                sensor: None,
                files,
                lack: Some(lack.to_owned()),
            };
            zones.extend(view.rows(&counts.of_zone(index)));
        }
        for &sensor in &watching {
            let files: Vec<&Capture> = facts
                .files
                .iter()
                .filter(|file| file.sensor.as_ref() == Some(&sensor.name))
                .collect();
            let missing = files.is_empty();
            let count = if missing {
                counts.of_zone(index)
            } else {
                seen_by(
                    sensor,
                    &watching,
                    (index, zone),
                    &counts,
                    &facts.coverage,
                    &vlans_seen,
                )
            };
            let lack = missing.then(|| format!("no capture of sensor {} was given", sensor.name));
            let view = View {
                zone: &zone.name,
                sensor: Some(&sensor.name),
                files,
                lack,
            };
            zones.extend(view.rows(&count));
        }
    }
    let silent = picked.silent(&facts.conversations);
    zones.extend(unheard::rows(facts, silent, places, |of| {
        sensor_of.capture(of)
    }));
    let silent = picked.silent(&facts.conversations);
    let silent = silent.map(|one| (one, sensor_of.number(&one.evidence)));
    zones.extend(tags.spoken_into(facts, silent, &sensor_of.names, places));
    zones.extend(tags.announced(facts, &sensor_of.names, places));
    facts.coverage.extend(captures);
    facts.coverage.extend(limits);
    facts.coverage.extend(zones);
}

/// The VLANs of which each sensor has frames, copies among them.
fn vlans_seen(coverage: &[Coverage]) -> BTreeSet<(String, u16)> {
    let rows = coverage.iter().filter(|row| row.what == "vlan");
    rows.filter_map(|row| Some((row.sensor.clone()?, row.of_vlan()?)))
        .collect()
}

/// What a sensor saw of a zone. Two that see the same place see the same frames: what the second saw are copies, which
/// stand with the first, so its own count would say that it is blind there. Where the zone has VLANs, frames of these tell.
fn seen_by(
    sensor: &Sensor,
    watching: &[&Sensor],
    (zone, declared): (usize, &Zone),
    counts: &Counts<'_>,
    coverage: &[Coverage],
    vlans_seen: &BTreeSet<(String, u16)>,
) -> Count {
    let own = counts.of_sensor(zone, &sensor.name);
    let mine = |name: Option<&str>| name == Some(sensor.name.as_str());
    let is_second = || match declared.vlans.is_empty() {
        true => coverage
            .iter()
            .any(|row| row.what == "once" && row.good < row.total && mine(row.sensor.as_deref())),
        false => vlans_seen
            .iter()
            .any(|(name, vlan)| mine(Some(name.as_str())) && declared.vlans.contains(vlan)),
    };
    if own.frames() > 0 || watching.len() < 2 || !is_second() {
        return own;
    }
    let others = watching.iter().filter(|other| other.name != sensor.name);
    others
        .map(|other| counts.of_sensor(zone, &other.name))
        .max_by_key(Count::frames)
        .unwrap_or(own)
}

/// Which sensor took a fact, by the capture that shows it.
pub(super) struct Sensors {
    of: Vec<Option<String>>,
    /// The number of each capture's sensor, by the order of names; 0 is none.
    numbers: Vec<usize>,
    names: Vec<String>,
}

impl Sensors {
    pub(super) fn of(facts: &Facts) -> Sensors {
        let mut of = vec![None; facts.captures.len().max(facts.files.len())];
        for (index, file) in facts.files.iter().enumerate() {
            let index = file
                .evidence
                .capture
                .map_or(index, |capture| capture as usize);
            if let Some(slot) = of.get_mut(index) {
                slot.clone_from(&file.sensor);
            }
        }
        let mut names: Vec<String> = of.iter().flatten().cloned().collect();
        names.sort();
        names.dedup();
        let number = |name: &Option<String>| {
            let place = name
                .as_ref()
                .and_then(|name| names.binary_search(name).ok());
            place.map_or(0, |place| place + 1)
        };
        let numbers = of.iter().map(number).collect();
        Sensors { of, numbers, names }
    }

    /// The sensor's place in the order of names, from 1; 0 for none.
    pub(super) fn number(&self, evidence: &Evidence) -> usize {
        let number = evidence
            .capture
            .and_then(|at| self.numbers.get(at as usize));
        number.copied().unwrap_or(0)
    }

    pub(super) fn capture(&self, evidence: &Evidence) -> Option<&str> {
        self.of.get(evidence.capture? as usize)?.as_deref()
    }
}

fn of_capture(index: usize, file: &Capture) -> Coverage {
    let mut lacks: Vec<String> = file.problems.clone();
    if file.undecoded > 0 {
        lacks.push(format!(
            "{} frames are of link types that are not decoded",
            file.undecoded
        ));
    }
    if file.snapped > 0 {
        lacks.push(format!(
            "{} frames are shorter than they were on the wire",
            file.snapped
        ));
    }
    let good = file.packets.saturating_sub(file.undecoded);
    let state = match (good, lacks.is_empty()) {
        (0, _) => "none",
        (_, true) => "complete",
        (_, false) => "partial",
    };
    if lacks.is_empty() && good == 0 {
        lacks.push("the capture holds no frame".to_owned());
    }
    let evidence = match file.evidence.capture {
        Some(_) => file.evidence.clone(),
        None => u32::try_from(index).map_or_else(|_| Evidence::default(), Evidence::whole),
    };
    Coverage {
        time: file.time,
        last: file.last,
        sensor: file.sensor.clone(),
        zone: None,
        what: "capture".to_owned(),
        part: None,
        good,
        total: file.packets,
        state: state.to_owned(),
        detail: sentence(&lacks),
        evidence,
    }
}

/// One account of overflowed tables per sensor with captures (and one for captures that no sensor claims). A table that
/// overflowed was everyone's.
fn limits(facts: &Facts) -> Vec<Coverage> {
    let is_overflow = |row: &&Coverage| row.what == "limits" && row.state != "complete";
    let mut overflows: Vec<&Coverage> = facts.coverage.iter().filter(is_overflow).collect();
    overflows.sort_by(|a, b| (&a.detail, a.total).cmp(&(&b.detail, b.total)));
    overflows.dedup_by(|a, b| a.detail == b.detail);
    let mut by_sensor: BTreeMap<Option<&str>, Vec<&Capture>> = BTreeMap::new();
    for file in &facts.files {
        by_sensor
            .entry(file.sensor.as_deref())
            .or_default()
            .push(file);
    }
    let mut rows = Vec::new();
    for (sensor, files) in by_sensor {
        let packets = files
            .iter()
            .map(|file| file.packets)
            .fold(0, u64::saturating_add);
        let account = Coverage {
            time: files.iter().filter_map(|file| file.time).min(),
            last: files.iter().filter_map(|file| file.last).max(),
            sensor: sensor.map(str::to_owned),
            what: "limits".to_owned(),
            good: packets,
            total: packets,
            state: "complete".to_owned(),
            ..Coverage::default()
        };
        if overflows.is_empty() && packets > 0 {
            rows.push(account.clone());
        }
        rows.extend(overflows.iter().map(|one| Coverage {
            part: one.part.clone(),
            good: one.good,
            total: one.total,
            state: one.state.clone(),
            detail: one.detail.clone(),
            ..account.clone()
        }));
    }
    rows
}

/// Whether the capture shows every frame that it should, whole.
fn is_whole(file: &Capture) -> bool {
    file.problems.is_empty() && file.undecoded == 0 && file.snapped == 0 && file.packets > 0
}

fn sentence(parts: &[String]) -> Option<String> {
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What was seen of a zone.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Frames by the addresses that sent them, and by the conversations they belong to. Either may miss some that the
    /// other has: an address row tells of the sensor that saw it first, a conversation only of both its ends.
    by_address: u64,
    by_conversation: u64,
    captured: u64,
    lost: u64,
    conversations: u64,
    one_sided: u64,
}

impl Count {
    fn frames(&self) -> u64 {
        self.by_address.max(self.by_conversation)
    }

    fn add(&mut self, other: &Count) {
        let sum = |into: &mut u64, more: u64| *into = into.saturating_add(more);
        sum(&mut self.by_address, other.by_address);
        sum(&mut self.by_conversation, other.by_conversation);
        sum(&mut self.captured, other.captured);
        sum(&mut self.lost, other.lost);
        sum(&mut self.conversations, other.conversations);
        sum(&mut self.one_sided, other.one_sided);
    }
}

/// Zones, each once; there is seldom more than one.
#[derive(Debug, Default)]
struct Zones(Few<usize, 2>);

impl Zones {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }
}

impl Extend<usize> for Zones {
    fn extend<T: IntoIterator<Item = usize>>(&mut self, zones: T) {
        for zone in zones {
            if !self.0.contains(&zone) {
                self.0.push(zone);
            }
        }
    }
}

impl FromIterator<usize> for Zones {
    fn from_iter<T: IntoIterator<Item = usize>>(zones: T) -> Zones {
        let mut distinct = Zones::default();
        distinct.extend(zones);
        distinct
    }
}

/// Counts by zone and sensor.
pub(super) struct Counts<'a> {
    sensors: &'a Sensors,
    /// Of the first zone by each sensor, nobody's first, then of the next zone.
    by: Vec<Count>,
}

impl<'a> Counts<'a> {
    pub(super) fn new(sensors: &'a Sensors, places: &Places<'_>) -> Counts<'a> {
        let places = places.site.zones.len() * (sensors.names.len() + 1);
        Counts {
            sensors,
            by: vec![Count::default(); places],
        }
    }

    fn add_address(&mut self, row: &AddressFact, own: bool, places: &Places<'_>) {
        for zone in zones_of_address(row, own, places).iter() {
            self.of(zone, &row.evidence, |count| {
                count.by_address = count.by_address.saturating_add(row.packets);
            });
        }
    }

    pub(super) fn add_conversation(
        &mut self,
        one: &Conversation,
        zones: [Option<usize>; 2],
        places: &Places<'_>,
    ) {
        if one.carried_by.is_some() {
            self.add_carried(one, zones);
            return;
        }
        if shows_no_segment(one) {
            return;
        }
        // Without tags the addresses tell whose frames they are.
        let mut frames_of: Zones = one
            .vlans
            .iter()
            .filter_map(|vlan| places.zone_of_vlan(Some(*vlan)))
            .collect();
        frames_of.extend(places.zone_of_vlan(one.vlan));
        if frames_of.is_empty() {
            frames_of.extend(zones.into_iter().flatten());
        }
        for zone in frames_of.iter() {
            self.of(zone, &one.evidence, |count| {
                count.by_conversation = count
                    .by_conversation
                    .saturating_add(one.packets_out)
                    .saturating_add(one.packets_in);
            });
        }
        if one.transport == "tcp" {
            for zone in zones.into_iter().flatten().collect::<Zones>().iter() {
                self.of(zone, &one.evidence, |count| count.add(&of_tcp(one)));
            }
        }
    }

    /// What came out of another conversation has no frames and no directions of its own. What was lost of it is lost for the
    /// zone of its destination; for that of its client the carrier says so.
    fn add_carried(&mut self, one: &Conversation, [client, server]: [Option<usize>; 2]) {
        if let Some(zone) = server.filter(|_| server != client) {
            let Count { captured, lost, .. } = of_tcp(one);
            self.of(zone, &one.evidence, |count| {
                count.add(&Count {
                    captured,
                    lost,
                    ..Count::default()
                });
            });
        }
    }

    /// Adds what another counted.
    pub(super) fn add(&mut self, other: &Counts<'_>) {
        for (into, count) in self.by.iter_mut().zip(&other.by) {
            into.add(count);
        }
    }

    fn of(&mut self, zone: usize, evidence: &Evidence, change: impl FnOnce(&mut Count)) {
        let at = zone * (self.sensors.names.len() + 1) + self.sensors.number(evidence);
        if let Some(count) = self.by.get_mut(at) {
            change(count);
        }
    }

    fn of_zone(&self, zone: usize) -> Count {
        let sensors = self.sensors.names.len() + 1;
        let mut all = Count::default();
        for count in self.by.iter().skip(zone * sensors).take(sensors) {
            all.add(count);
        }
        all
    }

    fn of_sensor(&self, zone: usize, sensor: &str) -> Count {
        let names = &self.sensors.names;
        let known = names
            .binary_search_by(|name| name.as_str().cmp(sensor))
            .ok();
        let at = known.map(|number| zone * (names.len() + 1) + number + 1);
        at.and_then(|at| self.by.get(at))
            .copied()
            .unwrap_or_default()
    }
}

/// What a device says to the other end of its cable, without a tag, is seen of it wherever that cable is: it shows no frame of
/// the segment, which the mirror may leave out.
fn shows_no_segment(one: &Conversation) -> bool {
    let to_cable = matches!(one.server, Address::Mac(mac) if mac.stays_on_cable());
    to_cable && one.vlan.is_none() && one.vlans.is_empty()
}

fn of_tcp(one: &Conversation) -> Count {
    Count {
        captured: one.bytes_out.saturating_add(one.bytes_in),
        lost: one.lost_bytes,
        conversations: 1,
        one_sided: u64::from(one.state == "one-sided"),
        ..Count::default()
    }
}

/// The zone of an own address, and the zone in whose VLAN the frames were seen.
fn zones_of_address(row: &AddressFact, own: bool, places: &Places<'_>) -> Zones {
    let mut zones: Zones = places.zone_of_vlan(row.vlan).into_iter().collect();
    if own {
        zones.extend(places.zone_of(row.ip, row.vlan));
    }
    zones
}

/// A zone as one sensor (or nobody in particular) saw it.
struct View<'a> {
    zone: &'a str,
    sensor: Option<&'a str>,
    /// The captures that should show it.
    files: Vec<&'a Capture>,
    /// Why it cannot be complete whatever was seen.
    lack: Option<String>,
}

impl View<'_> {
    fn rows(&self, count: &Count) -> [Coverage; 3] {
        let seen = count.frames();
        let mut lacks: Vec<String> = self.lack.iter().cloned().collect();
        if seen == 0 {
            lacks.push("no frame of this zone was seen".to_owned());
        }
        let damaged: Vec<&str> = self
            .files
            .iter()
            .filter(|file| !is_whole(file))
            .map(|file| file.name.as_str())
            .collect();
        if !damaged.is_empty() {
            lacks.push(format!("not whole: {}", damaged.join(", ")));
        }
        let whole = lacks.is_empty();
        let frames = self.row(
            "frames",
            seen,
            seen,
            if seen == 0 { "none" } else { state(whole) },
            &lacks,
        );

        let total = count.captured.saturating_add(count.lost);
        let lost_too_much = count.lost.saturating_mul(LOSS_OF) > total;
        let streams = if total == 0 {
            self.row("streams", 0, 0, &frames.state, &no_tcp(&lacks, "byte"))
        } else {
            let mut lacks = lacks.clone();
            if lost_too_much {
                lacks.push(format!(
                    "{} of {total} TCP bytes were acknowledged but not captured",
                    count.lost
                ));
            }
            self.row(
                "streams",
                count.captured,
                total,
                state(whole && !lost_too_much),
                &lacks,
            )
        };

        let both_ways = count.conversations.saturating_sub(count.one_sided);
        let directions = if count.conversations == 0 {
            self.row(
                "directions",
                0,
                0,
                &frames.state,
                &no_tcp(&lacks, "conversation"),
            )
        } else {
            let mut lacks = lacks.clone();
            if count.one_sided > 0 {
                lacks.push(format!(
                    "{} of {} TCP conversations were captured one way only",
                    count.one_sided, count.conversations
                ));
            }
            let state = if both_ways == 0 {
                "none"
            } else {
                state(whole && count.one_sided == 0)
            };
            self.row("directions", both_ways, count.conversations, state, &lacks)
        };
        [frames, streams, directions]
    }

    fn row(&self, what: &str, good: u64, total: u64, state: &str, lacks: &[String]) -> Coverage {
        Coverage {
            time: self.files.iter().filter_map(|file| file.time).min(),
            last: self.files.iter().filter_map(|file| file.last).max(),
            sensor: self.sensor.map(str::to_owned),
            zone: Some(self.zone.to_owned()),
            what: what.to_owned(),
            part: None,
            good,
            total,
            state: state.to_owned(),
            detail: sentence(lacks),
            evidence: Evidence::default(),
        }
    }
}

const fn state(complete: bool) -> &'static str {
    if complete { "complete" } else { "partial" }
}

/// Nothing of TCP is to be said; what lacks of the frames lacks here too.
fn no_tcp(lacks: &[String], what: &str) -> Vec<String> {
    let mut lacks = lacks.to_vec();
    if !lacks.is_empty() {
        lacks.push(format!("no TCP {what} was seen"));
    }
    lacks
}
