use crate::{Time, kind};

kind! {
    /// What a witness could and could not see: the ground under every verdict. "0 lost of 0" is no coverage.
    Coverage = "coverage" {
        /// Begin of the interval.
        time: Option<Time>,
        /// End of the interval.
        last: Option<Time>,
        /// Sensor as named in the site file; null for a capture that no sensor claims, and for a zone without one.
        sensor: Option<String>,
        /// Zone it speaks of; null for the capture as a whole.
        zone: Option<String>,
        /// `capture` (the file: read to its end?), `frames` (frames of the zone seen), `streams` (TCP bytes
        /// acknowledged and captured), `directions` (TCP conversations seen both ways), `classified` (frames
        /// with a named class), `limits` (tables that overflowed).
        what: String,
        /// How many were good, in the unit of `what`.
        good: u64,
        /// Out of how many.
        total: u64,
        /// `complete`, `partial` or `none`.
        state: String,
        /// What is missing, in a sentence; null when complete.
        detail: Option<String>,
    }
}
