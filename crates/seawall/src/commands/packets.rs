//! `seawall packets`: the packets behind a finding, from the captures themselves.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use sensor::Writer;

use crate::assessment::{self, Subject};
use crate::error::Error;

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
        let known: Vec<&str> = subjects()
            .filter_map(|subject| subject.finding.as_deref())
            .collect();
        let known = if known.is_empty() {
            "they give no finding at all".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        return Err(Error::NoSuchFinding {
            asked: args.finding.clone(),
            known,
        });
    };
    let names = judged.captures.names();
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
    let wanted: Vec<(u32, Vec<u32>)> = wanted
        .into_iter()
        .map(|(capture, mut frames)| {
            frames.sort_unstable();
            frames.dedup();
            (capture, frames)
        })
        .collect();
    let fail = |source| Error::WriteFile {
        path: args.output.clone(),
        source,
    };
    let mut writer = Writer::create(&args.output)?;
    let mut fetch = judged.captures.fetch(&wanted);
    let mut count = 0u64;
    while let Some(frame) = fetch.next() {
        let name = names.get(frame.capture as usize).map_or("", String::as_str);
        writer.frame(name, &frame).map_err(fail)?;
        count += 1;
    }
    let missing = fetch.missing().len();
    writer.finish().map_err(fail)?;
    println!(
        "{}: {count} packets of {}: {}",
        args.output.display(),
        args.finding,
        subject.reason
    );
    if missing > 0 {
        eprintln!("seawall: {missing} of the frames are not in the captures any more");
    }
    if count == 0 {
        println!("this finding rests on the site file, not on packets");
    }
    Ok(ExitCode::SUCCESS)
}
