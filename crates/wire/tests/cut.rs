//! Captures that keep no more than the beginning of each frame: what they cut off is not taken for the whole.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]
mod support;

use support::{AT, PANEL, STATION, observed, played};

#[test]
fn a_word_that_was_cut_off_names_no_host() {
    let log = b"<190>Oct  9 22:33:20 switch7.crane sshd[12]: up";
    let frames = played(|net| net.udp(AT, STATION, 50_000, PANEL, 514, log));
    let told = |snap: usize| {
        let facts = observed(&frames, snap).into_facts(vec!["test.pcap".to_owned()]);
        let mut named = facts.identities.into_iter();
        let service = named.find(|one| one.attribute == "service");
        service.map(|one| one.value)
    };
    let before = frames[0].len() - log.len();
    let whole = "logs of host switch7.crane by sshd";
    assert_eq!(told(usize::MAX).as_deref(), Some(whole));
    // In the middle of the program, and of the host.
    let host = Some("logs of host switch7.crane");
    assert_eq!(told(before + 38).as_deref(), host);
    assert_eq!(told(before + 29), None);
}

#[test]
fn a_line_that_was_cut_off_names_no_software() {
    let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nUSER-AGENT: Panel 12.5 Windows\r\n\r\n";
    let frames = played(|net| net.udp(AT, STATION, 50_000, PANEL, 1900, search));
    let software = |snap: usize| {
        let facts = observed(&frames, snap).into_facts(vec!["test.pcap".to_owned()]);
        let mut named = facts.identities.into_iter();
        let software = named.find(|one| one.attribute == "software");
        software.map(|one| one.value)
    };
    let whole = Some("Panel 12.5 Windows".to_owned());
    assert_eq!(software(usize::MAX), whole);
    let end = frames[0].len();
    // The empty line, then the line before it.
    assert_eq!(software(end - 2), whole);
    assert_eq!(software(end - 12), None);
}
