//! What a dialogue can say while it reads: every observation leaves a decoder through [`Cx`].
mod expected;
mod learned;

use std::borrow::Cow;
use std::net::IpAddr;

use facts::kinds::{Operation, Outcome, Verb};
use facts::{Address, Grade, Mac, Time};

use crate::decoder::{Decoder, Side};
use crate::picture::{
    self, ANSWERS, AddressKey, CertificateKey, CredentialKey, IdentityKey, NameKey, OddityKey,
    OpId, Picture, ReportedKey, RouteKey, Says, Tally,
};

pub(crate) use expected::Expectations;
pub(crate) use learned::{Answer, Early, Learned};

/// One end of the flow that a message belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Its IP address, or its MAC address on layer 2.
    pub address: Address,
    /// 0 where there are no ports.
    pub port: u16,
    /// MAC address that carried its packets, if any were seen.
    pub mac: Option<Mac>,
    /// Its own MAC: it is no router's, by TTL.
    pub near: bool,
    /// Packets of it were seen.
    pub seen: bool,
    /// Its TCP stream was seen from its first byte on.
    pub begun: bool,
    /// Someone else answers behind it: what is said of itself is not said of this address.
    pub hides: bool,
}

/// The flow that a message belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowView {
    /// The end that asks: by the handshake, else by the protocol's roles, else by the ports, else who was seen first.
    pub client: End,
    /// The end that is asked.
    pub server: End,
    /// Identifier of the innermost VLAN (IEEE 802.1Q); `None` when untagged or with a priority tag alone.
    pub vlan: Option<u16>,
    /// By UDP; false for TCP and for layer 2.
    pub udp: bool,
    /// IP protocol number; `None` on layer 2.
    pub ip_protocol: Option<u8>,
    /// The conversation was under way when the capture began.
    pub midstream: bool,
}

impl FlowView {
    /// The end of that side.
    pub const fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// Community ID (version 1, seed 0) of the conversation; `None` on layer 2.
    pub fn community_id(&self) -> Option<String> {
        let (client, server) = (self.client.address.ip()?, self.server.address.ip()?);
        let protocol = self.ip_protocol?;
        Some(crate::community_id(
            client,
            server,
            protocol,
            self.client.port,
            self.server.port,
        ))
    }
}

/// When and where the message was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct At {
    /// Time of the frame that completed the message, as the capture has it.
    pub now: Time,
    /// Index of the capture in reading order.
    pub capture: u32,
    /// Frame that completed the message.
    pub frame: u32,
}

/// What both ends say from here on is a stream of its own: see [`Cx::hand_over`].
#[derive(Debug)]
pub(crate) struct Handover {
    /// Who asked for it.
    pub asker: Side,
    /// How it is carried.
    pub way: Way,
}

/// How one stream carries another.
#[derive(Debug)]
pub(crate) enum Way {
    /// As it is, to the name or address that was asked for: what follows in the stream are its bytes.
    Passed { host: String, port: u16 },
    /// The same, where that address connected to this port, which was held open for who asked.
    Came { from: IpAddr, port: u16, to: u16 },
    /// In frames, by whoever was spoken to: the dialogue goes on, and passes on what they hold.
    Framed {
        /// For people.
        told: String,
        /// The protocol that the ends agreed on, for what no decoder recognises.
        agreed: Option<&'static Decoder>,
    },
}

/// What a message holds of the stream inside: see [`Cx::pass`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// These bytes of it, each combined with one of the mask, in turn.
    Bytes {
        from: usize,
        to: usize,
        mask: Option<[u8; 4]>,
    },
    /// So many bytes were not captured.
    Lost(u64),
    /// So many bytes are there and cannot be read.
    Unread(u64),
}

/// An operation as a decoder states it. Start from [`Op::new`] and add what is known.
#[derive(Clone, Debug, Default)]
pub struct Op {
    /// The operation, in the one vocabulary.
    pub verb: Verb,
    /// What it was done to, in the protocol's own spelling, e.g. `DB11`.
    pub object: Option<String>,
    /// More in the protocol's own words; of a refusal its reason.
    pub detail: Option<String>,
    /// How it ended; `None` where the answer cannot be seen.
    pub outcome: Option<Outcome>,
    /// Bytes of the content carried, as far as it was seen.
    pub content_bytes: Option<u64>,
    /// SHA-256 of the content in lower-case hex; only when it was seen whole.
    pub content_sha256: Option<String>,
    /// When the request was sent, if the operation is told at its answer; else the time of this message.
    pub asked: Option<Asked>,
}

