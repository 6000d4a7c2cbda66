//! MMS services in the one vocabulary, and the names in their requests.
use super::ber::{self, CONSTRUCTED, Element, PRIMITIVE, SEQUENCE, UNIVERSAL};
use crate::Verb;
use crate::protocols::asking::Doing;
use crate::reader::text;

/// Variables of one request that are named; more are counted.
const MOST_NAMED: usize = 8;
/// Characters of a name: ISO 9506-2 allows 32 for an identifier, IEC 61850-8-1 more for a path.
const MOST_NAME: usize = 160;

/// Confirmed services that are looked at by number (ISO 9506-2, 7.3).
pub(super) mod service {
    pub const IDENTIFY: u32 = 2;
    pub const READ: u32 = 4;
    pub const WRITE: u32 = 5;
    pub const INITIATE_DOWNLOAD: u32 = 26;
    pub const DOWNLOAD_SEGMENT: u32 = 27;
    pub const TERMINATE_DOWNLOAD: u32 = 28;
    pub const INITIATE_UPLOAD: u32 = 29;
    pub const UPLOAD_SEGMENT: u32 = 30;
    pub const TERMINATE_UPLOAD: u32 = 31;
    pub const FILE_OPEN: u32 = 72;
    pub const FILE_READ: u32 = 73;
    pub const FILE_CLOSE: u32 = 74;
}

const fn known(number: u32) -> Option<(Verb, &'static str)> {
    Some(match number {
        0 => (Verb::Diagnose, "status"),
        1 => (Verb::Read, "getNameList"),
        2 => (Verb::Identify, "identify"),
        3 => (Verb::Configure, "rename"),
        4 => (Verb::Read, "read"),
        5 => (Verb::Write, "write"),
        6 => (Verb::Read, "getVariableAccessAttributes"),
        7 => (Verb::Configure, "defineNamedVariable"),
        8 => (Verb::Configure, "defineScatteredAccess"),
        9 => (Verb::Read, "getScatteredAccessAttributes"),
        10 => (Verb::Configure, "deleteVariableAccess"),
        11 => (Verb::Configure, "defineNamedVariableList"),
        12 => (Verb::Read, "getNamedVariableListAttributes"),
        13 => (Verb::Configure, "deleteNamedVariableList"),
        14 => (Verb::Configure, "defineNamedType"),
        15 => (Verb::Read, "getNamedTypeAttributes"),
        16 => (Verb::Configure, "deleteNamedType"),
        17 => (Verb::Read, "input"),
        18 => (Verb::Write, "output"),
        19 => (Verb::Lock, "takeControl"),
        20 => (Verb::Unlock, "relinquishControl"),
        21 => (Verb::Configure, "defineSemaphore"),
        22 => (Verb::Configure, "deleteSemaphore"),
        23 => (Verb::Diagnose, "reportSemaphoreStatus"),
        24 => (Verb::Diagnose, "reportPoolSemaphoreStatus"),
        25 => (Verb::Diagnose, "reportSemaphoreEntryStatus"),
        26 => (Verb::ProgramDownload, "initiateDownloadSequence"),
        27 => (Verb::ProgramDownload, "downloadSegment"),
        28 => (Verb::ProgramDownload, "terminateDownloadSequence"),
        29 => (Verb::ProgramUpload, "initiateUploadSequence"),
        30 => (Verb::ProgramUpload, "uploadSegment"),
        31 => (Verb::ProgramUpload, "terminateUploadSequence"),
        32 => (Verb::ProgramDownload, "requestDomainDownload"),
        33 => (Verb::ProgramUpload, "requestDomainUpload"),
        34 => (Verb::ProgramDownload, "loadDomainContent"),
        35 => (Verb::ProgramUpload, "storeDomainContent"),
        36 => (Verb::ProgramDelete, "deleteDomain"),
        37 => (Verb::Read, "getDomainAttributes"),
        38 => (Verb::Configure, "createProgramInvocation"),
        39 => (Verb::ProgramDelete, "deleteProgramInvocation"),
        40 => (Verb::Start, "start"),
        41 => (Verb::Stop, "stop"),
        42 => (Verb::Start, "resume"),
        43 => (Verb::Reset, "reset"),
        44 => (Verb::Stop, "kill"),
        45 => (Verb::Diagnose, "getProgramInvocationAttributes"),
        46 => (Verb::FileWrite, "obtainFile"),
        49 => (Verb::Read, "getEventConditionAttributes"),
        50 => (Verb::Diagnose, "reportEventConditionStatus"),
        55 => (Verb::Read, "getEventActionAttributes"),
        56 => (Verb::Diagnose, "reportEventActionStatus"),
        60 => (Verb::Diagnose, "reportEventEnrollmentStatus"),
        61 => (Verb::Read, "getEventEnrollmentAttributes"),
        47 | 48 | 51..=54 | 57..=59 => (Verb::Configure, "event management"),
        62 => (Verb::Write, "acknowledgeEventNotification"),
        63 => (Verb::Diagnose, "getAlarmSummary"),
        64 => (Verb::Diagnose, "getAlarmEnrollmentSummary"),
        65 => (Verb::Read, "readJournal"),
        66 => (Verb::Write, "writeJournal"),
        67 => (Verb::Configure, "initializeJournal"),
        68 => (Verb::Diagnose, "reportJournalStatus"),
        69 => (Verb::Configure, "createJournal"),
        70 => (Verb::Configure, "deleteJournal"),
        71 => (Verb::Identify, "getCapabilityList"),
        72 => (Verb::FileRead, "fileOpen"),
        73 => (Verb::FileRead, "fileRead"),
        74 => (Verb::FileRead, "fileClose"),
        75 => (Verb::FileWrite, "fileRename"),
        76 => (Verb::FileDelete, "fileDelete"),
        77 => (Verb::Read, "fileDirectory"),
        _ => return None,
    })
}

