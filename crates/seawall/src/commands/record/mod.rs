//! `seawall record`: records one record, a CSV of them, or that one holds no more.
pub mod place;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::facts::Time;
use ::facts::records::{self, BY_JUDGING, RecordInfo, Row, Together, Wrong};
use serde_json::{Map, Value};
use store::ledger::{Attachment, Content, Entry, Ledger, New, Stamp, Writing, Written};

use self::place::{Names, Place};
use crate::assessment::time;
use crate::error::Error;
use crate::output;

/// Mistakes that are shown; those beyond are counted.
const MOST_SHOWN: usize = 200;

#[derive(Debug, clap::Args)]
#[command(override_usage = "seawall record KIND --id ID FIELD=VALUE...
       seawall record KIND --csv FILE [--dry-run]
       seawall record KIND --template | --fields | --schema
       seawall record --withdraw KIND ID --reason TEXT [--valid-from TIME]
       seawall record")]
pub struct Args {
    /// The kind of record, and its fields; a list holds values with `;` between them. Of a record that is there already,
    /// fields that are not named stay as they are, and FIELD= empties one.
    #[arg(value_name = "KIND [FIELD=VALUE]")]
    words: Vec<String>,
    /// Id of the record, unique within its kind.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Record every line of this file, or none if anything in it is wrong.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "attach", "valid_from", "valid_until"])]
    csv: Option<PathBuf>,
    /// Only say what is wrong with the file.
    #[arg(long, requires = "csv")]
    dry_run: bool,
    /// Attach a file; may be given several times. It is kept beside the ledger under its SHA-256.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// From when on what it says holds, RFC 3339; with --withdraw, from when on the record holds no more.
    #[arg(long, value_name = "TIME", value_parser = time)]
    valid_from: Option<Time>,
    /// Until when what it says holds, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    valid_until: Option<Time>,
    /// Say that the record does not hold, and never did; with --valid-from, that it holds no more from then on.
    #[arg(long, requires = "reason", conflicts_with_all = ["csv", "attach", "valid_until"])]
    withdraw: bool,
    /// Why it holds no more.
    #[arg(long, value_name = "TEXT", requires = "withdraw")]
    reason: Option<String>,
    /// Who records; the system's name of this user if not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Print the header line of a CSV to fill in.
    #[arg(long)]
    template: bool,
    /// Print what each field holds.
    #[arg(long)]
    fields: bool,
    /// Print the JSON Schema of the record.
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let Some((name, words)) = args.words.split_first() else {
        let line = |info: &RecordInfo| format!("{:<22} {}\n", info.name, info.summary());
        output::write(None, &records::RECORDS.iter().map(line).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    };
    let info = kind(name)?;
    let by = args.by.clone().unwrap_or_else(place::user);
    if args.schema {
        let text = serde_json::to_string_pretty(&records::schema(info)).unwrap_or_default();
        output::write(None, &(text + "\n"))?;
    } else if args.fields {
        output::write(None, &fields(info))?;
    } else if BY_JUDGING.contains(&info.name) {
        return Err(Error::Usage(format!(
            "records of kind {} are made by judging, never by hand: seawall assess SITE --record, or seawall run",
            info.name
        )));
    } else if args.template {
        output::write(None, &records::template(info))?;
    } else if args.withdraw {
        withdraw(args, info, words, &by)?;
    } else if let Some(file) = &args.csv {
        if !words.is_empty() {
            let what = "fields stand in the file; give either FIELD=VALUE or --csv";
            return Err(Error::Usage(what.to_owned()));
        }
        sheet(args, info, file, &by)?;
    } else {
        one(args, info, words, &by)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The kind of that name, or what was meant.
pub fn kind(name: &str) -> Result<&'static RecordInfo, Error> {
    records::kind(name).ok_or_else(|| {
        let hint = match records::closest_kind(name) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "`seawall record` lists them".to_owned(),
        };
        Error::Usage(format!("no kind of record is called \"{name}\"; {hint}"))
    })
}

fn fields(info: &RecordInfo) -> String {
    let mut text = format!("{}: {}\n\n", info.name, info.summary());
    for field in info.fields {
        let needed = if field.shape.is_needed() {
            "needed"
        } else {
            ""
        };
        // A String takes everything.
        let _ = writeln!(
            text,
            "  {:<18} {needed:<7} {}\n{:29}{}",
            field.name,
            field.doc.trim(),
            "",
            field.holds_words().replace('`', "")
        );
    }
    text
}

fn withdraw(args: &Args, info: &RecordInfo, words: &[String], by: &str) -> Result<(), Error> {
    let id = match (words, &args.id) {
        ([id], None) => id,
        ([], Some(id)) => id,
        _ => {
            return Err(Error::Usage(
                "give the kind and the id: seawall record --withdraw KIND ID --reason TEXT"
                    .to_owned(),
            ));
        }
    };
    let mut ledger = args.place.open()?;
    let stamp = Stamp {
        by,
        means: "cli",
        now: crate::clock::now(),
    };
    let reason = args.reason.as_deref().unwrap_or_default();
    let told = ledger.notes().len();
    let written = ledger.withdraw_from(info.name, id, args.valid_from, reason, &stamp)?;
    tell(&ledger, told);
    if let Some((seq, _)) = written.entries {
        output::line(&format!("{} {id} is withdrawn (entry {seq})", info.name))?;
        let naming = naming(&ledger, info.name, id);
        if !naming.is_empty() {
            let told: Vec<&str> = naming.iter().take(TOLD).map(String::as_str).collect();
            let more = match naming.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let names = if naming.len() == 1 { "names" } else { "name" };
            output::line(&format!(
                "{}{more} still {names} it; withdraw or mend what does not hold without it",
                told.join(", ")
            ))?;
        }
    }
    Ok(())
}

/// Records that are told by name.
const TOLD: usize = 8;

/// The records that hold and name that one, as `kind/id`.
fn naming(ledger: &Ledger, kind: &str, id: &str) -> Vec<String> {
    let mut naming = Vec::new();
    for info in records::RECORDS {
        let fields = info.fields_naming(kind);
        if fields.is_empty() {
            continue;
        }
        let ids: BTreeSet<&str> = ledger.entries_of(info.name).map(|one| one.id).collect();
        for one in ids {
            let latest = ledger.latest(info.name, one);
            let held = latest.filter(|entry| entry.withdrawn.is_none());
            let body = held.as_ref().and_then(body_of).unwrap_or_default();
            if fields
                .iter()
                .any(|field| records::named(&body, field).contains(&id))
            {
                naming.push(format!("{}/{one}", info.name));
            }
        }
    }
    naming
}

/// One record, from the words of the command line.
fn one(args: &Args, info: &'static RecordInfo, words: &[String], by: &str) -> Result<(), Error> {
    let Some(id) = &args.id else {
        return Err(Error::Usage(format!(
            "give the id of the record of kind {} with --id",
            info.name
        )));
    };
    let names = args.place.names(info)?;
    let mut ledger = args.place.open()?;
    // Looked at before anything is made or locked: a mistake leaves no trace.
    let (mut new, seen) = (
        drafted(args, info, id, words, &names, &ledger)?,
        ledger.len(),
    );
    let mut files = Vec::new();
    for path in &args.attach {
        let read = |source| Error::ReadRecords {
            path: path.clone(),
            source,
        };
        files.push((place::base_name(path), std::fs::read(path).map_err(read)?));
    }
    let mut writing = begin(&mut ledger)?;
    if writing.ledger().len() != seen {
        new = drafted(args, info, id, words, &names, writing.ledger())?;
    }
    for (name, bytes) in files {
        let attached = writing.attach(Some(&name), &bytes)?;
        if !new.attachments.contains(&attached) {
            new.attachments.push(attached);
        }
    }
    let stamp = Stamp {
        by,
        means: "cli",
        now: crate::clock::now(),
    };
    let (leaves, until) = (leaves(writing.ledger(), info, id), new.valid_until);
    match writing.append(&[new], &stamp)?.entries {
        Some((seq, _)) => {
            let latest = writing.ledger().latest(info.name, id);
            let version = latest.map_or(1, |entry| entry.version);
            output::line(&format!(
                "{} {id} is recorded, version {version} (entry {seq})",
                info.name
            ))?;
            // What becomes of a withdrawal that was to come is said, whichever way.
            match leaves.zip(until) {
                Some((from, until)) if until <= from => output::line(&format!(
                    "it was withdrawn from {from} on, and holds no longer than that"
                ))?,
                Some((from, until)) => output::line(&format!(
                    "it was withdrawn from {from} on; now it holds until {until}, as --valid-until says"
                ))?,
                None => {}
            }
        }
        None => output::line(&format!(
            "{} {id} says that already; nothing was recorded",
            info.name
        ))?,
    }
    Ok(())
}

/// From when on a record holds no more, where its withdrawal is to come.
fn leaves(ledger: &Ledger, info: &RecordInfo, id: &str) -> Option<Time> {
    let last = ledger.latest(info.name, id)?;
    let from = last.withdrawn.as_ref().and(last.valid_from());
    from.filter(|from| *from > crate::clock::now())
}

/// What the words make of the record as the ledger has it.
fn drafted(
    args: &Args,
    info: &'static RecordInfo,
    id: &str,
    words: &[String],
    names: &Names,
    ledger: &Ledger,
) -> Result<New, Error> {
    let leaves = leaves(ledger, info, id);
    let before = match leaves {
        None => ledger
            .latest(info.name, id)
            .filter(|entry| entry.withdrawn.is_none()),
        Some(_) => ledger
            .entries_of(info.name)
            .rev()
            .find(|entry| entry.id == id && entry.withdrawn.is_none()),
    };
    let mut body = before.as_ref().and_then(body_of).unwrap_or_default();
    let mut wrongs: Vec<(&str, Wrong)> = Vec::new();
    if let Err(wrong) = records::check_id(id) {
        wrongs.push(("--id", wrong));
    }
    let mut given = Vec::new();
    for word in words {
        let Some((name, text)) = word.split_once('=') else {
            let what = format!("\"{word}\" has no =; write FIELD=VALUE");
            return Err(Error::Usage(what));
        };
        let Some(field) = info.field(name) else {
            let what = format!("it is no field of a record of kind {}", info.name);
            wrongs.push((name, Wrong::new(what, info.field_hint(name, &[]))));
            continue;
        };
        if given.contains(&field.name) {
            wrongs.push((name, Wrong::new("it is given twice", "give it once")));
        }
        given.push(field.name);
        body.shift_remove(name);
        match field.read(text) {
            Ok(value) => body.extend(value.map(|value| (name.to_owned(), value))),
            Err(wrong) => wrongs.push((name, wrong)),
        }
    }
    // A field that is off was told; it is not missing besides.
    let told = |field: &str| given.contains(&field) && !body.contains_key(field);
    wrongs.extend(
        info.check(&body)
            .into_iter()
            .filter(|(field, _)| !told(field)),
    );
    let known = names.with(ledger, info);
    wrongs.extend(info.unknown_names(&body, &known));
    wrongs.extend(together(ledger, info).against(info, id, &body));
    if !wrongs.is_empty() {
        let problem =
            |(field, wrong): &(&str, Wrong)| format!("{field}: {}; {}", wrong.what, wrong.remedy);
        return Err(Error::Records {
            what: format!("{} {id}", info.name),
            problems: wrongs
                .iter()
                .map(problem)
                .chain(args.place.no_site(info))
                .collect(),
        });
    }
    let before = before.as_ref();
    Ok(New {
        kind: info.name.to_owned(),
        id: id.to_owned(),
        content: Content::Body(body),
        valid_from: args.valid_from.or_else(|| before?.valid_from()),
        // A version takes the place of all before it: a withdrawal that is to come stays as its end.
        valid_until: args.valid_until.or_else(|| {
            let until = before.and_then(Entry::valid_until);
            until.into_iter().chain(leaves).min()
        }),
        attachments: before.map(attachments_of).unwrap_or_default(),
    })
}

/// Every line of a CSV, or none.
fn sheet(args: &Args, info: &'static RecordInfo, file: &Path, by: &str) -> Result<(), Error> {
    let name = place::base_name(file);
    let bytes = std::fs::read(file).map_err(|source| Error::ReadRecords {
        path: file.to_owned(),
        source,
    })?;
    let names = args.place.names(info)?;
    let mut ledger = args.place.open()?;
    // Looked at before anything is made or locked: a file with mistakes leaves no trace.
    let (mut rows, seen) = (
        read(info, &name, &bytes, &args.place, &names, &ledger)?,
        ledger.len(),
    );
    let count = rows.len();
    if args.dry_run {
        output::line(&format!(
            "{name}: {}; nothing is wrong, and nothing was recorded (--dry-run)",
            counted(count)
        ))?;
        return Ok(());
    }
    let mut writing = begin(&mut ledger)?;
    if writing.ledger().len() != seen {
        rows = read(info, &name, &bytes, &args.place, &names, writing.ledger())?;
    }
    let records: Vec<New> = rows
        .into_iter()
        .map(|row| new(info, row, writing.ledger()))
        .collect();
    let means = format!("csv:{name}");
    let stamp = Stamp {
        by,
        means: &means,
        now: crate::clock::now(),
    };
    let Written { entries, unchanged } = writing.append(&records, &stamp)?;
    let recorded = match entries {
        Some((first, last)) if first < last => {
            format!("{} recorded (entries {first} to {last})", last - first + 1)
        }
        Some((first, _)) => format!("1 recorded (entry {first})"),
        None => "none recorded".to_owned(),
    };
    output::line(&format!(
        "{name}: {}, {recorded}, {unchanged} said already",
        counted(count)
    ))?;
    Ok(())
}

fn counted(records: usize) -> String {
    match records {
        1 => "1 record".to_owned(),
        more => format!("{more} records"),
    }
}

fn read(
    info: &'static RecordInfo,
    name: &str,
    bytes: &[u8],
    place: &Place,
    names: &Names,
    ledger: &Ledger,
) -> Result<Vec<Row>, Error> {
    let known = names.with(ledger, info);
    let fail = |problems: Vec<String>| Error::Records {
        what: name.to_owned(),
        problems: shown(problems)
            .into_iter()
            .chain(place.no_site(info))
            .collect(),
    };
    let rows = records::read_sheet(info, name, bytes, &known)
        .map_err(|problems| fail(problems.iter().map(ToString::to_string).collect()))?;
    // Line by line: what the lines before say counts too.
    let (mut together, mut against) = (together(ledger, info), Vec::new());
    for row in &rows {
        for (field, wrong) in together.against(info, &row.id, &row.body) {
            let (line, what, remedy) = (row.line, wrong.what, wrong.remedy);
            against.push(format!("{name}:{line}: {field}: {what}; {remedy}"));
        }
        together.add(info.name, &row.id, &row.body);
    }
    if !against.is_empty() {
        return Err(fail(against));
    }
    let withdrawn: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let entry = ledger.latest(info.name, &row.id)?;
            let reason = entry.withdrawn?;
            Some(format!(
                "{name}:{}: {} {} was withdrawn by {} ({reason}); take the line out, or record it by hand if it holds again",
                row.line, info.name, row.id, entry.by
            ))
        })
        .collect();
    match withdrawn.is_empty() {
        true => Ok(rows),
        false => Err(fail(withdrawn)),
    }
}

