//! One entry: a line of canonical JSON with its hash.
use facts::Time;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::book::Brief;
use super::canon;
use super::hash::Hash;
use super::scan::{self, Parts};

/// The longest line, in bytes: a record, not a document. Documents are attached.
pub const LONGEST: usize = 1 << 20;

/// An entry as it stands in the ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<'a> {
    /// Files that belong to this version of the record.
    #[serde(borrow, default)]
    pub attachments: Vec<Attached<'a>>,
    #[serde(borrow, deserialize_with = "raw")]
    #[serde(default)]
    body: Option<&'a str>,
    /// Who recorded it.
    pub by: &'a str,
    hash: &'a str,
    /// Id of the record, unique within its kind.
    pub id: &'a str,
    /// Kind of record, in lower-case letters, digits and dashes.
    pub kind: &'a str,
    /// By what means: `cli`, `csv:NAME`, `import`.
    pub means: &'a str,
    /// Of an entry that was imported: what it was where it came from.
    #[serde(borrow)]
    pub origin: Option<Origin<'a>>,
    previous: &'a str,
    recorded_at: &'a str,
    /// Number of the entry, from 1.
    pub seq: u64,
    valid_from: Option<&'a str>,
    valid_until: Option<&'a str>,
    /// Number of the entry among those of the same kind and id, from 1.
    pub version: u32,
    /// Why the record was withdrawn. Such an entry has no body.
    pub withdrawn: Option<String>,
}

/// A file that belongs to a record, kept under its hash beside the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached<'a> {
    /// What the file was called.
    pub name: Option<&'a str>,
    /// Hexadecimal.
    pub sha256: &'a str,
}

