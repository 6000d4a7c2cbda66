//! How long it takes from the packet that stops a controller to the event that says so, beside a ledger of years.
//!
//! Not part of the everyday run, since it says something of a quiet machine and an optimised build alone:
//! `SEAWALL_LEDGER=FOLDER cargo test --release -p seawall --test live -- --ignored --nocapture from_the_packet`. A ledger of a
//! million records is what `a_million_records_of_five_years_are_judged_in_seconds` of `crates/judge/tests/load` leaves. With
//! `SEAWALL_CONVERSATIONS=300000` the tables are filled before.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use lab::harborview;

use crate::load::{PLC, capture, segment};
use crate::rig::{Cable, PATIENCE, Sensor, now, run, state, terminal, until};

/// S7comm: an engineering station has the controller stop (function 0x29), and the controller does.
const STOP: &[u8] =
    b"\x03\0\0\x21\x02\xf0\x80\x32\x01\0\0\0\x02\0\x10\0\0\x29\0\0\0\0\0\x09P_PROGRAM";
const STOPPED: &[u8] = b"\x03\0\0\x14\x02\xf0\x80\x32\x03\0\0\0\x02\0\x01\0\0\0\0\x29";
/// Sources that stop it, one after the other.
const SHOTS: u8 = 40;

#[test]
#[ignore = "a measurement"]
fn from_the_packet_to_the_event() {
    let Some(cable) = Cable::new("promise") else {
        return;
    };
    let (site, _) = terminal(&harborview::bad_day(), "promise", "save_every = \"1 s\"");
    if let Some(ledger) = std::env::var_os("SEAWALL_LEDGER") {
        assert!(run(&format!(
            "cp -r {} {}",
            Path::new(&ledger).display(),
            site.join("ledger").display()
        )));
    }
    let sensor = Sensor::start(&cable, &site);
    until("it has judged", || {
        state(&site).join("verdicts.json").exists()
    });
    if let Ok(count) = std::env::var("SEAWALL_CONVERSATIONS") {
        let fill = site.join("fill.pcap");
        capture(&fill, conversations(count.parse().unwrap()));
        cable.play(&fill, 20);
        sleep(Duration::from_secs(10));
    }
    let mut told = Told(0);
    let mut took = Vec::new();
    for n in 0..SHOTS {
        let (source, controller) = (([10, 20, 7, 60 + n], 40_000), (PLC, 102));
        let behind = 1_000 + u32::try_from(STOP.len()).unwrap();
        let frames = [
            segment(source, controller, (1_000, 2_000), STOP),
            segment(controller, source, (2_000, behind), STOPPED),
        ];
        let shot = site.join("shot.pcap");
        capture(&shot, frames.into_iter());
        told.since(&site);
        let begun = now();
        cable.play(&shot, 100);
        let name = format!("10.20.7.{}", 60 + n);
        let is_told = |line: &str| line.contains("\"C9\"") && line.contains(&name);
        while !told.since(&site).lines().any(is_told) {
            assert!(begun.elapsed().unwrap() < PATIENCE, "{name} is never told");
            sleep(Duration::from_millis(5));
        }
        took.push(begun.elapsed().unwrap().as_secs_f64());
        // At ever other moments of what the sensor does each second and each minute.
        sleep(Duration::from_millis(1_500 + 37 * u64::from(n)));
    }
    took.sort_by(f64::total_cmp);
    println!(
        "of {SHOTS}: median {:.2} s, at most {:.2} s; {} MB of memory",
        took[took.len() / 2],
        took[took.len() - 1],
        sensor.resident()
    );
    sensor.stop();
}

/// As many conversations of a few hosts, each from a port of its own.
fn conversations(count: u32) -> impl Iterator<Item = Vec<u8>> {
    (0..count).flat_map(|n| {
        let host = |first: u8, of: u32| first + u8::try_from(of).unwrap();
        let port = 1_024 + u16::try_from(n / 40 % 60_000).unwrap();
        let client = ([10, 20, 7, host(100, n % 40)], port);
        let server = ([10, 20, 7, host(150, n / 7 % 60)], 7_777);
        [
            segment(client, server, (1_000, 2_000), b"asked"),
            segment(server, client, (2_000, 1_005), b"answered"),
        ]
    })
}

/// How far the events were read.
struct Told(u64);

impl Told {
    /// What was told since this was last asked, in whole lines.
    fn since(&mut self, site: &Path) -> String {
        let mut text = String::new();
        let mut file = File::open(site.join("events.jsonl")).unwrap();
        file.seek(SeekFrom::Start(self.0)).unwrap();
        file.read_to_string(&mut text).unwrap();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        self.0 += text.len() as u64;
        text
    }
}
