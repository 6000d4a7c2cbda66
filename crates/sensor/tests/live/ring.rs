//! Interfaces: what is on the wire arrives, once, as it was; what went wrong is told.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use lab::harborview;
use sensor::Captures;
use sensor::live::{Error, Options, State, Tap, open, wait};
use wire::Link::Ethernet;

use crate::net::{Link, frame, run, udp, within};

const WAIT: Duration = Duration::from_millis(150);

fn options(workers: usize) -> Options {
    Options {
        workers,
        ring_bytes: 32 << 20,
        ..Options::new("tap0")
    }
}

fn taps(link: &Link, options: &Options) -> Vec<Tap> {
    within(&link.sensor, || open(options)).unwrap()
}

/// Everything that comes in until nothing more does.
fn drain(tap: &mut Tap) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let mut idle = 0;
    // A busy machine may take a while to carry a frame over.
    while idle < 2 {
        idle = if take(tap, &mut seen) == 0 {
            idle + 1
        } else {
            0
        };
    }
    seen
}

fn take(tap: &mut Tap, seen: &mut Vec<Vec<u8>>) -> usize {
    tap.packets(WAIT, &mut |packet| {
        assert_eq!(packet.wire_len as usize, packet.data.len());
        assert_eq!(packet.link, Ethernet);
        seen.push(packet.data.to_vec());
    })
    .unwrap()
}

/// Sends frames in such portions that the ring holds them, and holds what arrives against them.
fn all_arrive(link: &Link, frames: &[Vec<u8>]) {
    let mut tap = taps(link, &options(1)).remove(0);
    let sender = link.sender();
    for (portion, number) in frames.chunks(2000).zip(0..) {
        portion.iter().for_each(|frame| sender.send(frame));
        let mut seen = Vec::new();
        for _ in 0..100 {
            if seen.len() < portion.len() {
                take(&mut tap, &mut seen);
            }
        }
        let differs = portion
            .iter()
            .zip(&seen)
            .position(|(sent, seen)| sent != seen);
        assert_eq!(
            (differs, seen.len()),
            (None, portion.len()),
            "frames from {} on",
            number * 2000
        );
    }
    assert_eq!(drain(&mut tap).len(), 0, "each arrives once");
    let counts = tap.counts().unwrap();
    assert_eq!((counts.received, counts.dropped), (frames.len() as u64, 0));
    assert_eq!(link.sent_by_sensor(), 0, "the sensor sends nothing");
}

#[test]
fn a_day_of_the_sample_terminal_arrives_byte_for_byte_and_nothing_is_sent() {
    let Some(link) = Link::new() else { return };
    let day = harborview::bad_day();
    let frames: Vec<Vec<u8>> = day
        .captures
        .iter()
        .flat_map(|capture| capture.frames.iter().map(|frame| frame.bytes.clone()))
        .collect();
    assert!(frames.len() > 1000);
    let tagged = frames.iter().filter(|frame| frame[12..14] == [0x81, 0]);
    assert!(tagged.count() > 100, "tagged frames are among them");
    all_arrive(&link, &frames);
}

#[test]
fn real_captures_arrive_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    if !folder.is_dir() {
        return println!("skipped: no captures");
    }
    let Some(link) = Link::new() else { return };
    let captures = Captures::open(&[folder]).unwrap();
    let mut walk = captures.walk();
    let mut frames = Vec::new();
    while let Some(frame) = walk.next() {
        // What the sending end would not take.
        let fits = (60..=9014).contains(&frame.data.len());
        if frame.link == Ethernet && fits && frames.len() < 40_000 {
            frames.push(frame.data.to_vec());
        }
    }
    assert!(frames.len() > 10_000);
    all_arrive(&link, &frames);
}

#[test]
fn a_quiet_interface_does_not_keep_a_busy_one_waiting() {
    let (Some(quiet), Some(busy)) = (Link::new(), Link::new()) else {
        return;
    };
    let mut both = [&quiet, &busy].map(|link| taps(link, &options(1)).remove(0));
    let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let bytes = frame(&[], a, b, &udp(1, 2, &[0; 60]));
    let ready = |tap: &mut Tap| tap.packets(Duration::ZERO, &mut |_| {}).unwrap();
    for _ in 0..3 {
        busy.sender().send(&bytes);
        // Whoever waited for both would wait for ever.
        let mut seen = [0, 0];
        while seen[1] == 0 {
            wait(both.iter(), Duration::from_secs(600)).unwrap();
            seen = both.each_mut().map(ready);
        }
        assert_eq!(seen, [0, 1]);
    }
    // What is gone is not waited for, and keeps nobody from waiting for the rest.
    quiet.unplug();
    while both[0].is_open() {
        ready(&mut both[0]);
    }
    busy.sender().send(&bytes);
    while ready(&mut both[1]) == 0 {
        wait(both.iter(), Duration::from_secs(600)).unwrap();
    }
    assert_eq!(both[0].state(), State::Gone);
}

