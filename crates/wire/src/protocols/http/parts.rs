//! The files of a form: bodies of `multipart/form-data` (RFC 7578), taken apart as they come.
use super::head::file_name;
use crate::Cx;
use crate::protocols::carried::{Content, Sum};

/// Longest boundary (RFC 2046, 5.1.1) with the line end and the dashes before it.
const MOST_MARK: usize = 4 + 70;
/// Longest head of a part.
const MOST_HEAD: usize = 4096;
/// Files told of one form.
const MOST_FILES: usize = 64;

/// A form on its way.
#[derive(Debug)]
pub(super) struct Parts {
    /// Line end, dashes and boundary, as they stand before each part.
    mark: Vec<u8>,
    /// What may be the begin of a mark or is a head that is not whole.
    held: Vec<u8>,
    place: Place,
    /// Files that are through, by their name.
    pub files: Vec<(String, Sum)>,
    /// Files for which there was no room among them.
    pub left_out: u64,
}

#[derive(Debug)]
enum Place {
    /// Before the first part, or in one that is no file.
    Between,
    Head,
    File(String, Box<Content>),
    Over,
}

impl Parts {
    /// By the value of the content type.
    pub(super) fn new(kind: &[u8]) -> Option<Parts> {
        let kind = std::str::from_utf8(kind).ok()?;
        let lower = kind.to_ascii_lowercase();
        if !lower.starts_with("multipart/form-data") {
            return None;
        }
        let at = lower.find("boundary=")? + "boundary=".len();
        let value = kind.get(at..)?;
        let boundary = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => value.split(';').next()?.trim(),
        };
        let mark = [b"\r\n--", boundary.as_bytes()].concat();
        (!boundary.is_empty() && mark.len() <= MOST_MARK).then(|| Parts {
            mark,
            // The first mark stands at the begin of the body, without a line before it.
            held: b"\r\n".to_vec(),
            place: Place::Between,
            files: Vec::new(),
            left_out: 0,
        })
    }

    pub(super) fn take(&mut self, cx: &Cx<'_>, bytes: &[u8]) {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let mut rest = all.as_slice();
        loop {
            match &mut self.place {
                Place::Over => return,
                Place::Head => {
                    let Some(end) = find(rest, b"\r\n\r\n").filter(|end| *end <= MOST_HEAD) else {
                        if rest.starts_with(b"--") || rest.len() > MOST_HEAD {
                            self.place = Place::Over;
                        } else {
                            self.held = rest.to_vec();
                        }
                        return;
                    };
                    if rest.starts_with(b"--") {
                        self.place = Place::Over;
                        return;
                    }
                    let name = rest.get(..end).and_then(part_name);
                    self.place = match name {
                        Some(name) => Place::File(name, Box::default()),
                        None => Place::Between,
                    };
                    // An empty part has its mark right behind the head: the line end before the mark is the head's last.
                    rest = rest.get(end + 2..).unwrap_or(&[]);
                    if !rest.starts_with(&self.mark) {
                        rest = rest.get(2..).unwrap_or(&[]);
                    }
                }
                Place::Between | Place::File(..) => {
                    let found = find(rest, &self.mark);
                    // The end may be the begin of a mark.
                    let sure = found.unwrap_or(rest.len().saturating_sub(self.mark.len() - 1));
                    let content = rest.get(..sure).unwrap_or(&[]);
                    if let Place::File(_, file) = &mut self.place {
                        file.take(cx, content);
                    }
                    if found.is_none() {
                        self.held = rest.get(sure..).unwrap_or(&[]).to_vec();
                        return;
                    }
                    let place = std::mem::replace(&mut self.place, Place::Head);
                    self.put_by(place, true);
                    rest = rest.get(sure + self.mark.len()..).unwrap_or(&[]);
                }
            }
        }
    }

    fn put_by(&mut self, place: Place, whole: bool) {
        let Place::File(name, content) = place else {
            return;
        };
        if self.files.len() < MOST_FILES {
            self.files.push((name, content.finish(None, whole)));
        } else {
            self.left_out += 1;
        }
    }

    /// Bytes are missing: where the next part begins is not known.
    pub(super) fn lose(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Over);
        self.put_by(place, false);
    }

    /// Nothing more comes.
    pub(super) fn finish(mut self) -> (Vec<(String, Sum)>, u64) {
        self.lose();
        (self.files, self.left_out)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

/// The file name in the head of a part.
fn part_name(head: &[u8]) -> Option<String> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        let field = line.get(.."content-disposition:".len())?;
        field
            .eq_ignore_ascii_case(b"content-disposition:")
            .then(|| file_name(line))?
    })
}
