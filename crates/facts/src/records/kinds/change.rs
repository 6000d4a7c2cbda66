//! Changes to devices and rules: asked for, approved, made, checked. And visits, where changes are made on site.
use super::Person;
use crate::Time;
use crate::records::record::{choice, record};
use crate::records::{AssetName, Conduit, Crane, Date, Filled, Party, Ref, Sha256, WorkOrder};

choice! {
    /// What a change changes.
    ChangeOf {
        /// A controller's program.
        Program = "program",
        /// Firmware or an operating system.
        Firmware = "firmware",
        /// Settings of a device.
        Configuration = "configuration",
        /// A rule of a firewall.
        FirewallRule = "firewall-rule",
        /// Network: ports, VLANs, routes.
        Network = "network",
        /// Accounts and rights.
        Account = "account",
        /// Hardware.
        Hardware = "hardware",
    }
}

choice! {
    /// How much can go wrong.
    Risk {
        /// Nothing that stops work.
        Low = "low",
        /// A crane may stop.
        Medium = "medium",
        /// People, or the terminal.
        High = "high",
    }
}

record! {
    /// A change that somebody asks for. It may be made once persons other than the one who asks approved it.
    ChangeRequest = "change-request" ["C7", "C9", "G3", "R0"] {
        /// What is changed.
        what: ChangeOf,
        /// The change, in a sentence.
        summary: String,
        /// Why.
        reason: String,
        /// Devices that are changed.
        targets: Filled<Ref<AssetName>>,
        /// Who asks.
        requested_by: Ref<Person>,
        /// When.
        requested: Time,
        /// How much can go wrong.
        risk: Risk,
        /// How it is undone.
        rollback: String,
        /// Not before.
        begins: Time,
        /// Not after.
        ends: Time,
        /// Of a firewall rule: the rule, word by word.
        rule: Option<String>,
        /// Hash of what is loaded: program, firmware, configuration.
        content_sha256: Option<Sha256>,
        /// Made first and approved afterwards, because work stood still.
        emergency: bool,
        /// When it was made; empty until then.
        implemented: Option<Time>,
        /// Who made it.
        implemented_by: Option<Ref<Person>>,
    }
    order { begins <= ends, requested <= implemented }
}

choice! {
    /// What was decided.
    Decision {
        /// It may be made.
        Approved = "approved",
        /// It may not.
        Refused = "refused",
    }
}

record! {
    /// One person's decision on a change.
    Approval = "approval" ["C7", "C9"] {
        /// The change.
        change: Ref<ChangeRequest>,
        /// Who decides.
        approver: Ref<Person>,
        /// When.
        decided: Time,
        /// What.
        decision: Decision,
        /// On what condition.
        condition: Option<String>,
    }
}

choice! {
    /// What becomes of a rule.
    RuleVerdict {
        /// It stays as it is.
        Keep = "keep",
        /// It is changed, by a change request.
        Change = "change",
        /// It goes, by a change request.
        Remove = "remove",
    }
}

record! {
    /// A firewall rule was looked at again: is it still needed, as it is.
    RuleRecertification = "rule-recertification" ["C7", "C2"] {
        /// The firewall.
        firewall: Ref<AssetName>,
        /// Number or name of the rule there.
        rule: String,
        /// The rule as it stood, word by word.
        text: String,
        /// Day.
        done: Date,
        /// Who looked.
        reviewer: Ref<Person>,
        /// What becomes of it.
        verdict: RuleVerdict,
        /// What it is needed for.
        needed_for: Option<String>,
        /// The change that follows.
        change: Option<Ref<ChangeRequest>>,
        /// The conduit of the site file that the rule lets through: whether that was used is told beside it.
        conduit: Option<Ref<Conduit>>,
    }
}

choice! {
    /// Where a baseline's content comes from.
    BaselineSource {
        /// Read out of the device.
        Device = "device",
        /// The project that was compiled and loaded.
        Project = "project",
        /// Released by the maker.
        Maker = "maker",
    }
}

