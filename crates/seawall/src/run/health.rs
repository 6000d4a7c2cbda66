//! How the witnesses fare: from what each worker counts to coverage rows, and to events where something begins or ends.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use facts::kinds::Coverage;
use facts::site::Site;
use facts::{Time, Value};
use report::events::{Event, Health as Told, Trouble};
use sensor::live::State;

use super::listen::Health;
use super::listen::shedding::{Level, Shed, Sum};
use super::report::{Report, Source};
use crate::clock;

const SECOND: i64 = 1_000_000_000;
/// How long the first capture of a folder may let wait.
const FIRST_CAPTURE: i64 = 24 * 3600 * SECOND;
/// By then every worker has reported once, if it ever will, in nanoseconds.
const FIRST_REPORT: i64 = 10 * SECOND;
/// A folder is silent after this many times the longest wait between two of its captures.
const WAITS: i64 = 3;
/// A worker that did not report for this long hangs.
const HANGS: Duration = Duration::from_secs(20);
/// Losses that go on are told again after this long.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// What is known of all witnesses, and what was told of them.
pub struct Watchers {
    began: Time,
    sources: BTreeMap<Source, Watcher>,
    /// By sensor.
    sensors: BTreeMap<String, Quiet>,
    /// By sensor and VLAN.
    vlans: BTreeMap<(String, u16), Quiet>,
    /// Workers of interfaces.
    workers: usize,
    /// Sensors that are folders of captures.
    folders: usize,
    /// Sensors whose interface is not up, and up to when that was told.
    down: BTreeMap<String, Time>,
}

/// What was told of one worker last.
pub struct Watcher {
    pub health: Health,
    pub at: Time,
    /// The same on the steady clock.
    reported: Duration,
    /// The most since it was measured last.
    pub peak: Peak,
    // On the steady clock: a time of day that is set back must not keep what goes on from being told again.
    drops_told: Option<Duration>,
    shed_told: Option<Duration>,
    slow_told: Option<Duration>,
    paused: bool,
    hangs: bool,
    /// Since the report before, frames found no room on their way to the disk.
    pub is_slow: bool,
}

/// How late and how full at most: what lasts a moment only is to be seen too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    pub lag: Duration,
    /// Of the ring, 0 to 1.
    pub fill: f64,
}

/// When something was heard of last, and up to when its silence was told. Silence is measured on the steady clock, so that
/// a clock that is set neither makes nor hides one.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    /// Time of the last frame, for people.
    pub last: Time,
    /// Frames counted.
    pub frames: u64,
    heard: Duration,
    /// Nanoseconds without a frame after which it is silent.
    patience: i64,
    told: Option<Time>,
    /// Since when it is silent, where people were told that it is.
    alarm: Option<Time>,
}

impl Quiet {
    fn new(now: Time, patience: i64) -> Quiet {
        Quiet {
            last: now,
            frames: 0,
            heard: clock::monotonic(),
            patience,
            told: None,
            alarm: None,
        }
    }

    /// For how long nothing was heard.
    pub fn silence(&self) -> Duration {
        clock::monotonic().saturating_sub(self.heard)
    }

    /// The silence that was not told yet, once it is long enough: since when, and whether it begins.
    fn lasted(&mut self, now: Time) -> Option<(Time, bool)> {
        let silent = i64::try_from(self.silence().as_nanos()).unwrap_or(i64::MAX);
        if silent < self.patience {
            return None;
        }
        let begins = self.told.is_none();
        let from = self.told.unwrap_or(Time(now.0.saturating_sub(silent)));
        self.told = Some(now);
        (now > from).then_some((from, begins))
    }

    /// Something came. Gives since when nothing had, where people were told so: an alarm has its end.
    fn heard(&mut self, at: Time, frames: u64) -> Option<Time> {
        self.last = at;
        self.frames = self.frames.saturating_add(frames);
        self.heard = clock::monotonic();
        self.told = None;
        self.alarm.take()
    }

    /// People are told that it is silent.
    fn alarmed(&mut self) -> Time {
        *self.alarm.insert(self.last)
    }
}

