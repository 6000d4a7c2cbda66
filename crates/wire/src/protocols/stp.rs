//! Spanning tree: which devices bridge, which of them is the root, and when that changes.
//!
//! Spec: IEEE 802.1D-2004, 9.3 (configuration, topology change notification and RST BPDUs); IEEE 802.1Q-2018, 14.4 (MST
//! BPDUs); Cisco's PVST+ (SNAP 00000C/010B: a BPDU per VLAN with the VLAN behind it).
//! Emits: identity of the sender (role, bridge and root as it states them, MST region); oddities for changes of the root
//! and of the topology; the version as the conversation's variant.
//! Blind to: port roles, costs and timers; MST instances beyond the common tree; SPB agreements.
use std::fmt;

use facts::{Grade, Mac};

use crate::reader::{Malformed, Reader, text};
use crate::{Carrier, Cx, Decoder, Dialogue, Probe, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "stp",
    title: "Spanning tree (STP, RSTP, MSTP, PVST+)",
    carriers: &[Carrier::Llc(0x42), Carrier::Snap(0x00_000c, 0x010b)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Stp::default()),
    remote: false,
    operations: &[],
    about: "Which devices bridge, the root of their tree, changes of root and topology.",
    spec: "IEEE 802.1D-2004, 9.3; IEEE 802.1Q-2018, 14.4; Cisco PVST+",
    blind: "port roles, costs and timers, MST instances beyond the common tree",
};

/// Trees of one sender that are followed: one per VLAN with PVST+.
const MOST_TREES: usize = 64;

/// A bridge identifier: priority (with the VLAN or instance in its lower 12 bits) and MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bridge {
    priority: u16,
    mac: Mac,
}

impl fmt::Display for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.priority, self.mac)
    }
}

/// One sender: what it last said of each tree.
#[derive(Default)]
struct Stp {
    trees: Vec<Tree>,
}

struct Tree {
    vlan: Option<u16>,
    root: Bridge,
    changing: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bpdu {
    /// Topology change notification, towards the root.
    Notification,
    Configuration {
        variant: &'static str,
        changing: bool,
        root: Bridge,
        bridge: Bridge,
        region: Option<String>,
        vlan: Option<u16>,
    },
}

impl Dialogue for Stp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let bpdu = match read(&mut Reader::new(bytes)) {
            Ok(bpdu) => bpdu,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let mac = match cx.flow.end(side).address {
            facts::Address::Mac(mac) => Some(mac),
            facts::Address::Ip(_) => None,
        };
        match bpdu {
            Bpdu::Notification => {
                cx.identity_of(mac, None, "role", "switch", Grade::Stated);
                cx.oddity("stp.topology_change", side, None);
            }
            Bpdu::Configuration {
                variant,
                changing,
                root,
                bridge,
                region,
                vlan,
            } => {
                cx.variant(variant);
                let tree = format!("bridge {bridge}, root {root}");
                for own in [
                    mac,
                    Some(bridge.mac).filter(|own| own.is_device() && Some(*own) != mac),
                ] {
                    if own.is_some() {
                        cx.identity_of(own, None, "role", "switch", Grade::Stated);
                        cx.identity_of(own, None, "spanning_tree", tree.clone(), Grade::Stated);
                    }
                }
                if let Some(region) = region {
                    cx.identity_of(mac, None, "domain", region, Grade::Stated);
                }
                self.follow(cx, side, vlan, root, changing);
            }
        }
        Step::Took(bytes.len())
    }
}

impl Stp {
    fn follow(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        vlan: Option<u16>,
        root: Bridge,
        changing: bool,
    ) {
        let Some(tree) = self.trees.iter_mut().find(|tree| tree.vlan == vlan) else {
            if self.trees.len() < MOST_TREES {
                self.trees.push(Tree {
                    vlan,
                    root,
                    changing,
                });
            }
            return;
        };
        if tree.root != root {
            let detail = format!("from {} to {root}", tree.root);
            cx.oddity("stp.root_changed", side, Some(detail));
            tree.root = root;
        }
        // The flag stays up for the time of the change; its rise is the event.
        if changing && !tree.changing {
            cx.oddity("stp.topology_change", side, None);
        }
        tree.changing = changing;
    }
}