#[test]
fn tags_are_put_back_where_they_were() {
    let Some(link) = Link::new() else { return };
    let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let payload = udp(1, 2, &[0; 60]);
    let mut frames: Vec<Vec<u8>> = [
        &[][..],
        &[0x8100_000a],
        // Priority only.
        &[0x8100_e000],
        &[0x88a8_0064, 0x8100_000a],
        &[0x8100_0064, 0x8100_a00b],
        &[0x9100_0064, 0x8100_000a],
    ]
    .iter()
    .map(|tags| frame(tags, a, b, &payload))
    .collect();
    // PROFINET behind a tag, and LLC: a length where others have a type.
    for kind in [&[0x81, 0x00, 0xc0, 0x00, 0x88, 0x92][..], &[0x00, 0x2e]] {
        let mut bytes = vec![2; 12];
        bytes.extend(kind);
        bytes.extend([0x42; 46]);
        frames.push(bytes);
    }
    all_arrive(&link, &frames);
}

#[test]
fn all_packets_between_two_hosts_meet_in_one_tap_and_hosts_are_spread_over_all() {
    let Some(link) = Link::new() else { return };
    let mut taps = taps(&link, &options(4));
    let sender = link.sender();
    let pairs: Vec<(IpAddr, IpAddr)> = (0..120)
        .flat_map(|n: u8| {
            let v4 = |last: u8| IpAddr::from([10, 20, 10, last]);
            let v6 = |last: u8| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(last)]);
            [(v4(1), v4(n + 10)), (v6(1), v6(n + 10))]
        })
        .collect();
    let mut sent = 0;
    for port in 0..4 {
        for (number, (a, b)) in pairs.iter().enumerate() {
            let data = (number as u32).to_be_bytes();
            let there = udp(1000 + port, 102, &data);
            let back = udp(102, 1000 + port, &data);
            for (from, to, payload) in [(a, b, there), (b, a, back)] {
                // Under no tag, one, and two.
                for tags in [&[][..], &[0x8100_000a], &[0x88a8_0005, 0x8100_000a]] {
                    sender.send(&frame(tags, *from, *to, &payload));
                    sent += 1;
                }
            }
        }
    }
    // What is not IP goes by the pair of MAC addresses; here there is one.
    for n in 0..50u8 {
        let (a, b) = ([2, 0, 0, 0, 7, 1], [2, 0, 0, 0, 7, 2]);
        let mut bytes = if n % 2 == 0 { [a, b] } else { [b, a] }.concat();
        bytes.extend([0x88, 0x92]);
        bytes.extend([n; 46]);
        sender.send(&bytes);
    }
    let mut seen: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut layer2 = Vec::new();
    let mut shares = Vec::new();
    for (number, tap) in taps.iter_mut().enumerate() {
        let frames = drain(tap);
        shares.push(frames.len());
        for frame in frames {
            if frame[12..14] == [0x88, 0x92] {
                layer2.push(number);
            } else {
                let pair = u32::from_be_bytes(*frame.last_chunk().unwrap());
                seen.entry(pair).or_default().push(number);
            }
        }
    }
    assert_eq!(shares.iter().sum::<usize>(), sent + 50, "each arrives once");
    assert_eq!(seen.len(), pairs.len());
    for (pair, taps) in seen {
        let whole = taps.len() == 24 && taps.iter().all(|tap| *tap == taps[0]);
        assert!(
            whole,
            "{:?} came to the taps {taps:?}",
            pairs[pair as usize]
        );
    }
    assert_eq!(layer2.len(), 50);
    assert!(layer2.iter().all(|tap| *tap == layer2[0]), "{layer2:?}");
    assert!(shares.iter().all(|share| *share > sent / 10), "{shares:?}");
}

