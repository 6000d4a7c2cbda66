//! Verdicts that rest on records and the site file alone. No packet changes them, so that they are not judged with each: only
//! when something was recorded, begins or ends to hold, or a minute has passed, since days pass. In a ledger of years they
//! are most of the work, and a hand on a crane is told the sooner.
use std::collections::BTreeSet;

use facts::Time;
use judge::{Assessment, Error, Judged, Page};
use store::ledger::{Head, Ledger};

/// Time after which they are judged again, whatever happened, in nanoseconds.
const EVERY: i64 = 60_000_000_000;

/// What was judged of them last.
#[derive(Debug, Default)]
pub struct Declared {
    split: Option<Split>,
    last: Option<Last>,
}

/// The pages by what they rest on.
#[derive(Debug)]
struct Split {
    watched: Vec<Page>,
    /// Ids of the others.
    declared: BTreeSet<String>,
}

#[derive(Debug)]
struct Last {
    judged: Vec<Judged>,
    head: Option<Head>,
    /// From when and until when it stands.
    from: Time,
    until: Time,
}

impl Split {
    fn of(pages: &[Page]) -> Result<Split, Error> {
        let mut split = Split {
            watched: Vec::new(),
            declared: BTreeSet::new(),
        };
        for page in pages {
            if page.is_declared()? {
                split.declared.insert(page.id.clone());
            } else {
                split.watched.push(page.clone());
            }
        }
        Ok(split)
    }
}

impl Declared {
    /// The site was read anew, and its pages.
    pub fn forget(&mut self) {
        *self = Declared::default();
    }

    /// What `judge` makes of all pages; it is asked for those alone whose verdict may be another than last.
    pub fn assess(
        &mut self,
        pages: &[Page],
        ledger: Option<&Ledger>,
        now: Time,
        judge: impl Fn(&[Page]) -> Result<Assessment, Error>,
    ) -> Result<Assessment, Error> {
        let split = match self.split.take() {
            Some(split) => split,
            None => Split::of(pages)?,
        };
        let split = self.split.insert(split);
        let head = ledger.map(Ledger::head);
        let holds = |last: &&Last| last.head == head && (last.from..last.until).contains(&now);
        if let Some(last) = self.last.as_ref().filter(holds) {
            let mut assessment = judge(&split.watched)?;
            assessment.measures.extend(last.judged.iter().cloned());
            let place = |id: &str| pages.iter().position(|page| page.id == id);
            assessment.measures.sort_by_key(|one| place(&one.id));
            assessment.not_judged.retain(|one| place(&one.id).is_none());
            return Ok(assessment);
        }
        let assessment = judge(pages)?;
        let of_them = assessment.measures.iter();
        let of_them = of_them.filter(|one| split.declared.contains(&one.id));
        let turn = ledger.map_or(Time::MAX, |ledger| {
            let (known, held) = ledger.next_turns(now, now);
            known.min(held)
        });
        self.last = Some(Last {
            judged: of_them.cloned().collect(),
            head,
            from: now,
            until: turn.min(Time(now.0.saturating_add(EVERY))),
        });
        Ok(assessment)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use judge::{NotJudged, Verdict};
    use store::ledger::{Content, New, Stamp};

    use super::*;

    fn assessment(pages: &[Page], all: &[Page]) -> Assessment {
        let judged = |page: &Page| Judged {
            id: page.id.clone(),
            title: String::new(),
            verdict: Verdict::Met,
            summary: String::new(),
            subjects: Vec::new(),
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
        let folder = std::env::temp_dir().join(format!("seawall-declared-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let pages = judge::built_in().unwrap();
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        let mut ledger = Ledger::open(&folder).unwrap();
        let mut declared = Declared::default();
        let mut asked = |ledger: &Ledger, seconds| {
            let asked = RefCell::new(Vec::new());
            let judged = declared.assess(&pages, Some(ledger), at(seconds), |some| {
                *asked.borrow_mut() = some.iter().map(|page| page.id.clone()).collect();
                Ok(assessment(some, &pages))
            });
            let judged = judged.unwrap();
            let ids: Vec<&str> = judged.measures.iter().map(|one| one.id.as_str()).collect();
            let all: Vec<&str> = pages.iter().map(|page| page.id.as_str()).collect();
            assert_eq!(ids, all, "all, in their order");
            assert_eq!(judged.not_judged.len(), 1, "X1 alone");
            asked.into_inner()
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
}
