//! The head: how far the ledger goes, signed. Kept elsewhere, it is a checkpoint.
use std::path::{Path, PathBuf};

use facts::Time;
use serde_json::{Value, json};

use super::canon;
use super::error::Error;
use super::files;
use super::hash::Hash;
use super::key::{Key, Public, Signature};

/// The state of a ledger at a moment: as many entries, as many bytes, and the hash of the last entry, which stands for all
/// of them. Written as one line of canonical JSON with its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries; 0 before the first.
    pub seq: u64,
    /// Length of `ledger.jsonl`.
    pub bytes: u64,
    /// Hash of the last entry.
    pub hash: Hash,
    /// When it was signed.
    pub time: Time,
    /// By which key; `None` before the first entry.
    pub key: Option<Public>,
    /// The key that this one took the place of, in the head of the moment when it did: both signed it.
    pub before: Option<Public>,
}

/// What an empty ledger has for a head.
pub(super) const NONE: Head = Head {
    seq: 0,
    bytes: 0,
    hash: Hash([0; 32]),
    time: Time::MIN,
    key: None,
    before: None,
};

impl Head {
    fn value(&self, key: Public) -> Value {
        let mut value = json!({
            "bytes": self.bytes,
            "hash": self.hash.to_string(),
            "key": key.to_string(),
            "seq": self.seq,
            "time": self.time.to_string(),
        });
        if let (Some(before), Value::Object(object)) = (self.before, &mut value) {
            object.insert("key_before".to_owned(), before.to_string().into());
        }
        value
    }

    /// The line that the key signs to; with the one before it, where it takes its place.
    pub(super) fn sign(
        &self,
        key: &Key,
        before: Option<&Key>,
    ) -> Result<String, canon::NotCanonical> {
        let mut value = self.value(key.public());
        let text = canon::text(&value)?;
        if let Value::Object(object) = &mut value {
            object.insert("signature".to_owned(), key.sign(&text).to_string().into());
            if let Some(before) = before {
                let signature = before.sign(&text).to_string();
                object.insert("signature_before".to_owned(), signature.into());
            }
        }
        Ok(canon::text(&value)? + "\n")
    }

    /// Reads a head or checkpoint and holds its signature against the key that it names; else says what is wrong.
    ///
    /// # Errors
    /// A sentence without a full stop: the text has another form, or its signature is not that of the key that it
    /// names.
    pub fn parse(text: &str) -> Result<Head, String> {
        let form = || "it is not of the form of a head; the whole line is needed".to_owned();
        // A copy may have lost the end of its line, or gained another's.
        let line = text.trim_end_matches(['\n', '\r']);
        // Nor does who pastes it see a blank; that is no forgery.
        if line.trim() != line && !line.trim().is_empty() {
            return Err("blanks stand before or behind the line; paste it without them".to_owned());
        }
        let value: Value = serde_json::from_str(line).map_err(|_| form())?;
        let word = |name: &str| value.get(name).and_then(Value::as_str).ok_or_else(form);
        let number = |name: &str| value.get(name).and_then(Value::as_u64).ok_or_else(form);
        let key = Public::parse(word("key")?).ok_or_else(form)?;
        let head = Head {
            seq: number("seq")?,
            bytes: number("bytes")?,
            hash: Hash::parse(word("hash")?).ok_or_else(form)?,
            time: Time::parse(word("time")?).ok_or_else(form)?,
            key: Some(key),
            before: match value.get("key_before") {
                None => None,
                Some(_) => Some(Public::parse(word("key_before")?).ok_or_else(form)?),
            },
        };
        let signed = canon::text(&head.value(key)).map_err(|error| error.to_string())?;
        let is_signed = |key: Public, name: &str| -> Result<bool, String> {
            let signature = Signature::parse(word(name)?).ok_or_else(form)?;
            Ok(key.verifies(&signed, &signature))
        };
        let by_both = match head.before {
            None => true,
            Some(before) => is_signed(before, "signature_before")?,
        };
        // What reads alike and is written otherwise (a `t` in the time) was changed as well: there is one way to write it.
        let mut written = head.value(key);
        if let Value::Object(object) = &mut written {
            for name in ["signature", "signature_before"] {
                object.extend(value.get(name).map(|one| (name.to_owned(), one.clone())));
            }
        }
        let is_as_written = canon::text(&written).is_ok_and(|text| text == line);
        if !is_signed(key, "signature")? || !by_both || !is_as_written {
            return Err("its signature is wrong: somebody changed it".to_owned());
        }
        Ok(head)
    }
}

/// The head of a folder, and the one that was about to follow when a write did not come to its end.
#[derive(Debug)]
pub(super) struct Heads {
    pub(super) head: Head,
    pub(super) next: Option<Head>,
}

/// What is wrong with a head, and in which file.
#[derive(Debug)]
pub(super) struct BadHead {
    pub(super) file: &'static str,
    pub(super) what: String,
}

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("ledger.head")
}

pub(super) fn next_path(folder: &Path) -> PathBuf {
    folder.join("ledger.next")
}

/// The file that holds this head: a write that lacks its last step only has left it as the next.
pub(super) fn signed_path(folder: &Path, head: &Head) -> Result<PathBuf, Error> {
    let next = next_path(folder);
    let bytes = files::read(&next).map_err(Error::file("read", &next))?;
    let read = bytes.and_then(|bytes| Head::parse(&String::from_utf8_lossy(&bytes)).ok());
    Ok(if read.as_ref() == Some(head) {
        next
    } else {
        path(folder)
    })
}

impl Heads {
    pub(super) fn read(folder: &Path) -> Result<Result<Heads, BadHead>, Error> {
        let public = folder.join("ledger.pub");
        let public = files::read(&public).map_err(Error::file("read", public))?;
        let one = |path: PathBuf, file| -> Result<Result<Option<Head>, BadHead>, Error> {
            let bytes = files::read(&path).map_err(Error::file("read", path))?;
            let bad = |what: String| BadHead { file, what };
            Ok(bytes
                .map(|bytes| {
                    let head = Head::parse(&String::from_utf8_lossy(&bytes)).map_err(bad)?;
                    // A replacement of the key that did not come to its last step leaves the public key before.
                    let signers = [head.key, head.before].into_iter().flatten();
                    let mut signers = signers.map(Public::pem).map(String::into_bytes);
                    if !signers.any(|signer| Some(&signer) == public.as_ref()) {
                        let what = "it is signed by another key than that of ledger.pub";
                        return Err(bad(what.to_owned()));
                    }
                    Ok(head)
                })
                .transpose())
        };
        let head = match one(path(folder), "ledger.head")? {
            Ok(head) => head.unwrap_or(NONE),
            Err(bad) => return Ok(Err(bad)),
        };
        Ok(one(next_path(folder), "ledger.next")?.map(|next| Heads {
            head,
            next: next.filter(|next| next.seq > head.seq && next.bytes > head.bytes),
        }))
    }
}
