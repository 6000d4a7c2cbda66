//! The load of a whole site: what controllers say in its midst, and by bytes mostly what is of no interest: pictures of
//! cameras, updates over HTTP, backups over FTP and SMB.
use std::io::{self, Write};
use std::net::Ipv4Addr;

use super::{Load, Pen, flows};
use crate::net::bytes::Dice;
use crate::net::capture::pcap_header;
use crate::net::frame::Tag;
use crate::net::{Host, MILLI, Micros, Network};
use crate::speech::{ftp, http, rtsp, smb};

/// Out of a hundred bytes, how many are bulk.
const BULK_PERCENT: usize = 60;

/// Bytes of one transfer of each kind in a round; cameras send as much together.
const TRANSFER: usize = 600_000;
const PICTURE: usize = 1_380;
const CAMERAS: u8 = 4;

fn host(last: u8) -> Host {
    Host {
        name: "bulk",
        mac: [0x00, 0x1b, 0x0d, 9, 0, last],
        ip: Ipv4Addr::new(10, 99, 0, last),
        vlan: 99,
        ttl: 64,
    }
}

/// One round of bulk: every kind of transfer once, and every camera for as long.
fn bulk(round: u8, dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut net = Network::new([0x00, 0x1b, 0x0d, 9, 0, 1], dice.roll());
    let content = dice.bytes(TRANSFER);
    let page: String = content
        .iter()
        .map(|byte| char::from(b' ' + byte % 90))
        .collect();
    let other = |first: u8| host(first.wrapping_add(round % 40));
    let mut cameras: Vec<rtsp::Stream> = (0..CAMERAS)
        .map(|nth| {
            rtsp::play(
                &mut net,
                0,
                other(10),
                host(200u8.saturating_add(nth)),
                "lab",
            )
        })
        .collect();
    let begin: Micros = 100 * MILLI;
    let request = http::Request {
        method: "GET",
        path: "/update.bin",
        host: "update.example",
        headers: "",
        body: "",
    };
    http::once(
        &mut net,
        begin,
        other(50),
        host(2),
        80,
        request,
        ("text/plain", &page),
    );
    let (login, file) = (("backup", "secret"), ("/backup.zip", content.as_slice()));
    ftp::transfer(
        &mut net,
        begin,
        other(100),
        host(3),
        login,
        round.is_multiple_of(2),
        file,
    );
    smb::fetch(&mut net, begin, other(150), host(4), &content);
    for nth in 0..(TRANSFER / PICTURE / usize::from(CAMERAS)) {
        let at = begin.saturating_add(i64::try_from(nth).unwrap_or(0).saturating_mul(MILLI));
        for camera in &mut cameras {
            camera.picture(&mut net, at, PICTURE);
        }
    }
    let (frames, ..) = net.finish();
    frames.into_iter().map(|frame| frame.bytes).collect()
}

/// Writes a classic pcap file of exactly `load.packets` packets, those of controllers as [`super::write`] makes them.
pub fn write_mixed(load: Load, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&pcap_header())?;
    let mut dice = Dice::new(load.seed);
    let mut flows = flows(load, &mut dice);
    let mut pen = Pen {
        out,
        left: load.packets,
        at: crate::harborview::BEGIN,
    };
    for flow in &mut flows {
        for frame in flow.handshake() {
            pen.put(&frame)?;
        }
    }
    let (mut turn, mut owed) = (0usize, 0usize);
    for round in (0..=u8::MAX).cycle() {
        for frame in bulk(round, &mut dice) {
            pen.put(&frame)?;
            owed = owed.saturating_add(frame.len().saturating_mul(100 - BULK_PERCENT));
            while owed >= BULK_PERCENT * 256 && pen.left > 0 {
                let place = turn.checked_rem(flows.len()).unwrap_or(0);
                let Some(flow) = flows.get_mut(place) else {
                    break;
                };
                turn = turn.wrapping_add(1);
                let tags = [Tag::vlan(flow.vlan)];
                flow.round = flow.round.wrapping_add(1);
                let (question, answer) = flow.messages(&dice.array());
                for (asks, message) in [(true, question), (false, answer)] {
                    let frame = flow.segment(asks, super::PUSHED, &message, &tags);
                    owed = owed.saturating_sub(frame.len().saturating_mul(BULK_PERCENT));
                    pen.put(&frame)?;
                }
            }
        }
        if pen.left == 0 {
            break;
        }
    }
    Ok(())
}
