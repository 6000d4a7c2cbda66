//! The map as inline SVG, its legend, and the same as tables.
use facts::site::Conduit;
use maud::{Markup, html};

use super::layout::{BOX_WIDTH, Curve, Layout, Rect, is_tight, layout};
use super::{Class, Edge, Node, Picture, picture, service_declared};
use crate::html::parts::{MOST_ROWS, folded, names};
use crate::pick::Picks;
use crate::visible::show;
use crate::words::{count, many, size};

/// Edges drawn; beyond it a picture says nothing, and the table has them all.
const MOST_DRAWN: usize = 160;
/// Services named on an edge.
const MOST_NAMED: usize = 2;

pub(in crate::html) fn section(picks: &Picks<'_>) -> Markup {
    let picture = picture(picks);
    html! {
        section id="map" aria-labelledby="map-heading" {
            h2 id="map-heading" { "Zones and conduits" }
            @if picture.nodes.is_empty() {
                p { "The site file declares no zone, and no traffic between zones was seen." }
            } @else {
                p.lead { (summary(&picture)) }
                (drawing(&picture))
                (legend())
                (tables(&picture))
            }
        }
    }
}

fn summary(picture: &Picture<'_>) -> String {
    let of = |class| {
        size(
            picture
                .edges
                .iter()
                .filter(|edge| edge.class == class)
                .count(),
        )
    };
    let pair = |class| many(of(class), "connection", "connections");
    format!(
        "{} and what was seen between them: {} broken by a finding, {} explained, {} without a conduit but without a \
         finding. {} declared and not used.",
        many(size(picture.nodes.len()), "zone", "zones"),
        pair(Class::Breaks),
        count(of(Class::Explained)),
        count(of(Class::Unnamed)),
        match picture.unused.len() {
            0 => "No conduit is".to_owned(),
            1 => "One conduit is".to_owned(),
            number => format!("{} conduits are", count(size(number))),
        },
    )
}

const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Breaks => "breaks",
        Class::Unnamed => "unnamed",
        Class::Explained => "explained",
        Class::Unused => "unused",
    }
}

fn class_words(edge: &Edge) -> String {
    match edge.class {
        Class::Breaks => {
            let measures: Vec<String> = edge.measures.iter().map(|id| show(id)).collect();
            format!("breaks {}", measures.join(", "))
        }
        Class::Unnamed => "no conduit, no finding".to_owned(),
        Class::Explained if edge.conduits.is_empty() => "needs no conduit".to_owned(),
        Class::Explained => "explained".to_owned(),
        Class::Unused => "declared, not seen".to_owned(),
    }
}

fn drawing(picture: &Picture<'_>) -> Markup {
    let mut drawn: Vec<&Edge> = picture.edges.iter().collect();
    drawn.sort_by_key(|edge| edge.class);
    let left_off = drawn.len().saturating_sub(MOST_DRAWN);
    drawn.truncate(MOST_DRAWN);
    let edges: Vec<Edge> = drawn.into_iter().map(clone).collect();
    let places = layout(&picture.nodes, &edges);
    let labels = labels(&edges, &places);
    let tight = is_tight(picture.nodes.len());
    let size = format!("0 0 {} {}", places.width.ceil(), places.height.ceil());
    html! {
        figure.map {
            // The frame scrolls sideways on a narrow screen, so it must be reachable by keyboard.
            div.scroll tabindex="0" role="group" aria-label="Map, scrolls sideways" {
                svg viewBox=(size) role="img" aria-labelledby="map-title map-desc" xmlns="http://www.w3.org/2000/svg" {
                    title id="map-title" { "Map of zones and conduits" }
                    desc id="map-desc" {
                        (summary(picture)) " The tables below the map say the same in words."
                    }
                    defs {
                        @for class in [Class::Breaks, Class::Unnamed, Class::Explained, Class::Unused] {
                            marker id={ "arrow-" (class_name(class)) } viewBox="0 0 8 8" refX="7" refY="4"
                                markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto" {
                                path class={ "head " (class_name(class)) } d="M0 0.6 8 4 0 7.4z" {}
                            }
                        }
                    }
                    @for (name, rect) in &places.groups {
                        rect.group x=(at(rect.x)) y=(at(rect.y)) width=(at(rect.w)) height=(at(rect.h)) rx="8" {}
                        text.group-name x=(at(rect.x + 12.0)) y=(at(rect.y + 16.0)) { (fit(&show(name), 30)) }
                    }
                    // The gravest last, so that it lies on top.
                    @for (index, edge) in edges.iter().enumerate().rev() {
                        path class={ "edge " (class_name(edge.class)) } d=(path(places.curves.get(index)))
                            marker-end={ "url(#arrow-" (class_name(edge.class)) ")" } {
                            title { (tip(edge, &picture.nodes)) }
                        }
                    }
                    @for (node, rect) in picture.nodes.iter().zip(&places.boxes) { (zone(node, rect, tight)) }
                    @for label in &labels {
                        rect.plate x=(at(label.room.x)) y=(at(label.room.y)) width=(at(label.room.w))
                            height=(at(label.room.h)) rx="3" {}
                        text class={ "label " (class_name(label.class)) } text-anchor="middle"
                            x=(at(label.room.x + label.room.w / 2.0)) y=(at(label.room.y + 11.0)) { (label.text) }
                    }
                }
            }
            @if left_off > 0 {
                figcaption { (count(crate::words::size(left_off))) " more connections are in the table only." }
            }
        }
    }
}

