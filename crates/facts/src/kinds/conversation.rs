use crate::{Address, Few, Mac, Shared, Short, Term, Time, Uid, kind};

kind! {
    /// Who talked to whom: one row per TCP connection, per UDP or ICMP exchange of the same ends, and per pair of MAC
    /// addresses and EtherType on layer 2. A packet that a router carried between two monitored VLANs counts once.
    Conversation = "conversation" (latest) {
        /// First packet.
        time: Time,
        /// Last packet.
        last: Time,
        /// Names the conversation, the same in every run on the same traffic: 16 hexadecimal digits.
        uid: Uid => key,
        /// Community ID v1 with seed 0; null where there is no IP.
        community_id: Option<Short>,
        /// `tcp`, `udp`, `icmp`, `icmp6`, another IP protocol as `ip/NUMBER`, or `ethertype/0xNNNN`, `llc/0xNN`; `link` where
        /// a frame of radio, a ring or a CAN bus carries no packet.
        transport: Shared,
        /// The end that asked (by handshake, else by the protocol's roles, else the first to speak).
        client: Address,
        /// Port of the client; null without ports.
        client_port: Option<u16>,
        /// MAC address that carried the client's packets where they were seen nearest to it.
        client_mac: Option<Mac>,
        /// The end that was asked.
        server: Address,
        /// Port of the server; null without ports.
        server_port: Option<u16>,
        /// MAC address that carried the server's packets, or to which the client's went.
        server_mac: Option<Mac>,
        /// VLAN nearest to the client in which it was seen; null when untagged or priority-tagged (VID 0).
        vlan: Option<u16>,
        /// Every VLAN in which packets of it were seen.
        vlans: Few<u16, 6>,
        /// MAC addresses that took its packets from one monitored network into the next: they came in there and went on
        /// with a lower TTL.
        forwarders: Few<Mac, 2>,
        /// Protocol recognised by content, e.g. `s7comm`; null when not recognised.
        protocol: Option<Shared>,
        /// Protocol assumed by the server's port, where the beginning that would tell was not captured or nothing was
        /// said; null where content was there to judge by.
        assumed: Option<Shared>,
        /// Finer name that the protocol itself tells apart, e.g. `v2c` of SNMP or `1.3` of TLS.
        variant: Option<Shared>,
        /// `handshake`, `role` (the protocol tells), `port` or `first` (to speak): how client and server were told apart.
        direction: Term,
        /// `answered`; `unanswered` (nothing came back though both ways are seen); `refused` (reset or ICMP
        /// unreachable); `one-way` (multicast, datagrams that ask for no answer, or answers to a question that was asked
        /// elsewhere, as of everybody); `one-sided` (the acknowledgements show that the other way exists but was not captured).
        state: Term,
        /// How a TCP connection ended: `closed` by both ends, `client-closed` or `server-closed` by that one alone, broken off:
        /// `client-reset` or `server-reset`; null while no end of it was seen.
        ended: Option<Term>,
        /// Whether the conversation was under way when the capture began (TCP without its handshake).
        midstream: bool,
        /// Packets from client to server.
        packets_out: u64,
        /// Packets from server to client.
        packets_in: u64,
        /// Bytes of payload above the transport, client to server; of the frame's payload on layer 2.
        bytes_out: u64,
        /// Bytes of payload above the transport, server to client.
        bytes_in: u64,
        /// TCP payload bytes that the other end acknowledged but the capture lacks.
        lost_bytes: u64,
        /// Gaps in the TCP byte streams, both ways.
        gaps: u32,
        /// The conversation that negotiated this one (data channel of FTP, RTP of RTSP …): its protocol.
        parent: Option<Shared>,
        /// Protocol of the conversation that this one came out of (SOCKS, CONNECT and WebSocket of HTTP); null where it has
        /// packets of its own. Its packets are then pieces of the other's bytes, which count there; where its destination was asked for by
        /// name, the server is who passes it on.
        carried_by: Option<Shared>,
        /// Host to which a proxy was to pass it on, where that was asked for by name alone; it is judged by what the site
        /// calls so.
        asked_for: Option<Shared>,
        /// Judged: asset of the client as named in the site file, else its address.
        client_asset: Option<Shared>,
        /// Judged: zone of the client; null when its address belongs to no zone.
        client_zone: Option<Shared>,
        /// Judged: third party that owns the client's address.
        client_party: Option<Shared>,
        /// Judged: asset of the server as named in the site file, else its address.
        server_asset: Option<Shared>,
        /// Judged: zone of the server; null when its address belongs to no zone.
        server_zone: Option<Shared>,
        /// Judged: third party that owns the server's address or the name it was looked up by.
        server_party: Option<Shared>,
        /// Judged: whether the two ends are in different zones.
        crosses: bool,
        /// Judged: name of the conduit that explains it.
        conduit: Option<Shared>,
        /// Judged: why it needs no conduit (`housekeeping`, `answers`), or why the nearest conduit does not explain it.
        reason: Option<Shared>,
        /// Judged: where nothing but work orders would explain it (its conduit holds only during one, or what it carried had one) and
        /// none named both ends all the time: `passed` when packets of it went without one, `unclear` when none held for a while
        /// between first and last packet and it is not known whether anything passed then.
        without_order: Option<Term>,
    }
}

#[test]
fn a_row_of_a_conversation_stays_small() {
    // There may be a million of them, and what they hold stands in them.
    let size = size_of::<Conversation>();
    assert!(size <= 384, "{size}");
}
