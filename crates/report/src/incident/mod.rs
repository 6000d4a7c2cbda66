//! Incidents: the texts for those who are told of them, from what was recorded; which reports are owed, and since when.
//!
//! Nothing is made up: what no record says is "not known". The texts are for a person to read over, read out or send;
//! nothing leaves the terminal by itself.
mod draft;
mod duties;
mod fields;
mod redact;
mod show;
mod texts;

use facts::Time;
use facts::lists::Reporting;
use facts::records::{Addressee, Contact, Incident, Person, ReportSent, ReportingProfile};
use facts::site::Site;

pub use self::draft::{Opening, draft};
pub use self::duties::{Duty, Told, duties};
pub use self::redact::{Hide, Redactor};
pub use self::show::{json, list, text};
pub use self::texts::report;

/// An incident with all that its reports draw on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Id of the incident's record.
    pub id: &'a str,
    /// The incident, as its record has it.
    pub incident: &'a Incident,
    /// Who reports it, where the ledger knows them.
    pub reporter: Option<&'a Person>,
    /// What reports of this terminal have in common; `None` where none is recorded.
    pub profile: Option<&'a ReportingProfile>,
    /// Who answers at any hour.
    pub reachable: Option<&'a Person>,
    /// The terminal's own contacts, with their ids.
    pub contacts: &'a [(String, Contact)],
    /// Reports that went out, with their ids, the oldest first.
    pub sent: &'a [(String, ReportSent)],
    /// The site, for names and the time zone.
    pub site: &'a Site,
    /// Whom to tell, by which rule.
    pub lists: &'a Reporting,
    /// The time of day, for what is owed and for how long.
    pub now: Time,
}

impl Case<'_> {
    /// The terminal's time zone.
    fn zone(&self) -> &str {
        if self.site.time_zone.is_empty() {
            "UTC"
        } else {
            &self.site.time_zone
        }
    }

    /// The first report to an addressee.
    fn first_to(&self, addressee: &str) -> Option<&(String, ReportSent)> {
        let to = self
            .sent
            .iter()
            .filter(|(_, sent)| sent.addressee.word() == addressee);
        to.min_by_key(|(_, sent)| sent.sent)
    }
}

/// Those for whom there is a text.
pub const ADDRESSEES: &[Addressee] = &[
    Addressee::Nrc,
    Addressee::Cgcyber,
    Addressee::Cisa,
    Addressee::Fbi,
];

/// An addressee in words.
pub fn addressee(word: &str) -> &'static str {
    match Addressee::parse(word) {
        Some(Addressee::Nrc) => "National Response Center",
        Some(Addressee::Cgcyber) => "CGCYBER, Maritime Cyber Readiness Branch",
        Some(Addressee::Cisa) => "CISA",
        Some(Addressee::Fbi) => "FBI Cyber Division",
        Some(Addressee::Cotp) => "Captain of the Port",
        Some(Addressee::Party) => "a party to a contract",
        Some(Addressee::Other) | None => "others",
    }
}
