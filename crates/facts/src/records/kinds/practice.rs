//! Drills, exchange with others, and whether those can be reached.
use super::Person;
use crate::Time;
use crate::records::record::{choice, record};
use crate::records::{Date, Filled, Ref, Sha256};

choice! {
    /// How large it was (33 CFR 101.635).
    DrillKind {
        /// A drill: one part of the plan.
        Drill = "drill",
        /// An exercise: the plan as a whole, with others.
        Exercise = "exercise",
    }
}

choice! {
    /// Whether its aims were reached.
    Aims {
        /// All.
        Met = "met",
        /// Some.
        Partly = "partly",
        /// None.
        Missed = "missed",
    }
}

record! {
    /// A cyber drill or exercise.
    Drill = "drill" ["G10", "G4", "G9"] {
        /// Day.
        held: Date,
        /// Drill or exercise.
        what: DrillKind,
        /// What was played.
        scenario: String,
        /// Measures that it tried, e.g. `R3; G4`.
        measures: Vec<String>,
        /// Who led it.
        lead: Ref<Person>,
        /// Who took part.
        people: Filled<String>,
        /// Agencies, universities and firms that took part.
        outside: Vec<String>,
        /// Whether its aims were reached.
        aims: Aims,
        /// Hash of the report, which can be attached.
        report_sha256: Option<Sha256>,
    }
}

record! {
    /// Something that a drill or exercise showed is to be done.
    ExerciseAction = "exercise-action" ["G10"] {
        /// Where it was seen.
        drill: Ref<Drill>,
        /// What is to be done.
        action: String,
        /// Who does it.
        owner: Ref<Person>,
        /// By when.
        due: Date,
        /// Day on which it was done.
        closed: Option<Date>,
        /// How one can see that.
        how: Option<String>,
    }
}

choice! {
    /// Who runs an exchange.
    ExchangeKind {
        /// Government.
        Government = "government",
        /// Ports and their industry.
        Industry = "industry",
        /// Universities.
        Academia = "academia",
        /// A maker.
        Maker = "maker",
    }
}

record! {
    /// Membership in an information exchange.
    Membership = "membership" ["G10"] {
        /// Name of the exchange.
        exchange: String,
        /// Who runs it.
        what: ExchangeKind,
        /// First day.
        since: Date,
        /// Last day; empty if it goes on.
        ends: Option<Date>,
        /// Who takes part for the terminal.
        person: Ref<Person>,
        /// How things are exchanged, e.g. `TAXII`, `monthly call`.
        channel: String,
        /// Day on which something was last received.
        received: Option<Date>,
        /// Day on which something was last given.
        given: Option<Date>,
    }
    order { since <= ends }
}

choice! {
    /// To whom incidents are reported.
    Addressee {
        /// National Response Center of the US Coast Guard.
        Nrc = "nrc",
        /// Coast Guard Cyber Command, Maritime Cyber Readiness Branch.
        Cgcyber = "cgcyber",
        /// CISA Central.
        Cisa = "cisa",
        /// FBI.
        Fbi = "fbi",
        /// Captain of the Port.
        Cotp = "cotp",
        /// A party to a contract.
        Party = "party",
        /// Own management, insurers and others.
        Other = "other",
    }
}

record! {
    /// Whom to reach in an incident.
    Contact = "contact" ["G4", "I1"] {
        /// For reports to whom.
        addressee: Addressee,
        /// Organisation and office.
        organisation: String,
        /// Person, where it is one.
        person: Option<String>,
        /// Telephone.
        phone: Option<String>,
        /// Electronic mail.
        email: Option<String>,
        /// Address of a reporting form.
        portal: Option<String>,
        /// Where the data are from.
        source: String,
        /// Day on which they were looked up.
        looked_up: Date,
    }
}

choice! {
    /// What trying a contact gave.
    Reached {
        /// Somebody answered who is in charge.
        Yes = "reached",
        /// Nobody answered.
        No = "not-reached",
        /// The number or address is another now.
        Changed = "changed",
    }
}

record! {
    /// A contact was tried.
    ContactTest = "contact-test" ["G4"] {
        /// Which.
        contact: Ref<Contact>,
        /// When.
        done: Time,
        /// Who tried.
        tester: Ref<Person>,
        /// What it gave.
        outcome: Reached,
        /// What else was learnt.
        remarks: Option<String>,
    }
}
