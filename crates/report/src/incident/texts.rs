//! The texts: for each addressee the fields that it asks for, in its order.
use facts::records::Addressee;

use super::redact::Redactor;
use super::{Case, addressee, fields};
use crate::text::{Sheet, Style};
use crate::visible::show;
use crate::words;

/// How a field is drawn from a case.
type Draw = fn(&Case<'_>) -> Option<String>;

/// What is said where no record says anything.
pub(super) const NOT_KNOWN: &str = "not known";

// The order in which the watchstander of the National Response Center asks: who, where, what, when, then the rest
// (33 CFR 101.305; NVIC 02-24 Change 1 lets the first report be minimal).
const NRC: &[(&str, Draw)] = &[
    ("Reporting party", fields::reporting_party),
    ("Organisation", fields::organisation),
    ("Facility", fields::facility),
    ("Location", fields::location),
    ("Captain of the Port zone", fields::cotp_zone),
    ("MTSA status", fields::mtsa),
    ("What it is", fields::kind),
    ("Began", fields::occurred),
    ("Noticed", fields::detected),
    ("Reported", fields::reported),
    ("What happened", fields::narrative),
    ("How it was noticed", fields::noticed_by),
    ("Systems and cranes", fields::systems),
    ("Critical IT or OT system", fields::critical),
    ("How it came in", fields::vector),
    ("Effect on operations and safety", fields::impact),
    ("What was done", fields::actions),
    ("Third party concerned", fields::party),
    ("Others told", fields::others),
    ("Reachable at any hour", fields::at_any_hour),
    ("Status", fields::status),
];

const CGCYBER: &[(&str, Draw)] = &[
    ("Organisation", fields::organisation),
    ("Facility", fields::facility),
    ("Location", fields::location),
    ("Captain of the Port zone", fields::cotp_zone),
    ("MTSA status", fields::mtsa),
    ("Reporting party", fields::reporting_party),
    ("Reachable at any hour", fields::at_any_hour),
    ("What it is", fields::kind),
    ("Began", fields::occurred),
    ("Noticed", fields::detected),
    ("Reported", fields::reported),
    ("What happened", fields::narrative),
    ("How it was noticed", fields::noticed_by),
    ("Systems, with role and maker", fields::systems),
    ("Critical IT or OT system", fields::critical),
    ("How it came in", fields::vector),
    ("Indicators", fields::indicators),
    ("Accounts used", fields::accounts),
    ("Effect on operations and safety", fields::impact),
    ("Evidence kept", fields::evidence),
    ("What was done", fields::actions),
    ("Third party concerned", fields::party),
    ("Others told, with case numbers", fields::others),
    ("Status", fields::status),
];

// CISA's key elements to share (2022), in their order, then the classes of the Federal Incident Notification Guidelines.
const CISA: &[(&str, Draw)] = &[
    ("1 Date and time", fields::occurred),
    ("  Noticed", fields::detected),
    ("2 Location", fields::location),
    ("3 Type of activity", fields::kind),
    ("4 Description", fields::narrative),
    ("5 People or systems affected", fields::affected),
    ("  Systems", fields::systems),
    ("6 Organisation", fields::organisation),
    ("  Facility", fields::facility),
    ("7 Point of contact", fields::reporting_party),
    ("  Reachable at any hour", fields::at_any_hour),
    ("8 Severity", fields::severity),
    ("9 Critical infrastructure sector", fields::sector),
    ("10 Others informed", fields::others),
    ("Functional impact", fields::functional_impact),
    ("Information impact", fields::information),
    ("Recoverability", fields::recovery),
    ("Attack vector", fields::vector),
    ("Location of observed activity", fields::observed_at),
    ("Indicators", fields::indicators),
    ("Mitigation", fields::actions),
    ("Status", fields::status),
];

const FBI: &[(&str, Draw)] = &[
    ("Victim organisation", fields::organisation),
    ("Facility", fields::facility),
    ("Location", fields::location),
    ("Point of contact", fields::reporting_party),
    ("Reachable at any hour", fields::at_any_hour),
    ("What it is", fields::kind),
    ("Began", fields::occurred),
    ("Noticed", fields::detected),
    ("Reported", fields::reported),
    ("What happened", fields::narrative),
    ("How it came in", fields::vector),
    ("Indicators", fields::indicators),
    ("Accounts used", fields::accounts),
    ("Systems", fields::systems),
    ("Loss and effect", fields::impact),
    ("Data concerned", fields::information),
    ("Evidence kept", fields::evidence),
    ("What was done", fields::actions),
    ("Third party concerned", fields::party),
    ("Others told, with case numbers", fields::others),
    ("Status", fields::status),
];

/// Fields that hold words of this program and of the rules alone: a zone called `business` hides no level of the guidelines.
const OWN_WORDS: &[&str] = &[
    "What it is",
    "3 Type of activity",
    "MTSA status",
    "Critical IT or OT system",
    "Functional impact",
    "Location of observed activity",
    "8 Severity",
    "Status",
];

fn asked(to: Addressee) -> &'static [(&'static str, Draw)] {
    match to {
        Addressee::Nrc | Addressee::Cotp => NRC,
        Addressee::Cgcyber => CGCYBER,
        Addressee::Cisa => CISA,
        Addressee::Fbi => FBI,
        Addressee::Party | Addressee::Other => CGCYBER,
    }
}

