//! From paths to facts, and from a site folder to a site.
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use facts::kinds::Capture;
use facts::lists::{Lists, Oui, Platforms, Problem, Suppliers};
use facts::records::{ConduitRecord, Record, WorkOrderRecord};
use facts::site::{self, Place, Site};
use facts::{Facts, Time};
use judge::Page;
use sensor::{Captures, Skipped};
use store::Limits;
use store::Records;
use store::history::{self, Gap, Options};
use store::ledger::{Entry, Ledger};

use crate::error::Error;
use crate::output;
use crate::progress::Progress;
use crate::run::state;

/// Opens captures and folders of captures. A folder without one is told at once: it is seldom meant.
pub fn open(paths: &[PathBuf]) -> Result<Captures, Error> {
    let captures = Captures::open(paths)?;
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let inside = |folder: &Path| {
        let mut all = captures.list().iter();
        all.any(|capture| real(capture.path()).starts_with(real(folder)))
    };
    for folder in paths.iter().filter(|path| path.is_dir() && !inside(path)) {
        output::say(format_args!(
            "{} holds no capture, so nothing of it was read; name the folder that holds the pcap or pcapng files",
            folder.display()
        ));
    }
    Ok(captures)
}

/// What in the folders was no capture, a sentence each.
pub fn skipped(captures: &Captures) -> Vec<String> {
    let skipped = captures.skipped().iter();
    skipped
        .map(|one| format!("{} was not read: {}", one.path.display(), one.reason))
        .collect()
}

/// Whether a file bears the name of a capture, packed or sealed or not: notes and checksums that lie beside captures do not.
fn is_called_capture(name: &str) -> bool {
    const PACKED: &[&str] = &[
        ".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip", ".7z", ".gpg", ".age", ".enc",
    ];
    let name = name.to_lowercase();
    let inner = PACKED.iter().find_map(|end| name.strip_suffix(end));
    let inner = inner.unwrap_or(&name);
    [".pcap", ".pcapng", ".cap"]
        .iter()
        .any(|end| inner.ends_with(end))
}

/// Reads a number of workers of the command line.
pub fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 workers would read nothing; give 1 or more, or leave it out".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("expected a number of workers, 1 or more".to_owned()),
    }
}

/// Reads captures with that many workers (one per core if not said).
pub fn observe(captures: &Captures, workers: Option<usize>) -> Result<Facts, Error> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let bar = Progress::reading();
    // The salt keeps the flow table's layout from whoever sends packets; no result depends on it.
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0u8);
    let facts = sensor::observe(
        captures,
        workers.unwrap_or_else(cores),
        seed,
        &|done, total| {
            bar.at(done, total);
        },
    );
    bar.done();
    Ok(facts?)
}

/// A site with the lists that hold for it.
pub struct Terminal {
    pub site: Site,
    pub lists: Lists,
    /// Lists of the site's own that stand in for those built in, a sentence each.
    pub replaced: Vec<String>,
    /// The pages of measures, with the parameters that the site sets.
    pub pages: Vec<Page>,
    folder: PathBuf,
}

/// Which records count.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Known {
    /// Only what was recorded by this time (RFC 3339 with offset); by the time judged if not given, though not later
    /// than now. A time that is still to come asks for all that is recorded.
    #[arg(long, value_name = "TIME", value_parser = crate::assessment::time)]
    pub known_at: Option<Time>,
    /// The ledger's folder, where it is not ledger/ of the site folder.
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,
}

impl Known {
    /// By when something had to be recorded to count at `as_of`.
    pub fn by(&self, as_of: Time) -> Time {
        self.known_at
            .unwrap_or_else(|| as_of.min(crate::clock::now()))
    }
}