impl Watchers {
    /// Nothing was heard of anything yet; all of it is expected from now on.
    pub fn new(site: &Site, now: Time) -> Watchers {
        let mut watchers = Watchers {
            began: now,
            sources: BTreeMap::new(),
            sensors: BTreeMap::new(),
            vlans: BTreeMap::new(),
            workers: 0,
            folders: 0,
            down: BTreeMap::new(),
        };
        watchers.expect(site, now);
        let interfaces = site.sensors.iter().filter_map(|one| one.interface.as_ref());
        let interfaces: BTreeSet<&String> = interfaces.collect();
        watchers.workers = interfaces.len() * usize::from(site.run.workers);
        watchers
    }

    /// The site was read anew, with the same interfaces and folders: what is known stays, what is expected may change.
    pub fn follow(&mut self, site: &Site) {
        let (sensors, vlans) = (
            std::mem::take(&mut self.sensors),
            std::mem::take(&mut self.vlans),
        );
        self.expect(site, clock::now());
        let same = |new: &mut Quiet, old: &Quiet| {
            let patience = new.patience;
            *new = Quiet { patience, ..*old };
        };
        for (name, quiet) in &mut self.sensors {
            sensors
                .get(name)
                .into_iter()
                .for_each(|old| same(quiet, old));
        }
        for (name, quiet) in &mut self.vlans {
            vlans.get(name).into_iter().for_each(|old| same(quiet, old));
        }
    }

    fn expect(&mut self, site: &Site, now: Time) {
        let silence = site.run.silence;
        let folders = site.sensors.iter().filter(|one| one.folder.is_some());
        self.folders = folders.count();
        for sensor in &site.sensors {
            if sensor.interface.is_some() {
                self.sensors
                    .insert(sensor.name.clone(), Quiet::new(now, silence));
                let zones = sensor.sees.iter().filter_map(|zone| site.zones.get(*zone));
                for vlan in zones.flat_map(|zone| &zone.vlans) {
                    let key = (sensor.name.clone(), *vlan);
                    self.vlans.insert(key, Quiet::new(now, silence));
                }
            } else if sensor.folder.is_some() {
                // How often captures come is the recorder's business; it is learned from those that came.
                let quiet = Quiet::new(now, silence.max(FIRST_CAPTURE));
                self.sensors.insert(sensor.name.clone(), quiet);
            }
        }
    }

    pub fn folders(&self) -> usize {
        self.folders
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
        let sum = |count: fn(&Shed) -> u64| {
            let sources = self.sources.values();
            sources.map(|watcher| count(&watcher.health.shed)).sum()
        };
        vec![
            ("not kept on disk".to_owned(), not_kept),
            ("bulk, headers kept".to_owned(), sum(|shed| shed.heads)),
            ("bulk, not decoded".to_owned(), sum(|shed| shed.bulk.shed)),
            ("other, not decoded".to_owned(), sum(|shed| shed.other.shed)),
        ]
    }

    /// Up to when everything that was seen was reported: what the last of the workers saw since is still with it, and would be
    /// lost with it; until the first report of each that is all of it. `now` where only finished captures are read, which the
    /// next start reads again.
    pub fn reported_until(&self, now: Time) -> Time {
        // One that never reports is told of elsewhere, and must not keep the others from counting.
        let is_early = now.since(self.began).abs() < FIRST_REPORT;
        if self.sources.len() < self.workers && is_early {
            return self.began;
        }
        let reported = self.sources.values().map(|watcher| watcher.at);
        reported.min().unwrap_or(now)
    }

