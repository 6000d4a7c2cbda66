//! SoftEther VPN: that a host waits to be reached through the NAT in front of it.
//!
//! The VPN itself looks like HTTPS; where its requests go in the clear, HTTP tells them by their path. What a server says to
//! the traversal service of its makers, every few seconds, is in the clear: who it is, and its address behind the NAT.
//!
//! Spec: the program's published source (Mayaqua `Pack`, Cedar `NAT_T`): a count of elements, each a name, a type, and values
//! with their lengths.
//! Emits: a remote session; host name and product; the address behind the NAT.
//! Blind to: the VPN, direct and through the service; acceleration over UDP, DNS and ICMP, which is encrypted.
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "softether",
    title: "SoftEther VPN (NAT traversal)",
    carriers: &[Carrier::Udp(PORT)],
    probe,
    open: || Box::new(SoftEther),
    remote: true,
    operations: &[],
    about: "Remote sessions: hosts that wait to be reached through NAT, with name, product and address behind it.",
    spec: "Pack and NAT_T of the program's published source",
    blind: "the VPN itself, and its acceleration over UDP",
};

/// `UDP_NAT_T_PORT`.
const PORT: u16 = 5004;
/// Elements of one pack, and values of one element.
const MOST: u32 = 64;

fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    let sender = match head.from {
        PORT => Sender::Server,
        _ => Sender::Client,
    };
    // Whoever sends one octet is told its own address and port.
    let echo = head.from == PORT
        && head.bytes.starts_with(b"IP=")
        && head.bytes.windows(6).any(|part| part == b",PORT=");
    if echo || Pack::read(head.bytes).is_ok_and(|pack| pack.opcode.is_some()) {
        Probe::Ours(sender)
    } else {
        Probe::NotOurs
    }
}

/// What is asked for of a pack.
#[derive(Default)]
struct Pack {
    opcode: Option<String>,
    host: Option<String>,
    product: Option<String>,
    inner: Option<String>,
}

impl Pack {
    fn read(bytes: &[u8]) -> Result<Pack, Malformed> {
        let mut r = Reader::new(bytes);
        let mut pack = Pack::default();
        let count = r.u32()?;
        r.check((1..=MOST).contains(&count), "elements")?;
        for _ in 0..count {
            // The length of a name counts one more than there is.
            let length = r.u32()?.checked_sub(1);
            let length = length.and_then(|length| usize::try_from(length).ok());
            let length = length.filter(|length| (1..64).contains(length));
            let name = r.bytes(length.ok_or(Malformed::Bad("name"))?)?;
            let (kind, values) = (r.u32()?, r.u32()?);
            r.check(values <= MOST, "values")?;
            for _ in 0..values {
                let length = match kind {
                    0 => 4,
                    4 => 8,
                    1..=3 => usize::try_from(r.u32()?).unwrap_or(usize::MAX),
                    _ => return Err(Malformed::Bad("type")),
                };
                let value = r.bytes(length)?;
                let said = || text(value, 96);
                match (kind, name) {
                    (2, b"opcode") => pack.opcode = said(),
                    (2, b"host_name") => pack.host = said(),
                    (2, b"product_str") => pack.product = said(),
                    (2, b"private_ip") => pack.inner = said(),
                    _ => {}
                }
            }
        }
        r.check(r.is_empty(), "length")?;
        Ok(pack)
    }
}

struct SoftEther;

impl Dialogue for SoftEther {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        cx.session(None, None);
        let Ok(pack) = Pack::read(bytes) else {
            // One octet, its echo, or what is encrypted.
            return Step::Took(bytes.len());
        };
        if side == Side::Client {
            if let Some(host) = pack.host {
                cx.identity(side, "hostname", host);
            }
            if let Some(product) = pack.product {
                cx.identity(side, "software", product);
            }
            if let Some(inner) = pack.inner {
                cx.session(None, Some(format!("behind the NAT it is {inner}")));
            }
            match pack.opcode.as_deref() {
                Some("nat_t_register") => {
                    cx.session(None, Some("ready to be reached through NAT".to_owned()));
                }
                Some("nat_t_connect_request") => {
                    cx.session(None, Some("asks to reach another through NAT".to_owned()));
                }
                _ => {}
            }
        }
        Step::Took(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{render, run};

    /// An element with one value of text.
    fn element(name: &str, value: &str) -> Vec<u8> {
        let mut out = (name.len() as u32 + 1).to_be_bytes().to_vec();
        out.extend(name.as_bytes());
        out.extend([0, 0, 0, 2, 0, 0, 0, 1]);
        out.extend((value.len() as u32).to_be_bytes());
        out.extend(value.as_bytes());
        out
    }

    fn pack(elements: &[(&str, &str)]) -> Vec<u8> {
        let mut out = (elements.len() as u32).to_be_bytes().to_vec();
        for (name, value) in elements {
            out.extend(element(name, value));
        }
        out
    }

    #[test]
    fn a_host_that_waits_behind_a_nat_says_who_it_is() {
        let register = pack(&[
            ("host_name", "hmi7"),
            ("opcode", "nat_t_register"),
            ("private_ip", "192.168.3.2"),
            ("product_str", "SoftEther OSS"),
        ]);
        let mut cut = register.clone();
        cut.truncate(40);
        let mut endless = pack(&[("opcode", "nat_t_register")]);
        endless[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        let told = render(&run(
            &DECODER,
            None,
            &[
                (Client, register),
                (Server, b"IP=192.0.2.1,PORT=51381".to_vec()),
                (Client, cut),
                (Client, endless),
            ],
        ));
        for line in [
            "identity 10.0.0.1 hostname=hmi7",
            "identity 10.0.0.1 software=SoftEther OSS",
            "detail=behind the NAT it is 192.168.3.2; ready to be reached through NAT",
        ] {
            assert!(told.contains(line), "{told}");
        }
    }
}
