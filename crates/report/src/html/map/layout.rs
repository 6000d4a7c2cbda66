//! Places for the map: bands from left to right (cranes, shore, outside), zones in groups one below the other, a port
//! of its own on a box for every edge, and lanes between the groups for edges that pass a band. No randomness, no
//! iteration to a limit: the same picture gives the same places.
use std::collections::BTreeMap;

use super::{Band, Edge, Node};

pub(super) const BOX_WIDTH: f64 = 188.0;
const GUTTER: f64 = 178.0;
/// Beside the outer bands: for their own edges, where there are any.
const MARGIN: f64 = 84.0;
const NARROW: f64 = 14.0;
const PORT: f64 = 13.0;
const LANE: f64 = 16.0;

/// Heights and gaps: a map of many zones is set tighter, with one line in a box.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    zone: f64,
    gap: f64,
    group_gap: f64,
    label: f64,
    pad: f64,
}

const ROOMY: Sizes = Sizes {
    zone: 48.0,
    gap: 12.0,
    group_gap: 26.0,
    label: 24.0,
    pad: 12.0,
};
const TIGHT: Sizes = Sizes {
    zone: 28.0,
    gap: 7.0,
    group_gap: 14.0,
    label: 21.0,
    pad: 9.0,
};
/// Zones from which on the map is set tighter.
const MANY: usize = 18;

/// Whether boxes have room for one line only.
pub(super) const fn is_tight(nodes: usize) -> bool {
    nodes > MANY
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Rect {
    pub(super) fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }

    fn middle(&self) -> f64 {
        self.y + self.h / 2.0
    }
}

/// A cubic Bézier curve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve(pub(super) [(f64, f64); 4]);

impl Curve {
    pub(super) fn at(&self, t: f64) -> (f64, f64) {
        let [a, b, c, d] = self.0;
        let u = 1.0 - t;
        let mix = |a: f64, b: f64, c: f64, d: f64| {
            u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
        };
        (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))
    }
}

#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// By node.
    pub(super) boxes: Vec<Rect>,
    pub(super) groups: Vec<(String, Rect)>,
    /// By edge; one that passes a band has two curves, joined by a straight lane.
    pub(super) curves: Vec<Vec<Curve>>,
}

/// A band that has zones: its groups, each with its nodes, from top to bottom.
type Column = Vec<(String, Vec<usize>)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

