//! All ways out of a running sensor: events to the outputs of the site, metrics to their file and to who asks.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use facts::Time;
use facts::site::{self, EventFormat, OutputKind, Site};
use judge::Assessment;
use report::events::{Event, Format, Origin};

use super::health::Watchers;
use super::metrics::{
    History, Interface, Judge, Listen, Measure, Metrics, PacketRing, Server, SinkState, Vlan,
    Worker, resident_bytes,
};
use super::sinks::{Client, Facility, Sink, SinkConfig, SyslogConfig, Transport};
use super::state::State;
use crate::clock;
use crate::error::{self, Error};
use crate::output;

/// How long the end waits for events that are still on their way out.
const DRAIN: Duration = Duration::from_secs(3);

/// The sinks of the site, and the numbers about all of it.
pub struct Outputs {
    sinks: Vec<Open>,
    /// The outputs that the sinks are those of.
    declared: Vec<site::Output>,
    file: PathBuf,
    server: Option<Server>,
    metrics: Metrics,
    began: Duration,
    /// What the journal was told of metrics that cannot be written.
    told: Option<String>,
    /// Counts at the last writing, by the steady clock, for rates.
    before: BTreeMap<usize, (Duration, u64)>,
    /// Frames that the kernel and the card lost by then, by interface.
    lost: BTreeMap<String, (u64, u64)>,
}

/// Outputs that are open, and not used yet.
pub struct Sinks(Vec<Open>);

struct Open {
    name: String,
    sink: Box<dyn Sink>,
    problem: Option<String>,
    /// What the journal was told of that which goes wrong on the way.
    told: Option<String>,
}

/// What the keeper knows of the moment, for the numbers.
pub struct Moment<'a> {
    pub now: Time,
    pub watchers: &'a Watchers,
    pub history: History,
}

impl Outputs {
    /// Opens every output of the site, and what serves metrics where it asks for that.
    pub fn open(site: &Site, folder: &Path, state: &State) -> Result<Outputs, Error> {
        let run = &site.run;
        let file = match &run.metrics_file {
            Some(path) => folder.join(path),
            None => state.file("seawall.prom"),
        };
        let server = match &run.metrics_listen {
            None => None,
            Some(listen) => {
                let started = Server::start(&place(listen)?).map_err(|source| Error::Listen {
                    at: listen.clone(),
                    source,
                })?;
                Some(started)
            }
        };
        Ok(Outputs {
            sinks: sinks(site, folder)?,
            declared: site.outputs.clone(),
            file,
            server,
            metrics: Metrics {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..Metrics::default()
            },
            began: clock::monotonic(),
            told: None,
            before: BTreeMap::new(),
            lost: BTreeMap::new(),
        })
    }

    /// Hands events to every output. What one does not take is told by the others, and counted.
    pub fn send(&mut self, events: &[Event], origin: &Origin) {
        for open in &mut self.sinks {
            let problem = open
                .sink
                .send(events, origin)
                .err()
                .map(|error| error::chain(&error));
            if let Some(problem) = problem.as_ref().filter(|_| problem != open.problem) {
                output::say(format_args!("output {}: {problem}", open.name));
            }
            open.problem = problem;
        }
    }

    /// Opens the outputs of a site that is read anew; `None` where they are the same.
    pub fn prepare(&self, site: &Site, folder: &Path) -> Result<Option<Sinks>, Error> {
        match self.declared == site.outputs {
            true => Ok(None),
            false => sinks(site, folder).map(Sinks).map(Some),
        }
    }

    /// Takes them in place of those before. The same ones open their files and connections again.
    pub fn change(&mut self, prepared: Option<Sinks>, site: &Site) {
        match prepared {
            None => self.sinks.iter_mut().for_each(|open| open.sink.reopen()),
            Some(Sinks(sinks)) => {
                self.drain();
                self.sinks = sinks;
                self.declared.clone_from(&site.outputs);
            }
        }
    }

