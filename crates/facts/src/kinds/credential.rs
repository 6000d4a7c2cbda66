use crate::{Address, Time, kind};

kind! {
    /// A password, community or token that crossed the wire in clear text: that it was seen, never the secret itself.
    Credential = "credential" {
        /// First time.
        time: Time => first,
        /// Last time.
        last: Time => last,
        /// How many times.
        count: u64 => sum,
        /// Protocol, by the name of its decoder.
        protocol: String,
        /// Host that sent it.
        client: Address,
        /// Host that received it.
        server: Address,
        /// Host to which a proxy was to pass it on, where that was asked for by name alone; the server is then the proxy.
        asked_for: Option<String>,
        /// VLAN in which it was seen.
        vlan: Option<u16>,
        /// `password`, `community`, `basic`, `token`.
        what: String,
        /// User name, where there is one.
        user: Option<String>,
        /// Whether the secret is a maker's well-known default (`public`, `private`, empty).
        is_default: bool,
        /// Judged: asset of the sender, else its address.
        client_asset: Option<String>,
        /// Judged: zone of the sender.
        client_zone: Option<String>,
        /// Judged: asset of the receiver, else its address or the name that a proxy was asked for.
        server_asset: Option<String>,
        /// Judged: zone of the receiver.
        server_zone: Option<String>,
    }
}
