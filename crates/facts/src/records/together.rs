//! What records say against each other: of a change, who asks does not decide, and two decide.
//!
//! Asked when a record is written. A ledger that is imported is not asked: what stands in it was recorded elsewhere, and a
//! measure may still judge it.
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::form::Wrong;
use super::kinds::{Approval, ChangeRequest, Decision};
use super::record::{Record, RecordInfo};

/// Persons who approve a change beside the one who asks for it.
const APPROVERS: usize = 2;

/// The records that have to agree with each other.
#[derive(Clone, Debug, Default)]
pub struct Together {
    changes: BTreeMap<String, ChangeRequest>,
    /// By change, then by their own id.
    approvals: BTreeMap<String, BTreeMap<String, Approval>>,
    /// The change of each approval, by its id.
    decided: BTreeMap<String, String>,
}

impl Together {
    /// Whether records of that kind are asked for; the others need not be read.
    pub fn wants(kind: &str) -> bool {
        [ChangeRequest::INFO.name, Approval::INFO.name].contains(&kind)
    }

    /// Takes a record in, in place of the one of the same id.
    pub fn add(&mut self, kind: &str, id: &str, body: &Map<String, Json>) {
        if kind == ChangeRequest::INFO.name
            && let Ok(change) = ChangeRequest::from_body(body)
        {
            self.changes.insert(id.to_owned(), change);
        }
        if kind == Approval::INFO.name
            && let Ok(approval) = Approval::from_body(body)
        {
            let change = approval.change.0.clone();
            // Said anew, it may be of another change than before.
            if let Some(before) = self.decided.insert(id.to_owned(), change.clone())
                && let Some(of_change) = self.approvals.get_mut(&before)
            {
                of_change.remove(id);
            }
            let of_change = self.approvals.entry(change);
            of_change.or_default().insert(id.to_owned(), approval);
        }
    }

    /// What speaks against recording this, with the field.
    pub fn against(
        &self,
        info: &RecordInfo,
        id: &str,
        body: &Map<String, Json>,
    ) -> Vec<(&'static str, Wrong)> {
        if info.name == Approval::INFO.name
            && let Ok(approval) = Approval::from_body(body)
        {
            return self.against_approval(id, &approval);
        }
        if info.name == ChangeRequest::INFO.name
            && let Ok(change) = ChangeRequest::from_body(body)
        {
            return self.against_change(id, &change);
        }
        Vec::new()
    }

    fn against_approval(&self, id: &str, approval: &Approval) -> Vec<(&'static str, Wrong)> {
        let (change, approver) = (&approval.change.0, &approval.approver);
        let asks = self.changes.get(change).map(|change| &change.requested_by);
        if asks == Some(approver) {
            let what = format!("\"{}\" asks for the change {change}", approver.0);
            return vec![("approver", Wrong::new(what, "let somebody else decide"))];
        }
        let others = self.approvals.get(change).into_iter().flatten();
        let twice = others
            .filter(|(other, said)| *other != id && said.approver == *approver)
            .map(|(other, _)| {
                let what = format!(
                    "\"{}\" decided on {change} already, in {other}",
                    approver.0
                );
                let remedy = format!(
                    "a second approval is another person's; to decide otherwise, record {other} anew"
                );
                ("approver", Wrong::new(what, remedy))
            });
        twice.take(1).collect()
    }

