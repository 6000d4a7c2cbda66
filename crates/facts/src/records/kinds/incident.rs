//! What happened, and whom it was reported to.
use super::{Addressee, Person};
use crate::Time;
use crate::records::record::{choice, record};
use crate::records::{AssetName, Crane, Party, Ref, Sha256, ZoneName};

choice! {
    /// What an incident is, in the words of the rules.
    IncidentKind {
        /// Equipment that was found to be compromised.
        Compromised = "compromised-equipment",
        /// Suspicious activity (33 CFR 101.305 (a)).
        Suspicious = "suspicious-activity",
        /// Breach of security (33 CFR 101.305 (b)).
        Breach = "breach-of-security",
        /// Transportation security incident (33 CFR 101.305 (c)).
        Tsi = "transportation-security-incident",
        /// Reportable cyber incident (33 CFR 101.615).
        Reportable = "reportable-cyber-incident",
        /// Cyber incident that is none of these.
        Other = "cyber-incident",
    }
}

choice! {
    /// What it did to the terminal's work.
    Impact {
        /// Nothing.
        None = "none",
        /// Work went on, slower or with less.
        Degraded = "degraded",
        /// Work stood still.
        Stopped = "stopped",
        /// People were in danger or hurt.
        Safety = "safety",
    }
}

record! {
    /// Who the terminal is, as reports of incidents ask for it.
    ReportingProfile = "reporting-profile" ["I1"] {
        /// Owner or operator.
        organisation: String,
        /// The facility's number with the Coast Guard.
        facility_id: Option<String>,
        /// Street address or position.
        location: String,
        /// Captain of the Port zone.
        cotp_zone: Option<String>,
        /// Whether 33 CFR 105 or 106 applies (MTSA-regulated).
        mtsa: bool,
        /// Sector of critical infrastructure, e.g. `Transportation Systems (Maritime)`.
        sector: Option<String>,
        /// Who answers at any hour.
        reachable: Ref<Person>,
    }
}

record! {
    /// An incident, with what a report of it asks for.
    Incident = "incident" ["I1", "G4"] {
        /// What it is.
        what: IncidentKind,
        /// When it began, as far as is known.
        occurred: Option<Time>,
        /// When it was noticed.
        detected: Time,
        /// What happened.
        narrative: String,
        /// How it was noticed.
        noticed_by: String,
        /// Who reports it.
        reporter: Option<Ref<Person>>,
        /// Devices, zones and cranes concerned.
        systems: Vec<Ref<(AssetName, ZoneName, Crane)>>,
        /// What it did; empty while nobody knows.
        impact: Option<Impact>,
        /// What became of data: read, changed, lost.
        information: Option<String>,
        /// How long until work is as before.
        recovery: Option<String>,
        /// How many people it concerned.
        people: Option<u64>,
        /// How it came in.
        vector: Option<String>,
        /// Hashes, addresses, domains that others can look for.
        indicators: Vec<String>,
        /// Accounts that were used.
        accounts: Vec<String>,
        /// Third party concerned.
        party: Option<Ref<Party>>,
        /// Findings that led to it, by their names.
        findings: Vec<String>,
        /// What is kept of it: captures with frames and hashes, files, records.
        evidence: Vec<String>,
        /// What was done.
        actions: Vec<String>,
        /// When it was over.
        closed: Option<Time>,
        /// Whether it is Sensitive Security Information (49 CFR 1520).
        ssi: bool,
    }
    order { occurred <= detected, detected <= closed }
}

choice! {
    /// How a report went out.
    ReportMeans {
        /// By telephone.
        Phone = "phone",
        /// By electronic mail.
        Email = "email",
        /// By a form.
        Portal = "portal",
        /// In person.
        Person = "person",
    }
}

record! {
    /// A report that was sent.
    ReportSent = "report-sent" ["I1"] {
        /// Of which incident.
        incident: Ref<Incident>,
        /// To whom.
        addressee: Addressee,
        /// When.
        sent: Time,
        /// How.
        channel: ReportMeans,
        /// Who sent it.
        sender: Ref<Person>,
        /// Number that the addressee gave it.
        case_number: Option<String>,
        /// When the addressee confirmed it.
        acknowledged: Option<Time>,
        /// Hash of what was sent, which can be attached.
        text_sha256: Option<Sha256>,
    }
    order { sent <= acknowledged }
}