impl Terminal {
    /// Reads a site folder, or the `site.toml` in it. All that is wrong with it comes at once.
    pub fn load(path: &Path) -> Result<Terminal, Error> {
        let folder = match path.file_name() {
            Some(name) if name == "site.toml" => path.parent().unwrap_or(Path::new(".")).to_owned(),
            _ => path.to_owned(),
        };
        let read = |source| Error::ReadSite {
            path: folder.clone(),
            source,
        };
        let mut files = Vec::new();
        let mut entries = std::fs::read_dir(&folder)
            .map_err(read)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(read)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if path.extension().is_none_or(|ext| ext != "toml") || !path.is_file() {
                continue;
            }
            let text = std::fs::read(&path).map_err(|source| Error::ReadSite {
                path: path.clone(),
                source,
            })?;
            let text =
                String::from_utf8(text).map_err(|_| Error::SiteNotText { path: path.clone() })?;
            files.push((entry.file_name().to_string_lossy().into_owned(), text));
        }
        let mut site =
            site::read(&files, &wire::protocols::names()).map_err(|problems| Error::Site {
                path: folder.clone(),
                problems: problems.iter().map(ToString::to_string).collect(),
            })?;
        for warning in &site.warnings {
            output::say(warning);
        }
        // Relative paths start from the site folder, wherever the program was started.
        for watched in site
            .sensors
            .iter_mut()
            .filter_map(|sensor| sensor.folder.as_mut())
        {
            *watched = folder.join(&*watched).display().to_string();
        }
        let (lists, replaced) = own_lists(&folder.join("lists"))?;
        Ok(Terminal {
            lists: lists.with_site(&site),
            replaced,
            pages: pages(&site, &folder)?,
            site,
            folder,
        })
    }

    /// The same folder, read once more.
    pub fn again(&self) -> Result<Terminal, Error> {
        Terminal::load(&self.folder)
    }

    /// The site folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The ledger of the site, or the one in another folder; an empty one where none is.
    pub fn ledger(&self, elsewhere: Option<&Path>) -> Result<Ledger, Error> {
        let own = self.folder.join("ledger");
        if let Some(folder) = elsewhere
            && !folder.join(store::ledger::FILE).is_file()
        {
            // A folder that was named and holds none is a slip; verdicts without records would not show it.
            return Err(Error::EmptyLedger {
                path: folder.to_owned(),
            });
        }
        let ledger = Ledger::open(elsewhere.unwrap_or(&own))?;
        for note in ledger.notes() {
            output::say(note);
        }
        Ok(ledger)
    }

    /// The ledger of the site, for those who cannot wait: `None` while somebody writes to it.
    pub fn try_ledger(&self) -> Result<Option<Ledger>, Error> {
        let ledger = Ledger::try_open(&self.folder.join("ledger"))?;
        for note in ledger.iter().flat_map(Ledger::notes) {
            output::say(note);
        }
        Ok(ledger)
    }

    /// Where `seawall run` remembers what it saw.
    pub fn state(&self) -> PathBuf {
        self.folder.join(&self.site.run.state)
    }

    /// No site at all: nothing declared, nothing allowed.
    pub fn none() -> Terminal {
        Terminal {
            site: Site::default(),
            lists: Lists::builtin(),
            replaced: Vec::new(),
            pages: Vec::new(),
            folder: PathBuf::new(),
        }
    }

    /// What there is to judge by: the captures named; else the site's own `captures` folder; else what `seawall run`
    /// remembered. A history that is asked for by its state folder comes before all but named captures.
    pub fn witness(&self, named: &[PathBuf], state: Option<&Path>) -> Result<Witness, Error> {
        let own = self.folder.join("captures");
        let remembered = self.state();
        match state {
            _ if !named.is_empty() => Ok(Witness::Captures(open(named)?)),
            Some(state) if !state::history(state).is_dir() => Err(Error::NoHistory {
                path: state.to_owned(),
            }),
            Some(state) => Ok(Witness::History(state.to_owned())),
            None if own.is_dir() => Ok(Witness::Captures(open(&[own])?)),
            None if state::history(&remembered).is_dir() => Ok(Witness::History(remembered)),
            None => Ok(Witness::Captures(open(named)?)),
        }
    }

    /// What the witness tells up to that time, folded against the site; with what is wrong with it, a sentence each.
    pub fn facts(
        &self,
        witness: &Witness,
        workers: Option<usize>,
        as_of: Time,
    ) -> Result<(Facts, Vec<String>), Error> {
        let (mut facts, notes) = match witness {
            Witness::Captures(captures) => (observe(captures, workers)?, skipped(captures)),
            Witness::History(state) => self.recall(&state::history(state), as_of)?,
        };
        if let Witness::Captures(captures) = witness {
            let unread = self.unread(captures);
            facts
                .captures
                .extend(unread.iter().map(|one| one.name.clone()));
            facts.files.extend(unread);
        }
        store::fold(&mut facts, &self.site, &self.lists);
        Ok((facts, notes))
    }

    /// What a sensor wrote as a capture and nobody can read: whatever it holds was not seen, so it is no less a lack than a
    /// capture that is cut off.
    fn unread(&self, captures: &Captures) -> Vec<Capture> {
        let row = |one: &Skipped| {
            let name = one.path.file_name()?.to_str()?;
            let claimed = is_called_capture(name) && self.site.sensor_of(name).is_some();
            claimed.then(|| Capture {
                name: name.to_owned(),
                folder: one.path.parent().map(|folder| folder.display().to_string()),
                problems: vec![format!("not read: {}", one.reason)],
                ..Capture::default()
            })
        };
        captures.skipped().iter().filter_map(row).collect()
    }

    /// What a history tells of the window before a time, and when nobody was watching in it.
    pub fn recall(&self, history: &Path, as_of: Time) -> Result<(Facts, Vec<String>), Error> {
        let begin = Time(as_of.0.saturating_sub(self.site.run.window));
        let patience = i64::from(Options::new("").patience_seconds) * 1_000_000_000;
        let recalled = history::recall(history, begin, as_of, &Limits::default(), patience)?;
        let mut facts = recalled.facts;
        facts
            .coverage
            .extend(recalled.gaps.iter().map(Gap::coverage));
        Ok((facts, recalled.problems))
    }
}

