//! How the witnesses fare: from what each worker counts to coverage rows, and to events where something begins or ends.
use std::collections::BTreeMap;

use facts::kinds::Coverage;
use facts::site::Site;
use facts::{Facts, Time, Value};
use report::events::{Event, Health as Told, Trouble};
use sensor::live::State;

use super::listen::Health;
use super::report::{Report, Source};

const SECOND: i64 = 1_000_000_000;
/// Drops that go on are told again after this long.
const DROPS_AGAIN: i64 = 15 * 60 * SECOND;

/// What is known of all witnesses, and what was told of them.
pub struct Watchers {
    began: Time,
    /// Nanoseconds without a frame after which something is silent.
    silence: i64,
    sources: BTreeMap<Source, Watcher>,
    /// By sensor.
    sensors: BTreeMap<String, Quiet>,
    /// By sensor and VLAN.
    vlans: BTreeMap<(String, u16), Quiet>,
}

/// What was told of one worker last.
pub struct Watcher {
    pub health: Health,
    pub at: Time,
    /// When the worker reported first.
    pub began: Time,
    drops_told: Option<Time>,
    paused: bool,
}

/// When something was heard of last, and up to when its silence was told.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    pub last: Time,
    /// Frames counted on addresses of it.
    pub frames: u64,
    told: Option<Time>,
}

impl Quiet {
    /// The silence that was not told yet, once it is long enough; `true` where it begins.
    fn lasted(&mut self, silence: i64, now: Time) -> Option<(Time, bool)> {
        if now.since(self.last) < silence {
            return None;
        }
        let begins = self.told.is_none();
        let from = self.told.unwrap_or(self.last);
        self.told = Some(now);
        (now > from).then_some((from, begins))
    }

    /// Something came; `true` where that ends a silence.
    fn heard(&mut self, at: Time) -> bool {
        self.last = self.last.max(at);
        self.told.take().is_some()
    }
}

impl Watchers {
    /// Nothing was heard of anything yet; all of it is expected from now on.
    pub fn new(site: &Site, now: Time) -> Watchers {
        let fresh = Quiet {
            last: now,
            frames: 0,
            told: None,
        };
        let live = site
            .sensors
            .iter()
            .filter(|sensor| sensor.interface.is_some());
        let vlans = live.clone().flat_map(|sensor| {
            let zones = sensor.sees.iter().filter_map(|zone| site.zones.get(*zone));
            zones
                .flat_map(|zone| &zone.vlans)
                .map(|vlan| ((sensor.name.clone(), *vlan), fresh))
        });
        Watchers {
            began: now,
            silence: site.run.silence,
            sources: BTreeMap::new(),
            sensors: live.map(|sensor| (sensor.name.clone(), fresh)).collect(),
            vlans: vlans.collect(),
        }
    }

    pub fn sources(&self) -> impl Iterator<Item = (&Source, &Watcher)> {
        self.sources.iter()
    }

    /// The VLANs that sensors should see, and when each was heard of last.
    pub fn vlans(&self) -> impl Iterator<Item = (&str, u16, &Quiet)> {
        self.vlans
            .iter()
            .map(|((sensor, vlan), quiet)| (sensor.as_str(), *vlan, quiet))
    }

    /// Frames that were let go, by what was not done with them.
    pub fn shed(&self) -> Vec<(String, u64)> {
        let not_kept = self
            .sources
            .values()
            .map(|watcher| watcher.health.not_kept)
            .sum();
        vec![("not kept on disk".to_owned(), not_kept)]
    }

