//! The kinds of value that stand in a site file: how each is written, and what to say when it is not.
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::{Schema, json_schema};
use toml::de::{DeInteger, DeValue};

use super::reader::{Value, Wrong};
use super::spelling::{closest, hint};
use super::{EventFormat, OutputKind, Role, Service, Timestamps, Trust, ZoneKind};
use crate::kinds::Verb;
use crate::{Mac, Time};

fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Wrong> {
    let text = value.as_str().ok_or(Wrong::Type)?.trim();
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    Ok(text)
}

impl Value for String {
    const FORM: &'static str = "text";
    const EXAMPLE: &'static str = "\"…\"";

    fn schema() -> Schema {
        json_schema!({ "type": "string", "title": Self::FORM, "minLength": 1 })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        text(value).map(str::to_owned)
    }
}

impl Value for bool {
    const FORM: &'static str = "true or false";
    const EXAMPLE: &'static str = "true";
    const WANTS: &'static str = "true or false";

    fn schema() -> Schema {
        json_schema!({ "type": "boolean", "title": Self::FORM, "default": false })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        value.as_bool().ok_or(Wrong::Type)
    }
}

/// A VLAN identifier (IEEE 802.1Q, 9.6: 0 is a priority tag, 4095 is reserved).
#[derive(Clone, Copy, Debug)]
pub(super) struct Vlan(pub(super) u16);

impl Value for Vlan {
    const FORM: &'static str = "VLAN, 1 to 4094";
    const EXAMPLE: &'static str = "10";
    const WANTS: &'static str = "a whole number";

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "title": Self::FORM, "minimum": 1, "maximum": 4094, "examples": [10] })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let number: &DeInteger<'_> = value.as_integer().ok_or(Wrong::Type)?;
        match u16::from_str_radix(number.as_str(), number.radix()) {
            Ok(vlan @ 1..=4094) => Ok(Vlan(vlan)),
            _ => Wrong::value(format!("{number} is no VLAN"), "VLANs run from 1 to 4094"),
        }
    }
}

/// Reads an address with its prefix length, without bits beyond it.
pub(super) fn net(text: &str) -> Result<IpNet, Wrong> {
    if let Ok(net) = text.parse::<IpNet>() {
        if net.addr() != net.network() {
            return Wrong::value(
                format!("{text} has bits beyond its prefix length"),
                format!(
                    "write {} for the subnet, or {}/{} for the host",
                    net.trunc(),
                    net.addr(),
                    net.max_prefix_len()
                ),
            );
        }
        return Ok(net);
    }
    match text
        .split_once('/')
        .map(|(address, length)| (address.parse::<IpAddr>(), length))
    {
        Some((Ok(address), length)) => Wrong::value(
            format!("\"{length}\" is no prefix length"),
            format!(
                "a prefix length runs from 0 to {}",
                IpNet::from(address).max_prefix_len()
            ),
        ),
        _ => Wrong::value(
            format!("\"{text}\" is no subnet"),
            "write an address and its prefix length, e.g. 10.20.10.0/24 or fd00:20::/64",
        ),
    }
}

/// A subnet of a zone: its prefix length must be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subnet(pub(super) IpNet);

impl Value for Subnet {
    const FORM: &'static str = "subnet";
    const EXAMPLE: &'static str = "\"10.20.10.0/24\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Wrong::value(
                format!("{text} has no prefix length"),
                format!(
                    "add it, e.g. {text}/{}, or /{} for that one address",
                    if address.is_ipv4() { 24 } else { 64 },
                    { IpNet::from(address).max_prefix_len() }
                ),
            );
        }
        net(text).map(Subnet)
    }
}

/// A subnet or a single address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Net(pub(super) IpNet);

impl Value for Net {
    const FORM: &'static str = "address or subnet";
    const EXAMPLE: &'static str = "\"203.0.113.45/32\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Net(IpNet::from(address))),
            Err(_) => net(text).map(Net),
        }
    }
}

