//! `seawall run`: watches, remembers, judges and tells, until it is stopped.
//!
//! One thread per worker takes frames from the kernel's ring, keeps them on disk and draws its picture (`listen`); one
//! reads captures that others have finished (`folders`). Twice per judgement each hands what it saw (`report`) to the
//! keeper (`keeper`), which remembers it, writes it to the history, judges it (`verdicts`) and tells what changed
//! (`outputs`, through `sinks` and `metrics`). Nothing of a packet crosses a thread.
mod archive;
mod damping;
mod errand;
mod folders;
mod health;
mod historian;
mod keeper;
mod listen;
pub mod metrics;
pub mod notify;
mod outputs;
mod papers;
mod queue;
mod recorded;
mod report;
mod rounds;
mod signals;
pub mod sinks;
pub mod state;
mod verdicts;
mod witnesses;

use std::path::Path;
use std::sync::mpsc;

use facts::Time;
use judge::{Assessment, Verdict};
use sensor::live::{User, drop_privileges};
use store::history::{self, History};
use store::{Limits, Memory};

use self::damping::Damping;
use self::health::Watchers;
use self::historian::Historian;
use self::keeper::{Keeper, Timetable};
use self::notify::Notify;
use self::outputs::Outputs;
use self::signals::Signals;
use self::state::State;
use self::verdicts::Verdicts;
use self::witnesses::{Doors, Witnesses};
use crate::clock;
use crate::error::Error;
use crate::input::Terminal;
use crate::output;

/// What history may take in days and bytes, from the site.
fn options(terminal: &Terminal) -> history::Options {
    let run = &terminal.site.run;
    let days = run.history_age / 86_400_000_000_000;
    history::Options {
        days: Some(u32::try_from(days.max(1)).unwrap_or(u32::MAX)),
        bytes: Some(run.history_size),
        ..history::Options::new(terminal.site.name.clone())
    }
}

/// Watches until it is told to stop. With `check`, everything is opened and nothing begun.
pub fn run(terminal: Terminal, folder: &Path, check: bool) -> Result<(), Error> {
    let watches =
        |sensor: &facts::site::Sensor| sensor.interface.is_some() || sensor.folder.is_some();
    if !terminal.site.sensors.iter().any(watches) {
        return Err(Error::NothingToWatch);
    }
    let state = State::open(folder)?;
    // Interfaces are opened with what rights there are; then those go, before the first thread begins.
    let doors = Doors::open(&terminal.site, !check)?;
    if let Some(user) = &terminal.site.run.user {
        let user = User::parse(user);
        if rustix::process::geteuid().is_root() {
            let (account, group) = user.resolve()?;
            state.give_to(account, group)?;
        }
        drop_privileges(&user, true)?;
    }
    if !check {
        output::say_beside().map_err(Error::Thread)?;
    }
    if terminal.site.run.user.is_none() && rustix::process::geteuid().is_root() {
        output::say(
            "it goes on as root: name a user under [run], such as `user = \"seawall\"`, or use the service's unit",
        );
    }
    let outputs = Outputs::open(&terminal.site, terminal.folder(), &state)?;
    if check {
        for interface in doors.interfaces() {
            output::line(&format!("{interface}: open"))?;
        }
        let sensors = terminal.site.sensors.iter();
        for folder in sensors.filter_map(|sensor| sensor.folder.as_ref()) {
            let path = Path::new(folder);
            std::fs::read_dir(path).map_err(|source| sensor::live::Error::Watched {
                path: path.to_owned(),
                source,
            })?;
            output::line(&format!("{folder}: readable"))?;
        }
        output::line(&format!("{}: writable", folder.display()))?;
        output::line(&format!("{} would be watched.", terminal.site.name))?;
        return Ok(());
    }
    let signals = Signals::listen()?;
    let now = clock::now();
    let begin = Time(now.0.saturating_sub(terminal.site.run.window));
    let options = options(&terminal);
    let history = History::open(&state.history(), options.clone(), now)?;
    let (send, reports) = mpsc::channel();
    // The salt keeps the flow table's layout from whoever sends packets; no result depends on it.
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0u8);
    let mut witnesses = Witnesses::start(doors, &terminal.site, &state, seed, send)?;
    let mut memory = Memory::new(&Limits::default());
    let recalled = history.load(begin, now, &Limits::default())?;
    for problem in &recalled.problems {
        output::say(problem);
    }
    memory.absorb(recalled.facts);
    let read = folders::read_before(&state.file(folders::READ), history.files_read()?);
    let history = Historian::new(history, &options).map_err(Error::Thread)?;
    witnesses.read_folders(read)?;
    let keeper = Keeper {
        watchers: Watchers::new(&terminal.site, now),
        verdicts: Verdicts::open(&state)?,
        gaps: recalled
            .gaps
            .iter()
            .map(store::history::Gap::coverage)
            .collect(),
        notify: Notify::from_env().map_err(Error::Signals)?,
        timetable: Timetable::new(),
        unsaved: None,
        saved: None,
        is_stateless: false,
        judged: false,
        damping: Damping::default(),
        state,
        terminal,
        memory,
        history,
        outputs,
    };
    keeper.run(witnesses, &reports, &signals)
}

/// One line for `systemctl status`.
fn status(assessment: &Assessment) -> String {
    let count = |verdict| {
        assessment
            .measures
            .iter()
            .filter(|measure| measure.verdict == verdict)
            .count()
    };
    let subjects = assessment
        .measures
        .iter()
        .flat_map(|measure| &measure.subjects);
    let findings = subjects.filter(|subject| subject.finding.is_some()).count();
    format!(
        "{}: {findings} findings open; {} measures not met, {} unproven, {} met",
        assessment.terminal,
        count(Verdict::NotMet),
        count(Verdict::Unproven),
        count(Verdict::Met)
    )
}

/// The name of this machine.
fn host() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}
