//! The text exposition format 0.0.4 of Prometheus.
use facts::Time;
use judge::Verdict;

use super::{HistoryState, Metrics};

/// Families in a fixed order, each with its help and type, each sample with its labels.
pub(super) fn text(metrics: &Metrics) -> String {
    let mut out = Out(String::new());
    let version = metrics.version.as_str();
    out.gauge(
        "build_info",
        "The program, by version; always 1.",
        [(vec![("version", version)], 1.0)],
    );
    out.gauge(
        "uptime_seconds",
        "Time since the start.",
        one(metrics.uptime.as_secs_f64()),
    );
    out.gauge(
        "resident_memory_bytes",
        "Memory that the process occupies.",
        metrics.resident_bytes.map(|bytes| (vec![], number(bytes))),
    );
    interfaces(&mut out, metrics);
    workers(&mut out, metrics);
    vlans(&mut out, metrics);
    out.counter(
        "shed_packets_total",
        "Packets left out by the rule for overload, by class.",
        metrics
            .shed
            .iter()
            .map(|(class, packets)| (vec![("class", class.as_str())], number(*packets))),
    );
    disk(&mut out, metrics);
    judging(&mut out, metrics);
    sinks(&mut out, metrics);
    out.0
}

fn interfaces(out: &mut Out, metrics: &Metrics) {
    let each = |value: fn(&super::Interface) -> f64| {
        let labels = |one: &'_ super::Interface| (one.sensor.clone(), one.interface.clone());
        let samples: Vec<((String, String), f64)> = metrics
            .interfaces
            .iter()
            .map(|one| (labels(one), value(one)))
            .collect();
        samples
    };
    let mut family =
        |counter: bool, name: &str, help: &str, value: fn(&super::Interface) -> f64| {
            let samples = each(value);
            let samples = samples.iter().map(|((sensor, interface), value)| {
                (
                    vec![
                        ("sensor", sensor.as_str()),
                        ("interface", interface.as_str()),
                    ],
                    *value,
                )
            });
            out.family(counter, name, help, samples);
        };
    family(
        false,
        "interface_up",
        "Whether the interface is there and has a carrier.",
        |one| f64::from(u8::from(one.up)),
    );
    family(true, "packets_total", "Packets captured.", |one| {
        number(one.packets)
    });
    family(true, "bytes_total", "Bytes captured.", |one| {
        number(one.bytes)
    });
    family(
        true,
        "kernel_drops_total",
        "Packets that the kernel had no room for.",
        |one| number(one.kernel_drops),
    );
    family(
        true,
        "card_missed_total",
        "Packets that the network card lost or took in damaged.",
        |one| number(one.card_missed),
    );
    family(
        false,
        "shedding_level",
        "What is put aside under load: 0 nothing, 1 the payload of bulk on disk, 2 bulk, 3 all but control.",
        |one| f64::from(one.shedding as u8),
    );
    family(
        false,
        "packets_kept",
        "Whether packets get into the ring on disk.",
        |one| f64::from(u8::from(one.not_kept.is_none())),
    );
    family(
        false,
        "ring_fill_ratio",
        "How full the capture ring was at most since the last writing, 0 to 1.",
        |one| one.ring_fill,
    );
    family(
        false,
        "lag_seconds",
        "From a packet's time stamp to its decoding, at most since the last writing.",
        |one| one.lag.as_secs_f64(),
    );
}

fn workers(out: &mut Out, metrics: &Metrics) {
    let mut family = |counter: bool, name: &str, help: &str, value: fn(&super::Worker) -> f64| {
        let samples: Vec<(String, f64)> = metrics
            .workers
            .iter()
            .enumerate()
            .map(|(index, one)| (index.to_string(), value(one)))
            .collect();
        out.family(
            counter,
            name,
            help,
            samples
                .iter()
                .map(|(index, value)| (vec![("worker", index.as_str())], *value)),
        );
    };
    family(
        true,
        "worker_packets_total",
        "Packets that the worker decoded.",
        |one| number(one.packets),
    );
    family(
        false,
        "worker_packets_per_second",
        "Packets decoded per second in the last interval.",
        |one| one.packets_per_second,
    );
    family(
        false,
        "worker_flows",
        "Flows in the worker's table.",
        |one| number(one.flows),
    );
    family(
        false,
        "worker_waiting_bytes",
        "Bytes that wait in streams for what comes before them.",
        |one| number(one.waiting_bytes),
    );
}

