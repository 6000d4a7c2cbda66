//! What follows a head: how long it is, and whether it is a file that someone fetches or puts.
use super::head::Head;
use super::parts::Parts;
use crate::protocols::carried::{About, Content, Encoded, Sum};
use crate::{Asked, Cx, Op, Outcome, Side, Step};

/// How the end of a body is told (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    None,
    Sized(u64),
    Chunked,
    /// Only the end of the connection tells.
    UntilClose,
}

impl Length {
    pub(super) fn of_request(head: &Head<'_>) -> Length {
        Length::stated(head).unwrap_or(Length::None)
    }

    pub(super) fn of_answer(head: &Head<'_>) -> Length {
        Length::stated(head).unwrap_or(Length::UntilClose)
    }

    fn stated(head: &Head<'_>) -> Option<Length> {
        if head.says("transfer-encoding", "chunked") {
            return Some(Length::Chunked);
        }
        head.content_length().map(|length| match length {
            0 => Length::None,
            length => Length::Sized(length),
        })
    }
}

/// Where the reading of a body stands.
#[derive(Debug, Default)]
pub(super) enum Place {
    /// Between messages.
    #[default]
    Head,
    /// In a body of known size, or in the data of a chunk with its line end.
    Data {
        left: u64,
        chunked: bool,
    },
    ChunkSize,
    Trailer,
    UntilClose,
}

/// A file on its way.
pub(super) struct File {
    /// What is told of it when it is through.
    pub about: About,
    /// It is told as an operation too.
    op: Option<Op>,
    content: Content,
    /// Its size, where the head states that.
    stated: Option<u64>,
    encoding: Encoding,
    pub range: Option<Range>,
    parts: Option<Box<Parts>>,
}

/// How the bytes of a body become those of the file.
enum Encoding {
    Plain,
    Packed(Box<Encoded>),
    /// In a way that is not undone here: what comes is counted, and has no hash.
    Foreign(u64),
}

/// `bytes 0-499/1234` (RFC 9110, 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub from: u64,
    pub to: u64,
    pub total: Option<u64>,
}

impl Range {
    pub(super) const fn bytes(self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }

    fn read(value: &str) -> Option<Range> {
        let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (from, to) = range.split_once('-')?;
        Some(Range {
            from: from.trim().parse().ok()?,
            to: to.trim().parse().ok()?,
            total: total.trim().parse().ok(),
        })
    }
}

/// What is known of a file in the end.
pub(super) struct Told {
    pub ops: Vec<Op>,
    pub files: Vec<(About, Sum)>,
    /// Files of a form that are not among them.
    pub left_out: u64,
}

impl Told {
    /// The server's word on what was put.
    pub(super) fn answered(&mut self, outcome: Option<Outcome>) {
        for op in &mut self.ops {
            op.outcome = outcome;
        }
        for (about, _) in &mut self.files {
            about.outcome = outcome;
        }
    }

    pub(super) fn tell(self, cx: &mut Cx<'_>) {
        for op in self.ops {
            cx.operation(Side::Client, op);
        }
        for (about, sum) in self.files {
            cx.file(about, sum);
        }
        cx.leave_out("files of forms", self.left_out);
    }
}

impl File {
    /// `op`: what it is told as beside, if it is a file to keep or run.
    pub(super) fn new(
        cx: &Cx<'_>,
        mut about: About,
        op: Option<Op>,
        head: &Head<'_>,
        length: Length,
        part: bool,
    ) -> File {
        let coding = head
            .text("content-encoding")
            .filter(|coding| !coding.eq_ignore_ascii_case("identity"));
        let stated = part.then(|| head.text("content-range")).flatten();
        let detail = coding
            .as_ref()
            .map(|coding| format!("encoded as {coding}"))
            .or_else(|| {
                stated
                    .as_ref()
                    .map(|range| format!("part of the file, {range}"))
            });
        let encoding = match &coding {
            None => Encoding::Plain,
            Some(coding) => Encoded::new(cx, coding)
                .filter(|_| !part)
                .map_or(Encoding::Foreign(0), |it| Encoding::Packed(Box::new(it))),
        };
        about.detail.clone_from(&detail);
        let parts = head.field("content-type").and_then(Parts::new);
        File {
            stated: match length {
                Length::Sized(length) if coding.is_none() && !part => Some(length),
                _ => None,
            },
            op: op.map(|op| Op { detail, ..op }),
            about,
            content: Content::default(),
            encoding,
            range: stated.as_deref().and_then(Range::read),
            parts: parts.filter(|_| coding.is_none()).map(Box::new),
        }
    }

    /// Goes on with a file of which other parts came before.
    pub(super) fn join(&mut self, known: Content) {
        self.content = known;
    }

    /// Where the content of a part goes.
    fn place(&self) -> Option<u64> {
        self.range.map(|range| range.from)
    }

    pub(super) fn begin(&mut self) {
        if let Some(from) = self.place() {
            self.content.go_to(from);
        }
    }

