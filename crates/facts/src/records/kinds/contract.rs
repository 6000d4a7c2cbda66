//! What is agreed with third parties, and with nobody: contracts, permissions, logistics platforms.
use super::Person;
use crate::records::record::{choice, record};
use crate::records::{AssetName, Date, Filled, Party, Ref, ZoneName};

choice! {
    /// How a maker or maintainer reaches the cranes.
    RemoteAccess {
        /// Connected all the time.
        Always = "always",
        /// Connected when maintenance or an update needs it.
        OnDemand = "on-demand",
        /// Not at all; technicians come.
        Never = "never",
    }
}

record! {
    /// A contract with a third party, by what it says of access and of data.
    ThirdPartyContract = "third-party-contract" ["G5", "G7", "G8", "T1", "T2", "T3"] {
        /// With whom.
        party: Ref<Party>,
        /// What it is about.
        title: String,
        /// Who answers for it here.
        owner: Ref<Person>,
        /// First day.
        begins: Date,
        /// Last day; empty if it runs on.
        ends: Option<Date>,
        /// Remote access that it agrees.
        remote_access: RemoteAccess,
        /// Modems, SIM cards and radios that it declares; empty if it declares none.
        modems: Vec<String>,
        /// Whether it bars changes to parts of other makers without consent.
        bars_changes: bool,
        /// Whether the party must tell of vulnerabilities and incidents without delay.
        must_notify: bool,
        /// Whether warranty or price hang on remote access.
        warranty_needs_remote: Option<bool>,
        /// Whose the data are.
        data_owner: Option<String>,
        /// Day on which its clauses on access and data were last read.
        reviewed: Option<Date>,
    }
    order { begins <= ends }
}

choice! {
    /// Way of the data.
    Direction {
        /// To the terminal.
        In = "in",
        /// From the terminal to the third party.
        Out = "out",
        /// Both ways.
        Both = "both",
    }
}

choice! {
    /// What data are.
    DataClass {
        /// Diagnostics and states of equipment.
        Diagnostic = "diagnostic",
        /// Work orders, positions, productivity.
        Operational = "operational",
        /// Programs, firmware, configurations.
        Program = "program",
        /// Cargo and customs data.
        Cargo = "cargo",
        /// Images of containers and vehicles, X-ray images.
        Image = "image",
        /// Video.
        Video = "video",
        /// Faces, fingerprints and the like.
        Biometric = "biometric",
        /// Other data of persons.
        Personal = "personal",
        /// Where things and people are, over time.
        Location = "location",
    }
}

record! {
    /// One thing that a contract permits: a flow of data, or access.
    ContractPermission = "contract-permission" ["G5", "G7", "T1", "T2"] {
        /// The contract.
        contract: Ref<ThirdPartyContract>,
        /// What for.
        purpose: String,
        /// The terminal's side: devices or zones.
        systems: Filled<Ref<(AssetName, ZoneName)>>,
        /// The other side: addresses, prefixes or domains; empty for those that the site file gives the party.
        destinations: Vec<String>,
        /// Services, as in the site file; empty if any.
        services: Vec<String>,
        /// Which way.
        direction: Direction,
        /// What kinds of data.
        data: Filled<DataClass>,
        /// Whether it lets the party change devices.
        may_modify: bool,
        /// First day.
        begins: Date,
        /// Last day; empty for that of the contract.
        ends: Option<Date>,
    }
    order { begins <= ends }
}

choice! {
    /// What the terminal is under 46 USC 50309 (e)(2).
    CoveredEntity {
        /// (A) A port authority that gets federal grants.
        PortAuthority = "port-authority",
        /// (B) A marine terminal operator on property of such an authority, or at a port of (D).
        TerminalOperator = "terminal-operator",
        /// (C) An agency of the United States or of a State.
        Government = "government",
        /// (D) A commercial strategic seaport.
        StrategicSeaport = "strategic-seaport",
        /// None of these.
        None = "none",
    }
}

record! {
    /// What the terminal declares on logistics platforms that 46 USC 50309 covers.
    PlatformDeclaration = "platform-declaration" ["T1"] {
        /// Day.
        declared: Date,
        /// Who declares it.
        declared_by: Ref<Person>,
        /// What the terminal is under the law.
        covered_entity: CoveredEntity,
        /// Covered platforms in use, directly or in part; empty if none is.
        platforms: Vec<String>,
        /// Port community systems and freight software whose makers were asked what they use in part.
        asked: Vec<String>,
        /// What they answered.
        answers: Option<String>,
        /// Waiver of the Secretary, by contract; empty if there is none.
        waiver: Option<String>,
        /// Last day of the waiver.
        waiver_ends: Option<Date>,
    }
    order { declared <= waiver_ends }
}
