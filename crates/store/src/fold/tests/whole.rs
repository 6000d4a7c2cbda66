use super::*;

/// Something of every kind.
fn busy() -> Facts {
    let conversations = (0..40u16)
        .map(|index| Conversation {
            time: time(i64::from(index)),
            client_port: Some(50_000 + index),
            direction: if index % 3 == 0 { "first" } else { "handshake" }.into(),
            ..tcp(
                &format!("10.20.90.{}", 40 + index % 13),
                &format!("10.20.10.{}", 8 + index % 7),
                102,
                "s7comm",
            )
        })
        .collect();
    Facts {
        captures: vec!["a.pcap".to_owned(), "b.pcap".to_owned()],
        files: vec![capture("a.pcap"), capture("b.pcap")],
        addresses: vec![
            claimed(PLC, "10.20.10.10", 10),
            claimed(HMI, "10.20.10.20", 10),
            claimed(FW_CONTROL, "10.20.10.1", 10),
            behind(1, FW_CONTROL, "10.20.90.41", 10),
            behind(2, FW_CONTROL, "10.20.90.42", 10),
            address("00:00:5d:00:00:01", "10.20.10.88", 10),
            address("00:00:5d:00:00:02", "10.20.10.88", 0),
            claimed("44:19:b6:00:00:01", "10.20.10.99", 10),
            claimed("44:19:b6:00:00:01", "10.20.30.99", 30),
        ],
        operations: vec![operation("10.20.90.50", "10.20.10.10", Verb::Stop)],
        identities: vec![
            identity("44:19:b6:00:00:01", "", "maker", "B"),
            identity("44:19:b6:00:00:01", "", "maker", "A"),
            identity("", "10.20.10.99", "hostname", "x"),
            identity("", "10.20.30.99", "hostname", "a"),
        ],
        routes: vec![route("dhcp", FW_CONTROL, "10.20.10.1")],
        conversations,
        ..Facts::default()
    }
}

/// Facts with each kind in one order, so that only the content is compared.
fn sorted(mut facts: Facts) -> Facts {
    facts
        .addresses
        .sort_by_key(|row| (row.mac, row.ip, row.vlan));
    facts
        .conversations
        .sort_by_key(|row| (row.time, row.client, row.client_port, row.server));
    facts
        .identities
        .sort_by(|a, b| (&a.attribute, &a.value).cmp(&(&b.attribute, &b.value)));
    facts
}

#[test]
fn the_order_of_the_facts_does_not_matter() {
    let site = site("");
    let expected = sorted(folded(busy(), &site));
    for turn in 1..7 {
        let mut facts = busy();
        facts.addresses.rotate_left(turn);
        facts.addresses.reverse();
        facts.conversations.rotate_left(turn * 5);
        facts.identities.rotate_left(turn % 4);
        assert_eq!(sorted(folded(facts, &site)), expected, "turn {turn}");
    }
}

#[test]
fn folding_twice_changes_nothing() {
    let site = site("");
    let once = folded(busy(), &site);
    assert_eq!(folded(once.clone(), &site), once);
}

#[test]
fn without_a_site_the_facts_speak_for_themselves() {
    let facts = folded(busy(), &Site::default());
    assert!(
        facts
            .assets
            .iter()
            .all(|asset| !asset.declared && asset.zone.is_none())
    );
    assert!(
        facts
            .conversations
            .iter()
            .all(|one| one.conduit.is_none() && !one.crosses)
    );
    assert_eq!(
        asset(&facts, "10.20.10.99").trust.as_deref(),
        Some("untrusted")
    );
}
