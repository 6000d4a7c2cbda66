//! The replacement of the key that signs: an entry like any other, which the old and the new key sign.
//!
//! A ledger that was imported whole holds the replacements of another's key. An entry of the same kind, signed by the key
//! of this one alone, says where its own begin; the import writes it.
//!
//! It holds both keys, their fingerprints and the hash of the entry before it, so that it can stand nowhere else. From the
//! first such entry to the last, each key hands on to the next.
use serde_json::{Map, Value, json};

use super::book::Book;
use super::entry::{Draft, Entry};
use super::hash::Hash;
use super::key::{Key, Public, Signature};
use super::{Stamp, canon};

/// Kind and id of the entry.
pub(super) const KIND: &str = "ledger-key";
pub(super) const ID: &str = "signing";

/// One replacement, read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) old: Public,
    pub(super) new: Public,
}

/// What both keys sign.
fn signed(
    old: Public,
    new: Public,
    after: &str,
    reason: &str,
) -> Result<String, canon::NotCanonical> {
    canon::text(&json!({
        "after": after,
        "new": new.to_string(),
        "old": old.to_string(),
        "reason": reason,
    }))
}

pub(super) fn body(
    old: &Key,
    new: &Key,
    after: Hash,
    reason: &str,
) -> Result<Map<String, Value>, canon::NotCanonical> {
    let (from, to, after) = (old.public(), new.public(), after.to_string());
    let text = signed(from, to, &after, reason)?;
    let fields = [
        ("after", after),
        ("new", to.to_string()),
        ("new_fingerprint", to.fingerprint()),
        ("old", from.to_string()),
        ("old_fingerprint", from.fingerprint()),
        ("reason", reason.to_owned()),
        ("signature_new", new.sign(&text).to_string()),
        ("signature_old", old.sign(&text).to_string()),
    ];
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()));
    Ok(fields.collect())
}

/// The entry that says it, with that body.
pub(super) fn draft<'a>(body: &'a str, stamp: &Stamp<'a>) -> Draft<'a> {
    Draft {
        kind: KIND,
        id: ID,
        body: Some(body),
        withdrawn: None,
        valid_from: None,
        valid_until: None,
        attachments: &[],
        by: stamp.by,
        means: stamp.means,
        origin: None,
    }
}

/// Reads an entry of a replacement; what is wrong with it, else.
fn read(entry: &Entry<'_>) -> Result<Step, String> {
    let body = entry.body().unwrap_or_default();
    let word = |name: &str| {
        let word = body.get(name).and_then(Value::as_str);
        word.ok_or_else(|| format!("it says that the key was replaced, and has no {name}"))
    };
    let key =
        |name: &str| Public::parse(word(name)?).ok_or_else(|| format!("its {name} is no key"));
    let (old, new, after) = (key("old")?, key("new")?, word("after")?);
    if entry.previous() != Hash::parse(after) {
        return Err("it replaces the key behind another entry than the one before it".to_owned());
    }
    let text = signed(old, new, after, word("reason")?).map_err(|error| error.to_string())?;
    for (name, key) in [("signature_old", old), ("signature_new", new)] {
        let signature = Signature::parse(word(name)?);
        if !signature.is_some_and(|signature| key.verifies(&text, &signature)) {
            return Err(format!(
                "it says that the key was replaced, and its {name} is wrong"
            ));
        }
    }
    Ok(Step { old, new })
}

/// What a key signs that begins behind what was imported.
fn signed_begin(key: Public, after: &str) -> Result<String, canon::NotCanonical> {
    canon::text(&json!({ "after": after, "begins": key.to_string() }))
}

/// Says that this key signs from here on, and that what stands before it was imported whole.
pub(super) fn begin_body(key: &Key, after: Hash) -> Result<String, canon::NotCanonical> {
    let (begins, after) = (key.public(), after.to_string());
    let signature = key.sign(&signed_begin(begins, &after)?).to_string();
    canon::text(&json!({
        "after": after,
        "begins": begins.to_string(),
        "begins_fingerprint": begins.fingerprint(),
        "signature": signature,
    }))
}

/// Reads an entry that says which key begins; `None` if it says something else.
fn read_begin(entry: &Entry<'_>) -> Option<Result<Public, String>> {
    let body = entry.body()?;
    let word = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let begins = body.get("begins")?.as_str().unwrap_or_default();
    let read = || {
        let key = Public::parse(begins).ok_or("its begins is no key")?;
        if entry.previous() != Hash::parse(word("after")) {
            return Err("it begins behind another entry than the one before it".to_owned());
        }
        let text = signed_begin(key, word("after")).map_err(|error| error.to_string())?;
        match Signature::parse(word("signature")) {
            Some(signature) if key.verifies(&text, &signature) => Ok(key),
            _ => Err("it says that a key begins, and its signature is wrong".to_owned()),
        }
    };
    Some(read())
}

/// The replacements of a ledger.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Those of this ledger, in their order.
    pub(super) steps: Vec<Step>,
    /// The key that signs after all of them; `None` where none was replaced and none said that it begins.
    pub(super) last: Option<Public>,
    /// What to tell of each.
    pub(super) notes: Vec<String>,
    /// What is wrong with them: line and sentence.
    pub(super) wrong: Vec<(u64, String)>,
}

/// Follows the keys from the first to the last. Of entries that came from another ledger nothing is asked: they replaced
/// its key. Those before a key that begins are another's too.
pub(super) fn chain(book: &Book) -> Chain {
    let mut chain = Chain::default();
    for entry in book.entries_of(KIND).filter(|entry| entry.origin.is_none()) {
        let at = entry
            .recorded_at()
            .map_or(String::new(), |at| at.to_string());
        match read_begin(&entry) {
            Some(Ok(key)) => {
                chain.steps.clear();
                chain.last = Some(key);
                chain.notes.push(format!(
                    "what stands before entry {} was imported whole at {at} by {}; from there on the key {} signs",
                    entry.seq,
                    entry.by,
                    key.fingerprint()
                ));
                continue;
            }
            Some(Err(what)) => {
                chain.wrong.push((entry.seq, what));
                continue;
            }
            None => {}
        }
        match read(&entry) {
            Ok(step) if chain.last.is_none_or(|last| last == step.old) => {
                let note = format!(
                    "the key was replaced at {at} by {} (entry {}): {} by {}; both keys signed that",
                    entry.by,
                    entry.seq,
                    step.old.fingerprint(),
                    step.new.fingerprint()
                );
                chain.steps.push(step);
                chain.notes.push(note);
                chain.last = Some(step.new);
            }
            Ok(_) => chain.wrong.push((
                entry.seq,
                "it replaces a key that was not the one in use".to_owned(),
            )),
            Err(what) => chain.wrong.push((entry.seq, what)),
        }
    }
    chain
}
