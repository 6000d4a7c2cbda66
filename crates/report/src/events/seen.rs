//! What was announced already: the memory between two judgings, and across a restart.
use std::collections::BTreeMap;

use facts::Time;
use judge::Verdict;
use serde::{Deserialize, Serialize};

/// Verdicts and open findings as announced. Keep it (it serialises) and hand it to the next [`changes`](super::changes()).
///
/// Fields that an older version did not write take their defaults, so that an upgrade announces nothing anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// By measure.
    pub(super) verdicts: BTreeMap<String, Told>,
    /// By the finding's id.
    pub(super) findings: BTreeMap<String, Open>,
    /// Open findings beyond [`Seen::MOST`], at the last judging.
    pub(super) left_out: usize,
}

/// A measure as announced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    pub(super) title: String,
    /// In the words of the contract.
    pub(super) verdict: String,
}

/// An open finding as announced: what its closing has to say once it is gone from the assessment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Open {
    pub(super) measure: String,
    pub(super) subject: String,
    pub(super) cranes: Vec<String>,
    /// The beginning of its reason.
    pub(super) reason: String,
    /// When it was announced first and last, in nanoseconds since the Unix epoch.
    pub(super) opened: i64,
    pub(super) told: i64,
    /// The latest time of what it rested on, and its severity from 1 to 5, when it was announced last.
    pub(super) last: Option<i64>,
    pub(super) severity: u8,
}

impl Seen {
    /// Findings remembered. Some 500 bytes each; beyond them the count is told, not each.
    pub const MOST: usize = 20_000;

    /// Findings announced as open.
    pub fn open(&self) -> usize {
        self.findings.len()
    }

    /// Open findings that there was no room to announce one by one.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

impl Told {
    pub(super) fn verdict(&self) -> Option<Verdict> {
        Verdict::parse(&self.verdict)
    }
}

impl Open {
    pub(super) fn opened(&self) -> Time {
        Time(self.opened)
    }
}
