//! An incident for the one who has to see it through: what is owed to whom since when, and what is not known yet.
use serde_json::{Value as Json, json};

use super::duties::length;
use super::texts::{contacts, missing};
use super::{Case, Duty, Told, addressee, duties};
use crate::json::escape_hidden;
use crate::text::{Sheet, Style};
use crate::visible::show;
use crate::{explain, words};

/// For a terminal; `site` is the folder as it was given.
pub fn text(case: &Case<'_>, site: &str, style: Style) -> String {
    let (incident, zone) = (case.incident, case.zone());
    let mut out = Sheet::new(style);
    let state = if incident.closed.is_some() {
        "closed"
    } else {
        "open"
    };
    out.heading(&format!("Incident {}, {state}", show(case.id)));
    out.wrapped(0, 0, incident.what.doc().trim());
    out.blank();
    for paragraph in incident.narrative.split('\n') {
        out.wrapped(0, 4, &show(paragraph));
    }
    out.blank();
    let known =
        |time: Option<facts::Time>| time.map_or("not known".to_owned(), |at| at.local(zone));
    out.field(0, "Began", &known(incident.occurred));
    out.field(0, "Noticed", &known(Some(incident.detected)));
    if incident.closed.is_some() {
        out.field(0, "Closed", &known(incident.closed));
    }
    if incident.ssi {
        out.field(0, "Marking", "Sensitive Security Information (49 CFR 1520)");
    }
    out.blank();
    out.heading("Who is to be told");
    for duty in duties(case) {
        let proposed = if duty.is_proposed {
            " (proposed, not in force)"
        } else {
            ""
        };
        let line = format!(
            "{}: {}, {}{proposed}",
            words::capital(addressee(&duty.to)),
            duty.when,
            duty.rule
        );
        out.wrapped(2, 4, &show(&line));
        out.wrapped(4, 4, &show(&stands(case, &duty)));
    }
    let owed = owed(case);
    if !owed.is_empty() {
        out.blank();
        out.heading("Still owed");
        for to in &owed {
            out.wrapped(2, 4, &words::capital(addressee(to)));
            for contact in contacts(case, to) {
                out.wrapped(4, 6, &show(&contact));
            }
        }
    }
    let missing = missing(case);
    if !missing.is_empty() {
        out.blank();
        out.heading("Not known yet");
        out.wrapped(2, 2, &missing.join(", "));
        out.wrapped(
            2,
            2,
            "The first report may be made without it; nothing is to be guessed.",
        );
    }
    out.blank();
    out.heading("Next");
    let (site, id) = (explain::quoted(site), explain::quoted(case.id));
    let mut command = |what: &str, line: String| {
        out.wrapped(2, 2, what);
        out.line(&format!("    {line}"));
    };
    command(
        "The texts to read out or send:",
        format!("seawall incident {site} report {id} --output ."),
    );
    if let Some(to) = owed.first() {
        command(
            "Once one was told:",
            format!(
                "seawall incident {site} sent {id} --to {to} --channel phone --by PERSON --case NUMBER"
            ),
        );
    }
    command(
        "What is learnt:",
        format!("seawall record incident --site {site} --id {id} FIELD=VALUE"),
    );
    out.text
}

/// How a duty stands.
fn stands(case: &Case<'_>, duty: &Duty) -> String {
    let (zone, noticed) = (case.zone(), case.incident.detected);
    match &duty.told {
        Told::Sent {
            report,
            at,
            case_number,
        } => {
            let number = case_number.as_ref();
            let number = number.map_or(", no case number yet".to_owned(), |number| {
                format!(", case {number}")
            });
            let late = if duty.is_late(case.now) { ", late" } else { "" };
            format!(
                "Told on {}, {} after it was noticed{late}{number} ({report}).",
                at.local(zone),
                length(noticed, *at)
            )
        }
        Told::ByOthers { source } => format!("Told by another report: {source}."),
        Told::No if duty.is_proposed => "Owed by nobody yet.".to_owned(),
        Told::No => {
            let due = duty
                .due
                .map_or(String::new(), |due| format!(" Due by {}.", due.local(zone)));
            let late = if duty.is_late(case.now) {
                " It is late."
            } else {
                ""
            };
            format!(
                "NOT TOLD, {} since it was noticed.{due}{late}",
                length(noticed, case.now)
            )
        }
    }
}

/// Addressees that are owed a report, each once.
fn owed(case: &Case<'_>) -> Vec<String> {
    let mut owed: Vec<String> = Vec::new();
    for duty in duties(case) {
        if duty.is_owed() && !owed.contains(&duty.to) {
            owed.push(duty.to);
        }
    }
    owed
}

/// All incidents, a line each.
pub fn list(cases: &[Case<'_>], style: Style) -> String {
    let mut out = Sheet::new(style);
    if cases.is_empty() {
        out.wrapped(0, 2, "No incident is recorded. To open one: seawall incident SITE open CAPTURE... --id ID --finding FINDING");
    }
    for case in cases {
        let state = if case.incident.closed.is_some() {
            "closed"
        } else {
            "open"
        };
        let owed = owed(case);
        let told = match owed.is_empty() {
            true => "all told".to_owned(),
            false => format!("owed to {}", owed.join(", ")),
        };
        let line = format!(
            "{}  {state}  noticed {}  {}  {told}",
            show(case.id),
            case.incident.detected.local(case.zone()),
            case.incident.what.word()
        );
        out.wrapped(0, 4, &line);
    }
    out.text
}

/// For programs.
pub fn json(case: &Case<'_>) -> String {
    let duty = |one: &Duty| {
        let (state, by) = match &one.told {
            Told::Sent {
                report,
                at,
                case_number,
            } => (
                "told",
                json!({ "report": report, "at": at.to_string(), "case_number": case_number }),
            ),
            Told::ByOthers { source } => ("told by others", json!({ "source": source })),
            Told::No if one.is_proposed => ("proposed", Json::Null),
            Told::No => ("owed", Json::Null),
        };
        json!({
            "rule": one.rule, "asks": one.asks, "to": one.to, "when": one.when, "source": one.source,
            "due": one.due.map(|due| due.to_string()), "late": one.is_late(case.now), "state": state, "told": by,
        })
    };
    let tree = json!({
        "id": case.id,
        "incident": facts::records::Record::body(case.incident),
        "duties": duties(case).iter().map(duty).collect::<Vec<_>>(),
        "not_known": missing(case),
        "as_of": case.now.to_string(),
        "contacts_version": case.lists.version,
    });
    escape_hidden(&format!("{tree:#}\n"))
}