    /// Waits a moment for what is still on its way out.
    pub fn drain(&mut self) {
        self.sinks
            .iter_mut()
            .for_each(|open| open.sink.drain(DRAIN));
    }

    pub fn judged(&mut self, assessment: &Assessment, took: Duration, every: Duration) {
        self.metrics.judge = Some(Judge {
            took,
            at: assessment.as_of,
            every,
        });
        let measure = |measure: &judge::Judged| Measure {
            id: measure.id.clone(),
            verdict: measure.verdict,
            findings: measure
                .subjects
                .iter()
                .filter(|subject| subject.finding.is_some())
                .count(),
        };
        self.metrics.measures = assessment.measures.iter().map(measure).collect();
    }

    /// Nothing came that a judgement could change by: the last one holds.
    pub fn unchanged(&mut self, now: Time) {
        if let Some(judge) = &mut self.metrics.judge {
            judge.at = now;
        }
    }

    pub fn packets(&mut self, ring: PacketRing) {
        self.metrics.packets = Some(ring);
    }

    /// Events wait where a server is away, or is not the one that it should be: with nothing lost yet, nobody else would say so.
    fn tell_of_problems(&mut self) {
        for open in &mut self.sinks {
            let problem = open.sink.problem();
            if problem != open.told {
                match &problem {
                    Some(problem) => output::say(format_args!(
                        "output {}: {problem}; its events wait until it takes them",
                        open.name
                    )),
                    None => {
                        output::say(format_args!("output {}: it takes events again", open.name))
                    }
                }
                open.told = problem;
            }
        }
    }

    /// Writes the numbers of the moment.
    pub fn measure(&mut self, moment: Moment<'_>) {
        let now = moment.now;
        self.tell_of_problems();
        self.metrics.now = now;
        self.metrics.uptime = clock::monotonic().saturating_sub(self.began);
        self.metrics.resident_bytes = resident_bytes();
        self.metrics.sinks = self
            .sinks
            .iter()
            .map(|open| SinkState {
                name: open.name.clone(),
                counts: open.sink.counts(),
                problem: open.problem.clone().or_else(|| open.sink.problem()),
            })
            .collect();
        self.metrics.vlans = moment
            .watchers
            .vlans()
            .map(|(sensor, vlan, quiet)| Vlan {
                sensor: sensor.to_owned(),
                vlan: Some(vlan),
                frames: quiet.frames,
                silence: quiet.silence(),
                expected: true,
            })
            .collect();
        self.workers(&moment);
        self.metrics.folders = moment.watchers.folders();
        self.metrics.shed = moment.watchers.shed();
        self.metrics.history = Some(moment.history);
        let problem = self.metrics.write(&self.file).err();
        let problem = problem.map(|error| error::chain(&error));
        if let Some(problem) = problem.as_ref().filter(|_| problem != self.told) {
            output::say(problem);
        }
        self.told = problem;
        if let Some(server) = &self.server {
            server.publish(&self.metrics);
        }
    }

