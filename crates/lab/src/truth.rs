//! What a scenario knows of itself: what was planted, what was done, who connected to whom.
use sha2::{Digest, Sha256};

use crate::net::{Host, Micros};

/// A violation on purpose.
#[derive(Clone, Debug, Default)]
pub struct Planted {
    /// Short name, unique in the scenario.
    pub id: &'static str,
    /// The measure that it breaks most directly.
    pub measure: &'static str,
    /// Other measures that may rightly speak of it too.
    pub also: Vec<&'static str>,
    /// The assets concerned, as an assessment names them (unknown ones by their address).
    pub assets: Vec<String>,
    /// What happens, in a sentence.
    pub what: &'static str,
    /// Where it can be seen.
    pub sightings: Vec<Sighting>,
    /// First and last frame that shows it.
    pub first: Micros,
    pub last: Micros,
}

/// The frames of one capture that belong to a planted violation, numbered from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    pub capture: String,
    /// Frames that show it themselves.
    pub shows: Vec<u32>,
    /// Those and the rest of the conversations around it.
    pub frames: Vec<u32>,
}

/// An operation that someone asked of a device.
#[derive(Clone, Debug)]
pub struct Deed {
    pub at: Micros,
    pub source: Host,
    pub target: Host,
    pub protocol: &'static str,
    /// A word of the contract's vocabulary.
    pub operation: &'static str,
    /// What it was done to, in the protocol's words; empty where nothing is named.
    pub object: String,
    pub refused: bool,
    /// Length and SHA-256 of the content carried.
    pub content: Option<(usize, String)>,
}

/// A TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    pub at: Micros,
    pub client: Host,
    pub client_port: u16,
    pub server: Host,
    pub server_port: u16,
    /// Whether its handshake is on the wire.
    pub handshake: bool,
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
