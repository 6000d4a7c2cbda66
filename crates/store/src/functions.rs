//! SQL functions of our own: what pages need to compare addresses and to write full sentences.
use std::net::IpAddr;

use facts::Time;
use facts::lists::{Platforms, Suppliers};
use ipnet::IpNet;
use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;

/// A function as `seawall sql --tables` lists it.
pub(crate) const FUNCTIONS: &[(&str, &str)] = &[
    (
        "in_net(ip, prefix)",
        "1 when the address lies in the prefix, e.g. `in_net(ip, '10.20.0.0/16')`; null when either is not one.",
    ),
    (
        "local_time(time)",
        "The time in the terminal's zone, e.g. `2026-11-21 10:12:03 EST`.",
    ),
    (
        "when_seen(time, last)",
        "For a sentence: `on 2026-11-21 at 10:12:03 EST`, or `between … and …` when the two differ by a second or more.",
    ),
    (
        "seconds_between(a, b)",
        "Seconds from time a to time b, with fraction.",
    ),
    (
        "plural(n, noun)",
        "`1 frame`, `12 frames`; a third argument gives an irregular plural.",
    ),
    ("human_bytes(n)", "`532 bytes`, `1.2 MB`."),
    ("listed(json)", "A JSON list as prose: `a, b and c`."),
    ("zone_name(zone)", "The name, or `no zone` for null."),
    (
        "supplier_trust(name)",
        "`untrusted`, `watched` or `trusted` as the built-in lists have a supplier of that name; null where they do not. The site's own are in `site_supplier`.",
    ),
    (
        "watched_platform(name)",
        "The platform of the built-in list to which a DNS name belongs, matched by label; null for none. The site's own are in `site_platform`.",
    ),
    (
        "cited(json)",
        "Over rows: their lists of evidence as one list, as much of it as a finding shows; `cited(evidence ORDER BY id)`.",
    ),
];

/// Bytes of one list of evidence: some thousand citations, of which a finding shows the first.
const MOST_CITED: usize = 1 << 16;

pub(crate) fn register(db: &Connection, time_zone: &str) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("in_net", 2, pure, |c| {
        let ip: Option<IpAddr> = text(c, 0).and_then(|t| t.parse().ok());
        let net: Option<IpNet> = text(c, 1).and_then(|t| t.parse().ok());
        Ok(ip.zip(net).map(|(ip, net)| net.contains(&ip)))
    })?;
    let zone = time_zone.to_owned();
    db.create_scalar_function("local_time", 1, pure, move |c| {
        Ok(time(c, 0).map(|t| t.local(&zone)))
    })?;
    let zone = time_zone.to_owned();
    db.create_scalar_function("when_seen", 2, pure, move |c| {
        Ok(time(c, 0).map(|first| when_seen(first, time(c, 1).unwrap_or(first), &zone)))
    })?;
    db.create_scalar_function("seconds_between", 2, pure, |c| {
        #[allow(
            clippy::cast_precision_loss,
            reason = "a fraction of a second of an interval; 53 bits are ample"
        )]
        let seconds = |nanos: i64| nanos as f64 / 1e9;
        Ok(time(c, 0).zip(time(c, 1)).map(|(a, b)| seconds(b.since(a))))
    })?;
    for arguments in [2, 3] {
        db.create_scalar_function("plural", arguments, pure, |c| {
            let n = number(c, 0).unwrap_or(0);
            let noun = text(c, 1).unwrap_or_default();
            let several = if c.len() > 2 {
                text(c, 2).unwrap_or_default()
            } else {
                format!("{noun}s")
            };
            Ok(format!("{n} {}", if n == 1 { noun } else { several }))
        })?;
    }
    db.create_scalar_function("human_bytes", 1, pure, |c| {
        Ok(human_bytes(number(c, 0).unwrap_or(0)))
    })?;
    db.create_scalar_function("listed", 1, pure, |c| {
        Ok(text(c, 0).map(|json| listed(&json)))
    })?;
    db.create_scalar_function("zone_name", 1, pure, |c| {
        Ok(text(c, 0).unwrap_or_else(|| "no zone".to_owned()))
    })?;
    let lists = std::sync::LazyLock::new(Suppliers::builtin);
    db.create_scalar_function("supplier_trust", 1, pure, move |c| {
        let trust = text(c, 0).and_then(|name| lists.by_name(&name)?.trust);
        Ok(trust.map(|trust| trust.to_string()))
    })?;
    let lists = std::sync::LazyLock::new(Platforms::builtin);
    db.create_scalar_function("watched_platform", 1, pure, move |c| {
        Ok(text(c, 0).and_then(|name| lists.of_name(&name).map(str::to_owned)))
    })?;
    db.create_aggregate_function("cited", 1, pure, Cited)
}

