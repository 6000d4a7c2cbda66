//! Which pages are judged in a round, so that a hand on a crane is told at once however much else there is to judge.
//!
//! Of a terminal with years of records, pages that read them take up to a second. Those that take long rest the longer, and wait
//! altogether while a change of a device is to be told; the next round makes up for them. What is judged by what was seen alone
//! waits only for that, and only where it takes long and reads no operations: whoever scans a network fills its tables, and must not
//! thereby put off what tells of a hand on a crane. What rests on records and the site file alone no packet changes: it is judged
//! when something was recorded, begins or ends to hold, or a minute has passed, since days pass.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use facts::kinds::Operation;
use facts::{Kind, Time};
use judge::{Assessment, Error, Judged, Page};
use store::ledger::{Head, Ledger};

/// Time after which what rests on records alone is judged again, whatever happened, in nanoseconds.
const EVERY: i64 = 60_000_000_000;
/// A page that takes no longer is judged in every round.
const LIGHT: Duration = Duration::from_millis(20);
/// Another one is not judged again before so many times of what it took has passed.
const REST: u32 = 9;
/// Pages that take longer are judged in a round until they took so long together; at least one of them.
const BUDGET: Duration = Duration::from_millis(300);
/// One that has waited so long is judged though a change of a device is to be told: who changes devices again and again must
/// not keep anything from being judged.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a round is for.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// As of when is judged, and what the steady clock says.
    pub now: Time,
    pub steady: Duration,
    /// Something came that was not judged before.
    pub has_news: bool,
    /// A change of a device is to be told.
    pub is_urgent: bool,
    /// Every page, however long it takes: none comes after.
    pub is_last: bool,
}

/// What was judged of each page last.
#[derive(Debug, Default)]
pub struct Rounds {
    kinds: Option<Kinds>,
    last: BTreeMap<String, Last>,
    /// How often something came.
    news: u64,
    is_behind: bool,
}

/// Ids of pages by what they read.
#[derive(Debug, Default)]
struct Kinds {
    /// Records and the site file alone.
    declared: BTreeSet<String>,
    /// Records, and perhaps what was seen.
    recorded: BTreeSet<String>,
    /// Operations: what a change of a device is told by.
    operated: BTreeSet<String>,
}

#[derive(Debug)]
struct Last {
    judged: Judged,
    /// How long it took, and when that was.
    took: Duration,
    at: Duration,
    /// The news of which it knew.
    news: u64,
    head: Option<Head>,
    /// From when and until when it stands, where nothing but records changes it.
    from: Time,
    until: Time,
}

impl Rounds {
    /// The site was read anew, and its pages.
    pub fn forget(&mut self) {
        *self = Rounds::default();
    }

    /// Whether pages wait for the next round.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// What `judge` makes of all pages, and how long each took; it is asked for those alone that are due.
    pub fn assess(
        &mut self,
        pages: &[Page],
        ledger: Option<&Ledger>,
        round: &Round,
        judge: impl FnOnce(&[Page]) -> Result<(Assessment, Vec<Duration>), Error>,
    ) -> Result<Assessment, Error> {
        self.news += u64::from(round.has_news);
        let head = ledger.map(Ledger::head);
        let waiting = self.waiting(pages, head, round)?;
        let due = self.due(&waiting, round);
        let asked: Vec<Page> = pages
            .iter()
            .filter(|page| due.contains(page.id.as_str()))
            .cloned()
            .collect();
        self.is_behind = asked.len() < waiting.len();
        let (mut assessment, took) = judge(&asked)?;
        let until = ledger.map_or(Time::MAX, |ledger| {
            let (known, held) = ledger.next_turns(round.now, round.now);
            known.min(held)
        });
        let until = until.min(Time(round.now.0.saturating_add(EVERY)));
        for (judged, took) in assessment.measures.drain(..).zip(took) {
            let last = Last {
                took,
                at: round.steady,
                news: self.news,
                head,
                from: round.now,
                until,
                judged,
            };
            self.last.insert(last.judged.id.clone(), last);
        }
        let last = |page: &Page| Some(self.last.get(&page.id)?.judged.clone());
        assessment.measures = pages.iter().filter_map(last).collect();
        assessment
            .not_judged
            .retain(|one| !self.last.contains_key(&one.id));
        Ok(assessment)
    }

