//! The VLANs of an interface: how many frames came of each, and when the last one did.
use facts::Time;

/// VLAN identifiers have twelve bits.
const MOST_VLANS: usize = 1 << 12;
/// Tags that are looked through, as in decoding.
const MOST_TAGS: usize = 4;
/// The two MAC addresses, which stand before the tags.
const MACS: usize = 12;

/// What was seen since the last report.
#[derive(Debug, Default)]
pub struct Vlans {
    /// Frames and the time of the last, by identifier; empty where no frame has a tag.
    seen: Vec<(u64, Time)>,
}

impl Vlans {
    pub fn count(&mut self, frame: &[u8], time: Time) {
        let Some(vlan) = of(frame) else {
            return;
        };
        if self.seen.is_empty() {
            self.seen.resize(MOST_VLANS, (0, Time::MIN));
        }
        if let Some((frames, last)) = self.seen.get_mut(usize::from(vlan)) {
            *frames += 1;
            *last = time;
        }
    }

    /// Each VLAN with its frames and the time of the last; then they are counted anew.
    pub fn take(&mut self) -> Vec<(u16, u64, Time)> {
        let seen = (0..).zip(&mut self.seen);
        seen.filter(|(_, (frames, _))| *frames > 0)
            .map(|(vlan, (frames, last))| (vlan, std::mem::take(frames), *last))
            .collect()
    }
}

/// The innermost identifier other than 0, which is what facts call the VLAN of a frame.
fn of(frame: &[u8]) -> Option<u16> {
    let mut vlan = None;
    for tag in frame.get(MACS..)?.chunks_exact(4).take(MOST_TAGS) {
        let [kind @ .., high, low] = tag else { break };
        if !matches!(kind, [0x81 | 0x91 | 0x92, 0x00] | [0x88, 0xa8]) {
            break;
        }
        match u16::from_be_bytes([*high, *low]) & 0x0fff {
            0 => {}
            other => vlan = Some(other),
        }
    }
    vlan
}

#[test]
fn vlans_are_counted_by_the_innermost_tag_since_the_last_report() {
    let frame = |tags: &[u8]| [&[0; MACS], tags, &[0x08, 0x00, 0x45, 0, 0, 20]].concat();
    let mut vlans = Vlans::default();
    let tagged: [&[u8]; 5] = [
        &[],
        &[0x81, 0x00, 0xe0, 0x00], // Priority 7, no VLAN.
        &[0x81, 0x00, 0xa0, 0x1e], // Priority 5, VLAN 30.
        &[0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x00, 0x1e], // VLAN 30 in S-VLAN 100.
        &[0x91, 0x00, 0x0f, 0xff, 0x81, 0x00, 0x00, 0x00], // VLAN 4095; the priority stands within.
    ];
    for (tags, time) in tagged.iter().zip(1..) {
        vlans.count(&frame(tags), Time(time));
    }
    vlans.count(&[0; 13], Time(9));
    assert_eq!(vlans.take(), [(30, 2, Time(4)), (4095, 1, Time(5))]);
    assert_eq!(vlans.take(), []);
}