record! {
    /// What a device is meant to run: the approved program, firmware or configuration.
    ProgramBaseline = "program-baseline" ["R0", "G3", "C9"] {
        /// The device.
        device: Ref<AssetName>,
        /// Part of it, e.g. `DB11` or `firmware`; empty for the whole program.
        part: Option<String>,
        /// Hash of the content.
        sha256: Sha256,
        /// Hash of the code alone, without values and times, where they can be told apart.
        code_sha256: Option<Sha256>,
        /// Version, as the maker or the project calls it.
        release: Option<String>,
        /// Where the content comes from.
        source: BaselineSource,
        /// The change that made it the approved one.
        change: Option<Ref<ChangeRequest>>,
        /// Who approved it.
        approved_by: Ref<Person>,
        /// Day.
        approved: Date,
    }
}

choice! {
    /// How an advisory stands with an asset.
    RemediationState {
        /// Known, nothing done.
        Open = "open",
        /// To be done by the day that is due.
        Planned = "planned",
        /// Something else keeps it from being used.
        Mitigated = "mitigated",
        /// Put right by the maker's update.
        Patched = "patched",
        /// Borne, by an exception.
        Accepted = "accepted",
        /// Looked at: it is not affected.
        NotAffected = "not-affected",
    }
}

record! {
    /// What was done about a vulnerability of an asset.
    Remediation = "remediation" ["G2"] {
        /// Advisory or vulnerability, e.g. `ICSA-24-235-03`, `CVE-2021-36260`.
        advisory: String,
        /// The assets.
        assets: Filled<Ref<AssetName>>,
        /// How it stands.
        state: RemediationState,
        /// What was or will be done, or why nothing need.
        action: String,
        /// Who sees to it.
        owner: Ref<Person>,
        /// Day by which it is to be done.
        due: Option<Date>,
        /// Day on which it was done.
        done: Option<Date>,
        /// The change by which.
        change: Option<Ref<ChangeRequest>>,
    }
}

record! {
    /// Leave to bring a removable medium to devices of the crane network.
    MediaPermit = "media-permit" ["C5", "C4"] {
        /// The medium: its label or serial number.
        medium: String,
        /// Who carries it.
        holder: String,
        /// What for, and why the transfer gate will not do.
        purpose: String,
        /// Devices or cranes.
        targets: Filled<Ref<(AssetName, Crane)>>,
        /// When it was scanned.
        scanned: Option<Time>,
        /// What scanned it, with version.
        scanner: Option<String>,
        /// Hashes of the files on it.
        files_sha256: Vec<Sha256>,
        /// Who allowed it.
        approved_by: Ref<Person>,
        /// Not before.
        begins: Time,
        /// Not after.
        ends: Time,
    }
    order { begins <= ends }
}

record! {
    /// A vendor's visit: who came, with what, and what was different afterwards.
    VendorVisit = "vendor-visit" ["C14", "C5", "C9", "R0"] {
        /// The firm.
        firm: Ref<Party>,
        /// Names of those who came.
        visitors: Filled<String>,
        /// Who went with them.
        escort: Ref<Person>,
        /// What for.
        purpose: String,
        /// Cranes that were visited.
        cranes: Vec<Ref<Crane>>,
        /// Devices that were worked on; empty if none was touched.
        devices: Vec<Ref<AssetName>>,
        /// Came.
        arrived: Time,
        /// Went; empty while they are here.
        departed: Option<Time>,
        /// The work order, by its id in the site file.
        work_order: Option<Ref<WorkOrder>>,
        /// The change that was made.
        change: Option<Ref<ChangeRequest>>,
        /// Laptop or tool that was connected: inventory or serial number.
        laptop: Option<String>,
        /// Hash of the laptop's scan report.
        laptop_sha256: Option<Sha256>,
        /// Media that were used.
        media: Vec<Ref<MediaPermit>>,
        /// Hashes of the files that were brought in.
        files_sha256: Vec<Sha256>,
        /// Hash of the program before.
        before_sha256: Option<Sha256>,
        /// Hash of the program after.
        after_sha256: Option<Sha256>,
    }
    order { arrived <= departed }
}
