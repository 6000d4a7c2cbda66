//! SOCKS: who has a proxy reach what, and with whose name; what the proxy passes on is read as a conversation of its own.
//!
//! Spec: RFC 1928 (version 5), RFC 1929 (user and password), the SOCKS protocol 4 and its extension 4A.
//! Emits: names asked for, passwords in the clear, refused log-ins, and what is behind the handshake: the stream to where it
//! was asked for (CONNECT) or from where it came (BIND), and datagrams, a conversation for each place they go to.
//! Blind to: what is sealed by GSS-API; datagrams that come in fragments (UDP ASSOCIATE).
//!
//! Roles are told by content alone: a program that calls home and then waits to be used as a proxy opened the connection
//! itself.
use std::net::IpAddr;

use crate::cx::Passed;
use crate::reader::{Malformed, text};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "socks",
    title: "SOCKS (proxy)",
    carriers: &[Carrier::Tcp(1080)],
    probe,
    open: || Box::new(Socks::default()),
    remote: false,
    operations: &[],
    about: "Conversations through a proxy: for whom, passwords that it is given in the clear, and what it passes on, there and back, and by datagrams, read as conversations of their own.",
    spec: "RFC 1928, RFC 1929, SOCKS protocol 4 and 4A",
    blind: "what is sealed by GSS-API, datagrams that come in fragments",
};

/// Longest name in a request of version 4A, and longest user.
const MOST_NAME: usize = 255;

/// RFC 1928, 4.
mod command {
    pub(super) const CONNECT: u8 = 1;
    pub(super) const BIND: u8 = 2;
    pub(super) const UDP_ASSOCIATE: u8 = 3;
}

/// RFC 1928, 3: version 5 and the methods that the client knows, nothing else. Version 4: command, port, address, user.
fn probe(head: &Head<'_>) -> Probe {
    let at_port = head.on(1080) || head.on(9050);
    let sender = match head.bytes {
        [5, count @ 1..=4, methods @ ..] if head.first && methods.len() == usize::from(*count) => {
            let known = methods.iter().all(|method| matches!(method, 0..=2));
            known.then_some(Sender::Client)
        }
        [4, 1 | 2, _, _, rest @ ..] if head.first && rest.len() >= 5 => {
            let user = rest.get(4..).and_then(|user| user.strip_suffix(b"\0"));
            let sane = user.is_some_and(|user| {
                user.len() < 64
                    && user
                        .iter()
                        .all(|byte| byte.is_ascii_graphic() || *byte == 0)
            });
            (sane && (at_port || rest.first() != Some(&0))).then_some(Sender::Client)
        }
        [5, 0 | 2] if at_port => Some(Sender::Server),
        _ => None,
    };
    super::named::ours(sender)
}

/// What comes next from the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    Method,
    LogIn,
    Reply,
    ReplyOf4,
}

/// One connection.
#[derive(Debug, Default)]
struct Socks {
    /// Who asks, once that is known.
    asker: Option<Side>,
    awaited: Awaited,
    user: Option<String>,
    command: u8,
    /// Where to, as it was asked last.
    asked: Option<(String, u16)>,
    /// The port at which the proxy waits for who is to connect.
    bound: Option<u16>,
    /// Nothing more is read.
    over: bool,
}

