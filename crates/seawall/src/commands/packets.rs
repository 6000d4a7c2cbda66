//! `seawall packets`: the packets behind a finding, from the captures themselves.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sensor::live::Keeper;
use sensor::{Captures, Writer};
use wire::Frame;

use super::explain::no_such;
use crate::assessment::{self, Subject};
use crate::error::Error;
use crate::input::Witness;
use crate::output;
use crate::run::state;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// The finding, as `seawall assess` calls it.
    #[arg(long, value_name = "ID")]
    finding: String,
    /// The pcapng file to write.
    #[arg(long, short, value_name = "FILE.pcapng")]
    output: PathBuf,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let judged = assessment::judge(&args.subject)?;
    let subjects = || {
        judged
            .assessment
            .measures
            .iter()
            .flat_map(|measure| &measure.subjects)
    };
    let Some(subject) =
        subjects().find(|subject| subject.finding.as_deref() == Some(&args.finding))
    else {
        return Err(no_such(&judged, &args.finding));
    };
    let fail = |source| Error::WriteFile {
        path: args.output.clone(),
        source,
    };
    let mut writer = Writer::create(&args.output)?;
    let (mut count, mut missing) = (0u64, 0);
    let remembered;
    let sources = match &judged.witness {
        Witness::Captures(captures) => {
            vec![(captures, Some(cited(&captures.names(), subject)))]
        }
        Witness::History(state) => {
            let kept = kept(state, &args.finding, subject)?;
            (remembered, missing) = (kept.sources, kept.missing);
            let sources = remembered.iter();
            sources
                .map(|(captures, wanted)| (captures, wanted.clone()))
                .collect()
        }
    };
    for (captures, wanted) in sources {
        let names = captures.names();
        let mut write = |frame: Frame<'_>| {
            let name = names.get(frame.capture as usize).map_or("", String::as_str);
            count += 1;
            writer.frame(name, &frame).map_err(fail)
        };
        match wanted {
            Some(wanted) => {
                let mut fetch = captures.fetch(&wanted);
                while let Some(frame) = fetch.next() {
                    write(frame)?;
                }
                missing += fetch.missing().len();
            }
            None => {
                let mut walk = captures.walk();
                while let Some(frame) = walk.next() {
                    write(frame)?;
                }
            }
        }
    }
    writer.finish().map_err(fail)?;
    output::line(&format!(
        "{}: {count} packets of {}: {}",
        args.output.display(),
        args.finding,
        subject.reason
    ))?;
    if missing > 0 {
        output::say(format_args!(
            "{missing} of the frames are not in the captures any more"
        ));
    }
    if count == 0 && missing == 0 {
        output::line("this finding rests on the site file or on records, not on packets")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Frames by number, of captures by index.
type Wanted = Vec<(u32, Vec<u32>)>;

/// Where a running Seawall has the frames of a finding.
struct Kept {
    /// What it cut out of the ring (`None`: every frame of it), and what is still in the ring of what it did not.
    sources: Vec<(Captures, Option<Wanted>)>,
    /// Frames whose capture is not there any more.
    missing: usize,
}

fn kept(state: &Path, finding: &str, subject: &judge::Subject) -> Result<Kept, Error> {
    let folder = state::kept(state);
    let keeper = Keeper::look(&folder)?;
    let mut sources = Vec::new();
    let files: Vec<PathBuf> = keeper
        .files(finding)
        .iter()
        .map(|file| folder.join(file))
        .collect();
    if !files.is_empty() {
        sources.push((Captures::open(&files)?, None));
    }
    let ring = state::packets(state);
    // What came since it was cut out last.
    let mut lacking = subject.clone();
    for cited in &mut lacking.evidence {
        let capture = &cited.capture;
        let is_kept = |frame: &u64| {
            u32::try_from(*frame).is_ok_and(|frame| keeper.holds(finding, capture, frame))
        };
        cited.frames.retain(|frame| !is_kept(frame));
    }
    lacking.evidence.retain(|cited| !cited.frames.is_empty());
    let is_there = |capture: &str| ring.join(capture).is_file();
    let gone = lacking
        .evidence
        .iter()
        .filter(|cited| !is_there(&cited.capture));
    let gone: BTreeSet<(&str, u64)> = gone
        .flat_map(|cited| {
            cited
                .frames
                .iter()
                .map(|frame| (cited.capture.as_str(), *frame))
        })
        .collect();
    let missing = gone.len();
    let named = lacking.evidence.iter().map(|cited| cited.capture.as_str());
    let there: BTreeSet<PathBuf> = named
        .filter(|capture| is_there(capture))
        .map(|capture| ring.join(capture))
        .collect();
    if !there.is_empty() {
        let there: Vec<PathBuf> = there.into_iter().collect();
        let captures = Captures::open(&there)?;
        let wanted = cited(&captures.names(), &lacking);
        sources.push((captures, Some(wanted)));
    }
    Ok(Kept { sources, missing })
}

/// What the subject cites of captures of these names.
fn cited(names: &[String], subject: &judge::Subject) -> Wanted {
    let mut wanted: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for cited in &subject.evidence {
        let index = names
            .iter()
            .position(|name| *name == cited.capture)
            .and_then(|index| u32::try_from(index).ok());
        if let Some(index) = index {
            wanted.entry(index).or_default().extend(
                cited
                    .frames
                    .iter()
                    .filter_map(|frame| u32::try_from(*frame).ok()),
            );
        }
    }
    wanted
        .into_iter()
        .map(|(capture, mut frames)| {
            frames.sort_unstable();
            frames.dedup();
            (capture, frames)
        })
        .collect()
}
