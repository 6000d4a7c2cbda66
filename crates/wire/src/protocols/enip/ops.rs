//! What CIP services mean in the one vocabulary.
//!
//! Common services: CIP Networks Library Volume 1, A-3. Tags: Rockwell 1756-PM020. The objects of a Logix program
//! (0x68 to 0x70, 0x7e, 0x8c), the controller (0x8e) and firmware (0xa1) are read as the field's captures show them.
use super::batch::{Part, Step, Work};
use super::cip::{Path, Request, class, service::GET_ALL};
use super::pccc;
use crate::{Reader, Verb};

/// An operation in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doing {
    pub verb: Verb,
    pub object: Option<String>,
    pub detail: String,
    pub content_bytes: Option<u64>,
    pub answer: Expects,
}

/// What the answer holds beyond its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Expects {
    #[default]
    Nothing,
    /// The identity of the device, or of the module that the route leads to.
    Identity,
    /// A status of its own.
    Pccc,
}

/// What a request means.
#[derive(Debug)]
pub(super) enum Meaning<'a> {
    Told(Doing),
    /// A message of work that is told when it is over, with the content that it carries.
    Part(Part, &'a [u8]),
    Nothing,
}

/// Objects of a Logix program: program, its data, symbols, types, routines, tasks, instructions.
const fn of_program(class: u16) -> bool {
    matches!(class, 0x68 | 0x6a..=0x6d | 0x70 | 0x7e | 0x8c | 0x8d)
}

/// Objects around it that a download sets: modules, memory, faults, the controller's own settings.
const fn of_controller(class: u16) -> bool {
    matches!(
        class,
        0x67 | 0x69 | 0x6e | 0x6f | 0x71 | 0x73 | 0x74 | 0x77 | 0x8e | 0xa2 | 0xac | 0xb0 | 0xb1
    )
}

/// `changing`: a program is on its way in, so that settings of the controller belong to that.
pub(super) fn meaning<'a>(request: &Request<'a>, path: &Path, changing: bool) -> Meaning<'a> {
    let told = |verb, detail: &str| Meaning::Told(doing(verb, path, detail, None));
    let Some(class) = path.class.filter(|_| path.name.is_none()) else {
        return match path.name {
            Some(_) => tag(request, path),
            None => told(Verb::Diagnose, &service_name(request.service)),
        };
    };
    match (class, request.service) {
        (0x6b, 0x4c | 0x4d | 0x4e | 0x52 | 0x53) => return tag(request, path),
        (0x74, 0x4b | 0x4c) if path.outer == Some(0x8e) => {
            let locks = request.service == 0x4b;
            let verb = if locks { Verb::Lock } else { Verb::Unlock };
            let detail = if locks {
                "lock controller"
            } else {
                "unlock controller"
            };
            return Meaning::Told(Doing {
                object: Some("Controller".to_owned()),
                ..doing(verb, path, detail, None)
            });
        }
        (0x67, 0x4b) => {
            return match pccc::command(request.data) {
                Ok(command) => Meaning::Told(Doing {
                    verb: command.verb,
                    object: command.object,
                    detail: command.detail,
                    content_bytes: command.content_bytes,
                    answer: Expects::Pccc,
                }),
                Err(_) => told(Verb::Diagnose, "PCCC command"),
            };
        }
        // The list of tags that a panel wants to poll is put together and read by this object.
        (0x72, _) => return told(Verb::Read, "tag list"),
        (0xa1, _) => return firmware(request),
        (0x37, _) => {
            if let Some(part) = file(request, path) {
                return part;
            }
        }
        (0xac, 0x02 | 0x04 | 0x10) if !changing => return Meaning::Nothing,
        (class::CONNECTION_MANAGER, 0x4e | 0x54 | 0x5b) => return Meaning::Nothing,
        _ => {}
    }
    // In a download the controller's other objects, known or not, are set as part of it; the clock stands for itself.
    let along = changing && matches!(class, 0x64..=0x8a | 0x8c..=0xc7 | 0x300..=0x4ff);
    if of_program(class) || of_controller(class) || along {
        return logix(request, path, class);
    }
    common(request, path, class)
}

fn doing(verb: Verb, path: &Path, detail: &str, content_bytes: Option<u64>) -> Doing {
    Doing {
        verb,
        object: path.object(),
        detail: detail.to_owned(),
        content_bytes,
        answer: Expects::Nothing,
    }
}

