//! What goes wrong around a sensor that is to go on: interfaces that are not there, sites that ask for what cannot be had,
//! disks that are full, clocks, captures that grow.
use std::fs;

use lab::harborview;

use crate::load::{capture, write_of};
use crate::rig::{
    Cable, Disk, Sensor, answered, arriving, events, now, offline, remembered, rows, run, state,
    terminal, until,
};
use crate::support::{seawall, text};

/// Whether an event of that kind tells of that.
fn told(site: &std::path::Path, event: &str, of: &str) -> bool {
    events(site)
        .iter()
        .any(|one| one["event"] == event && text(&one["detail"]).contains(of))
}

#[test]
fn an_interface_that_is_not_there_yet_is_waited_for_and_the_others_are_watched_meanwhile() {
    let Some(cable) = Cable::new("absent") else {
        return;
    };
    let (site, capture) = terminal(
        &harborview::bad_day(),
        "absent",
        "workers = 2\nsave_every = \"1 s\"",
    );
    let path = site.join("site.toml");
    let declared = fs::read_to_string(&path).unwrap();
    let second = declared.replacen(
        "captures = [\"core",
        "interface = \"span1\"\ncaptures = [\"core",
        1,
    );
    assert_ne!(second, declared, "the sample terminal has a second sensor");
    fs::write(&path, second).unwrap();
    let check = seawall(["run".as_ref(), site.as_os_str(), "--check".as_ref()]);
    assert!(
        check.status != 0 && check.err.contains("span0"),
        "{}",
        check.err
    );

    let sensor = Sensor::start(&cable, &site);
    until("the one that is not there is told", || {
        told(&site, "interface-down", "span1 is not there yet")
    });
    cable.play(&capture, 8);
    until("the other one is read meanwhile", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
    });
    // Not captured is coverage: what the sensor should see is unproven.
    until("its silence is coverage", || {
        let rows = remembered(&site, "coverage");
        let mut silences = rows.iter().filter(|row| row.contains("\"silence\""));
        silences.any(|row| row.contains("\"core"))
    });

    let here = &cable.0;
    assert!(run(&format!(
        "ip -n {here} link add src1 mtu 9000 type veth peer name span1 mtu 9000"
    )));
    for end in ["src1", "span1"] {
        assert!(run(&format!(
            "ip -n {here} link set dev {end} arp off addrgenmode none up"
        )));
    }
    until("it is taken up when it comes", || {
        told(&site, "interface-up", "span1 is up")
    });
    let core = capture.with_file_name("core.pcap");
    let core = fs::read_dir(capture.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("core")
        })
        .unwrap_or(core);
    let before = offline(&site, "conversation").len();
    cable.play_at("src1", &core, 8);
    until("what it sees is remembered", || {
        offline(&site, "conversation").len() > before
    });
    // What two workers share is told once, and a worker is one, however many interfaces it listens on.
    until("both are counted", || {
        let metrics = fs::read_to_string(state(&site).join("seawall.prom")).unwrap_or_default();
        metrics.contains("seawall_interface_up{sensor=\"core-span\",interface=\"span1\"} 1")
    });
    let metrics = fs::read_to_string(state(&site).join("seawall.prom")).unwrap();
    let workers = metrics
        .lines()
        .filter(|line| line.starts_with("seawall_worker_flows{"));
    assert_eq!(workers.count(), 2);
    let all = events(&site);
    let mut told: Vec<String> = all
        .iter()
        .filter(|one| text(&one["event"]).starts_with("interface-"))
        .map(|one| text(&one["detail"]))
        .collect();
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "{told:?}");
    sensor.stop();
    assert_eq!(cable.sent_by_sensor(), 0, "a sensor never sends");
    // Two interfaces and two workers see what one offline run over the same packets sees.
    let live = answered(remembered(&site, "operation"));
    let offline = answered(offline(&site, "operation"));
    let differ: Vec<_> = live.symmetric_difference(&offline).take(4).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