#[test]
fn segments_that_were_merged_on_the_way_arrive_whole() {
    let Some(link) = Link::new() else { return };
    for (namespace, end, address) in [(&link.sender, "out0", 1), (&link.sensor, "tap0", 2)] {
        run(&format!(
            "ip -n {namespace} link set dev {end} arp on mtu 1500"
        ));
        run(&format!(
            "ip -n {namespace} addr add 10.0.0.{address}/24 dev {end}"
        ));
    }
    let mut tap = taps(&link, &options(1)).remove(0);
    let data: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let listener = within(&link.sensor, || TcpListener::bind("10.0.0.2:4000")).unwrap();
    let mut stream = within(&link.sender, || TcpStream::connect("10.0.0.2:4000")).unwrap();
    let received = std::thread::scope(|scope| {
        scope.spawn(|| {
            stream.write_all(&data).unwrap();
            drop(stream);
        });
        let mut received = Vec::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_end(&mut received)
            .unwrap();
        received
    });
    assert!(received == data);
    let mut bytes = vec![0; data.len()];
    let (mut first, mut longest) = (None, 0);
    for frame in drain(&mut tap) {
        if frame[12..14] != [8, 0] || frame[23] != 6 {
            continue;
        }
        longest = longest.max(frame.len());
        let length = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        assert!(frame.len() >= 14 + length, "as long as its header says");
        let tcp = &frame[34..14 + length];
        let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        let start = *first.get_or_insert(sequence.wrapping_add(1));
        let payload = &tcp[usize::from(tcp[12] >> 4) * 4..];
        let at = sequence.wrapping_sub(start) as usize;
        if !payload.is_empty() {
            bytes[at..at + payload.len()].copy_from_slice(payload);
        }
    }
    assert!(bytes == data, "every byte of the stream was captured");
    assert!(longest > 10_000, "merged segments were among it: {longest}");
}

#[test]
fn an_interface_that_goes_down_or_away_is_told_and_taken_up_again() {
    let Some(link) = Link::new() else { return };
    // The taps stay on a thread inside, as they open their interface anew from there.
    within(&link.sensor, || {
        let mut taps = open(&options(2)).unwrap();
        let frames: Vec<Vec<u8>> = (1..40u8)
            .map(|n| {
                frame(
                    &[],
                    [10, 0, 0, 1].into(),
                    [10, 0, 0, n].into(),
                    &udp(1, 2, &[n; 40]),
                )
            })
            .collect();
        let arrive = |taps: &mut Vec<Tap>, when: &str| {
            let sender = link.sender();
            frames.iter().for_each(|frame| sender.send(frame));
            let mut seen: Vec<Vec<u8>> = taps.iter_mut().flat_map(drain).collect();
            seen.sort();
            assert!(seen == frames, "{when}: {} of {}", seen.len(), frames.len());
            assert!(taps.iter().all(|tap| tap.state() == State::Up), "{when}");
        };
        let is = |taps: &mut Vec<Tap>, state: State| {
            for tap in taps {
                // Until the news is through: the kernel takes a second to tell of a cable.
                for _ in 0..30 {
                    assert_eq!(tap.packets(WAIT, &mut |_| {}).unwrap(), 0);
                    if tap.state() == state && (state == State::Gone) == tap.problem().is_some() {
                        break;
                    }
                }
                assert_eq!(tap.state(), state);
            }
        };
        let set = |what: &str| drop(run(&format!("ip -n {} link set dev {what}", link.sensor)));
        is(&mut taps, State::Up);
        arrive(&mut taps, "at first");
        set("tap0 down");
        is(&mut taps, State::Down);
        set("tap0 up");
        is(&mut taps, State::Up);
        arrive(&mut taps, "after down and up");
        run(&format!("ip -n {} link set dev out0 down", link.sender));
        is(&mut taps, State::NoCarrier);
        run(&format!("ip -n {} link set dev out0 up", link.sender));
        is(&mut taps, State::Up);
        arrive(&mut taps, "after the cable was out");
        link.unplug();
        is(&mut taps, State::Gone);
        assert!(
            taps[0]
                .problem()
                .unwrap()
                .contains("there is none of that name")
        );
        link.plug();
        is(&mut taps, State::Up);
        arrive(&mut taps, "after it was made anew");
        let counts = taps.iter_mut().map(|tap| tap.counts().unwrap());
        let (received, reopened) = counts.fold((0, 0), |sum, counts| {
            (sum.0 + counts.received, sum.1 + counts.reopened)
        });
        assert_eq!((received, reopened), (4 * frames.len() as u64, 2));
    });
    assert_eq!(link.sent_by_sensor(), 0);
}

