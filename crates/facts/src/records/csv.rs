//! Comma-separated values (RFC 4180), with the line of every record and of every mistake.

/// A record: its cells, and the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) cells: Vec<String>,
}

/// What is wrong with the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A quotation mark opens a cell that never ends.
    Open,
    /// Something stands behind the quotation mark that ends a cell.
    Behind,
    /// A quotation mark stands within a cell that does not begin with one.
    Within,
}

/// Every record that is not blank, or what is wrong with it.
pub(super) fn lines(text: &str) -> Vec<Result<Line, (u32, Flaw)>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    let mut number = 1;
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let (read, used) = record(rest, number);
        let (taken, left) = rest.split_at_checked(used).unwrap_or((rest, ""));
        let blank = |line: &Line| line.cells.iter().all(|cell| cell.trim().is_empty());
        if !read.as_ref().is_ok_and(blank) {
            lines.push(read);
        }
        let ends = taken.bytes().filter(|byte| *byte == b'\n').count();
        number = number.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        rest = left;
    }
    lines
}

/// The record at the beginning, and how many bytes it takes. One with a flaw takes its first line alone, so that the
/// others are still read.
fn record(text: &str, number: u32) -> (Result<Line, (u32, Flaw)>, usize) {
    let mut cells = Vec::new();
    let mut at = 0;
    let first_line = text.find('\n').map_or(text.len(), |end| end + 1);
    let flawed = |flaw| (Err((number, flaw)), first_line);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let (cell, used) = if rest.starts_with('"') {
            match quoted(rest) {
                Some(read) => read,
                None => return flawed(Flaw::Open),
            }
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            let cell = rest.get(..end).unwrap_or_default();
            if cell.contains('"') {
                return flawed(Flaw::Within);
            }
            (cell.trim_end_matches('\r').to_owned(), end)
        };
        cells.push(cell);
        at += used;
        let rest = text.get(at..).unwrap_or_default();
        let behind = rest.strip_prefix('\r').unwrap_or(rest);
        match (rest.chars().next(), behind.chars().next()) {
            (Some(','), _) => at += 1,
            (_, None) => return (Ok(Line { number, cells }), text.len()),
            (_, Some('\n')) => {
                let used = at + (rest.len() - behind.len()) + 1;
                return (Ok(Line { number, cells }), used);
            }
            _ => return flawed(Flaw::Behind),
        }
    }
}

/// The cell in quotation marks at the beginning, and how many bytes it takes; `None` if it does not end.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut cell = String::new();
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        let end = rest.find('"')?;
        cell.push_str(rest.get(..end)?);
        at += end + 1;
        if !text.get(at..)?.starts_with('"') {
            return Some((cell.replace("\r\n", "\n"), at));
        }
        cell.push('"');
        at += 1;
    }
}

#[test]
fn cells_are_read_with_the_line_of_their_record() {
    let line = |number, cells: &[&str]| {
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        Ok(Line { number, cells })
    };
    assert_eq!(
        lines("\u{feff}a,b\r\n\r\n\"x, \"\"y\"\"\r\nz\",\n,\nopen,\"b\nlast,1"),
        [
            line(1, &["a", "b"]),
            line(3, &["x, \"y\"\nz", ""]),
            Err((6, Flaw::Open)),
            line(7, &["last", "1"]),
        ]
    );
    for (text, flaw) in [("a,\"b\"c\nd", Flaw::Behind), ("a\"b\nd", Flaw::Within)] {
        assert_eq!(lines(text), [Err((1, flaw)), line(2, &["d"])], "{text}");
    }
}
