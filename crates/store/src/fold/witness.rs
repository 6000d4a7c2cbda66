//! What a witness says of its own blindness, put into sentences.
//!
//! A live witness counts ([`Coverage::drops`] and its siblings), interval by interval, and the counts add up; so the
//! sentence is made here, from the sums, in the time of the site.
use facts::kinds::Coverage;

use super::places::Places;

/// Gives each row of a witness its sentence, and the silence of a VLAN its zone. A VLAN of no zone is nobody's silence:
/// no verdict rests on it.
pub(super) fn tell(rows: &mut Vec<Coverage>, places: &Places<'_>) {
    rows.retain_mut(|row| {
        if row.what == "silence"
            && let Some(vlan) = row.of_vlan()
        {
            let zone = places.zone_of_vlan(Some(vlan));
            let zone = zone.and_then(|zone| places.site.zones.get(zone));
            row.zone = zone.map(|zone| zone.name.clone());
            if row.zone.is_none() {
                return false;
            }
        }
        if let Some(sentence) = sentence(row, places) {
            row.detail = (row.state != "complete").then_some(sentence);
        }
        true
    });
}

/// `None` for what the witness puts in its own words.
fn sentence(row: &Coverage, places: &Places<'_>) -> Option<String> {
    let (lost, total) = (row.total.saturating_sub(row.good), row.total);
    let part = row.part.as_deref();
    let when = |begin: &str, end: &str| match (row.time, row.last) {
        (Some(from), Some(until)) => {
            let zone = &places.site.time_zone;
            format!("{begin} {} {end} {}", from.local(zone), until.local(zone))
        }
        _ => String::new(),
    };
    Some(match row.what.as_str() {
        "classified" => {
            format!("{lost} of {total} frames carry a protocol that has no name here")
        }
        "limits" => format!("the table of {} was full: {lost} did not fit", part?),
        "watching" => {
            let who = row.sensor.as_ref().map_or_else(
                || "nobody was watching".to_owned(),
                |sensor| format!("sensor {sensor} was not watching"),
            );
            let why = match part {
                Some("stopped") => " (the program was stopped)",
                Some("ended") => " (the program ended without a word)",
                Some("paused") => " (the program or the machine stood still)",
                Some("clock") => " (the clock was set: these times happened twice or never)",
                Some("lost") => " (the record of it is missing)",
                _ => "",
            };
            format!("{who}{}{why}", when(" from", "to"))
        }
        "drops" => format!(
            "{lost} of {total} frames were dropped before sensor {} could read them from {}{}",
            row.sensor.as_deref().unwrap_or("?"),
            part.unwrap_or("its interface"),
            when(", between", "and")
        ),
        "shedding" => format!(
            "{lost} of {total} frames of {} were put aside undecoded under load{}",
            part.unwrap_or("all kinds"),
            when(", between", "and")
        ),
        "silence" => {
            let place = row
                .of_vlan()
                .map_or_else(String::new, |vlan| format!(" of VLAN {vlan}"));
            format!(
                "sensor {} saw no frame{place} for {lost} s{}",
                row.sensor.as_deref().unwrap_or("?"),
                when(" between", "and")
            )
        }
        "history" => format!(
            "{lost} of {total} rows were given up, since the history could not be written{}",
            when(" between", "and")
        ),
        _ => return None,
    })
}