fn an_interface_that_is_given_another_name_is_read_on_and_that_is_told() {
    let Some(cable) = Cable::new("renamed") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "renamed", "save_every = \"1 s\"");
    let sensor = Sensor::start(&cable, &site);
    let here = &cable.0;
    for change in ["down", "name cable7", "up"] {
        let name = if change == "up" { "cable7" } else { "span0" };
        assert!(run(&format!("ip -n {here} link set dev {name} {change}")));
        std::thread::sleep(std::time::Duration::from_millis(700));
    }
    until("it is told", || {
        told(&site, "interface-up", "is not called span0 any more")
    });
    cable.play(&capture, 8);
    until("it is read on", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
    });
    sensor.stop();
}

#[test]
fn a_site_that_asks_for_what_cannot_be_opened_is_refused_and_the_old_one_goes_on() {
    let Some(cable) = Cable::new("reload") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "reload", "save_every = \"1 s\"");
    let path = site.join("site.toml");
    let declared = fs::read_to_string(&path).unwrap();
    let sensor = Sensor::start(&cable, &site);
    for (bad, said) in [
        (declared.replace("span0", "span9"), "span9"),
        (
            declared.replace(
                "path = \"events.jsonl\"",
                "path = \"no/such/folder/events.jsonl\"",
            ),
            "no/such/folder",
        ),
    ] {
        assert_ne!(bad, declared);
        fs::write(&path, bad).unwrap();
        sensor.signal("HUP");
        until("it is refused", || told(&site, "site-refused", said));
    }
    fs::write(&path, declared).unwrap();
    cable.play(&capture, 8);
    until("it goes on as before", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
    });
    sensor.stop();
}

#[test]
fn a_capture_that_cannot_be_read_is_tried_again_and_one_that_goes_away_first_is_told_as_lost() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "unread", "save_every = \"1 s\"");
    let locked = |name: &str, bytes: &[u8]| {
        let path = arrive.join(name);
        fs::write(&path, bytes).unwrap();
        let long_ago = now() - std::time::Duration::from_secs(3600);
        fs::File::open(&path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        assert!(run(&format!("chmod 000 {}", path.display())));
        path
    };
    let whole = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    let later = locked(&whole.name, &whole.file());
    let never = locked("crane-span-none.pcap", &whole.file());
    let Some(sensor) = Sensor::begin_bound_by_modes(&site) else {
        return;
    };
    until("it watches", || told(&site, "sensor-started", "arrive"));
    // Long enough that both were looked at.
    std::thread::sleep(std::time::Duration::from_secs(3));
    fs::remove_file(never).unwrap();
    until("the one that is gone is told", || {
        told(&site, "not-watching", "went away before it was read")
    });
    assert!(run(&format!("chmod 644 {}", later.display())));
    until("the other one is read", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
    });
    sensor.stop();
    let coverage = remembered(&site, "coverage");
    let lost = coverage
        .iter()
        .filter(|row| row.contains("\"watching\"") && row.contains("\"lost\""));
    assert_eq!(lost.count(), 1, "{coverage:?}");
}

#[test]
fn a_full_disk_stops_history_and_not_the_judge_and_what_was_seen_meanwhile_is_made_up_for() {
    let Some(cable) = Cable::new("full") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "full", "save_every = \"1 s\"");
    let disk = Disk::new(&state(&site), 2);
    let sensor = Sensor::start(&cable, &site);
    let filler = state(&site).join("filler");
    // As much as there is room for.
    let _ = fs::write(&filler, vec![0; 4 << 20]);
    cable.play(&capture, 8);
    until("that history waits is told", || {
        told(&site, "disk-full", "History cannot be written")
    });
    until("judging goes on", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
    });
    disk.grow(64);
    fs::remove_file(&filler).unwrap();
    until("that history is written again is told", || {
        told(&site, "disk-works", "History is written again")
    });
    sensor.stop();
    // The packets of that time were not kept; what they showed is.
    let whole = rows(&[&capture], "operation").len();
    assert_eq!(remembered(&site, "operation").len(), whole);
}