/// Where an imported entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin<'a> {
    /// Who recorded it there.
    pub by: &'a str,
    /// Hash of its entry there, as the ledger writes hashes.
    pub hash: &'a str,
    /// When it was recorded there: RFC 3339 in UTC.
    pub recorded_at: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads a line; what is wrong with it if it is none of a ledger. Of a line that says what its hash is of, no more is
    /// looked at than it takes to find the parts.
    pub(super) fn parse(line: &'a str) -> Result<Entry<'a>, String> {
        match scan::parts(line) {
            Some(parts) => Ok(Entry::of(parts)),
            None => Entry::parse_whole(line),
        }
    }

    fn of(parts: Parts<'a>) -> Entry<'a> {
        Entry {
            attachments: Vec::new(),
            body: Some(parts.body),
            by: parts.by,
            hash: parts.hash,
            id: parts.id,
            kind: parts.kind,
            means: parts.means,
            origin: parts.origin,
            previous: parts.previous,
            recorded_at: parts.recorded_at,
            seq: parts.seq,
            valid_from: parts.valid_from,
            valid_until: parts.valid_until,
            version: parts.version,
            withdrawn: None,
        }
    }

    /// The same; also whether all of the line is JSON, and nothing else stands in it.
    pub(super) fn parse_whole(line: &'a str) -> Result<Entry<'a>, String> {
        let entry: Entry<'a> = serde_json::from_str(line)
            .map_err(|error| format!("it is no entry ({})", error.classify_words()))?;
        if entry.body.is_some() == entry.withdrawn.is_some() {
            return Err("it has not either a body or a reason of withdrawal".to_owned());
        }
        Ok(entry)
    }

    /// What is recorded, as canonical JSON; `None` for a withdrawal.
    pub fn body_text(&self) -> Option<&'a str> {
        self.body
    }

    /// What is recorded; `None` for a withdrawal.
    pub fn body(&self) -> Option<Value> {
        serde_json::from_str(self.body_text()?).ok()
    }

    /// The hash that the line states: that of the line without it. `None` where what stands there is no hash.
    pub fn hash(&self) -> Option<Hash> {
        Hash::parse(self.hash)
    }

    /// What a table of records needs of it.
    pub(crate) fn brief(&self) -> Brief<'a> {
        // A line without a hash or a time was refused when the ledger was read.
        Brief {
            seq: self.seq,
            id: self.id,
            body: self.body.unwrap_or_default(),
            by: self.by,
            hash: self.hash().unwrap_or_default(),
            recorded_at: self.recorded_at().unwrap_or_default(),
        }
    }

    /// The hash as the line states it.
    pub(crate) fn hash_text(&self) -> &'a str {
        self.hash
    }

    /// When it was recorded, as the line states it.
    pub(crate) fn recorded_text(&self) -> &'a str {
        self.recorded_at
    }

    /// From when and until when it holds, as the line states them.
    pub(crate) fn valid_text(&self) -> (Option<&'a str>, Option<&'a str>) {
        (self.valid_from, self.valid_until)
    }

    pub(super) fn previous(&self) -> Option<Hash> {
        Hash::parse(self.previous)
    }

    /// When it was recorded.
    pub fn recorded_at(&self) -> Option<Time> {
        Time::parse(self.recorded_at)
    }

    /// From when on what it says holds; without one, always did.
    pub fn valid_from(&self) -> Option<Time> {
        self.valid_from.and_then(Time::parse)
    }

    /// Until when what it says holds; without one, until it is said otherwise.
    pub fn valid_until(&self) -> Option<Time> {
        self.valid_until.and_then(Time::parse)
    }

    /// The entry as the origin of one that is imported from it.
    pub(super) fn as_origin(&self) -> Origin<'a> {
        Origin {
            by: self.by,
            hash: self.hash,
            recorded_at: self.recorded_at,
        }
    }

    /// The hash that the line should have: that of the line without its `hash`.
    pub(super) fn computed(&self, line: &str) -> Option<Hash> {
        const KEY: &str = "\"hash\":\"";
        let at = (self.hash.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        let begin = at.checked_sub(KEY.len())?;
        let end = at.checked_add(self.hash.len() + "\",".len())?;
        let cut = line.get(begin..end)?;
        if !cut.starts_with(KEY) || !cut.ends_with("\",") {
            return None;
        }
        Some(Hash::of(&[
            line.get(..begin)?.as_bytes(),
            line.get(end..)?.as_bytes(),
        ]))
    }

    /// Whether both say the same of their record.
    pub(super) fn says_the_same(&self, other: &Entry<'_>) -> bool {
        self.body_text() == other.body_text()
            && self.withdrawn == other.withdrawn
            && self.valid_from == other.valid_from
            && self.valid_until == other.valid_until
            && self.attachments == other.attachments
    }
}

/// A value as it stands in the line.
fn raw<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<&'de str>, D::Error> {
    Ok(Option::<&RawValue>::deserialize(reader)?.map(RawValue::get))
}

trait ClassifyWords {
    fn classify_words(&self) -> String;
}

impl ClassifyWords for serde_json::Error {
    /// Without `line 1`, which is never the line that is meant.
    fn classify_words(&self) -> String {
        let text = self.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        format!("{what} at byte {}", self.column())
    }
}

/// An entry to be written: everything but its place in the chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
    /// Canonical JSON; `None` for a withdrawal.
    pub(super) body: Option<&'a str>,
    pub(super) withdrawn: Option<&'a str>,
    pub(super) valid_from: Option<Time>,
    pub(super) valid_until: Option<Time>,
    pub(super) attachments: &'a [Attached<'a>],
    pub(super) by: &'a str,
    pub(super) means: &'a str,
    pub(super) origin: Option<Origin<'a>>,
}

/// Its place in the chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) version: u32,
    pub(super) previous: Hash,
    pub(super) recorded_at: Time,
}

