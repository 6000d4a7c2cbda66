use crate::{Address, Mac, Time, Uid, kind};

kind! {
    /// A session by which someone can work on a host from elsewhere: SSH, Telnet, RDP, VNC, TeamViewer, AnyDesk …
    RemoteSession = "remote_session" (latest) {
        /// First packet of the conversation that carried it.
        time: Time,
        /// Last packet.
        last: Time,
        /// Names the conversation that carried it, as in `conversation`.
        uid: Uid => key,
        /// Protocol, by the name of its decoder.
        protocol: String,
        /// Host from which.
        client: Address,
        /// MAC address that carried the client's packets.
        client_mac: Option<Mac>,
        /// Host to which.
        server: Address,
        /// Port of the server.
        server_port: Option<u16>,
        /// VLAN in which it was seen.
        vlan: Option<u16>,
        /// User name, where it went in clear text.
        user: Option<String>,
        /// Versions, security type and the like, in the protocol's words.
        detail: Option<String>,
        /// Bytes both ways.
        bytes: u64,
        /// Community ID of the conversation that carried it.
        community_id: Option<String>,
        /// Judged: asset of the client, else its address.
        client_asset: Option<String>,
        /// Judged: zone of the client.
        client_zone: Option<String>,
        /// Judged: third party of the client.
        client_party: Option<String>,
        /// Judged: asset of the server, else its address.
        server_asset: Option<String>,
        /// Judged: zone of the server.
        server_zone: Option<String>,
        /// Judged: conduit that explains it.
        conduit: Option<String>,
        /// Judged: work order that allows a remote session between the two at that time.
        work_order: Option<String>,
    }
}