#[test]
fn one_that_nobody_hears_goes_on_and_tells_of_a_folder_that_went_away_and_came_back() {
    is_told_all_the_same("unheard", |site| (Sensor::begin_unheard(site), None));
    // A pipe that is full is worse: who writes to it waits.
    is_told_all_the_same("pipe-full", |site| {
        let (sensor, reader) = Sensor::begin_unread(site);
        (sensor, Some(reader))
    });
}

fn is_told_all_the_same(
    name: &str,
    begin: impl Fn(&std::path::Path) -> (Sensor, Option<std::io::PipeReader>),
) {
    let scenario = harborview::bad_day();
    let journal = "[[output]]\nname = \"journal\"\nto = \"journal\"";
    let (site, arrive) = arriving(&scenario, name, journal);
    let (sensor, _reader) = begin(&site);
    until("it watches", || told(&site, "sensor-started", "arrive"));
    let away = site.join("away");
    fs::rename(&arrive, &away).unwrap();
    until("that it is gone is told", || {
        told(&site, "not-watching", "cannot list")
    });
    let capture = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    put(&away.join(&capture.name), &capture.file(), 1);
    fs::rename(&away, &arrive).unwrap();
    until("that it is back is told", || {
        told(&site, "watching", "can be looked at again")
    });
    until("what came meanwhile is read", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
    });
    sensor.stop();
}

#[test]
fn a_capture_that_grows_is_read_on_from_where_it_ended() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "grows", "");
    let whole = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    let (name, bytes) = (arrive.join(&whole.name), whole.file());
    // As old as a file that nobody writes to any more; cut in the middle of a frame.
    let put = |bytes: &[u8], hours: u64| {
        let growing = arrive.join(".growing");
        fs::write(&growing, bytes).unwrap();
        let time = now() - std::time::Duration::from_secs(3600 * hours);
        fs::File::open(&growing)
            .unwrap()
            .set_modified(time)
            .unwrap();
        fs::rename(&growing, &name).unwrap();
    };
    put(&bytes[..bytes.len() / 2 + 7], 2);
    let sensor = Sensor::begin(&site);
    // The state folder comes with the first save.
    let saved = || {
        fs::read_dir(state(&site).join("history")).is_ok_and(|mut days| days.any(|day| day.is_ok()))
    };
    until("its first half is remembered", || {
        saved() && !remembered(&site, "operation").is_empty()
    });
    let half = remembered(&site, "operation").len();
    put(&bytes, 1);
    until("its second half is remembered", || {
        remembered(&site, "operation").len() > half
    });
    sensor.stop();
    let at_once = site.join(&whole.name);
    fs::write(&at_once, &bytes).unwrap();
    for kind in ["operation", "conversation", "name", "remote-session"] {
        // Whether what waits for its answer will get one is not known before the end.
        let live = answered(remembered(&site, kind));
        let offline = answered(rows(&[&at_once], kind));
        let differ: Vec<_> = live.symmetric_difference(&offline).take(4).collect();
        assert!(differ.is_empty(), "{kind}: {differ:#?}");
    }
}

#[test]
fn when_other_workers_take_over_each_packet_is_read_once() {
    let Some(cable) = Cable::new("over") else {
        return;
    };
    let (site, _) = terminal(&harborview::clean_day(), "over", "save_every = \"1 s\"");
    let path = site.join("site.toml");
    let one = fs::read_to_string(&path).unwrap();
    let two = one.replace("[run]", "[run]\nworkers = 2");
    let (load, writes) = (site.join("load.pcap"), 30_000u16);
    capture(&load, (0..writes).flat_map(write_of));
    let sensor = Sensor::start(&cable, &site);
    std::thread::scope(|scope| {
        // Half a minute of it, for a machine that is busy with other tests.
        let player = scope.spawn(|| cable.play(&load, 1));
        let mut changes = 0;
        for text in [&two, &one].into_iter().cycle() {
            std::thread::sleep(std::time::Duration::from_millis(900));
            let before = events(&site).len();
            fs::write(&path, text).unwrap();
            sensor.signal("HUP");
            until("it is taken", || {
                let events = events(&site);
                let mut new = events.iter().skip(before);
                new.any(|event| event["event"] == "site-reloaded")
            });
            if player.is_finished() {
                break;
            }
            changes += 1;
        }
        assert!(changes > 0, "while it played");
    });
    sensor.stop();
    let rows = remembered(&site, "operation");
    let rows = rows
        .iter()
        .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    let writes_told: Vec<_> = rows.filter(|row| row["operation"] == "write").collect();
    let often = writes_told.iter().filter(|row| row["count"] != 1).count();
    // The two moments of taking a packet differ by less than a microsecond.
    assert!(often <= 1, "{often} were read twice");
    let lack = usize::from(writes) - writes_told.len();
    assert!(lack <= 1, "{lack} lack");
}