    /// One interface for all its workers, and a line per worker, whatever number of interfaces it has its share of.
    fn workers(&mut self, moment: &Moment<'_>) {
        let now = clock::monotonic();
        let mut interfaces: BTreeMap<(&str, &str), Interface> = BTreeMap::new();
        let mut workers: BTreeMap<usize, Worker> = BTreeMap::new();
        for (source, watcher) in moment.watchers.sources() {
            let health = &watcher.health;
            workers.entry(source.worker).or_insert_with(|| {
                let frames = health.load.frames;
                let before = self.before.insert(source.worker, (now, frames));
                let (then, known) = before.unwrap_or((self.began, 0));
                let seconds = now.saturating_sub(then).as_secs_f64();
                let fresh = frames.saturating_sub(known) as f64;
                Worker {
                    packets: frames,
                    packets_per_second: if seconds > 0.0 { fresh / seconds } else { 0.0 },
                    flows: health.load.flows as u64,
                    waiting_bytes: health.load.waiting_bytes as u64,
                }
            });
            let of = interfaces
                .entry((&source.sensor, &source.interface))
                .or_insert_with(|| Interface {
                    sensor: source.sensor.clone(),
                    interface: source.interface.clone(),
                    up: true,
                    ..Interface::default()
                });
            of.up &= health.state == sensor::live::State::Up;
            of.packets += health.counts.received;
            of.bytes += health.bytes;
            of.kernel_drops += health.counts.dropped;
            of.card_missed += health.card_missed;
            of.ring_fill = of.ring_fill.max(watcher.peak.fill);
            of.lag = of.lag.max(watcher.peak.lag);
            of.shedding = of.shedding.max(health.level);
            if let Some(paused) = &health.paused {
                of.not_kept = Some(paused.reason.clone());
            } else if watcher.is_slow {
                of.not_kept = Some("the disk does not take them as fast as they come".to_owned());
            }
        }
        for one in interfaces.values_mut() {
            let now = (one.kernel_drops, one.card_missed);
            let before = self.lost.insert(one.interface.clone(), now);
            let (dropped, missed) = before.unwrap_or_default();
            one.kernel_drops_lately = one.kernel_drops.saturating_sub(dropped);
            one.card_missed_lately = one.card_missed.saturating_sub(missed);
        }
        self.metrics.interfaces = interfaces.into_values().collect();
        self.metrics.workers = workers.into_values().collect();
    }
}

/// Where metrics are served: a path is a Unix socket, anything else an address of this machine alone.
fn place(written: &str) -> Result<Listen, Error> {
    if written.contains('/') {
        return Ok(Listen::Unix(PathBuf::from(written)));
    }
    let address = written.parse().map_err(|_| {
        Error::Usage(format!(
            "metrics_listen = {written:?} is neither an address with a port, such as 127.0.0.1:9469, nor the path of a socket"
        ))
    })?;
    Ok(Listen::Tcp {
        address,
        from_anywhere: false,
    })
}

/// The outputs of the site; the journal where it names none. Paths start from the site folder.
fn sinks(site: &Site, folder: &Path) -> Result<Vec<Open>, Error> {
    let open = |name: String, config: &SinkConfig| -> Result<Open, Error> {
        let sink = config.open().map_err(|source| Error::Sink {
            name: name.clone(),
            source,
        })?;
        Ok(Open {
            name,
            sink,
            problem: None,
            told: None,
        })
    };
    if site.outputs.is_empty() {
        return Ok(vec![open("journal".to_owned(), &SinkConfig::Journal)?]);
    }
    site.outputs
        .iter()
        .map(|output| open(output.name.clone(), &config(output, folder)))
        .collect()
}

/// What a table of the site asks for. It holds what its kind needs, or the site had not loaded.
fn config(output: &site::Output, folder: &Path) -> SinkConfig {
    let format = match output.format {
        EventFormat::Text => Format::Text,
        EventFormat::Json => Format::Json,
        EventFormat::Ecs => Format::Ecs,
        EventFormat::Ocsf => Format::Ocsf,
    };
    let path = |path: &Option<String>| path.as_ref().map(|path| folder.join(path));
    let transport = match output.to {
        OutputKind::Journal => return SinkConfig::Journal,
        OutputKind::File => {
            let path = path(&output.path).unwrap_or_default();
            return SinkConfig::File { path, format };
        }
        OutputKind::SyslogUdp => Transport::Udp,
        OutputKind::SyslogTcp => Transport::Tcp,
        OutputKind::SyslogTls => Transport::Tls {
            ca: path(&output.ca).unwrap_or_default(),
            client: path(&output.certificate)
                .zip(path(&output.key))
                .map(|(certificate, key)| Client { certificate, key }),
            server_name: output.server_name.clone(),
        },
    };
    let facility = output.facility.as_deref().and_then(Facility::parse);
    SinkConfig::Syslog(SyslogConfig {
        transport,
        address: output.address.clone().unwrap_or_default(),
        facility: facility.unwrap_or_default(),
        format,
    })
}