fn vlans(out: &mut Out, metrics: &Metrics) {
    let mut family = |counter: bool, name: &str, help: &str, value: fn(&super::Vlan) -> f64| {
        let named =
            |vlan: Option<u16>| vlan.map_or_else(|| "untagged".to_owned(), |vlan| vlan.to_string());
        let samples: Vec<(&str, String, f64)> = metrics
            .vlans
            .iter()
            .map(|one| (one.sensor.as_str(), named(one.vlan), value(one)))
            .collect();
        let samples = samples.iter().map(|(sensor, vlan, value)| {
            (vec![("sensor", *sensor), ("vlan", vlan.as_str())], *value)
        });
        out.family(counter, name, help, samples);
    };
    family(
        true,
        "vlan_frames_total",
        "Frames seen in the VLAN.",
        |one| number(one.frames),
    );
    family(
        false,
        "vlan_silence_seconds",
        "Since the last frame of the VLAN.",
        |one| one.silence.as_secs_f64(),
    );
    family(
        false,
        "vlan_expected",
        "Whether the site has the VLAN where this sensor should see it.",
        |one| f64::from(u8::from(one.expected)),
    );
}

fn disk(out: &mut Out, metrics: &Metrics) {
    if let Some(history) = &metrics.history {
        out.gauge(
            "history_last_write_timestamp_seconds",
            "When the history was written last.",
            history.last_write.map(|time| (vec![], seconds(time))),
        );
        out.gauge(
            "history_bytes",
            "Size of the history on disk.",
            one(number(history.bytes)),
        );
        let states = HistoryState::ALL.map(|state| {
            (
                vec![("state", state.word())],
                f64::from(u8::from(state == history.state)),
            )
        });
        out.gauge(
            "history_state",
            "State of the history: 1 for the one that holds.",
            states,
        );
    }
    if let Some(ring) = &metrics.packets {
        out.gauge(
            "packet_ring_bytes",
            "Size of the packets on disk.",
            one(number(ring.bytes)),
        );
        out.gauge(
            "packet_ring_oldest_timestamp_seconds",
            "Time of the oldest packet on disk.",
            ring.oldest.map(|time| (vec![], seconds(time))),
        );
    }
}

fn judging(out: &mut Out, metrics: &Metrics) {
    if let Some(judge) = &metrics.judge {
        out.gauge(
            "judge_duration_seconds",
            "How long the last judging took.",
            one(judge.took.as_secs_f64()),
        );
        out.gauge(
            "judge_timestamp_seconds",
            "When was judged last.",
            one(seconds(judge.at)),
        );
    }
    let verdicts = metrics.measures.iter().flat_map(|measure| {
        Verdict::ALL.map(|verdict| {
            let labels = vec![
                ("measure", measure.id.as_str()),
                ("verdict", verdict.words()),
            ];
            (labels, f64::from(u8::from(verdict == measure.verdict)))
        })
    });
    out.gauge(
        "verdict",
        "Verdict of the measure: 1 for the one that holds.",
        verdicts,
    );
    let findings = metrics.measures.iter().map(|measure| {
        let number = number(u64::try_from(measure.findings).unwrap_or(u64::MAX));
        (vec![("measure", measure.id.as_str())], number)
    });
    out.gauge("findings_open", "Open findings of the measure.", findings);
}

fn sinks(out: &mut Out, metrics: &Metrics) {
    let mut family = |counter: bool, name: &str, help: &str, value: fn(&super::Counts) -> f64| {
        let sinks = metrics.sinks.iter();
        let samples = sinks.map(|sink| (vec![("sink", sink.name.as_str())], value(&sink.counts)));
        out.family(counter, name, help, samples);
    };
    family(
        true,
        "events_sent_total",
        "Events handed to the sink's other end.",
        |counts| number(counts.sent),
    );
    family(
        true,
        "events_lost_total",
        "Events that the sink gave up.",
        |counts| number(counts.lost),
    );
    family(
        false,
        "events_waiting",
        "Events that wait for the sink's other end.",
        |counts| number(counts.waiting),
    );
    family(
        false,
        "sink_up",
        "Whether the last attempt of the sink went well.",
        |counts| f64::from(u8::from(counts.working)),
    );
}

/// A sample without labels.
fn one(value: f64) -> [(Labels<'static>, f64); 1] {
    [(Vec::new(), value)]
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

struct Out(String);

impl Out {
    fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        self.family(false, name, help, samples);
    }

    fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        self.family(true, name, help, samples);
    }

    /// A family without samples is left out: a zero that nobody measured would read as a measurement.
    fn family<'a>(
        &mut self,
        counter: bool,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let kind = if counter { "counter" } else { "gauge" };
        self.0.push_str(&format!(
            "# HELP seawall_{name} {help}\n# TYPE seawall_{name} {kind}\n"
        ));
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{}}}", labels.join(","))
            };
            self.0
                .push_str(&format!("seawall_{name}{labels} {}\n", written(value)));
        }
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn written(value: f64) -> String {
    if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}

