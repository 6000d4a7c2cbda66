//! Pages of a database as SQLite keeps them, written in one go.
//!
//! A row that is told to SQLite costs two to three microseconds: a statement is run for it, and each index sorts it again. Of rows
//! that are known beforehand, in the order of their key, the pages can be written one behind the other, for a fraction of that. Only
//! trees are written here: those of tables without row numbers and of indices, which are of one kind, and those of tables with row
//! numbers. The schema, the root pages and whatever else there is, SQLite makes itself: an [`Image`] begins as an empty database and
//! is filled.
//!
//! The format is that of <https://www.sqlite.org/fileformat.html>, sections 1.3 (header), 1.6 (b-tree pages and overflow) and 2.1
//! (records).
use facts::Plain;

/// Bytes of a page. A tree of a million rows has four levels of them.
pub(crate) const PAGE: usize = 4096;
/// The page in which the byte lies on which SQLite takes its locks: no tree may use it.
const LOCKED: usize = (1 << 30) / PAGE + 1;
/// Bytes of a record that stand in its cell at most, and at least where the rest goes to pages of its own.
const MOST_LOCAL: usize = (PAGE - 12) * 64 / 255 - 23;
const MOST_LOCAL_OF_ROW: usize = PAGE - 35;
const LEAST_LOCAL: usize = (PAGE - 12) * 32 / 255 - 23;
/// No cell may be smaller: so much room a freed one would take.
const SMALLEST: usize = 4;

/// Bytes that a row and its place in an index take, by which room is made.
const USUAL: usize = 192;

/// Of which kind a tree is.
#[derive(Clone, Copy, Debug, Default)]
enum Kind {
    /// Of records in the order of their values: an index, or a table without row numbers.
    #[default]
    Records,
    /// Of rows in the order of their numbers. All of them stand in leaves.
    Rows,
}

impl Kind {
    /// What the page of that level is marked by, and the length of its header.
    fn page(self, level: usize) -> (u8, usize) {
        match (self, level) {
            (Kind::Records, 0) => (0x0a, 8),
            (Kind::Records, _) => (0x02, 12),
            (Kind::Rows, 0) => (0x0d, 8),
            (Kind::Rows, _) => (0x05, 12),
        }
    }
}

/// A database in memory, as it would lie on disk.
#[derive(Debug)]
pub(crate) struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// One whose first pages are still to be made: so many are left free for them. It will have about so many rows.
    pub(crate) fn behind(pages: usize, rows: usize) -> Image {
        let mut bytes = Vec::with_capacity(pages * PAGE + rows * USUAL);
        bytes.resize(pages * PAGE, 0);
        Image { bytes }
    }

    /// Puts the database that SQLite made, without the rows, in the first pages; `None` where it takes more than were left free.
    /// `roots` are the pages that stand in its trees' place.
    pub(crate) fn complete(mut self, made: &[u8], roots: Vec<(u32, Page)>) -> Option<Vec<u8>> {
        self.bytes.get_mut(..made.len())?.copy_from_slice(made);
        for (number, root) in roots {
            let at = (number as usize).checked_sub(1)?.checked_mul(PAGE)?;
            let place = self.bytes.get_mut(at..at.checked_add(PAGE)?)?;
            place.copy_from_slice(root.bytes.as_slice());
        }
        // Of how many pages it has, the header tells.
        let pages = u32::try_from(self.bytes.len() / PAGE).ok()?;
        let told = self.bytes.get_mut(28..32)?;
        told.copy_from_slice(&pages.to_be_bytes());
        Some(self.bytes)
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The number of the page that comes next.
    fn next(&mut self) -> u32 {
        if self.bytes.len() / PAGE + 1 == LOCKED {
            self.bytes.resize(self.bytes.len() + PAGE, 0);
        }
        u32::try_from(self.bytes.len() / PAGE + 1).unwrap_or(u32::MAX)
    }

    fn append(&mut self, page: &[u8]) -> u32 {
        let number = self.next();
        self.bytes.extend_from_slice(page);
        number
    }
}

