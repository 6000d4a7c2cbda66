//! A scenario: a network played through, seen from its taps, with the truth beside it.
use std::fs;
use std::io;
use std::path::Path;

use crate::net::bytes::len32;
use crate::net::frame::Mac;
use crate::net::{Captured, Format, Mark, Micros, Network, capture};
use crate::truth::{Connection, Deed, Planted, Sighting};

/// A place where a sensor listens: every frame of these VLANs goes into one file.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    pub file: &'static str,
    pub format: Format,
    pub vlans: &'static [u16],
}

/// A capture before it is a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub name: String,
    pub format: Format,
    pub frames: Vec<Captured>,
}

impl Capture {
    /// The bytes of the file.
    pub fn file(&self) -> Vec<u8> {
        capture::write(self.format, &self.frames)
    }
}

/// Captures of a terminal and everything that is true of them.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// The site file that belongs to it.
    pub site: &'static str,
    pub captures: Vec<Capture>,
    pub planted: Vec<Planted>,
    /// Every operation, in the order of time.
    pub deeds: Vec<Deed>,
    /// Every TCP connection, in the order of time.
    pub connections: Vec<Connection>,
}

impl Scenario {
    /// Names and bytes of the capture files.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.captures
            .iter()
            .map(|capture| (capture.name.clone(), capture.file()))
            .collect()
    }

    /// How often `source` asked `operation` of `target`, both named as assets.
    pub fn count(&self, source: &str, target: &str, operation: &str) -> usize {
        self.deeds
            .iter()
            .filter(|deed| {
                deed.source.name == source
                    && deed.target.name == target
                    && deed.operation == operation
            })
            .count()
    }

    /// Writes `site.toml` and the folder `captures/` into `folder`, which is made if need be.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("site.toml"), self.site)?;
        self.write_captures(&folder.join("captures"))
    }

    /// Writes the capture files alone.
    pub fn write_captures(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for (name, bytes) in self.files() {
            fs::write(folder.join(name), bytes)?;
        }
        Ok(())
    }
}

/// A scenario being played.
#[derive(Clone, Debug)]
pub struct Stage {
    pub net: Network,
    planted: Vec<Planted>,
}

impl Stage {
    pub fn new(router: Mac, seed: u64) -> Stage {
        Stage {
            net: Network::new(router, seed),
            planted: Vec::new(),
        }
    }

    /// Plants a violation: every frame said while `play` runs belongs to it, and shows it but for those said within
    /// [`Network::around`].
    pub fn plant(&mut self, planted: Planted, play: impl FnOnce(&mut Network)) {
        let plant = self.planted.len();
        self.planted.push(planted);
        self.net.mark(Some(Mark { plant, shows: true }));
        play(&mut self.net);
        self.net.mark(None);
    }

    /// Ends the play: what each tap has seen, and where the planted violations stand in it.
    pub fn finish(self, name: &'static str, site: &'static str, taps: &[Tap]) -> Scenario {
        let (frames, deeds, connections) = self.net.finish();
        let mut planted = self.planted;
        let mut captures = Vec::new();
        for tap in taps {
            let mut taken: Vec<Captured> = Vec::new();
            let mut sightings: Vec<Sighting> = planted
                .iter()
                .map(|_| Sighting {
                    capture: tap.file.to_owned(),
                    ..Sighting::default()
                })
                .collect();
            for frame in frames
                .iter()
                .filter(|frame| tap.vlans.contains(&frame.vlan))
            {
                let origin = len32(taken.len()).saturating_add(1);
                if let Some(mark) = frame.mark
                    && let Some(sighting) = sightings.get_mut(mark.plant)
                    && let Some(plant) = planted.get_mut(mark.plant)
                {
                    sighting.frames.push(origin);
                    if mark.shows {
                        sighting.shows.push(origin);
                        plant.see(frame.at);
                    }
                }
                taken.push(Captured {
                    at: frame.at,
                    length: frame.bytes.len(),
                    bytes: frame.bytes.clone(),
                    origin,
                    from_client: frame.from_client,
                });
            }
            for (plant, sighting) in planted.iter_mut().zip(sightings) {
                if !sighting.frames.is_empty() {
                    plant.sightings.push(sighting);
                }
            }
            captures.push(Capture {
                name: tap.file.to_owned(),
                format: tap.format,
                frames: taken,
            });
        }
        Scenario {
            name,
            site,
            captures,
            planted,
            deeds,
            connections,
        }
    }
}

impl Planted {
    fn see(&mut self, at: Micros) {
        if self.first == 0 {
            (self.first, self.last) = (at, at);
        }
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}
