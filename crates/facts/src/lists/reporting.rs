//! To whom incidents are reported, by which rule and how soon.
//!
//! Data with a version, each line with its source and the date of that source: a number that is dialled at night must say
//! how old it is.
use serde::Deserialize;

const BUILTIN: &str = include_str!("../../data/reporting.toml");

/// Where reports go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// In the word of `facts::records::Addressee`.
    pub addressee: String,
    /// Who answers there, as reports address it.
    pub organisation: String,
    /// As it is dialled in the United States; `None` where the source gives none.
    pub phone: Option<String>,
    /// Mail address; `None` where the source gives none.
    pub email: Option<String>,
    /// Address of a web form; `None` where the source gives none.
    pub portal: Option<String>,
    /// Last day for which the source says so.
    pub date: String,
    /// The publication that gives it, with its edition or date.
    pub source: String,
}

/// A rule that asks for reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule as it is cited, e.g. `33 CFR 6.16-1`.
    pub id: String,
    /// What it asks, in a sentence.
    pub asks: String,
    /// To whom, in the words of `facts::records::Addressee`.
    pub to: Vec<String>,
    /// Kinds of incident, in the words of `facts::records::IncidentKind`; empty for all.
    pub of: Vec<String>,
    /// How soon, in the rule's words.
    pub when: String,
    /// How soon, where the rule names a number.
    pub within_hours: Option<u32>,
    /// Reports to these count as reports to those of `also_to`.
    #[serde(default)]
    pub also_by: Vec<String>,
    /// The addressees of this rule whose duty is met by telling those of `also_by`.
    #[serde(default)]
    pub also_to: Vec<String>,
    /// Only if all of `also_by` were told.
    #[serde(default)]
    pub also_all: bool,
    /// The rule that says so; `None` exactly where `also_by` is empty.
    pub also_source: Option<String>,
    /// Not in force: shown, and asked of nobody.
    #[serde(default)]
    pub proposed: bool,
    /// The regulation or notice that the line is taken from, with its section or date.
    pub source: String,
}

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reporting {
    /// Date of the list, as `2026-11-21`.
    pub version: String,
    /// Contacts, in the order of the list; an addressee may have several.
    #[serde(rename = "contact")]
    pub contacts: Vec<Contact>,
    /// Rules, in the order of the list.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

impl Reporting {
    /// The list that the program was built with.
    pub fn builtin() -> Reporting {
        // A test reads it.
        toml::from_str(BUILTIN).unwrap_or_default()
    }

    /// The contacts of an addressee, the newest source first.
    pub fn contacts_of(&self, addressee: &str) -> Vec<&Contact> {
        let mut contacts: Vec<&Contact> = self
            .contacts
            .iter()
            .filter(|contact| contact.addressee == addressee)
            .collect();
        contacts.sort_by(|a, b| b.date.cmp(&a.date));
        contacts
    }
}

impl Rule {
    /// Whether it is about incidents of that kind.
    pub fn is_about(&self, kind: &str) -> bool {
        self.of.is_empty() || self.of.iter().any(|one| one == kind)
    }

    /// Whether what was told to others counts as told to this one; `told` says who was.
    pub fn is_met_by_others(&self, addressee: &str, told: &dyn Fn(&str) -> bool) -> bool {
        if !self.also_to.iter().any(|to| to == addressee) {
            return false;
        }
        let mut by = self.also_by.iter().map(|by| told(by));
        match self.also_all {
            true => !self.also_by.is_empty() && by.all(|told| told),
            false => by.any(|told| told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reporting;
    use crate::records::{Addressee, Date, IncidentKind};

    #[test]
    fn the_built_in_list_reads_and_each_line_has_a_source_and_known_words() {
        let list = Reporting::builtin();
        assert!(list.rules.len() > 5 && list.contacts.len() > 4);
        for contact in &list.contacts {
            assert!(
                Addressee::parse(&contact.addressee).is_some(),
                "{contact:?}"
            );
            assert!(Date::parse(&contact.date).is_some() && !contact.source.is_empty());
            assert!(contact.phone.is_some() || contact.email.is_some());
        }
        for rule in &list.rules {
            for to in rule.to.iter().chain(&rule.also_by).chain(&rule.also_to) {
                assert!(Addressee::parse(to).is_some(), "{to}");
            }
            for kind in &rule.of {
                assert!(IncidentKind::parse(kind).is_some(), "{kind}");
            }
            assert!(rule.also_by.is_empty() == rule.also_source.is_none());
            assert!(rule.within_hours.is_none() || rule.when.contains("within"));
        }
        // Four are to be told of whatever happens.
        for to in ["nrc", "cgcyber", "cisa", "fbi"] {
            let told =
                |rule: &&super::Rule| rule.of.is_empty() && rule.to.iter().any(|one| one == to);
            assert_eq!(list.rules.iter().filter(told).count(), 1, "{to}");
            assert!(!list.contacts_of(to).is_empty());
        }
        assert_eq!(
            list.contacts_of("cisa")[0].phone.as_deref(),
            Some("(844) 729-2472")
        );
    }

    #[test]
    fn a_call_to_the_nrc_reaches_the_fbi_and_not_cisa() {
        let list = Reporting::builtin();
        let rule = list
            .rules
            .iter()
            .find(|rule| rule.id == "33 CFR 6.16-1")
            .unwrap();
        let nrc = |to: &str| to == "nrc";
        assert!(rule.is_met_by_others("fbi", &nrc));
        assert!(!rule.is_met_by_others("cisa", &nrc));
        let once = list
            .rules
            .iter()
            .find(|rule| rule.id == "33 CFR 101.620(b)(7)")
            .unwrap();
        assert!(
            !once.is_met_by_others("nrc", &|to| to == "fbi"),
            "all three are told under 6.16-1"
        );
        assert!(once.is_met_by_others("nrc", &|to| to != "nrc"));
    }
}
