//! What the witnesses could see: whether a `met` may stand.
//!
//! No evidence is never a pass. A `met` holds for the zones it speaks of only where every kind of coverage that the page
//! needs is there and complete, from every sensor that is declared to see the zone.
use std::collections::BTreeMap;

use facts::Value;
use store::Snapshot;

use crate::Error;

/// What a live witness tells of its own blindness, without being asked. Every page that needs any coverage needs that
/// somebody was watching.
const OF_ITSELF: &[&str] = &["watching", "drops", "shedding", "silence", "history"];

#[derive(Debug)]
struct Seen {
    sensor: Option<String>,
    zone: Option<String>,
    what: String,
    good: i64,
    total: i64,
    complete: bool,
    detail: Option<String>,
    capture: Option<String>,
}

/// The coverage of a snapshot.
#[derive(Debug)]
pub(crate) struct Coverage {
    rows: Vec<Seen>,
    /// Sensors declared to see a zone.
    sensors: BTreeMap<String, Vec<String>>,
    /// Zones of the crane network, in the order of the site file.
    pub(crate) crane_zones: Vec<String>,
}

/// What a zone's coverage says of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ground {
    /// A sentence of what the verdict rests on.
    Firm(String),
    /// A clause of what is missing.
    Missing(String),
}

impl Coverage {
    pub(crate) fn read(snapshot: &Snapshot) -> Result<Coverage, Error> {
        let text = |value: Option<&Value>| match value {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |value: Option<&Value>| match value {
            Some(Value::Int(n)) => *n,
            _ => 0,
        };
        let rows = snapshot.query(
            "SELECT sensor, zone, what, good, total, state, detail, capture FROM coverage ORDER BY id",
        )?;
        let rows = rows.rows.iter().map(|row| Seen {
            sensor: text(row.first()),
            zone: text(row.get(1)),
            what: text(row.get(2)).unwrap_or_default(),
            good: number(row.get(3)),
            total: number(row.get(4)),
            complete: text(row.get(5)).as_deref() == Some("complete"),
            detail: text(row.get(6)),
            capture: text(row.get(7)),
        });
        let rows = rows.collect();
        let mut sensors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let sees = "SELECT z.value, s.name FROM site_sensor s, json_each(s.sees) z ORDER BY s.id";
        for row in &snapshot.query(sees)?.rows {
            if let (Some(zone), Some(sensor)) = (text(row.first()), text(row.get(1))) {
                sensors.entry(zone).or_default().push(sensor);
            }
        }
        let zones = snapshot.query("SELECT name FROM site_zone WHERE is_crane ORDER BY id")?;
        let crane_zones = zones
            .rows
            .iter()
            .filter_map(|row| text(row.first()))
            .collect();
        Ok(Coverage {
            rows,
            sensors,
            crane_zones,
        })
    }

    /// What stands under a `met` that speaks of `zones`, for every kind in `needs`.
    pub(crate) fn ground(&self, zones: &[String], needs: &[String]) -> Vec<Ground> {
        if needs.is_empty() {
            return Vec::new();
        }
        if zones.is_empty() {
            return vec![Ground::Missing(
                "the site file declares no zone of the crane network".to_owned(),
            )];
        }
        let mut ground: Vec<Ground> = Vec::new();
        let mut add = |found: Ground| {
            if !ground.contains(&found) {
                ground.push(found);
            }
        };
        for zone in zones {
            let watched = self.sensors.get(zone).map_or(&[][..], Vec::as_slice);
            let spoken_of = self.rows.iter().any(|row| row.zone.as_ref() == Some(zone));
            if watched.is_empty() && !spoken_of {
                add(Ground::Missing(format!(
                    "no sensor is declared to see zone {zone}"
                )));
                continue;
            }
            // Nothing else can mend that nobody looked.
            for row in self.rows.iter().filter(|row| !row.complete) {
                let of_all = row.zone.is_none() && row.sensor.is_none();
                if OF_ITSELF.contains(&row.what.as_str()) && (of_all || speaks(row, zone, watched))
                {
                    add(Ground::Missing(lack(row, zone, &row.what)));
                }
            }
            // Whole captures and frames come first: where frames are missing, so is all that frames carry.
            let asked = ["capture", "frames", "streams", "directions", "classified"];
            let mut blind = false;
            for need in asked
                .into_iter()
                .filter(|what| needs.iter().any(|need| need == what))
            {
                if blind {
                    break;
                }
                let frames = needs.iter().any(|need| need == "frames");
                let found = self.kind(zone, need, watched, frames);
                blind =
                    need == "frames" && found.iter().any(|one| matches!(one, Ground::Missing(_)));
                found.into_iter().for_each(&mut add);
            }
            // A witness speaks of its limits when it hit one.
            for row in &self.rows {
                if row.what == "limits" && !row.complete && speaks(row, zone, watched) {
                    add(Ground::Missing(lack(row, zone, "limits")));
                }
            }
        }
        ground
    }

    /// `frames` when the page asks for these as well.
    fn kind(&self, zone: &str, need: &str, watched: &[String], frames: bool) -> Vec<Ground> {
        let rows: Vec<&Seen> = self
            .rows
            .iter()
            .filter(|row| row.what == need && speaks(row, zone, watched))
            .collect();
        let mut ground = Vec::new();
        // That there is no capture is said better by a row that says why no frame of the zone was seen.
        let is_told = |sensor: Option<&String>| {
            let tells = |row: &Seen| {
                let of_it = sensor.is_none_or(|sensor| row.sensor.as_ref() == Some(sensor));
                let of_zone = row.zone.as_deref() == Some(zone);
                of_it && of_zone && row.what == "frames" && !row.complete && row.good == 0
            };
            frames && need == "capture" && self.rows.iter().any(tells)
        };
        // Every sensor that should see the zone has to say so; none may be left out, or a lost row would look like a
        // clean one.
        let silent = watched.iter().filter(|sensor| {
            !rows
                .iter()
                .any(|row| row.sensor.as_ref().is_none_or(|s| s == *sensor))
        });
        for sensor in silent {
            if is_told(Some(sensor)) {
                continue;
            }
            ground.push(Ground::Missing(format!(
                "sensor {sensor} gave no account of {} of zone {zone}",
                name(need)
            )));
        }
        if rows.is_empty() && watched.is_empty() && !is_told(None) {
            ground.push(Ground::Missing(format!(
                "nothing is known of {} of zone {zone}",
                name(need)
            )));
        }
        let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for row in rows {
            // A zone without TCP has no stream to lose; that its frames were seen is asked for on its own.
            if row.total == 0 && matches!(need, "streams" | "directions") {
                continue;
            }
            if row.complete {
                let sum = sums
                    .entry(row.sensor.as_deref().unwrap_or("the captures"))
                    .or_default();
                *sum = (
                    sum.0.saturating_add(row.good),
                    sum.1.saturating_add(row.total),
                );
            } else {
                ground.push(Ground::Missing(lack(row, zone, need)));
            }
        }
        ground
            .extend(sums.into_iter().map(|(sensor, (good, total))| {
                Ground::Firm(firm(sensor, zone, need, good, total))
            }));
        ground
    }
}

/// Whether a row speaks of the zone: by name, or as a whole capture of a sensor that should see it.
fn speaks(row: &Seen, zone: &str, watched: &[String]) -> bool {
    match (&row.zone, &row.sensor) {
        (Some(of), _) => of == zone,
        (None, Some(sensor)) => watched.is_empty() || watched.contains(sensor),
        (None, None) => watched.is_empty(),
    }
}

/// What a row that is not complete lacks, as a clause that names its zone or capture.
fn lack(row: &Seen, zone: &str, need: &str) -> String {
    let Some(detail) = row.detail.as_deref().map(clause) else {
        return lacking(row, zone, need);
    };
    match (&row.zone, &row.capture) {
        (None, Some(capture)) if !detail.contains(capture.as_str()) => {
            format!("of capture {capture}, {detail}")
        }
        (None, _) => detail,
        (Some(zone), _) if detail.contains(zone.as_str()) => detail,
        (Some(zone), _) => format!("in zone {zone}, {detail}"),
    }
}

/// A sentence made to follow "but".
fn clause(sentence: &str) -> String {
    let trimmed = sentence.trim().trim_end_matches('.');
    let mut letters = trimmed.chars();
    // A first word in capitals is a name (`STS-07`, `TCP`); any other gives way to the middle of a sentence.
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => trimmed.to_owned(),
    }
}

