//! A terminal made by hand: fifteen measures, all four verdicts, and names that were made to deceive.
mod declared;
mod seen;
mod verdicts;

use facts::site::Site;
use facts::{Facts, Time, Value};
use judge::{Assessment, Source};
use report::{Context, PageText};

use self::declared::site;
use self::seen::facts;
use self::verdicts::{measures, not_judged, pages};

/// Came by DHCP and DNS from a device that means no good.
pub(crate) const HOSTILE: &str =
    "<script>alert('x')</script>\u{202e}gpj.exe\u{1b}[2J\"><img src=x onerror=y>";

pub(crate) struct Sample {
    pub(crate) assessment: Assessment,
    pub(crate) site: Site,
    pub(crate) facts: Facts,
    pub(crate) pages: Vec<PageText>,
    pub(crate) skipped: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Sample {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            version: "0.1.0",
            site: &self.site,
            facts: &self.facts,
            pages: &self.pages,
            skipped: &self.skipped,
            notes: &self.notes,
            standings: None,
        }
    }
}

pub(crate) fn sample() -> Sample {
    Sample {
        assessment: Assessment {
            terminal: "Harborview".to_owned(),
            time_zone: "America/New_York".to_owned(),
            as_of: at("2026-11-22T04:00:00Z"),
            edition: "2024".to_owned(),
            evidence: vec![
                Source {
                    capture: "span-0001.pcap".to_owned(),
                    sha256: Some("9f2c61d37a8be0a4c1d5f9c8e6a01b24c7d3e8f95a6b0c1d2e3f405162738495".to_owned()),
                    packets: 46_120,
                    first: Some(at("2026-11-21T02:58:00Z")),
                    last: Some(at("2026-11-21T14:10:00Z")),
                    sensor: Some("crane-span".to_owned()),
                    problems: Vec::new(),
                },
                Source {
                    capture: "span-0002.pcap".to_owned(),
                    sha256: Some("1c0ffee0d37a8be0a4c1d5f9c8e6a01b24c7d3e8f95a6b0c1d2e3f4051627000".to_owned()),
                    packets: 2_091,
                    first: Some(at("2026-11-21T14:10:00Z")),
                    last: Some(at("2026-11-21T14:32:00Z")),
                    sensor: Some("crane-span".to_owned()),
                    problems: vec!["cut off at byte 1,048,576, in frame 2092".to_owned()],
                },
            ],
            measures: measures(),
            not_judged: not_judged(),
        },
        site: site(),
        facts: facts(),
        pages: pages(),
        skipped: vec![
            "span-0002.pcap: 1 frame was cut off and not read.".to_owned(),
            "span-0001.pcap: 12 frames of link type 147 are not decoded.".to_owned(),
        ],
        notes: vec![
            "Judged by the 2024 edition; a later edition, 2026-007, exists and is not part of this version.".to_owned(),
        ],
    }
}

pub(crate) fn at(text: &str) -> Time {
    Time::parse(text).unwrap_or_default()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}
