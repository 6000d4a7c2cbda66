//! Words of a small fixed vocabulary, of which a row keeps the number alone: there may be a million rows.
use std::fmt;
use std::num::NonZeroU8;
use std::ops::Deref;

use crate::{Cell, Plain, Type, Value};

/// What became of a conversation, how its client was told from its server, how it ended, and whether any of it went on without
/// the work order that it needed; the first is for what was never said.
const ALL: [&str; 17] = [
    "",
    "answered",
    "unanswered",
    "refused",
    "one-way",
    "one-sided",
    "handshake",
    "role",
    "port",
    "first",
    "passed",
    "unclear",
    "closed",
    "client-closed",
    "server-closed",
    "client-reset",
    "server-reset",
];

/// One of these words. None at all takes no more room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(NonZeroU8);

impl Default for Term {
    fn default() -> Term {
        Term(NonZeroU8::MIN)
    }
}

impl Term {
    /// The word of that spelling.
    pub fn parse(text: &str) -> Option<Term> {
        let place = ALL.iter().position(|word| *word == text)?;
        let number = u8::try_from(place).ok()?.checked_add(1)?;
        NonZeroU8::new(number).map(Term)
    }

    /// The word itself.
    pub fn as_str(&self) -> &'static str {
        let place = usize::from(self.0.get() - 1);
        ALL.get(place).copied().unwrap_or_default()
    }
}

/// The word of that spelling; of another, none.
impl From<&str> for Term {
    fn from(text: &str) -> Term {
        Term::parse(text).unwrap_or_default()
    }
}

impl Deref for Term {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<&str> for Term {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Cell for Term {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        Value::Text((**self).to_owned())
    }
    fn plain<'a>(&'a self, _scratch: &'a mut String) -> Plain<'a> {
        Plain::Text(self)
    }
    fn read(value: Value) -> Option<Term> {
        match value {
            Value::Text(text) => Term::parse(&text),
            Value::Null => Some(Term::default()),
            _ => None,
        }
    }
}

#[test]
fn a_word_is_read_as_it_is_written_and_no_other_is() {
    for word in ALL {
        let term = Term::parse(word).unwrap();
        assert_eq!(term, word);
        assert_eq!(Term::read(term.value()), Some(term));
    }
    assert_eq!(Term::read(Value::Text("answers".to_owned())), None);
}
