//! What happens to captures in the world: loss, disorder, doubling, cutting, a tap that hears one direction only.
//!
//! Every frame keeps its number of the undisturbed capture in `origin`.
use crate::net::Dice;
use crate::net::capture::{Captured, Format};
use crate::scenario::Capture;

fn with(capture: &Capture, suffix: &str, frames: Vec<Captured>) -> Capture {
    let (stem, end) = capture
        .name
        .rsplit_once('.')
        .unwrap_or((&capture.name, "pcap"));
    Capture {
        name: format!("{stem}-{suffix}.{end}"),
        format: capture.format,
        frames,
    }
}

/// Loses about `percent` of the frames.
pub fn lossy(capture: &Capture, percent: u64, seed: u64) -> Capture {
    let mut dice = Dice::new(seed);
    let kept = capture
        .frames
        .iter()
        .filter(|_| dice.below(100) >= percent)
        .cloned()
        .collect();
    with(capture, "lossy", kept)
}

/// Swaps about one frame in ten with the one after it, times and all, as parallel paths to a sensor do.
pub fn reordered(capture: &Capture, seed: u64) -> Capture {
    let mut dice = Dice::new(seed);
    let mut frames = capture.frames.clone();
    for pair in frames.chunks_mut(2) {
        if dice.below(5) == 0
            && let [first, second] = pair
        {
            std::mem::swap(first, second);
        }
    }
    with(capture, "reordered", frames)
}

/// Every frame twice, a few microseconds apart, as a SPAN of both directions of a port gives.
pub fn duplicated(capture: &Capture) -> Capture {
    let frames = capture
        .frames
        .iter()
        .flat_map(|frame| {
            let again = Captured {
                at: frame.at.saturating_add(3),
                ..frame.clone()
            };
            [frame.clone(), again]
        })
        .collect();
    with(capture, "duplicated", frames)
}

/// Keeps the first `length` bytes of each frame only.
pub fn snapped(capture: &Capture, length: usize) -> Capture {
    let mut frames = capture.frames.clone();
    for frame in &mut frames {
        frame.bytes.truncate(length);
    }
    with(capture, "snapped", frames)
}

/// Loses what TCP servers sent: a tap on one fibre of the pair.
pub fn one_sided(capture: &Capture) -> Capture {
    let kept = capture
        .frames
        .iter()
        .filter(|frame| frame.from_client != Some(false))
        .cloned()
        .collect();
    with(capture, "one-sided", kept)
}

/// The same frames in the other file format.
pub fn converted(capture: &Capture, format: Format) -> Capture {
    let end = match format {
        Format::Pcap => "pcap",
        Format::PcapNg => "pcapng",
    };
    let stem = capture
        .name
        .rsplit_once('.')
        .map_or(capture.name.as_str(), |(stem, _)| stem);
    Capture {
        name: format!("{stem}.{end}"),
        format,
        frames: capture.frames.clone(),
    }
}

/// The file up to that byte, as a sensor leaves it when its power fails.
pub fn cut(capture: &Capture, at: usize) -> Vec<u8> {
    let mut file = capture.file();
    file.truncate(at);
    file
}
