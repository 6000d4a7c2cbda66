//! The captures that a worker's facts cite: numbers for the worker, which runs for years, and for each report a list of
//! only those names that its facts cite.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use facts::kinds::Coverage;
use facts::{Evidence, Facts, Kind, Time};
use wire::{Frames, Picture};

/// Names of one worker. Beyond them those go that no fact cited for the longest time: a connection cites the capture
/// that it began in as long as it lasts.
const MOST_NAMES: usize = 1 << 16;
/// So much of them goes at once, since finding the oldest looks at all.
const SHARE: usize = 4;

/// Names of captures by the number that evidence uses in the worker.
#[derive(Debug, Default)]
pub struct Names {
    next: u32,
    known: BTreeMap<u32, Name>,
    /// Counts the reports.
    report: u64,
}

#[derive(Debug)]
struct Name {
    name: String,
    /// Who took it.
    sensor: Arc<str>,
    /// The report that cited it last.
    cited: u64,
}

impl Names {
    /// Gives a capture of that sensor its number, which no other will have.
    pub fn add(&mut self, name: String, sensor: &Arc<str>) -> u32 {
        if self.known.len() >= MOST_NAMES {
            self.make_room();
        }
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let cited = self.report;
        let sensor = Arc::clone(sensor);
        let name = Name {
            name,
            sensor,
            cited,
        };
        self.known.insert(number, name);
        number
    }

    /// The number of a capture that was added lately.
    pub fn number(&self, name: &str) -> Option<u32> {
        let mut latest = self.known.iter().rev();
        latest
            .find(|(_, known)| known.name == name)
            .map(|(number, _)| *number)
    }

    /// What the witness knows of its own blindness from `from` to `until`, by sensor: frames without a name, copies, and
    /// tables that were full.
    pub fn coverage(&self, picture: &Picture, from: Time, until: Time) -> Vec<Coverage> {
        let mut frames: BTreeMap<&str, Frames> = BTreeMap::new();
        for (capture, counts) in picture.frames() {
            if let Some(known) = self.known.get(capture) {
                let sum = frames.entry(&known.sensor).or_default();
                sum.total = sum.total.saturating_add(counts.total);
                sum.copies = sum.copies.saturating_add(counts.copies);
                sum.unclassified = sum.unclassified.saturating_add(counts.unclassified);
            }
        }
        let mut rows = Vec::new();
        for (sensor, counts) in frames {
            let Frames {
                total,
                copies,
                unclassified,
                ..
            } = counts;
            rows.push(Coverage::classified(
                sensor,
                from,
                until,
                total,
                unclassified,
            ));
            rows.push(Coverage::once(sensor, from, until, total, copies));
        }
        rows.extend(picture.left_out().map(|(table, count)| Coverage {
            state: "partial".to_owned(),
            ..Coverage::limit(table, Some(from), Some(until), 0, count)
        }));
        rows
    }

    /// Has the facts of a report cite a list of their own, in the same order. What cites a capture that was forgotten shows
    /// nothing any more.
    pub fn spell_out(&mut self, facts: &mut Facts) {
        self.report += 1;
        let mut cited = BTreeSet::new();
        each_evidence(facts, &mut |evidence| cited.extend(evidence.capture));
        let mut places = BTreeMap::new();
        facts.captures.clear();
        for number in cited {
            if let Some(known) = self.known.get_mut(&number)
                && let Ok(place) = u32::try_from(facts.captures.len())
            {
                known.cited = self.report;
                facts.captures.push(known.name.clone());
                places.insert(number, place);
            }
        }
        each_evidence(facts, &mut |evidence| {
            evidence.capture = evidence
                .capture
                .and_then(|number| places.get(&number).copied());
            if evidence.capture.is_none() {
                evidence.frames.clear();
            }
        });
    }

    fn make_room(&mut self) {
        let mut ages: Vec<(u64, u32)> = self
            .known
            .iter()
            .map(|(number, known)| (known.cited, *number))
            .collect();
        ages.sort_unstable();
        for (_, number) in ages.iter().take(MOST_NAMES / SHARE) {
            self.known.remove(number);
        }
    }
}

macro_rules! evidence {
    ($($field:ident : $kind:ty,)*) => {
        fn each_evidence(facts: &mut Facts, each: &mut dyn FnMut(&mut Evidence)) {
            $(for fact in &mut facts.$field {
                each(<$kind as Kind>::evidence_mut(fact));
            })*
        }
    };
}
facts::every_kind!(evidence);

#[cfg(test)]
mod tests {
    use facts::kinds::{Conversation, Operation};

    use super::*;

    fn citing(first: u32, second: u32) -> Facts {
        let mut facts = Facts::default();
        facts.conversations.push(Conversation {
            evidence: Evidence::one(second, 7),
            ..Conversation::default()
        });
        facts.operations.push(Operation {
            evidence: Evidence::one(first, 9),
            ..Operation::default()
        });
        facts
    }

    #[test]
    fn a_report_names_only_what_it_cites_and_over_years_a_long_connection_keeps_its_name() {
        let mut names = Names::default();
        let span = Arc::from("span");
        let first = names.add("first".to_owned(), &span);
        for n in 1..=3 * MOST_NAMES {
            let latest = names.add(format!("{n}"), &span);
            if n % 1000 != 0 {
                continue;
            }
            let mut facts = citing(first, latest);
            names.spell_out(&mut facts);
            assert_eq!(facts.captures, ["first".to_owned(), format!("{n}")]);
            assert_eq!(facts.operations[0].evidence, Evidence::one(0, 9));
            assert_eq!(facts.conversations[0].evidence, Evidence::one(1, 7));
            assert_eq!(names.number(&facts.captures[1]), Some(latest));
        }
        assert!(names.known.len() <= MOST_NAMES);

        // The second was last cited ages ago: it is not mistaken for another.
        let mut facts = citing(first + 1, first);
        names.spell_out(&mut facts);
        assert_eq!(facts.captures, ["first"]);
        assert_eq!(facts.operations[0].evidence, Evidence::default());
        assert_eq!(facts.conversations[0].evidence, Evidence::one(0, 7));
    }
}
