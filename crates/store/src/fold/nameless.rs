//! What the frames without a class were: the numbers and ports at which they were seen, beside how many they are.
use std::collections::BTreeMap;

use facts::kinds::{Conversation, Coverage};

/// Numbers and ports that are named.
const NAMED: usize = 5;

/// Adds to each account of frames without a class where most of them were.
pub(super) fn tell<'c>(
    coverage: &mut [Coverage],
    nameless: impl Iterator<Item = &'c Conversation>,
) {
    let lacks = |row: &Coverage| row.what == "classified" && row.state != "complete";
    if !coverage.iter().any(lacks) {
        return;
    }
    let mut frames: BTreeMap<Option<u32>, BTreeMap<String, u64>> = BTreeMap::new();
    for one in nameless {
        let place = match one.server_port {
            Some(port) => format!("{}/{port}", one.transport),
            None => one.transport.to_string(),
        };
        let count = one.packets_out.saturating_add(one.packets_in);
        for capture in [one.evidence.capture, None] {
            *frames
                .entry(capture)
                .or_default()
                .entry(place.clone())
                .or_default() += count;
        }
    }
    for row in coverage.iter_mut().filter(|row| lacks(row)) {
        // What a live sensor tells is of no capture: there it is of all.
        let Some(places) = frames.get(&row.evidence.capture) else {
            continue;
        };
        let mut places: Vec<(&String, &u64)> = places.iter().collect();
        places.sort_by_key(|(place, count)| (std::cmp::Reverse(**count), *place));
        let named: Vec<&str> = (places.iter().take(NAMED))
            .map(|(place, _)| place.as_str())
            .collect();
        let rest = if places.len() > NAMED {
            " and others"
        } else {
            ""
        };
        if let Some(detail) = &mut row.detail {
            detail.push_str(&format!(": {}{rest}", named.join(", ")));
        }
    }
}

/// Something was said, and nothing of it was recognised. The port by which a protocol is assumed is no name. The frames of
/// what another conversation carried have that one's name.
pub(super) fn is_nameless(one: &Conversation) -> bool {
    let said = one.bytes_out > 0 || one.bytes_in > 0;
    let own = one.protocol.is_none() && one.carried_by.is_none();
    own && (said || !matches!(one.transport.as_str(), "tcp" | "udp"))
}
