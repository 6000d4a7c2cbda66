//! Blocks and configurations on their way into a controller or out of it: each is one object with all that it is.
use facts::Time;
use sha2::{Digest, Sha256};

use super::super::block;
use super::names::{self, attribute, class};
use super::value::{self, Seen, Value};
use crate::protocols::tls::hex;
use crate::{Reader, Verb};

/// Blocks of one message that are told one by one.
const MOST_BLOCKS: usize = 1024;
/// Blocks inside blocks that are open at a time; real ones do not nest.
const MOST_OPEN: usize = 24;

/// One block, or the hardware configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    pub object: String,
    pub detail: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What an object that a client makes is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Made {
    /// Class and name of the outermost object.
    pub class: u32,
    pub rid: u32,
    pub name: Option<String>,
    /// A job of the test system writes.
    pub modifies: bool,
    /// What a subscription names.
    pub references: Vec<names::Item>,
    pub blocks: Vec<Block>,
    /// The object broke off, or had more blocks than are told.
    pub partial: bool,
}

#[derive(Debug)]
struct Open<'a> {
    kind: Option<&'static str>,
    class: u32,
    rid: u32,
    name: Option<String>,
    number: Option<u64>,
    language: Option<u64>,
    changed: Option<u64>,
    know_how: bool,
    code: Option<&'a [u8]>,
    /// It carries what it does, not only what it is called.
    content: bool,
}

/// Reads objects one after the other until something else comes.
pub(super) fn read(r: &mut Reader<'_>) -> Made {
    let mut made = Made::default();
    let mut first = true;
    while r.peek().first() == Some(&value::tag::OBJECT) {
        let mut open: Vec<Open<'_>> = Vec::new();
        let walked = value::object(r, |seen| match seen {
            Seen::Open { rid, class } => {
                if first && open.is_empty() {
                    (made.rid, made.class) = (rid, class);
                }
                if open.len() < MOST_OPEN {
                    open.push(Open::new(rid, class));
                }
            }
            Seen::Attribute(id, value) => {
                if first && open.len() == 1 {
                    outermost(&mut made, id, value);
                }
                if let Some(open) = open.last_mut() {
                    open.attribute(id, value);
                }
            }
            Seen::Close(bytes) => {
                first = false;
                let block = open.pop().and_then(|open| open.close(bytes));
                if made.blocks.len() < MOST_BLOCKS {
                    made.blocks.extend(block);
                } else {
                    made.partial = true;
                }
            }
        });
        if walked.is_err() {
            made.partial = true;
            break;
        }
    }
    made
}

fn outermost(made: &mut Made, id: u32, value: Value<'_>) {
    match id {
        attribute::NAME => made.name = value.text(),
        attribute::MODIFYING_JOB => made.modifies = value.number().is_some_and(|on| on != 0),
        attribute::REFERENCES => made.references = references(value),
        _ => {}
    }
}

/// Groups of numbers: a word whose lower half counts the steps of the way, the item's number, a word, the object, the
/// symbol's checksum, then the way.
fn references(value: Value<'_>) -> Vec<names::Item> {
    const MOST: usize = super::super::pdu::MOST_ITEMS + 1;
    let mut numbers = value
        .numbers()
        .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        .skip(3);
    let mut items = Vec::new();
    while items.len() < MOST {
        let (Some(head), Some(rid)) = (numbers.next(), numbers.nth(2)) else {
            break;
        };
        let _checksum = numbers.next();
        let steps = (head & 0xffff) as usize;
        items.push(names::Item::from_steps(rid, numbers.by_ref().take(steps)));
    }
    items
}