impl Draft<'_> {
    /// Whether both say the same of their record.
    pub(super) fn says_the_same(&self, other: &Draft<'_>) -> bool {
        self.body == other.body
            && self.withdrawn == other.withdrawn
            && self.valid_from == other.valid_from
            && self.valid_until == other.valid_until
            && self.attachments == other.attachments
    }

    /// Whether the entry says the same already.
    pub(super) fn is_said_by(&self, entry: &Entry<'_>) -> bool {
        self.body == entry.body_text()
            && self.withdrawn == entry.withdrawn.as_deref()
            && self.valid_from == entry.valid_from()
            && self.valid_until == entry.valid_until()
            && self.attachments == entry.attachments
    }

    /// The line without its end, and its hash. The keys stand in canonical order.
    pub(super) fn line(&self, link: Link) -> (String, Hash) {
        let mut head = String::from("{");
        if !self.attachments.is_empty() {
            head.push_str("\"attachments\":[");
            for (place, attached) in self.attachments.iter().enumerate() {
                head.push_str(if place > 0 { ",{" } else { "{" });
                if let Some(name) = attached.name {
                    text(&mut head, "name", name);
                }
                text(&mut head, "sha256", attached.sha256);
                close(&mut head);
                head.push('}');
            }
            head.push_str("],");
        }
        if let Some(body) = self.body {
            head.push_str("\"body\":");
            head.push_str(body);
            head.push(',');
        }
        text(&mut head, "by", self.by);
        let mut tail = String::new();
        text(&mut tail, "id", self.id);
        text(&mut tail, "kind", self.kind);
        text(&mut tail, "means", self.means);
        if let Some(origin) = &self.origin {
            tail.push_str("\"origin\":{");
            text(&mut tail, "by", origin.by);
            text(&mut tail, "hash", origin.hash);
            text(&mut tail, "recorded_at", origin.recorded_at);
            close(&mut tail);
            tail.push_str("},");
        }
        text(&mut tail, "previous", &link.previous.to_string());
        text(&mut tail, "recorded_at", &link.recorded_at.to_string());
        tail.push_str(&format!("\"seq\":{},", link.seq));
        for (key, time) in [
            ("valid_from", self.valid_from),
            ("valid_until", self.valid_until),
        ] {
            if let Some(time) = time {
                text(&mut tail, key, &time.to_string());
            }
        }
        tail.push_str(&format!("\"version\":{},", link.version));
        if let Some(reason) = self.withdrawn {
            text(&mut tail, "withdrawn", reason);
        }
        close(&mut tail);
        tail.push('}');
        let hash = Hash::of(&[head.as_bytes(), tail.as_bytes()]);
        text(&mut head, "hash", &hash.to_string());
        (head + &tail, hash)
    }
}

/// `"key":"value",`
fn text(out: &mut String, key: &str, value: &str) {
    canon::string(key, out);
    out.push(':');
    canon::string(value, out);
    out.push(',');
}