/// Prometheus knows doubles only; beyond 2^53 the last digits go.
#[allow(clippy::cast_precision_loss)]
fn number(value: u64) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss)]
fn seconds(time: Time) -> f64 {
    time.0 as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::testing::well;
    use super::*;

    /// Reads the format as strictly as it is defined: help and type before the samples of a family, once; names and labels
    /// of their alphabets; no sample twice. Gives the samples.
    fn read(text: &str) -> BTreeMap<String, f64> {
        let mut samples = BTreeMap::new();
        let (mut family, mut kind, mut families) = (String::new(), String::new(), BTreeSet::new());
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(families.insert(name.to_owned()), "{name} twice");
                assert!(!help.is_empty());
                (family, kind) = (name.to_owned(), String::new());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, of) = rest.split_once(' ').unwrap();
                assert_eq!(name, family);
                assert!(["counter", "gauge"].contains(&of));
                kind = of.to_owned();
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = series
                    .split_once('{')
                    .map_or((series, ""), |(name, labels)| {
                        (name, labels.strip_suffix('}').unwrap())
                    });
                assert_eq!(name, family, "a sample outside of its family");
                assert!(!kind.is_empty());
                assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
                labels_of(labels);
                assert_eq!(
                    samples.insert(series.to_owned(), value.parse().unwrap()),
                    None,
                    "{series} twice"
                );
            }
        }
        samples
    }

    fn labels_of(text: &str) -> Vec<(String, String)> {
        let (mut found, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (name, after) = rest.split_once("=\"").unwrap();
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => match chars.next().unwrap().1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        c => panic!("\\{c} is no escape"),
                    },
                    (_, c) => value.push(c),
                }
            };
            found.push((name.to_owned(), value));
            rest = after.get(end + 1..).unwrap();
            if !rest.is_empty() {
                rest = rest.strip_prefix(',').unwrap();
            }
        }
        found
    }

    #[test]
    fn prometheus_reads_every_family_with_base_units() {
        let samples = read(&well().prometheus());
        let value = |series: &str| {
            *samples
                .get(series)
                .unwrap_or_else(|| panic!("{series}: {samples:#?}"))
        };
        assert_eq!(value("seawall_build_info{version=\"0.1.0\"}"), 1.0);
        assert_eq!(value("seawall_uptime_seconds"), 90.5);
        assert_eq!(
            value("seawall_packets_total{sensor=\"crane-span\",interface=\"eth1\"}"),
            5_500_000.0
        );
        assert_eq!(
            value("seawall_lag_seconds{sensor=\"crane-span\",interface=\"eth1\"}"),
            0.0015
        );
        assert_eq!(
            value("seawall_worker_packets_per_second{worker=\"0\"}"),
            61_111.5
        );
        assert_eq!(
            value("seawall_vlan_silence_seconds{sensor=\"crane-span\",vlan=\"untagged\"}"),
            90.0
        );
        assert_eq!(
            value("seawall_history_last_write_timestamp_seconds"),
            1_795_245_164.5
        );
        assert_eq!(value("seawall_history_state{state=\"writing\"}"), 1.0);
        assert_eq!(
            value("seawall_verdict{measure=\"C9\",verdict=\"not met\"}"),
            1.0
        );
        assert_eq!(
            value("seawall_verdict{measure=\"C9\",verdict=\"met\"}"),
            0.0
        );
        assert_eq!(value("seawall_findings_open{measure=\"C9\"}"), 2.0);
        assert_eq!(
            value("seawall_events_sent_total{sink=\"syslog tls://logs.example:6514\"}"),
            17.0
        );
        assert_eq!(
            read(&Metrics::default().prometheus()).len(),
            2,
            "what was not measured is not there"
        );
    }

    #[test]
    fn what_the_alarms_and_the_guide_name_is_measured() {
        let text = well().prometheus();
        let families: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .collect();
        let rules = include_str!("../../../../../deploy/seawall.rules.yml");
        let guide = include_str!("../../../../../docs/deploy.md");
        let mut named = BTreeSet::new();
        for text in [rules, guide] {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            named.extend(words.filter(|word| word.starts_with("seawall_")));
        }
        assert!(named.len() > 10, "{named:?}");
        let missing: Vec<_> = named.difference(&families).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn labels_keep_what_they_were_told_and_numbers_their_edge_cases() {
        let mut metrics = well();
        let name = "a\\b\"c\nd}";
        metrics.interfaces[0].sensor = name.to_owned();
        metrics.interfaces[0].ring_fill = f64::INFINITY;
        let text = metrics.prometheus();
        read(&text);
        let line = text
            .lines()
            .find(|line| line.starts_with("seawall_ring_fill_ratio{"))
            .unwrap();
        let (labels, value) = line.split_once('{').unwrap().1.rsplit_once("} ").unwrap();
        assert_eq!(labels_of(labels)[0], ("sensor".to_owned(), name.to_owned()));
        assert_eq!(value, "+Inf");
    }
}
