//! Facts in the shapes of other tools: the logs of Zeek and of the ICSNPP parsers, and Suricata's EVE, so that what reads
//! those reads Seawall.
//!
//! A log line of theirs is a message or a transaction; a fact may stand for many of the same. So each line here says how
//! many (`count`) and until when (`last`), and nothing is made up for a field that the facts do not hold: it is left unset.
mod certificates;
mod control;
mod eve;
mod flows;
mod session;
mod suricata;
mod zeek;

pub use eve::eve;
pub use zeek::{zeek_folder, zeek_json};
