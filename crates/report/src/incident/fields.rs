//! The fields that reports of incidents ask for, each drawn from records and the site file. `None` is not known.
use facts::Time;
use facts::records::{Impact, IncidentKind, Person};
use facts::site::{Role, ZoneKind};

use super::{Case, addressee};

/// Values of a list that are told.
const MOST: usize = 40;

fn clock(case: &Case<'_>, time: Time) -> String {
    let (local, utc) = (time.local(case.zone()), time.local("UTC"));
    match local == utc {
        true => local,
        false => format!("{local} ({utc})"),
    }
}

pub(super) fn facility(case: &Case<'_>) -> Option<String> {
    let name = Some(case.site.name.clone()).filter(|name| !name.is_empty());
    let of = case.profile.and_then(|profile| profile.facility_id.clone());
    match (name, of) {
        (Some(name), Some(of)) => Some(format!("{name}, facility {of}")),
        (name, of) => name.or(of),
    }
}

pub(super) fn organisation(case: &Case<'_>) -> Option<String> {
    case.profile.map(|profile| profile.organisation.clone())
}

pub(super) fn location(case: &Case<'_>) -> Option<String> {
    case.profile.map(|profile| profile.location.clone())
}

pub(super) fn cotp_zone(case: &Case<'_>) -> Option<String> {
    case.profile.and_then(|profile| profile.cotp_zone.clone())
}

pub(super) fn mtsa(case: &Case<'_>) -> Option<String> {
    let profile = case.profile?;
    let words = if profile.mtsa {
        "regulated (33 CFR 105 or 106)"
    } else {
        "not regulated"
    };
    Some(words.to_owned())
}

pub(super) fn sector(case: &Case<'_>) -> Option<String> {
    case.profile.and_then(|profile| profile.sector.clone())
}

pub(super) fn reporting_party(case: &Case<'_>) -> Option<String> {
    let named = case
        .incident
        .reporter
        .as_ref()
        .map(|person| person.0.clone());
    case.reporter.map(person).or(named)
}

pub(super) fn at_any_hour(case: &Case<'_>) -> Option<String> {
    case.reachable.map(person)
}

pub(super) fn kind(case: &Case<'_>) -> Option<String> {
    Some(case.incident.what.word().replace('-', " "))
}

pub(super) fn occurred(case: &Case<'_>) -> Option<String> {
    case.incident.occurred.map(|time| clock(case, time))
}

pub(super) fn detected(case: &Case<'_>) -> Option<String> {
    Some(clock(case, case.incident.detected))
}

pub(super) fn reported(case: &Case<'_>) -> Option<String> {
    Some(clock(case, case.now))
}

pub(super) fn narrative(case: &Case<'_>) -> Option<String> {
    Some(case.incident.narrative.clone())
}

pub(super) fn noticed_by(case: &Case<'_>) -> Option<String> {
    Some(case.incident.noticed_by.clone())
}

/// Devices with their role and maker, zones, cranes.
pub(super) fn systems(case: &Case<'_>) -> Option<String> {
    let told = case.incident.systems.iter().map(|system| {
        let asset = case.site.assets.iter().find(|asset| asset.name == system.0);
        let Some(asset) = asset else {
            return system.0.clone();
        };
        let mut words = vec![asset.role.to_string()];
        words.extend(asset.crane.iter().map(|crane| format!("crane {crane}")));
        words.extend(
            asset
                .supplier
                .iter()
                .map(|maker| format!("made by {maker}")),
        );
        format!("{} ({})", system.0, words.join(", "))
    });
    list(told)
}

/// A device that moves a crane, or a zone that holds such, is critical.
pub(super) fn critical(case: &Case<'_>) -> Option<String> {
    if case.incident.systems.is_empty() {
        return None;
    }
    let critical = levels(case).iter().any(|(level, _)| *level >= 5);
    let words = if critical {
        "yes: crane control, crane management or remote operation"
    } else {
        "no system of the crane network is named"
    };
    Some(words.to_owned())
}

