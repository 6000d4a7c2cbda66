//! Signs that only many observations together give.
//!
//! A tunnel over DNS carries its bytes in the names that it asks for: every name is new, long, and of different from
//! the last. All lie below one domain, whose resolver is the tunnel's other end. Reputation
//! services of virus scanners ask alike; so it is a sign, counted and told, and no proof.
use facts::Address;
use hashbrown::HashMap;

use super::{NameKey, OddityKey, Picture, Tally};

/// Different long names below one domain that one client asks one resolver for, before they are a sign.
const LEAST_NAMES: usize = 32;
/// Letters that such a name has before the domain. Tunnels fill the 253 that there are as far as they can.
const LEAST_LETTERS: usize = 40;
/// Entropy of these letters, in hundredths of a bit: hex digits have up to 400, base32 more. Octets that are no letters
/// are written as a backslash and three digits here, and have some 330; a word that is said again and again has less.
const LEAST_ENTROPY: u32 = 300;

/// Who asks whom for names below what.
type Below<'a> = (Address, Address, Option<u16>, &'a str);

/// Whose count a name is, if it is one that a tunnel could ask for.
fn below(key: &NameKey) -> Option<Below<'_>> {
    let (front, domain) = split(&key.name).filter(|_| key.via == "dns")?;
    let strange = front.len() >= LEAST_LETTERS && entropy(front) >= LEAST_ENTROPY;
    strange.then_some((key.client, key.server, key.vlan, domain))
}

/// Adds what the names together give away.
pub(super) fn tell(picture: &mut Picture) {
    let mut counts: HashMap<Below<'_>, usize> = HashMap::new();
    for below in picture.names.keys().filter_map(below) {
        *counts.entry(below).or_default() += 1;
    }
    counts.retain(|_, count| *count >= LEAST_NAMES);
    if counts.is_empty() {
        return;
    }
    // In the order of names, so that the evidence does not depend on who drew which part.
    let mut shown: Vec<(Below<'_>, &NameKey, &Tally)> = picture
        .names
        .iter()
        .filter_map(|(key, row)| Some((below(key)?, key, &row.tally)))
        .filter(|(below, ..)| counts.contains_key(below))
        .collect();
    shown.sort_unstable_by_key(|(below, key, tally)| (*below, tally.first, *key));
    let mut signs: Vec<(OddityKey, Tally)> = Vec::new();
    let mut last = None;
    for (below, _, tally) in shown {
        let (client, server, vlan, domain) = below;
        match signs.last_mut().filter(|_| last == Some(below)) {
            Some((_, sum)) => sum.take(tally.clone()),
            None => signs.push((
                OddityKey {
                    what: "dns.tunnel_sign",
                    source: Some(client),
                    target: Some(server),
                    vlan,
                    detail: Some(format!(
                        "many long names, each asked for anew, below {domain}"
                    )),
                },
                tally.clone(),
            )),
        }
        last = Some(below);
    }
    for (key, tally) in signs {
        if picture.oddities.len() < picture.limits.oddities {
            picture.oddities.insert(key, tally);
        } else {
            *picture.left_out.entry("oddities").or_default() += 1;
        }
    }
}

/// The part before the domain, and the domain: two labels, or three where the second is a country's own (`co.uk`). Names
/// of addresses are long by nature.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.ends_with(".arpa") {
        return None;
    }
    let mut dots = name.rmatch_indices('.').map(|(place, _)| place);
    let last = dots.next()?;
    let mut place = dots.next()?;
    if name.len() - last == 3 && last - place <= 4 {
        place = dots.next()?;
    }
    Some((name.get(..place)?, name.get(place + 1..)?))
}

/// Shannon's entropy of the octets, in hundredths of a bit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 800"
)]
fn entropy(text: &str) -> u32 {
    let mut counts = [0u8; 256];
    for octet in text.bytes().filter(|octet| *octet != b'.') {
        if let Some(count) = counts.get_mut(usize::from(octet)) {
            // A name has at most 253 octets.
            *count = count.saturating_add(1);
        }
    }
    let all: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        })
        .sum();
    (bits * 100.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{NameKey, NameRow};

    fn asked(names: impl Iterator<Item = String>) -> usize {
        let mut picture = Picture::default();
        for name in names {
            let key = NameKey {
                client: Address::Ip("10.0.0.1".parse().unwrap()),
                server: Address::Ip("10.0.0.2".parse().unwrap()),
                vlan: None,
                name,
                via: "dns",
                path: None,
                community_id: None,
            };
            picture.names.insert(key, NameRow::default());
        }
        tell(&mut picture);
        picture.oddities.len()
    }

    #[test]
    fn many_long_random_names_below_one_domain_are_a_sign_and_ordinary_ones_are_not() {
        let mut state = 1u64;
        let mut random = |length: usize| -> String {
            (0..length)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
                })
                .collect()
        };
        let tunnel: Vec<String> = (0..40)
            .map(|_| format!("{}.t.example.com", random(50)))
            .collect();
        assert_eq!(asked(tunnel.iter().cloned()), 1);
        assert_eq!(asked(tunnel.into_iter().take(31)), 0, "too few");
        let hosts = (0..400).map(|n| format!("workstation-{n}.yard-office.terminal.example.com"));
        assert_eq!(asked(hosts), 0, "hosts");
        let steps = (0..400).map(|n| format!("{}-{n}.example.com", "na".repeat(30)));
        assert_eq!(asked(steps), 0, "a word said again");
        let spread = (0..400).map(|n| format!("{}.example-{n}.com", random(50)));
        assert_eq!(asked(spread), 0, "each below a domain of its own");
        let reverse = (0..400).map(|_| format!("{}.ip6.arpa", random(63)));
        assert_eq!(asked(reverse), 0, "names of addresses");
    }
}