fn name(content: &[u8]) -> Option<String> {
    text(content, MOST_NAME)
}

/// ISO 9506-2, 7.5.2: of the device, of a domain, or of the association.
fn object_name(element: &Element<'_>) -> Option<String> {
    match (element.form, element.number) {
        (PRIMITIVE, 0) => name(element.content),
        (PRIMITIVE, 2) => name(element.content).map(|name| format!("@{name}")),
        (CONSTRUCTED, 1) => {
            let mut parts = ber::elements(element.content);
            let (domain, item) = (parts.next()?, parts.next()?);
            Some(format!("{}/{}", name(domain.content)?, name(item.content)?))
        }
        _ => None,
    }
}

fn first_object_name(content: &[u8]) -> Option<String> {
    object_name(&ber::elements(content).next()?)
}

/// The variables of a read or write: named one by one, or by a list's name.
fn variables(specification: &Element<'_>) -> Vec<String> {
    match (specification.form, specification.number) {
        (CONSTRUCTED, 1) => first_object_name(specification.content)
            .into_iter()
            .collect(),
        (CONSTRUCTED, 0) => ber::elements(specification.content)
            .map(|variable| {
                ber::find(variable.content, CONSTRUCTED, 0)
                    .and_then(first_object_name)
                    .unwrap_or_else(|| "unnamed".to_owned())
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The variables that a read or a write names.
pub(super) fn named(service: u32, content: &[u8]) -> Vec<String> {
    let mut elements = ber::elements(content);
    let specification = if service == service::READ {
        // Element 1 is the specification, in its own tag.
        ber::find(content, CONSTRUCTED, 1).and_then(|content| ber::elements(content).next())
    } else {
        elements.next()
    };
    specification.map_or_else(Vec::new, |specification| variables(&specification))
}

fn joined(mut names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// IEC 61850-8-1, 7.3 and 20: what a write to a path means, by its functional constraint and the control's component.
fn written(path: &str) -> (Verb, Option<&'static str>) {
    let mut parts = path.rsplit('/').next().unwrap_or_default().split('$');
    let _node = parts.next();
    match parts.next() {
        Some("CO") => {
            let what = parts.find_map(|part| match part {
                "Oper" => Some("control: operate"),
                "SBOw" => Some("control: select with value"),
                "Cancel" => Some("control: cancel"),
                _ => None,
            });
            (Verb::Operate, what.or(Some("control")))
        }
        Some("SP" | "SG" | "SE") => (Verb::ParameterChange, Some("setting")),
        Some("CF" | "DC" | "EX") => (Verb::Configure, Some("configuration")),
        Some("BR" | "RP" | "LG" | "GO" | "GS" | "MS" | "US") => {
            (Verb::Configure, Some("control block"))
        }
        _ => (Verb::Write, None),
    }
}

/// A select before operate: the read of a component of that name.
fn selects(path: &str) -> bool {
    let mut parts = path.rsplit('/').next().unwrap_or_default().split('$');
    parts.nth(1) == Some("CO") && parts.next_back() == Some("SBO")
}

/// ISO 9506-2, 7.5.1: classes of objects that names are listed of.
const fn class(number: u32) -> &'static str {
    match number {
        0 => "variables",
        2 => "variable lists",
        3 => "types",
        8 => "journals",
        9 => "domains",
        10 => "program invocations",
        _ => "objects",
    }
}

/// Parts of a file name.
fn file_name(content: &[u8]) -> Option<String> {
    let parts: Vec<String> = ber::elements(content)
        .filter_map(|part| name(part.content))
        .collect();
    (!parts.is_empty()).then(|| parts.concat())
}

/// A confirmed request in words.
pub(super) fn doing(request: &Element<'_>) -> Doing {
    let Some((verb, service_name)) = known(request.number) else {
        let detail = format!("service {}", request.number);
        return Doing::new(Verb::Write, None, detail);
    };
    let content = request.content;
    let mut doing = Doing::new(verb, None, service_name);
    match request.number {
        1 => {
            let number = ber::find(content, CONSTRUCTED, 0)
                .and_then(|class| ber::find(class, PRIMITIVE, 0))
                .and_then(ber::number);
            doing.detail = format!("getNameList, {}", class(number.unwrap_or(u32::MAX)));
            let scope = ber::find(content, CONSTRUCTED, 1);
            doing.object = scope
                .and_then(|scope| ber::find(scope, PRIMITIVE, 1))
                .and_then(name);
        }
        service::READ => {
            let names = named(service::READ, content);
            if names.first().is_some_and(|first| selects(first)) {
                doing.verb = Verb::Operate;
                doing.detail.push_str(", control: select");
            }
            doing.object = joined(names);
        }
        service::WRITE => {
            let names = named(service::WRITE, content);
            // What does most of all that is written names the operation: a control stands alone anyway.
            let meant = names.iter().map(|name| written(name));
            if let Some((verb, what)) = meant.max_by_key(|(verb, _)| match verb {
                Verb::Operate => 3,
                Verb::ParameterChange => 2,
                Verb::Configure => 1,
                _ => 0,
            }) {
                doing.verb = verb;
                if let Some(what) = what {
                    doing.detail.push_str(", ");
                    doing.detail.push_str(what);
                }
            }
            doing.object = joined(names);
        }
        // One name of an object, alone or in a choice of its own.
        6 => doing.object = ber::find(content, CONSTRUCTED, 0).and_then(first_object_name),
        7 | 8 | 9 | 11 | 12 | 14 | 15 => doing.object = first_object_name(content),
        13 | 16 => {
            let list = ber::find(content, CONSTRUCTED, 1);
            let names = list.map(|list| {
                ber::elements(list)
                    .filter_map(|one| object_name(&one))
                    .collect()
            });
            doing.object = names.and_then(joined);
        }
        19..=25 => {
            doing.object = ber::find(content, CONSTRUCTED, 0)
                .and_then(first_object_name)
                .or_else(|| first_object_name(content));
        }
        // Structures whose element 0 is the name.
        26 | 28 | 32..=35 | 38 | 40..=44 => {
            doing.object = ber::find(content, PRIMITIVE, 0).and_then(name);
        }
        // The name alone.
        27 | 29 | 36 | 37 | 39 | 45 => doing.object = name(content),
        46 => {
            let part = |number| ber::find(content, CONSTRUCTED, number).and_then(file_name);
            doing.object = part(2).or_else(|| part(1));
        }
        72 => doing.object = ber::find(content, CONSTRUCTED, 0).and_then(file_name),
        75 => {
            let part = |number| ber::find(content, CONSTRUCTED, number).and_then(file_name);
            doing.object = match (part(0), part(1)) {
                (Some(old), Some(new)) => Some(format!("{old} to {new}")),
                (old, new) => old.or(new),
            };
        }
        76 => doing.object = file_name(content),
        77 => doing.object = ber::find(content, CONSTRUCTED, 0).and_then(file_name),
        _ => {}
    }
    doing
}

/// IEC 61850-7-3, name plates: what the value at the end of a path says of the device.
pub(super) fn plate(path: &str) -> Option<&'static str> {
    let (rest, last) = path.rsplit_once('$')?;
    let (_, plate) = rest.rsplit_once('$')?;
    // The plate of the device itself; those of logical nodes speak for software parts.
    if plate != "PhyNam" {
        return None;
    }
    Some(match last {
        "vendor" => "maker",
        "model" => "model",
        "serNum" => "serial",
        "swRev" => "firmware",
        "name" => "hostname",
        _ => return None,
    })
}

/// The text of each result of a read, where it is text.
pub(super) fn texts(content: &[u8]) -> impl Iterator<Item = Option<String>> {
    let list = ber::find(content, CONSTRUCTED, 1).unwrap_or_default();
    ber::elements(list).map(|result| {
        result
            .is(PRIMITIVE, 10)
            .then(|| text(result.content, 100))
            .flatten()
    })
}

/// Why the answer to a read or a write refuses a part of it, if it does.
pub(super) fn failed(service: u32, content: &[u8]) -> Option<&'static str> {
    let results = if service == service::READ {
        ber::find(content, CONSTRUCTED, 1)?
    } else {
        content
    };
    let failure = ber::elements(results).find(|result| result.is(PRIMITIVE, 0))?;
    Some(match ber::number(failure.content) {
        Some(0) => "object invalidated",
        Some(1) => "hardware fault",
        Some(2) => "temporarily unavailable",
        Some(3) => "object access denied",
        Some(4) => "object undefined",
        Some(5) => "invalid address",
        Some(6) => "type unsupported",
        Some(7) => "type inconsistent",
        Some(8) => "object attribute inconsistent",
        Some(9) => "object access unsupported",
        Some(10) => "object non-existent",
        Some(11) => "object value invalid",
        _ => "failed",
    })
}

/// ISO 9506-2, 7.4: class and code of an error.
pub(super) fn error(content: &[u8]) -> String {
    let read = || {
        let error = ber::find(content, CONSTRUCTED, 2)?;
        let class = ber::find(error, CONSTRUCTED, 0)?;
        let class = ber::elements(class).next()?;
        Some((class.number, ber::number(class.content).unwrap_or(0)))
    };
    let Some((class, code)) = read() else {
        return "error".to_owned();
    };
    let known = match (class, code) {
        (7, 1) => "object access unsupported",
        (7, 2) => "object non-existent",
        (7, 3) => "object access denied",
        (7, 4) => "object invalidated",
        (11, 2) => "file busy",
        (11, 6) => "file access denied",
        (11, 7) => "file non-existent",
        (11, 8) => "duplicate file name",
        (11, 9) => "insufficient space",
        _ => {
            let class = match class {
                0 => "VMD state",
                1 => "application reference",
                2 => "definition",
                3 => "resource",
                4 => "service",
                5 => "service preempted",
                6 => "time resolution",
                7 => "access",
                8 => "initiate",
                9 => "conclude",
                10 => "cancel",
                11 => "file",
                _ => "other",
            };
            return format!("{class} error {code}");
        }
    };
    known.to_owned()
}

/// Maker, model and revision (ISO 9506-2, 8.4).
pub(super) fn identity(content: &[u8]) -> impl Iterator<Item = (&'static str, String)> {
    [(0, "maker"), (1, "model"), (2, "firmware")]
        .into_iter()
        .filter_map(|(number, attribute)| {
            let value = ber::find(content, PRIMITIVE, number)?;
            Some((attribute, text(value, 100)?))
        })
}

/// The number of a request or an answer, and its service.
pub(super) fn numbered(content: &[u8]) -> Option<(u32, Element<'_>)> {
    let mut elements = ber::elements(content);
    let number = elements.next().filter(|first| first.is(UNIVERSAL, 2))?;
    let number = ber::number(number.content)?;
    // Modifiers may stand between.
    let service = elements.find(|element| !element.is(SEQUENCE, 16))?;
    Some((number, service))
}
