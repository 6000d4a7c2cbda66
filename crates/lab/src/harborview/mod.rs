//! Harborview: the sample terminal. Two ship-to-shore cranes, their management, remote operation from the ground, the
//! port's own systems, and a vendor.
mod bad;
mod clean;
pub mod hosts;
mod plants;

use crate::net::{Format, Micros};
use crate::scenario::{Scenario, Stage, Tap};

use self::hosts::vlan;

/// The site file of the terminal.
pub const SITE: &str = include_str!("../../../../demo/harborview/site.toml");

/// 2026-11-20T14:00:00Z, when the captures begin.
pub const BEGIN: Micros = 1_795_183_200_000_000;

/// The two places where sensors listen.
pub const TAPS: &[Tap] = &[
    Tap {
        file: "crane-span.pcap",
        format: Format::Pcap,
        vlans: &[
            vlan::CONTROL_7,
            vlan::CONTROL_9,
            vlan::AUXILIARY_7,
            vlan::AUXILIARY_9,
            vlan::UNTRUSTED_7,
            vlan::UNTRUSTED_9,
            vlan::MANAGEMENT,
            vlan::VIDEO,
            vlan::REMOTE,
        ],
    },
    Tap {
        file: "core-span.pcapng",
        format: Format::PcapNg,
        vlans: &[vlan::PORT, vlan::BUSINESS, vlan::DMZ, vlan::SCREENING],
    },
];

fn stage() -> Stage {
    Stage::new(hosts::FIREWALL_MAC, 0x4a72_626f_7276_6965)
}

/// Ten minutes in which everything is as declared.
pub fn clean_day() -> Scenario {
    let mut stage = stage();
    clean::play(&mut stage.net);
    stage.finish("clean day", SITE, TAPS)
}

/// The same ten minutes with everything planted that the measures look for.
pub fn bad_day() -> Scenario {
    let mut stage = stage();
    clean::play(&mut stage.net);
    bad::play(&mut stage);
    stage.finish("bad day", SITE, TAPS)
}
