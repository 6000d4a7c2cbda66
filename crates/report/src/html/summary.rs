//! What comes first: the counts, the matrix by area, what is broken, what is unproven.
use judge::{Judged, Subject, Verdict};
use maud::{Markup, html};

use super::Page;
use super::parts::{MOST_ROWS, badge, dated, icon, names, span};
use crate::events::Severity;
use crate::pick::{self, Picks, Urgent};
use crate::visible::show;
use crate::words;

impl Page<'_> {
    pub(super) fn summary(&self) -> Markup {
        let assessment = self.picks.assessment;
        let waits = !assessment.not_judged.is_empty();
        html! {
            section id="summary" aria-labelledby="summary-heading" {
                h2 id="summary-heading" { "Summary" }
                p.lead { (self.sentence()) }
                ul.counts {
                    @for verdict in Verdict::ALL {
                        @let number = self.picks.measures(verdict).count();
                        li.empty[number == 0] { span.figure { (number) } (badge(verdict)) }
                    }
                }
                (self.urgent())
                @for note in self.picks.context.notes { p.note { (show(note)) } }
                div.scroll tabindex="0" role="group" aria-label="Verdicts by area, scrolls sideways" {
                    table.matrix {
                        caption { "Verdicts by area of the advisory" }
                        thead { tr {
                            th scope="col" { "Area" }
                            @for verdict in Verdict::ALL { th scope="col" { (words::capital(verdict.words())) } }
                            @if waits { th scope="col" { "Not judged yet" } }
                        } }
                        tbody {
                            @for area in pick::areas() {
                                @let of = || assessment.measures.iter().enumerate()
                                    .filter(move |(_, measure)| pick::area(&measure.id) == area);
                                @let left = || assessment.not_judged.iter()
                                    .filter(move |one| pick::area(&one.id) == area);
                                @if of().next().is_some() || left().next().is_some() {
                                    tr {
                                        th scope="row" { (area) }
                                        @for verdict in Verdict::ALL {
                                            td { @for (nth, measure) in of().filter(|(_, one)| one.verdict == verdict) {
                                                a.chip href={ "#" (self.anchors.measure(nth)) } title=(show(&measure.title)) {
                                                    (icon(verdict)) (show(&measure.id))
                                                } " "
                                            } }
                                        }
                                        @if waits { td { @for one in left() {
                                            a.chip.left href="#not-judged" title=(show(&one.title)) { (show(&one.id)) } " "
                                        } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// What should not wait, a line each, and what to do about those of one measure.
    fn urgent(&self) -> Markup {
        const MOST: usize = 8;
        let urgent = self.picks.urgent();
        html! {
            @if !urgent.is_empty() {
                h3 { "Look at this first" }
                ul.urgent {
                    @for (nth, one) in urgent.iter().take(MOST).enumerate() {
                        @let is_first = !urgent.iter().take(nth).any(|before| before.measure.id == one.measure.id);
                        li {
                            span.severity.worst[one.severity == Severity::Critical] { (words::capital(one.severity.word())) }
                            span {
                                @for crane in self.picks.cranes(one.subject) { strong { (show(crane)) } " " }
                                (dated(&show(&one.subject.reason))) " "
                                a href={ "#" (self.anchor_of(one)) } { (show(&one.measure.id)) }
                                @if let Some(next) = self.picks.next_step(&one.measure.id).filter(|_| is_first) {
                                    span.then { strong { "Do next" } " " (next) }
                                }
                            }
                        }
                    }
                }
                @if urgent.len() > MOST { p.folded { (urgent.len() - MOST) " more are among the findings." } }
            }
        }
    }

    /// Where it is told in full; findings that are left out there lead to their measure.
    fn anchor_of(&self, one: &Urgent<'_>) -> &str {
        let (measure, subject) = one.at;
        let told = one.order < MOST_ROWS;
        let finding = told.then(|| self.anchors.finding(measure, subject));
        finding
            .flatten()
            .unwrap_or_else(|| self.anchors.measure(measure))
    }

    fn sentence(&self) -> String {
        let measures = &self.picks.assessment.measures;
        let findings = measures.iter().flat_map(Picks::findings).count();
        let broken = self.picks.measures(Verdict::NotMet).count();
        let judged = words::many(
            words::size(measures.len()),
            "measure was judged",
            "measures were judged",
        );
        let found = match findings {
            0 => "no finding is open".to_owned(),
            1 => "one finding is open".to_owned(),
            number => format!(
                "{} findings are open in {}",
                words::count(words::size(number)),
                words::many(words::size(broken), "measure", "measures")
            ),
        };
        let unproven = match self.picks.measures(Verdict::Unproven).count() {
            0 => "Nothing judged is unproven".to_owned(),
            1 => "One measure is unproven: evidence is missing, and no evidence is never a pass"
                .to_owned(),
            number => format!(
                "{number} measures are unproven: evidence is missing, and no evidence is never a pass"
            ),
        };
        format!("{judged}; {found}. {unproven}.")
    }

    pub(super) fn findings(&self) -> Markup {
        let measures = || self.picks.assessment.measures.iter().enumerate();
        let open = measures()
            .flat_map(|(_, measure)| Picks::findings(measure))
            .count();
        html! {
            @if open > 0 {
                section id="findings" aria-labelledby="findings-heading" {
                    h2 id="findings-heading" { "Findings" }
                    @for (nth, measure) in measures().filter(|(_, measure)| Picks::findings(measure).next().is_some()) {
                        (self.findings_of(nth, measure))
                    }
                }
            }
        }
    }

    fn findings_of(&self, nth: usize, measure: &Judged) -> Markup {
        let next = self.picks.next_step(&measure.id);
        let findings = || {
            measure
                .subjects
                .iter()
                .enumerate()
                .filter(|(_, one)| one.verdict == Verdict::NotMet)
        };
        let left = findings().count().saturating_sub(MOST_ROWS);
        html! {
            div.broken {
                h3 {
                    (icon(Verdict::NotMet))
                    a href={ "#" (self.anchors.measure(nth)) } { (show(&measure.id)) } " " (show(&measure.title))
                }
                @if let Some(next) = &next { p.next { strong { "Do next" } " " (next) } }
                @for (index, subject) in findings().take(MOST_ROWS) {
                    (self.finding(self.anchors.finding(nth, index), subject))
                }
                @if left > 0 {
                    p.folded { (words::count(words::size(left))) " more findings of this measure are in the JSON output." }
                }
            }
        }
    }

    fn finding(&self, anchor: Option<&str>, subject: &Subject) -> Markup {
        let cranes = self.picks.cranes(subject);
        html! {
            article.finding id=[anchor] {
                p.what { (show(&subject.reason)) }
                dl {
                    div { dt { "Crane" } dd {
                        @if cranes.is_empty() { span.quiet { "none named" } } @else { (names(cranes.iter())) }
                    } }
                    @if !subject.assets.is_empty() {
                        div { dt { "Assets" } dd { (names(subject.assets.iter())) } }
                    }
                    @if let Some((first, last)) = pick::when(subject) {
                        div { dt { "When" } dd { (span(first, last, self.picks.zone)) } }
                    }
                    @if let Some(standing) = self.picks.standing(subject) {
                        div { dt { "State" } dd { (crate::life::state(standing, self.picks.zone)) } }
                    }
                    @if !subject.evidence.is_empty() {
                        div { dt { "Evidence" } dd {
                            @let captures = pick::by_capture(subject);
                            @for (nth, (capture, frames)) in captures.iter().take(3).enumerate() {
                                @if nth > 0 { "; " }
                                code { (show(capture)) } " " (words::frames(frames))
                            }
                            @if captures.len() > 3 { " and of " (captures.len() - 3) " more captures" }
                        } }
                    }
                    @if !subject.records.is_empty() {
                        div { dt { "Records" } dd {
                            @for (nth, cited) in subject.records.iter().take(3).enumerate() {
                                @if nth > 0 { "; " }
                                code { (show(&cited.record)) } " entry " (cited.entry)
                            }
                            @if subject.records.len() > 3 { " and " (subject.records.len() - 3) " more" }
                        } }
                    }
                    @if subject.evidence.is_empty() && subject.records.is_empty() && !subject.facts.is_empty() {
                        div { dt { "Declared" } dd {
                            @for (nth, (name, value)) in subject.facts.iter().take(3).enumerate() {
                                @if nth > 0 { "; " }
                                (words::column(name)) " " (words::value(value, self.picks.zone))
                            }
                        } }
                    }
                    @if let Some(id) = &subject.finding {
                        div { dt { "Finding" } dd { code { (show(id)) } } }
                    }
                }
            }
        }
    }

    pub(super) fn unproven(&self) -> Markup {
        let measures = || self.picks.assessment.measures.iter().enumerate();
        let open = |measure: &Judged| {
            measure
                .subjects
                .iter()
                .filter(|one| one.verdict == Verdict::Unproven)
                .count()
        };
        const MOST: usize = 4;
        html! {
            @if measures().any(|(_, measure)| measure.verdict == Verdict::Unproven || open(measure) > 0) {
                section id="unproven" aria-labelledby="unproven-heading" {
                    h2 id="unproven-heading" { "Unproven" }
                    p { "No finding here, but the evidence does not suffice to say that the measure holds." }
                    div.scroll tabindex="0" role="group" aria-label="Unproven, scrolls sideways" {
                        table {
                            caption { "What is unproven, and why" }
                            thead { tr {
                                th scope="col" { "Measure" } th scope="col" { "Why" } th.number scope="col" { "Subjects" }
                            } }
                            tbody {
                                @for (nth, measure) in measures()
                                    .filter(|(_, one)| one.verdict == Verdict::Unproven || open(one) > 0)
                                {
                                    tr {
                                        th scope="row" {
                                            a href={ "#" (self.anchors.measure(nth)) } { (show(&measure.id)) }
                                            " " (show(&measure.title))
                                        }
                                        td {
                                            @if open(measure) == 0 { (show(&measure.summary)) }
                                            @for subject in measure.subjects.iter()
                                                .filter(|one| one.verdict == Verdict::Unproven).take(MOST)
                                            {
                                                p { (show(&subject.reason)) }
                                            }
                                            @if open(measure) > MOST {
                                                p.folded { "and " (open(measure) - MOST) " more in the measure's section" }
                                            }
                                        }
                                        td.number { (open(measure)) " of " (measure.subjects.len()) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
