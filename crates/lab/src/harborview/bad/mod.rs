//! The bad day: what the measures look for, planted one by one into the clean day, each with its truth.
mod board;
mod noise;
mod ways;

use crate::net::{Micros, SECOND};
use crate::scenario::Stage;
use crate::truth::Planted;

use super::BEGIN;

pub(super) fn play(stage: &mut Stage) {
    board::modifications(stage);
    board::homes(stage);
    board::devices(stage);
    ways::remote_access(stage);
    ways::ways_out(stage);
    ways::platforms(stage);
    noise::unneeded(stage);
    noise::probes(stage);
    noise::crossings(stage);
}

fn planted(
    id: &'static str,
    measure: &'static str,
    also: &[&'static str],
    assets: &[&str],
    what: &'static str,
) -> Planted {
    Planted {
        id,
        measure,
        also: also.to_vec(),
        assets: assets.iter().map(|asset| (*asset).to_owned()).collect(),
        what,
        ..Planted::default()
    }
}

fn at(seconds: i64) -> Micros {
    BEGIN + seconds * SECOND
}

#[test]
fn every_planted_item_has_a_name_of_its_own() {
    let mut stage = crate::harborview::stage();
    play(&mut stage);
    let scenario = stage.finish(
        "bad day alone",
        crate::harborview::SITE,
        crate::harborview::TAPS,
    );
    let mut ids: Vec<&str> = scenario.planted.iter().map(|item| item.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), scenario.planted.len());
}
