//! The ledger of a terminal that is being watched: read when something was recorded, never waited for.
use std::borrow::Cow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use facts::Time;
use facts::site::Site;
use store::ledger::{Head, Ledger};
use store::{Kept, Records};

use crate::error::Error;
use crate::input;

/// The ledger as it was last read.
#[derive(Default)]
pub struct Recorded {
    pub ledger: Option<Ledger>,
    /// File, size and time of its signed head then: each write replaces it.
    head: Option<SignedHead>,
    /// Why it could not be read, until that is told.
    pub trouble: Option<String>,
    /// Its tables, which stay until something is recorded or ends to hold.
    pub tables: Kept,
    /// When it could not be read, and why, as it was told last.
    failed: Option<(Time, String)>,
    /// Since when others have been writing whenever it was to be read, and whether that is told.
    busy: Option<(Time, bool)>,
    /// The site with what the ledger adds to it, as long as nothing of that changes.
    pub joined: Option<Joined>,
}

/// A site joined with a ledger's work orders and conduits.
pub struct Joined {
    /// `None` where the ledger adds nothing: the site's own.
    pub site: Option<Site>,
    head: Head,
    /// Recorded and valid times from and until which it holds.
    from: Time,
    until: Time,
}

type SignedHead = (u64, u64, SystemTime);

fn signed_head(folder: &Path) -> Option<SignedHead> {
    let head = std::fs::metadata(folder.join("ledger/ledger.head")).ok()?;
    Some((head.ino(), head.len(), head.modified().ok()?))
}

/// Between two tries to read a ledger that could not be read, in nanoseconds.
const TRY_AGAIN: i64 = 60_000_000_000;
/// So long another may write before that is told, in nanoseconds.
const BUSY: i64 = 5_000_000_000;

impl Recorded {
    /// Whether others have been writing ever since the ledger was to be read for the first time: nothing is known of what is
    /// recorded, and without that much would be found that is none.
    pub fn is_awaited(&self) -> bool {
        self.ledger.is_none() && self.busy.is_some()
    }

    /// Whether there is something to read.
    pub fn is_due(&self, folder: &Path, now: Time) -> bool {
        self.has_news(signed_head(folder), now)
    }

    fn has_news(&self, head: Option<SignedHead>, now: Time) -> bool {
        let failed = self.failed.as_ref();
        let is_soon = failed.is_some_and(|(at, _)| now.since(*at).abs() < TRY_AGAIN);
        head != self.head && !is_soon
    }

    /// Reads the ledger again if something was recorded. One that cannot be read, or that somebody writes to for long, leaves
    /// what was known, is told, and tried again.
    pub fn refresh(
        &mut self,
        folder: &Path,
        now: Time,
        read: impl FnOnce() -> Result<Option<Ledger>, Error>,
    ) {
        let head = signed_head(folder);
        if !self.has_news(head, now) {
            return;
        }
        // Mostly a little was added to what was read. Where that is not so, all of it is read again, and what is wrong told.
        let read = match self.ledger.as_mut().map(Ledger::try_follow) {
            Some(Ok(is_read)) => Ok(is_read.then_some(None)),
            Some(Err(_)) | None => read().map(|read| read.map(Some)),
        };
        let read = read.and_then(|read| self.compared(folder, read));
        match read {
            Ok(Some(other)) => {
                (self.head, self.failed, self.busy) = (head, None, None);
                if let Some(ledger) = other {
                    self.ledger = Some(ledger);
                }
            }
            Ok(None) => {
                let (since, is_told) = self.busy.unwrap_or((now, false));
                let is_long = now.since(since).abs() >= BUSY;
                if is_long && !is_told {
                    let until = match self.ledger {
                        Some(_) => "what was recorded before is judged",
                        None => "nothing is judged",
                    };
                    self.trouble = Some(format!(
                        "another program has been writing to {} since {since}; until it ends, {until}",
                        folder.join("ledger").display()
                    ));
                }
                self.busy = Some((since, is_long || is_told));
            }
            Err(error) => {
                let why = crate::error::chain(&error);
                if self.failed.as_ref().is_none_or(|(_, told)| *told != why) {
                    self.trouble = Some(why.clone());
                }
                self.failed = Some((now, why));
                self.busy = None;
            }
        }
    }