/// Where it was seen, in the levels of the Federal Incident Notification Guidelines.
fn levels(case: &Case<'_>) -> Vec<(u8, &'static str)> {
    let of_zone = |kind: ZoneKind| match kind {
        ZoneKind::CraneControl => Some((6, "level 6, critical systems")),
        ZoneKind::CraneAuxiliary | ZoneKind::CraneManagement | ZoneKind::RemoteOperations => {
            Some((5, "level 5, critical system management"))
        }
        ZoneKind::Dmz => Some((1, "level 1, business demilitarised zone")),
        ZoneKind::Business | ZoneKind::PortOperations => Some((2, "level 2, business network")),
        ZoneKind::ThirdParty | ZoneKind::Internet => None,
    };
    let mut levels = Vec::new();
    for system in &case.incident.systems {
        let zones = case.site.zones.iter().enumerate();
        let asset = case.site.assets.iter().position(|one| one.name == system.0);
        let of_asset = asset
            .map(|index| case.site.zones_of_asset(index))
            .unwrap_or_default();
        let concerned = zones.filter(|(index, zone)| {
            zone.name == system.0
                || zone.crane.as_deref() == Some(&system.0)
                || of_asset.contains(index)
        });
        levels.extend(concerned.filter_map(|(_, zone)| of_zone(zone.kind)));
        let is_safety = asset
            .and_then(|index| case.site.assets.get(index))
            .is_some_and(|asset| asset.role == Role::Safety);
        levels.extend(is_safety.then_some((7, "level 7, safety systems")));
    }
    levels.sort_unstable();
    levels.dedup();
    levels
}

pub(super) fn observed_at(case: &Case<'_>) -> Option<String> {
    let levels = levels(case);
    list(levels.iter().rev().map(|(_, words)| (*words).to_owned()))
}

pub(super) fn impact(case: &Case<'_>) -> Option<String> {
    let doc = case.incident.impact?.doc().trim().to_owned();
    Some(doc)
}

/// Functional impact, in the words of the same guidelines.
pub(super) fn functional_impact(case: &Case<'_>) -> Option<String> {
    let words = match case.incident.impact? {
        Impact::None => "no impact to services",
        Impact::Degraded => "significant impact to critical services (degraded)",
        Impact::Stopped => "denial of critical services",
        Impact::Safety => "loss of control, people in danger or hurt",
    };
    Some(words.to_owned())
}

pub(super) fn severity(case: &Case<'_>) -> Option<String> {
    let word = case.incident.impact?.word();
    let what = match case.incident.what {
        IncidentKind::Tsi => ", transportation security incident",
        _ => "",
    };
    Some(format!("impact on the terminal's work: {word}{what}"))
}

pub(super) fn information(case: &Case<'_>) -> Option<String> {
    case.incident.information.clone()
}

pub(super) fn recovery(case: &Case<'_>) -> Option<String> {
    case.incident.recovery.clone()
}

/// CISA's element asks for people or systems.
pub(super) fn affected(case: &Case<'_>) -> Option<String> {
    let systems = case.incident.systems.len();
    let people = case.incident.people;
    let people = people.map_or("people not known".to_owned(), |people| {
        format!("people {people}")
    });
    (systems > 0 || case.incident.people.is_some())
        .then(|| format!("systems named {systems}, {people}"))
}

pub(super) fn vector(case: &Case<'_>) -> Option<String> {
    case.incident.vector.clone()
}

pub(super) fn indicators(case: &Case<'_>) -> Option<String> {
    list(case.incident.indicators.iter().cloned())
}

pub(super) fn accounts(case: &Case<'_>) -> Option<String> {
    list(case.incident.accounts.iter().cloned())
}

pub(super) fn actions(case: &Case<'_>) -> Option<String> {
    list(case.incident.actions.iter().cloned())
}

pub(super) fn evidence(case: &Case<'_>) -> Option<String> {
    list(case.incident.evidence.iter().cloned())
}

pub(super) fn party(case: &Case<'_>) -> Option<String> {
    case.incident.party.as_ref().map(|party| party.0.clone())
}

pub(super) fn others(case: &Case<'_>) -> Option<String> {
    let told = case.sent.iter().map(|(_, sent)| {
        let number = sent.case_number.as_ref();
        let number = number.map_or(String::new(), |number| format!(", case {number}"));
        let (to, at) = (addressee(sent.addressee.word()), clock(case, sent.sent));
        format!("{to} by {} on {at}{number}", sent.channel.word())
    });
    list(told).or_else(|| Some("nobody yet".to_owned()))
}

pub(super) fn status(case: &Case<'_>) -> Option<String> {
    Some(match case.incident.closed {
        Some(closed) => format!("closed on {}", clock(case, closed)),
        None => "open".to_owned(),
    })
}

fn person(person: &Person) -> String {
    let mut parts = vec![person.name.clone()];
    parts.extend(person.duties.iter().cloned());
    parts.extend(person.phone.clone());
    parts.extend(person.email.clone());
    parts.join(", ")
}

fn list(values: impl Iterator<Item = String>) -> Option<String> {
    let mut values: Vec<String> = values.collect();
    if values.is_empty() {
        return None;
    }
    let more = values.len().saturating_sub(MOST);
    values.truncate(MOST);
    if more > 0 {
        values.push(format!("and {more} more"));
    }
    Some(values.join("; "))
}