    fn against_change(&self, id: &str, change: &ChangeRequest) -> Vec<(&'static str, Wrong)> {
        let mut wrongs = Vec::new();
        let approvals: Vec<(&String, &Approval)> =
            self.approvals.get(id).into_iter().flatten().collect();
        let own = approvals
            .iter()
            .find(|(_, said)| said.approver == change.requested_by);
        if let Some((of, said)) = own {
            let what = format!("\"{}\" decided on this change, in {of}", said.approver.0);
            wrongs.push((
                "requested_by",
                Wrong::new(what, "who decides on a change does not ask for it"),
            ));
        }
        let Some(made) = change.implemented.filter(|_| !change.emergency) else {
            return wrongs;
        };
        let refused = approvals
            .iter()
            .find(|(_, said)| said.decision == Decision::Refused);
        if let Some((of, said)) = refused {
            let what = format!("\"{}\" refused this change, in {of}", said.approver.0);
            let remedy = "a change that is refused is not made; ask anew under another id";
            wrongs.push(("implemented", Wrong::new(what, remedy)));
            return wrongs;
        }
        let mut by: Vec<&str> = approvals
            .iter()
            .filter(|(_, said)| said.decision == Decision::Approved && said.decided <= made)
            .filter(|(_, said)| said.approver != change.requested_by)
            .map(|(_, said)| said.approver.0.as_str())
            .collect();
        by.sort_unstable();
        by.dedup();
        if by.len() < APPROVERS {
            let who = match by.as_slice() {
                [] => "nobody".to_owned(),
                by => format!("\"{}\" alone", by.join("\", \"")),
            };
            let what = format!("{who} had approved this change by {made}");
            let remedy = format!(
                "{APPROVERS} persons other than the one who asks approve a change before it is made: record their `approval` first, or emergency=yes where work stood still"
            );
            wrongs.push(("implemented", Wrong::new(what, remedy)));
        }
        wrongs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(value: Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    fn change(more: Json) -> Map<String, Json> {
        let mut one = body(json!({
            "what": "program", "summary": "…", "reason": "…", "targets": ["plc1"], "requested_by": "ann",
            "requested": "2026-11-20T08:00:00.000000000Z", "risk": "low", "rollback": "…",
            "begins": "2026-11-21T08:00:00.000000000Z", "ends": "2026-11-21T10:00:00.000000000Z", "emergency": false,
        }));
        one.extend(body(more));
        one
    }

    fn approval(by: &str, decision: &str, hour: u8) -> Map<String, Json> {
        body(json!({
            "change": "CR-1", "approver": by, "decision": decision,
            "decided": format!("2026-11-21T{hour:02}:00:00.000000000Z"),
        }))
    }

    fn says(wrongs: &[(&str, Wrong)]) -> String {
        let one = |(field, wrong): &(&str, Wrong)| format!("{field}: {}", wrong.what);
        wrongs.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn who_asks_does_not_decide_and_nobody_decides_twice() {
        let mut all = Together::default();
        all.add("change-request", "CR-1", &change(json!({})));
        let against = |all: &Together, id: &str, by: &str| {
            says(&all.against(&Approval::INFO, id, &approval(by, "approved", 7)))
        };
        assert_eq!(
            against(&all, "A-1", "ann"),
            "approver: \"ann\" asks for the change CR-1"
        );
        assert_eq!(against(&all, "A-1", "bob"), "");
        all.add("approval", "A-1", &approval("bob", "approved", 7));
        assert_eq!(against(&all, "A-1", "bob"), "", "the same one, said anew");
        assert_eq!(
            against(&all, "A-2", "bob"),
            "approver: \"bob\" decided on CR-1 already, in A-1"
        );
        // An approval that is said anew of another change is none of this one any more.
        let mut moved = all.clone();
        let mut other = approval("bob", "approved", 7);
        other.insert("change".to_owned(), "CR-2".into());
        moved.add("approval", "A-1", &other);
        assert_eq!(against(&moved, "A-2", "bob"), "");
        let by_bob = change(json!({ "requested_by": "bob" }));
        assert_eq!(
            says(&all.against(&ChangeRequest::INFO, "CR-1", &by_bob)),
            "requested_by: \"bob\" decided on this change, in A-1"
        );
    }

    #[test]
    fn a_change_is_made_once_two_others_approved_it() {
        let mut all = Together::default();
        let made = change(json!({ "implemented": "2026-11-21T09:00:00.000000000Z" }));
        let against = |all: &Together, body| says(&all.against(&ChangeRequest::INFO, "CR-1", body));
        let at = "had approved this change by 2026-11-21T09:00:00.000000000Z";
        assert_eq!(against(&all, &made), format!("implemented: nobody {at}"));
        all.add("approval", "A-1", &approval("bob", "approved", 7));
        all.add("approval", "A-2", &approval("eve", "approved", 10));
        assert_eq!(
            against(&all, &made),
            format!("implemented: \"bob\" alone {at}"),
            "what was approved afterwards was not approved then"
        );
        let mut hurried = made.clone();
        hurried.insert("emergency".to_owned(), true.into());
        assert_eq!(against(&all, &hurried), "");
        all.add("approval", "A-2", &approval("eve", "approved", 8));
        assert_eq!(against(&all, &made), "");
        all.add("approval", "A-3", &approval("joe", "refused", 8));
        assert_eq!(
            against(&all, &made),
            "implemented: \"joe\" refused this change, in A-3"
        );
    }
}