    /// Takes note of a report: adds to its facts what its witness did not see, and gives what is worth telling.
    pub fn note(&mut self, report: &mut Report) -> Vec<Event> {
        let mut events = Vec::new();
        let Some((source, health)) = report.health.take() else {
            return self.arrived(report);
        };
        let (now, steady) = (report.at, clock::monotonic());
        let before = self.sources.get(&source);
        let (from, counted) = before.map_or((self.began, Default::default()), |before| {
            (before.at, before.health.counts)
        });
        let received = health.counts.received.saturating_sub(counted.received);
        let missed = before.map_or(0, |before| before.health.card_missed);
        let dropped = health.counts.dropped.saturating_sub(counted.dropped)
            + health.card_missed.saturating_sub(missed);
        report.facts.coverage.push(Coverage::drops(
            &source.sensor,
            &source.interface,
            from,
            now,
            received,
            dropped,
        ));
        let mut drops_told = before.and_then(|before| before.drops_told);
        if dropped > 0 && is_due(drops_told, steady) {
            drops_told = Some(steady);
            let detail = format!(
                "{dropped} frames of {} were lost on {} before they could be read; what they would have shown is unproven.",
                received.saturating_add(dropped),
                source.interface
            );
            events.push(tell(now, Trouble::Drops, &source.interface, detail));
        }
        let mut shed_told = before.and_then(|before| before.shed_told);
        let shed_before = before.map_or_else(Shed::default, |before| before.health.shed);
        report
            .facts
            .coverage
            .extend(put_aside(&source, (shed_before, health.shed), (from, now)));
        if health.level > Level::Nothing && is_due(shed_told, steady) {
            shed_told = Some(steady);
            let detail = format!(
                "More comes in on {} than there is time for: {} Control traffic is read and kept whole.",
                source.interface,
                what_goes(health.level)
            );
            events.push(tell(now, Trouble::Shedding, &source.interface, detail));
        }
        // All workers of an interface see the same of it, and each a moment later than the other.
        if source.worker == 0 {
            if health.state != State::Up {
                self.down.entry(source.sensor.clone()).or_insert(from);
            } else if let Some(told) = self.down.remove(&source.sensor) {
                let silence = Coverage::silence(&source.sensor, None, told, now);
                report.facts.coverage.push(silence);
            }
            let was = before.map(|before| before.health.state);
            events.extend(change_of_state(&source, &health, was, now));
        }
        let before_peak = before.map(|before| before.peak);
        let was_paused = before.is_some_and(|before| before.paused);
        if let Some(paused) = health.paused.as_ref().filter(|_| !was_paused) {
            let detail = format!(
                "Packets of {} are no longer kept: {}. They are still read and judged.",
                source.interface, paused.reason
            );
            events.push(tell(now, Trouble::DiskFull, &source.interface, detail));
        }
        let not_kept = before.map_or(0, |before| before.health.not_kept);
        let is_slow = health.paused.is_none() && !was_paused && health.not_kept > not_kept;
        let mut slow_told = before.and_then(|before| before.slow_told);
        if is_slow && is_due(slow_told, steady) {
            slow_told = Some(steady);
            let detail = format!(
                "{} packets of {} were not kept: the disk does not take them as fast as they come. They were read and judged.",
                health.not_kept - not_kept,
                source.interface
            );
            events.push(tell(now, Trouble::DiskFull, &source.interface, detail));
        }
        if was_paused && health.paused.is_none() {
            let detail = format!(
                "Packets of {} are kept again. What came meanwhile was read and judged, and cannot be looked up.",
                source.interface
            );
            events.push(tell(now, Trouble::DiskWorks, &source.interface, detail));
        }
        if before.is_some_and(|before| before.hangs) {
            let detail = format!(
                "Worker {} of {} reports again.",
                source.worker, source.interface
            );
            events.push(tell(now, Trouble::Watching, &source.interface, detail));
        }
        events.extend(self.hear(&source, &health, now));
        let peak = before_peak.unwrap_or_default();
        let watcher = Watcher {
            peak: Peak {
                lag: peak.lag.max(health.lag),
                fill: peak.fill.max(health.fill()),
            },
            paused: health.paused.is_some(),
            hangs: false,
            is_slow,
            health,
            at: now,
            reported: steady,
            drops_told,
            shed_told,
            slow_told,
        };
        self.sources.insert(source, watcher);
        events
    }

    /// Takes note of what came; tells of the silences that are over with it.
    fn hear(&mut self, source: &Source, health: &Health, now: Time) -> Vec<Event> {
        let mut events = Vec::new();
        if let (Some(quiet), Some(at)) = (self.sensors.get_mut(&source.sensor), health.last_frame)
            && at != quiet.last
            && let Some(since) = quiet.heard(at, 0)
        {
            events.push(heard_again(now, &source.sensor, None, since));
        }
        for (vlan, frames, at) in &health.vlans {
            if let Some(quiet) = self.vlans.get_mut(&(source.sensor.clone(), *vlan))
                && let Some(since) = quiet.heard(*at, *frames)
            {
                events.push(heard_again(now, &source.sensor, Some(*vlan), since));
            }
        }
        events
    }

