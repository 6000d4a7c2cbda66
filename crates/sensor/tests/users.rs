//! Who logs in, and as whom: on captures that others made, what is told is what tshark reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use facts::Facts;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let tshark = Command::new("tshark").arg("--version").output();
    if folder.join("INDEX.tsv").exists() && tshark.is_ok_and(|out| out.status.success()) {
        return Some(folder);
    }
    println!("skipped: no captures or no tshark");
    None
}

fn facts(path: &Path) -> Facts {
    let captures = sensor::Captures::open(&[path.to_owned()]).unwrap();
    sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap()
}

/// The rows of tshark's fields on what passes `filter`; several values of a field in one frame are apart by `|`.
fn theirs(path: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-Y",
        filter,
        "-T",
        "fields",
        "-E",
        "aggregator=|",
        "-r",
    ]);
    command.arg(path);
    for field in fields {
        command.args(["-e", field]);
    }
    let out = command.output().expect("tshark runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// Captures in which tshark sees one of these protocols; those that were damaged on purpose show how each reads nonsense.
fn captures(folder: &Path, protocols: &[&str]) -> Vec<String> {
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let rows = index.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        if columns[0].contains("fuzz") {
            return None;
        }
        let mut seen = columns
            .get(6)?
            .split(' ')
            .filter_map(|one| one.split(':').next());
        seen.any(|one| protocols.contains(&one))
            .then(|| columns[0].to_owned())
    });
    rows.collect()
}

/// tshark's protocol and field; the protocol and the attribute here.
const SAID: &[(&str, &str, &str, &str)] = &[
    ("mqtt", "mqtt.clientid", "mqtt", "client_id"),
    ("mqtt", "mqtt.username", "mqtt", "user"),
    ("tds", "tds.7login.username", "mssql", "user"),
    ("tds", "tds.7login.clientname", "mssql", "hostname"),
    ("radius", "radius.User_Name", "radius", "user"),
    ("ldap", "ldap.name", "ldap", "user"),
    ("ldap", "ntlmssp.auth.username", "ldap", "user"),
    ("kerberos", "kerberos.CNameString", "kerberos", "user"),
];

#[test]
fn users_and_the_names_of_clients_are_those_that_tshark_reads() {
    let Some(folder) = folder() else { return };
    let (mut wrong, mut compared) = (Vec::new(), BTreeSet::new());
    let mut known = BTreeMap::new();
    for (protocol, field, name, attribute) in SAID {
        for file in captures(&folder, &[protocol]) {
            let path = folder.join(&file);
            let theirs: BTreeSet<String> = theirs(&path, field, &[field])
                .into_iter()
                .flat_map(|row| row[0].split('|').map(str::to_owned).collect::<Vec<_>>())
                .filter(|value| !value.is_empty())
                .collect();
            let facts = known.entry(file.clone()).or_insert_with(|| facts(&path));
            let said = facts.identities.iter();
            let said = said.filter(|one| one.source == *name && one.attribute == *attribute);
            // A realm or a domain beside the name is compared where tshark has it in the same field.
            let bare = |value: &str| {
                let value = value.rsplit('\\').next().unwrap_or(value);
                match *name {
                    "kerberos" => value.split('@').next().unwrap_or(value).to_owned(),
                    _ => value.to_owned(),
                }
            };
            let ours: BTreeSet<String> = said.map(|one| bare(&one.value)).collect();
            compared.extend(ours.intersection(&theirs).map(|_| *field));
            for value in ours.symmetric_difference(&theirs) {
                let whose = if ours.contains(value) {
                    "ours"
                } else {
                    "theirs"
                };
                wrong.push(format!("{file}: {field} {value:?} is {whose} alone"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for field in [
        "mqtt.clientid",
        "mqtt.username",
        "tds.7login.username",
        "radius.User_Name",
        "kerberos.CNameString",
    ] {
        assert!(compared.contains(field), "nothing to compare of {field}");
    }
}