/// A page of a tree that is being filled: cells from its end, their places from its beginning.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    bytes: Box<[u8; PAGE]>,
    header: usize,
    cells: usize,
    /// Where the last cell begins, and those before it.
    begin: usize,
    last: usize,
}

impl Page {
    fn new(kind: Kind, level: usize) -> Page {
        let (kind, header) = kind.page(level);
        let mut page = Page {
            bytes: Box::new([0; PAGE]),
            header,
            cells: 0,
            begin: PAGE,
            last: PAGE,
        };
        page.write(0, &[kind]);
        page
    }

    fn write(&mut self, at: usize, what: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + what.len()) {
            place.copy_from_slice(what);
        }
    }

    fn write_place(&mut self, at: usize, place: usize) {
        let place = u16::try_from(place).unwrap_or_default();
        self.write(at, &place.to_be_bytes());
    }

    /// Whether there was room.
    fn put(&mut self, cell: &[u8]) -> bool {
        let length = cell.len().max(SMALLEST);
        let places = self.header + 2 * (self.cells + 1);
        let Some(begin) = self.begin.checked_sub(length).filter(|at| *at >= places) else {
            return false;
        };
        self.write(begin, cell);
        self.write_place(places - 2, begin);
        (self.last, self.begin) = (self.begin, begin);
        self.cells += 1;
        true
    }

    /// Takes the last cell out again.
    fn take(&mut self) -> Vec<u8> {
        let cell = self.bytes.get(self.begin..self.last);
        let cell = cell.map(<[u8]>::to_vec).unwrap_or_default();
        self.cells = self.cells.saturating_sub(1);
        self.begin = self.last;
        cell
    }

    /// All of it, with the page behind its last cell where it is no leaf.
    fn end(&mut self, behind: Option<u32>) {
        self.write_place(3, self.cells);
        self.write_place(5, self.begin);
        if let Some(behind) = behind {
            self.write(8, &behind.to_be_bytes());
        }
    }
}

/// A tree that is given its records in their order.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    kind: Kind,
    /// The page under way of each level, from the leaves up.
    levels: Vec<Page>,
    cell: Vec<u8>,
    /// Number of the last row.
    last: usize,
}

impl Tree {
    /// One of rows with numbers.
    pub(crate) fn of_rows() -> Tree {
        Tree {
            kind: Kind::Rows,
            ..Tree::default()
        }
    }

    /// Adds a record, which stands behind all before it.
    pub(crate) fn add(&mut self, image: &mut Image, record: &[u8]) {
        let mut cell = std::mem::take(&mut self.cell);
        cell.clear();
        varint(&mut cell, record.len());
        put_record(&mut cell, image, record, MOST_LOCAL);
        self.push(image, 0, &cell);
        self.cell = cell;
    }

    /// Adds a row, whose number is above all before it.
    pub(crate) fn add_row(&mut self, image: &mut Image, number: usize, record: &[u8]) {
        let mut cell = std::mem::take(&mut self.cell);
        cell.clear();
        varint(&mut cell, record.len());
        varint(&mut cell, number);
        put_record(&mut cell, image, record, MOST_LOCAL_OF_ROW);
        self.push(image, 0, &cell);
        self.cell = cell;
        self.last = number;
    }

    fn push(&mut self, image: &mut Image, level: usize, cell: &[u8]) {
        let kind = self.kind;
        if level == self.levels.len() {
            self.levels.push(Page::new(kind, level));
        }
        let Some(page) = self.levels.get_mut(level) else {
            return;
        };
        if page.put(cell) {
            return;
        }
        let mut up = Vec::new();
        let (behind, above) = match (kind, level) {
            // It is full: what stands between it and the next is the number of its last row.
            (Kind::Rows, 0) => {
                varint(&mut up, self.last);
                (None, up.as_slice())
            }
            // Else its last cell goes up, to stand between it and the next, so that none is ever empty.
            _ => {
                up = page.take();
                match up.split_first_chunk::<4>() {
                    Some((child, record)) if level > 0 => {
                        (Some(u32::from_be_bytes(*child)), record)
                    }
                    _ => (None, up.as_slice()),
                }
            }
        };
        let mut full = std::mem::replace(page, Page::new(kind, level));
        page.put(cell);
        full.end(behind);
        let mut between = image.append(full.bytes.as_slice()).to_be_bytes().to_vec();
        between.extend_from_slice(above);
        self.push(image, level + 1, &between);
    }

