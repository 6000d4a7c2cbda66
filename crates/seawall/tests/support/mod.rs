//! What the tests of the program share: they run it as a user does and read what it writes.
#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests, not all used by each, may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;

use serde_json::Value;

/// When the sample terminal is judged: the day after its captures.
pub const AS_OF: &str = "2026-11-21T00:00:00Z";

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program; `None` as status would be a signal, that is a crash.
pub fn seawall<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(arguments)
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    Run {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An empty folder of this name, for one test alone: another one that asks for it, which would delete what the first has in it,
/// fails, and another run of the same tests waits for this one to end.
pub fn folder(name: &str) -> PathBuf {
    static TAKEN: Mutex<Option<(File, BTreeMap<String, ThreadId>)>> = Mutex::new(None);
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, names) = taken.get_or_insert_with(|| {
            std::fs::create_dir_all(&all).unwrap();
            let lock = File::create(all.join(".lock")).unwrap();
            lock.lock().unwrap();
            (lock, BTreeMap::new())
        });
        let here = std::thread::current().id();
        let whose = *names.entry(name.to_owned()).or_insert(here);
        assert_eq!(whose, here, "two tests ask for a folder called {name}");
    }
    let folder = all.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The real captures, in the order of their names; none where they are not at hand, and the test says so.
pub fn real_captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no captures");
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| !matches!(path.extension().and_then(OsStr::to_str), Some("md" | "tsv")))
        .collect();
    paths.sort();
    paths
}

pub fn base_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The facts of captures by kind, as `seawall facts` writes them.
pub fn facts<P: AsRef<OsStr>>(arguments: &[P]) -> BTreeMap<String, Vec<Value>> {
    let run =
        seawall(std::iter::once(OsStr::new("facts")).chain(arguments.iter().map(AsRef::as_ref)));
    assert_eq!(run.status, 0, "{}", run.err);
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in run.out.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        kinds.entry(text(&row["kind"])).or_default().push(row);
    }
    kinds
}

/// Text of a JSON value; what was not seen is empty.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A finding, with its frames by capture.
#[derive(Clone, Debug)]
pub struct Finding {
    pub measure: String,
    pub id: String,
    pub reason: String,
    pub assets: BTreeSet<String>,
    pub frames: BTreeMap<String, BTreeSet<u64>>,
}

/// The JSON of an assessment, asked for things.
#[derive(Clone, Debug)]
pub struct Assessment(pub Value);

impl Assessment {
    /// Assesses a site folder on those captures (on its own where none is given).
    pub fn of(site: &Path, captures: &[PathBuf]) -> Assessment {
        let mut arguments = vec!["assess".into(), site.as_os_str().to_owned()];
        arguments.extend(captures.iter().map(|path| path.as_os_str().to_owned()));
        arguments.extend(["--as-of", AS_OF, "--format", "json"].map(Into::into));
        let run = seawall(arguments);
        assert_eq!(run.status, 0, "{}", run.err);
        Assessment(serde_json::from_str(&run.out).unwrap())
    }

    fn measures(&self) -> &[Value] {
        self.0["measures"].as_array().unwrap()
    }

    /// Verdict of each measure that was judged.
    pub fn verdicts(&self) -> BTreeMap<String, String> {
        let measures = self.measures().iter();
        measures
            .map(|measure| (text(&measure["id"]), text(&measure["verdict"])))
            .collect()
    }

    /// Measure, subject, verdict, reason of everything judged.
    pub fn subjects(&self) -> Vec<[String; 4]> {
        let mut all = Vec::new();
        for measure in self.measures() {
            for subject in measure["subjects"].as_array().unwrap() {
                all.push([
                    text(&measure["id"]),
                    text(&subject["subject"]),
                    text(&subject["verdict"]),
                    text(&subject["reason"]),
                ]);
            }
        }
        all
    }

    pub fn findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        for measure in self.measures() {
            for subject in measure["subjects"].as_array().unwrap() {
                if subject["verdict"] != "not met" {
                    continue;
                }
                let mut frames: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
                let evidence = subject["evidence"].as_array().unwrap().iter();
                // Records stand there as well; they have no frames.
                for cited in evidence.filter(|cited| cited["capture"].is_string()) {
                    let numbers = cited["frames"].as_array().unwrap().iter();
                    frames
                        .entry(text(&cited["capture"]))
                        .or_default()
                        .extend(numbers.map(|number| number.as_u64().unwrap()));
                }
                all.push(Finding {
                    measure: text(&measure["id"]),
                    id: text(&subject["finding"]),
                    reason: text(&subject["reason"]),
                    assets: subject["assets"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(text)
                        .collect(),
                    frames,
                });
            }
        }
        all
    }
}
