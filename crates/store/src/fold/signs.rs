//! Signs that only many observations together give. They are worked out here, from all that is known, and not where packets
//! are read: a sign that needs thirty names is none in any of the seconds after which a live sensor tells what it saw.
//!
//! A tunnel over DNS carries its bytes in the names that it asks for: every name is new, long, and of different letters from
//! the last. All lie below one domain, whose resolver is the tunnel's other end. Reputation services of virus scanners ask
//! alike; so it is a sign, counted and told, and no proof.
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::kinds::{AddressFact, Name, Oddity, Route};
use facts::{Address, Facts, Mac};
use hashbrown::HashMap;

use super::own::LINK_SCOPE;

/// Different long names below one domain that one client asks one resolver for, before they are a sign.
const LEAST_NAMES: usize = 32;
/// They are asked for first within that time, in nanoseconds: what adds up over months is how a service is used.
const WITHIN: i64 = 24 * 3600 * 1_000_000_000;
/// Letters that such a name has before the domain. Tunnels fill the 253 that there are as far as they can.
const LEAST_LETTERS: usize = 40;
/// Entropy of these letters, in hundredths of a bit: hex digits have up to 400, base32 more. Octets that are no letters
/// are written as a backslash and three digits here, and have some 330; a word that is said again and again has less.
const LEAST_ENTROPY: u32 = 300;

const DNS_TUNNEL: &str = "dns.tunnel_sign";

/// Who asks whom for names below what.
type Below<'a> = (Address, Address, Option<u16>, &'a str);

/// Whose count a name is, if it is one that a tunnel could ask for.
fn below(row: &Name) -> Option<Below<'_>> {
    let (front, domain) = split(&row.name).filter(|_| row.via == "dns")?;
    let strange = front.len() >= LEAST_LETTERS && entropy(front) >= LEAST_ENTROPY;
    strange.then_some((row.client, row.server, row.vlan, domain))
}

/// Adds what the names together give away, behind the other rows; one that is there already stays as it is. There are never
/// more than the names allow, of which each stands for one sign at most.
pub(super) fn tell(facts: &mut Facts) {
    let told = tunnels(&facts.names);
    if told.is_empty() {
        return;
    }
    let key = |one: &Oddity| (one.source, one.target, one.vlan, one.detail.clone());
    let rows = facts.oddities.iter();
    let known: BTreeSet<_> = rows.filter(|one| one.what == DNS_TUNNEL).map(key).collect();
    let fresh = told.into_iter().filter(|one| !known.contains(&key(one)));
    facts.oddities.extend(fresh);
}

const WAY_OUT: &str = "default-route";

/// Adds who brought packets of hosts of the internet: what a network takes for its way out. How far a host is from here shows
/// in all of its packets together, and whose an address is in those of all.
pub(super) fn ways_out(facts: &mut Facts) {
    facts.routes.retain(|row| row.via != WAY_OUT);
    let mut ways: BTreeMap<(Option<Mac>, Option<u16>), Route> = BTreeMap::new();
    for row in facts.addresses.iter().filter(|row| is_brought(row)) {
        let way = ways.entry((row.mac, row.vlan)).or_insert_with(|| Route {
            time: row.time,
            last: row.last,
            via: WAY_OUT.to_owned(),
            mac: row.mac,
            vlan: row.vlan,
            ..Route::default()
        });
        way.time = way.time.min(row.time);
        way.last = way.last.max(row.last);
        way.count = way.count.saturating_add(row.packets);
        way.evidence.merge(row.evidence.clone());
    }
    facts.routes.extend(ways.into_values());
}

fn is_brought(row: &AddressFact) -> bool {
    row.own == Some(false)
        && !row.claimed
        && row.mac.is_some_and(Mac::is_device)
        && row.hops.is_some_and(|hops| (1..LINK_SCOPE).contains(&hops))
        && row.ip.is_some_and(is_of_internet)
}

/// An address of no network of one's own (RFC 1918, RFC 6598, RFC 3927; RFC 4291, 2.4 and 2.5).
fn is_of_internet(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let own = ip.is_private() || ip.is_link_local() || (first, second & 0xc0) == (100, 64);
            !own && !matches!(first, 0 | 127 | 224..)
        }
        // Global unicast.
        IpAddr::V6(ip) => ip.segments().first().is_some_and(|first| first >> 13 == 1),
    }
}