/// Some of the frames of a capture.
fn part(whole: &lab::Capture, from: usize, until: usize) -> lab::Capture {
    lab::Capture {
        frames: whole.frames[from..until].to_vec(),
        ..whole.clone()
    }
}

/// A file that was put there at once, and changed so many hours ago.
fn put(path: &std::path::Path, bytes: &[u8], hours: u64) {
    let coming = path.with_file_name(".coming");
    fs::write(&coming, bytes).unwrap();
    let time = now() - std::time::Duration::from_secs(3600 * hours);
    fs::File::open(&coming).unwrap().set_modified(time).unwrap();
    fs::rename(&coming, path).unwrap();
}

/// Waits until so many frames are read and saved.
fn read(site: &std::path::Path, frames: usize) {
    let sum = || {
        let rows = remembered(site, "coverage").into_iter();
        let rows = rows.map(|row| serde_json::from_str::<serde_json::Value>(&row).unwrap());
        let once = rows.filter(|row| row["what"] == "once");
        once.map(|row| row["total"].as_u64().unwrap()).sum::<u64>()
    };
    let there = || fs::read_dir(state(site).join("history")).is_ok_and(|days| days.count() > 1);
    until("all of it is read", || there() && sum() >= frames as u64);
}

#[test]
fn a_capture_that_comes_after_later_ones_is_read_as_if_it_had_come_first() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "late", "");
    let whole = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    let (all, third) = (whole.frames.len(), whole.frames.len() / 3);
    let late = part(whole, third, 2 * third).file();
    let sensor = Sensor::begin(&site);
    put(
        &arrive.join("crane-span-1.pcap"),
        &part(whole, 0, third).file(),
        6,
    );
    read(&site, third);
    put(
        &arrive.join("crane-span-3.pcap"),
        &part(whole, 2 * third, all).file(),
        4,
    );
    read(&site, all - third);
    put(&arrive.join("crane-span-2.pcap"), &late, 5);
    read(&site, all);
    sensor.stop();
    let alone = site.join("alone.pcap");
    fs::write(&alone, late).unwrap();
    let what = |rows: std::collections::BTreeSet<String>| -> std::collections::BTreeSet<String> {
        let what = |row: String| {
            let row: serde_json::Value = serde_json::from_str(&row).unwrap();
            let of = ["source", "target", "operation", "object"];
            of.map(|column| text(&row[column])).join(" ")
        };
        answered(rows).into_iter().map(what).collect()
    };
    let live = what(remembered(&site, "operation"));
    let lacking: Vec<_> = what(rows(&[&alone], "operation"))
        .difference(&live)
        .cloned()
        .collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
}

/// Rows without the capture that they cite, of what was answered.
fn bare(rows: std::collections::BTreeSet<String>) -> Vec<String> {
    let bare = |row: String| {
        let mut row: serde_json::Value = serde_json::from_str(&row).unwrap();
        row.as_object_mut().unwrap().remove("capture");
        row.to_string()
    };
    let mut rows: Vec<String> = answered(rows).into_iter().map(bare).collect();
    rows.sort();
    rows
}