/// The records that one of this kind has to agree with; none for most kinds.
fn together(ledger: &Ledger, info: &RecordInfo) -> Together {
    let mut together = Together::default();
    if Together::wants(info.name) {
        let entries = ledger.known(Time::MAX, crate::clock::now());
        for entry in entries.iter().filter(|entry| Together::wants(entry.kind)) {
            together.add(entry.kind, entry.id, &body_of(entry).unwrap_or_default());
        }
    }
    together
}

fn shown(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(MOST_SHOWN);
    problems.truncate(MOST_SHOWN);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    problems
}

/// Files that were attached before stay: a CSV does not speak of them.
fn new(info: &RecordInfo, row: Row, ledger: &Ledger) -> New {
    let before = ledger.latest(info.name, &row.id);
    New {
        kind: info.name.to_owned(),
        attachments: before.as_ref().map(attachments_of).unwrap_or_default(),
        id: row.id,
        content: Content::Body(row.body),
        valid_from: row.valid_from,
        valid_until: row.valid_until,
    }
}

/// Begins to write, and tells what was set aside.
pub fn begin(ledger: &mut Ledger) -> Result<Writing<'_>, Error> {
    let told = ledger.notes().len();
    let writing = ledger.begin()?;
    tell(writing.ledger(), told);
    Ok(writing)
}

/// As [`begin`], for those who cannot wait: `None` while another writes.
pub fn try_begin(ledger: &mut Ledger) -> Result<Option<Writing<'_>>, Error> {
    let told = ledger.notes().len();
    let writing = ledger.try_begin()?;
    if let Some(writing) = &writing {
        tell(writing.ledger(), told);
    }
    Ok(writing)
}

/// Tells what is to be known of the ledger, but for what was told already.
fn tell(ledger: &Ledger, told: usize) {
    for note in ledger.notes().iter().skip(told) {
        output::say(note);
    }
}

/// The body of an entry, if it is one.
pub fn body_of(entry: &Entry<'_>) -> Option<Map<String, Value>> {
    match entry.body()? {
        Value::Object(body) => Some(body),
        _ => None,
    }
}

fn attachments_of(entry: &Entry<'_>) -> Vec<Attachment> {
    let owned = |one: &store::ledger::Attached<'_>| Attachment {
        name: one.name.map(str::to_owned),
        sha256: one.sha256.to_owned(),
    };
    entry.attachments.iter().map(owned).collect()
}