impl Value for IpAddr {
    const FORM: &'static str = "IP address";
    const EXAMPLE: &'static str = "\"10.20.10.10\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        let Ok(address) = text.parse::<IpAddr>() else {
            return match text.split_once('/') {
                Some((address, _)) if address.parse::<IpAddr>().is_ok() => Wrong::value(
                    format!("{text} is a subnet, not the address of an interface"),
                    format!("write {address}"),
                ),
                _ => Wrong::value(
                    format!("\"{text}\" is no IP address"),
                    "write one, e.g. 10.20.10.10",
                ),
            };
        };
        let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        if address.is_multicast() || address.is_unspecified() || address.is_loopback() || broadcast
        {
            return Wrong::value(
                format!("{text} is an address that no device has on a network"),
                "write the interface's own, or leave ip out",
            );
        }
        Ok(address)
    }
}

impl Value for Mac {
    const FORM: &'static str = "MAC address";
    const EXAMPLE: &'static str = "\"28:63:36:8a:01:10\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        match text.parse::<Mac>() {
            Ok(mac) if mac.is_device() => Ok(mac),
            Ok(_) => Wrong::value(
                format!("{text} is a group address or all zero, which no device has"),
                "write the interface's own, or leave mac out",
            ),
            Err(_) => Wrong::value(
                format!("\"{text}\" is no MAC address"),
                "write six octets in hex, e.g. 28:63:36:8a:01:10",
            ),
        }
    }
}

impl Value for Time {
    const FORM: &'static str = "time with offset";
    const EXAMPLE: &'static str = "2026-11-21T08:00:00Z";

    fn schema() -> Schema {
        json_schema!({ "type": "string", "title": Self::FORM, "format": "date-time", "examples": [Self::EXAMPLE] })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let written = match value {
            DeValue::Datetime(stamp) => stamp.to_string(),
            DeValue::String(_) => text(value)?.to_owned(),
            _ => return Err(Wrong::Type),
        };
        if let Some(time) = Time::parse(&written) {
            return Ok(time);
        }
        if Time::parse(&format!("{written}Z")).is_some() {
            return Wrong::value(
                format!("{written} has no offset, so it names no point in time"),
                format!("write {written}Z if it is UTC, else e.g. {written}-05:00"),
            );
        }
        if let Ok(day) = written.parse::<jiff::civil::Date>() {
            return Wrong::value(
                format!("{written} is a day, not a point in time"),
                format!(
                    "write e.g. {day}T08:00:00Z, or with the terminal's offset {day}T08:00:00-05:00"
                ),
            );
        }
        Wrong::value(
            format!("{written} is no time from 1678 to 2261 in RFC 3339"),
            "write e.g. 2026-11-21T08:00:00Z; what has no end leaves the key out",
        )
    }

    const WANTS: &'static str = "a time";
}

/// The IANA name of a time zone.
#[derive(Clone, Debug)]
pub(super) struct ZoneName(pub(super) String);

impl Value for ZoneName {
    const FORM: &'static str = "IANA time zone";
    const EXAMPLE: &'static str = "\"America/New_York\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        if jiff::tz::TimeZone::get(text).is_ok() {
            return Ok(ZoneName(text.to_owned()));
        }
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        let remedy = match closest(text, known.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "write an IANA name, e.g. \"America/New_York\" or \"UTC\"".to_owned(),
        };
        Wrong::value(format!("\"{text}\" is no time zone"), remedy)
    }
}

/// A DNS domain: it stands for itself and everything below it. In lower case, without a final dot.
#[derive(Clone, Debug)]
pub(super) struct Domain(pub(super) String);

impl Value for Domain {
    const FORM: &'static str = "domain";
    const EXAMPLE: &'static str = "\"vendor-a.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        if let Some(below) = text.strip_prefix("*.") {
            return Wrong::value(
                format!("\"{text}\" is a pattern, not a domain"),
                format!("write \"{below}\"; what is below it counts too"),
            );
        }
        let domain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        if domain.len() > 253
            || !domain.split('.').all(is_label)
            || domain.parse::<IpAddr>().is_ok()
        {
            return Wrong::value(
                format!("\"{text}\" is no domain"),
                "write its name alone, e.g. \"vendor-a.example\", without scheme or path, and as xn--… beyond ASCII",
            );
        }
        Ok(Domain(domain))
    }
}