/// Where a request was seen, kept by a decoder until its answer comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Time of the frame that completed the request.
    pub time: Time,
    /// Index of its capture in reading order.
    pub capture: u32,
    /// Frames that the request lies in, from 1, first to last.
    pub frames: Vec<u32>,
}

impl Op {
    /// The operation alone; everything else not known yet.
    pub fn new(verb: Verb) -> Op {
        Op {
            verb,
            ..Op::default()
        }
    }
}

/// Everything that a dialogue may say of a message.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The flow that the message belongs to.
    pub flow: &'a FlowView,
    /// When and where the message was completed.
    pub at: At,
    /// Frames that the message lies in, first to last.
    pub frames: &'a [u32],
    pub(crate) decoder: &'static Decoder,
    pub(crate) picture: &'a mut Picture,
    pub(crate) expected: &'a mut Expectations,
    pub(crate) learned: &'a mut Learned,
    /// What the message held of the stream inside.
    pub(crate) passed: Option<Passed>,
}

impl Cx<'_> {
    /// Time of the frame that completed the message; there is no other clock.
    pub const fn now(&self) -> Time {
        self.at.now
    }

    /// Where this message is, to keep until its answer.
    pub fn asked(&self) -> Asked {
        Asked {
            time: self.at.now,
            capture: self.at.capture,
            frames: self.frames.to_vec(),
        }
    }

    /// What to say of a request that was not answered: `Unanswered`, or nothing if the other side was never captured.
    pub const fn unanswered(&self, asked: Side) -> Option<Outcome> {
        if self.flow.end(asked).seen {
            Some(Outcome::Unanswered)
        } else {
            None
        }
    }

    /// The message at hand answers a request that was not seen. `true`: it may have overtaken it, and is shown again when the
    /// request was, or when that is too late; until then nothing is to be told of it that counts. What it says of its sender may be
    /// told at once, and once more: rows of that are shared by many flows, and come in the order of frames. `false`: the request was
    /// lost. In a stream nothing overtakes anything.
    pub fn comes_early(&mut self) -> bool {
        if self.learned.early == Early::No {
            return false;
        }
        self.learned.early = Early::Does;
        true
    }

    /// The datagram at hand is no request: its protocol has no answer to it, and silence after it tells nothing.
    pub fn asks_nothing(&mut self) {
        self.learned.quiet = true;
    }

    /// What was asked in this conversation was answered in another, as the protocol has it.
    pub(crate) fn answered_elsewhere(&mut self) {
        self.learned.answer = Answer::Elsewhere;
    }

    /// An operation that `source` asked of the other end. Returns its row, to count repetitions on.
    pub fn operation(&mut self, source: Side, op: Op) -> Option<OpId> {
        let (from, to) = (*self.flow.end(source), *self.flow.end(source.other()));
        self.operation_between(&from, &to, op)
    }

    /// An operation of a conversation beside this one. The frames of this message are no part of it.
    pub(crate) fn operation_of(
        &mut self,
        flow: &FlowView,
        protocol: &'static str,
        op: Op,
    ) -> Option<OpId> {
        let here = Asked {
            frames: Vec::new(),
            ..self.asked()
        };
        self.put_operation(flow, protocol, (&flow.client, &flow.server), op, here)
    }

    /// An operation between ends that are not those of the flow (the target sits behind a gateway).
    pub fn operation_between(&mut self, from: &End, to: &End, op: Op) -> Option<OpId> {
        let (flow, here) = (*self.flow, self.asked());
        self.put_operation(&flow, self.decoder.name, (from, to), op, here)
    }

    fn put_operation(
        &mut self,
        flow: &FlowView,
        protocol: &'static str,
        (from, to): (&End, &End),
        op: Op,
        here: Asked,
    ) -> Option<OpId> {
        // Where a log-in is an operation, one that is refused is told as such, too.
        if op.verb == Verb::Authenticate && op.outcome == Some(Outcome::Refused) {
            let asker = if from.address == flow.server.address {
                Side::Server
            } else {
                Side::Client
            };
            let why = op.detail.as_deref().unwrap_or("refused");
            self.login_refused(asker, why, op.object.as_deref());
        }
        let detail = match (op.detail, self.learned.through.as_deref()) {
            (Some(detail), Some(way)) => Some(format!("{detail}; {way}")),
            (detail, way) => detail.or_else(|| way.map(str::to_owned)),
        };
        let asked = op.asked.unwrap_or_else(|| here.clone());
        let mut evidence = facts::Evidence::default();
        for frame in &asked.frames {
            evidence.add(asked.capture, *frame);
        }
        // The answer's frames belong to it too.
        for frame in &here.frames {
            evidence.add(here.capture, *frame);
        }
        let operation = Operation {
            time: asked.time,
            last: asked.time,
            count: 1,
            source: from.address,
            target: to.address,
            source_mac: from.mac,
            target_mac: to.mac,
            vlan: flow.vlan,
            protocol: protocol.to_owned(),
            operation: op.verb,
            object: op.object,
            detail,
            outcome: op.outcome,
            content_bytes: op.content_bytes,
            content_sha256: op.content_sha256,
            community_id: flow.community_id(),
            evidence,
            ..Operation::default()
        };
        self.picture.operation(operation, protocol)
    }

    /// The same cyclic operation once more, at its answer: see [`crate::decoder::Memo`]. `false` where its row was
    /// handed on and is here no more: the operation is to be told anew.
    #[must_use]
    pub fn again(&mut self, id: OpId, asked: Time) -> bool {
        self.picture.again(id, asked, self.at.capture, self.frames)
    }

    /// Something that one end said of itself. `attribute` is one of those that kind `identity` lists.
    pub fn identity(&mut self, side: Side, attribute: &'static str, value: impl Into<String>) {
        let end = *self.flow.end(side);
        let mac = match end.address {
            Address::Mac(mac) => Some(mac),
            Address::Ip(_) => end.mac.filter(|_| end.near),
        };
        self.identity_of(mac, end.address.ip(), attribute, value, Grade::Stated);
    }

    /// Something known of a device by MAC, IP or both.
    pub fn identity_of(
        &mut self,
        mac: Option<Mac>,
        ip: Option<IpAddr>,
        attribute: &'static str,
        value: impl Into<String>,
        grade: Grade,
    ) {
        let value = value.into();
        let behind = [self.flow.client, self.flow.server]
            .iter()
            .any(|end| end.hides && ip.is_some() && end.address.ip() == ip);
        if value.is_empty() || behind {
            return;
        }
        let (vlan, source) = (self.flow.vlan, self.decoder.name);
        let key = IdentityKey {
            mac,
            ip,
            vlan,
            attribute,
            value,
            source,
            grade,
        };
        let Picture {
            identities,
            left_out,
            limits,
            ..
        } = &mut *self.picture;
        if let Some(row) = picture::row(identities, key, "identities", limits.identities, left_out)
        {
            row.count_one(self.at.now, self.at.capture, self.frames);
        }
    }

    /// A MAC says that an IP address is its own.
    pub fn claim(&mut self, mac: Mac, ip: IpAddr) {
        self.picture
            .claim(mac, ip, self.flow.vlan, self.at, self.frames);
    }

    /// A name that the client used in this connection: `tls-sni`, `tls-certificate`, `http-host`.
    pub fn name_used(&mut self, via: &'static str, name: &str, path: Option<String>) {
        let community_id = self.flow.community_id();
        let asker = Side::Client;
        self.put_name(
            asker,
            via,
            name,
            path,
            community_id,
            Vec::new(),
            None,
            false,
        );
    }

    /// The answer to such a question, which was seen in that VLAN: by now the flow may be known from nearer to its ends. `counted`
    /// where the question was, though what was told of it may have been handed on since.
    pub fn name_answered(
        &mut self,
        asker: Side,
        via: &'static str,
        name: &str,
        answers: Vec<String>,
        vlan: Option<u16>,
        counted: bool,
    ) {
        let flow = FlowView { vlan, ..*self.flow };
        let mut there = Cx {
            flow: &flow,
            at: self.at,
            frames: self.frames,
            decoder: self.decoder,
            picture: &mut *self.picture,
            expected: &mut *self.expected,
            learned: &mut *self.learned,
            passed: None,
        };
        there.put_name(asker, via, name, None, None, answers, Some(true), counted);
    }

    /// A name that `asker` looked up: `dns`, `mdns`, `llmnr`, `nbns`. Call it at the question with no answers, and
    /// again at the answer; `answered` is what is known by then.
    pub fn name_looked_up(
        &mut self,
        asker: Side,
        via: &'static str,
        name: &str,
        answers: Vec<String>,
        answered: Option<bool>,
    ) {
        self.put_name(asker, via, name, None, None, answers, answered, false);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the columns of a name, from its two doors above"
    )]
    fn put_name(
        &mut self,
        asker: Side,
        via: &'static str,
        name: &str,
        path: Option<String>,
        community_id: Option<String>,
        answers: Vec<String>,
        answered: Option<bool>,
        counted: bool,
    ) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() {
            return;
        }
        let flow = self.flow;
        let (from, to) = (flow.end(asker), flow.end(asker.other()));
        let (client, server, vlan) = (from.address, to.address, flow.vlan);
        let key = NameKey {
            client,
            server,
            vlan,
            name,
            via,
            path,
            community_id,
        };
        let Picture {
            names,
            left_out,
            limits,
            ..
        } = &mut *self.picture;
        let Some(row) = names.row(key, "names", limits.names, left_out) else {
            return;
        };
        row.client_mac = row.client_mac.or(from.mac);
        row.answered = match (row.answered, answered) {
            (Some(a), Some(b)) => Some(a || b),
            (a, b) => a.or(b),
        };
        let (now, capture) = (self.at.now, self.at.capture);
        let is_question = answers.is_empty() && answered != Some(true);
        if is_question || row.tally.count == 0 && !counted {
            row.tally.count_one(now, capture, self.frames);
        } else if row.tally.evidence.capture.is_none() {
            row.tally = Tally {
                count: 0,
                ..Tally::new(now, capture, self.frames)
            };
        } else {
            // The answer belongs to the question that is counted already.
            row.tally.last = row.tally.last.max(self.at.now);
            row.tally.cite(self.at.capture, self.frames);
        }
        row.answers.extend(answers);
        row.answers.sort_unstable();
        row.answers.dedup();
        row.answers.truncate(ANSWERS);
    }

    /// A secret went in clear text from client to server; the secret itself never enters. `what` is one of those that
    /// kind `credential` lists.
    pub fn credential(&mut self, what: &'static str, user: Option<String>, is_default: bool) {
        let key = CredentialKey {
            protocol: self.decoder.name,
            client: self.flow.client.address,
            server: self.flow.server.address,
            asked_for: self.learned.asked_for.clone(),
            vlan: self.flow.vlan,
            what,
            user,
            is_default,
        };
        let Picture {
            credentials,
            left_out,
            limits,
            ..
        } = &mut *self.picture;
        if let Some(row) = picture::row(
            credentials,
            key,
            "credentials",
            limits.credentials,
            left_out,
        ) {
            row.count_one(self.at.now, self.at.capture, self.frames);
        }
    }

    /// `side` showed a certificate of that SHA-256, in a connection to the server of that name; `says` reads it.
    pub(crate) fn certificate(
        &mut self,
        side: Side,
        sha256: [u8; 32],
        asked_for: Option<&str>,
        says: impl FnOnce() -> Says,
    ) {
        let FlowView {
            client,
            server,
            vlan,
            ..
        } = *self.flow;
        let key = CertificateKey {
            client: client.address,
            server: server.address,
            server_port: Some(server.port).filter(|port| *port != 0),
            vlan,
            asked_for: asked_for.map(Into::into),
            by_client: side == Side::Client,
            sha256,
        };
        let Picture {
            certificates,
            left_out,
            limits,
            ..
        } = &mut *self.picture;
        let limit = limits.certificates;
        if let Some(row) = picture::row(certificates, key, "certificates", limit, left_out) {
            row.says.get_or_insert_with(|| Box::new(says()));
            let at = self.at;
            row.tally.count_one(at.now, at.capture, self.frames);
        }
    }

    /// The capture lacks the end of the datagram at hand: where it ends says nothing.
    pub(crate) const fn is_cut(&self) -> bool {
        self.learned.cut
    }

    /// `asker` was not let in: why, and as whom, where that is known.
    pub(crate) fn login_refused(&mut self, asker: Side, why: &str, user: Option<&str>) {
        let who = user.map(|user| format!(" ({user})")).unwrap_or_default();
        let detail = format!("{}: {why}{who}", self.decoder.name);
        self.oddity("login.refused", asker, Some(detail));
    }

    /// `mac`/`ip` offers a way out of this network; `via` is one of those that kind `route` lists.
    pub fn route(
        &mut self,
        via: &'static str,
        mac: Option<Mac>,
        ip: Option<IpAddr>,
        gateway: Option<IpAddr>,
        detail: Option<String>,
    ) {
        let key = RouteKey {
            via,
            mac,
            ip,
            vlan: self.flow.vlan,
            to_vlan: None,
            gateway,
            detail,
        };
        self.picture.route(key, self.at, self.frames);
    }

    /// The client says that `address` had traffic that it saw: second-hand, so it only tells what no sensor saw.
    pub(crate) fn reported(&mut self, address: IpAddr) {
        let Some(exporter) = self.flow.client.address.ip() else {
            return;
        };
        let key = ReportedKey { exporter, address };
        let Picture {
            reported,
            left_out,
            limits,
            ..
        } = &mut *self.picture;
        if let Some(row) = picture::row(reported, key, "reported", limits.reported, left_out) {
            row.count_one(self.at.now, self.at.capture, self.frames);
        }
    }

    /// Something that should not be on a healthy wire; `what` is `area.what`.
    pub fn oddity(&mut self, what: &'static str, side: Side, detail: Option<String>) {
        let (source, target) = (
            self.flow.end(side).address,
            self.flow.end(side.other()).address,
        );
        let key = OddityKey {
            what,
            source: Some(source),
            target: Some(target),
            vlan: self.flow.vlan,
            detail,
        };
        self.picture
            .oddity(key, self.at.now, self.at.capture, self.frames);
    }

    /// A finer name for the conversation that the site file can allow or forbid: `v2c`, `1.3`.
    pub fn variant(&mut self, variant: impl Into<Cow<'static, str>>) {
        self.learned.variant = Some(variant.into());
    }

    /// What is known of the remote session that this flow is.
    pub fn session(&mut self, user: Option<String>, detail: Option<String>) {
        self.learned.session = true;
        if user.is_some() {
            self.learned.user = user;
        }
        if let Some(detail) = detail {
            match &mut self.learned.detail {
                Some(known) if known.split("; ").any(|part| part == detail) => {}
                Some(known) if known.len() < 512 => {
                    known.push_str("; ");
                    known.push_str(&detail);
                }
                Some(_) => {}
                none => *none = Some(detail),
            }
        }
    }

    /// The conversation is that of a remote-support tool inside another protocol: it goes by the tool's name.
    pub(crate) fn remote_tool(&mut self, tool: &crate::protocols::RemoteTool) {
        self.learned.name = Some(tool.protocol);
        self.session(None, Some(format!("{} (by {})", tool.title, tool.by)));
    }

    /// The content shows that the flow runs the other way round: `side` (as it is called now) is the server. Say it before
    /// anything else of the message; the sides change with the next message.
    pub fn server_is(&mut self, side: Side) {
        self.learned.swap = side == Side::Client;
    }

    /// What both ends say behind this message is a stream of its own, between `asker` and `host`, to which the other end
    /// passes it on: it is recognised and read as a conversation by itself.
    pub(crate) fn hand_over(&mut self, asker: Side, host: impl Into<String>, port: u16) {
        let host = host.into();
        let way = Way::Passed { host, port };
        self.learned.handover = Some(Box::new(Handover { asker, way }));
    }

    /// Like [`Cx::hand_over`], where the other side came: that address and port connected to port `to`, at which the other end
    /// waited for it on behalf of `asker`.
    pub(crate) fn hand_in(&mut self, asker: Side, (from, port): (IpAddr, u16), to: u16) {
        let way = Way::Came { from, port, to };
        self.learned.handover = Some(Box::new(Handover { asker, way }));
    }

    /// The messages behind this one are frames around another stream, which `asker` began: the dialogue reads them on and
    /// says with [`Cx::pass`] what they hold of it. `told` says so to people; `agreed` is the protocol that the ends agreed
    /// on, for what no decoder recognises.
    pub(crate) fn frame_in(&mut self, asker: Side, told: String, agreed: Option<&'static Decoder>) {
        let way = Way::Framed { told, agreed };
        self.learned.handover = Some(Box::new(Handover { asker, way }));
    }

    /// What this message holds of the stream inside, or what is missing of that.
    pub(crate) fn pass(&mut self, passed: Passed) {
        self.passed = Some(passed);
    }

    /// What was seen and had no room: the report shows it.
    pub(crate) fn leave_out(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.picture.left_out.entry(what).or_default() += count;
        }
    }
}

impl Picture {
    pub(crate) fn claim(
        &mut self,
        mac: Mac,
        ip: IpAddr,
        vlan: Option<u16>,
        at: At,
        frames: &[u32],
    ) {
        if !mac.is_device() || ip.is_unspecified() {
            return;
        }
        let key = AddressKey {
            mac: Some(mac),
            ip: Some(ip),
            vlan,
        };
        let Picture {
            addresses,
            left_out,
            limits,
            ..
        } = self;
        if let Some(row) = addresses.row(key, "addresses", limits.addresses, left_out) {
            row.claimed = true;
            row.tally.count_one(at.now, at.capture, frames);
        }
    }

    pub(crate) fn route(&mut self, key: RouteKey, at: At, frames: &[u32]) {
        let Picture {
            routes,
            left_out,
            limits,
            ..
        } = self;
        if let Some(row) = picture::row(routes, key, "routes", limits.routes, left_out) {
            row.count_one(at.now, at.capture, frames);
        }
    }
}
