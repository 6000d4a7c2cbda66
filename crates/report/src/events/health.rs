//! Events of the sensor itself: what it can no longer see, keep or tell.
use facts::Value;

/// How the sensor fares, one event of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// What happened.
    pub trouble: Trouble,
    /// What it is about: an interface, a folder, a sink.
    pub about: Option<String>,
    /// A full sentence.
    pub detail: String,
    /// What to do first, where that is not what [`Trouble::next`] says.
    pub advice: Option<&'static str>,
    /// Numbers and names that a program may want, by name in snake case with the unit.
    pub facts: Vec<(String, Value)>,
}

impl Health {
    /// An event without facts; `detail` is a full sentence.
    pub fn new(trouble: Trouble, about: Option<&str>, detail: impl Into<String>) -> Health {
        Health {
            trouble,
            about: about.map(str::to_owned),
            detail: detail.into(),
            advice: None,
            facts: Vec::new(),
        }
    }

    /// Says what to do first, in a sentence.
    #[must_use]
    pub fn advise(mut self, advice: &'static str) -> Health {
        self.advice = Some(advice);
        self
    }

    /// Adds a number or word worth sorting by, under that name.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Health {
        self.facts.push((name.to_owned(), value));
        self
    }
}

macro_rules! troubles {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $next:expr;)*) => {
        /// What can happen to the sensor; good news among them, so that an alarm has its end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Trouble { $($(#[doc = $doc])+ $name,)* }

        impl Trouble {
            /// In the order of the reference.
            pub const ALL: &[Trouble] = &[$(Trouble::$name,)*];
            /// The kind of the event.
            pub const fn word(self) -> &'static str {
                match self { $(Trouble::$name => $word,)* }
            }
            /// What to do first, where something is to be done.
            pub const fn next(self) -> Option<&'static str> {
                match self { $(Trouble::$name => $next,)* }
            }
        }
    };
}

troubles! {
    /// The sensor watches from now on.
    SensorStarted = "sensor-started", None;
    /// The sensor ends; nothing is watched from now on.
    SensorStopped = "sensor-stopped", Some("If nobody meant to stop it, read its journal and start it again.");
    /// A monitored interface is gone or has no carrier.
    InterfaceDown = "interface-down", Some("Check the cable, the mirror port of the switch and the interface.");
    /// A monitored interface is back.
    InterfaceUp = "interface-up", None;
    /// Packets were lost between wire and sensor; verdicts that rest on them become unproven.
    Drops = "drops", Some("See which VLAN grew; mirror less to this port, or give the sensor more workers.");
    /// More came than there was time for: by rule, what is not control was put aside.
    Shedding = "shedding", Some("Mirror less to this port (cameras and bulk first), or give the sensor more workers.");
    /// The disk takes no more; history stops, judging goes on.
    DiskFull = "disk-full", Some("Make room, or lower how long history is kept; where there is room, see what is wrong with the disk.");
    /// The disk takes history again.
    DiskWorks = "disk-works", None;
    /// No frame came for long where there should be some.
    NotWatching = "not-watching", Some("Check whether the mirror port still sends, then the sensor's journal.");
    /// Frames come again.
    Watching = "watching", None;
    /// The time of day jumped.
    ClockStepped = "clock-stepped", Some("Check the time source; windows of work orders were judged by a wrong clock.");
    /// The site folder was read anew and is judged by.
    SiteReloaded = "site-reloaded", None;
    /// The site folder has mistakes; the one before goes on.
    SiteRefused = "site-refused", Some("Correct what is named, then reload.");
    /// The ledger is gone, was replaced, cannot be read, or is being written to for long.
    LedgerTrouble = "ledger-trouble", Some("See who wrote to the ledger's folder; hold it against a checkpoint kept elsewhere.");
    /// Events could not be delivered and are gone from the queue.
    EventsLost = "events-lost", Some("Read the event file or the journal of the sensor for that time.");
    /// More findings are open than are remembered one by one.
    FindingsLeftOut = "findings-left-out", Some("Read the whole report; so many findings at once are a site gone wrong or a cover.");
}
