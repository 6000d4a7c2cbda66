//! sFlow version 5: an agent's samples of packets, and its counters.
use super::{Told, address, of_packet, report};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};
use facts::Grade;

pub(crate) static DECODER: Decoder = Decoder {
    name: "sflow",
    title: "sFlow",
    carriers: &[Carrier::Udp(6343)],
    probe,
    open: || Box::new(Sflow::default()),
    remote: false,
    operations: &[],
    about: "Agents by their own address, sub-agent, sampling and start; senders of what they sampled count as coverage where no frame of them was seen.",
    spec: "sFlow version 5",
    blind: "counters, what samples tell besides addresses, versions before 5",
};

/// Version 5, the agent's address, sub-agent, sequence, uptime, samples, and the first sample with its length.
fn probe(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (version, family) = (r.u32().ok()?, r.u32().ok()?);
        r.skip(match family {
            1 => 4,
            2 => 16,
            _ => return None,
        })
        .ok()?;
        r.skip(12).ok()?;
        let (samples, _, length) = (r.u32().ok()?, r.u32().ok()?, r.u32().ok()?);
        let sane = version == 5 && (1..64).contains(&samples) && length as usize <= r.left();
        (sane && head.udp).then_some(Sender::Client)
    };
    match read() {
        Some(sender) => Probe::Ours(sender),
        None => Probe::NotOurs,
    }
}

#[derive(Default)]
struct Sflow {
    told: Told,
}

impl Dialogue for Sflow {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if side == Side::Server {
            return Step::Done;
        }
        cx.asks_nothing();
        match self.datagram(cx, &mut Reader::new(bytes)) {
            Ok(()) => Step::Took(bytes.len()),
            Err(Malformed::Short) => Step::Bad("samples end early"),
            Err(Malformed::Bad(what)) => Step::Bad(what),
        }
    }
}

/// Lengths are of whole words.
fn length(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
    r.check(length % 4 == 0, "length")?;
    Ok(length)
}

impl Sflow {
    fn datagram(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let version = r.u32()?;
        r.check(version == 5, "version")?;
        let family = r.u32()?;
        let agent = match family {
            1 => address(r.bytes(4)?),
            2 => address(r.bytes(16)?),
            _ => return Err(Malformed::Bad("address of the agent")),
        };
        let (sub, _sequence, uptime) = (r.u32()?, r.u32()?, r.u32()?);
        if let Some(agent) = agent {
            self.told.source(cx, u64::from(sub), || {
                format!("exports sFlow 5, agent {agent}, sub-agent {sub}")
            });
            // It may be another address of the device than the one that sends.
            let own = cx.flow.client.address.ip() == Some(agent);
            if self.told.sources.last() == Some(&u64::from(sub)) && !own {
                cx.identity_of(None, Some(agent), "role", "flow exporter", Grade::Stated);
            }
        }
        self.told.up(cx, uptime, None);
        for _ in 0..r.u32()? {
            let kind = r.u32()?;
            let length = length(r)?;
            let mut sample = r.sub(length)?;
            // Samples of packets, and the same with wider numbers of interfaces; the rest are counters.
            let wide = match kind {
                1 => 0,
                3 => 4,
                _ => continue,
            };
            // Sequence, source; sampling; pool, drops, interfaces in and out.
            sample.skip(4 + 4 + wide)?;
            self.told.sampling(cx, u64::from(sample.u32()?));
            sample.skip(4 + 4 + (4 + wide) * 2)?;
            for _ in 0..sample.u32()? {
                record(cx, &mut sample)?;
            }
        }
        Ok(())
    }
}

/// A record of a sample: the head of the packet, or its addresses.
fn record(cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
    let kind = r.u32()?;
    let length = length(r)?;
    let mut data = r.sub(length)?;
    let sender = match kind {
        1 => {
            let protocol = data.u32()?;
            data.skip(4 + 4)?;
            let length = usize::try_from(data.u32()?).unwrap_or(usize::MAX);
            let mut packet = data.sub(length)?;
            match protocol {
                1 => ethernet(&mut packet),
                11 | 12 => of_packet(&mut packet),
                _ => return Ok(()),
            }
        }
        3 | 4 => {
            data.skip(4 + 4)?;
            let length = if kind == 3 { 4 } else { 16 };
            Ok(address(data.bytes(length)?))
        }
        _ => return Ok(()),
    };
    // What was sampled may be anything, and cut off anywhere.
    if let Ok(sender) = sender {
        report(cx, sender);
    }
    Ok(())
}

/// The packet in a frame, behind its tags.
fn ethernet(r: &mut Reader<'_>) -> Result<Option<std::net::IpAddr>, Malformed> {
    r.skip(12)?;
    for _ in 0..4 {
        match r.u16()? {
            0x8100 | 0x88a8 | 0x9100 => r.skip(2)?,
            0x0800 | 0x86dd => return of_packet(r),
            _ => break,
        }
    }
    Err(Malformed::Bad("EtherType"))
}