/// A page asks once per group for what it would otherwise look up for each finding.
struct Cited;

impl Aggregate<String, String> for Cited {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<String> {
        Ok(String::new())
    }

    fn step(&self, c: &mut Context<'_>, list: &mut String) -> rusqlite::Result<()> {
        let ValueRef::Text(json) = c.get_raw(0) else {
            return Ok(());
        };
        let json = str::from_utf8(json).unwrap_or_default().trim();
        let inner = json
            .strip_prefix('[')
            .and_then(|json| json.strip_suffix(']'))
            .map(str::trim);
        if let Some(inner) = inner.filter(|inner| !inner.is_empty() && list.len() < MOST_CITED) {
            list.push(if list.is_empty() { '[' } else { ',' });
            list.push_str(inner);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, list: Option<String>) -> rusqlite::Result<String> {
        let list = list.filter(|list| !list.is_empty());
        Ok(list.map_or_else(|| "[]".to_owned(), |list| list + "]"))
    }
}

pub(crate) fn text(c: &Context<'_>, index: usize) -> Option<String> {
    match c.get_raw(index) {
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Integer(n) => Some(n.to_string()),
        ValueRef::Real(n) => Some(n.to_string()),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

fn number(c: &Context<'_>, index: usize) -> Option<i64> {
    match c.get_raw(index) {
        ValueRef::Integer(n) => Some(n),
        _ => text(c, index).and_then(|t| t.parse().ok()),
    }
}

fn time(c: &Context<'_>, index: usize) -> Option<Time> {
    text(c, index).and_then(|t| Time::parse(&t))
}

/// `on 2026-11-21 at 10:12:03 EST`; the date once when both ends share it.
fn when_seen(first: Time, last: Time, zone: &str) -> String {
    let (from, until) = (first.local(zone), last.local(zone));
    let split = |local: &str| {
        local
            .split_once(' ')
            .map(|(date, clock)| (date.to_owned(), clock.to_owned()))
    };
    match (split(&from), split(&until)) {
        (Some((date, clock)), Some(_)) if from == until => format!("on {date} at {clock}"),
        (Some((date, clock)), Some((same, later))) if date == same => {
            // One zone abbreviation is enough: `10:12:03 EST` and `10:15:00 EST` say it twice.
            let clock = match (clock.split_once(' '), later.split_once(' ')) {
                (Some((bare, a)), Some((_, b))) if a == b => bare.to_owned(),
                _ => clock,
            };
            format!("on {date} between {clock} and {later}")
        }
        (Some((date, clock)), Some((other, later))) => {
            format!("between {date} {clock} and {other} {later}")
        }
        _ => format!("between {from} and {until}"),
    }
}

fn human_bytes(n: i64) -> String {
    const UNITS: [(&str, i64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    for (unit, size) in UNITS {
        if n >= size {
            let tenths = n.saturating_mul(10) / size;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    if n == 1 {
        "1 byte".to_owned()
    } else {
        format!("{n} bytes")
    }
}

fn listed(json: &str) -> String {
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(json) else {
        return json.to_owned();
    };
    let words: Vec<String> = values
        .iter()
        .filter(|value| !value.is_null())
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[test]
fn moments_and_lists_read_as_prose() {
    let at = |text: &str| Time::parse(text).unwrap();
    let (a, b) = (at("2026-11-21T15:12:03Z"), at("2026-11-21T15:15:00Z"));
    assert_eq!(
        when_seen(a, a.plus_secs(0), "America/New_York"),
        "on 2026-11-21 at 10:12:03 EST"
    );
    assert_eq!(
        when_seen(a, b, "America/New_York"),
        "on 2026-11-21 between 10:12:03 and 10:15:00 EST"
    );
    assert_eq!(
        when_seen(a, at("2026-11-22T15:15:00Z"), "UTC"),
        "between 2026-11-21 15:12:03 UTC and 2026-11-22 15:15:00 UTC"
    );
    assert_eq!(listed(r#"["a","b",3]"#), "a, b and 3");
    assert_eq!(
        (human_bytes(1), human_bytes(999), human_bytes(1_250_000)),
        ("1 byte".into(), "999 bytes".into(), "1.2 MB".into())
    );
}
