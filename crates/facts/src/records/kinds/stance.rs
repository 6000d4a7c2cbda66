//! Where the terminal stands on a measure: what it needs, what it bears, what does not concern it.
use super::Person;
use crate::records::record::record;
use crate::records::{AssetName, Conduit, Date, Filled, Party, Ref, ZoneName};

record! {
    /// Why a service into or out of the crane network is needed, and by whom.
    Necessity = "necessity" ["C2", "C7"] {
        /// The conduit of the site file that allows it; empty for one that only a device's configuration allows.
        conduit: Option<Ref<Conduit>>,
        /// From where.
        sources: Filled<Ref<(AssetName, ZoneName, Party)>>,
        /// To where.
        targets: Filled<Ref<(AssetName, ZoneName, Party)>>,
        /// Services, as in the site file.
        services: Filled<String>,
        /// What work stops without it.
        needed_for: String,
        /// Who needs it and would notice.
        consumer: Ref<Person>,
        /// Day on which that was last asked.
        reviewed: Date,
        /// Day after which it is no longer needed.
        ends: Option<Date>,
    }
    order { reviewed <= ends }
}

record! {
    /// A risk that is borne for a time: the finding stays known, and somebody answers for it.
    Exception = "exception" ["G2", "C2", "C6", "C9", "C14", "C15", "C16"] {
        /// The measure, e.g. `C15`.
        measure: String,
        /// Its subject, as the report names it.
        subject: String,
        /// The finding, by its name; empty for all of the subject.
        finding: Option<String>,
        /// What can go wrong.
        risk: String,
        /// Why it is borne.
        reason: String,
        /// What is done instead.
        instead: Option<String>,
        /// Who answers for it.
        approved_by: Ref<Person>,
        /// Day of the decision.
        decided: Date,
        /// Last day; there is no exception without end.
        ends: Date,
    }
    order { decided <= ends }
}

record! {
    /// A measure, or one subject of it, does not concern the terminal. It stands in the place of what holds or is unproven, never of a
    /// finding.
    NotApplicable = "not-applicable" ["T2", "C6", "C14", "C16"] {
        /// The measure, e.g. `T2`.
        measure: String,
        /// Its subject, as the report names it; empty for the whole measure.
        subject: Option<String>,
        /// Why.
        reason: String,
        /// Who says so.
        declared_by: Ref<Person>,
        /// Day.
        declared: Date,
        /// Day by which it is looked at again.
        ends: Date,
    }
    order { declared <= ends }
}