fn bridge(r: &mut Reader<'_>) -> Result<Bridge, Malformed> {
    Ok(Bridge {
        priority: r.u16()?,
        mac: r.mac()?,
    })
}

fn read(r: &mut Reader<'_>) -> Result<Bpdu, Malformed> {
    let protocol = r.u16()?;
    r.check(protocol == 0, "protocol identifier")?;
    let (version, kind) = (r.u8()?, r.u8()?);
    match kind {
        0x80 => return Ok(Bpdu::Notification),
        0x00 | 0x02 => {}
        _ => return Err(Malformed::Bad("BPDU type")),
    }
    let flags = r.u8()?;
    let root = bridge(r)?;
    r.skip(4)?;
    let mut sender = bridge(r)?;
    // Port, message age, maximum age, hello time, forward delay.
    r.skip(2 + 4 * 2)?;
    let mut region = None;
    let mut variant = match (version, kind) {
        (_, 0x00) => "stp",
        (2, _) => "rstp",
        (3, _) => "mstp",
        (4, _) => "spt",
        _ => return Err(Malformed::Bad("version")),
    };
    if kind == 0x02 {
        // 802.1D, 9.3.3: an RST BPDU ends with the version 1 length, which is 0.
        let length = r.u8()?;
        r.check(length == 0, "version 1 length")?;
    }
    if version >= 3 && kind == 0x02 {
        // 802.1Q, 14.4: version 3 length; configuration identifier of 51, path cost, bridge, hops; 16 per instance.
        let length = usize::from(r.u16()?);
        r.check(length >= 64 && (length - 64) % 16 == 0, "version 3 length")?;
        let mut mst = r.sub(length)?;
        mst.skip(1)?;
        region = text(mst.bytes(32)?, 32);
        mst.skip(2 + 16 + 4)?;
        // What stands in the place of the bridge is the regional root; the bridge itself comes here.
        sender = bridge(&mut mst)?;
    }
    let vlan = pvst(r);
    if vlan.is_some() {
        variant = if version == 0 { "pvst" } else { "rapid-pvst" };
    }
    Ok(Bpdu::Configuration {
        variant,
        // 802.1D, 9.3.1: the lowest bit of the flags.
        changing: flags & 0x01 != 0,
        root,
        bridge: sender,
        region,
        vlan,
    })
}