    /// Tells where what is there now is another ledger than the one that was read, or an older state of it: who replaced it may
    /// have had a reason, or wanted something forgotten. Where it is gone, its disk mostly is too: that is an error, and what
    /// was known goes on to be judged.
    fn compared(
        &mut self,
        folder: &Path,
        read: Option<Option<Ledger>>,
    ) -> Result<Option<Option<Ledger>>, Error> {
        let before = self.ledger.as_ref().filter(|before| !before.is_empty());
        if let (Some(before), Some(Some(other))) = (before, &read) {
            let (place, head) = (folder.join("ledger"), before.head());
            if other.is_empty() {
                return Err(Error::Usage(format!(
                    "the ledger in {} is gone: it had {} entries; what was recorded is judged as it was read last. Put it back, \
                     or start Seawall anew without it",
                    place.display(),
                    head.seq
                )));
            }
            if !other.holds(&head) {
                self.trouble = Some(format!(
                    "the ledger in {} was replaced: entry {} of {}, up to which it was read, is not in it any more; it is judged \
                     as it is now. If nobody put back a copy, compare it with a checkpoint (`seawall ledger verify --checkpoint`)",
                    place.display(),
                    head.seq,
                    head.time
                ));
            }
        }
        Ok(read)
    }

    /// The site with what the ledger adds to it at that time. It is made anew only where something was recorded, or begins or
    /// ends to hold.
    pub fn join(&mut self, site: &Site, now: Time) {
        let Some(ledger) = &self.ledger else {
            self.joined = None;
            return;
        };
        let holds = |joined: &Joined| {
            joined.head == ledger.head() && (joined.from..joined.until).contains(&now)
        };
        if self.joined.as_ref().is_some_and(holds) {
            return;
        }
        // What does not count of them is told by `assess`; the journal would hear it again and again.
        let own = match input::joined(site, &Records::of(ledger, now, now)).0 {
            Cow::Borrowed(_) => None,
            Cow::Owned(joined) => Some(joined),
        };
        let (known, held) = ledger.next_turns(now, now);
        self.joined = Some(Joined {
            site: own,
            head: ledger.head(),
            from: now,
            until: known.min(held),
        });
    }
}

#[cfg(test)]
mod tests {
    use store::ledger::{Content, New, Stamp};

    use super::*;