/// Every value that any text holds, for a redactor to number.
pub(super) fn all_values(case: &Case<'_>) -> String {
    let of = |table: &[(&str, Draw)]| -> Vec<String> {
        table.iter().filter_map(|(_, draw)| draw(case)).collect()
    };
    let fields = [NRC, CGCYBER, CISA, FBI].into_iter().flat_map(of);
    let people = case.contacts.iter().filter_map(|one| one.1.person.clone());
    let beside = people.chain([case.id.to_owned()]);
    fields.chain(beside).collect::<Vec<_>>().join("\n")
}

/// Fields that no record fills, of all texts.
pub(super) fn missing(case: &Case<'_>) -> Vec<&'static str> {
    let mut labels: Vec<&str> = Vec::new();
    for (label, draw) in [NRC, CGCYBER, CISA, FBI].into_iter().flatten() {
        let label = label.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        if draw(case).is_none() && !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// 49 CFR 1520.13(b): the marking at the top; (c): the statement at the bottom.
const MARKING: &str = "SENSITIVE SECURITY INFORMATION";
const STATEMENT: &str = "WARNING: This record contains Sensitive Security Information that is controlled under 49 CFR parts 15 and 1520. No part of this record may be disclosed to persons without a \"need to know\", as defined in 49 CFR parts 15 and 1520, except with the written permission of the Administrator of the Transportation Security Administration or the Secretary of Transportation. Unauthorized release may result in civil penalty or other action. For U.S. government agencies, public disclosure is governed by 5 U.S.C. 552 and 49 CFR parts 15 and 1520.";

/// The text for one addressee, to be read over by whoever sends it.
pub fn report(case: &Case<'_>, to: Addressee, redactor: &Redactor) -> String {
    let mut out = Sheet::new(Style::default());
    if case.incident.ssi {
        out.line(MARKING);
        out.blank();
    }
    out.line(&format!(
        "Report of an incident to: {}",
        addressee(to.word())
    ));
    // Who else may be told of it is in no list.
    let is_listed = !matches!(to, Addressee::Party | Addressee::Other);
    let contacts = is_listed.then(|| contacts(case, to.word()));
    for contact in contacts.into_iter().flatten() {
        out.wrapped(2, 4, &show(&redactor.apply(&contact)));
    }
    // Whoever opened it may have named it after a crane.
    let title = format!(
        "Incident {}, written {}",
        show(&redactor.apply(case.id)),
        case.now.local(case.zone())
    );
    out.wrapped(0, 0, &title);
    if redactor.is_any() {
        out.wrapped(0, 0, &redactor.note());
    }
    for (label, draw) in asked(to) {
        let hide = |value: String| match OWN_WORDS.contains(label) {
            true => value,
            false => redactor.apply(&value),
        };
        let value = draw(case).map(hide);
        let value = value.unwrap_or_else(|| NOT_KNOWN.to_owned());
        out.blank();
        out.line(label.trim_end());
        for paragraph in value.split('\n') {
            out.wrapped(4, 4, &show(paragraph));
        }
    }
    if case.incident.ssi {
        out.blank();
        out.wrapped(0, 0, STATEMENT);
    }
    out.text
}

/// Where it goes: the terminal's own contacts first, then those that this version knows, with their age.
pub(super) fn contacts(case: &Case<'_>, to: &str) -> Vec<String> {
    let ways = |phone: &Option<String>, email: &Option<String>, portal: &Option<String>| {
        let all = [phone, email, portal].into_iter().flatten().cloned();
        all.collect::<Vec<_>>().join(" or ")
    };
    let own = case
        .contacts
        .iter()
        .filter(|(_, one)| one.addressee.word() == to);
    let mut contacts: Vec<String> = own
        .map(|(id, one)| {
            let ways = ways(&one.phone, &one.email, &one.portal);
            let person = one
                .person
                .as_ref()
                .map_or(String::new(), |name| format!("{name}, "));
            format!(
                "{person}{}: {ways} (own contact {id}, looked up {})",
                one.organisation, one.looked_up
            )
        })
        .collect();
    contacts.extend(case.lists.contacts_of(to).into_iter().map(|one| {
        let ways = ways(&one.phone, &one.email, &one.portal);
        format!(
            "{}: {ways} ({}; as of {})",
            one.organisation, one.source, one.date
        )
    }));
    if contacts.is_empty() {
        contacts.push(format!(
            "{} is not in the list of contacts; record one: seawall record contact",
            words::capital(addressee(to))
        ));
    }
    contacts
}