fn clone(edge: &Edge) -> Edge {
    Edge {
        from: edge.from,
        to: edge.to,
        class: edge.class,
        services: edge.services.clone(),
        conduits: edge.conduits.clone(),
        measures: edge.measures.clone(),
        conversations: edge.conversations,
        answered: edge.answered,
    }
}

fn zone(node: &Node, rect: &Rect, tight: bool) -> Markup {
    let (x, y) = (
        rect.x + 12.0,
        rect.y + rect.h / 2.0 + if tight { 4.5 } else { -3.0 },
    );
    let assets = many(size(node.assets), "asset", "assets");
    let room = if node.findings > 0 { 18 } else { 22 };
    html! {
        g {
            title {
                (show(&node.name)) " (" (node.kind) "): " (assets)
                @if node.findings > 0 { ", " (many(size(node.findings), "finding", "findings")) }
            }
            rect.zone x=(at(rect.x)) y=(at(rect.y)) width=(at(BOX_WIDTH)) height=(at(rect.h)) rx="5" {}
            text.zone-name x=(at(x)) y=(at(y)) { (fit(&show(&node.name), room)) }
            @if !tight { text.zone-kind x=(at(x)) y=(at(y + 16.0)) { (node.kind) " · " (assets) } }
            @if node.findings > 0 {
                text.zone-findings x=(at(rect.x + rect.w - 10.0)) y=(at(y)) text-anchor="end" { "✕ " (node.findings) }
            }
        }
    }
}

/// One digit after the point is more than a screen shows.
fn at(number: f64) -> String {
    format!("{}", (number * 10.0).round() / 10.0)
}

fn fit(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars()
        .take(most.saturating_sub(1))
        .chain(['…'])
        .collect()
}

fn path(curves: Option<&Vec<Curve>>) -> String {
    let mut out = String::new();
    for (nth, Curve([a, b, c, d])) in curves.into_iter().flatten().enumerate() {
        out.push_str(&format!(
            "{}{} {}",
            if nth == 0 { "M" } else { "L" },
            at(a.0),
            at(a.1)
        ));
        out.push_str(&format!(
            "C{} {} {} {} {} {}",
            at(b.0),
            at(b.1),
            at(c.0),
            at(c.1),
            at(d.0),
            at(d.1)
        ));
    }
    out
}

fn tip(edge: &Edge, nodes: &[Node]) -> String {
    let name = |node: usize| {
        nodes
            .get(node)
            .map_or_else(String::new, |node| show(&node.name))
    };
    let mut tip = format!(
        "{} → {}: {}",
        name(edge.from),
        name(edge.to),
        edge.services_told()
    );
    tip.push_str(&format!("; {}", class_words(edge)));
    if edge.conversations > 0 {
        tip.push_str(&format!(
            "; {}",
            many(edge.conversations, "conversation", "conversations")
        ));
    }
    tip
}

struct Label {
    room: Rect,
    text: String,
    class: Class,
}

/// Labels where they hide neither a box nor each other, the gravest first. One that finds no room is left to the
/// table; but what breaks always has at least the ids of the measures.
fn labels(edges: &[Edge], places: &Layout) -> Vec<Label> {
    const STEPS: [f64; 9] = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];
    const HEIGHT: f64 = 14.0;
    let mut taken: Vec<Rect> = places.boxes.clone();
    taken.extend(
        places
            .groups
            .iter()
            .map(|(_, rect)| Rect { h: 22.0, ..*rect }),
    );
    let mut labels: Vec<Label> = Vec::new();
    let crowded = edges.len() > 40;
    for (edge, curves) in edges.iter().zip(&places.curves) {
        let mut texts = Vec::new();
        let ids = edge
            .measures
            .iter()
            .map(|id| show(id))
            .collect::<Vec<_>>()
            .join(", ");
        let services = edge.service_names();
        let mut short = services
            .iter()
            .take(MOST_NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if services.len() > MOST_NAMED {
            short.push_str(&format!(" +{}", services.len() - MOST_NAMED));
        }
        match edge.class {
            Class::Breaks => texts.extend([
                format!("✕ {}: {}", fit(&ids, 16), fit(&short, 22)),
                format!("✕ {}", fit(&ids, 12)),
            ]),
            _ if crowded => {}
            Class::Unused => texts.push(format!("unused: {}", fit(&short, 20))),
            Class::Explained | Class::Unnamed => texts.push(fit(&short, 24)),
        }
        let spots = || {
            STEPS
                .iter()
                .flat_map(|step| curves.iter().map(|curve| curve.at(*step)))
        };
        let room = |text: &str, (x, y): (f64, f64)| {
            let width = text.chars().count() as f64 * 6.5 + 6.0;
            Rect {
                x: (x - width / 2.0).clamp(2.0, (places.width - width - 2.0).max(2.0)),
                y: y - HEIGHT / 2.0,
                w: width,
                h: HEIGHT,
            }
        };
        let free = texts.iter().find_map(|text| {
            let rect = spots()
                .map(|spot| room(text, spot))
                .find(|rect| !taken.iter().any(|other| rect.overlaps(other)))?;
            Some((text.clone(), rect))
        });
        let forced = || {
            let text = texts.last().filter(|_| edge.class == Class::Breaks)?;
            Some((text.clone(), room(text, spots().next()?)))
        };
        if let Some((text, rect)) = free.or_else(forced) {
            taken.push(rect);
            labels.push(Label {
                room: rect,
                text,
                class: edge.class,
            });
        }
    }
    labels
}