    #[test]
    fn a_ledger_that_could_not_be_read_once_is_told_once_and_read_again() {
        let folder = std::env::temp_dir().join(format!("seawall-refresh-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("ledger")).unwrap();
        std::fs::write(folder.join("ledger/ledger.head"), "…").unwrap();
        let mut records = Recorded::default();
        let off = || Err(Error::Usage("the disk is away".to_owned()));
        records.refresh(&folder, Time(0), off);
        assert_eq!(records.trouble.take().unwrap(), "the disk is away");
        records.refresh(&folder, Time(TRY_AGAIN), off);
        assert_eq!(records.trouble, None, "told already");
        let there = || Ok(Some(Ledger::open(&folder.join("none"))?));
        records.refresh(&folder, Time(TRY_AGAIN + 1), there);
        assert!(records.ledger.is_none(), "not each second");
        records.refresh(&folder, Time(2 * TRY_AGAIN), there);
        assert!(records.ledger.is_some());
        std::fs::remove_dir_all(&folder).ok();
    }

    #[test]
    fn while_others_write_what_was_read_last_is_judged_and_that_is_told_once() {
        let site = std::env::temp_dir().join(format!("seawall-writing-{}", std::process::id()));
        std::fs::remove_dir_all(&site).ok();
        let folder = site.join("ledger");
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        order(&folder, "WO-1", at(0), None);
        let mut records = Recorded::default();
        let read = |records: &mut Recorded, now| {
            records.refresh(&site, now, || Ok(Ledger::try_open(&folder)?));
            let entries = records.ledger.as_ref().map(Ledger::len);
            (entries, records.trouble.take())
        };
        assert_eq!(read(&mut records, at(1)), (Some(1), None));
        order(&folder, "WO-2", at(2), None);
        let mut other = Ledger::open(&folder).unwrap();
        let writing = other.begin().unwrap();
        assert_eq!(read(&mut records, at(3)), (Some(1), None), "not waited for");
        let (entries, told) = read(&mut records, at(8));
        assert_eq!(entries, Some(1));
        assert!(told.unwrap().contains("another program has been writing"));
        assert_eq!(read(&mut records, at(9)), (Some(1), None), "told already");
        drop(writing);
        assert_eq!(read(&mut records, at(10)), (Some(2), None));
        std::fs::remove_dir_all(&site).ok();
    }

    #[test]
    fn a_ledger_that_is_written_to_at_the_start_is_awaited_without_waiting() {
        let site = std::env::temp_dir().join(format!("seawall-awaited-{}", std::process::id()));
        std::fs::remove_dir_all(&site).ok();
        let folder = site.join("ledger");
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        let mut records = Recorded::default();
        let read = |records: &mut Recorded, now| {
            records.refresh(&site, now, || Ok(Ledger::try_open(&folder)?));
            (records.is_awaited(), records.trouble.take())
        };
        assert_eq!(read(&mut records, at(0)), (false, None), "there is none");
        order(&folder, "WO-1", at(0), None);
        let mut other = Ledger::open(&folder).unwrap();
        let writing = other.begin().unwrap();
        assert_eq!(read(&mut records, at(1)), (true, None));
        let (is_awaited, told) = read(&mut records, at(6));
        assert!(is_awaited && told.unwrap().ends_with("nothing is judged"));
        assert_eq!(read(&mut records, at(7)), (true, None), "told already");
        drop(writing);
        assert_eq!(read(&mut records, at(8)), (false, None));
        assert_eq!(records.ledger.as_ref().map(Ledger::len), Some(1));
        std::fs::remove_dir_all(&site).ok();
    }

    #[test]
    fn a_ledger_that_is_gone_is_judged_as_it_was_and_an_older_one_in_its_place_is_told() {
        let site = std::env::temp_dir().join(format!("seawall-replaced-{}", std::process::id()));
        std::fs::remove_dir_all(&site).ok();
        let folder = site.join("ledger");
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        let mut records = Recorded::default();
        let mut read = |now| {
            records.refresh(&site, now, || Ok(Ledger::try_open(&folder)?));
            let entries = records.ledger.as_ref().map(Ledger::len);
            (entries, records.trouble.take().unwrap_or_default())
        };
        order(&folder, "WO-1", at(0), None);
        let (head, lines) = (folder.join("ledger.head"), folder.join("ledger.jsonl"));
        let older = [&head, &lines].map(|file| std::fs::read(file).unwrap());
        order(&folder, "WO-2", at(1), None);
        assert_eq!(read(at(2)), (Some(2), String::new()));
        let away = site.join("away");
        std::fs::rename(&folder, &away).unwrap();
        let (entries, told) = read(at(3));
        assert!(entries == Some(2) && told.contains("is gone"), "{told}");
        std::fs::rename(&away, &folder).unwrap();
        assert_eq!(read(at(70)), (Some(2), String::new()));
        std::fs::write(head, &older[0]).unwrap();
        std::fs::write(lines, &older[1]).unwrap();
        let (entries, told) = read(at(71));
        assert!(
            entries == Some(1) && told.contains("was replaced"),
            "{told}"
        );
        assert_eq!(read(at(72)), (Some(1), String::new()), "told once");
        std::fs::remove_dir_all(&site).ok();
    }

    /// Records a work order, as of that time.
    fn order(folder: &Path, id: &str, now: Time, valid_from: Option<Time>) {
        let body = serde_json::json!({
            "sources": ["eng1"], "targets": ["eng1"], "operations": ["program-download"], "purpose": "x", "approved_by": "ada",
            "begins": "2026-09-01T00:00:00.000000000Z", "ends": "2026-12-01T00:00:00.000000000Z",
        });
        let new = New {
            kind: "work-order".to_owned(),
            id: id.to_owned(),
            content: Content::Body(body.as_object().unwrap().clone()),
            valid_from,
            valid_until: None,
            attachments: Vec::new(),
        };
        let stamp = Stamp {
            by: "tester",
            means: "cli",
            now,
        };
        let mut ledger = Ledger::open(folder).unwrap();
        ledger.append(&[new], &stamp).unwrap();
    }

    #[test]
    fn a_site_is_joined_anew_when_something_is_recorded_or_begins_to_hold_and_not_before() {
        let folder = std::env::temp_dir().join(format!("seawall-joined-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let text = "[terminal]\nname = \"T\"\n[[zone]]\nname = \"control\"\nkind = \"crane-control\"\nsubnets = [\"10.20.10.0/24\"]\n\
                    [[asset]]\nname = \"eng1\"\nrole = \"plc\"\ninterface = [{ ip = \"10.20.10.10\" }]\n\
                    [[sensor]]\nname = \"s\"\nsees = [\"control\"]\n";
        let site = facts::site::read(&[("site.toml".to_owned(), text.to_owned())], &[]).unwrap();
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        let mut records = Recorded::default();
        let orders = |records: &mut Recorded, now| {
            records.ledger = Some(Ledger::open(&folder).unwrap());
            records.join(&site, now);
            let joined = records.joined.as_ref().unwrap();
            let orders = joined
                .site
                .as_ref()
                .map_or(0, |site| site.work_orders.len());
            (orders, joined.from)
        };
        assert_eq!(orders(&mut records, at(0)), (0, at(0)));
        order(&folder, "WO-1", at(10), None);
        order(&folder, "WO-2", at(20), Some(at(100)));
        assert_eq!(orders(&mut records, at(21)), (1, at(21)));
        assert_eq!(orders(&mut records, at(99)), (1, at(21)), "the same one");
        assert_eq!(
            orders(&mut records, at(100)),
            (2, at(100)),
            "it begins to hold"
        );
        // A clock that was set back asks for what was known then.
        assert_eq!(orders(&mut records, at(15)), (1, at(15)));
        std::fs::remove_dir_all(&folder).ok();
    }
}