/// PVST+: behind the BPDU a TLV of type 0 and length 2 names the VLAN; one byte of padding may stand before it.
fn pvst(r: &mut Reader<'_>) -> Option<u16> {
    let rest = r.rest();
    let rest = match rest {
        [0, 0, 0, 0, 2, ..] => rest.get(1..)?,
        _ => rest,
    };
    match rest {
        [0, 0, 0, 2, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;

    /// Flags to forward delay, with bridge 8000/02aa…10.
    fn configuration(flags: &str, root: &str) -> String {
        format!("{flags} {root} 00000004 8000 02aa00000010 8001 0000 1400 0200 0f00")
    }

    const FIRST: &str = "1000 02aa00000001";
    const OTHER: &str = "0000 02aa00000066";

    #[test]
    fn a_new_root_and_a_rising_change_flag_are_odd_a_standing_one_is_not() {
        let bpdu = |flags, root| format!("0000 02 02 {} 00", configuration(flags, root));
        check(
            &DECODER,
            &[
                (Client, &bpdu("3c", FIRST)),
                (Client, &bpdu("3d", FIRST)),
                (Client, &bpdu("3d", FIRST)),
                (Client, &bpdu("3c", OTHER)),
                (Client, "0000 00 80"),
            ],
            expect![[r#"
                conversation protocol=stp:rstp state=one-way packets=5/0 bytes=148/0
                identity 02:00:00:00:00:01 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 4096/02:aa:00:00:00:01 stated
                identity 02:aa:00:00:00:10 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 4096/02:aa:00:00:00:01 stated
                identity 02:aa:00:00:00:10 role=switch stated
                identity 02:00:00:00:00:01 role=switch stated
                identity 02:00:00:00:00:01 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 0/02:aa:00:00:00:66 stated
                identity 02:aa:00:00:00:10 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 0/02:aa:00:00:00:66 stated
                oddity count=2 what=stp.topology_change frames=Numbers([2, 5])
                oddity what=stp.root_changed detail=from 4096/02:aa:00:00:00:01 to 0/02:aa:00:00:00:66 frames=Numbers([4])
            "#]],
        );
    }

    #[test]
    fn a_multiple_tree_names_its_region_and_the_bridge_itself() {
        let pdu = format!(
            "0000 03 02 {} 00 0040 00 59415244{} 0001 {} 00000000 9000 02aa00000077 13",
            configuration("7c", FIRST),
            "00".repeat(28),
            "ab".repeat(16),
        );
        check(
            &DECODER,
            &[(Client, &pdu)],
            expect![[r#"
            conversation protocol=stp:mstp state=one-way packets=1/0 bytes=102/0
            identity 02:00:00:00:00:01 domain=YARD stated
            identity 02:00:00:00:00:01 role=switch stated
            identity 02:00:00:00:00:01 spanning_tree=bridge 36864/02:aa:00:00:00:77, root 4096/02:aa:00:00:00:01 stated
            identity 02:aa:00:00:00:77 role=switch stated
            identity 02:aa:00:00:00:77 spanning_tree=bridge 36864/02:aa:00:00:00:77, root 4096/02:aa:00:00:00:01 stated
        "#]],
        );
    }

    #[test]
    fn lengths_that_lie_are_malformed() {
        let odd = format!("0000 03 02 {} 00 0030 00", configuration("7c", FIRST));
        let short = format!("0000 03 02 {} 00 0050 00", configuration("7c", FIRST));
        check(
            &DECODER,
            &[
                (Client, &odd),
                (Client, &short),
                (Client, "0000 00 00 00"),
                (Client, "0000 00 42"),
            ],
            expect![[r#"
                conversation protocol=stp state=one-way packets=4/0 bytes=87/0
                oddity what=protocol.malformed detail=stp: version 3 length frames=Numbers([1])
                oddity count=2 what=protocol.malformed detail=stp: truncated frames=Numbers([2, 3])
                oddity what=protocol.malformed detail=stp: BPDU type frames=Numbers([4])
            "#]],
        );
    }

    #[test]
    fn a_tree_per_vlan_is_told_by_what_stands_behind_the_bpdu() {
        let bpdu = |vlan, root| {
            format!(
                "0000 02 02 {} 00 00 0000 0002 {vlan}",
                configuration("3c", root)
            )
        };
        check(
            &DECODER,
            &[
                (Client, &bpdu("000a", FIRST)),
                (Client, &bpdu("0014", OTHER)),
                (Client, &bpdu("000a", FIRST)),
            ],
            expect![[r#"
                conversation protocol=stp:rapid-pvst state=one-way packets=3/0 bytes=129/0
                identity 02:00:00:00:00:01 role=switch stated
                identity 02:00:00:00:00:01 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 4096/02:aa:00:00:00:01 stated
                identity 02:aa:00:00:00:10 role=switch stated
                identity 02:aa:00:00:00:10 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 4096/02:aa:00:00:00:01 stated
                identity 02:00:00:00:00:01 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 0/02:aa:00:00:00:66 stated
                identity 02:aa:00:00:00:10 spanning_tree=bridge 32768/02:aa:00:00:00:10, root 0/02:aa:00:00:00:66 stated
            "#]],
        );
    }
}
