//! Numbers, times, frames and markdown put into words.
use facts::{Time, Value};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::visible::show;

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(crate) fn size(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

/// `1 capture`, `3 captures`.
pub(crate) fn many(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// `frame 812`, `frames 812, 815`, `frames 1–4, 9 and 12 more`.
pub(crate) fn frames(frames: &[u64]) -> String {
    const MOST: usize = 8;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &frame in frames {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(frame) => *last = frame,
            _ => runs.push((frame, frame)),
        }
    }
    let shown: Vec<String> = runs
        .iter()
        .take(MOST)
        .map(|&(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}–{last}"),
        })
        .collect();
    let left: u64 = runs
        .iter()
        .skip(MOST)
        .map(|(first, last)| last - first + 1)
        .sum();
    let word = if frames.len() == 1 { "frame" } else { "frames" };
    let more = if left > 0 {
        format!(" and {} more", count(left))
    } else {
        String::new()
    };
    format!("{word} {}{more}", shown.join(", "))
}

/// From and until in the terminal's zone; the second date is left out when it is the first's.
pub(crate) fn span(first: Time, last: Time, zone: &str) -> String {
    let (from, until) = (first.local(zone), last.local(zone));
    if from == until {
        return from;
    }
    let mut parts = (from.splitn(3, ' '), until.splitn(3, ' '));
    match (
        parts.0.next(),
        parts.0.next(),
        parts.0.next(),
        parts.1.next(),
        parts.1.next(),
        parts.1.next(),
    ) {
        (Some(day), Some(at), Some(abbreviation), Some(day2), Some(at2), Some(abbreviation2))
            if abbreviation == abbreviation2 =>
        {
            let second = if day == day2 {
                at2.to_owned()
            } else {
                format!("{day2} {at2}")
            };
            format!("{day} {at} – {second} {abbreviation}")
        }
        _ => format!("{from} – {until}"),
    }
}

/// A telling value for people; a time in the terminal's zone.
pub(crate) fn value(value: &Value, zone: &str) -> String {
    match value {
        Value::Null => "not seen".to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => format!("{number}"),
        Value::Text(text) => match Time::parse(text) {
            Some(time) => time.local(zone),
            None => show(text),
        },
        Value::List(texts) if texts.is_empty() => "none".to_owned(),
        Value::List(texts) => texts
            .iter()
            .map(|text| show(text))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Numbers(numbers) if numbers.is_empty() => "none".to_owned(),
        Value::Numbers(numbers) => numbers
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// The name of a column as words: `source_zone` is `source zone`.
pub(crate) fn column(name: &str) -> String {
    show(name).replace('_', " ")
}

/// The first sentence of the first paragraph or list item of some markdown, without its marks.
pub(crate) fn first_sentence(markdown: &str) -> Option<String> {
    let mut text = String::new();
    for event in Parser::new(markdown) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Item) if !text.trim().is_empty() => break,
            Event::End(TagEnd::Heading(_)) => text.clear(),
            _ => {}
        }
    }
    let mut sentence = String::new();
    let mut rest = text.trim().chars().peekable();
    while let Some(c) = rest.next() {
        sentence.push(c);
        let ends =
            matches!(c, '.' | '!' | '?') && rest.peek().is_none_or(|next| next.is_whitespace());
        if ends
            && !["e.g.", "i.e.", "No.", "cf.", "vs."]
                .iter()
                .any(|short| sentence.ends_with(short))
        {
            break;
        }
    }
    if sentence.is_empty() {
        None
    } else {
        Some(show(&sentence))
    }
}

/// The paragraphs and list items of some markdown, without its marks, each on one line. Tables and code are left out.
pub(crate) fn plain(markdown: &str) -> Vec<String> {
    let (mut parts, mut text, mut left_out) = (Vec::new(), String::new(), 0usize);
    let mut end = |text: &mut String| {
        let part = std::mem::take(text);
        if !part.trim().is_empty() {
            parts.push(show(part.trim()));
        }
    };
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => left_out += 1,
            Event::End(TagEnd::CodeBlock) => left_out = left_out.saturating_sub(1),
            Event::Text(part) | Event::Code(part) if left_out == 0 => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::Start(Tag::List(_)) | Event::End(TagEnd::Paragraph | TagEnd::Item) => {
                end(&mut text);
            }
            Event::End(TagEnd::Heading(_)) => text.clear(),
            _ => {}
        }
    }
    end(&mut text);
    parts
}

/// The first character in upper case.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_frames_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(many(1, "capture", "captures"), "1 capture");
        assert_eq!(frames(&[812]), "frame 812");
        assert_eq!(frames(&[812, 815]), "frames 812, 815");
        assert_eq!(frames(&[1, 2, 3, 4, 9, 10]), "frames 1–4, 9, 10");
        let odd: Vec<u64> = (0..30).map(|n| n * 2 + 1).collect();
        assert_eq!(frames(&odd), "frames 1, 3, 5, 7, 9, 11, 13, 15 and 22 more");
    }

    #[test]
    fn a_span_names_the_day_once() {
        let at = |text| Time::parse(text).unwrap();
        let (a, b, c) = (
            at("2026-11-21T08:00:00Z"),
            at("2026-11-21T09:30:00Z"),
            at("2026-11-22T09:30:00Z"),
        );
        assert_eq!(
            span(a, b, "America/New_York"),
            "2026-11-21 03:00:00 – 04:30:00 EST"
        );
        assert_eq!(
            span(a, c, "America/New_York"),
            "2026-11-21 03:00:00 – 2026-11-22 04:30:00 EST"
        );
        assert_eq!(span(a, a, "Nowhere/None"), "2026-11-21 08:00:00 UTC");
    }

    #[test]
    fn the_first_sentence_of_a_page_is_the_next_step() {
        let page = "# Heading\n\nAsk the vendor, e.g. by *phone*, who\nsent `DB11`. Then write it down.\n\nMore.";
        assert_eq!(
            first_sentence(page).unwrap(),
            "Ask the vendor, e.g. by phone, who sent DB11."
        );
        assert_eq!(
            first_sentence("1. Unplug it\n2. Call").unwrap(),
            "Unplug it"
        );
        assert_eq!(first_sentence(""), None);
    }
}