    /// Takes note of a report: adds to its facts what its witness did not see, and gives what is worth telling.
    pub fn note(&mut self, report: &mut Report) -> Vec<Event> {
        let mut events = Vec::new();
        let Some((source, health)) = report.health.take() else {
            return events;
        };
        let now = report.at;
        let before = self.sources.get(&source);
        let (from, counted) = before.map_or((self.began, Default::default()), |before| {
            (before.at, before.health.counts)
        });
        let received = health.counts.received.saturating_sub(counted.received);
        let dropped = health.counts.dropped.saturating_sub(counted.dropped);
        report.facts.coverage.push(Coverage::drops(
            &source.sensor,
            &source.interface,
            from,
            now,
            received,
            dropped,
        ));
        let mut drops_told = before.and_then(|before| before.drops_told);
        if dropped > 0 && drops_told.is_none_or(|told| now.since(told) > DROPS_AGAIN) {
            drops_told = Some(now);
            let detail = format!(
                "{dropped} frames of {} were lost on {} before they could be read; what they would have shown is unproven.",
                received.saturating_add(dropped),
                source.interface
            );
            events.push(tell(now, Trouble::Drops, &source.interface, detail));
        }
        if health.state != State::Up {
            let silence = Coverage::silence(&source.sensor, None, from, now);
            report.facts.coverage.push(silence);
        }
        let was = before.map(|before| before.health.state);
        events.extend(change_of_state(&source, &health, was, now));
        let began = before.map_or(from, |before| before.began);
        let was_paused = before.is_some_and(|before| before.paused);
        if let Some(paused) = health.paused.as_ref().filter(|_| !was_paused) {
            let detail = format!(
                "Packets of {} are no longer kept: {}. They are still read and judged.",
                source.interface, paused.reason
            );
            events.push(tell(now, Trouble::DiskFull, &source.interface, detail));
        }
        self.hear(&source, &report.facts, health.last_frame);
        let watcher = Watcher {
            paused: health.paused.is_some(),
            health,
            at: now,
            began,
            drops_told,
        };
        self.sources.insert(source, watcher);
        events
    }

    fn hear(&mut self, source: &Source, facts: &Facts, last_frame: Option<Time>) {
        if let (Some(quiet), Some(at)) = (self.sensors.get_mut(&source.sensor), last_frame)
            && at > quiet.last
        {
            quiet.heard(at);
        }
        for row in &facts.addresses {
            let Some(vlan) = row.vlan else { continue };
            if let Some(quiet) = self.vlans.get_mut(&(source.sensor.clone(), vlan)) {
                quiet.heard(row.last);
                quiet.frames = quiet.frames.saturating_add(row.packets);
            }
        }
    }

    /// Coverage of what is silent by now, and the events of silences that begin.
    pub fn silences(&mut self, now: Time) -> (Vec<Coverage>, Vec<Event>) {
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        let mut quiet_sensors = Vec::new();
        for (sensor, quiet) in &mut self.sensors {
            let Some((from, begins)) = quiet.lasted(self.silence, now) else {
                continue;
            };
            quiet_sensors.push(sensor.clone());
            rows.push(Coverage::silence(sensor, None, from, now));
            if begins {
                let detail = format!("No frame came from sensor {sensor} since {}.", quiet.last);
                events.push(tell(now, Trouble::NotWatching, sensor, detail));
            }
        }
        for ((sensor, vlan), quiet) in &mut self.vlans {
            let Some((from, begins)) = quiet.lasted(self.silence, now) else {
                continue;
            };
            rows.push(Coverage::silence(sensor, Some(*vlan), from, now));
            // A sensor that sees nothing at all was told of as a whole.
            if begins && !quiet_sensors.contains(sensor) {
                let detail = format!(
                    "No frame of VLAN {vlan} came from sensor {sensor} since {}.",
                    quiet.last
                );
                let event = Told::new(Trouble::NotWatching, Some(sensor), detail)
                    .with("vlan", Value::Int(i64::from(*vlan)));
                events.push(Event::health(now, event));
            }
        }
        (rows, events)
    }
}

fn change_of_state(
    source: &Source,
    health: &Health,
    was: Option<State>,
    now: Time,
) -> Option<Event> {
    let interface = &source.interface;
    match (was, health.state) {
        (Some(State::Up) | None, State::Up) => None,
        (_, State::Up) => {
            let detail = format!("{interface} is up; sensor {} sees again.", source.sensor);
            Some(tell(now, Trouble::InterfaceUp, interface, detail))
        }
        (was, is) if was == Some(is) => None,
        (_, is) => {
            let how = match is {
                State::NoCarrier => "has no carrier",
                State::Gone => "is gone",
                _ => "is down",
            };
            let why = health.problem.as_deref().map(|why| format!(" ({why})"));
            let detail = format!(
                "{interface} {how}{}; sensor {} sees nothing.",
                why.unwrap_or_default(),
                source.sensor
            );
            Some(tell(now, Trouble::InterfaceDown, interface, detail))
        }
    }
}

/// An event of the sensor's own health.
pub fn tell(now: Time, trouble: Trouble, about: &str, detail: impl Into<String>) -> Event {
    Event::health(now, Told::new(trouble, Some(about), detail))
}
