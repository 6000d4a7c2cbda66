//! Folding: what was witnessed is judged against the site and the lists, once, in Rust, so that pages only filter and join.
//!
//! Every column whose doc begins with "Judged:" is filled here, asset rows are built, and coverage is worked out per
//! capture, sensor and zone. Pure: the same facts in any order give the same rows.
//!
//! In order: `own` tells own addresses from carried ones; `devices` groups the own ones; `ends` answers who is behind an
//! address; `conversations`, in `shares`, `operations`, `files` and `others` fill their kinds; `unordered` says
//! what went on without the work order that it had; `roles` and `makers` conclude what `assets`
//! writes; `witness` puts what a witness says of itself into sentences; `signs` tells what only many names together give
//! away; `coverage` says what could not be seen, `nameless` what nobody recognised, `unheard` who was only spoken to, `tags` which VLANs are,
//! `reported` of whom others tell and no frame was captured.
mod assets;
mod conversations;
mod coverage;
mod devices;
mod ends;
mod files;
mod makers;
mod nameless;
mod operations;
mod others;
mod own;
mod places;
mod ports;
mod reported;
mod roles;
mod shares;
mod signs;
mod silences;
mod tags;
#[cfg(test)]
mod tests;
mod unheard;
mod unordered;
mod witness;

pub(crate) use self::conversations::UNCLEAR;
use facts::Facts;
use facts::lists::Lists;
use facts::site::Site;

use self::devices::Devices;
use self::ends::Ends;
use self::places::Places;

/// Fills every judged column of `facts`, and builds its assets and its coverage. `lists` are those of the site
/// ([`Lists::with_site`]).
pub fn fold(facts: &mut Facts, site: &Site, lists: &Lists) {
    coverage::name_sensors(&mut facts.files, site);
    let mut places = Places::new(site);
    places.watch(&facts.files);
    let own = own::judge(&facts.addresses, &places);
    let ports = ports::of(&facts.identities);
    let devices = Devices::gather(&facts.addresses, &own, &ports, &places);
    others::addresses(&mut facts.addresses, &own, &devices, &places);
    let mut ends = Ends::new(
        &places,
        &devices,
        others::zones_by_link(&facts.addresses, &own, &places),
    );
    others::names(&mut facts.names, &mut ends, lists);
    let sensors = coverage::Sensors::of(facts);
    let told = shares::judge(facts, &ends, &sensors);
    let carriers = told.picked.carriers(&facts.conversations);
    operations::fill(&mut facts.operations, carriers, &ends);
    let carriers = || told.picked.carriers(&facts.conversations);
    others::bytes_of_names(&mut facts.names, carriers());
    files::fill(
        &mut facts.carried_files,
        &facts.conversations,
        carriers(),
        &mut ends,
    );
    others::remote_sessions(&mut facts.remote_sessions, carriers(), &mut ends);
    unordered::fill(facts, &told.picked, &mut ends);
    others::credentials(&mut facts.credentials, &mut ends);
    others::certificates(&mut facts.certificates, &mut ends);
    others::identities(&mut facts.identities, &mut ends);
    signs::ways_out(facts);
    others::routes(&mut facts.routes, &mut ends);
    signs::tell(facts);
    let deeds = roles::deeds(facts, &devices, told.deeds);
    facts.assets = assets::build(
        &facts.addresses,
        &facts.identities,
        &devices,
        &deeds,
        &places,
        lists,
    );
    coverage::build(
        facts,
        &own,
        &places,
        &sensors,
        told.counts,
        &told.tags,
        &told.picked,
    );
}
