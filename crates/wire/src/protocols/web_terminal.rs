//! Terminals in a browser: that somebody has a shell on a host by way of a web page.
//!
//! Spec: ttyd (its protocol, in `protocol.c` and `server.h` of the project), GoTTY (`webtty`), Wetty (Socket.IO under `/wetty`).
//! Emits: the remote session.
//! Blind to: what is typed and shown. Each key and each piece of output is a message of its own with a letter before it, and
//! messages are no longer told apart in the stream that WebSocket carries.
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "web-terminal",
    title: "Terminal in a browser (ttyd, GoTTY, Wetty)",
    carriers: &[Carrier::Tcp(7681)],
    probe,
    open: || Box::new(Terminal),
    remote: true,
    operations: &[],
    about: "Remote sessions by way of a web page, told by the subprotocol that WebSocket was opened for, by Wetty's path, or by how a client of ttyd begins.",
    spec: "source of ttyd, GoTTY and Wetty",
    blind: "what is typed and shown",
};

/// How a client of ttyd begins, with or without a token.
const BEGINNING: &[u8] = b"{\"AuthToken\":\"";

fn probe(head: &Head<'_>) -> Probe {
    let there = head.bytes.len().min(BEGINNING.len());
    let begins = BEGINNING.get(..there) == head.bytes.get(..there);
    if !head.first || !begins || head.bytes.is_empty() {
        Probe::NotOurs
    } else if there == BEGINNING.len() {
        Probe::Ours(Sender::Client)
    } else if head.open {
        Probe::NeedMore
    } else {
        Probe::NotOurs
    }
}

struct Terminal;

impl Dialogue for Terminal {
    fn message(&mut self, cx: &mut Cx<'_>, _: Side, _: &[u8]) -> Step {
        cx.session(None, Some("terminal in a browser".to_owned()));
        Step::Done
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{render, run};

    #[test]
    fn a_client_of_ttyd_is_known_by_how_it_begins_and_its_token_is_not_kept() {
        let begins = br#"{"AuthToken":"b3A6c2VjcmV0","columns":80,"rows":24}"#;
        let messages = [
            (Client, begins[..9].to_vec()),
            (Client, begins[9..].to_vec()),
            (Server, b"1bash (sts07)2{}0$ ".to_vec()),
        ];
        expect![[r#"
            conversation protocol=web-terminal state=answered packets=2/1 bytes=51/19
            remote_session protocol=web-terminal client=10.0.0.1 server=10.0.0.2 server_port=9000 detail=terminal in a browser bytes=70 frames=Numbers([1, 2, 3])
        "#]]
        .assert_eq(&render(&run(&DECODER, Some(9000), &messages)));
    }
}