fn name(need: &str) -> &'static str {
    match need {
        "capture" => "whether the captures are whole",
        "frames" => "the frames",
        "streams" => "the TCP streams",
        "directions" => "both directions of the connections",
        "classified" => "how many frames were understood",
        "watching" => "whether anybody was watching",
        "drops" => "the frames dropped before they were read",
        "shedding" => "the frames put aside under load",
        "silence" => "the times without a frame",
        "history" => "what was kept",
        _ => "the limits of its tables",
    }
}

fn lacking(row: &Seen, zone: &str, need: &str) -> String {
    let sensor = row.sensor.as_deref().unwrap_or("no sensor");
    if row.good == 0 {
        return match need {
            "frames" => format!("{sensor} saw no frame of zone {zone}"),
            _ => format!("nothing is known of {} of zone {zone}", name(need)),
        };
    }
    format!(
        "of {} of zone {zone}, only {} of {} are good ({sensor})",
        name(need),
        row.good,
        row.total
    )
}

fn firm(sensor: &str, zone: &str, need: &str, good: i64, total: i64) -> String {
    match need {
        "capture" => {
            format!("The captures of {sensor} were read to their end ({good} of {total}).")
        }
        "frames" => format!("{sensor} saw the frames of zone {zone} ({good} of {total})."),
        "streams" => {
            format!("No TCP byte of zone {zone} is missing ({good} of {total} bytes, {sensor}).")
        }
        "directions" => {
            format!("Connections of zone {zone} were seen both ways ({good} of {total}, {sensor}).")
        }
        "classified" => {
            format!("Frames of zone {zone} were understood ({good} of {total}, {sensor}).")
        }
        _ => format!("No table overflowed ({sensor})."),
    }
}
