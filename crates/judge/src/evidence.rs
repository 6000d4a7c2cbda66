//! What a row cites, resolved to frames of captures and lines of the site file.
use std::collections::BTreeSet;

use facts::kinds::KINDS;
use store::Snapshot;

use crate::{Cited, Error};

/// Facts cited per subject: enough to look up, bounded for a finding that repeats all day.
const MOST: usize = 64;

/// A parsed citation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Citation {
    /// Kind of fact and its id.
    Fact(&'static str, i64),
    /// A line of the site file.
    Site(String),
    /// An edition of the advisory.
    Edition(String),
}

impl Citation {
    pub(crate) fn parse(text: &str) -> Option<Citation> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "site" if !rest.is_empty() => Some(Citation::Site(rest.to_owned())),
            "edition" if !rest.is_empty() => Some(Citation::Edition(rest.to_owned())),
            _ => {
                let kind = KINDS.iter().find(|known| known.name == kind)?;
                Some(Citation::Fact(kind.name, rest.parse().ok()?))
            }
        }
    }
}

/// The frames behind the citations, each fact and each set of frames once, in the order given.
pub(crate) fn frames(snapshot: &Snapshot, citations: &[Citation]) -> Result<Vec<Cited>, Error> {
    let mut asked = BTreeSet::new();
    // A session and its conversation are shown by the same frames.
    let mut told = BTreeSet::new();
    let mut frames = Vec::new();
    for citation in citations {
        let Citation::Fact(kind, id) = citation else {
            continue;
        };
        if frames.len() >= MOST {
            break;
        }
        if !asked.insert((*kind, *id)) {
            continue;
        }
        let Some(shown) = snapshot.shown(kind, *id)? else {
            continue;
        };
        if told.insert((shown.capture.clone(), shown.frames.clone())) {
            frames.push(Cited {
                capture: shown.capture,
                frames: shown.frames,
                time: shown.time,
                fact: format!("{kind} {id}"),
            });
        }
    }
    Ok(frames)
}