#[test]
fn a_recorder_that_uses_names_again_or_gives_others_is_read_once_and_whole() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "names-again", "");
    let whole = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    let third = whole.frames.len() / 3;
    let part = |from: usize, until: usize| part(whole, from, until);
    let put = |name: &str, capture: &lab::Capture, hours: u64| {
        put(&arrive.join(name), &capture.file(), hours);
    };
    let read = |frames: usize| read(&site, frames);
    put("crane-span.pcap", &part(0, third), 6);
    let sensor = Sensor::begin(&site);
    read(third);
    // As many frames of another time by the same name.
    put("crane-span.pcap", &part(third, 2 * third), 5);
    read(2 * third);
    // It was not finished, and is called otherwise when it is; the name is taken again at once.
    put("crane-span-1.pcap", &part(third, 2 * third + 9), 4);
    put(
        "crane-span.pcap",
        &part(2 * third + 9, whole.frames.len()),
        3,
    );
    read(whole.frames.len());
    sensor.stop();
    // And the next run knows it too.
    let sensor = Sensor::begin(&site);
    std::thread::sleep(std::time::Duration::from_secs(3));
    sensor.stop();
    let at_once = site.join("at-once.pcap");
    fs::write(&at_once, whole.file()).unwrap();
    for kind in ["operation", "conversation", "name", "remote-session"] {
        let (live, offline) = (bare(remembered(&site, kind)), bare(rows(&[&at_once], kind)));
        assert_eq!(live.len(), offline.len(), "{kind}");
        let differ = live
            .iter()
            .zip(&offline)
            .find(|(live, offline)| live != offline);
        assert_eq!(differ, None, "{kind}");
    }
}

#[test]
fn captures_that_grow_are_rotated_and_packed_all_the_time_are_each_read_once() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "rotated", "save_every = \"1 s\"");
    let whole = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    let (all, parts) = (whole.frames.len(), 12);
    let at = |nth: usize| all * nth / parts;
    let sensor = Sensor::begin(&site);
    let at_once = site.join("at-once");
    fs::create_dir_all(&at_once).unwrap();
    for nth in 0..parts {
        let name = format!("crane-span-{nth:02}.pcap");
        let (path, hours) = (arrive.join(&name), 30 - nth as u64);
        let bytes = part(whole, at(nth), at(nth + 1)).file();
        fs::write(at_once.join(&name), &bytes).unwrap();
        let pack = || assert!(run(&format!("gzip {}", path.display())));
        match nth % 4 {
            // Grows, in the middle of a frame.
            0 => {
                put(&path, &bytes[..bytes.len() / 3], hours);
                std::thread::sleep(std::time::Duration::from_millis(700));
                put(&path, &bytes[..bytes.len() / 2], hours);
                std::thread::sleep(std::time::Duration::from_millis(700));
                put(&path, &bytes, hours);
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
            // Packed once it was read, perhaps.
            1 => {
                put(&path, &bytes, hours);
                std::thread::sleep(std::time::Duration::from_millis(2_500));
                pack();
            }
            // Comes packed.
            2 => {
                let packed = at_once.join(".packed.gz");
                let copy = at_once.join(".packed");
                fs::write(&copy, &bytes).unwrap();
                assert!(run(&format!("gzip -f {}", copy.display())));
                put(
                    &path.with_extension("pcap.gz"),
                    &fs::read(&packed).unwrap(),
                    hours,
                );
                fs::remove_file(packed).unwrap();
            }
            _ => put(&path, &bytes, hours),
        }
    }
    read(&site, all);
    // Nothing of it comes once more.
    std::thread::sleep(std::time::Duration::from_secs(4));
    sensor.stop();
    for kind in ["operation", "conversation", "name", "remote-session"] {
        let live = bare(remembered(&site, kind));
        let offline = bare(rows(&[&at_once], kind));
        let differ = live
            .iter()
            .zip(&offline)
            .find(|(live, offline)| live != offline);
        assert_eq!(differ, None, "{kind}");
        assert_eq!(live.len(), offline.len(), "{kind}");
    }
}
