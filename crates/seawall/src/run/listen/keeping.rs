//! The way of the packets of one interface: onto the disk, and into the picture.
use std::path::Path;
use std::sync::Arc;

use facts::kinds::Capture;
use facts::{Evidence, Time};
use sensor::live::{Packet, Paused, SegmentInfo, Segments};
use wire::Worker;

use super::names::Names;
use super::shedding::{HEAD, Level, Shed, Way};
use super::vlans::Vlans;
use crate::run::report::Source;

/// What all interfaces of a worker share.
pub struct Ground {
    pub worker: Worker,
    pub names: Names,
    /// What is put aside at the moment.
    pub level: Level,
}

/// Where the packets of one interface are kept, and what was counted on the way.
pub struct Keeping {
    source: Source,
    /// Its sensor, as captures bear it.
    sensor: Arc<str>,
    segments: Segments,
    folder: String,
    /// The segment being filled, and the number of its name.
    current: Option<(u64, u32)>,
    loose: Option<Loose>,
    pub vlans: Vlans,
    pub shed: Shed,
    pub bytes: u64,
    pub last_frame: Option<Time>,
}

/// Packets that the disk did not take, from the first of them to the first report without. Facts cite them all the
/// same, so that it is known what can not be looked up.
struct Loose {
    name: String,
    number: u32,
    packets: u32,
    first: Time,
    last: Time,
    /// Whether there were any since the last report.
    fresh: bool,
}

impl Loose {
    fn begin(source: &Source, sensor: &Arc<str>, names: &mut Names, now: Time) -> Loose {
        // Of the time too: numbers of frames begin anew with each, and with each start of the program.
        let time = now.to_string().replace(['-', ':'], "");
        let name = format!("{}_{time}_w{}_not-kept", source.label, source.worker);
        Loose {
            number: names.add(name.clone(), sensor),
            name,
            packets: 0,
            first: now,
            last: now,
            fresh: true,
        }
    }
}

impl Keeping {
    pub fn new(source: Source, segments: Segments, folder: &Path) -> Keeping {
        Keeping {
            sensor: Arc::from(source.sensor.as_str()),
            source,
            segments,
            folder: folder.display().to_string(),
            current: None,
            loose: None,
            vlans: Vlans::default(),
            shed: Shed::default(),
            bytes: 0,
            last_frame: None,
        }
    }

    pub fn paused(&self) -> Option<&Paused> {
        self.segments.paused()
    }

    /// Frames that the disk did not take.
    pub fn left_out(&self) -> u64 {
        self.segments.left_out()
    }

    /// The whole way of a packet.
    pub fn take(&mut self, packet: &Packet<'_>, ground: &mut Ground) {
        self.bytes += u64::from(packet.wire_len);
        self.last_frame = Some(packet.time);
        self.vlans.count(packet.data, packet.time);
        let way = self.shed.way(ground.level, &mut ground.worker, packet);
        let kept = match way {
            Way::Whole => *packet,
            Way::Head { .. } => Packet {
                data: packet.data.get(..HEAD).unwrap_or(packet.data),
                ..*packet
            },
            Way::Aside => return,
        };
        let names = &mut ground.names;
        let (capture, number) = match self.segments.write(&kept) {
            Some(place) => {
                let capture = match self.current {
                    Some((segment, capture)) if segment == place.segment => capture,
                    _ => {
                        let current = self.segments.current();
                        let name = current.map_or_else(String::new, |info| info.name.clone());
                        let capture = names.add(name, &self.sensor);
                        self.current = Some((place.segment, capture));
                        capture
                    }
                };
                (capture, place.frame)
            }
            None => {
                let loose = self.loose.get_or_insert_with(|| {
                    Loose::begin(&self.source, &self.sensor, names, packet.time)
                });
                loose.packets = loose.packets.saturating_add(1);
                loose.last = packet.time;
                loose.fresh = true;
                (loose.number, loose.packets)
            }
        };
        let frame = packet.frame(capture, number);
        match way {
            Way::Head { counted: true } => self.shed.count(&mut ground.worker, &frame),
            _ => ground.worker.frame(&frame),
        }
    }