impl Dialogue for Socks {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if self.over {
            return Step::Done;
        }
        let mut r = Reader::new(bytes);
        let read = match self.asker {
            Some(asker) if asker != side => self.answer(cx, side, &mut r),
            // Everything was asked: what is sent without waiting belongs to the stream behind.
            Some(_) if self.asked.is_some() => return Step::Need(bytes.len() + 1),
            Some(_) => self.ask(cx, side, &mut r),
            None => match bytes {
                // Who asked first was not captured; two bytes like these offer no method, they choose one.
                [5, 0 | 2] if side == Side::Server => {
                    self.asker = Some(Side::Client);
                    cx.variant("5");
                    self.answer(cx, side, &mut r)
                }
                [4 | 5, ..] => {
                    self.asker = Some(side);
                    self.greet(cx, side, &mut r)
                }
                // A program that calls home says so first, in words of its own.
                _ => return Step::Took(bytes.len()),
            },
        };
        match read {
            Ok(()) if self.over => Step::Done,
            Ok(()) => Step::Took(r.at()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    fn gap(&mut self, _: &mut Cx<'_>, _: Side, _: u64) {
        self.over = true;
    }
}

impl Socks {
    fn greet(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        if r.u8()? == 5 {
            cx.variant("5");
            let methods = usize::from(r.u8()?);
            return r.skip(methods);
        }
        self.ask_4(cx, side, r)
    }

    /// Version 4: all in one message, which ends with the user, or with the name where the address is 0.0.0.x (4A).
    fn ask_4(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let (command, port, address) = (r.u8()?, r.u16()?, r.ipv4()?);
        let user = ended(r)?;
        let host = match address.octets() {
            [0, 0, 0, last] if last != 0 => ended(r)?,
            _ => Some(address.to_string()),
        };
        cx.variant("4");
        self.awaited = Awaited::ReplyOf4;
        if let Some(user) = user {
            cx.identity(side, "user", user);
        }
        self.asked(cx, command, host, port);
        Ok(())
    }

    /// RFC 1928, 4, and RFC 1929, 2, which has a version of its own.
    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        match r.u8()? {
            1 if self.awaited == Awaited::LogIn || self.awaited == Awaited::Method => {
                let length = usize::from(r.u8()?);
                self.user = text(r.bytes(length)?, MOST_NAME);
                let secret = usize::from(r.u8()?);
                r.skip(secret)?;
                self.awaited = Awaited::LogIn;
                cx.credential("password", self.user.clone(), false);
                Ok(())
            }
            5 => {
                let command = r.u8()?;
                r.skip(1)?;
                let (host, port) = place(r)?;
                self.asked(cx, command, host, port);
                Ok(())
            }
            _ => {
                // Sealed.
                self.asker = Some(side);
                self.over = true;
                Ok(())
            }
        }
    }

    fn asked(&mut self, cx: &mut Cx<'_>, command: u8, host: Option<String>, port: u16) {
        let Some(host) = host else {
            self.over = true;
            return;
        };
        self.command = command;
        // Others only ask: Tor has some that look names up.
        self.over = !(command::CONNECT..=command::UDP_ASSOCIATE).contains(&command);
        if command != command::UDP_ASSOCIATE && host.parse::<IpAddr>().is_err() {
            cx.name_used("socks", &host, None);
        }
        self.asked = Some((host, port));
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        match self.awaited {
            Awaited::Method => {
                r.check(r.peek().first() == Some(&5), "version")?;
                r.skip(1)?;
                match r.u8()? {
                    0 => self.awaited = Awaited::Reply,
                    2 => self.awaited = Awaited::LogIn,
                    // 0xff: none is accepted. Nobody has logged in, so nobody was refused.
                    _ => self.over = true,
                }
            }
            Awaited::LogIn => {
                r.skip(1)?;
                if r.u8()? == 0 {
                    self.awaited = Awaited::Reply;
                } else {
                    self.refused(cx, side, "wrong name or password");
                }
            }
            Awaited::Reply => {
                r.skip(1)?;
                let reply = r.u8()?;
                r.skip(1)?;
                let place = place(r)?;
                self.reached(cx, side, reply == 0, place);
            }
            Awaited::ReplyOf4 => {
                r.check(r.peek().first() == Some(&0), "version of the reply")?;
                r.skip(1)?;
                let reply = r.u8()?;
                let port = r.u16()?;
                let place = (Some(r.ipv4()?.to_string()), port);
                match reply {
                    // 92 and 93: the user is not who it says.
                    92 | 93 => self.refused(cx, side, "the user was not confirmed"),
                    reply => self.reached(cx, side, reply == 90, place),
                }
            }
        }
        Ok(())
    }

    fn refused(&mut self, cx: &mut Cx<'_>, side: Side, why: &str) {
        cx.login_refused(side.other(), why, self.user.as_deref());
        self.over = true;
    }

    /// The proxy says whether it reached what it was to reach, and by which place.
    fn reached(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        yes: bool,
        (host, port): (Option<String>, u16),
    ) {
        let Some((asked, asked_port)) = self.asked.take().filter(|_| yes) else {
            self.over = true;
            return;
        };
        let address = host.and_then(|host| host.parse::<IpAddr>().ok());
        let address = address.filter(|ip| !ip.is_unspecified());
        match (self.command, self.bound.take()) {
            // A second answer says who connected (RFC 1928, 6).
            (command::BIND, None) => {
                self.bound = Some(port);
                self.asked = Some((asked, asked_port));
            }
            (command::BIND, Some(bound)) => match address {
                Some(from) => cx.hand_in(side.other(), (from, port), bound),
                None => self.over = true,
            },
            (command::UDP_ASSOCIATE, _) => {
                if let Some(ip) = address.or(cx.flow.end(side).address.ip()) {
                    cx.expect_dialogue(ip, port, true, Box::new(Relay::at(port)));
                }
                self.over = true;
            }
            _ => cx.hand_over(side.other(), asked, asked_port),
        }
    }
}

/// RFC 1928, 7: datagrams to a proxy and from it, each behind a header that says where it goes to, or comes from.
struct Relay {
    /// Port of the proxy.
    port: u16,
    /// The other end of the last one.
    place: Option<(String, u16)>,
    /// The header was read.
    inside: bool,
}

impl Relay {
    const fn at(port: u16) -> Relay {
        Relay {
            port,
            place: None,
            inside: false,
        }
    }

