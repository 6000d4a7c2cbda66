//! Five years of records by recipe: what a terminal of forty cranes would have recorded, and what refers to what.
//!
//! Each field is filled by its form: names are those of devices of the terminal and of records that are there, times lie in the
//! month in which the record was made. So a kind that gains a field needs no word here. One record of ten is told again later,
//! and one of a thousand withdrawn.
use facts::Time;
use facts::records::{Form, RecordInfo, Shape, Target};
use serde_json::{Map, Value as Json};
use store::ledger::{Content, New};

use crate::terminal;

pub const MONTHS: u64 = 60;
const MONTH: i64 = 30 * 86_400;

/// Kinds and how many of each there are: doors, backups and inspections are most of it.
const KINDS: &[(&str, u64)] = &[
    ("person", 2_000),
    ("facility", 60),
    ("cabinet", 2_500),
    ("key", 5_000),
    ("required-item", 5_000),
    ("component-class", 400),
    ("supplier-part", 800),
    ("third-party-contract", 80),
    ("contract-permission", 400),
    ("work-order", 20_000),
    ("conduit", 200),
    ("access-grant", 20_000),
    ("access-review", 240),
    ("briefing", 300),
    ("change-request", 25_000),
    ("approval", 50_000),
    ("rule-recertification", 6_000),
    ("program-baseline", 20_000),
    ("remediation", 20_000),
    ("media-permit", 8_000),
    ("vendor-visit", 20_000),
    ("backup", 200_000),
    ("custody", 40_000),
    ("restore-test", 40_000),
    ("spare", 5_000),
    ("rebuild-procedure", 400),
    ("rebuild-test", 4_000),
    ("inspection", 60_000),
    ("door-event", 380_000),
    ("drill", 40),
    ("exercise-action", 300),
    ("membership", 5),
    ("contact", 60),
    ("contact-test", 1_000),
    ("incident", 60),
    ("report-sent", 150),
    ("finding", 50_000),
    ("acknowledgement", 2_000),
    ("necessity", 600),
    ("exception", 300),
];

/// What was recorded in a month, and when it was; of so many records in all, about.
pub fn month(month: u64, all: u64) -> (Vec<New>, Time) {
    let begin = terminal::as_of().plus_secs((month as i64 - MONTHS as i64) * MONTH);
    let mut new = Vec::new();
    for (kind, count) in KINDS {
        let count = share(*count, all);
        let info = facts::records::kind(kind).unwrap();
        for n in count * month / MONTHS..count * (month + 1) / MONTHS {
            let id = if n % 10 == 9 { n - n % 10 } else { n };
            let content = match terminal::mixed64(n) % 1000 {
                7 => Content::Withdrawn("entered twice".to_owned()),
                _ => Content::Body(body(info, n, begin, all)),
            };
            new.push(New {
                kind: (*kind).to_owned(),
                id: format!("{kind}-{id}"),
                content,
                valid_from: None,
                valid_until: None,
                attachments: Vec::new(),
            });
        }
    }
    (new, begin.plus_secs(MONTH - 1))
}

fn share(count: u64, all: u64) -> u64 {
    (count * all / 1_000_000).max(5)
}

fn body(info: &RecordInfo, n: u64, begin: Time, all: u64) -> Map<String, Json> {
    let mut body = Map::new();
    for (place, field) in (1..).zip(info.fields) {
        let dice = terminal::mixed64(n * 64 + place);
        // What may be missing mostly is.
        if field.shape == Shape::May && !dice.is_multiple_of(8) {
            continue;
        }
        let late = info.order.iter().any(|(_, then)| *then == field.name);
        let after = if late { 30 * 86_400 } else { 0 };
        let time = begin.plus_secs(i64::try_from(dice % 2_500_000).unwrap() / 2 + after);
        let one = |dice: u64| value(&field.form, dice, time, all);
        let value = match field.shape {
            Shape::One | Shape::May => one(dice),
            Shape::List if !dice.is_multiple_of(4) => continue,
            Shape::List | Shape::Filled => vec![one(dice), one(dice >> 16)].into(),
        };
        body.insert(field.name.to_owned(), value);
    }
    body
}

fn value(form: &Form, dice: u64, time: Time, all: u64) -> Json {
    let dice = dice >> 20;
    match form {
        Form::Text => format!("text {}", dice % 300).into(),
        Form::Whole => (dice % 400).into(),
        Form::YesNo => (!dice.is_multiple_of(8)).into(),
        Form::Date => time.to_string().get(..10).unwrap().into(),
        Form::Time => time.to_string().into(),
        Form::Sha256 => format!("{:064x}", dice % 5_000).into(),
        Form::Service => "modbus".into(),
        Form::Words(words) => {
            let words = words();
            words[usize::try_from(dice).unwrap() % words.len()].0.into()
        }
        Form::Name(targets) => {
            let target = targets[usize::try_from(dice >> 20).unwrap() % targets.len()];
            match target {
                Target::Asset => terminal::asset_name(dice).into(),
                Target::Crane => format!("STS-{:02}", dice % 40).into(),
                Target::Zone => format!("sts{:02}", dice % 40).into(),
                Target::Party => format!("party-{}", dice % 30).into(),
                Target::Conduit => format!("conduit-{}", dice % 200).into(),
                Target::WorkOrder => format!("work-order-{}", dice % 20_000).into(),
                Target::Record(kind) => {
                    let count = KINDS.iter().find(|(known, _)| *known == kind);
                    format!(
                        "{kind}-{}",
                        dice % count.map_or(1, |(_, count)| share(*count, all))
                    )
                    .into()
                }
            }
        }
    }
}
