//! SNMP: versions 1 and 2c with their community in clear text, version 3 with user security.
use crate::net::{Host, Micros, Network};

use super::der::{integer, octets, oid, sequence, tlv};

pub const PORT: u16 = 161;
/// sysDescr.0
const SYS_DESCR: &str = "2b06010201010100";

/// Version 1 (`version` 0) or 2c (`version` 1): asks for the system description.
pub fn get(
    net: &mut Network,
    at: Micros,
    client: Host,
    server: Host,
    version: u32,
    community: &str,
    description: &str,
) {
    let port = net.port(client);
    let message = |kind: u8, value: Vec<u8>| {
        sequence(&[
            integer(version),
            octets(community.as_bytes()),
            pdu(kind, &value),
        ])
    };
    net.udp(at, client, port, server, PORT, &message(0xa0, tlv(5, &[])));
    net.udp(
        at.saturating_add(1_500),
        server,
        PORT,
        client,
        port,
        &message(0xa2, octets(description.as_bytes())),
    );
}

fn pdu(kind: u8, value: &[u8]) -> Vec<u8> {
    let binding = sequence(&[oid(SYS_DESCR), value.to_vec()]);
    tlv(
        kind,
        &[
            integer(0x5a17),
            integer(0),
            integer(0),
            sequence(&[binding]),
        ]
        .concat(),
    )
}

/// Version 3 with authentication and privacy: what is asked and answered is sealed.
pub fn get_v3(net: &mut Network, at: Micros, client: Host, server: Host, user: &str) {
    let port = net.port(client);
    let engine = [&[0x80, 0, 0x1f, 0x88, 4][..], server.name.as_bytes()].concat();
    let mut say = |when: Micros, ask: bool, id: u32, flags: u8, sealed: usize| {
        let known = sealed > 0 || !ask;
        let (auth, privacy, data) = (
            net.dice.bytes(12),
            net.dice.bytes(8),
            net.dice.bytes(sealed),
        );
        let secure = sealed > 0;
        let security = sequence(&[
            octets(if known { &engine } else { &[] }),
            integer(if known { 3 } else { 0 }),
            integer(if known { 86_400 } else { 0 }),
            octets(if secure { user.as_bytes() } else { &[] }),
            octets(if secure { &auth } else { &[] }),
            octets(if secure { &privacy } else { &[] }),
        ]);
        let scoped = if secure {
            octets(&data)
        } else {
            // Discovery: an empty question, answered by a report of usmStatsUnknownEngineIDs.
            let (kind, bindings) = if ask {
                (0xa0, sequence(&[]))
            } else {
                (
                    0xa8,
                    sequence(&[sequence(&[oid("2b060106030f01010400"), tlv(0x41, &[1])])]),
                )
            };
            let body = tlv(
                kind,
                &[integer(id), integer(0), integer(0), bindings].concat(),
            );
            sequence(&[octets(if known { &engine } else { &[] }), octets(&[]), body])
        };
        let header = sequence(&[integer(id), integer(65_507), octets(&[flags]), integer(3)]);
        let message = sequence(&[integer(3), header, octets(&security), scoped]);
        if ask {
            net.udp(when, client, port, server, PORT, &message);
        } else {
            net.udp(when, server, PORT, client, port, &message);
        }
    };
    say(at, true, 0x11c8, 4, 0);
    say(at.saturating_add(1_200), false, 0x11c8, 0, 0);
    say(at.saturating_add(2_400), true, 0x11c9, 7, 56);
    say(at.saturating_add(3_900), false, 0x11c9, 3, 88);
}