/// Services on tags, by name or by the number of their symbol.
fn tag<'a>(request: &Request<'a>, path: &Path) -> Meaning<'a> {
    let mut r = Reader::new(request.data);
    let (verb, detail) = match request.service {
        0x4d => (Verb::Write, "Write Tag".to_owned()),
        0x53 => (Verb::Write, "Write Tag Fragmented".to_owned()),
        0x4e => (Verb::Write, "Read Modify Write Tag".to_owned()),
        0x10 | 0x04 | 0x02 => (Verb::Write, service_name(request.service)),
        0x4c => (Verb::Read, "Read Tag".to_owned()),
        0x52 => (Verb::Read, "Read Tag Fragmented".to_owned()),
        service => (Verb::Read, service_name(service)),
    };
    let mut values = || {
        match request.service {
            // Type (of structures with their handle), count, and the offset of a fragment.
            0x4d | 0x53 => {
                let kind = r.u16_le()?;
                r.skip(if kind == 0x02a0 { 4 } else { 2 })?;
                r.skip(if request.service == 0x53 { 4 } else { 0 })?;
            }
            0x4e => {
                r.skip(2)?;
            }
            _ => {}
        }
        Ok::<u64, crate::Malformed>(r.left() as u64)
    };
    let content = (verb == Verb::Write).then(|| values().ok()).flatten();
    Meaning::Told(doing(verb, path, &detail, content))
}

/// Rockwell's firmware object: announce, then blocks with their offset.
fn firmware<'a>(request: &Request<'a>) -> Meaning<'a> {
    let part = |step| Part {
        work: Work::Firmware,
        step,
        object: None,
        program: false,
    };
    let mut r = Reader::new(request.data);
    match request.service {
        0x01 | 0x03 | 0x0e => Meaning::Told(Doing {
            verb: Verb::Identify,
            object: Some("Firmware".to_owned()),
            detail: service_name(request.service),
            content_bytes: None,
            answer: Expects::Nothing,
        }),
        0x4d => match r.u32_le() {
            Ok(offset) => Meaning::Part(part(Step::Content(Some(offset))), r.rest()),
            Err(_) => Meaning::Part(part(Step::Other), &[]),
        },
        0x4b => match r.u32_le() {
            Ok(length) => Meaning::Part(part(Step::Announced(length)), &[]),
            Err(_) => Meaning::Part(part(Step::Other), &[]),
        },
        _ => Meaning::Part(part(Step::Other), &[]),
    }
}

/// The file object (Volume 1, 5-42): transfers in and out.
fn file<'a>(request: &Request<'a>, path: &Path) -> Option<Meaning<'a>> {
    let (work, step) = match request.service {
        0x4b | 0x4d => (Work::FileOut, Step::Other),
        0x4c => {
            let length = Reader::new(request.data).u32_le().ok()?;
            (Work::FileIn, Step::Announced(length))
        }
        0x4e => (Work::FileIn, Step::Other),
        0x4f => (Work::FileOut, Step::ReadOut),
        0x50 => (Work::FileIn, Step::Content(None)),
        0x51 => {
            return Some(Meaning::Told(doing(
                Verb::FileDelete,
                path,
                "clear file",
                None,
            )));
        }
        _ => return None,
    };
    let part = Part {
        work,
        step,
        object: path.object(),
        program: false,
    };
    // Number and type of the transfer's part stand in front.
    let content = match step {
        Step::Content(_) => request.data.get(2..).unwrap_or(&[]),
        _ => &[],
    };
    Some(Meaning::Part(part, content))
}