fn tunnels(names: &[Name]) -> Vec<Oddity> {
    let mut groups: HashMap<Below<'_>, Vec<&Name>> = HashMap::new();
    for row in names {
        if let Some(below) = below(row) {
            groups.entry(below).or_default().push(row);
        }
    }
    groups.retain(|_, rows| rows.len() >= LEAST_NAMES);
    let mut groups: Vec<(Below<'_>, Vec<&Name>)> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(below, _)| *below);
    groups
        .into_iter()
        .filter_map(|(below, rows)| tunnel(below, rows))
        .collect()
}

fn tunnel((client, server, vlan, domain): Below<'_>, mut rows: Vec<&Name>) -> Option<Oddity> {
    rows.sort_unstable_by_key(|row| (row.time, &row.name));
    // The same name through another path or conversation is no other name.
    let mut seen = BTreeSet::new();
    let first: Vec<_> = rows
        .iter()
        .filter(|row| seen.insert(&row.name))
        .map(|row| row.time)
        .collect();
    let mut ends = first.iter().skip(LEAST_NAMES - 1).zip(&first);
    ends.find(|(last, first)| last.since(**first) <= WITHIN)?;
    let mut sign = Oddity {
        time: rows.iter().map(|row| row.time).min()?,
        last: rows.iter().map(|row| row.last).max()?,
        what: DNS_TUNNEL.to_owned(),
        source: Some(client),
        target: Some(server),
        vlan,
        detail: Some(format!(
            "many long names, each asked for anew, below {domain}"
        )),
        ..Oddity::default()
    };
    for row in rows {
        sign.count = sign.count.saturating_add(row.count);
        sign.evidence.merge(row.evidence.clone());
    }
    Some(sign)
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
    use crate::{Limits, Memory};
    use facts::{Evidence, Time};

    fn asked(name: &str, second: i64) -> Name {
        Name {
            time: Time::default().plus_secs(second),
            last: Time::default().plus_secs(second + 1),
            count: 2,
            client: "10.0.0.1".parse().map(Address::Ip).unwrap(),
            server: "10.0.0.2".parse().map(Address::Ip).unwrap(),
            name: name.to_owned(),
            via: "dns".to_owned(),
            evidence: Evidence::one(0, u32::try_from(second).unwrap() + 1),
            ..Name::default()
        }
    }

    /// Letters as if by chance.
    fn random() -> impl FnMut(usize) -> String {
        let mut state = 1u64;
        move |length: usize| -> String {
            (0..length)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
                })
                .collect()
        }
    }

    /// Asks for one each `pause` seconds.
    fn signs(names: impl Iterator<Item = String>, pause: i64) -> usize {
        let rows: Vec<Name> = (0..)
            .zip(names)
            .map(|(number, name)| asked(&name, number * pause))
            .collect();
        tunnels(&rows).len()
    }

    #[test]
    fn many_long_random_names_below_one_domain_are_a_sign_and_ordinary_ones_are_not() {
        let mut random = random();
        let tunnel: Vec<String> = (0..40)
            .map(|_| format!("{}.t.example.com", random(50)))
            .collect();
        let some = || tunnel.iter().cloned();
        assert_eq!(signs(some(), 1), 1);
        assert_eq!(signs(some().take(31), 1), 0, "too few");
        assert_eq!(signs(some().take(20).chain(some().take(20)), 1), 0, "twice");
        assert_eq!(signs(some(), 3600), 0, "over two days");
        let slow = some().take(8).map(|name| format!("x{name}")).chain(some());
        assert_eq!(signs(slow, 2700), 1, "within a day in the end");
        let hosts = (0..400).map(|n| format!("workstation-{n}.yard-office.terminal.example.com"));
        assert_eq!(signs(hosts, 1), 0, "hosts");
        let steps = (0..400).map(|n| format!("{}-{n}.example.com", "na".repeat(30)));
        assert_eq!(signs(steps, 1), 0, "a word said again");
        let spread = (0..400).map(|n| format!("{}.example-{n}.com", random(50)));
        assert_eq!(signs(spread, 1), 0, "each below a domain of its own");
        let reverse = (0..400).map(|_| format!("{}.ip6.arpa", random(63)));
        assert_eq!(signs(reverse, 1), 0, "names of addresses");
    }

    #[test]
    fn however_the_day_is_cut_the_sign_is_the_same_and_counts_once() {
        let mut random = random();
        let names: Vec<Name> = (0..40)
            .map(|second| asked(&format!("{}.t.example.com", random(50)), second))
            .collect();
        let site = facts::site::Site::default();
        let lists = facts::lists::Lists::builtin();
        let whole = |names: &[Name]| Facts {
            captures: vec!["a.pcap".to_owned()],
            names: names.to_vec(),
            ..Facts::default()
        };
        let judge = |facts: &mut Facts| {
            crate::fold(facts, &site, &lists);
            facts.oddities.clone()
        };
        let one = judge(&mut whole(&names));
        let known: Vec<_> = one
            .iter()
            .map(|row| (row.what.as_str(), row.count))
            .collect();
        assert_eq!(known, [(DNS_TUNNEL, 80)]);
        for cut in [5, 20, 31, 39] {
            let mut memory = Memory::new(&Limits::default());
            for part in names.chunks(cut) {
                memory.absorb(whole(part));
                memory.lend(judge);
            }
            assert_eq!(memory.lend(judge), one, "{cut}");
            assert_eq!(memory.facts().oddities, [], "it is not remembered");
        }
    }
}
