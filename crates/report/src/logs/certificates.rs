//! Certificates, as the logs of others name and write what they say.
use std::collections::HashMap;

use facts::kinds::{Certificate, Conversation};
use facts::{Address, Facts};
use serde_json::{Value as Json, json};

/// Both ends and the server's port.
type Ends = (Address, Address, Option<u16>);

/// Certificates by the ends between which they were shown.
pub(super) struct Shown<'f> {
    by_ends: HashMap<Ends, Vec<&'f Certificate>>,
}

impl<'f> Shown<'f> {
    pub(super) fn of(facts: &'f Facts) -> Shown<'f> {
        let mut by_ends: HashMap<Ends, Vec<&'f Certificate>> = HashMap::new();
        for row in &facts.certificates {
            let ends = (row.client, row.server, row.server_port);
            by_ends.entry(ends).or_default().push(row);
        }
        Shown { by_ends }
    }

    /// What the server (or the client) of a conversation showed in it; `asked_for` is the name that the client asked for.
    /// Nothing where several may be meant.
    pub(super) fn within(
        &self,
        flow: &Conversation,
        asked_for: Option<&str>,
        by_client: bool,
    ) -> Option<&'f Certificate> {
        let rows = self
            .by_ends
            .get(&(flow.client, flow.server, flow.server_port))?;
        // From version 1.3 on it is sealed (RFC 8446, 4.4.2).
        if flow.variant.as_deref() == Some("1.3") || flow.bytes_in == 0 {
            return None;
        }
        let mut fitting = rows.iter().copied().filter(|row| {
            row.by_client == by_client
                && row.asked_for.as_deref() == asked_for
                && row.time <= flow.last
                && flow.time <= row.last
        });
        let first = fitting.next()?;
        fitting
            .all(|row| row.sha256 == first.sha256)
            .then_some(first)
    }
}

/// What Suricata's `tls` has of a certificate; times are in UTC without saying so.
pub(super) fn eve(row: &Certificate) -> Json {
    let moment = |text: &Option<String>| Some(text.as_deref()?.trim_end_matches('Z').to_owned());
    json!({
        "subject": row.subject, "issuerdn": row.issuer, "serial": row.serial,
        "fingerprint": pairs(&row.sha1),
        "notbefore": moment(&row.not_before), "notafter": moment(&row.not_after),
    })
}

/// Hexadecimal digits in pairs, with colons.
fn pairs(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    let pairs = digits.chunks(2).map(String::from_iter);
    pairs.collect::<Vec<String>>().join(":")
}

/// A name as Zeek has it from OpenSSL (RFC 2253): the last part first, without blanks between.
pub(super) fn turned(name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in name.split(", ") {
        let is_new = part.split_once('=').is_some_and(|(kind, _)| {
            !kind.is_empty()
                && kind
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        });
        match parts.last_mut() {
            Some(last) if !is_new => {
                last.push_str("\\, ");
                last.push_str(part);
            }
            _ => parts.push(part.replace(" + ", "+")),
        }
    }
    parts.reverse();
    let named = parts
        .into_iter()
        .map(|part| match part.strip_prefix("Email=") {
            Some(address) => format!("emailAddress={address}"),
            None => part,
        });
    named.collect::<Vec<String>>().join(",")
}

/// What Zeek calls the kind of a key.
pub(super) fn key_kind(algorithm: &str) -> &'static str {
    match algorithm {
        "rsaEncryption" => "rsa",
        "id-ecPublicKey" => "ecdsa",
        "dsa" | "id-dsa" => "dsa",
        _ => "unknown",
    }
}

/// Seconds since 1970 of a time in RFC 3339 and UTC. X.509 knows years for which [`facts::Time`] has no room.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // Years that begin in March end with the day that some of them have more.
    let (years, months) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let days = years * 365 + leap + (months * 153 + 2) / 5 + day - 1 - 719_468;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

#[test]
fn names_and_times_are_written_as_others_write_them() {
    let turned_of = "C=US, ST=Texas, O=Example, Inc., CN=plc1 + SN=7, Email=a@b.example";
    assert_eq!(
        turned(turned_of),
        "emailAddress=a@b.example,CN=plc1+SN=7,O=Example\\, Inc.,ST=Texas,C=US"
    );
    assert_eq!(pairs("0a1bff"), "0a:1b:ff");
    assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0.0));
    assert_eq!(seconds("2000-02-29T12:00:01Z"), Some(951_825_601.0));
    assert_eq!(seconds("9999-12-31T23:59:59Z"), Some(253_402_300_799.0));
    assert_eq!(seconds("soon"), None);
}

#[test]
fn a_certificate_is_told_of_the_connections_that_may_have_shown_it_and_of_no_other() {
    use facts::Time;
    let flow = |from: i64, until: i64| Conversation {
        time: Time(from),
        last: Time(until),
        bytes_in: 1,
        server_port: Some(443),
        ..Conversation::default()
    };
    let row = |at: i64, sha256: &str, asked_for: Option<&str>| Certificate {
        time: Time(at),
        last: Time(at + 10),
        server_port: Some(443),
        asked_for: asked_for.map(str::to_owned),
        sha256: sha256.to_owned(),
        ..Certificate::default()
    };
    let facts = Facts {
        certificates: vec![
            row(100, "a", None),
            row(100, "b", Some("hmi.example")),
            // Two behind one address take turns.
            row(200, "c", None),
            row(200, "d", None),
        ],
        ..Facts::default()
    };
    let shown = Shown::of(&facts);
    let within = |flow: &Conversation, asked_for| {
        let row = shown.within(flow, asked_for, false);
        row.map(|row| row.sha256.as_str())
    };
    assert_eq!(within(&flow(90, 101), None), Some("a"));
    assert_eq!(within(&flow(90, 101), Some("hmi.example")), Some("b"));
    assert_eq!(within(&flow(90, 99), None), None);
    assert_eq!(within(&flow(111, 120), None), None);
    assert_eq!(within(&flow(190, 205), None), None, "which is not known");
    let other = Conversation {
        server_port: Some(8443),
        ..flow(90, 101)
    };
    assert_eq!(within(&other, None), None);
    let sealed = Conversation {
        variant: Some("1.3".into()),
        ..flow(90, 101)
    };
    assert_eq!(within(&sealed, None), None);
    assert!(shown.within(&flow(90, 101), None, true).is_none());
}