/// Prefix of MAC addresses: the bits, left aligned in 48, and how many count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oui(pub(super) u64, pub(super) u8);

impl Value for Oui {
    const FORM: &'static str = "prefix of MAC addresses";
    const EXAMPLE: &'static str = "\"44:19:b6\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(value)?;
        let (hex, length) = match text.split_once('/') {
            Some((hex, length)) => (hex, Some(length)),
            None => (text, None),
        };
        let digits: String = hex
            .chars()
            .filter(|c| !matches!(c, ':' | '-' | '.'))
            .collect();
        let given = u8::try_from(digits.len()).unwrap_or(u8::MAX);
        let bits = match length {
            Some(length) => length.parse().ok(),
            None => given.checked_mul(4),
        };
        let number = u64::from_str_radix(&digits, 16).ok();
        match (number, bits) {
            // The IEEE gives out 24, 28 and 36 bits; a single address of 48 is a prefix too.
            (Some(number), Some(bits @ 24..=48)) if given <= 12 && !digits.starts_with('+') => {
                let aligned = number << (48 - 4 * u32::from(given));
                if aligned.trailing_zeros() < 48 - u32::from(bits) {
                    return Wrong::value(
                        format!("{text} has bits beyond its prefix length"),
                        "set them to zero, or lengthen the prefix",
                    );
                }
                Ok(Oui(aligned, bits))
            }
            _ => Wrong::value(
                format!("\"{text}\" is no prefix of MAC addresses"),
                "write 24 bits or more in hex, e.g. 44:19:b6, 70:b3:d5:12:3, or 70:b3:d5:12:30:00/36",
            ),
        }
    }
}

/// Reads the base name of a file, or a pattern on it.
fn base_name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = text(value)?;
    if text.contains(['/', '\\']) {
        return Wrong::value(
            format!("\"{text}\" is a path; only base names are matched"),
            "write the name of the file alone; * stands for any run of characters, ? for any one",
        );
    }
    Ok(text.to_owned())
}

/// The name of a capture, or a pattern on it.
#[derive(Clone, Debug)]
pub(super) struct CapturePattern(pub(super) String);

impl Value for CapturePattern {
    const FORM: &'static str = "file name or pattern";
    const EXAMPLE: &'static str = "\"span*.pcap*\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        base_name(value).map(CapturePattern)
    }
}

/// The name of a file of the site folder, or a pattern on it.
#[derive(Clone, Debug)]
pub(super) struct FilePattern(pub(super) String);

impl Value for FilePattern {
    const FORM: &'static str = "file name or pattern";
    const EXAMPLE: &'static str = "\"assets.toml\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        base_name(value).map(FilePattern)
    }
}

/// One end of a conduit or work order, as written.
#[derive(Clone, Debug)]
pub(super) struct EndName(pub(super) String);

impl Value for EndName {
    const FORM: &'static str = "end";
    const EXAMPLE: &'static str = "\"plc1\"";

    fn schema() -> Schema {
        json_schema!({
            "type": "string", "title": Self::FORM, "minLength": 1,
            "examples": ["plc1", "zone:sts07-control", "party:vendor-a", "10.20.10.0/24"]
        })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        text(value).map(|text| EndName(text.to_owned()))
    }
}

/// A service as written, in its grammar.
impl Value for Service {
    const FORM: &'static str = "service";
    const EXAMPLE: &'static str = "\"s7comm:read\"";

