//! An event as one line for the journal: how bad, what happened, on which crane, what to do next.
use super::{Event, Origin, What};
use crate::visible::show;

/// Longest line in characters: what a phone and a terminal show whole. The sentence in the middle gives way; how bad,
/// where, what to do and the id of the finding stay.
const MOST: usize = 400;
/// Least that is left of the sentence, and most that anything else takes.
const LEAST_SENTENCE: usize = 80;
const MOST_PART: usize = 110;

pub(super) fn line(event: &Event, origin: &Origin) -> String {
    let head = format!(
        "{} {}",
        event.severity.word().to_uppercase(),
        head(event, origin)
    );
    let tail = tail(&event.what);
    let taken = head.chars().count() + tail.chars().count() + 2;
    let room = MOST.saturating_sub(taken).max(LEAST_SENTENCE);
    let mut sentence = show(event.what.reason());
    if let What::Closed(closed) = &event.what {
        sentence.push_str(&format!(" It was: {}", show(&closed.was)));
    }
    let sentence = clipped(&sentence, room);
    format!("{head}: {sentence}{tail}")
}

fn head(event: &Event, origin: &Origin) -> String {
    match &event.what {
        What::Opened(finding) => {
            let what = format!("{} not met", show(&finding.measure.id));
            on(what, &finding.cranes)
        }
        What::Again(finding) => {
            let what = format!("{} still not met, seen again", show(&finding.measure.id));
            on(what, &finding.cranes)
        }
        What::Closed(closed) => {
            let opened = closed.opened.local(origin.zone());
            let what = format!("{} finding of {opened} closed", show(&closed.measure.id));
            on(what, &closed.cranes)
        }
        What::Verdict(change) => {
            let title = clipped(&show(&change.measure.title), MOST_PART);
            let to = change.to.map_or("no longer judged", |to| to.words());
            let was = change
                .from
                .map_or_else(String::new, |from| format!(", was {from}"));
            format!("{} is {to}{was} ({title})", show(&change.measure.id))
        }
        What::Health(health) => match &health.about {
            Some(about) => format!(
                "{} {}",
                health.trouble.word(),
                clipped(&show(about), MOST_PART)
            ),
            None => health.trouble.word().to_owned(),
        },
    }
}

/// The cranes by name: the first few of many.
fn on(what: String, cranes: &[String]) -> String {
    const MOST_NAMED: usize = 4;
    let named: Vec<String> = cranes
        .iter()
        .take(MOST_NAMED)
        .map(|crane| show(crane))
        .collect();
    let more = match cranes.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match cranes.len() {
        0 => what,
        1 => format!("{what} on crane {}", clipped(&named.join(", "), MOST_PART)),
        _ => format!(
            "{what} on cranes {}{more}",
            clipped(&named.join(", "), MOST_PART)
        ),
    }
}

fn tail(what: &What) -> String {
    let next = what.next().map_or_else(String::new, |next| {
        format!(" Do next: {}", clipped(&show(next), MOST_PART))
    });
    let id = match what {
        What::Opened(finding) | What::Again(finding) => Some(&finding.id),
        What::Closed(closed) => Some(&closed.id),
        What::Verdict(_) | What::Health(_) => None,
    };
    let id = id.map_or_else(String::new, |id| format!(" [{}]", show(id)));
    format!("{next}{id}")
}

/// At most that many characters, the last of them `…` where some were left out; cut between words where one ends near.
fn clipped(text: &str, room: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    let at_word = kept
        .rsplit_once(' ')
        .map(|(before, _)| before)
        .filter(|before| before.chars().count() > room.saturating_sub(room / 4));
    format!(
        "{}…",
        at_word.unwrap_or(&kept).trim_end_matches([',', ';', ':'])
    )
}