    fn take(&mut self, cx: &Cx<'_>, bytes: &[u8]) {
        if let Some(parts) = &mut self.parts {
            parts.take(cx, bytes);
            return;
        }
        match &mut self.encoding {
            Encoding::Plain => self.content.take(cx, bytes),
            Encoding::Packed(it) => it.take(cx, &mut self.content, bytes),
            Encoding::Foreign(count) => *count += bytes.len() as u64,
        }
    }

    pub(super) fn lose(&mut self, lost: u64) {
        if let Some(parts) = &mut self.parts {
            parts.lose();
        }
        match &mut self.encoding {
            Encoding::Plain => self.content.lose(lost),
            Encoding::Packed(it) => it.lose(),
            Encoding::Foreign(_) => {}
        }
    }

    pub(super) const fn answered(&mut self, outcome: Outcome) {
        self.about.outcome = Some(outcome);
    }

    pub(super) const fn is_answered(&self) -> bool {
        self.about.outcome.is_some()
    }

    /// How large the file is of which this is a part whose other parts may follow.
    pub(super) fn part_of(&self) -> Option<u64> {
        let total = self.range.and_then(|range| range.total);
        let plain = matches!(self.encoding, Encoding::Plain) && self.parts.is_none();
        total.filter(|_| plain)
    }

    /// A part of a file: what is told of the file, its content so far, and what the part is told as.
    pub(super) fn into_part(self) -> (About, Content, Option<Op>) {
        (self.about, self.content, self.op)
    }

    /// What is known of it in the end; `whole` when all of the body was seen.
    pub(super) fn finish(mut self, cx: &Cx<'_>, whole: bool) -> Told {
        if let Some(parts) = self.parts {
            return of_form(self.about, self.op, *parts);
        }
        let mut foreign = None;
        let unpacked = match &mut self.encoding {
            Encoding::Plain => true,
            Encoding::Packed(it) => it.finish(cx, &mut self.content),
            Encoding::Foreign(count) => {
                foreign = Some(*count);
                false
            }
        };
        let part = self.range.is_some();
        let size = self.range.map_or(self.stated, |range| range.total);
        let mut sum = self.content.finish(size, whole && unpacked && !part);
        if let Some(count) = foreign {
            sum.bytes = count;
        }
        // Whatever the head calls it.
        if matches!(sum.look.kind, "program" | "archive") {
            self.about.page = false;
        }
        let op = self.op.map(|op| Op {
            outcome: self.about.outcome,
            content_bytes: Some(sum.bytes),
            content_sha256: sum.sha256.clone(),
            ..op
        });
        Told {
            ops: op.into_iter().collect(),
            files: vec![(self.about, sum)],
            left_out: 0,
        }
    }
}

/// The files of a form, each as a file of its own.
fn of_form(about: About, op: Option<Op>, parts: Parts) -> Told {
    let (files, left_out) = parts.finish();
    let mut told = Told {
        ops: Vec::new(),
        files: Vec::new(),
        left_out,
    };
    for (name, sum) in files {
        if let Some(op) = &op {
            told.ops.push(Op {
                object: Some(name.clone()),
                outcome: about.outcome,
                content_bytes: Some(sum.bytes),
                content_sha256: sum.sha256.clone(),
                ..op.clone()
            });
        }
        let one = About {
            name: Some(name),
            page: false,
            ..about.clone()
        };
        told.files.push((one, sum));
    }
    told
}

/// What every file of a message is told with.
pub(super) fn about(upload: bool, path: Option<String>, asked: Option<Asked>) -> About {
    About {
        upload,
        path,
        asked,
        ..About::default()
    }
}

/// What a step through a body came to.
pub(super) enum Through {
    /// Go on.
    Step(Step),
    /// That step ends the body.
    End(Step),
}

impl Place {
    pub(super) const fn enter(length: Length) -> Place {
        match length {
            Length::None => Place::Head,
            Length::Sized(left) => Place::Data {
                left,
                chunked: false,
            },
            Length::Chunked => Place::ChunkSize,
            Length::UntilClose => Place::UntilClose,
        }
    }

    /// Passes over bytes that are missing, where they lie in content.
    pub(super) fn bridge(&mut self, lost: u64, file: Option<&mut File>) -> bool {
        match self {
            Place::Data { left, chunked } => {
                let tail = if *chunked { 2 } else { 0 };
                if lost.saturating_add(tail) >= *left {
                    return false;
                }
                *left -= lost;
            }
            Place::UntilClose => {}
            Place::Head | Place::ChunkSize | Place::Trailer => return false,
        }
        if let Some(file) = file {
            file.lose(lost);
        }
        true
    }

