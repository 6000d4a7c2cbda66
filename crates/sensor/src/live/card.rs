//! What a network card lost before the kernel saw it: blindness that no ring can count.
use std::fs;

/// Counters of the card since it was switched on, as far as its driver keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Frames for which the card had no room.
    pub missed: u64,
    /// Frames with a wrong checksum or length, or cut short: a bad cable, or a mirror port that is overrun.
    pub damaged: u64,
}

impl Card {
    /// `None` where the system does not tell.
    pub fn of(interface: &str) -> Option<Card> {
        let count = |name: &str| -> Option<u64> {
            let path = format!("/sys/class/net/{interface}/statistics/{name}");
            fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        if interface.contains('/') {
            return None;
        }
        // Not `rx_dropped`: that counts as well what no protocol of this machine wanted, which on a mirror port is all.
        let (missed, full) = (count("rx_missed_errors")?, count("rx_fifo_errors")?);
        let damaged = ["rx_crc_errors", "rx_frame_errors", "rx_length_errors"];
        let damaged = damaged.iter().filter_map(|name| count(name)).sum();
        Some(Card {
            missed: missed.saturating_add(full),
            damaged,
        })
    }
}

#[test]
fn a_card_tells_of_itself() {
    assert_eq!(Card::of("no-such-card"), None);
    assert_eq!(Card::of("../net/lo"), None);
    if fs::metadata("/sys/class/net/lo").is_ok() {
        assert_eq!(
            Card::of("lo"),
            Some(Card::default()),
            "loopback loses nothing"
        );
    }
}