pub(super) fn layout(nodes: &[Node], edges: &[Edge]) -> Layout {
    let columns = columns(nodes);
    let sizes = if is_tight(nodes.len()) { TIGHT } else { ROOMY };
    let column_of: BTreeMap<usize, usize> = columns
        .iter()
        .enumerate()
        .flat_map(|(column, groups)| {
            groups
                .iter()
                .flat_map(move |(_, nodes)| nodes.iter().map(move |n| (*n, column)))
        })
        .collect();
    let last = columns.len().saturating_sub(1);
    let sides: Vec<(Side, Side)> = edges
        .iter()
        .map(
            |edge| match (column_of.get(&edge.from), column_of.get(&edge.to)) {
                (Some(from), Some(to)) if from < to => (Side::Right, Side::Left),
                (Some(from), Some(to)) if from > to => (Side::Left, Side::Right),
                (Some(from), _) if *from == last && last > 0 => (Side::Right, Side::Right),
                (Some(0), _) => (Side::Left, Side::Left),
                _ => (Side::Right, Side::Right),
            },
        )
        .collect();
    let passes: Vec<bool> = edges
        .iter()
        .map(|edge| {
            let of = |node| column_of.get(node).copied().unwrap_or_default();
            of(&edge.from).abs_diff(of(&edge.to)) > 1
        })
        .collect();

    let mut ports: BTreeMap<(usize, Side), f64> = BTreeMap::new();
    for (edge, (from, to)) in edges.iter().zip(&sides) {
        *ports.entry((edge.from, *from)).or_default() += 1.0;
        *ports.entry((edge.to, *to)).or_default() += 1.0;
    }
    let height = |node: usize| {
        let most = [Side::Left, Side::Right]
            .iter()
            .filter_map(|side| ports.get(&(node, *side)))
            .copied();
        sizes.zone.max(most.fold(0.0, f64::max) * PORT + PORT)
    };

    // First without lanes, to learn which gap of the middle band each passing edge is nearest to; then with them.
    let beside = |edge_side: Side, column: usize| {
        let own = edges.iter().zip(&sides).any(|(edge, (from, to))| {
            from == to && *from == edge_side && column_of.get(&edge.from) == Some(&column)
        });
        if own { MARGIN } else { NARROW }
    };
    let margins = (beside(Side::Left, 0), beside(Side::Right, last));
    let plain = place(
        &columns,
        nodes.len(),
        margins,
        sizes,
        &height,
        &BTreeMap::new(),
    );
    let mut lanes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, edge) in edges
        .iter()
        .enumerate()
        .filter(|(index, _)| passes.get(*index) == Some(&true))
    {
        let middle = |node| plain.boxes.get(node).map_or(0.0, Rect::middle);
        let wanted = (middle(edge.from) + middle(edge.to)) / 2.0;
        let nearest = plain
            .gaps
            .iter()
            .enumerate()
            .min_by(|(_, a), (_, b)| (**a - wanted).abs().total_cmp(&(**b - wanted).abs()))
            .map_or(0, |(gap, _)| gap);
        lanes.entry(nearest).or_default().push(index);
    }
    let counts: BTreeMap<usize, usize> = lanes
        .iter()
        .map(|(gap, edges)| (*gap, edges.len()))
        .collect();
    let placed = place(&columns, nodes.len(), margins, sizes, &height, &counts);
    let middle = |node: usize| placed.boxes.get(node).map_or(0.0, Rect::middle);
    let mut lane_of: BTreeMap<usize, f64> = BTreeMap::new();
    for (gap, members) in &mut lanes {
        members.sort_by(|a, b| {
            let key = |index: &usize| {
                edges
                    .get(*index)
                    .map_or(0.0, |edge| middle(edge.from) + middle(edge.to))
            };
            key(a).total_cmp(&key(b)).then(a.cmp(b))
        });
        let top = placed.gaps.get(*gap).copied().unwrap_or_default();
        for (nth, index) in members.iter().enumerate() {
            lane_of.insert(*index, top + LANE * (nth as f64 + 0.5));
        }
    }

    let ends = port_places(edges, &sides, &placed.boxes);
    let inner = (last / 2).max(1);
    let lane_left = column_x(margins.0, inner) - sizes.pad;
    let lane_right = lane_left + BOX_WIDTH + 2.0 * sizes.pad;
    let curves = edges
        .iter()
        .enumerate()
        .map(|(index, _)| {
            let (Some(a), Some(b)) = (ends.get(&(index, false)), ends.get(&(index, true))) else {
                return Vec::new();
            };
            let (from, to) = sides
                .get(index)
                .copied()
                .unwrap_or((Side::Right, Side::Left));
            match lane_of.get(&index) {
                Some(lane) => {
                    let (near, far) = if a.0 < b.0 {
                        (lane_left, lane_right)
                    } else {
                        (lane_right, lane_left)
                    };
                    vec![swing(*a, (near, *lane)), swing((far, *lane), *b)]
                }
                None if from == to => vec![bulge(*a, *b, from)],
                None => vec![swing(*a, *b)],
            }
        })
        .collect();
    Layout {
        width: placed.width,
        height: placed.height,
        boxes: placed.boxes,
        groups: placed.groups,
        curves,
    }
}

fn columns(nodes: &[Node]) -> Vec<Column> {
    let mut bands: BTreeMap<Band, Column> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let column = bands.entry(node.band).or_default();
        match column.iter_mut().find(|(group, _)| *group == node.group) {
            Some((_, members)) => members.push(index),
            None => column.push((node.group.clone(), vec![index])),
        }
    }
    if let Some(cranes) = bands.get_mut(&Band::Crane) {
        cranes.sort_by(|a, b| a.0.cmp(&b.0));
    }
    bands.into_values().collect()
}

fn column_x(left: f64, column: usize) -> f64 {
    left + column as f64 * (BOX_WIDTH + GUTTER)
}

#[derive(Default)]
struct Placed {
    width: f64,
    height: f64,
    boxes: Vec<Rect>,
    groups: Vec<(String, Rect)>,
    /// Where the gaps of the middle band begin: above it, between its groups, below it.
    gaps: Vec<f64>,
}