    /// The pages whose verdict may be another than last.
    fn waiting<'p>(
        &mut self,
        pages: &'p [Page],
        head: Option<Head>,
        round: &Round,
    ) -> Result<Vec<&'p str>, Error> {
        let kinds = match self.kinds.take() {
            Some(kinds) => kinds,
            None => Kinds::of(pages)?,
        };
        let declared = &self.kinds.insert(kinds).declared;
        let stands = |page: &&Page| {
            self.last
                .get(&page.id)
                .is_some_and(|last| match declared.contains(&page.id) {
                    true => last.head == head && (last.from..last.until).contains(&round.now),
                    false => last.news == self.news,
                })
        };
        let waiting = pages.iter().filter(|page| !stands(page));
        Ok(waiting.map(|page| page.id.as_str()).collect())
    }

    /// Those of them that are judged now.
    fn due<'p>(&self, waiting: &[&'p str], round: &Round) -> BTreeSet<&'p str> {
        let mut due = BTreeSet::new();
        let mut long = Vec::new();
        let may_wait = |id: &str| {
            let may = |kinds: &Kinds| {
                let is_beside = round.is_urgent && !kinds.operated.contains(id);
                is_beside || kinds.recorded.contains(id)
            };
            !round.is_last && self.kinds.as_ref().is_some_and(may)
        };
        for id in waiting {
            match self.last.get(*id) {
                Some(last) if last.took > LIGHT && may_wait(id) => long.push((last, *id)),
                _ => {
                    due.insert(*id);
                }
            }
        }
        let is_rested = |last: &Last| {
            let rest = match round.is_urgent {
                true => PATIENCE,
                false => last.took.saturating_mul(REST).min(PATIENCE),
            };
            round.steady >= last.at.saturating_add(last.took).saturating_add(rest)
        };
        long.retain(|(last, _)| is_rested(last));
        long.sort_by_key(|(last, id)| (last.at, *id));
        let mut took = Duration::ZERO;
        for (last, id) in long {
            if !took.is_zero() && (took + last.took > BUDGET || round.is_urgent) {
                break;
            }
            took += last.took;
            due.insert(id);
        }
        due
    }
}