/// The built-in pages as the site has them judge.
fn pages(site: &Site, folder: &Path) -> Result<Vec<Page>, Error> {
    let mut pages = judge::built_in()?;
    match judge::set_parameters(&mut pages, site) {
        Ok(()) => Ok(pages),
        Err(judge::Error::Parameters { problems }) => Err(Error::Site {
            path: folder.to_owned(),
            problems,
        }),
        Err(error) => Err(error.into()),
    }
}

/// The site with the ledger's work orders and conduits, in the order of their ids; and what of these cannot count, a sentence
/// each.
pub fn joined<'s>(site: &'s Site, records: &Records<'_>) -> (Cow<'s, Site>, Vec<String>) {
    let place = |entry: &Entry<'_>| Place {
        file: store::ledger::FILE.to_owned(),
        line: u32::try_from(entry.seq).unwrap_or(u32::MAX),
    };
    let mut all: Vec<_> = records.bodies(&["work-order", "conduit"]).collect();
    if all.is_empty() {
        return (Cow::Borrowed(site), Vec::new());
    }
    all.sort_by(|(a, _), (b, _)| (a.kind, a.id).cmp(&(b.kind, b.id)));
    let mut site = site.clone();
    let mut left_out = Vec::new();
    let mut joining = site.joining();
    for (entry, body) in &all {
        let joined = match entry.kind {
            "work-order" => WorkOrderRecord::from_body(body)
                .map(|order| joining.work_order(entry.id, &order, place(entry))),
            _ => ConduitRecord::from_body(body)
                .map(|conduit| joining.conduit(entry.id, &conduit, place(entry))),
        };
        match joined {
            Ok(Ok(())) => {}
            Ok(Err(why)) => left_out.push(format!("{why}.")),
            Err(field) => left_out.push(format!(
                "{} {} of the ledger does not count: its {field} cannot be read.",
                entry.kind, entry.id
            )),
        }
    }
    (Cow::Owned(site), left_out)
}

/// What a ledger knows at one time of what holds at another; nothing where there is none.
pub fn records<'l>(ledger: &'l Ledger, known: &Known, as_of: Time) -> Records<'l> {
    Records::of(ledger, known.by(as_of), as_of)
}

/// Where facts come from.
pub enum Witness {
    Captures(Captures),
    /// The state folder of `seawall run`.
    History(PathBuf),
}

impl Witness {
    /// For those who show no hash of a capture: none is computed.
    #[must_use]
    pub fn without_hashes(self) -> Witness {
        match self {
            Witness::Captures(captures) => Witness::Captures(captures.without_hashes()),
            history => history,
        }
    }

    /// Nothing was read at all.
    pub fn is_empty(&self) -> bool {
        matches!(self, Witness::Captures(captures) if captures.is_empty())
    }
}

/// The built-in lists, each replaced by the file of its name in the folder where there is one: `oui.csv` or `oui.txt`,
/// `suppliers.toml`, `platforms.toml`. Lines that cannot be read are told; the others count.
fn own_lists(folder: &Path) -> Result<(Lists, Vec<String>), Error> {
    let (mut lists, mut replaced) = (Lists::builtin(), Vec::new());
    let read = |name: &str| -> Result<Option<String>, Error> {
        let path = folder.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(|source| Error::ReadSite { path, source })?;
        // Registries spell a few names in other encodings: the name suffers, the prefix does not.
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    };
    let mut told = |name: &str, version: Option<&String>, problems: Vec<Problem>| {
        for problem in problems {
            output::say(format_args!(
                "lists/{name}:{}: {}",
                problem.line, problem.message
            ));
        }
        let version = version.map(|version| format!(", version {version}"));
        replaced.push(format!(
            "The site's own list was used: lists/{name}{}.",
            version.unwrap_or_default()
        ));
    };
    for name in ["oui.csv", "oui.txt"] {
        if let Some(text) = read(name)? {
            let (oui, problems) = Oui::from_text(&text);
            told(name, oui.version.as_ref(), problems);
            lists.oui = Arc::new(oui);
            break;
        }
    }
    if let Some(text) = read("suppliers.toml")? {
        let (suppliers, problems) = Suppliers::from_text(&text);
        told("suppliers.toml", suppliers.version.as_ref(), problems);
        lists.suppliers = suppliers;
    }
    if let Some(text) = read("platforms.toml")? {
        let (platforms, problems) = Platforms::from_text(&text);
        told("platforms.toml", platforms.version.as_ref(), problems);
        lists.platforms = platforms;
    }
    Ok((lists, replaced))
}