#[test]
fn an_interface_that_is_down_at_first_is_taken_up_when_it_comes() {
    let Some(link) = Link::new() else { return };
    run(&format!("ip -n {} link set dev tap0 down", link.sensor));
    let mut taps = taps(&link, &options(2));
    assert!(taps.iter().all(|tap| tap.state() == State::Down));
    run(&format!("ip -n {} link set dev tap0 up", link.sensor));
    assert!(taps.iter_mut().all(|tap| drain(tap).is_empty()));
    let sender = link.sender();
    let sent = frame(
        &[],
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        &udp(1, 2, &[7; 40]),
    );
    sender.send(&sent);
    let seen: Vec<Vec<u8>> = taps.iter_mut().flat_map(drain).collect();
    assert_eq!(seen, [sent]);
}

#[test]
fn an_interface_that_is_not_there_at_first_is_waited_for_if_asked() {
    let Some(link) = Link::new() else { return };
    link.unplug();
    let patient = Options {
        patient: true,
        ..options(2)
    };
    assert!(within(&link.sensor, || open(&options(2))).is_err());
    let mut taps = taps(&link, &patient);
    assert!(taps.iter().all(|tap| tap.state() == State::Gone));
    assert!(
        taps[0]
            .problem()
            .unwrap()
            .contains("there is none of that name")
    );
    link.plug();
    within(&link.sensor, || {
        for tap in &mut taps {
            tap.packets(WAIT, &mut |_| {}).unwrap();
            // Its carrier may take a moment.
            assert_ne!(tap.state(), State::Gone);
            assert_eq!(tap.problem(), None);
        }
    });
    let sent = frame(
        &[],
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        &udp(1, 2, &[7; 40]),
    );
    link.sender().send(&sent);
    let seen: Vec<Vec<u8>> = taps.iter_mut().flat_map(drain).collect();
    assert_eq!(seen, [sent], "each packet comes to one of them");
}

#[test]
fn whichever_tap_comes_back_first_each_pair_of_hosts_stays_with_its_own() {
    let Some(link) = Link::new() else { return };
    let mut taps = taps(&link, &options(3));
    let frames: Vec<Vec<u8>> = (0..24)
        .map(|n| {
            frame(
                &[],
                [10, 0, 0, n].into(),
                [10, 0, 7, 1].into(),
                &udp(1, 2, &[n; 40]),
            )
        })
        .collect();
    let shares = |taps: &mut [Tap]| -> Vec<BTreeSet<Vec<u8>>> {
        let sender = link.sender();
        frames.iter().for_each(|frame| sender.send(frame));
        let each = taps.iter_mut().map(|tap| drain(tap).into_iter().collect());
        each.collect()
    };
    let before = shares(&mut taps);
    assert!(before.iter().all(|share| !share.is_empty()), "{before:?}");
    for again in ["made anew", "switched off and on"] {
        if again == "made anew" {
            link.unplug();
        } else {
            run(&format!("ip -n {} link set dev tap0 down", link.sensor));
        }
        // The last comes first, time and again.
        let mut look = |until: &[State]| {
            within(&link.sensor, || {
                for _ in 0..200 {
                    if taps.iter().all(|tap| until.contains(&tap.state())) {
                        return;
                    }
                    for tap in taps.iter_mut().rev() {
                        tap.packets(Duration::from_millis(10), &mut |_| {}).unwrap();
                    }
                }
                panic!("they never came to this: {until:?}");
            });
        };
        look(&[State::Gone, State::Down]);
        if again == "made anew" {
            link.plug();
        } else {
            run(&format!("ip -n {} link set dev tap0 up", link.sensor));
        }
        look(&[State::Up]);
        within(&link.sensor, || {
            for tap in taps.iter_mut() {
                tap.packets(WAIT, &mut |_| {}).unwrap();
            }
        });
        assert_eq!(shares(&mut taps), before, "{again}");
    }
}

#[test]
fn a_card_that_cannot_stamp_says_so_and_its_packets_bear_the_time_of_the_kernel() {
    let Some(link) = Link::new() else { return };
    let asked = Options {
        hardware_time: true,
        ..options(1)
    };
    let mut tap = taps(&link, &asked).remove(0);
    let remark = tap.remark().unwrap().to_owned();
    let says =
        "interface tap0: hardware time stamps were asked for, and the card has none to give (";
    assert!(remark.starts_with(says), "{remark}");
    assert!(
        remark.ends_with("): packets bear the kernel's time stamps"),
        "{remark}"
    );
    link.sender().send(&[0xff; 60]);
    assert_eq!(drain(&mut tap).len(), 1);
    assert_eq!(tap.counts().unwrap().hardware_stamped, 0);
    assert_eq!(taps(&link, &options(1))[0].remark(), None, "nobody asked");
}

