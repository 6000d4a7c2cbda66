use expect_test::expect;

use super::{NETFLOW, SFLOW};
use crate::Side::Client;
use crate::testing::{check, hex, render, run};

/// Addresses that were reported, with how many records name them.
fn reported(decoder: &'static crate::Decoder, messages: &[&str]) -> Vec<String> {
    let messages: Vec<_> = messages.iter().map(|text| (Client, hex(text))).collect();
    let facts = run(decoder, None, &messages);
    let rows = facts.coverage.iter().filter(|row| row.what == "reported");
    rows.map(|row| {
        let detail = row.detail.as_deref().unwrap_or("");
        format!(
            "{} {} {detail}",
            row.part.as_deref().unwrap_or(""),
            row.total
        )
    })
    .collect()
}

/// Version 5, two records: 10.9.0.1 → 10.9.0.2, and an answer of the internet to it.
fn five() -> String {
    let record = |from: &str, to: &str| format!("{from} {to} {}", "00".repeat(40));
    format!(
        "0005 0002 00015f90 6920c5f8 00000000 00000001 00 07 4064 {} {}",
        record("0a090001", "0a090002"),
        record("cb007105", "0a090001")
    )
}

#[test]
fn an_exporter_of_version_5_says_who_it_is_and_whose_traffic_it_saw() {
    check(
        &NETFLOW,
        &[(Client, &five())],
        expect![[r#"
            conversation protocol=netflow:5 state=one-way packets=1/0 bytes=120/0
            identity 10.0.0.1 role=flow exporter stated
            identity 10.0.0.1 service=exports NetFlow 5, engine 0/7 stated
            identity 10.0.0.1 system=reports flows of one packet in 100 stated
            identity 10.0.0.1 system=up since 2025-11-21T20:03:00.000000000Z stated
        "#]],
    );
    // Who only was sent something may not exist; what is routed on the internet is no host of a crane network.
    assert_eq!(
        reported(&NETFLOW, &[&five(), &five()]),
        ["10.9.0.1 2 reported by 10.0.0.1"]
    );
}

/// Version 9: header, then sets.
fn nine(sets: &str) -> String {
    format!("0009 0002 00015f90 6920c5f8 00000001 00000003 {sets}")
}

/// IPFIX: header with the length of all.
fn ipfix(sets: &str) -> String {
    let length = 16 + sets.replace(' ', "").len() / 2;
    format!("000a {length:04x} 6920c5f8 00000001 00000009 {sets}")
}

#[test]
fn records_are_read_by_the_template_that_came_before_them() {
    // Template 256: octets, source, target; options template 257: scope of 4 octets, sampling of 2; padding.
    let templates = "0000 0014 0100 0003 0001 0004 0008 0004 000c 0004 0001 0014 0101 0004 0004 0001 0004 0022 0002 0000";
    let records = "0100 001c 00000001 0a090003 0a090004 00000001 0a090005 0a090003 0101 000c 00000000 0040 0000";
    let (first, then) = (nine(templates), nine(records));
    assert_eq!(
        reported(&NETFLOW, &[&first, &then]),
        [
            "10.9.0.3 1 reported by 10.0.0.1",
            "10.9.0.5 1 reported by 10.0.0.1"
        ]
    );
    let messages = [(Client, hex(&first)), (Client, hex(&then))];
    let told = render(&run(&NETFLOW, None, &messages));
    assert!(
        told.contains("system=reports flows of one packet in 64"),
        "{told}"
    );
    assert!(
        told.contains("service=exports NetFlow 9, source 3"),
        "{told}"
    );
}

#[test]
fn the_example_of_rfc_3954_is_read() {
    // Its template of five fields and its three records (sections 5.2 and 5.3); the first of them comes from 198.168.1.12, which is
    // of the internet.
    let template = "0000 001c 0100 0005 0008 0004 000c 0004 000f 0004 0002 0004 0001 0004";
    let records = "0100 0040 c6a8010c 0a050cfe c0a80101 00001391 00518c81 \
                   c0a8011b 0a050c17 c0a80101 000002ec 0005ef46 \
                   c0a80138 0a050c41 c0a80101 00000005 00001986";
    assert_eq!(
        reported(&NETFLOW, &[&nine(&format!("{template} {records}"))]),
        [
            "192.168.1.27 1 reported by 10.0.0.1",
            "192.168.1.56 1 reported by 10.0.0.1"
        ]
    );
}

#[test]
fn ipfix_has_fields_of_any_length_and_of_makers() {
    // Template 256: source of version 6, a string, a maker's own field of the number of an address, source of version 4.
    let templates = "0002 001c 0100 0004 001b 0010 0052 ffff 8008 0004 0000 0009 0008 0004";
    let records = "0100 0021 fd000000000000000000000000000001 03 657468 0a090006 00000000 0000";
    // After its withdrawal nothing of that number is read.
    let withdrawn = "0002 0008 0100 0000";
    let messages = [
        ipfix(templates),
        ipfix(records),
        ipfix(withdrawn),
        ipfix(records),
    ];
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    assert_eq!(
        reported(&NETFLOW, &messages),
        ["fd00::1 1 reported by 10.0.0.1"]
    );
}

#[test]
fn hostile_templates_neither_loop_nor_grow_nor_lead_astray() {
    let own = nine("0000 000c 0100 0001 0008 0004");
    let hostile = [
        // Records without an octet; a set that is shorter than its own header; a template that ends early.
        nine("0000 0010 0100 0002 0008 0000 0001 0000 0100 0008 0a090001"),
        nine("0000 0003 0a0b0c0d"),
        nine("0000 000c 0100 ffff 0008 0004"),
        nine("0000 0010 0100 0400 0008 0004 0008 0004"),
        // Options whose lengths are no whole fields, or more than there is.
        nine("0001 0010 0101 0003 0005 0001 0004 0000"),
        nine("0001 0010 0101 fffc fffc 0001 0004 0000"),
        // A record of a length of its own that is not there.
        ipfix("0002 0010 0100 0002 0052 ffff 0008 0004 0100 000c ff ffff 0a0900"),
    ];
    for one in &hostile {
        assert_eq!(
            reported(&NETFLOW, &[&own, one]),
            Vec::<String>::new(),
            "{one}"
        );
    }
    // More templates than are kept: the first ones stay, what did not fit is told.
    let mut many = vec![own.clone()];
    many.extend((257..600).map(|id| nine(&format!("0000 000c {id:04x} 0001 0008 0004"))));
    many.push(nine("0100 0008 0a090007"));
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        reported(&NETFLOW, &many),
        ["10.9.0.7 1 reported by 10.0.0.1"]
    );
}

/// sFlow: header with one sample of one record.
fn sflow(record: &str) -> String {
    let length = record.replace(' ', "").len() / 2;
    let sample = format!(
        "00000001 {:08x} 00000001 00000007 00000200 00000000 00000000 00000001 00000002 00000001 {record}",
        32 + length
    );
    format!("00000005 00000001 0a090101 00000000 00000001 0000ea60 00000001 {sample}")
}

#[test]
fn an_agent_of_sflow_says_its_own_address_and_whose_packets_it_sampled() {
    // A frame with a tag, from 10.9.0.8 to 10.9.0.9; the same as addresses alone; one cut off in its header.
    let raw = "00000001 00000038 00000001 00000040 00000004 00000028 \
        020000000001 020000000002 8100 0064 0800 4500 0028 0000 0000 4006 0000 0a090008 0a090009 0000";
    let plain =
        "00000003 00000020 00000028 00000006 0a09000a 0a090008 00000001 00000002 00000000 00000000";
    let cut = "00000001 00000018 00000001 00000040 00000004 00000008 0200000000010200";
    let messages = [sflow(raw), sflow(plain), sflow(cut)];
    let all: Vec<&str> = messages.iter().map(String::as_str).collect();
    assert_eq!(
        reported(&SFLOW, &all),
        [
            "10.9.0.8 1 reported by 10.0.0.1",
            "10.9.0.10 1 reported by 10.0.0.1"
        ]
    );
    check(
        &SFLOW,
        &[(Client, &messages[1])],
        expect![[r#"
            conversation protocol=sflow state=one-way packets=1/0 bytes=108/0
            identity 10.9.1.1 role=flow exporter stated
            identity 10.0.0.1 role=flow exporter stated
            identity 10.0.0.1 service=exports sFlow 5, agent 10.9.1.1, sub-agent 0 stated
            identity 10.0.0.1 system=reports flows of one packet in 512 stated
            identity 10.0.0.1 system=up since 1970-01-01T00:00:00.000000000Z stated
        "#]],
    );
}
