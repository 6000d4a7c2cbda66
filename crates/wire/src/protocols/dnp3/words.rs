//! DNP3 in words: functions in the one vocabulary, groups, control codes, status and indications.
use super::app::{Fragment, Header, function};
use crate::Verb;
use crate::protocols::asking::Doing;

/// IEEE 1815, 4.2.2, table 4-2.
const fn name(function: u8) -> &'static str {
    match function {
        0 => "confirm",
        1 => "read",
        2 => "write",
        3 => "select",
        4 => "operate",
        5 => "direct operate",
        6 => "direct operate, no answer wanted",
        7 => "freeze",
        8 => "freeze, no answer wanted",
        9 => "freeze and clear",
        10 => "freeze and clear, no answer wanted",
        11 => "freeze at time",
        12 => "freeze at time, no answer wanted",
        13 => "cold restart",
        14 => "warm restart",
        15 => "initialize data",
        16 => "initialize application",
        17 => "start application",
        18 => "stop application",
        19 => "save configuration",
        20 => "enable unsolicited messages",
        21 => "disable unsolicited messages",
        22 => "assign class",
        23 => "measure delay",
        24 => "record current time",
        25 => "open file",
        26 => "close file",
        27 => "delete file",
        28 => "get file information",
        29 => "authenticate file",
        30 => "abort file transfer",
        31 => "activate configuration",
        32 => "authentication",
        33 => "authentication, no answer wanted",
        _ => "answer",
    }
}

/// Functions that are never answered.
pub(super) const fn is_one_way(function: u8) -> bool {
    matches!(function, 6 | 8 | 10 | 12 | 33)
}

/// What a master asks, in the one vocabulary.
fn verb(fragment: &Fragment<'_>) -> Verb {
    match fragment.function {
        1 => Verb::Read,
        2 => match fragment.headers().next().map(|header| header.group) {
            Some(50) => Verb::SetClock,
            Some(34) => Verb::ParameterChange,
            Some(0) => Verb::Configure,
            _ => Verb::Write,
        },
        3..=6 => Verb::Operate,
        // They change the frozen counters.
        7..=12 => Verb::Write,
        13..=15 => Verb::Reset,
        16 => Verb::ModeChange,
        17 => Verb::Start,
        18 => Verb::Stop,
        23 | 24 => Verb::Diagnose,
        27 => Verb::FileDelete,
        25 | 26 | 28 | 30 => Verb::FileRead,
        29 | 32 | 33 => Verb::Authenticate,
        _ => Verb::Configure,
    }
}

/// IEEE 1815, annex A: groups worth a word.
const fn group(group: u8) -> Option<&'static str> {
    Some(match group {
        0 => "device attributes",
        1 | 2 => "binary inputs",
        3 | 4 => "double-bit inputs",
        10 | 11 => "binary outputs",
        12 | 13 => "control relay",
        20 | 22 => "counters",
        21 | 23 => "frozen counters",
        30 | 32 => "analog inputs",
        31 | 33 => "frozen analog inputs",
        34 => "analog dead bands",
        40 | 42 => "analog outputs",
        41 | 43 => "analog output",
        50 => "time and date",
        60 => "classes",
        70 => "files",
        80 => "internal indications",
        85..=88 => "data sets",
        110 | 111 => "octet strings",
        112 | 113 => "virtual terminal",
        120 => "authentication",
        _ => return None,
    })
}

/// IEEE 1815, A.8.1: what a control relay output block tells the relay to do.
fn control(code: u8) -> String {
    let mut words = vec![match code & 0x0f {
        0 => "no operation",
        1 => "pulse on",
        2 => "pulse off",
        3 => "latch on",
        4 => "latch off",
        _ => "reserved operation",
    }];
    match code >> 6 {
        1 => words.push("close"),
        2 => words.push("trip"),
        _ => {}
    }
    if code & 0x20 != 0 {
        words.push("clear queue");
    }
    words.join(", ")
}

/// The control code that all relays of a request are given.
fn controls(fragment: &Fragment<'_>) -> Option<String> {
    let mut codes = fragment
        .headers()
        .filter(|header| (header.group, header.variation) == (12, 1))
        .flat_map(|header| header.objects())
        .filter_map(|(_, content)| content.first().copied());
    let first = codes.next()?;
    codes.all(|code| code == first).then(|| control(first))
}

/// A request in words.
pub(super) fn doing(fragment: &Fragment<'_>, station: u16, broadcast: bool) -> Doing {
    let mut detail = format!(
        "function {}, {}",
        fragment.function,
        name(fragment.function)
    );
    let first: Option<Header<'_>> = fragment.headers().next();
    if let Some(group) = first.and_then(|header| group(header.group)) {
        detail.push_str(", ");
        detail.push_str(group);
    }
    if let Some(control) = controls(fragment) {
        detail.push_str(": ");
        detail.push_str(&control);
    }
    let to = if broadcast {
        "all outstations".to_owned()
    } else {
        format!("outstation {station}")
    };
    let object = match super::app::objects(fragment) {
        Some(objects) => format!("{to} {objects}"),
        None => to,
    };
    Doing::new(verb(fragment), Some(object), detail)
}

/// IEEE 1815, 4.4.12: status of a control, told in its echo.
const fn status(code: u8) -> &'static str {
    match code & 0x7f {
        1 => "timed out after select",
        2 => "not selected before",
        3 => "format error",
        4 => "not supported",
        5 => "already active",
        6 => "hardware error",
        7 => "switched to local",
        8 => "too many objects",
        9 => "not authorized",
        10 => "automation inhibited",
        11 => "processing limited",
        12 => "out of range",
        13 => "downstream switched to local",
        14 => "already complete",
        15 => "blocked",
        16 => "cancelled",
        17 => "blocked by another master",
        18 => "downstream failed",
        _ => "undefined status",
    }
}

/// Why an answer refuses, if it does: by its indications, then by the status of the controls that it echoes.
pub(super) fn refusal(answer: &Fragment<'_>, asked: u8) -> Option<&'static str> {
    // IEEE 1815, 4.3: the second octet of the internal indications.
    let [_, second] = answer.indications.to_be_bytes();
    if second & 0x01 != 0 {
        return Some("function not supported");
    }
    if second & 0x02 != 0 {
        return Some("object unknown");
    }
    if second & 0x04 != 0 {
        return Some("parameter error");
    }
    if second & 0x10 != 0 {
        return Some("already executing");
    }
    if !(3..=6).contains(&asked) {
        return None;
    }
    // Status is the last octet of each echo.
    let echoes = Fragment {
        function: 5,
        ..*answer
    };
    let failed = echoes
        .headers()
        .filter(|header| matches!((header.group, header.variation), (12, 1 | 2) | (41, _)))
        .flat_map(|header| header.objects())
        .filter_map(|(_, content)| content.last().copied())
        .find(|code| code & 0x7f != 0)?;
    Some(status(failed))
}

/// An authentication error (object 120, variation 7) refuses what was asked.
pub(super) fn is_authentication_error(answer: &Fragment<'_>) -> bool {
    answer.function == function::AUTHENTICATE_RESPONSE && answer.objects.starts_with(&[120, 7])
}

/// IEEE 1815, A.1: device attributes that name the device.
pub(super) const fn attribute(variation: u8) -> Option<&'static str> {
    Some(match variation {
        242 => "firmware",
        245 | 246 => "system",
        247 => "hostname",
        248 => "serial",
        250 => "model",
        252 => "maker",
        _ => return None,
    })
}
