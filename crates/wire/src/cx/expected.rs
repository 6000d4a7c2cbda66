//! Channels that a protocol announces: the flow that opens one is known before its first byte.
use std::net::IpAddr;

use facts::Time;
use hashbrown::HashMap;

use super::Cx;
use crate::decoder::{Decoder, Dialogue};

/// A channel that a protocol announced: who may open it, and as what.
pub(crate) struct Expected {
    pub decoder: Option<&'static Decoder>,
    /// A dialogue that knows what the channel is for, taken by the first flow that opens it.
    pub dialogue: Option<Box<dyn Dialogue>>,
    pub name: &'static str,
    pub parent: &'static str,
    pub until: Time,
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expected({} of {})", self.name, self.parent)
    }
}

/// Announced channels by the address and port that will be one end of them, and by the other end's address where only
/// that one may open it.
pub(crate) type Expectations = HashMap<(IpAddr, u16, bool, Option<IpAddr>), Expected>;

impl Cx<'_> {
    /// A channel that will be opened with `ip` and `port` as one of its ends within two minutes: as `decoder`'s protocol
    /// if there is one, else under `name`. It is covered by whatever allows this protocol.
    pub fn expect(
        &mut self,
        ip: IpAddr,
        port: u16,
        udp: bool,
        name: &'static str,
        decoder: Option<&'static Decoder>,
    ) {
        self.put_expected((ip, port, udp, None), name, decoder, None);
    }

    /// Like [`Cx::expect`] for a channel of this same protocol between these same hosts, with a dialogue that knows
    /// already what it is for.
    pub fn expect_dialogue(
        &mut self,
        ip: IpAddr,
        port: u16,
        udp: bool,
        dialogue: Box<dyn Dialogue>,
    ) {
        let decoder = self.decoder;
        let key = (ip, port, udp, self.peer_of(ip));
        self.put_expected(key, decoder.name, Some(decoder), Some(dialogue));
    }

    /// Like [`Cx::expect_dialogue`], for a channel of another decoder.
    pub fn expect_as(
        &mut self,
        ip: IpAddr,
        port: u16,
        decoder: &'static Decoder,
        dialogue: Box<dyn Dialogue>,
    ) {
        let key = (ip, port, false, self.peer_of(ip));
        self.put_expected(key, decoder.name, Some(decoder), Some(dialogue));
    }

    /// The other end of this flow, which alone may open such a channel.
    fn peer_of(&self, ip: IpAddr) -> Option<IpAddr> {
        let ends = [self.flow.client, self.flow.server];
        let mut addresses = ends.iter().filter_map(|end| end.address.ip());
        addresses.find(|other| *other != ip)
    }

    fn put_expected(
        &mut self,
        key: (IpAddr, u16, bool, Option<IpAddr>),
        name: &'static str,
        decoder: Option<&'static Decoder>,
        dialogue: Option<Box<dyn Dialogue>>,
    ) {
        if self.expected.len() >= self.picture.limits.expected {
            let now = self.at.now;
            self.expected.retain(|_, expected| expected.until > now);
            if self.expected.len() >= self.picture.limits.expected {
                *self
                    .picture
                    .left_out
                    .entry("expected channels")
                    .or_default() += 1;
                return;
            }
        }
        let until = self.at.now.plus_secs(120);
        self.expected.insert(
            key,
            Expected {
                decoder,
                dialogue,
                name,
                parent: self.decoder.name,
                until,
            },
        );
    }
}