    /// Captures came into folders.
    fn arrived(&mut self, report: &Report) -> Vec<Event> {
        let mut events = Vec::new();
        for file in &report.facts.files {
            let sensor = file
                .sensor
                .as_ref()
                .and_then(|sensor| self.sensors.get_mut(sensor));
            let Some(quiet) = sensor else { continue };
            let waited = i64::try_from(quiet.silence().as_nanos()).unwrap_or(i64::MAX);
            if quiet.frames > 0 {
                let learned = waited.saturating_mul(WAITS).max(600 * SECOND);
                quiet.patience = if quiet.patience == FIRST_CAPTURE {
                    learned
                } else {
                    quiet.patience.max(learned)
                };
            }
            let since = quiet.heard(file.last.unwrap_or(report.at), file.packets.max(1));
            if let (Some(since), Some(sensor)) = (since, &file.sensor) {
                events.push(heard_again(report.at, sensor, None, since));
            }
        }
        events
    }

    /// What was the most so far is measured: it begins anew.
    pub fn measured(&mut self) {
        let sources = self.sources.values_mut();
        sources.for_each(|watcher| watcher.peak = Peak::default());
    }

    /// Whether a worker has not reported for long.
    pub fn has_hung(&self) -> bool {
        let now = clock::monotonic();
        let mut sources = self.sources.values();
        sources.any(|watcher| now.saturating_sub(watcher.reported) > HANGS)
    }

    /// Coverage of what is silent by now, and the events of silences that begin.
    pub fn silences(&mut self, now: Time) -> (Vec<Coverage>, Vec<Event>) {
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        let mut quiet_sensors = Vec::new();
        for (sensor, told) in &mut self.down {
            rows.push(Coverage::silence(sensor, None, *told, now));
            *told = now;
        }
        for (source, watcher) in &mut self.sources {
            let hangs = clock::monotonic().saturating_sub(watcher.reported) > HANGS;
            if !hangs {
                continue;
            }
            let row = Coverage::not_watching(Some(&source.sensor), watcher.at, now, "paused");
            rows.push(row);
            watcher.at = now;
            if !std::mem::replace(&mut watcher.hangs, true) {
                let detail = format!(
                    "Worker {} of {} does not report any more.",
                    source.worker, source.interface
                );
                events.push(tell(now, Trouble::NotWatching, &source.interface, detail));
            }
        }
        for (sensor, quiet) in &mut self.sensors {
            let Some((from, begins)) = quiet.lasted(now) else {
                continue;
            };
            quiet_sensors.push(sensor.clone());
            rows.push(Coverage::silence(sensor, None, from, now));
            if begins {
                let since = quiet.alarmed();
                let detail = format!("No frame came from sensor {sensor} since {since}.");
                events.push(tell(now, Trouble::NotWatching, sensor, detail));
            }
        }
        for ((sensor, vlan), quiet) in &mut self.vlans {
            let Some((from, begins)) = quiet.lasted(now) else {
                continue;
            };
            rows.push(Coverage::silence(sensor, Some(*vlan), from, now));
            // A sensor that sees nothing at all was told of as a whole.
            if begins && !quiet_sensors.contains(sensor) {
                let since = quiet.alarmed();
                let detail =
                    format!("No frame of VLAN {vlan} came from sensor {sensor} since {since}.");
                let event = Told::new(Trouble::NotWatching, Some(sensor), detail)
                    .with("vlan", Value::Int(i64::from(*vlan)));
                events.push(Event::health(now, event));
            }
        }
        (rows, events)
    }
}

/// Whether what goes on is to be told, by when it was told last.
fn is_due(told: Option<Duration>, now: Duration) -> bool {
    told.is_none_or(|told| now.saturating_sub(told) > AGAIN)
}

/// The end of a silence of which was told.
fn heard_again(now: Time, sensor: &str, vlan: Option<u16>, since: Time) -> Event {
    let what = vlan.map_or_else(String::new, |vlan| format!(" of VLAN {vlan}"));
    let detail = format!(
        "Frames{what} come from sensor {sensor} again; the last before them was of {since}."
    );
    let told = Told::new(Trouble::Watching, Some(sensor), detail);
    let told = match vlan {
        Some(vlan) => told.with("vlan", Value::Int(i64::from(vlan))),
        None => told,
    };
    Event::health(now, told)
}

/// The classes of which frames were put aside undecoded in an interval, as coverage.
fn put_aside(
    source: &Source,
    (before, now): (Shed, Shed),
    (from, until): (Time, Time),
) -> Vec<Coverage> {
    let row = |class: &str, before: Sum, now: Sum| {
        let shed = now.shed.saturating_sub(before.shed);
        let decoded = now.decoded.saturating_sub(before.decoded);
        (shed > 0).then(|| Coverage::shedding(&source.sensor, class, from, until, decoded, shed))
    };
    let rows = [
        row("bulk", before.bulk, now.bulk),
        row("other traffic", before.other, now.other),
    ];
    rows.into_iter().flatten().collect()
}