#[test]
fn how_full_the_ring_is_goes_by_bytes_and_not_by_blocks() {
    let Some(link) = Link::new() else { return };
    let mut tap = taps(&link, &options(1)).remove(0);
    let sender = link.sender();
    // A block is handed over after a while, however little is in it.
    for _ in 0..5 {
        sender.send(&[0xff; 60]);
        std::thread::sleep(Duration::from_millis(100));
    }
    let counts = tap.counts().unwrap();
    assert!(counts.waiting >= 4, "{counts:?}");
    assert!(tap.load() < 0.01, "{}", tap.load());
    let large = frame(
        &[],
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        &udp(1, 2, &[7; 8000]),
    );
    for _ in 0..1500 {
        sender.send(&large);
    }
    std::thread::sleep(Duration::from_millis(100));
    let load = tap.load();
    let part = 1500.0 * 8000.0 / f64::from(32 << 20);
    assert!((part * 0.9..part * 1.3).contains(&load), "{load} of {part}");
    drain(&mut tap);
    assert!(tap.load() < 0.001);
}

#[test]
fn what_a_slow_reader_misses_is_counted() {
    let Some(link) = Link::new() else { return };
    let tiny = Options {
        ring_bytes: 1,
        ..options(1)
    };
    let mut tap = taps(&link, &tiny).remove(0);
    let sender = link.sender();
    let one = frame(
        &[],
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        &udp(1, 2, &[0; 200]),
    );
    let sent = 20_000;
    (0..sent).for_each(|_| sender.send(&one));
    let full = tap.counts().unwrap();
    assert_eq!((full.waiting, full.blocks), (2, 2));
    // What lies in the ring was neither read nor dropped yet, whenever that is asked.
    assert_eq!((full.received, full.left + full.dropped), (0, sent));
    let mut read = 0;
    tap.packets(Duration::ZERO, &mut |_| read += 1).unwrap();
    let half = tap.counts().unwrap();
    assert_eq!((half.received, half.left), (read, full.left - read));
    read += drain(&mut tap).len() as u64;
    let counts = tap.counts().unwrap();
    assert_eq!((counts.received, counts.left), (read, 0));
    assert_eq!(counts.received + counts.dropped, sent);
    assert!(counts.dropped > 1000 && counts.freezes > 0, "{counts:?}");
    assert_eq!(counts.waiting, 0);
    // There is room again.
    sender.send(&one);
    assert_eq!(drain(&mut tap).len(), 1);
}

#[test]
fn on_loopback_each_packet_comes_once() {
    let Some(link) = Link::new() else { return };
    run(&format!("ip -n {} link set dev lo up", link.sensor));
    let seen = within(&link.sensor, || {
        let mut tap = open(&Options {
            outgoing: true,
            ..Options::new("lo")
        })
        .unwrap()
        .remove(0);
        let socket = std::net::UdpSocket::bind("127.0.0.1:4001").unwrap();
        socket.send_to(b"a sentence", "127.0.0.1:4001").unwrap();
        drain(&mut tap)
    });
    let sentences = seen.iter().filter(|frame| frame.ends_with(b"a sentence"));
    assert_eq!(sentences.count(), 1);
}

#[test]
fn what_this_machine_sends_is_left_out_unless_asked_for() {
    let Some(link) = Link::new() else { return };
    let one = frame(
        &[0x8100_0007],
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        &udp(1, 2, &[7; 40]),
    );
    for (outgoing, expected) in [(false, 0), (true, 1)] {
        for workers in [1, 3] {
            let mut taps = within(&link.sender, || {
                open(&Options {
                    interface: "out0".to_owned(),
                    outgoing,
                    ..options(workers)
                })
            })
            .unwrap();
            link.sender().send(&one);
            let seen: Vec<Vec<u8>> = taps.iter_mut().flat_map(drain).collect();
            assert_eq!(
                seen.len(),
                expected,
                "outgoing {outgoing}, {workers} workers"
            );
            assert!(seen.iter().all(|seen| *seen == one));
        }
    }
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let Some(link) = Link::new() else { return };
    let error = within(&link.sensor, || open(&Options::new("eth7"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "interface eth7: there is none of that name, there are lo, tap0: check the sensor's `interface` in the site file"
    );
    let added = format!("ip -n {} tuntap add dev tun0 mode tun", link.sensor);
    run(&added);
    let error = within(&link.sensor, || open(&Options::new("tun0"))).unwrap_err();
    assert!(
        matches!(error, Error::NotEthernet { kind: 65534, .. }),
        "{error}"
    );
}
