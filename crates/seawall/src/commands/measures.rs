//! `seawall measures`: the catalogue, or one page.
use std::process::ExitCode;

use judge::{Catalogue, Editions};

use crate::error::Error;
use crate::output;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The measure to show, e.g. C9; without it, the catalogue.
    #[arg(value_name = "ID")]
    id: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let catalogue = Catalogue::built_in()?;
    let pages = judge::built_in()?;
    let Some(id) = &args.id else {
        let mut text = String::new();
        let mut area = "";
        for one in &catalogue.measures {
            if one.area != area {
                area = &one.area;
                text.push_str(&format!(
                    "{}{area}\n",
                    if text.is_empty() { "" } else { "\n" }
                ));
            }
            let judged = if pages.iter().any(|page| page.id == one.id) {
                " "
            } else {
                "-"
            };
            text.push_str(&format!("  {:<4}{judged} {}\n", one.id, one.title));
        }
        text.push_str("\n- not judged by this version\n\neditions of the advisory\n");
        for edition in &Editions::built_in()?.all {
            text.push_str(&format!("  {:<9} {}\n", edition.id, edition.title));
        }
        output::write(None, &text)?;
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(page) = pages.iter().find(|page| page.id.eq_ignore_ascii_case(id)) {
        output::write(None, &page.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(listed) = catalogue
        .measures
        .iter()
        .find(|one| one.id.eq_ignore_ascii_case(id))
    {
        let text = format!(
            "{} {}\n\nNot judged by this version: {}\n",
            listed.id, listed.title, listed.why
        );
        output::write(None, &text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let known: Vec<&str> = catalogue
        .measures
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    Err(Error::Usage(format!(
        "there is no measure {id:?}; the measures are {}",
        known.join(", ")
    )))
}