/// What a level puts aside, in a sentence.
pub const fn what_goes(level: Level) -> &'static str {
    match level {
        Level::Nothing => "nothing is put aside.",
        Level::Heads => "of bulk the disk keeps the headers alone.",
        Level::Counted => "bulk is counted and not decoded.",
        Level::Control => "all but control traffic is put aside.",
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
            let but = health.problem.as_deref().map(|but| format!(" But {but}."));
            let detail = format!(
                "{interface} is up; sensor {} sees again.{}",
                source.sensor,
                but.unwrap_or_default()
            );
            Some(tell(now, Trouble::InterfaceUp, interface, detail))
        }
        (was, is) if was == Some(is) => None,
        (_, is) => {
            let how = match is {
                State::NoCarrier => "has no carrier",
                State::Gone if was.is_none() => "is not there yet, and waited for",
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

#[cfg(test)]
fn reported(worker: usize, state: State, second: i64) -> Report {
    let source = Source {
        sensor: "span".to_owned(),
        label: "span".to_owned(),
        interface: "eth1".to_owned(),
        worker,
    };
    let health = Health {
        state,
        problem: None,
        counts: sensor::live::Counts::default(),
        load: wire::Load::default(),
        bytes: 0,
        last_frame: None,
        lag: Duration::ZERO,
        paused: None,
        not_kept: 0,
        level: Level::Nothing,
        shed: Shed::default(),
        card_missed: 0,
        vlans: Vec::new(),
    };
    Report {
        at: Time(second * SECOND),
        facts: facts::Facts::default(),
        health: Some((source, health)),
        files: Vec::new(),
        events: Vec::new(),
        receipt: None,
    }
}

#[test]
fn an_interface_that_was_down_for_a_moment_is_told_once_for_all_workers_and_is_coverage() {
    let mut watchers = Watchers::new(&Site::default(), Time(0));
    let mut note = |worker, state, second| {
        let mut report = reported(worker, state, second);
        let told = watchers.note(&mut report).len();
        let rows = report.facts.coverage.iter();
        (told, rows.filter(|row| row.what == "silence").count())
    };
    for (state, second, of_the_first) in [
        (State::Up, 1, (0, 0)),
        (State::Down, 2, (1, 0)),
        (State::Up, 3, (1, 1)),
    ] {
        assert_eq!(note(0, state, second), of_the_first, "{second}");
        assert_eq!(note(1, state, second), (0, 0), "{second}");
    }
}

#[test]
fn an_alarm_has_its_end_of_a_silence_of_packets_not_kept_and_of_a_worker_that_hung() {
    let text = "[terminal]\nname = \"T\"\n[[zone]]\nname = \"c\"\nkind = \"crane-control\"\nvlans = [7]\nsubnets = [\"10.0.0.0/24\"]\n\
                [[sensor]]\nname = \"span\"\nsees = [\"c\"]\ninterface = \"eth1\"\n";
    let site = facts::site::read(&[("site.toml".to_owned(), text.to_owned())], &[]).unwrap();
    let mut watchers = Watchers::new(&site, Time(0));
    let at = |second: i64| Time(second * SECOND);
    let note = |watchers: &mut Watchers, second, change: &dyn Fn(&mut Health)| {
        let mut report = reported(0, State::Up, second);
        let (_, health) = report.health.as_mut().unwrap();
        health.last_frame = Some(at(second));
        change(health);
        let told = watchers.note(&mut report).into_iter();
        told.map(|event| match event.what {
            report::events::What::Health(health) => {
                format!("{}: {}", health.trouble.word(), health.detail)
            }
            _ => String::new(),
        })
        .collect::<Vec<_>>()
    };
    let vlan = |health: &mut Health| health.vlans = vec![(7, 1, at(2))];
    assert_eq!(note(&mut watchers, 2, &vlan), [""; 0]);
    // The VLAN alone is silent, for longer than is borne with.
    let silent = |watchers: &mut Watchers| {
        let quiet = watchers.vlans.values_mut();
        quiet.for_each(|quiet| quiet.patience = 0);
        watchers.silences(at(9)).1.len()
    };
    assert_eq!(silent(&mut watchers), 1);
    assert_eq!(note(&mut watchers, 10, &|_| {}), [""; 0], "still silent");
    let again = "watching: Frames of VLAN 7 come from sensor span again; the last before them was of 1970-01-01T00:00:02.000000000Z.";
    assert_eq!(note(&mut watchers, 11, &vlan), [again]);
    assert_eq!(note(&mut watchers, 12, &vlan), [""; 0], "told once");

    let paused = |health: &mut Health| {
        health.paused = Some(sensor::live::Paused {
            since: at(12),
            reason: "no room".to_owned(),
        });
    };
    assert_eq!(note(&mut watchers, 13, &paused).len(), 1);
    assert_eq!(note(&mut watchers, 14, &paused), [""; 0]);
    let told = note(&mut watchers, 15, &|_| {});
    assert!(
        told.len() == 1 && told[0].starts_with("disk-works: Packets of eth1"),
        "{told:?}"
    );
    // A disk that takes some of them says nothing.
    let slow = |health: &mut Health| health.not_kept = 5;
    let told = note(&mut watchers, 15, &slow);
    assert!(
        told.len() == 1 && told[0].starts_with("disk-full: 5 packets of eth1"),
        "{told:?}"
    );
    assert_eq!(note(&mut watchers, 15, &slow), [""; 0], "no more of them");

    watchers
        .sources
        .values_mut()
        .for_each(|watcher| watcher.hangs = true);
    let told = note(&mut watchers, 16, &|_| {});
    assert_eq!(told, ["watching: Worker 0 of eth1 reports again."]);
}

#[test]
fn losses_that_go_on_are_told_again_by_the_steady_clock_and_lie_between_their_times_when_the_clock_is_set()
 {
    let mut watchers = Watchers::new(&Site::default(), Time(0));
    let hour = 3600;
    for (second, dropped, told, span) in [
        (10, 5, 1, (0, 10)),
        // Set forward, and back by more.
        (2 * hour, 6, 0, (10, 2 * hour)),
        (hour, 7, 0, (hour, 2 * hour)),
    ] {
        let mut report = reported(0, State::Up, second);
        let (_, health) = report.health.as_mut().unwrap();
        health.counts.dropped = dropped;
        assert_eq!(watchers.note(&mut report).len(), told, "{second}");
        let row = &report.facts.coverage[0];
        let at = |second: i64| Some(Time(second * SECOND));
        assert_eq!((row.time, row.last), (at(span.0), at(span.1)));
    }
}

#[test]
fn all_is_reported_up_to_the_last_report_of_the_worker_that_is_latest() {
    let mut watchers = Watchers::new(&Site::default(), Time(0));
    let at = |second: i64| Time(second * SECOND);
    assert_eq!(watchers.reported_until(at(9)), at(9), "there are none");
    for (worker, second, until) in [(0, 2, 2), (1, 3, 2), (1, 5, 2), (0, 6, 5)] {
        watchers.note(&mut reported(worker, State::Up, second));
        assert_eq!(watchers.reported_until(at(9)), at(until));
    }
}

#[test]
fn until_every_worker_has_reported_once_nothing_since_the_start_counts_as_watched() {
    let text = "[terminal]\nname = \"T\"\n[[zone]]\nname = \"c\"\nkind = \"crane-control\"\nsubnets = [\"10.0.0.0/24\"]\n\
                [[sensor]]\nname = \"span\"\nsees = [\"c\"]\ninterface = \"eth1\"\n[run]\nworkers = 2\n";
    let site = facts::site::read(&[("site.toml".to_owned(), text.to_owned())], &[]).unwrap();
    let at = |second: i64| Time(second * SECOND);
    let mut watchers = Watchers::new(&site, at(100));
    assert_eq!(watchers.reported_until(at(101)), at(100));
    watchers.note(&mut reported(0, State::Up, 102));
    assert_eq!(watchers.reported_until(at(103)), at(100), "one of two");
    watchers.note(&mut reported(1, State::Up, 103));
    assert_eq!(watchers.reported_until(at(104)), at(102));
    let mut watchers = Watchers::new(&site, at(100));
    watchers.note(&mut reported(0, State::Up, 111));
    assert_eq!(watchers.reported_until(at(111)), at(111), "the other never");
}
