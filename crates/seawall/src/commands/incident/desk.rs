//! What is done with an incident: looked at, opened, told, closed.
use std::collections::BTreeSet;
use std::path::Path;

use facts::Time;
use facts::lists::Reporting;
use facts::records::{self, FindingStep, Incident, Person, Record, ReportSent};
use report::Context;
use report::incident::{self, ADDRESSEES, Case, Hide, Opening, Redactor};
use serde_json::{Map, Value as Json};
use store::ledger::{Attachment, Content, Ledger, New, Stamp};

use super::drawn::{Drawn, sent_of};
use super::{Moment, Open, Report, Sent};
use crate::assessment::{self, Subject};
use crate::commands::explain::no_such;
use crate::commands::findings::{Format, style};
use crate::commands::record::place::{self, Place};
use crate::commands::record::{begin, body_of};
use crate::error::Error;
use crate::input::{Known, Terminal};
use crate::{clock, output};

/// The site, its ledger, and the clock: what every step needs.
pub(super) struct Desk {
    given: String,
    terminal: Terminal,
    ledger: Ledger,
    place: Place,
    lists: Reporting,
    /// Now, or the moment looked at.
    now: Time,
    /// The moment looked at, if it is another than now.
    as_of: Option<Time>,
    /// What was recorded by then counts.
    known: Time,
}

impl Desk {
    pub(super) fn open(site: &Path) -> Result<Desk, Error> {
        let terminal = Terminal::load(site)?;
        Ok(Desk {
            given: site.display().to_string(),
            ledger: terminal.ledger(None)?,
            place: Place::of(site),
            terminal,
            lists: Reporting::builtin(),
            now: clock::now(),
            as_of: None,
            known: Time::MAX,
        })
    }

    /// Looks at another moment than now.
    pub(super) fn look_at(&mut self, moment: Moment) {
        let known = moment.as_of.map(|as_of| as_of.min(self.now));
        self.known = moment.known_at.or(known).unwrap_or(Time::MAX);
        (self.as_of, self.now) = (moment.as_of, moment.as_of.unwrap_or(self.now));
    }

    fn drawn(&self) -> Drawn {
        Drawn::of(&self.ledger, self.known, self.as_of, self.now)
    }

    /// Calls with one incident, or says which there are.
    fn with<T>(&self, id: &str, then: impl FnOnce(&Case<'_>, &Drawn) -> T) -> Result<T, Error> {
        let drawn = self.drawn();
        let Some((id, one)) = drawn.incidents.iter().find(|(known, _)| known == id) else {
            let known: Vec<&str> = drawn.incidents.iter().map(|(id, _)| id.as_str()).collect();
            let known = match known.is_empty() {
                true => "none is recorded".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            return Err(Error::NoSuchIncident {
                asked: id.to_owned(),
                known,
            });
        };
        let sent = sent_of(&drawn, id);
        let case = self.case(id, one, &drawn, &sent);
        Ok(then(&case, &drawn))
    }

    fn case<'a>(
        &'a self,
        id: &'a str,
        incident: &'a Incident,
        drawn: &'a Drawn,
        sent: &'a [(String, ReportSent)],
    ) -> Case<'a> {
        let person = |id: &str| drawn.people.get(id);
        Case {
            id,
            incident,
            reporter: incident.reporter.as_ref().and_then(|one| person(&one.0)),
            profile: drawn.profile.as_ref(),
            reachable: drawn
                .profile
                .as_ref()
                .and_then(|one| person(&one.reachable.0)),
            contacts: &drawn.contacts,
            sent,
            site: &self.terminal.site,
            lists: &self.lists,
            now: self.now,
        }
    }

    pub(super) fn list(&self) -> Result<(), Error> {
        let drawn = self.drawn();
        let sent: Vec<_> = drawn
            .incidents
            .iter()
            .map(|(id, _)| sent_of(&drawn, id))
            .collect();
        let cases = drawn.incidents.iter().zip(&sent);
        let cases: Vec<Case<'_>> = cases
            .map(|((id, one), sent)| self.case(id, one, &drawn, sent))
            .collect();
        output::write(None, &incident::list(&cases, style(true)))
    }

    pub(super) fn show(&self, id: &str, format: Format) -> Result<(), Error> {
        let text = self.with(id, |case, _| match format {
            Format::Text => incident::text(case, &self.given, style(true)),
            Format::Json => incident::json(case),
        })?;
        output::write(None, &text)
    }