fn legend() -> Markup {
    let line = |class: &'static str, words: &'static str| {
        html! {
            li {
                svg viewBox="0 0 46 12" width="46" height="12" aria-hidden="true" {
                    path class={ "edge " (class) } d="M1 6H37" {}
                    path class={ "head " (class) } d="M37 2.6 45 6 37 9.4z" {}
                }
                (words)
            }
        }
    };
    html! {
        ul.legend aria-label="Legend" {
            (line("breaks", "✕ breaks a measure: a finding is open"))
            (line("explained", "explained by a conduit, or needs none"))
            (line("unnamed", "no conduit names it, no measure objects"))
            (line("unused", "declared conduit, never seen used"))
        }
    }
}

fn tables(picture: &Picture<'_>) -> Markup {
    let mut edges: Vec<&Edge> = picture
        .edges
        .iter()
        .filter(|edge| edge.class != Class::Unused)
        .collect();
    edges.sort_by_key(|edge| edge.class);
    let name = |node: usize| {
        picture
            .nodes
            .get(node)
            .map_or_else(String::new, |node| show(&node.name))
    };
    html! {
        details {
            summary { "The map as tables" span.paper { ", in the file" } }
            div.scroll tabindex="0" role="group" aria-label="Connections between zones, scrolls sideways" {
                table {
                    caption { "Connections seen between zones (" (count(size(edges.len()))) ")" }
                    thead { tr {
                        th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "State" }
                        th scope="col" { "Services" } th scope="col" { "Conduits" }
                        th.number scope="col" { "Conversations" } th.number scope="col" { "Of these answered" }
                    } }
                    tbody {
                        @for edge in edges.iter().take(MOST_ROWS) {
                            tr {
                                th scope="row" { (name(edge.from)) }
                                td { (name(edge.to)) }
                                td class=(class_name(edge.class)) { (class_words(edge)) }
                                td { (edge.services_told()) }
                                td { (names(edge.conduits.iter())) }
                                td.number { (count(edge.conversations)) }
                                td.number { (count(edge.answered)) }
                            }
                        }
                    }
                }
            }
            (folded(edges.len(), "conversation"))
            @if !picture.unused.is_empty() { (unused(&picture.unused)) }
            (zones(&picture.nodes))
        }
    }
}

fn unused(conduits: &[&Conduit]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Unused conduits, scrolls sideways" {
            table {
                caption { "Conduits declared, never seen used (" (count(size(conduits.len()))) ")" }
                thead { tr {
                    th scope="col" { "Conduit" } th scope="col" { "Services" } th scope="col" { "Because" }
                    th scope="col" { "Declared in" }
                } }
                tbody {
                    @for conduit in conduits.iter().take(MOST_ROWS) {
                        tr {
                            th scope="row" { (show(&conduit.name)) }
                            td { (names(conduit.services.iter().map(service_declared))) }
                            td { (show(&conduit.because)) }
                            td { (show(&conduit.place.file)) ", line " (conduit.place.line) }
                        }
                    }
                }
            }
        }
    }
}

fn zones(nodes: &[Node]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Zones, scrolls sideways" {
            table {
                caption { "Zones (" (count(size(nodes.len()))) ")" }
                thead { tr {
                    th scope="col" { "Zone" } th scope="col" { "Kind" } th scope="col" { "Stands with" }
                    th.number scope="col" { "Assets" } th.number scope="col" { "Findings" }
                } }
                tbody {
                    @for node in nodes.iter().take(MOST_ROWS) {
                        tr {
                            th scope="row" { (show(&node.name)) }
                            td { (node.kind) }
                            td { (show(&node.group)) }
                            td.number { (count(size(node.assets))) }
                            td.number { (count(size(node.findings))) }
                        }
                    }
                }
            }
        }
    }
}