    /// `false`: a fragment.
    fn header(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        r: &mut Reader<'_>,
    ) -> Result<bool, Malformed> {
        r.skip(2)?;
        let fragment = r.u8()? != 0;
        let (host, port) = place(r)?;
        let Some(host) = host.filter(|_| !fragment) else {
            return Ok(false);
        };
        let place = Some((host, port));
        if self.place != place {
            self.place.clone_from(&place);
            let proxy = cx.flow.end(side).port == self.port;
            let asker = if proxy { side.other() } else { side };
            if let Some((host, port)) = place {
                if host.parse::<IpAddr>().is_err() && asker == Side::Client {
                    cx.name_used("socks", &host, None);
                }
                cx.hand_over(asker, host, port);
            }
        }
        Ok(true)
    }
}

impl Dialogue for Relay {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if std::mem::take(&mut self.inside) {
            cx.pass(Passed::Bytes {
                from: 0,
                to: bytes.len(),
                mask: None,
            });
            return Step::Took(bytes.len());
        }
        let mut r = Reader::new(bytes);
        match self.header(cx, side, &mut r) {
            Ok(true) => {
                self.inside = !r.is_empty();
                Step::Took(r.at())
            }
            Ok(false) => Step::Took(bytes.len()),
            Err(Malformed::Bad(what)) => Step::Bad(what),
            Err(Malformed::Short) => Step::Need(bytes.len() + 1),
        }
    }
}

/// RFC 1928, 5: kind of address, address, port.
fn place(r: &mut Reader<'_>) -> Result<(Option<String>, u16), Malformed> {
    let host = match r.u8()? {
        1 => Some(r.ipv4()?.to_string()),
        3 => {
            let length = usize::from(r.u8()?);
            text(r.bytes(length)?, MOST_NAME)
        }
        4 => Some(r.ipv6()?.to_string()),
        _ => return Err(Malformed::Bad("kind of address")),
    };
    Ok((host, r.u16()?))
}

/// Text up to the zero behind it.
fn ended(r: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let rest = r.peek();
    let Some(end) = rest.iter().position(|byte| *byte == 0) else {
        r.check(rest.len() <= MOST_NAME, "name without an end")?;
        return Err(Malformed::Short);
    };
    r.check(end <= MOST_NAME, "name too long")?;
    let name = text(r.bytes(end)?, MOST_NAME);
    r.skip(1)?;
    Ok(name)
}

#[cfg(test)]
mod tests;
