//! Writes a control-traffic capture for benches: `cargo run --release -p lab --example load -- FILE [PACKETS] [VIDEO_PERCENT]`.
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use lab::load::{Load, write};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: load FILE [PACKETS] [VIDEO_PERCENT]");
        return ExitCode::from(2);
    };
    let mut load = Load::default();
    if let Some(packets) = arguments.next().and_then(|text| text.parse().ok()) {
        load.packets = packets;
    }
    if let Some(percent) = arguments.next().and_then(|text| text.parse().ok()) {
        load.video_percent = percent;
    }
    let written = File::create(&path).and_then(|file| -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write(load, &mut out)?;
        out.flush()
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {path}: {error}");
            ExitCode::FAILURE
        }
    }
}
