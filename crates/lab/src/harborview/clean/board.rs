//! On board: controllers with their panels, drives, remote I/O and safety; the spreader; the cameras.

use crate::net::{Host, MILLI, Network, SECOND};
use crate::speech::enip::{Enip, Identity};
use crate::speech::modbus::Modbus;
use crate::speech::s7comm::{Device, S7};
use crate::speech::{enip, profinet, rtsp};

use super::super::BEGIN;
use super::super::hosts::*;
use super::{LENGTH, every};

/// What the spreader's controller states of itself.
const SPREADER: Identity = Identity {
    vendor: 1,
    device_type: 14,
    product: 107,
    revision: (33, 11),
    serial: 0x60a1_4409,
    name: "1769-L33ER/A LOGIX5333ER",
};

/// One crane's control network.
pub(super) struct Crane {
    plc: Host,
    safety: Host,
    hoist: Host,
    gantry: Host,
    rio: Host,
    hmi: Host,
    cms: Host,
}

pub(super) const CRANES: [Crane; 2] = [
    Crane {
        plc: PLC7,
        safety: SAFETY7,
        hoist: HOIST7,
        gantry: GANTRY7,
        rio: RIO7,
        hmi: HMI7,
        cms: CMS7,
    },
    Crane {
        plc: PLC9,
        safety: SAFETY9,
        hoist: HOIST9,
        gantry: GANTRY9,
        rio: RIO9,
        hmi: HMI9,
        cms: CMS9,
    },
];

pub(super) fn control(net: &mut Network, crane: &Crane, nth: i64) {
    let offset = nth * 137 * MILLI;

    let mut panel = S7::connect(
        net,
        BEGIN + 1_200 * MILLI + offset,
        crane.hmi,
        crane.plc,
        Device::Operator,
        2,
    );
    for (round, at) in (0u64..).zip(every(net, 2 * SECOND + offset, 4 * SECOND)) {
        panel.tcp.until(at);
        let state = net.dice.bytes(32);
        panel.read(net, 10, 0, &state);
        if round % 15 == 7 {
            panel.write(net, 11, 4, &[0, 0x3c]);
        }
        if round == 40 {
            panel.again(net);
        }
    }
    panel.tcp.settle(net);

    // The drives were connected long before anyone listened, but for the gantry of the second crane.
    for (index, drive) in (0i64..).zip([crane.hoist, crane.gantry]) {
        let start = BEGIN + 400 * MILLI + offset + index * 55 * MILLI;
        let mut modbus = if index == 1 && nth == 1 {
            let mut modbus = Modbus::connect(net, start, crane.plc, drive, 1);
            modbus.identify(net, "ABB Oy", "ACS880 FENA-21", "3.17");
            modbus
        } else {
            Modbus::midstream(net, start, crane.plc, drive, 1)
        };
        for at in every(net, 700 * MILLI + offset + index * 60 * MILLI, 5 * SECOND) {
            modbus.tcp.until(at);
            let status = [0x1237, (net.dice.below(900)) as u16, 12, 0];
            modbus.read(net, 3, &status);
            modbus.write(net, 0, &[0x047f, 4_000]);
        }
        modbus.tcp.settle(net);
    }

    for (round, at) in (0u16..).zip(every(net, 100 * MILLI + offset, 4 * SECOND)) {
        let (out, back) = (net.dice.bytes(8), net.dice.bytes(8));
        let counter = round.wrapping_mul(64);
        profinet::cyclic(net, at, crane.plc, crane.rio, 0x8001, counter, &out);
        profinet::cyclic(net, at + 700, crane.rio, crane.plc, 0x8002, counter, &back);
    }

    let mut checks = S7::connect(
        net,
        BEGIN + 3 * SECOND + offset,
        crane.plc,
        crane.safety,
        Device::Basic,
        2,
    );
    for at in every(net, 5 * SECOND + offset, 20 * SECOND) {
        checks.tcp.until(at);
        checks.read(net, 100, 0, &[1, 1, 1, 0]);
    }
    checks.tcp.settle(net);

    let mut management = S7::connect(
        net,
        BEGIN + 6 * SECOND + offset,
        crane.cms,
        crane.plc,
        Device::Basic,
        2,
    );
    management.identify(net, "6ES7 315-2EH14-0AB0", [3, 2, 6]);
    for at in every(net, 8 * SECOND + offset, 10 * SECOND) {
        management.tcp.until(at);
        let counters = net.dice.bytes(64);
        management.read(net, 20, 0, &counters);
    }
    management.close(net);
}

pub(super) fn spreader(net: &mut Network) {
    let mut link = Enip::connect(net, BEGIN + 2_300 * MILLI, SPREADER9, TWISTLOCK9);
    let (out, back) = link.forward_open(net);
    link.close(net);
    for (round, at) in (1u16..).zip(every(net, 3 * SECOND, 5 * SECOND)) {
        enip::io(net, at, SPREADER9, TWISTLOCK9, out, round, &[0x0f, 0]);
        enip::io(
            net,
            at + 900,
            TWISTLOCK9,
            SPREADER9,
            back,
            round,
            &[0x0f, 0, 1, 0],
        );
    }
    enip::list_identity(net, BEGIN + 9 * SECOND, CMS9, SPREADER9, SPREADER);
    let mut reader = Enip::connect(net, BEGIN + 9_500 * MILLI, CMS9, SPREADER9);
    reader.identity(net, SPREADER);
    for (round, at) in (0u32..).zip(every(net, 12 * SECOND, 15 * SECOND)) {
        reader.tcp.until(at);
        reader.read_tag(net, "TWISTLOCK_STATE", 0x0f);
        reader.read_tag(net, "LIFT_COUNT", 41_280 + round);
    }
    reader.close(net);
}

pub(super) fn cameras(net: &mut Network) {
    let cameras = [
        (MASTCAM7, "Axis"),
        (QUAYCAM7, "Hikvision"),
        (MASTCAM9, "Axis"),
        (QUAYCAM9, "Hikvision"),
    ];
    for (nth, (camera, maker)) in (0i64..).zip(cameras) {
        let start = BEGIN + 4 * SECOND + nth * 310 * MILLI;
        let mut stream = rtsp::play(net, start, RECORDER1, camera, maker);
        for at in every(net, 6 * SECOND + nth * 210 * MILLI, 12 * SECOND) {
            stream.picture(net, at, 900);
        }
        for at in every(net, 60 * SECOND, 150 * SECOND) {
            stream.report(net, at);
        }
        stream.stop(net, BEGIN + LENGTH - 2 * SECOND);
    }
    for (nth, view) in (0i64..).zip([CABIN7, CABIN9]) {
        let start = BEGIN + 30 * SECOND + nth * 700 * MILLI;
        let mut stream = rtsp::play(net, start, view, RECORDER1, "Recorder");
        for at in every(net, 32 * SECOND + nth * 100 * MILLI, 30 * SECOND) {
            stream.picture(net, at, 600);
        }
        stream.stop(net, BEGIN + LENGTH - 3 * SECOND);
    }
}
