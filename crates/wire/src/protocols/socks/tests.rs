use expect_test::expect;

use super::DECODER;
use crate::Side::{Client, Server};
use crate::testing::{hex, render, run};

#[test]
fn what_a_proxy_passes_on_is_a_conversation_with_its_destination() {
    // S7comm set-up and a stop, through a proxy to 10.9.0.5:102, at a port that says nothing.
    let facts = run(
        &DECODER,
        Some(9999),
        &[
            (Client, hex("05 01 00")),
            (Server, hex("05 00")),
            (Client, hex("05 01 00 01 0a090005 0066")),
            (Server, hex("05 00 00 01 00000000 0000")),
            (
                Client,
                hex("0300 0016 11 e0 0000 0001 00 c0 01 0a c1 02 0100 c2 02 0102"),
            ),
            (
                Server,
                hex("0300 0016 11 d0 0001 0001 00 c0 01 0a c1 02 0100 c2 02 0102"),
            ),
            (
                Client,
                hex(
                    "0300 0021 02f080 32 01 0000 0001 0010 0000 29 0000000000 09 505f50524f4752414d",
                ),
            ),
            (
                Server,
                hex("0300 0014 02f080 32 03 0000 0001 0001 0000 0000 29"),
            ),
        ],
    );
    expect![[r#"
        conversation protocol=socks:5 state=answered packets=4/4 bytes=68/54
        conversation protocol=s7comm:pg state=answered packets=2/2 bytes=55/42
        operation stop (function 0x29, stop; through socks at 10.0.0.2 to 10.9.0.5:102) ok count=1 frames=[5, 8]
        identity 10.9.0.5 system=rack 0, slot 2 stated
    "#]].assert_eq(&render(&facts));
}

#[test]
fn a_password_for_the_proxy_and_a_name_that_it_resolves_are_told_and_the_name_hides_who_answers() {
    let facts = run(
        &DECODER,
        None,
        &[
            (Client, hex("05 02 00 02")),
            (Server, hex("05 02")),
            (Client, hex("01 02 6f70 02 7077")),
            (Server, hex("01 00")),
            // Without waiting for the answer.
            (
                Client,
                [
                    hex("05 01 00 03 0b 6578616d706c652e6f7267 0016"),
                    b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
                ]
                .concat(),
            ),
            (
                Server,
                [
                    hex("05 00 00 01 00000000 0000"),
                    b"SSH-2.0-dropbear_2019.78\r\n".to_vec(),
                ]
                .concat(),
            ),
        ],
    );
    expect![[r#"
        conversation protocol=socks:5 state=answered packets=3/3 bytes=50/40
        conversation protocol=ssh:2.0 state=answered packets=1/1 bytes=21/26
        identity 10.0.0.1 software=OpenSSH_9.6 stated
        name client=10.0.0.1 server=10.0.0.2 name=example.org via=socks frames=Numbers([5])
        remote_session protocol=ssh client=10.0.0.1 server=10.0.0.2 server_port=22 detail=through socks at 10.0.0.2 to example.org:22; client OpenSSH_9.6; server dropbear_2019.78 bytes=47 frames=Numbers([5, 6])
        credential protocol=socks client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([3])
    "#]].assert_eq(&render(&facts));
}

#[test]
fn who_calls_home_and_is_then_used_as_a_proxy_is_the_proxy() {
    let facts = run(
        &DECODER,
        Some(8855),
        &[
            (Client, hex("4e5a8d08874e")),
            (Server, hex("05 01 00")),
            (Server, hex("05 01 00 01 0a090005 0050")),
            (Client, hex("05 00")),
            (Client, hex("05 00 00 01 0a090005 0050")),
            (Server, b"GET /x HTTP/1.1\r\nHost: hmi\r\n\r\n".to_vec()),
            (
                Client,
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec(),
            ),
        ],
    );
    expect![[r#"
        conversation protocol=socks:5 state=answered packets=4/3 bytes=58/43
        conversation protocol=http state=answered packets=1/1 bytes=30/40
        file page download "/x" (through socks at 10.0.0.1 to 10.9.0.5:80)  10.9.0.5→10.0.0.2 2/2 text 8f434346 ok frames=[6, 7]
        name client=10.0.0.2 server=10.9.0.5 name=hmi via=http-host path=/x frames=Numbers([6])
    "#]].assert_eq(&render(&facts));
}

#[test]
fn version_4_with_a_name_hands_over_and_a_refusal_does_not() {
    let asked = hex("04 01 0017 00000001 6f7000 706c632e6c616e00");
    let facts = run(
        &DECODER,
        None,
        &[
            (Client, asked.clone()),
            (Server, hex("00 5a 0000 00000000")),
            (Server, hex("fffd18 fffd20 fffd23 fffd27")),
            (Client, hex("fffb18 fffc20")),
        ],
    );
    expect![[r#"
        conversation protocol=socks:4 state=answered packets=2/2 bytes=25/20
        conversation protocol=telnet state=answered packets=1/1 bytes=6/12
        identity 10.0.0.1 user=op stated
        name client=10.0.0.1 server=10.0.0.2 name=plc.lan via=socks frames=Numbers([1])
        remote_session protocol=telnet client=10.0.0.1 server=10.0.0.2 server_port=23 detail=through socks at 10.0.0.2 to plc.lan:23 bytes=18 frames=Numbers([3, 4])
    "#]].assert_eq(&render(&facts));
    let refused = run(
        &DECODER,
        None,
        &[
            (Client, asked),
            (Server, hex("00 5d 0000 00000000")),
            (Client, b"SSH-2.0-x\r\n".to_vec()),
        ],
    );
    expect![[r#"
        conversation protocol=socks:4 state=answered packets=2/1 bytes=30/8
        identity 10.0.0.1 user=op stated
        name client=10.0.0.1 server=10.0.0.2 name=plc.lan via=socks frames=Numbers([1])
        oddity what=login.refused detail=socks: the user was not confirmed frames=Numbers([2])
    "#]]
    .assert_eq(&render(&refused));
}

#[test]
fn a_proxy_behind_a_proxy_is_looked_into_and_one_behind_that_is_not() {
    let hop = |address: &str| {
        [
            (Client, hex("05 01 00")),
            (Server, hex("05 00")),
            (Client, hex(&format!("05 01 00 01 {address} 0438"))),
            (Server, hex("05 00 00 01 00000000 0000")),
        ]
    };
    let protocols = |hops: &[&str]| {
        let mut messages: Vec<_> = hops.iter().flat_map(|address| hop(address)).collect();
        messages.push((Server, b"SSH-2.0-dropbear_2019.78\r\n".to_vec()));
        messages.push((Client, b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()));
        let facts = run(&DECODER, None, &messages);
        let told = facts.conversations.iter();
        let told =
            told.map(|one| format!("{} {}", one.server, one.protocol.as_deref().unwrap_or("?")));
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        protocols(&["0a090001", "0a090002"]),
        ["10.0.0.2 socks", "10.9.0.1 socks", "10.9.0.2 ssh"]
    );
    assert_eq!(
        protocols(&["0a090001", "0a090002", "0a090003"]),
        ["10.0.0.2 socks", "10.9.0.1 socks", "10.9.0.2 socks"]
    );
}

#[test]
fn who_asks_is_told_by_the_first_answer_of_a_proxy_where_the_greeting_was_not_captured() {
    let facts = run(
        &DECODER,
        None,
        &[
            (Server, hex("05 00")),
            (Client, hex("05 01 00 01 0a090005 0017")),
            (Server, hex("05 00 00 01 00000000 0000")),
            (Server, hex("fffd18 fffd20 fffd23 fffd27")),
            (Client, hex("fffb18 fffc20")),
        ],
    );
    expect![[r#"
        conversation protocol=socks:5 state=answered packets=2/3 bytes=16/24
        conversation protocol=telnet state=answered packets=1/1 bytes=6/12
        remote_session protocol=telnet client=10.0.0.1 server=10.9.0.5 server_port=23 detail=through socks at 10.0.0.2 to 10.9.0.5:23 bytes=18 frames=Numbers([4, 5])
    "#]].assert_eq(&render(&facts));
}

#[test]
fn where_no_way_to_log_in_is_agreed_nobody_was_refused() {
    let facts = run(
        &DECODER,
        None,
        &[(Client, hex("05 01 00")), (Server, hex("05 ff"))],
    );
    assert!(facts.oddities.is_empty(), "{:?}", facts.oddities);
}

#[test]
fn who_connects_to_a_port_that_a_proxy_holds_open_is_the_client() {
    let facts = run(
        &DECODER,
        None,
        &[
            (Client, hex("05 01 00")),
            (Server, hex("05 00")),
            // Wants 10.9.0.5 to be let in; the proxy waits at port 4001, and 10.9.0.5 comes from port 40000.
            (Client, hex("05 02 00 01 0a090005 0000")),
            (Server, hex("05 00 00 01 0a000002 0fa1")),
            (Server, hex("05 00 00 01 0a090005 9c40")),
            (Server, b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
            (Client, b"SSH-2.0-dropbear_2019.78\r\n".to_vec()),
        ],
    );
    expect![[r#"
        conversation protocol=socks:5 state=answered packets=3/4 bytes=39/43
        conversation protocol=ssh:2.0 state=answered packets=1/1 bytes=21/26
        identity 10.9.0.5 software=OpenSSH_9.6 stated
        identity 10.0.0.1 software=dropbear_2019.78 stated
        remote_session protocol=ssh client=10.9.0.5 server=10.0.0.1 server_port=4001 detail=through socks at 10.0.0.2 from 10.9.0.5:40000; client OpenSSH_9.6; server dropbear_2019.78 bytes=47 frames=Numbers([6, 7])
    "#]].assert_eq(&render(&facts));
    assert_eq!(facts.conversations[1].server_port, Some(4001));
}