    /// The page at its root; `None` where it has no record.
    pub(crate) fn end(self, image: &mut Image) -> Option<Page> {
        let mut levels = self.levels.into_iter();
        let mut page = levels.next()?;
        page.end(None);
        for mut above in levels {
            let below = image.append(page.bytes.as_slice());
            above.end(Some(below));
            page = above;
        }
        Some(page)
    }
}

/// Puts a record into a cell: as much as stands there, and where the rest of it is.
fn put_record(cell: &mut Vec<u8>, image: &mut Image, record: &[u8], most_local: usize) {
    let local = match record.len() {
        all if all <= most_local => all,
        all => match LEAST_LOCAL + (all - LEAST_LOCAL) % (PAGE - 4) {
            local if local <= most_local => local,
            _ => LEAST_LOCAL,
        },
    };
    let (own, rest) = record.split_at_checked(local).unwrap_or((record, &[]));
    cell.extend_from_slice(own);
    if rest.is_empty() {
        return;
    }
    cell.extend_from_slice(&image.next().to_be_bytes());
    let mut parts = rest.chunks(PAGE - 4).peekable();
    while let Some(part) = parts.next() {
        let mut page = vec![0; 4];
        page.extend_from_slice(part);
        page.resize(PAGE, 0);
        // The next one follows at once, but for the page that is left out.
        let at = image.append(&page) as usize;
        if parts.peek().is_some() {
            let next = image.next().to_be_bytes();
            let begin = (at - 1) * PAGE;
            if let Some(told) = image.bytes.get_mut(begin..begin + 4) {
                told.copy_from_slice(&next);
            }
        }
    }
}

/// Records as they stand in cells.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    header: Vec<u8>,
    body: Vec<u8>,
    record: Vec<u8>,
}

impl Encoder {
    pub(crate) fn value(&mut self, value: Plain<'_>) {
        match value {
            Plain::Null => self.header.push(0),
            Plain::Int(0) => self.header.push(8),
            Plain::Int(1) => self.header.push(9),
            Plain::Int(number) => {
                let (kind, bytes) = match number {
                    -0x80..=0x7f => (1, 1),
                    -0x8000..=0x7fff => (2, 2),
                    -0x80_0000..=0x7f_ffff => (3, 3),
                    -0x8000_0000..=0x7fff_ffff => (4, 4),
                    -0x8000_0000_0000..=0x7fff_ffff_ffff => (5, 6),
                    _ => (6, 8),
                };
                self.header.push(kind);
                let all = number.to_be_bytes();
                let own = all.get(all.len() - bytes..).unwrap_or_default();
                self.body.extend_from_slice(own);
            }
            Plain::Real(number) => {
                self.header.push(7);
                self.body.extend_from_slice(&number.to_be_bytes());
            }
            Plain::Text(text) => {
                varint(&mut self.header, text.len() * 2 + 13);
                self.body.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// The record of the values given since the last one.
    pub(crate) fn end(&mut self) -> &[u8] {
        self.record.clear();
        // The length counts itself: one byte, or two.
        let length = self.header.len() + 1;
        varint(&mut self.record, length + usize::from(length > 0x7f));
        self.record.append(&mut self.header);
        self.record.append(&mut self.body);
        &self.record
    }
}

/// Seven bits a byte, the highest first.
fn varint(into: &mut Vec<u8>, number: usize) {
    let bytes = (usize::BITS - number.leading_zeros()).div_ceil(7).max(1);
    for left in (0..bytes).rev() {
        let bits = u8::try_from(number >> (7 * left) & 0x7f).unwrap_or_default();
        into.push(if left > 0 { bits | 0x80 } else { bits });
    }
}