impl<'a> Open<'a> {
    fn new(rid: u32, class: u32) -> Open<'a> {
        let kind = match class {
            class::HARDWARE => Some("hardware configuration"),
            class => names::block(class),
        };
        Open {
            kind,
            class,
            rid,
            name: None,
            number: None,
            language: None,
            changed: None,
            know_how: false,
            code: None,
            content: class == class::HARDWARE,
        }
    }

    fn attribute(&mut self, id: u32, value: Value<'a>) {
        if self.kind.is_none() {
            return;
        }
        match id {
            attribute::NAME => self.name = value.text(),
            attribute::BLOCK_NUMBER => self.number = value.number(),
            attribute::LANGUAGE => self.language = value.number(),
            attribute::MODIFIED => self.changed = value.number(),
            attribute::KNOW_HOW => {
                let mode = value.member(attribute::KNOW_HOW_MODE);
                self.know_how = mode.and_then(Value::number).is_some_and(|mode| mode != 0);
            }
            attribute::CODE => {
                self.code = value.bytes();
                self.content = true;
            }
            attribute::BODY | attribute::INTERFACE => self.content = true,
            _ => {}
        }
    }

    fn close(self, bytes: &[u8]) -> Option<Block> {
        let kind = self.kind.filter(|_| self.content)?;
        let number = self.number.or_else(|| {
            // Types have no number of their own but their place.
            (self.class != class::HARDWARE).then_some(u64::from(self.rid & 0xffff))
        });
        let object = match number {
            Some(number) => format!("{kind}{number}"),
            None => kind.to_owned(),
        };
        let mut parts = Vec::new();
        let name = self.name.filter(|_| number.is_some());
        parts.extend(name.map(|name| format!("“{name}”")));
        let language = self.language.and_then(|code| u8::try_from(code).ok());
        let language = language.map_or("", block::language);
        if !language.is_empty() && language != kind {
            parts.push(language.to_owned());
        }
        if self.know_how {
            parts.push("know-how protected".to_owned());
        }
        let changed = self
            .changed
            .and_then(|ns| i64::try_from(ns / 1_000_000_000).ok());
        if let Some(changed) = changed.filter(|seconds| *seconds > 0) {
            let changed = Time::from_secs(changed).to_string();
            parts.push(format!(
                "changed {}Z",
                changed.get(..19).unwrap_or_default()
            ));
        }
        if let Some(code) = self.code {
            let hash = hex(&Sha256::digest(code));
            parts.push(format!("{} bytes of code", code.len()));
            parts.push(format!("code SHA-256 {hash}"));
        }
        Some(Block {
            object,
            detail: parts.join(", "),
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(bytes)),
        })
    }
}

/// The class is that of a block or of the hardware configuration.
pub(super) const fn is_program(class: u32) -> bool {
    names::block(class).is_some() || class == class::HARDWARE
}

/// What making an object is, where it is no program: `None` for what only serves the session.
pub(super) fn making(made: &Made) -> Option<(Verb, Option<String>, &'static str)> {
    Some(match made.class {
        class::SESSION => return None,
        // Transactions, and whatever else belongs to the services themselves.
        class if class < 2000 && class != class::SUBSCRIPTION => return None,
        class::SUBSCRIPTION => {
            let object = names::named(&made.references);
            (Verb::Read, object, "subscribe")
        }
        class::ALARM_SUBSCRIPTION => (Verb::Read, Some("alarms".to_owned()), "subscribe"),
        class::CONTINUING_JOB => {
            let verb = if made.modifies {
                Verb::Write
            } else {
                Verb::Diagnose
            };
            (verb, Some("force table".to_owned()), "continuing test job")
        }
        class::SESSION_JOB => {
            let verb = if made.modifies {
                Verb::Write
            } else {
                Verb::Diagnose
            };
            (verb, Some("watch table".to_owned()), "test job")
        }
        class::TEST_SUBSCRIPTION => (Verb::Diagnose, Some("test job".to_owned()), "subscribe"),
        _ => {
            let object = made.name.clone();
            let object = object.unwrap_or_else(|| names::object(made.rid));
            (Verb::Configure, Some(object), "create object")
        }
    })
}
