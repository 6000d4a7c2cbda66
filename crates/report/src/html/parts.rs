//! Small parts that every section uses: badges, folds, lists, times, citations.
use facts::Time;
use judge::{Cited, Subject, Verdict};
use maud::{Markup, html};

use crate::visible::show;
use crate::words;

/// Rows shown of a table; what is beyond is counted.
pub(super) const MOST_ROWS: usize = 2000;
/// Of a list so many lines are printed on paper, the others counted.
pub(super) const MOST_ON_PAPER: usize = 3;
/// Subjects of a measure that are printed on paper, and rows of other long tables; the style sheet hides the others.
pub(super) const MOST_SUBJECTS_ON_PAPER: usize = 40;
const MOST_ROWS_ON_PAPER: usize = 15;
/// Names shown in a cell.
const MOST_NAMES: usize = 12;

const fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotMet => "not-met",
        Verdict::Unproven => "unproven",
        Verdict::Met => "met",
        Verdict::NotApplicable => "not-applicable",
    }
}

/// One shape per verdict, so that none is told by colour alone: octagon, diamond, disc, square.
pub(super) fn symbols() -> Markup {
    html! {
        svg.symbols width="0" height="0" aria-hidden="true" {
            symbol id="v-not-met" viewBox="0 0 16 16" {
                path.fill d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z" {}
                path.mark d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" {}
            }
            symbol id="v-unproven" viewBox="0 0 16 16" {
                path.line d="M8 1.3 14.7 8 8 14.7 1.3 8z" {}
                path.ask d="M6.5 6.6c0-2 3-2 3-.1 0 1.2-1.5 1.1-1.5 2.5M8 10.9v.2" {}
            }
            symbol id="v-met" viewBox="0 0 16 16" {
                circle.fill cx="8" cy="8" r="7.2" {}
                path.mark d="M4.8 8.3l2.2 2.3 4.2-4.8" {}
            }
            symbol id="v-not-applicable" viewBox="0 0 16 16" {
                rect.line x="1.8" y="1.8" width="12.4" height="12.4" rx="2" {}
                path.ask d="M5 8h6" {}
            }
        }
    }
}

pub(super) fn icon(verdict: Verdict) -> Markup {
    html! {
        svg class={ "icon " (symbol(verdict)) } width="16" height="16" aria-hidden="true" {
            use href={ "#v-" (symbol(verdict)) } {}
        }
    }
}

/// Shape and word.
pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (symbol(verdict)) } { (icon(verdict)) (words::capital(verdict.words())) } }
}

/// Says how many rows a table left off, and where they are.
pub(super) fn folded(rows: usize, kind: &str) -> Markup {
    let left = rows.saturating_sub(MOST_ROWS);
    html! {
        @if left > 0 {
            p.folded {
                (words::count(words::size(left))) " more rows are not shown here; "
                code { "seawall facts --kind " (kind) } " gives all of them."
            }
        }
    }
}

/// On paper: how many of a list are not printed.
pub(super) fn unprinted(all: usize, one: &str, several: &str) -> Markup {
    let left = all.saturating_sub(MOST_ON_PAPER);
    html! { @if left > 0 { p.paper { "and " (words::many(words::size(left), one, several)) " more in the file" } } }
}

/// On paper: how many rows of a long table are not printed.
pub(super) fn unprinted_rows(all: usize) -> Markup {
    let left = all.saturating_sub(MOST_ROWS_ON_PAPER);
    html! { @if left > 0 { p.paper { "and " (words::many(words::size(left), "row", "rows")) " more in the file" } } }
}

/// A list in a cell; a long one is cut with its count.
pub(super) fn names<T: AsRef<str>>(all: impl Iterator<Item = T>) -> Markup {
    let all: Vec<T> = all.collect();
    html! {
        @for (nth, name) in all.iter().take(MOST_NAMES).enumerate() {
            @if nth > 0 { ", " }
            span.name { (show(name.as_ref())) }
        }
        @if all.len() > MOST_NAMES { " and " (all.len() - MOST_NAMES) " more" }
    }
}

/// Text whose dates do not break at their hyphens.
pub(super) fn dated(text: &str) -> Markup {
    html! {
        @for (nth, word) in text.split(' ').enumerate() {
            @if nth > 0 { " " }
            @if word.matches('-').count() == 2 { span.date { (word) } } @else { (word) }
        }
    }
}

/// In the terminal's zone, and in UTC where that differs.
pub(super) fn time(at: Time, zone: &str) -> Markup {
    let (local, utc) = (at.local(zone), at.local("UTC"));
    html! {
        time datetime=(at) { (local) }
        @if local != utc { " " span.quiet { (utc) } }
    }
}

pub(super) fn span(first: Time, last: Time, zone: &str) -> Markup {
    let (local, utc) = (
        words::span(first, last, zone),
        words::span(first, last, "UTC"),
    );
    html! { (dated(&local)) @if local != utc { " " span.quiet { (dated(&utc)) } } }
}

/// Captures and frames, each with the time of its first; then records, each with its entry.
pub(super) fn evidence(subject: &Subject, zone: &str) -> Markup {
    let of = |nth: usize, cited: &Cited| {
        html! {
            li.more[nth >= MOST_ON_PAPER] {
                code { (show(&cited.capture)) } " " (words::frames(&cited.frames))
                @if let Some(at) = cited.time { span.at { (time(at, zone)) } }
                @if !cited.fact.is_empty() { span.quiet { (show(&cited.fact)) } }
            }
        }
    };
    const MOST: usize = 24;
    html! {
        @if !subject.evidence.is_empty() {
            ul.evidence { @for (nth, cited) in subject.evidence.iter().take(MOST).enumerate() { (of(nth, cited)) } }
            (unprinted(subject.evidence.len(), "citation", "citations"))
            @if subject.evidence.len() > MOST {
                p.folded { (subject.evidence.len() - MOST) " more citations are in the JSON output." }
            }
        }
        @if !subject.records.is_empty() {
            ul.evidence { @for (nth, cited) in subject.records.iter().take(MOST).enumerate() {
                li.more[nth >= MOST_ON_PAPER] {
                    code { (show(&cited.record)) } " entry " (cited.entry)
                    @if let Some(at) = cited.recorded_at { span.at { (time(at, zone)) } }
                    span.quiet { "by " (show(&cited.by)) }
                }
            } }
            (unprinted(subject.records.len(), "record", "records"))
            @if subject.records.len() > MOST {
                p.folded { (subject.records.len() - MOST) " more records are in the JSON output." }
            }
        }
    }
}

/// The telling values by name.
pub(super) fn facts(subject: &Subject, zone: &str) -> Markup {
    html! {
        @if !subject.facts.is_empty() {
            dl.facts {
                @for (name, value) in &subject.facts {
                    div { dt { (words::column(name)) } dd { (words::value(value, zone)) } }
                }
            }
        }
    }
}
