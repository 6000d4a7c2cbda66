//! The tables behind the verdicts: assets, operations, coverage, what was skipped, what is not judged, captures.
use facts::kinds::{Asset, Coverage, Operation};
use facts::{Evidence, Time};
use maud::{Markup, html};

use super::Page;
use super::parts::{MOST_ROWS, dated, folded, names, span, time, unprinted_rows};
use crate::visible::show;
use crate::words::{self, count, many, size};

impl Page<'_> {
    pub(super) fn assets(&self) -> Markup {
        let mut assets: Vec<&Asset> = self.picks.context.facts.assets.iter().collect();
        let key = |asset: &Asset| (asset.declared, asset.trust.as_deref() != Some("untrusted"));
        assets.sort_by(|a, b| {
            let names = |one: &Asset| (one.crane.clone(), one.zone.clone(), one.name.clone());
            key(a).cmp(&key(b)).then_with(|| names(a).cmp(&names(b)))
        });
        let unknown = assets.iter().filter(|asset| !asset.declared).count();
        let unseen = assets
            .iter()
            .filter(|asset| asset.declared && !asset.seen)
            .count();
        html! {
            section id="assets" aria-labelledby="assets-heading" {
                h2 id="assets-heading" { "Assets" }
                p.lead {
                    (many(size(assets.len()), "device", "devices")) ": " (count(size(unknown)))
                    " not in the site file, " (count(size(unseen))) " declared and not seen."
                }
                @if !assets.is_empty() {
                    div.scroll tabindex="0" role="group" aria-label="Assets, scrolls sideways" {
                        table.long {
                            caption { "Assets, those that nobody declared first" }
                            thead { tr {
                                th scope="col" { "Asset" } th scope="col" { "Role" } th scope="col" { "Crane and zone" }
                                th scope="col" { "Addresses" } th scope="col" { "Maker and model" } th scope="col" { "Seen" }
                            } }
                            tbody { @for asset in assets.iter().take(MOST_ROWS) { (self.asset(asset)) } }
                        }
                    }
                    (unprinted_rows(assets.len()))
                (folded(assets.len(), "asset"))
                }
            }
        }
    }

    fn asset(&self, asset: &Asset) -> Markup {
        let graded = |grade: Option<facts::Grade>, why: &Option<String>| {
            html! { @if let Some(grade) = grade {
                span.quiet { (grade.name()) @if let Some(why) = why { ": " (show(why)) } }
            } }
        };
        html! {
            tr {
                th scope="row" {
                    (show(&asset.name))
                    @if !asset.declared { " " span.tag.warn { "not declared" } }
                    @if !asset.hostnames.is_empty() { span.quiet { (names(asset.hostnames.iter())) } }
                }
                td {
                    @match &asset.role {
                        Some(role) => { (show(role)) (graded(asset.role_grade, &asset.role_why)) },
                        None => span.quiet { "not known" },
                    }
                    @if asset.routes { span.quiet { "forwards packets" } }
                }
                td {
                    @if let Some(crane) = &asset.crane { (show(crane)) " " }
                    span.quiet { @if asset.zones.is_empty() { "no zone" } @else { (names(asset.zones.iter())) } }
                }
                td.addresses {
                    @if !asset.ips.is_empty() { span { (names(asset.ips.iter())) } }
                    @if !asset.macs.is_empty() { span.quiet { (names(asset.macs.iter())) } }
                    @if !asset.vlans.is_empty() {
                        span.quiet { "VLAN " (names(asset.vlans.iter().map(u16::to_string))) }
                    }
                    @if asset.remote { span.quiet { "behind a router" } }
                }
                td {
                    @match &asset.maker {
                        Some(maker) => { (show(maker)) (graded(asset.maker_grade, &asset.maker_why)) },
                        None => span.quiet { "not known" },
                    }
                    @if let Some(supplier) = &asset.supplier {
                        span.quiet {
                            "supplier " (show(supplier))
                            @if let Some(trust) = &asset.trust {
                                " " span.tag.warn[trust.as_str() == "untrusted"] { (show(trust)) }
                            }
                            @if !asset.lists.is_empty() { " " (names(asset.lists.iter())) }
                        }
                    }
                    @for (label, value) in [
                        ("model", &asset.model), ("order no.", &asset.order_number),
                        ("firmware", &asset.firmware), ("serial", &asset.serial),
                    ] {
                        @if let Some(value) = value { span.quiet { (label) " " (show(value)) } }
                    }
                    @for value in &asset.otherwise { span.quiet { "also " (show(value)) } }
                }
                td {
                    @match (asset.time, asset.last) {
                        (Some(first), Some(last)) => {
                            (dated(&words::span(first, last, self.picks.zone)))
                            span.quiet { (many(asset.packets, "packet", "packets")) }
                        },
                        _ => span.quiet { "not seen" },
                    }
                }
            }
        }
    }

    pub(super) fn operations(&self) -> Markup {
        let all = &self.picks.context.facts.operations;
        let (mut modifying, other): (Vec<&Operation>, Vec<&Operation>) =
            all.iter().partition(|one| one.operation.modifies());
        // What nobody allowed first, then what stands alone, then the cyclic.
        modifying.sort_by_key(|one| {
            (
                one.work_order.is_some() || one.conduit.is_some(),
                one.count > 1,
                one.time,
            )
        });
        html! {
            section id="operations" aria-labelledby="operations-heading" {
                h2 id="operations-heading" { "Operations" }
                p.lead {
                    (many(size(modifying.len()), "row of operations that modify", "rows of operations that modify"))
                    ", " (many(size(other.len()), "row of others", "rows of others"))
                    ". Repetitions of the same on the same objects are one row with a count."
                }
                (self.operation_table("Operations that modify a device, those that nothing allows first", &modifying))
                (self.operation_table("Reads, diagnosis and identification", &other))
            }
        }
    }

    fn operation_table(&self, caption: &str, rows: &[&Operation]) -> Markup {
        html! {
            @if !rows.is_empty() {
                div.scroll tabindex="0" role="group" aria-label={ (caption) ", scrolls sideways" } {
                    table.long {
                        caption { (caption) " (" (count(size(rows.len()))) ")" }
                        thead { tr {
                            th scope="col" { "When" } th scope="col" { "Operation" } th scope="col" { "From → to" }
                            th scope="col" { "Object" } th.number scope="col" { "Times" } th scope="col" { "Outcome" }
                            th scope="col" { "Allowed by" } th scope="col" { "Evidence" }
                        } }
                        tbody { @for row in rows.iter().take(MOST_ROWS) { (self.operation(row)) } }
                    }
                }
                (unprinted_rows(rows.len()))
                (folded(rows.len(), "operation"))
            }
        }
    }

    fn operation(&self, one: &Operation) -> Markup {
        let end = |asset: &Option<String>, address: facts::Address| {
            asset.as_deref().map_or_else(|| address.to_string(), show)
        };
        html! {
            tr {
                td { (dated(&words::span(one.time, one.last.max(one.time), self.picks.zone))) }
                th scope="row" { (one.operation) span.quiet { (show(&one.protocol)) } }
                td {
                    (end(&one.source_asset, one.source)) " → " (end(&one.target_asset, one.target))
                    @if let Some(crane) = &one.crane { span.quiet { (show(crane)) } }
                }
                td {
                    @if let Some(object) = &one.object { (show(object)) }
                    @if let Some(detail) = &one.detail { span.quiet { (show(detail)) } }
                    @if let Some(bytes) = one.content_bytes { span.quiet { (many(bytes, "byte", "bytes")) } }
                    @if let Some(hash) = &one.content_sha256 { span.quiet.hash { "SHA-256 " (show(hash)) } }
                }
                td.number { (count(one.count)) }
                td { @match one.outcome { Some(outcome) => (outcome.name()), None => span.quiet { "not seen" } } }
                td {
                    @if let Some(order) = &one.work_order { "work order " (show(order)) }
                    @else if let Some(conduit) = &one.conduit { (show(conduit)) }
                    @else if one.operation.modifies() { strong { "nothing" } }
                    @else { span.quiet { "not needed" } }
                    @if one.work_order.is_none() && one.conduit.is_none() && let Some(reason) = &one.reason {
                        span.quiet { (show(reason)) }
                    }
                }
                td { (self.frames(&one.evidence)) }
            }
        }
    }

    fn frames(&self, evidence: &Evidence) -> Markup {
        let name = evidence
            .capture
            .and_then(|index| self.picks.context.facts.captures.get(index as usize));
        let frames: Vec<u64> = evidence
            .frames
            .iter()
            .map(|frame| u64::from(*frame))
            .collect();
        html! { @if let Some(name) = name { code { (show(name)) } " " (words::frames(&frames)) } }
    }

    pub(super) fn coverage(&self) -> Markup {
        let facts = self.picks.context.facts;
        let mut rows: Vec<&Coverage> = facts.coverage.iter().collect();
        let grave = |row: &Coverage| match row.state.as_str() {
            "none" => 0,
            "partial" => 1,
            _ => 2,
        };
        rows.sort_by_key(|row| grave(row));
        let blind = rows.iter().filter(|row| grave(row) < 2).count();
        html! {
            section id="coverage" aria-labelledby="coverage-heading" {
                h2 id="coverage-heading" { "Coverage and blind spots" }
                p.lead {
                    @match blind {
                        0 if rows.is_empty() => "No witness said what it could see, so nothing is covered.",
                        0 => "Every witness says that it saw all there was to see.",
                        _ => { (many(size(blind), "blind spot", "blind spots")) ". What was not seen cannot be judged." },
                    }
                }
                @if !rows.is_empty() {
                    div.scroll tabindex="0" role="group" aria-label="Coverage, scrolls sideways" {
                        table.long {
                            caption { "Coverage, blind spots first" }
                            thead { tr {
                                th scope="col" { "Sensor or capture" } th scope="col" { "Zone" } th scope="col" { "Of what" }
                                th scope="col" { "State" } th.number scope="col" { "Good of all" }
                                th scope="col" { "What is missing" } th scope="col" { "When" }
                            } }
                            tbody { @for row in rows.iter().take(MOST_ROWS) { (self.covered(row)) } }
                        }
                    }
                    (unprinted_rows(rows.len()))
                (folded(rows.len(), "coverage"))
                }
                (self.oddities())
            }
        }
    }

    fn covered(&self, row: &Coverage) -> Markup {
        let capture = row
            .evidence
            .capture
            .and_then(|index| self.picks.context.facts.captures.get(index as usize));
        html! {
            tr {
                th scope="row" { @match (&row.sensor, capture) {
                    (Some(sensor), _) => (show(sensor)),
                    (None, Some(capture)) => (show(capture)),
                    (None, None) => "none",
                } }
                td { @match &row.zone { Some(zone) => (show(zone)), None => span.quiet { "all" } } }
                td { (show(&row.what)) }
                td { span.tag.warn[row.state != "complete"] { (show(&row.state)) } }
                td.number { (count(row.good)) " of " (count(row.total)) }
                td { @if let Some(detail) = &row.detail { (show(detail)) } }
                td { @if let (Some(first), Some(last)) = (row.time, row.last) { (dated(&words::span(first, last, self.picks.zone))) } }
            }
        }
    }

    fn oddities(&self) -> Markup {
        let rows = &self.picks.context.facts.oddities;
        html! {
            @if !rows.is_empty() {
                div.scroll tabindex="0" role="group" aria-label="Oddities, scrolls sideways" {
                    table.long {
                        caption { "Oddities: what should not be on a healthy wire (" (count(size(rows.len()))) ")" }
                        thead { tr {
                            th scope="col" { "What" } th.number scope="col" { "Times" } th scope="col" { "Source" }
                            th scope="col" { "Target" } th scope="col" { "Detail" } th scope="col" { "When" }
                            th scope="col" { "Evidence" }
                        } }
                        tbody { @for row in rows.iter().take(MOST_ROWS) {
                            tr {
                                th scope="row" { (show(&row.what)) }
                                td.number { (count(row.count)) }
                                td { @if let Some(source) = row.source { (source) } }
                                td { @if let Some(target) = row.target { (target) } }
                                td { @if let Some(detail) = &row.detail { (show(detail)) } }
                                td { (dated(&words::span(row.time, row.last.max(row.time), self.picks.zone))) }
                                td { (self.frames(&row.evidence)) }
                            }
                        } }
                    }
                }
                (unprinted_rows(rows.len()))
                (folded(rows.len(), "oddity"))
            }
        }
    }

    pub(super) fn skipped(&self) -> Markup {
        let skipped = self.picks.context.skipped;
        let left = skipped.len().saturating_sub(MOST_ROWS);
        html! {
            section id="skipped" aria-labelledby="skipped-heading" {
                h2 id="skipped-heading" { "What was skipped" }
                @if skipped.is_empty() { p { "Nothing: all input was read." } }
                @else { ul { @for sentence in skipped.iter().take(MOST_ROWS) { li { (show(sentence)) } } } }
                @if left > 0 { p.folded { (count(size(left))) " more are in the JSON output." } }
            }
        }
    }

    pub(super) fn not_judged(&self) -> Markup {
        let rows = &self.picks.assessment.not_judged;
        html! {
            section id="not-judged" aria-labelledby="not-judged-heading" {
                h2 id="not-judged-heading" { "Not judged yet" }
                p {
                    "Measures of the advisory that this version has no page for. Nothing is said about them, for "
                    "good or ill."
                }
                div.scroll tabindex="0" role="group" aria-label="Not judged yet, scrolls sideways" {
                    table {
                        caption { (many(size(rows.len()), "measure", "measures")) " not judged" }
                        thead { tr {
                            th scope="col" { "Id" } th scope="col" { "Measure" } th scope="col" { "What evidence it needs" }
                        } }
                        tbody { @for row in rows {
                            tr { th scope="row" { (show(&row.id)) } td { (show(&row.title)) } td { (show(&row.why)) } }
                        } }
                    }
                }
            }
        }
    }

    pub(super) fn replay(&self) -> Markup {
        let assessment = self.picks.assessment;
        let zone = self.picks.zone;
        let bounds = |first: Option<Time>, last: Option<Time>| {
            html! { @match (first, last) {
                (Some(first), Some(last)) => (span(first, last, zone)),
                (Some(at), None) | (None, Some(at)) => (time(at, zone)),
                (None, None) => span.quiet { "not known" },
            } }
        };
        html! {
            section id="replay" aria-labelledby="replay-heading" {
                h2 id="replay-heading" { "Evidence and replay" }
                p {
                    "The verdicts rest on these captures. With the same captures, the site folder and Seawall "
                    (show(self.picks.context.version)) ", anyone can repeat them:"
                }
                pre { code { "seawall assess SITE CAPTURE... --as-of " (assessment.as_of) } }
                p { "The packets behind a finding:" }
                pre { code { "seawall packets SITE CAPTURE... --finding ID --output FILE.pcapng" } }
                @if assessment.evidence.is_empty() { p { strong { "No capture was read." } } }
                @else {
                    div.scroll tabindex="0" role="group" aria-label="Captures, scrolls sideways" {
                        table {
                            caption { "Captures read, in this order" }
                            thead { tr {
                                th scope="col" { "Capture and SHA-256" } th.number scope="col" { "Packets" }
                                th scope="col" { "From – until" } th scope="col" { "Sensor" } th scope="col" { "Problems" }
                            } }
                            tbody { @for source in assessment.evidence.iter().take(MOST_ROWS) {
                                tr {
                                    th scope="row" {
                                        (show(&source.capture))
                                        span.quiet.hash { @match &source.sha256 {
                                            Some(hash) => (show(hash)), None => "no hash: not a file",
                                        } }
                                    }
                                    td.number { (count(source.packets)) }
                                    td { (bounds(source.first, source.last)) }
                                    td { @match &source.sensor {
                                        Some(sensor) => (show(sensor)), None => span.quiet { "none claims it" },
                                    } }
                                    td {
                                        @if source.problems.is_empty() { span.quiet { "none" } }
                                        @for problem in &source.problems { p { (show(problem)) } }
                                    }
                                }
                            } }
                        }
                    }
                    (folded(assessment.evidence.len(), "capture_file"))
                }
            }
        }
    }
}
