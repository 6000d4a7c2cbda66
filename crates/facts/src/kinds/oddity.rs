use crate::{Address, Time, kind};

kind! {
    /// Something that should not be on a healthy wire: malformed messages, contradictions, limits that were hit.
    Oddity = "oddity" {
        /// First time.
        time: Time => first,
        /// Last time.
        last: Time => last,
        /// How many times.
        count: u64 => sum,
        /// Short name, `area.what`, e.g. `ip.bad_length`, `modbus.answer_without_request`.
        what: String,
        /// Source; null where the frame had none.
        source: Option<Address>,
        /// Target.
        target: Option<Address>,
        /// VLAN in which it was seen.
        vlan: Option<u16>,
        /// More.
        detail: Option<String>,
    }
}
