//! The assessment as one HTML file that refers to nothing outside itself and opens offline.
//!
//! A content security policy forbids every outside reference and every script. Data is
//! escaped by `maud`; what hides is made visible first.
//!
//! On paper stands what an inspector reads: what was found, why, and the first lines of what shows it. What is left to
//! the file is counted there (class `paper`), never left out in silence.
mod map;
mod measure;
mod parts;
mod prose;
mod summary;
mod tables;

use std::collections::BTreeSet;

use judge::{Assessment, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use crate::Context;
use crate::pick::Picks;
use crate::visible::show;

const CSS: &str = include_str!("style.css");

/// The whole report as one file.
pub fn html(assessment: &Assessment, context: &Context<'_>) -> String {
    let picks = Picks::new(assessment, context);
    let page = Page {
        anchors: Anchors::new(assessment),
        picks,
    };
    page.document().into_string()
}

/// What every part of the page needs.
struct Page<'a> {
    picks: Picks<'a>,
    anchors: Anchors,
}

impl Page<'_> {
    fn document(&self) -> Markup {
        let terminal = show(&self.picks.assessment.terminal);
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
        markup! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content={ "Seawall " (show(self.picks.context.version)) };
                    title { (terminal) ": crane network assessment" }
                    style { (PreEscaped(CSS)) }
                }
                body {
                    a.skip href="#main" { "Skip to the report" }
                    (parts::symbols())
                    (self.masthead())
                    div.frame {
                        (self.contents())
                        main id="main" tabindex="-1" {
                            (self.summary())
                            (self.findings())
                            (self.unproven())
                            (map::section(&self.picks))
                            (self.measures())
                            (self.assets())
                            (self.operations())
                            (self.coverage())
                            (self.skipped())
                            @if !self.picks.assessment.not_judged.is_empty() { (self.not_judged()) }
                            (self.replay())
                        }
                    }
                    footer.foot {
                        p {
                            "Made by Seawall " (show(self.picks.context.version)) ". This file refers to nothing \
                            outside itself. The same captures, site file and time give the same verdicts."
                        }
                    }
                }
            }
        }
    }

    fn masthead(&self) -> Markup {
        let (assessment, context) = (self.picks.assessment, self.picks.context);
        let (local, utc) = (
            assessment.as_of.local(self.picks.zone),
            assessment.as_of.local("UTC"),
        );
        markup! {
            header.masthead {
                div.inner {
                    p.kicker { "Crane network assessment" }
                    h1 { (show(&assessment.terminal)) }
                    dl.particulars {
                        div { dt { "As of" } dd {
                            time datetime=(assessment.as_of) { (local) }
                            @if local != utc { span.quiet { (utc) } }
                        } }
                        div { dt { "Edition followed" } dd { (show(&assessment.edition)) } }
                        div { dt { "Read" } dd {
                            (parts::dated(&self.picks.read())) " "
                            a href="#replay" { "Hashes and replay" }
                        } }
                        div { dt { "Judged by" } dd { "Seawall " (show(context.version)) } }
                    }
                    @for problem in self.picks.problems().take(8) { p.note.warn { "Damaged capture: " (show(&problem)) } }
                }
            }
        }
    }

    fn contents(&self) -> Markup {
        let picks = &self.picks;
        let any = |verdict| picks.measures(verdict).next().is_some();
        markup! {
            nav.contents aria-label="Contents" {
                ol {
                    li { a href="#summary" { "Summary" } }
                    @if any(Verdict::NotMet) { li { a href="#findings" { "Findings" } } }
                    @if any(Verdict::Unproven) { li { a href="#unproven" { "Unproven" } } }
                    li { a href="#map" { "Zones and conduits" } }
                    li {
                        a href="#measures" { "Measures" }
                        ol.inner {
                            @for (nth, measure) in picks.assessment.measures.iter().enumerate() {
                                li { a href={ "#" (self.anchors.measure(nth)) } {
                                    (parts::icon(measure.verdict))
                                    span.id { (show(&measure.id)) }
                                    span.hidden { " " (measure.verdict.words()) }
                                } }
                            }
                        }
                    }
                    li { a href="#assets" { "Assets" } }
                    li { a href="#operations" { "Operations" } }
                    li { a href="#coverage" { "Coverage and blind spots" } }
                    li { a href="#skipped" { "Skipped" } }
                    @if !self.picks.assessment.not_judged.is_empty() {
                        li { a href="#not-judged" { "Not judged yet" } }
                    }
                    li { a href="#replay" { "Evidence and replay" } }
                }
            }
        }
    }
}

/// Ids of measures and findings as anchors: plain characters only, each once.
struct Anchors {
    measures: Vec<String>,
    /// By measure and subject.
    findings: Vec<Vec<Option<String>>>,
}

impl Anchors {
    fn new(assessment: &Assessment) -> Anchors {
        let mut taken = BTreeSet::new();
        let mut anchor = |kind: &str, id: &str| {
            let plain: String = id
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || c == '.' {
                        c
                    } else {
                        '-'
                    }
                })
                .collect();
            let mut name = format!("{kind}-{plain}");
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            name
        };
        let measures = assessment
            .measures
            .iter()
            .map(|measure| anchor("measure", &measure.id))
            .collect();
        let findings = assessment
            .measures
            .iter()
            .map(|measure| {
                let of = measure.subjects.iter();
                of.map(|subject| subject.finding.as_ref().map(|id| anchor("finding", id)))
                    .collect()
            })
            .collect();
        Anchors { measures, findings }
    }

    fn measure(&self, nth: usize) -> &str {
        self.measures.get(nth).map_or("measures", String::as_str)
    }

    fn finding(&self, measure: usize, subject: usize) -> Option<&str> {
        self.findings.get(measure)?.get(subject)?.as_deref()
    }
}

#[test]
fn the_style_sheet_refers_to_nothing_and_is_inserted_as_it_stands() {
    assert!(!CSS.contains('<') && !CSS.contains("url(") && !CSS.contains("@import"));
}