    /// What frames went to since the last report, as captures: segments, and what stands for those not kept.
    pub fn captures(&mut self, names: &Names, now: Time) -> Vec<Capture> {
        self.segments.flush(now);
        let finished = self.segments.finished();
        let current = self.segments.current().cloned();
        let segments = finished.iter().chain(&current);
        let mut captures: Vec<Capture> = segments
            .map(|segment| self.segment(segment, names))
            .collect();
        // All is kept again, or nothing comes: what is not kept next is a matter of its own.
        self.loose = self.loose.take().filter(|loose| loose.fresh);
        if let Some(loose) = &mut self.loose {
            loose.fresh = false;
            captures.push(Capture {
                name: loose.name.clone(),
                format: "not kept".to_owned(),
                links: vec!["Ethernet".to_owned()],
                packets: u64::from(loose.packets),
                time: Some(loose.first),
                last: Some(loose.last),
                sensor: Some(self.source.sensor.clone()),
                evidence: Evidence::whole(loose.number),
                ..Capture::default()
            });
        }
        captures
    }

    fn segment(&self, segment: &SegmentInfo, names: &Names) -> Capture {
        Capture {
            name: segment.name.clone(),
            folder: Some(self.folder.clone()),
            bytes: segment.bytes,
            format: "pcapng".to_owned(),
            links: vec!["Ethernet".to_owned()],
            packets: u64::from(segment.packets),
            time: Some(segment.first),
            last: Some(segment.last),
            sensor: Some(self.source.sensor.clone()),
            evidence: names
                .number(&segment.name)
                .map_or_else(Evidence::default, Evidence::whole),
            ..Capture::default()
        }
    }
}

#[test]
fn what_the_disk_does_not_take_is_cited_by_a_capture_that_says_so() {
    let folder = std::env::temp_dir().join(format!("seawall-not-kept-{}", std::process::id()));
    let rotation = sensor::live::Rotation {
        bytes: u64::MAX,
        seconds: i64::MAX,
    };
    let source = Source {
        sensor: "span".to_owned(),
        label: "span".to_owned(),
        interface: "eth1".to_owned(),
        worker: 3,
    };
    let segments = Segments::open(&folder, "span", 3, rotation).unwrap();
    // A folder that is gone would be made again.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in its place").unwrap();
    let mut keeping = Keeping::new(source, segments, &folder);
    let mut ground = Ground {
        worker: Worker::new(wire::Shard::default(), wire::Limits::live()),
        names: Names::default(),
        level: Level::Nothing,
    };
    let packet = |millis: i64| Packet {
        time: Time(millis * 1_000_000),
        data: &[0xff; 60],
        wire_len: 60,
        link: wire::Link::Ethernet,
    };
    keeping.take(&packet(1), &mut ground);
    // Until the thread that writes has said that it cannot.
    while keeping.paused().is_none() {
        keeping.captures(&ground.names, Time(0));
    }
    keeping.take(&packet(2), &mut ground);
    keeping.take(&packet(3), &mut ground);
    let mut captures = keeping.captures(&ground.names, Time(0));
    captures.retain(|capture| capture.format == "not kept");
    let [row] = captures.as_slice() else {
        panic!("{captures:?}");
    };
    assert_eq!(row.name, "span_19700101T000000.002000000Z_w3_not-kept");
    assert_eq!(row.evidence.capture, ground.names.number(&row.name));
    assert_eq!((row.packets, row.problems.len()), (2, 0));
    assert_eq!(
        (row.time, row.last),
        (Some(packet(2).time), Some(packet(3).time))
    );
    // Nothing came since: it is over, and not told again.
    assert_eq!(keeping.captures(&ground.names, Time(0)), []);
    std::fs::remove_file(&folder).unwrap();
}
