//! A section per measure: what it asks, what was found per subject, what that rests on, what to do.
use std::collections::{BTreeMap, BTreeSet};

use judge::{Judged, Subject, Verdict};
use maud::{Markup, html};

use super::Page;
use super::parts::{
    MOST_ON_PAPER, MOST_ROWS, MOST_SUBJECTS_ON_PAPER, badge, evidence, facts, names, unprinted,
};
use super::prose::prose;
use crate::PageText;
use crate::visible::show;
use crate::words::{self, count, many, size};

/// Subjects that hold are folded beyond so many.
const MOST_OPEN: usize = 6;

impl Page<'_> {
    pub(super) fn measures(&self) -> Markup {
        html! {
            section id="measures" aria-labelledby="measures-heading" {
                h2 id="measures-heading" { "Measures" }
                p.paper {
                    "On paper each measure stands in short. Its findings are told above, under Findings; of evidence and coverage \
                    the first lines are printed and the others counted. The file itself holds all of it, with what holds subject \
                    by subject, the values behind each reason, how each measure is judged, and its cross-walk."
                }
                @for (nth, measure) in self.picks.assessment.measures.iter().enumerate() {
                    (self.measure(nth, measure))
                }
            }
        }
    }

    fn measure(&self, nth: usize, measure: &Judged) -> Markup {
        let anchor = self.anchors.measure(nth);
        let page = self.picks.page(&measure.id);
        html! {
            section.measure id=(anchor) aria-labelledby={ "heading-" (anchor) } {
                h3 id={ "heading-" (anchor) } {
                    span.id { (show(&measure.id)) } " " span.title { (show(&measure.title)) } " " (badge(measure.verdict))
                }
                p.lead { (show(&measure.summary)) }
                @if let Some(page) = page {
                    (part("What it asks", &page.what_it_asks_markdown))
                }
                (self.subjects(nth, measure))
                (rests_on(measure))
                @if let Some(page) = page {
                    div.screen {
                        (part("When it fails", &page.when_it_fails_markdown))
                        (part("How it is judged", &page.how_judged_markdown))
                        (parameters(page))
                        (references(page))
                    }
                }
            }
        }
    }

    fn subjects(&self, nth: usize, measure: &Judged) -> Markup {
        let of = |wanted: &[Verdict]| -> Vec<(usize, &Subject)> {
            let mut found: Vec<(usize, &Subject)> = measure
                .subjects
                .iter()
                .enumerate()
                .filter(|(_, one)| wanted.contains(&one.verdict))
                .collect();
            found.sort_by_key(|(_, subject)| std::cmp::Reverse(subject.verdict));
            found
        };
        let open = of(&[Verdict::NotMet, Verdict::Unproven]);
        let rest = of(&[Verdict::Met, Verdict::NotApplicable]);
        html! {
            h4.screen { "Subjects" }
            @if measure.subjects.is_empty() { p { "There was nothing to judge." } }
            @if !open.is_empty() { (self.table(nth, &measure.id, "not met or unproven", &open)) }
            @if rest.len() > MOST_OPEN {
                details {
                    summary {
                        (many(size(rest.len()), "subject that holds", "subjects that hold"))
                        span.paper { ", listed in the file" }
                    }
                    (self.table(nth, &measure.id, "met or not applicable", &rest))
                }
            } @else if !rest.is_empty() {
                (self.table(nth, &measure.id, "met or not applicable", &rest))
            }
        }
    }

    fn table(&self, nth: usize, id: &str, what: &str, rows: &[(usize, &Subject)]) -> Markup {
        let zone = self.picks.zone;
        let left = rows.len().saturating_sub(MOST_ROWS);
        let found = rows.iter().filter(|(_, one)| one.finding.is_some()).count();
        let unprinted = rows
            .iter()
            .skip(MOST_SUBJECTS_ON_PAPER)
            .filter(|(_, one)| one.finding.is_none())
            .count();
        let is_told = |subject: &Subject| subject.finding.is_some();
        html! {
            @if found > 0 { p.paper { (many(size(found), "finding is told", "findings are told")) " above, under Findings." } }
            div.scroll.screen[found == rows.len()] tabindex="0" role="group" aria-label={ "Subjects of " (show(id)) ", " (what) ", scrolls sideways" } {
                table.subjects.long {
                    caption { (show(id)) ": " (many(size(rows.len()), "subject", "subjects")) " " (what) }
                    thead { tr {
                        th scope="col" { "Subject" } th scope="col" { "Verdict" } th scope="col" { "Reason and evidence" }
                    } }
                    tbody {
                        @for (index, subject) in rows.iter().take(MOST_ROWS) {
                            tr.screen[is_told(subject)] {
                                th scope="row" {
                                    (show(&subject.subject))
                                    @if !subject.assets.is_empty()
                                        && !subject.assets.iter().all(|asset| subject.subject.contains(asset.as_str()))
                                    { span.assets { (names(subject.assets.iter())) } }
                                }
                                td { (badge(subject.verdict)) }
                                td {
                                    p { (show(&subject.reason)) }
                                    (facts(subject, zone))
                                    (evidence(subject, zone))
                                    @if let (Some(id), Some(anchor)) = (&subject.finding, self.anchors.finding(nth, *index)) {
                                        p.quiet { "Finding " a href={ "#" (anchor) } { code { (show(id)) } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if unprinted > 0 { p.paper { "and " (many(size(unprinted), "subject", "subjects")) " more in the file" } }
            @if left > 0 {
                p.folded { (count(size(left))) " more subjects are in the JSON output." }
            }
        }
    }
}

fn part(title: &str, markdown: &str) -> Markup {
    html! { @if !markdown.trim().is_empty() { h4 { (title) } div.prose { (prose(markdown)) } } }
}

/// Each sentence of coverage once, with how many subjects rest on it.
fn rests_on(measure: &Judged) -> Markup {
    let mut sentences: BTreeMap<&str, u64> = BTreeMap::new();
    for sentence in measure
        .subjects
        .iter()
        .flat_map(|subject| BTreeSet::from_iter(&subject.rests_on))
    {
        *sentences.entry(sentence).or_default() += 1;
    }
    let left = sentences.len().saturating_sub(MOST_ROWS);
    html! {
        @if !sentences.is_empty() {
            h4 { "Coverage it rests on" }
            ul.rests { @for (nth, (sentence, times)) in sentences.iter().take(MOST_ROWS).enumerate() {
                li.more[nth >= MOST_ON_PAPER] {
                    (show(sentence))
                    @if measure.subjects.len() > 1 { " " span.quiet { (many(*times, "subject", "subjects")) } }
                }
            } }
            (unprinted(sentences.len(), "sentence of coverage", "sentences of coverage"))
            @if left > 0 { p.folded { (count(size(left))) " more are in the JSON output." } }
        }
    }
}

/// What the terminal may set for itself, and what holds.
fn parameters(page: &PageText) -> Markup {
    html! {
        @if !page.parameters.is_empty() {
            h4 { "Parameters" }
            ul { @for (about, value, source) in &page.parameters {
                li { (show(about)) " " strong { (show(value)) } " " span.quiet { (show(source)) } }
            } }
        }
    }
}

fn references(page: &PageText) -> Markup {
    let list = |title: &str, rows: &[(String, Vec<String>)]| {
        html! {
            @if !rows.is_empty() {
                h4 { (title) }
                dl.references { @for (name, items) in rows {
                    div { dt { (show(name)) } dd { ul { @for item in items { li { (words::capital(&show(item))) } } } } }
                } }
            }
        }
    };
    html! {
        (list("In the advisory", &page.paragraphs))
        (list("Cross-walk", &page.crosswalk))
    }
}