    fn schema() -> Schema {
        json_schema!({
            "type": "string", "title": Self::FORM, "minLength": 1,
            "examples": ["s7comm:read", "modbus:modify", "snmp:v3", "tcp/443", "udp/2222", "ethertype/0x8892", "any"]
        })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        match text(value)?.parse::<Service>() {
            Ok(service) => Ok(service),
            Err(wrong) => Wrong::value(wrong.what, wrong.remedy),
        }
    }
}

/// What a work order allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Operation(Verb),
    RemoteSession,
    File,
}

impl Work {
    pub(super) const REMOTE_SESSION: (&'static str, &'static str) = (
        "remote-session",
        " A session by which someone works on a host from elsewhere.",
    );
    pub(super) const FILE: (&'static str, &'static str) =
        ("file", " A file carried from one to the other.");
}

/// The one condition of a conduit: a work order in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct DuringWorkOrder;

/// Words of a fixed list, each with its doc.
trait Words: Sized {
    const FORM: &'static str;
    const EXAMPLE: &'static str;
    fn words() -> Vec<(&'static str, &'static str)>;
    fn find(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($($ty:ty: $form:literal, $example:literal, $words:expr, $find:expr;)*) => { $(
        impl Words for $ty {
            const FORM: &'static str = $form;
            const EXAMPLE: &'static str = $example;
            fn words() -> Vec<(&'static str, &'static str)> { $words }
            fn find(word: &str) -> Option<Self> { $find(word) }
        }

        impl Value for $ty {
            const FORM: &'static str = <$ty as Words>::FORM;
            const EXAMPLE: &'static str = <$ty as Words>::EXAMPLE;
            fn schema() -> Schema { words_schema::<$ty>() }
            fn read(value: &DeValue<'_>) -> Result<Self, Wrong> { read_word(value) }
        }
    )* };
}

words! {
    ZoneKind: "kind of zone", "\"crane-control\"",
        ZoneKind::ALL.iter().map(|one| (one.word(), one.doc())).collect(), ZoneKind::parse;
    Role: "role", "\"plc\"", Role::ALL.iter().map(|one| (one.word(), one.doc())).collect(), Role::parse;
    Trust: "degree of trust", "\"untrusted\"", Trust::ALL.iter().map(|one| (one.word(), one.doc())).collect(), Trust::parse;
    OutputKind: "kind of output", "\"journal\"",
        OutputKind::ALL.iter().map(|one| (one.word(), one.doc())).collect(), OutputKind::parse;
    EventFormat: "format of events", "\"json\"",
        EventFormat::ALL.iter().map(|one| (one.word(), one.doc())).collect(), EventFormat::parse;
    Timestamps: "source of time stamps", "\"hardware\"",
        Timestamps::ALL.iter().map(|one| (one.word(), one.doc())).collect(), Timestamps::parse;
    DuringWorkOrder: "condition", "\"work-order\"",
        vec![("work-order", " While a work order names source and target.")],
        |word| (word == "work-order").then_some(DuringWorkOrder);
    Work: "operation", "\"program-download\"",
        Verb::ALL.iter().map(|verb| (verb.name(), verb.doc())).chain([Work::REMOTE_SESSION, Work::FILE]).collect(),
        |word: &str| match word {
            word if word == Work::REMOTE_SESSION.0 => Some(Work::RemoteSession),
            word if word == Work::FILE.0 => Some(Work::File),
            word => Verb::parse(word).map(Work::Operation),
        };
}

fn words_schema<T: Words>() -> Schema {
    let words: Vec<_> = T::words()
        .into_iter()
        .map(|(word, doc)| serde_json::json!({ "const": word, "description": doc.trim() }))
        .collect();
    json_schema!({ "title": T::FORM, "oneOf": words })
}

fn read_word<T: Words>(value: &DeValue<'_>) -> Result<T, Wrong> {
    let word = text(value)?;
    match T::find(word) {
        Some(found) => Ok(found),
        None => {
            let words = T::words();
            Wrong::value(
                format!("\"{word}\" is no {}", T::FORM),
                hint(word, words.iter().map(|(word, _)| *word), "write one of"),
            )
        }
    }
}