/// Objects of Logix controllers.
fn logix<'a>(request: &Request<'a>, path: &Path, class: u16) -> Meaning<'a> {
    let told = |verb, detail: &str| Meaning::Told(doing(verb, path, detail, None));
    let part = |work, step, content| {
        let program = match work {
            Work::Change => of_program(class),
            // Reading the code is what makes it a program; lists of tags are read by many.
            _ => class == 0x6d,
        };
        let part = Part {
            work,
            step,
            object: None,
            program,
        };
        Meaning::Part(part, content)
    };
    match (class, request.service) {
        (0x8e, 0x05) => told(Verb::Reset, "Reset"),
        (0x8e, 0x06) => told(Verb::Start, "Start"),
        (0x8e, 0x07) => told(Verb::Stop, "Stop"),
        (_, 0x08) => part(Work::Change, Step::Created, request.data),
        (_, 0x09) => part(Work::Change, Step::Deleted, &[]),
        (_, 0x02 | 0x04 | 0x0d | 0x10) => part(Work::Change, Step::Set, request.data),
        (0x6a, 0x50) => part(Work::Change, Step::Set, request.data),
        // Holding and releasing a part of the program while it is edited.
        (0x74, 0x4b | 0x4c) => part(Work::Change, Step::Other, &[]),
        (0x6a, 0x4f) | (0x6d, 0x4c) => part(Work::Export, Step::ReadOut, &[]),
        (_, 0x4b) if of_program(class) => part(Work::Export, Step::Listed, &[]),
        (0x6b | 0x6c, 0x4c | 0x55) => told(Verb::Read, "list of tags and types"),
        // Engineering tools go through hundreds of instances: the class says enough.
        (_, service) => Meaning::Told(Doing {
            object: Path {
                instance: None,
                ..path.clone()
            }
            .object(),
            ..doing(Verb::Diagnose, path, &service_name(service), None)
        }),
    }
}

/// Services that every object may have.
fn common<'a>(request: &Request<'a>, path: &Path, class: u16) -> Meaning<'a> {
    let data = request.data;
    let detail = service_name(request.service);
    let verb = match request.service {
        0x02 | 0x04 | 0x10 | 0x0d | 0x19 | 0x1a | 0x1b => sets(class),
        0x01 | 0x03 | 0x0e | 0x18 => gets(class),
        0x05 => {
            let kind = match data.first() {
                Some(1) => "Reset to factory settings",
                Some(2) => "Reset to factory settings but communication",
                _ => "Reset",
            };
            return Meaning::Told(doing(Verb::Reset, path, kind, None));
        }
        0x06 => Verb::Start,
        0x07 => Verb::Stop,
        0x08 | 0x09 | 0x15 | 0x16 => Verb::Configure,
        0x17 => return Meaning::Nothing,
        _ => Verb::Diagnose,
    };
    let content = (verb.modifies() && !data.is_empty()).then_some(data.len() as u64);
    let mut doing = doing(verb, path, &detail, content);
    if (class, request.service) == (class::IDENTITY, GET_ALL) && path.instance == Some(1) {
        doing.answer = Expects::Identity;
    }
    Meaning::Told(doing)
}

const fn sets(class: u16) -> Verb {
    match class {
        0x43 | 0x8b => Verb::SetClock,
        0x04 | 0x08..=0x0e => Verb::Write,
        // Parameters, and the objects of drives.
        0x0f | 0x10 | 0x28..=0x2f | 0x93 | 0x9f => Verb::ParameterChange,
        _ => Verb::Configure,
    }
}

const fn gets(class: u16) -> Verb {
    match class {
        class::IDENTITY => Verb::Identify,
        0x04 | 0x08..=0x10 | 0x28..=0x2f | 0x93 | 0x9f => Verb::Read,
        _ => Verb::Diagnose,
    }
}

/// The name of a service, or its number where its class or its maker gives it the meaning.
pub(super) fn service_name(service: u8) -> String {
    let name = match service {
        0x01 => "Get Attributes All",
        0x02 => "Set Attributes All",
        0x03 => "Get Attribute List",
        0x04 => "Set Attribute List",
        0x05 => "Reset",
        0x06 => "Start",
        0x07 => "Stop",
        0x08 => "Create",
        0x09 => "Delete",
        0x0a => "Multiple Service Packet",
        0x0d => "Apply Attributes",
        0x0e => "Get Attribute Single",
        0x10 => "Set Attribute Single",
        0x11 => "Find Next Object Instance",
        0x15 => "Restore",
        0x16 => "Save",
        0x18 => "Get Member",
        0x19 => "Set Member",
        0x1a => "Insert Member",
        0x1b => "Remove Member",
        0x55 => "Get Instance Attribute List",
        0x32..=0x4a => return format!("vendor service 0x{service:02x}"),
        _ => return format!("service 0x{service:02x} of the class"),
    };
    name.to_owned()
}
