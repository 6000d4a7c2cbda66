//! Text that many rows share: the name of a zone stands in a million of them, and in memory once.
use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// Text that costs nothing to copy, and a row no more than the place of a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shared(Arc<Text>);

/// Behind the pointer, so that the length stands there too.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Text(Box<str>);

impl Shared {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }
}

impl Default for Shared {
    fn default() -> Shared {
        static EMPTY: LazyLock<Shared> = LazyLock::new(|| Shared::from(""));
        EMPTY.clone()
    }
}

impl Deref for Shared {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Shared {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Shared {
    fn from(text: &str) -> Shared {
        Shared(Arc::new(Text(text.into())))
    }
}

impl From<String> for Shared {
    fn from(text: String) -> Shared {
        Shared(Arc::new(Text(text.into())))
    }
}

impl PartialEq<str> for Shared {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Shared {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// The words that rows share.
#[derive(Debug, Default)]
pub struct Words(HashSet<Shared>);

impl Words {
    /// More words than these are each for itself: what has so many is no vocabulary.
    const MOST: usize = 1 << 12;

    /// The text as it was given before, else as it is given now.
    pub fn word(&mut self, text: &str) -> Shared {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let word = Shared::from(text);
        if self.0.len() < Words::MOST {
            self.0.insert(word.clone());
        }
        word
    }
}