    pub(super) fn start(mut self, open: &Open) -> Result<(), Error> {
        if let Some(known) = self.ledger.latest(Incident::INFO.name, &open.id) {
            return Err(Error::Usage(format!(
                "there is an incident {} already, recorded by {}; give another --id, or change it with seawall record incident --id {}",
                open.id, known.by, open.id
            )));
        }
        let subject = Subject {
            site: self.terminal.folder().to_owned(),
            captures: open.captures.clone(),
            state: open.state.clone(),
            as_of: open.as_of,
            known: Known {
                known_at: open.known_at,
                ledger: None,
            },
            edition: None,
            workers: None,
        };
        let judged = assessment::judge(&subject)?;
        let pages = assessment::page_texts(&judged.terminal.pages);
        let context = Context {
            version: env!("CARGO_PKG_VERSION"),
            site: &judged.terminal.site,
            facts: &judged.facts,
            pages: &pages,
            skipped: &[],
            notes: &[],
            standings: None,
        };
        let opening = Opening {
            what: open.what,
            reporter: open.reporter.as_deref(),
            findings: &open.finding,
            detected: self.noticed(&open.finding),
            ssi: open.ssi,
            version: env!("CARGO_PKG_VERSION"),
        };
        let body = incident::draft(&judged.assessment, &context, &opening)
            .map_err(|finding| no_such(&judged, &finding))?;
        self.write::<Incident>(&open.id, body, &[], open.recorder.as_deref())?;
        self.show(&open.id, Format::Text)
    }

    /// When a finding was first recorded; now if none was.
    fn noticed(&self, findings: &[String]) -> Time {
        let recorded = self.ledger.entries_of(FindingStep::INFO.name);
        recorded
            .filter(|entry| findings.iter().any(|finding| finding == entry.id))
            .filter_map(|entry| entry.recorded_at())
            .min()
            .unwrap_or(self.now)
    }

    pub(super) fn report(&self, asked: &Report) -> Result<(), Error> {
        let to = match asked.to.as_slice() {
            [] => ADDRESSEES,
            to => to,
        };
        let hide: Vec<Hide> = asked
            .redact
            .iter()
            .flat_map(|level| level.hide())
            .copied()
            .collect();
        let (people, serials) = self.to_hide();
        let (texts, name, end) = self.with(&asked.id, |case, _| {
            let redactor = Redactor::new(case, &hide, &people, &serials);
            let texts = to
                .iter()
                .map(|to| (to.word(), incident::report(case, *to, &redactor)));
            // Neither does the name of the file tell, nor does it take the place of the whole text.
            let name = file_name(&redactor.apply(case.id));
            let end = if redactor.is_any() { "-redacted" } else { "" };
            (texts.collect::<Vec<_>>(), name, end)
        })?;
        for (number, (to, text)) in texts.iter().enumerate() {
            match &asked.output {
                Some(folder) => {
                    let path = folder.join(format!("{name}-{to}{end}.txt"));
                    output::write(Some(&path), text)?;
                    output::line(&format!("{}", path.display()))?;
                }
                None => {
                    let between = if number > 0 { "\n\n" } else { "" };
                    output::write(None, &format!("{between}{text}"))?;
                }
            }
        }
        Ok(())
    }

    /// The people and the serial numbers of the whole ledger, whatever moment is looked at: a narrative may name who was
    /// recorded only afterwards, or was withdrawn.
    fn to_hide(&self) -> (Vec<(String, Person)>, Vec<String>) {
        let (mut people, mut serials) = (Vec::new(), BTreeSet::new());
        for entry in self.ledger.entries() {
            let body = body_of(&entry).unwrap_or_default();
            if entry.kind == Person::INFO.name {
                let person = Person::from_body(&body).ok();
                people.extend(person.map(|person| (entry.id.to_owned(), person)));
            }
            for field in ["serial", "facility_id"] {
                let serial = body.get(field).and_then(Json::as_str);
                serials.extend(serial.map(str::to_owned));
            }
        }
        (people, serials.into_iter().collect())
    }