fn place(
    columns: &[Column],
    nodes: usize,
    margins: (f64, f64),
    sizes: Sizes,
    height: &dyn Fn(usize) -> f64,
    lanes: &BTreeMap<usize, usize>,
) -> Placed {
    let lane = |column: usize, gap: usize| {
        let here = if column == 1 && columns.len() > 2 {
            lanes.get(&gap).copied().unwrap_or_default()
        } else {
            0
        };
        here as f64 * LANE
    };
    let group_height = |members: &[usize]| {
        let boxes: f64 = members.iter().map(|node| height(*node) + sizes.gap).sum();
        sizes.label + boxes - sizes.gap + sizes.pad
    };
    let column_height = |(index, groups): (usize, &Column)| {
        let below: f64 = groups
            .iter()
            .enumerate()
            .map(|(nth, (_, members))| {
                group_height(members) + sizes.group_gap + lane(index, nth + 1)
            })
            .sum();
        lane(index, 0) + below
    };
    let tallest = columns
        .iter()
        .enumerate()
        .map(column_height)
        .fold(0.0, f64::max);
    let mut placed = Placed {
        boxes: vec![Rect::default(); nodes],
        height: tallest + sizes.gap,
        ..Placed::default()
    };
    for (index, groups) in columns.iter().enumerate() {
        let x = column_x(margins.0, index);
        let mut y = sizes.gap + (tallest - column_height((index, groups))) / 2.0;
        let mut gaps = vec![y];
        y += lane(index, 0);
        for (nth, (name, members)) in groups.iter().enumerate() {
            let tall = group_height(members);
            placed.groups.push((
                name.clone(),
                Rect {
                    x: x - sizes.pad,
                    y,
                    w: BOX_WIDTH + 2.0 * sizes.pad,
                    h: tall,
                },
            ));
            let mut top = y + sizes.label;
            for node in members {
                let h = height(*node);
                if let Some(rect) = placed.boxes.get_mut(*node) {
                    *rect = Rect {
                        x,
                        y: top,
                        w: BOX_WIDTH,
                        h,
                    };
                }
                top += h + sizes.gap;
            }
            y += tall;
            gaps.push(y + sizes.group_gap / 2.0);
            y += sizes.group_gap + lane(index, nth + 1);
        }
        if index == 1 {
            placed.gaps = gaps;
        }
    }
    let last = columns.len().saturating_sub(1);
    placed.width = column_x(margins.0, last) + BOX_WIDTH + margins.1;
    placed
}

/// Where each end of each edge meets its box: `(edge, is the server's end)`.
fn port_places(
    edges: &[Edge],
    sides: &[(Side, Side)],
    boxes: &[Rect],
) -> BTreeMap<(usize, bool), (f64, f64)> {
    // Per side of a box: the height of the other end, the edge, whether this is the server's end.
    type Ports = Vec<(f64, usize, bool)>;
    let mut at: BTreeMap<(usize, Side), Ports> = BTreeMap::new();
    let middle = |node: usize| boxes.get(node).map_or(0.0, Rect::middle);
    for (index, (edge, (from, to))) in edges.iter().zip(sides).enumerate() {
        at.entry((edge.from, *from))
            .or_default()
            .push((middle(edge.to), index, false));
        at.entry((edge.to, *to))
            .or_default()
            .push((middle(edge.from), index, true));
    }
    let mut places = BTreeMap::new();
    for ((node, side), mut ports) in at {
        ports.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some(rect) = boxes.get(node) else {
            continue;
        };
        let step = rect.h / (ports.len() as f64 + 1.0);
        for (nth, (_, index, server)) in ports.iter().enumerate() {
            let x = if side == Side::Left {
                rect.x
            } else {
                rect.x + rect.w
            };
            places.insert((*index, *server), (x, rect.y + step * (nth as f64 + 1.0)));
        }
    }
    places
}

/// From one band to the next: leaves and arrives level.
fn swing(a: (f64, f64), b: (f64, f64)) -> Curve {
    let bend = (b.0 - a.0) * 0.45;
    Curve([a, (a.0 + bend, a.1), (b.0 - bend, b.1), b])
}

/// Within a band: out of the side and back into it, the further the wider.
fn bulge(a: (f64, f64), b: (f64, f64), side: Side) -> Curve {
    let reach = (34.0 + (a.1 - b.1).abs() * 0.16).min(MARGIN + 14.0);
    let out = if side == Side::Left { -reach } else { reach };
    Curve([a, (a.0 + out, a.1), (b.0 + out, b.1), b])
}
