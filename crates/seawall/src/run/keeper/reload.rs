//! The site is read anew while Seawall runs.
use std::sync::mpsc::Receiver;

use facts::Facts;
use facts::kinds::Coverage;
use report::events::Trouble;

use super::super::folders;
use super::super::health::{Watchers, tell};
use super::super::report::Report;
use super::super::witnesses::{Doors, Witnesses};
use super::Keeper;
use crate::clock;
use crate::error::{self, Error};

impl Keeper {
    /// Reads the site anew. Everything that it asks for is opened first: what cannot be leaves all as it was.
    pub(super) fn reload(
        &mut self,
        witnesses: &mut Witnesses,
        reports: &Receiver<Report>,
    ) -> Result<(), Error> {
        self.notify.reloading();
        let event = match self.follow(witnesses, reports)? {
            Ok(detail) => tell(clock::now(), Trouble::SiteReloaded, "site", detail),
            Err(error) => tell(
                clock::now(),
                Trouble::SiteRefused,
                "site",
                error::chain(&error),
            ),
        };
        self.tell(vec![event]);
        self.timetable.news = true;
        self.notify.ready();
        Ok(())
    }

    /// The site as it is now, or why it was refused. The outer error is one that nothing can go on after.
    fn follow(
        &mut self,
        witnesses: &mut Witnesses,
        reports: &Receiver<Report>,
    ) -> Result<Result<String, Error>, Error> {
        let prepare = || -> Result<_, Error> {
            let terminal = self.terminal.again()?;
            let sinks = self.outputs.prepare(&terminal.site, terminal.folder())?;
            let doors = match witnesses.are_those_of(&terminal.site) {
                true => None,
                false => Some(Doors::open(&terminal.site, false)?),
            };
            Ok((terminal, sinks, doors))
        };
        let (terminal, sinks, doors) = match prepare() {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
        let old = std::mem::replace(&mut self.terminal, terminal);
        self.verdicts.forget_site();
        self.outputs.change(sinks, &self.terminal.site);
        if let Some(doors) = doors {
            let (stopped, all_ended) = witnesses.hand_on();
            while let Ok(report) = reports.try_recv() {
                self.take(report);
            }
            if !all_ended {
                self.save_and_wait(clock::now());
                return Err(Error::WitnessLost);
            }
            // At once: the rings are open, and the disk may take its time.
            witnesses.replace(stopped, doors, &self.terminal.site, &self.state)?;
            let again = clock::now();
            self.save_and_wait(again);
            // Should the folder not be readable now, the list knows nearly all.
            let history = self.history.history();
            let known = history.and_then(|history| history.files_read().ok());
            let known = known.unwrap_or_default();
            let read = folders::read_before(&self.state.file(folders::READ), known);
            witnesses.read_folders(read)?;
            self.watchers = Watchers::new(&self.terminal.site, again);
            let pause = Coverage::not_watching(None, stopped, again, "paused");
            let pause = Facts {
                coverage: vec![pause],
                ..Facts::default()
            };
            self.memory.absorb(pause.clone());
            self.tell_history(pause, Vec::new(), clock::now());
        } else {
            self.watchers.follow(&self.terminal.site);
        }
        let (before, now) = (&old.site.run, &self.terminal.site.run);
        if now.window > before.window {
            let now = clock::now();
            self.look_back(now, now);
        }
        let (before, now) = (&old.site.run, &self.terminal.site.run);
        let at_start = (now.state != before.state, now.user != before.user) != (false, false)
            || (now.history_age, now.history_size) != (before.history_age, before.history_size)
            || (&now.metrics_file, &now.metrics_listen)
                != (&before.metrics_file, &before.metrics_listen);
        Ok(Ok(if at_start {
            "The site was read anew; state, user, history and metrics of [run] hold from the next start on.".to_owned()
        } else {
            "The site was read anew.".to_owned()
        }))
    }
}