    pub(super) fn sent(mut self, sent: &Sent) -> Result<(), Error> {
        let count = self.with(&sent.id, |case, _| case.sent.len())?;
        let mut files = Vec::new();
        if let Some(path) = &sent.file {
            let read = |source| Error::ReadRecords {
                path: path.clone(),
                source,
            };
            files.push((place::base_name(path), std::fs::read(path).map_err(read)?));
        }
        let mut body = Map::new();
        let mut put = |name: &str, value: String| body.insert(name.to_owned(), value.into());
        put("incident", sent.id.clone());
        put("addressee", sent.to.word().to_owned());
        put("sent", sent.at.unwrap_or(self.now).to_string());
        put("channel", sent.channel.word().to_owned());
        put("sender", sent.by.clone());
        if let Some(number) = &sent.case {
            put("case_number", number.clone());
        }
        let id = format!("{}-{}-{}", sent.id, sent.to.word(), count + 1);
        self.write::<ReportSent>(&id, body, &files, sent.recorder.as_deref())?;
        self.show(&sent.id, Format::Text)
    }

    pub(super) fn close(
        mut self,
        id: &str,
        at: Option<Time>,
        actions: &[String],
        recorder: Option<&str>,
    ) -> Result<(), Error> {
        let mut body = self.with(id, |case, _| case.incident.body())?;
        body.insert(
            "closed".to_owned(),
            at.unwrap_or(self.now).to_string().into(),
        );
        let known = body
            .get("actions")
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default();
        let new = actions.iter().map(|action| Json::from(action.as_str()));
        let all: Vec<Json> = known
            .iter()
            .cloned()
            .chain(new.filter(|one| !known.contains(one)))
            .collect();
        if !all.is_empty() {
            body.insert("actions".to_owned(), all.into());
        }
        self.write::<Incident>(id, body, &[], recorder)?;
        self.show(id, Format::Text)
    }

    /// Writes a record as the ledger's door for people does: checked, with names that are known.
    fn write<R: Record>(
        &mut self,
        id: &str,
        mut body: Map<String, Json>,
        files: &[(String, Vec<u8>)],
        recorder: Option<&str>,
    ) -> Result<(), Error> {
        let info =
            records::kind(R::INFO.name).ok_or_else(|| Error::Usage("no such kind".to_owned()))?;
        let names = self.place.names(info)?.with(&self.ledger, info);
        let by = recorder.map_or_else(place::user, str::to_owned);
        let stamp = Stamp {
            by: &by,
            means: "cli",
            now: self.now,
        };
        if info.field("text_sha256").is_some()
            && let [(_, bytes), ..] = files
        {
            body.insert(
                "text_sha256".to_owned(),
                store::ledger::sha256(bytes).into(),
            );
        }
        let mut wrongs = info.check(&body);
        wrongs.extend(info.unknown_names(&body, &names));
        if let Err(wrong) = records::check_id(id) {
            wrongs.push(("--id", wrong));
        }
        if !wrongs.is_empty() {
            let problem = |(field, wrong): &(&str, records::Wrong)| {
                format!("{field}: {}; {}", wrong.what, wrong.remedy)
            };
            return Err(Error::Records {
                what: format!("{} {id}", info.name),
                problems: wrongs.iter().map(problem).collect(),
            });
        }
        let before = self.ledger.latest(info.name, id).map(|entry| entry.seq);
        let mut writing = begin(&mut self.ledger)?;
        let latest = writing.ledger().latest(info.name, id);
        if latest.as_ref().map(|entry| entry.seq) != before {
            return Err(Error::Usage(format!(
                "{} {id} was changed by somebody else a moment ago; look at it, and try again",
                info.name
            )));
        }
        let kept = latest.iter().flat_map(|entry| &entry.attachments);
        let mut attachments: Vec<Attachment> = kept
            .map(|one| Attachment {
                name: one.name.map(str::to_owned),
                sha256: one.sha256.to_owned(),
            })
            .collect();
        for (name, bytes) in files {
            attachments.push(writing.attach(Some(name), bytes)?);
        }
        let new = New {
            kind: info.name.to_owned(),
            id: id.to_owned(),
            content: Content::Body(body),
            valid_from: None,
            valid_until: None,
            attachments,
        };
        writing.append(&[new], &stamp)?;
        Ok(())
    }
}

/// The id as a name of a file: what would lead out of the folder, or hide the file, is left out.
fn file_name(id: &str) -> String {
    let plain = |c: &char| c.is_alphanumeric() || "-_.".contains(*c);
    let name: String = id.chars().filter(plain).collect();
    match name.trim_start_matches('.') {
        "" => "incident".to_owned(),
        name => name.to_owned(),
    }
}

#[test]
fn the_id_of_an_incident_does_not_lead_out_of_the_folder() {
    assert_eq!(file_name("INC-2026_1.a"), "INC-2026_1.a");
    assert_eq!(file_name("../../etc/cron.d/x"), "etccron.dx");
    assert_eq!(file_name("/../"), "incident");
}