impl Kinds {
    fn of(pages: &[Page]) -> Result<Kinds, Error> {
        let mut kinds = Kinds::default();
        for page in pages {
            if page.is_declared()? {
                kinds.declared.insert(page.id.clone());
            }
            let tables = store::tables_of(&page.sql)?;
            if tables.iter().any(|table| table.starts_with("record_")) {
                kinds.recorded.insert(page.id.clone());
            }
            if tables.iter().any(|table| table == Operation::INFO.name) {
                kinds.operated.insert(page.id.clone());
            }
        }
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use judge::{NotJudged, Subjects, Verdict};
    use store::ledger::{Content, New, Stamp};

    use super::*;

    fn assessment(pages: &[Page], all: &[Page]) -> Assessment {
        let judged = |page: &Page| Judged {
            id: page.id.clone(),
            title: String::new(),
            verdict: Verdict::Met,
            summary: String::new(),
            subjects: Subjects::default(),
        };
        let left = all.iter().filter(|page| !pages.contains(page));
        let left = left.map(|page| page.id.clone()).chain(["X1".to_owned()]);
        Assessment {
            terminal: "T".to_owned(),
            time_zone: "UTC".to_owned(),
            as_of: Time(0),
            edition: "2024".to_owned(),
            evidence: Vec::new(),
            measures: pages.iter().map(judged).collect(),
            not_judged: left
                .map(|id| NotJudged {
                    id,
                    title: String::new(),
                    why: String::new(),
                })
                .collect(),
        }
    }

    #[test]
    fn what_no_packet_changes_is_judged_when_something_is_recorded_begins_to_hold_or_a_minute_is_over()
     {
        let folder = std::env::temp_dir().join(format!("seawall-rounds-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let pages = judge::built_in().unwrap();
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        let mut ledger = Ledger::open(&folder).unwrap();
        let mut rounds = Rounds::default();
        let mut asked = |ledger: &Ledger, seconds| {
            let round = Round {
                now: at(seconds),
                steady: Duration::ZERO,
                has_news: true,
                is_urgent: false,
                is_last: false,
            };
            let mut asked = Vec::new();
            let judged = rounds.assess(&pages, Some(ledger), &round, |some| {
                asked = some.iter().map(|page| page.id.clone()).collect();
                let took = some.iter().map(|_| Duration::ZERO).collect();
                Ok((assessment(some, &pages), took))
            });
            let judged = judged.unwrap();
            let ids: Vec<&str> = judged.measures.iter().map(|one| one.id.as_str()).collect();
            let all: Vec<&str> = pages.iter().map(|page| page.id.as_str()).collect();
            assert_eq!(ids, all, "all, in their order");
            assert_eq!(judged.not_judged.len(), 1, "X1 alone");
            asked
        };
        let is_all = |asked: &[String]| asked.len() == pages.len();
        assert!(is_all(&asked(&ledger, 0)));
        let some = asked(&ledger, 1);
        // R0 and P2 are of records, and join them with what was seen.
        for id in ["C1", "C9", "G1", "R0", "P2"] {
            assert!(some.iter().any(|one| one == id), "{id} is judged each time");
        }
        for id in ["G8", "G10", "I1", "R3", "R5"] {
            assert!(!some.iter().any(|one| one == id), "{id} waits");
        }
        assert!(!is_all(&asked(&ledger, 59)));
        assert!(is_all(&asked(&ledger, 60)), "a minute is over");
        assert!(!is_all(&asked(&ledger, 61)));
        let body = serde_json::json!({ "name": "Ada" });
        let new = New {
            kind: "person".to_owned(),
            id: "ada".to_owned(),
            content: Content::Body(body.as_object().unwrap().clone()),
            valid_from: Some(at(70)),
            valid_until: None,
            attachments: Vec::new(),
        };
        let stamp = Stamp {
            by: "tester",
            means: "cli",
            now: at(62),
        };
        ledger.append(&[new], &stamp).unwrap();
        assert!(is_all(&asked(&ledger, 62)), "something was recorded");
        assert!(!is_all(&asked(&ledger, 69)));
        assert!(is_all(&asked(&ledger, 70)), "it begins to hold");
        assert!(is_all(&asked(&ledger, 65)), "the clock was set back");
        std::fs::remove_dir_all(&folder).ok();
    }

    #[test]
    fn a_changed_device_does_not_wait_for_what_takes_long_and_reads_no_operation() {
        let pages = judge::built_in().unwrap();
        let mut rounds = Rounds::default();
        let mut asked = |at: u64, is_urgent| {
            let round = Round {
                now: Time::from_secs(1_790_000_000),
                steady: Duration::from_millis(at),
                has_news: is_urgent || at == 0,
                is_urgent,
                is_last: false,
            };
            let mut asked = Vec::new();
            let judged = rounds.assess(&pages, None, &round, |some| {
                asked = some.iter().map(|page| page.id.clone()).collect();
                let long = |page: &Page| ["C1", "C9"].contains(&page.id.as_str());
                let took = |page| Duration::from_millis(if long(page) { 900 } else { 1 });
                Ok((assessment(some, &pages), some.iter().map(took).collect()))
            });
            judged.unwrap();
            ["C1", "C2", "C9"].map(|id| asked.iter().any(|one| one == id))
        };
        assert_eq!(asked(0, false), [true; 3]);
        assert_eq!(asked(2_000, true), [false, true, true]);
        // At the next beat, though nothing came since.
        assert_eq!(asked(2_500, false), [true, false, false]);
        // Nor for ever.
        assert_eq!(asked(3_000, true), [false, true, true]);
        assert_eq!(asked(70_000, true), [true; 3]);
    }

    #[test]
    fn pages_that_take_long_rest_and_wait_for_a_changed_device_and_none_is_forgotten() {
        let pages = judge::built_in().unwrap();
        let mut rounds = Rounds::default();
        let ms = Duration::from_millis;
        // Neither rests on records alone.
        let took = |id: &str| match id {
            "R0" => ms(1000),
            "P2" => ms(400),
            "C9" => ms(300),
            _ => ms(1),
        };
        let mut asked = |at: u64, has_news, is_urgent, is_last| {
            let round = Round {
                now: Time::from_secs(1_790_000_000),
                steady: ms(at),
                has_news,
                is_urgent,
                is_last,
            };
            let mut long = Vec::new();
            let judged = rounds.assess(&pages, None, &round, |some| {
                let took: Vec<Duration> = some.iter().map(|page| took(&page.id)).collect();
                let is_long = |page: &&Page| ["R0", "P2"].contains(&page.id.as_str());
                let changed = some.iter().any(|page| page.id == "C9");
                assert_eq!(changed, has_news, "what was seen never waits");
                long = some
                    .iter()
                    .filter(is_long)
                    .map(|page| page.id.clone())
                    .collect();
                Ok((assessment(some, &pages), took))
            });
            assert_eq!(
                judged.unwrap().measures.len(),
                pages.len(),
                "all, each time"
            );
            (long.join(" "), rounds.is_behind())
        };
        let told = |long: &str, is_behind| (long.to_owned(), is_behind);
        assert_eq!(asked(0, true, false, false), told("R0 P2", false));
        assert_eq!(asked(1_000, true, false, false), told("", true));
        // P2 has rested for nine times what it took, R0 not yet.
        assert_eq!(asked(4_000, false, false, false), told("P2", true));
        assert_eq!(asked(9_999, false, false, false), told("", true));
        assert_eq!(asked(10_000, true, true, false), told("", true), "urgent");
        // One at a time, since each takes more than a round is to take.
        assert_eq!(asked(10_500, false, false, false), told("R0", true));
        assert_eq!(asked(11_000, false, false, false), told("P2", false));
        assert_eq!(asked(11_500, true, true, false), told("", true));
        // Who changes devices all the time puts them off for a minute, not for ever.
        assert_eq!(asked(71_400, true, true, false), told("P2", true));
        assert_eq!(asked(71_600, true, true, false), told("R0", true));
        assert_eq!(
            asked(71_700, false, false, true),
            told("P2", false),
            "the last"
        );
    }
}
