//! Where records lie, whose they are, and what they may refer to.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use facts::Time;
use facts::records::{Form, Known, RecordInfo, Target};
use facts::site::Site;
use store::ledger::Ledger;

use crate::clock;
use crate::error::Error;
use crate::input::Terminal;
use crate::output;

/// Which ledger.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The site folder; its ledger is in `ledger/`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
    /// The ledger's folder, where it is another.
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
}

impl Place {
    /// The ledger of a site folder.
    pub fn of(site: &Path) -> Place {
        let site = match site.file_name() {
            Some(name) if name == "site.toml" => site.parent().unwrap_or(Path::new(".")),
            _ => site,
        };
        Place {
            site: site.to_owned(),
            ledger: None,
        }
    }

    fn has_site(&self) -> bool {
        self.site.join("site.toml").is_file()
    }

    /// The ledger's folder.
    pub fn folder(&self) -> Result<PathBuf, Error> {
        match &self.ledger {
            Some(folder) => Ok(folder.clone()),
            None if self.has_site() => Ok(self.site.join("ledger")),
            None => Err(Error::Usage(format!(
                "{} holds no site.toml; give the site folder with --site, or the ledger's with --ledger",
                self.site.display()
            ))),
        }
    }

    /// Why names of the site file may be unknown, where no site was read.
    pub fn no_site(&self, info: &RecordInfo) -> Option<String> {
        (asks_site(info) && !self.has_site()).then(|| {
            format!(
                "{} holds no site.toml, so no name of a site is known; give the site folder with --site",
                self.site.display()
            )
        })
    }

    /// Opens it, and tells what should be known of it.
    pub fn open(&self) -> Result<Ledger, Error> {
        let ledger = Ledger::open(&self.folder()?)?;
        for note in ledger.notes() {
            output::say(note);
        }
        Ok(ledger)
    }

    /// The names that records of this kind may refer to and the site declares; none where there is no site.
    pub fn names(&self, info: &RecordInfo) -> Result<Names, Error> {
        if !asks_site(info) || !self.has_site() {
            return Ok(Names::default());
        }
        Ok(Names::of_site(&Terminal::load(&self.site)?.site))
    }
}

/// Whether such records may name things of the site file.
fn asks_site(info: &RecordInfo) -> bool {
    let is_of_site = |form: &Form| matches!(form, Form::Name(targets) if targets.iter().any(|one| one.is_of_site()));
    info.fields.iter().any(|field| is_of_site(&field.form))
}

/// What is declared, by what it is.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<Target, BTreeSet<String>>);

impl Names {
    fn of_site(site: &Site) -> Names {
        let zones = site.zones.iter().filter_map(|zone| zone.crane.clone());
        let assets = site.assets.iter().filter_map(|asset| asset.crane.clone());
        Names(BTreeMap::from([
            (
                Target::Asset,
                site.assets.iter().map(|one| one.name.clone()).collect(),
            ),
            (Target::Crane, zones.chain(assets).collect()),
            (
                Target::Zone,
                site.zones.iter().map(|one| one.name.clone()).collect(),
            ),
            (
                Target::Party,
                site.parties.iter().map(|one| one.name.clone()).collect(),
            ),
            (
                Target::Conduit,
                site.conduits.iter().map(|one| one.name.clone()).collect(),
            ),
            (
                Target::WorkOrder,
                site.work_orders.iter().map(|one| one.id.clone()).collect(),
            ),
        ]))
    }

    /// These, and the records that the ledger knows now.
    pub fn with(&self, ledger: &Ledger, info: &RecordInfo) -> Names {
        let mut all = self.clone();
        let targets = info.fields.iter().filter_map(|field| match field.form {
            Form::Name(targets) => Some(targets),
            _ => None,
        });
        let mut kinds: BTreeMap<&str, Target> = BTreeMap::new();
        for target in targets.flatten() {
            match *target {
                Target::Record(kind) => kinds.insert(kind, *target),
                // Recorded ones are named like those of the site file.
                Target::WorkOrder => kinds.insert("work-order", *target),
                Target::Conduit => kinds.insert("conduit", *target),
                _ => None,
            };
        }
        if kinds.is_empty() {
            return all;
        }
        for entry in ledger.known(Time::MAX, clock::now()) {
            if let Some(target) = kinds.get(entry.kind) {
                all.0
                    .entry(*target)
                    .or_default()
                    .insert(entry.id.to_owned());
            }
        }
        all
    }
}

impl Known for Names {
    fn has(&self, target: Target, name: &str) -> bool {
        self.0
            .get(&target)
            .is_some_and(|names| names.contains(name))
    }

    fn names(&self, target: Target) -> Vec<&str> {
        let names = self.0.get(&target).into_iter().flatten();
        names.map(String::as_str).collect()
    }
}

/// Who records, if nobody says: the system's name of the user that runs the program.
pub fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id.to_string()).then(|| name.to_owned())
    };
    known
        .lines()
        .find_map(of_line)
        .unwrap_or_else(|| format!("user {id}"))
}

/// The last part of a path, for `means` and messages.
pub fn base_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
