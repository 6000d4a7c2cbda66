//! PROFINET: DCP (who is there, set the address) and cyclic real-time frames, all of it on layer 2.
use std::net::Ipv4Addr;

use crate::net::bytes::Bytes;
use crate::net::frame::{self, Mac, Tag};
use crate::net::{Host, Micros, Network};
use crate::truth::Deed;

pub const ETHERTYPE: u16 = 0x8892;
const DCP_GROUP: Mac = [0x01, 0x0e, 0xcf, 0, 0, 0];

fn dcp(
    frame_id: u16,
    service: u8,
    kind: u8,
    transaction: u32,
    delay: u16,
    blocks: &[u8],
) -> Vec<u8> {
    Bytes::new()
        .be16(frame_id)
        .u8(service)
        .u8(kind)
        .be32(transaction)
        .be16(delay)
        .len16(blocks)
        .done()
}

fn block(option: u8, sub: u8, value: &[u8]) -> Vec<u8> {
    Bytes::new()
        .u8(option)
        .u8(sub)
        .len16(value)
        .zeros(value.len() % 2)
        .done()
}

fn note(
    net: &mut Network,
    at: Micros,
    source: Host,
    target: Host,
    operation: &'static str,
    object: &str,
) {
    net.deed(Deed {
        at,
        source,
        target,
        protocol: "profinet",
        operation,
        object: object.to_owned(),
        refused: false,
        content: None,
    });
}

/// Identify All, answered by each device with its station name, maker, role and address.
pub fn identify_all(net: &mut Network, at: Micros, from: Host, devices: &[(Host, &str, u16)]) {
    let transaction = 0x0100_0001;
    net.layer2(
        at,
        from,
        DCP_GROUP,
        ETHERTYPE,
        &dcp(0xfefe, 5, 0, transaction, 0x0080, &block(0xff, 0xff, &[])),
    );
    let mut when = at;
    for (device, station, id) in devices {
        when = when.saturating_add(4_000);
        let address = Bytes::new()
            .be16(1)
            .raw(&device.ip.octets())
            .raw(&[255, 255, 255, 0])
            .raw(&gateway(device.ip))
            .done();
        let blocks: Vec<u8> = [
            block(2, 1, &Bytes::new().be16(0).text("SIMATIC").done()),
            block(2, 2, &Bytes::new().be16(0).text(station).done()),
            block(2, 3, &Bytes::new().be16(0).be16(0x002a).be16(*id).done()),
            block(2, 4, &Bytes::new().be16(0).u8(1).u8(0).done()),
            block(1, 2, &address),
        ]
        .concat();
        net.layer2(
            when,
            *device,
            from.mac,
            ETHERTYPE,
            &dcp(0xfeff, 5, 1, transaction, 0, &blocks),
        );
    }
}

/// Sets the address of a device for good; the device confirms.
pub fn set_address(net: &mut Network, at: Micros, from: Host, device: Host, address: Ipv4Addr) {
    note(net, at, from, device, "configure", "ip");
    let value = Bytes::new()
        .be16(1)
        .raw(&address.octets())
        .raw(&[255, 255, 255, 0])
        .raw(&gateway(address))
        .done();
    let transaction = 0x0100_0044;
    net.layer2(
        at,
        from,
        device.mac,
        ETHERTYPE,
        &dcp(0xfefd, 4, 0, transaction, 0, &block(1, 2, &value)),
    );
    let confirmed = block(5, 4, &[1, 2, 0]);
    net.layer2(
        at.saturating_add(2_500),
        device,
        from.mac,
        ETHERTYPE,
        &dcp(0xfefd, 4, 1, transaction, 0, &confirmed),
    );
}

/// A cyclic frame of class RT 1: priority 6, process data, cycle counter, state.
pub fn cyclic(
    net: &mut Network,
    at: Micros,
    from: Host,
    to: Host,
    frame_id: u16,
    counter: u16,
    data: &[u8],
) {
    let payload = Bytes::new()
        .be16(frame_id)
        .field(data, 40)
        .be16(counter)
        .u8(0x35)
        .u8(0)
        .done();
    let tag = Tag {
        priority: 6,
        ..Tag::vlan(from.vlan)
    };
    net.put(
        at,
        from.vlan,
        frame::ethernet(to.mac, from.mac, &[tag], ETHERTYPE, &payload),
    );
}

fn gateway(ip: Ipv4Addr) -> [u8; 4] {
    let [a, b, c, _] = ip.octets();
    [a, b, c, 1]
}

/// Length of the process data in [`cyclic`].
pub const CYCLIC_BYTES: u16 = 40;

#[test]
fn a_block_of_odd_length_is_filled_but_keeps_its_length() {
    let made = block(2, 2, &[0, 0, b'i', b'o', b'1']);
    assert_eq!(made.len(), 10);
    assert_eq!(made.get(2..4), Some(&[0u8, 5][..]));
}