/// Takes back the comma after the last of a list.
fn close(out: &mut String) {
    if out.ends_with(',') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_canonical_json_and_its_hash_is_that_of_the_line_without_it() {
        let attachments = [
            Attached {
                name: Some("seal.jpg"),
                sha256: "00ff",
            },
            Attached {
                name: None,
                sha256: "01",
            },
        ];
        let draft = Draft {
            kind: "visit",
            id: "V-1",
            body: Some(r#"{"firm":"A \"B\"\nC","people":2}"#),
            withdrawn: None,
            valid_from: Time::parse("2026-11-01T00:00:00Z"),
            valid_until: None,
            attachments: &attachments,
            by: "Zoë O'Hara",
            means: "csv:visits.csv",
            origin: Some(Origin {
                by: "x",
                hash: "sha256:00",
                recorded_at: "t",
            }),
        };
        let link = Link {
            seq: 7,
            version: 2,
            previous: Hash::of(&[b"before"]),
            recorded_at: Time::from_secs(1_700_000_000),
        };
        let (line, hash) = draft.line(link);
        // Attached files leave it to the reader of JSON.
        assert_eq!(scan::parts(&line), None);
        let mut value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(canon::text(&value).unwrap(), line);
        let entry = Entry::parse(&line).unwrap();
        assert_eq!(entry.computed(&line), Some(hash));
        assert!(draft.is_said_by(&entry) && entry.says_the_same(&entry.clone()));
        value.as_object_mut().unwrap().shift_remove("hash");
        let bare = canon::text(&value).unwrap();
        assert_eq!(Hash::of(&[bare.as_bytes()]), hash);
    }
    fn written(draft: &Draft<'_>) -> String {
        draft
            .line(Link {
                seq: 7,
                version: 12,
                previous: Hash::of(&[b"before"]),
                recorded_at: Time::from_secs(1_700_000_000),
            })
            .0
    }

    /// Bodies that try to look like what stands behind them.
    #[test]
    fn a_line_is_read_from_its_end_as_the_reader_of_json_reads_it() {
        let origin = Origin {
            by: "x",
            hash: "sha256:00",
            recorded_at: "t",
        };
        let bodies = [
            ("{}", true),
            (
                r#"{"by":"a","hash":"sha256:11","id":"b","version":1}"#,
                true,
            ),
            (
                r#"{"a":"\",\"by\":\"y\",\"hash\":\"z\",\"id\":\"w\"","b":["by","c"]}"#,
                true,
            ),
            // A brace within could be the end of the body.
            (
                r#"{"a":"\",\"by\":\"y\",\"hash\":\"z\",\"id\":\"w\"}","b":[{"by":"c"}]}"#,
                false,
            ),
            (r#"{"note":"}"}"#, false),
            (
                r#"{"origin":{"by":"x","hash":"y","recorded_at":"z"}}"#,
                false,
            ),
        ];
        for (body, is_plain) in bodies {
            for (origin, valid_from, valid_until) in [
                (None, None, None),
                (Some(origin), Some(Time::from_secs(1)), None),
                (Some(origin), None, Some(Time::from_secs(2))),
                (None, Some(Time::from_secs(1)), Some(Time::from_secs(2))),
            ] {
                let line = written(&Draft {
                    kind: "visit",
                    id: "V-1",
                    body: Some(body),
                    withdrawn: None,
                    valid_from,
                    valid_until,
                    attachments: &[],
                    by: "Zoë",
                    means: "csv:visits.csv",
                    origin,
                });
                let parts = scan::parts(&line);
                assert_eq!(parts.map(|parts| parts.body), is_plain.then_some(body));
                let both = [Entry::parse(&line), Entry::parse_whole(&line)];
                let [ours, whole] = both.map(|entry| format!("{:?}", entry.unwrap()));
                assert_eq!(ours, whole);
                // Whatever is cut off or stands behind, it is no such line.
                for end in 0..line.len() {
                    if let Some(cut) = line.get(..end) {
                        assert_eq!(scan::parts(cut), None, "{cut}");
                    }
                }
                assert_eq!(scan::parts(&format!("{line} ")), None);
            }
        }
        let withdrawn = Draft {
            kind: "visit",
            id: "V-1",
            body: None,
            withdrawn: Some("twice"),
            valid_from: None,
            valid_until: None,
            attachments: &[],
            by: "a",
            means: "cli",
            origin: None,
        };
        let by = |by| {
            written(&Draft {
                by,
                body: Some("{}"),
                withdrawn: None,
                ..withdrawn
            })
        };
        for line in [
            written(&withdrawn),
            by("a\"b"),
            by("a\\"),
            by("a").replace(":12}", ":012}"),
            by("a").replace(":12}", ":99999999999}"),
            by("a").replace("\"seq\"", "\"sequence\""),
        ] {
            assert_eq!(scan::parts(&line), None, "{line}");
        }
        // What ends early and goes on as something else is what the reader of JSON makes of it.
        for body in [
            r#"{"a":1},"origin":{"by":"x","hash":"y","recorded_at":"t"}"#,
            r#"{"a":1},"attachments":[],"origin":{"by":"x","hash":"y","recorded_at":"t"}"#,
            r#"{"a":1},"withdrawn":"x","z":{}"#,
            r#"{"a":{"b":1}"#,
            r#"{"a":"}"#,
        ] {
            let line = by("a").replace(r#""body":{}"#, &format!(r#""body":{body}"#));
            let both = [Entry::parse(&line), Entry::parse_whole(&line)];
            let [ours, whole] = both.map(|entry| format!("{entry:?}"));
            assert!(ours == whole || whole.starts_with("Err"), "{line}");
        }
    }
}
