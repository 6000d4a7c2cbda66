//! What shows a fact: the frames behind a citation.
use facts::kinds::{Conversation, KINDS};
use facts::{Facts, Kind, Time};
use rusqlite::{Connection, OptionalExtension};

/// The frames that show a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The capture's name, as its row of `capture_file` has it.
    pub capture: String,
    /// Numbers from 1, ascending.
    pub frames: Vec<u64>,
    /// When the fact begins; `None` where it has no time.
    pub time: Option<Time>,
}

/// When cited conversations began and what shows them, for a snapshot whose table of conversations was not asked for.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    captures: Vec<String>,
    /// Number, begin, capture, and where its frames end in `frames`; ascending.
    rows: Vec<(i64, Time, Option<u32>, usize)>,
    frames: Vec<u32>,
}

impl Conversations {
    /// `cited`: their numbers, ascending.
    pub(crate) fn of(facts: &Facts, cited: &[i64]) -> Conversations {
        let mut all = Conversations {
            captures: facts.captures.clone(),
            ..Conversations::default()
        };
        for id in cited {
            let at = usize::try_from(*id).ok().and_then(|id| id.checked_sub(1));
            let one = at.and_then(|at| facts.conversations.get(at));
            let Some(one) = one else { continue };
            all.frames.extend_from_slice(&one.evidence.frames);
            let row = (*id, one.time, one.evidence.capture, all.frames.len());
            all.rows.push(row);
        }
        all
    }

    fn shown(&self, id: i64) -> Option<Shown> {
        let at = self.rows.binary_search_by_key(&id, |row| row.0).ok()?;
        let (_, time, capture, end) = *self.rows.get(at)?;
        let before = at.checked_sub(1).and_then(|before| self.rows.get(before));
        let begin = before.map_or(0, |(_, _, _, end)| *end);
        let mut frames: Vec<u64> = self
            .frames
            .get(begin..end)?
            .iter()
            .copied()
            .map(u64::from)
            .collect();
        frames.sort_unstable();
        Some(Shown {
            capture: self.captures.get(capture? as usize)?.clone(),
            frames,
            time: Some(time),
        })
    }
}

/// What shows the fact of that kind and id; `None` where nothing does.
pub(crate) fn shown(
    db: &Connection,
    aside: Option<&Conversations>,
    kind: &str,
    id: i64,
) -> rusqlite::Result<Option<Shown>> {
    if let Some(conversations) = aside.filter(|_| kind == Conversation::INFO.name) {
        return Ok(conversations.shown(id));
    }
    let Some(kind) = KINDS.iter().find(|known| known.name == kind) else {
        return Ok(None);
    };
    let mut statement = db.prepare_cached(&format!(
        "SELECT capture, frames, time FROM \"{}\" WHERE id = ?1 AND capture IS NOT NULL",
        kind.name
    ))?;
    let row = statement.query_row([id], |row| {
        let frames: Option<String> = row.get(1)?;
        let time: Option<String> = row.get(2)?;
        let frames = frames.and_then(|json| serde_json::from_str(&json).ok());
        let mut frames: Vec<u64> = frames.unwrap_or_default();
        frames.sort_unstable();
        Ok(Shown {
            capture: row.get(0)?,
            frames,
            time: time.and_then(|time| Time::parse(&time)),
        })
    });
    row.optional()
}
