use crate::{Time, kind};

kind! {
    /// A capture that was read: what it is, and what was wrong with it. The ground of every citation of frames.
    Capture = "capture_file" (latest) {
        /// Base name.
        name: String => key,
        /// Folder it was read from, as given.
        folder: Option<String> => key,
        /// SHA-256 of the file as it lies there (compressed if it is), in hex. `seawall facts` leaves it out unless it is asked for:
        /// by `--sha256`, or by this kind.
        sha256: Option<String>,
        /// Size of the file in bytes.
        bytes: u64,
        /// Format, e.g. `pcap, big endian, nanoseconds`, `pcapng, zstd`.
        format: String,
        /// Link types, by name.
        links: Vec<String>,
        /// Frames read.
        packets: u64,
        /// Frames of link types that are not decoded.
        undecoded: u64,
        /// Frames shorter than they were on the wire.
        snapped: u64,
        /// Time of the earliest frame.
        time: Option<Time>,
        /// Time of the latest frame.
        last: Option<Time>,
        /// Sensor of the site whose pattern claims it.
        sensor: Option<String>,
        /// What was wrong with it, a sentence each: cut off, damaged, unknown link type.
        problems: Vec<String>,
    }
}