    /// Reads on in a body. Bytes of content go to `content`; without a file they are passed over unseen.
    pub(super) fn read(&mut self, cx: &Cx<'_>, bytes: &[u8], file: Option<&mut File>) -> Through {
        match *self {
            Place::Head => Through::End(Step::Bad("body")),
            Place::UntilClose => match file {
                Some(file) => {
                    file.take(cx, bytes);
                    Through::Step(Step::Took(bytes.len()))
                }
                None => Through::Step(Step::Done),
            },
            Place::Data { left, chunked } => {
                let next = if chunked {
                    Place::ChunkSize
                } else {
                    Place::Head
                };
                // The line end behind a chunk is no content.
                let tail = if chunked { 2 } else { 0 };
                let Some(file) = file else {
                    *self = next;
                    return if chunked {
                        Through::Step(Step::Skip(left))
                    } else {
                        Through::End(Step::Skip(left))
                    };
                };
                let content = left.saturating_sub(tail);
                let here = usize::try_from(content)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                file.take(cx, bytes.get(..here).unwrap_or(&[]));
                if here as u64 == left {
                    *self = next;
                    return Through::End(Step::Took(here));
                }
                if here as u64 == content {
                    *self = next;
                    return Through::Step(Step::Skip(left));
                }
                *self = Place::Data {
                    left: left - here as u64,
                    chunked,
                };
                Through::Step(Step::Took(here))
            }
            Place::ChunkSize => match line(bytes) {
                Ok((line, length)) => {
                    let digits = line.split(|byte| *byte == b';').next().unwrap_or(&[]);
                    let size = std::str::from_utf8(digits.trim_ascii())
                        .ok()
                        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
                    match size {
                        Some(0) => *self = Place::Trailer,
                        Some(size) if size < 1 << 60 => {
                            *self = Place::Data {
                                left: size + 2,
                                chunked: true,
                            }
                        }
                        _ => return Through::End(Step::Bad("chunk size")),
                    }
                    Through::Step(Step::Took(length))
                }
                Err(step) => Through::Step(step),
            },
            Place::Trailer => match line(bytes) {
                Ok(([], length)) => {
                    *self = Place::Head;
                    Through::End(Step::Took(length))
                }
                Ok((_, length)) => Through::Step(Step::Took(length)),
                Err(step) => Through::Step(step),
            },
        }
    }
}

/// A line and its length with the line end.
fn line(bytes: &[u8]) -> Result<(&[u8], usize), Step> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = bytes.get(..end).unwrap_or(&[]);
            Ok((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
        }
        None if bytes.len() < 4096 => Err(Step::Need(bytes.len() + 1)),
        None => Err(Step::Bad("chunk size")),
    }
}

/// Bodies that are no file at all: forms hold secrets, and streams of pictures or events have no end.
pub(super) fn is_carried(head: &Head<'_>) -> bool {
    !head.content_type().is_some_and(|kind| {
        matches!(
            kind.as_str(),
            "application/x-www-form-urlencoded"
                | "multipart/x-mixed-replace"
                | "text/event-stream"
                | "application/ipp"
        )
    })
}

/// Content that is a file to keep or run, rather than a page or a message.
pub(super) fn is_file(head: &Head<'_>, path: Option<&str>) -> bool {
    let kind = head.content_type();
    let by_kind = kind.as_deref().is_some_and(|kind| {
        matches!(
            kind,
            "application/octet-stream"
                | "application/zip"
                | "application/gzip"
                | "application/pdf"
                | "application/java-archive"
                | "application/msword"
                | "application/vnd.ms-excel"
                | "application/vnd.ms-cab-compressed"
                | "application/vnd.android.package-archive"
                | "application/x-zip-compressed"
                | "application/x-gzip"
                | "application/x-tar"
                | "application/x-7z-compressed"
                | "application/x-rar-compressed"
                | "application/x-msdownload"
                | "application/x-msdos-program"
                | "application/x-msi"
                | "application/x-dosexec"
                | "application/x-executable"
                | "application/x-iso9660-image"
                | "application/x-rpm"
                | "application/vnd.debian.binary-package"
                | "binary/octet-stream"
        ) || kind.starts_with("application/vnd.openxmlformats-officedocument")
    });
    let by_name = path
        .and_then(|path| path.rsplit('/').next())
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, ending)| {
            matches!(
                ending.to_ascii_lowercase().as_str(),
                "exe"
                    | "msi"
                    | "dll"
                    | "bin"
                    | "hex"
                    | "fw"
                    | "img"
                    | "iso"
                    | "zip"
                    | "cab"
                    | "7z"
                    | "rar"
                    | "tar"
                    | "gz"
                    | "tgz"
                    | "xz"
                    | "bz2"
                    | "apk"
                    | "rpm"
                    | "deb"
                    | "jar"
                    | "bat"
                    | "cmd"
                    | "ps1"
                    | "vbs"
                    | "upd"
                    | "upg"
            )
        });
    let attached = head.says("content-disposition", "attachment");
    by_kind || attached || by_name && !kind.is_some_and(|kind| kind.starts_with("text/html"))
}
