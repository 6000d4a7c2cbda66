//! Where nobody asks a controller for anything, nothing is told as asked: random bytes, at the ports and under the
//! EtherTypes of every protocol that has operations.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use facts::{Facts, Time};
use lab::harborview::{BEGIN, hosts};
use lab::net::{Network, Tcp};
use wire::{Carrier, Frame, Limits, Link, Shard, Worker, protocols};

/// Dialogues of random bytes at each port, and messages of each.
const TALKS: i64 = 24;
const MESSAGES: i64 = 6;
const MOST_BYTES: u64 = 300;
/// Microseconds from one dialogue to the next.
const APART: i64 = 2_000_000;

fn read(network: Network) -> Facts {
    let mut worker = Worker::new(Shard::default(), Limits::default());
    let (frames, _, _) = network.finish();
    for (number, frame) in (1..).zip(&frames) {
        worker.frame(&Frame {
            link: Link::Ethernet,
            time: Time(frame.at * 1000),
            data: &frame.bytes,
            wire_len: u32::try_from(frame.bytes.len()).unwrap(),
            capture: 0,
            number,
        });
    }
    worker.finish().into_facts(vec!["noise.pcap".to_owned()])
}

/// Random bytes, as dialogues at one place.
fn noise(carrier: &Carrier, seed: u64) -> Network {
    let (client, server) = (hosts::PLC7, hosts::HOIST7);
    let mut net = Network::new(hosts::FIREWALL_MAC, seed);
    let message = |net: &mut Network| {
        let length = 1 + net.dice.below(MOST_BYTES);
        net.dice.bytes(usize::try_from(length).unwrap())
    };
    for talk in 0..TALKS {
        let at = BEGIN + talk * APART;
        match carrier {
            Carrier::Tcp(port) => {
                let mut tcp = Tcp::open(&mut net, at, client, server, *port);
                for _ in 0..MESSAGES / 2 {
                    let (question, answer) = (message(&mut net), message(&mut net));
                    tcp.exchange(&mut net, &question, &answer);
                }
            }
            Carrier::Udp(port) => {
                let from = net.port(client);
                for nth in 0..MESSAGES {
                    let bytes = message(&mut net);
                    let at = at + nth * 1000;
                    match nth % 2 {
                        0 => net.udp(at, client, from, server, *port, &bytes),
                        _ => net.udp(at, server, *port, client, from, &bytes),
                    }
                }
            }
            Carrier::EtherType(kind) => {
                for nth in 0..MESSAGES {
                    let bytes = message(&mut net);
                    net.layer2(at + nth * 1000, client, server.mac, *kind, &bytes);
                }
            }
            Carrier::Llc(_) | Carrier::Snap(..) | Carrier::Radio => {}
        }
    }
    net
}

#[test]
fn random_bytes_at_the_ports_of_controllers_are_no_operation() {
    let (mut told, mut packets) = (Vec::new(), 0);
    let speaking = protocols::ALL
        .iter()
        .filter(|one| !one.operations.is_empty());
    let places =
        speaking.flat_map(|decoder| decoder.carriers.iter().map(move |one| (decoder, one)));
    for (seed, (decoder, carrier)) in (1..).zip(places) {
        let facts = read(noise(carrier, seed));
        packets += facts
            .conversations
            .iter()
            .map(|one| one.packets_out + one.packets_in)
            .sum::<u64>();
        let operations = facts.operations.iter();
        told.extend(operations.map(|row| {
            format!(
                "{} at {carrier:?}: {} {} {:?} {:?}",
                decoder.name,
                row.protocol,
                row.operation.name(),
                row.object,
                row.detail
            )
        }));
    }
    assert!(packets > 10_000, "the noise was not heard");
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}
