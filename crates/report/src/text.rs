//! The assessment for a terminal: what happened, on which crane, what to do next. Words carry all of it; colour only
//! helps the eye.
use judge::{Assessment, Judged, Subject, Verdict};

use crate::pick::{self, Picks};
use crate::visible::show;
use crate::{Context, life, words};

/// How to write for the terminal at hand.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns; below 40 is taken as 40.
    pub width: usize,
    /// Whether to send ANSI colours.
    pub color: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            width: 80,
            color: false,
        }
    }
}

/// Findings shown per measure, and subjects of one that is unproven.
const MOST_FINDINGS: usize = 5;
const MOST_REASONS: usize = 3;
const MOST_URGENT: usize = 6;
/// Citations shown per finding, and assets.
const MOST_CITED: usize = 3;
const MOST_ASSETS: usize = 6;
/// Things skipped, and problems with captures.
const MOST_SKIPPED: usize = 8;

/// The assessment as text that fits the width.
pub fn text(assessment: &Assessment, context: &Context<'_>, style: Style) -> String {
    let picks = Picks::new(assessment, context);
    let mut out = Sheet::new(style);
    head(&mut out, &picks);
    urgent(&mut out, &picks);
    for measure in picks.measures(Verdict::NotMet) {
        broken(&mut out, &picks, measure);
    }
    for measure in picks.measures(Verdict::Unproven) {
        unproven(&mut out, measure);
    }
    for verdict in [Verdict::Met, Verdict::NotApplicable] {
        let mut any = false;
        for measure in picks.measures(verdict) {
            if !any {
                out.blank();
            }
            any = true;
            let indent = title(&mut out, measure);
            out.wrapped(indent, indent, &show(&measure.summary));
        }
    }
    tail(&mut out, &picks);
    out.text
}

fn head(out: &mut Sheet, picks: &Picks<'_>) {
    let assessment = picks.assessment;
    let (name, version) = (
        show(&assessment.terminal),
        format!("Seawall {}", show(picks.context.version)),
    );
    let room = out
        .width
        .saturating_sub(name.chars().count() + version.chars().count());
    if room > 1 {
        let line = format!(
            "{}{}{}",
            out.paint(BOLD, &name),
            " ".repeat(room),
            out.paint(DIM, &version)
        );
        out.line(&line);
    } else {
        out.wrapped(0, 0, &name);
        out.wrapped(0, 0, &version);
    }
    let local = assessment.as_of.local(picks.zone);
    let utc = assessment.as_of.local("UTC");
    let as_of = if local == utc {
        local
    } else {
        format!("{local} ({utc})")
    };
    out.field(0, "As of", &as_of);
    out.field(0, "Edition", &show(&assessment.edition));
    out.field(0, "Read", &picks.read());
    for note in picks.context.notes {
        out.field(0, "Note", &show(note));
    }
    let problems: Vec<String> = picks.problems().map(|problem| show(&problem)).collect();
    for problem in problems.iter().take(MOST_REASONS) {
        out.field(0, "Damaged", problem);
    }
    if problems.len() > MOST_REASONS {
        let more = format!("and {} more: see the report", problems.len() - MOST_REASONS);
        out.field(0, "", &more);
    }
    out.blank();
    let parts = Verdict::ALL.map(|one| {
        let number = picks.measures(one).count();
        (one, format!("{} {number}", tag(one)))
    });
    let width: usize = parts.iter().map(|(_, part)| part.chars().count() + 3).sum();
    let painted = parts.map(|(one, part)| out.paint(color(one), &part));
    if width <= out.width + 3 {
        out.line(&painted.join("   "));
    } else {
        painted.iter().for_each(|part| out.line(part));
    }
    let of = words::many(
        words::size(assessment.measures.len()),
        "measure judged",
        "measures judged",
    );
    let left = assessment.not_judged.len();
    let more = if left == 0 {
        String::new()
    } else {
        format!("; {left} not judged yet, listed at the end")
    };
    out.wrapped(0, 0, &format!("{of}{more}"));
}

/// What should not wait, a sentence each, and what to do about those of one measure.
fn urgent(out: &mut Sheet, picks: &Picks<'_>) {
    let urgent = picks.urgent();
    if urgent.is_empty() {
        return;
    }
    out.blank();
    let title = out.paint(BOLD, "Look at this first");
    out.line(&title);
    for (nth, one) in urgent.iter().take(MOST_URGENT).enumerate() {
        let cranes = picks.cranes(one.subject).join(", ");
        let crane = if cranes.is_empty() {
            cranes
        } else {
            format!("{cranes}: ")
        };
        let (severity, id) = (one.severity.word(), &one.measure.id);
        let told = format!("{id:<3} {crane}{}", one.subject.reason);
        out.field(2, &words::capital(severity), &show(&told));
        let mut before = urgent.iter().take(nth);
        let is_first = !before.any(|before| before.measure.id == *id);
        if let Some(next) = picks.next_step(id).filter(|_| is_first) {
            out.field(2, "Do next", &next);
        }
    }
    if let Some(more) = urgent
        .len()
        .checked_sub(MOST_URGENT)
        .filter(|more| *more > 0)
    {
        out.field(2, "", &format!("and {more} more"));
    }
}

/// `NOT MET  C9  title`; gives the indent below it.
fn title(out: &mut Sheet, measure: &Judged) -> usize {
    let (verdict, id) = (tag(measure.verdict), format!("{:<3}", show(&measure.id)));
    let indent = verdict.chars().count() + id.chars().count() + 4;
    let lines = wrap(&show(&measure.title), out.width.saturating_sub(indent));
    for (index, line) in lines.iter().enumerate() {
        let text = if index == 0 {
            format!(
                "{}  {}  {}",
                out.paint(color(measure.verdict), verdict),
                out.paint(BOLD, &id),
                out.paint(BOLD, line)
            )
        } else {
            format!("{}{}", " ".repeat(indent), out.paint(BOLD, line))
        };
        out.line(&text);
    }
    indent
}

fn broken(out: &mut Sheet, picks: &Picks<'_>, measure: &Judged) {
    out.blank();
    let indent = title(out, measure);
    out.wrapped(indent, indent, &show(&measure.summary));
    let next = picks.next_step(&measure.id);
    let findings: Vec<&Subject> = Picks::findings(measure).collect();
    for (index, subject) in findings.iter().take(MOST_FINDINGS).enumerate() {
        finding(out, picks, index + 1, subject, next.as_deref());
    }
    if let Some(more) = findings
        .len()
        .checked_sub(MOST_FINDINGS)
        .filter(|more| *more > 0)
    {
        out.blank();
        out.wrapped(4, 4, &format!("and {more} more: see the report"));
    }
    let unproven = measure
        .subjects
        .iter()
        .filter(|subject| subject.verdict == Verdict::Unproven)
        .count();
    if unproven > 0 {
        let what = words::many(
            words::size(unproven),
            "subject of it is",
            "subjects of it are",
        );
        out.blank();
        out.wrapped(4, 4, &format!("Besides, {what} unproven: see the report"));
    }
}

fn finding(
    out: &mut Sheet,
    picks: &Picks<'_>,
    number: usize,
    subject: &Subject,
    next: Option<&str>,
) {
    const INDENT: usize = 4;
    out.blank();
    let lines = wrap(&show(&subject.reason), out.width.saturating_sub(INDENT));
    for (index, line) in lines.iter().enumerate() {
        let start = if index == 0 {
            format!("{number:>2}  ")
        } else {
            " ".repeat(INDENT)
        };
        let text = format!("{start}{}", out.paint(BOLD, line));
        out.line(&text);
    }
    let cranes = picks.cranes(subject);
    if !cranes.is_empty() {
        out.field(INDENT, "Crane", &show(&cranes.join(", ")));
    }
    if !subject.assets.is_empty() {
        let assets: Vec<String> = subject
            .assets
            .iter()
            .take(MOST_ASSETS)
            .map(|asset| show(asset))
            .collect();
        let more = subject.assets.len().saturating_sub(MOST_ASSETS);
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        out.field(INDENT, "Assets", &format!("{}{more}", assets.join(", ")));
    }
    if let Some((first, last)) = pick::when(subject) {
        out.field(INDENT, "When", &words::span(first, last, picks.zone));
    }
    if let Some(next) = next {
        let same = "as for 1".to_owned();
        out.field(INDENT, "Do next", if number == 1 { next } else { &same });
    }
    let mut label = "Evidence";
    let captures = pick::by_capture(subject);
    for (capture, frames) in captures.iter().take(MOST_CITED) {
        let frames = words::frames(frames);
        out.field(INDENT, label, &format!("{} {frames}", show(capture)));
        label = "";
    }
    let left = captures.len().saturating_sub(MOST_CITED);
    if left > 0 {
        let more = format!("and {left} more captures: see the report");
        out.field(INDENT, "", &more);
    }
    let mut label = if subject.evidence.is_empty() {
        "Records"
    } else {
        ""
    };
    for cited in subject.records.iter().take(MOST_CITED) {
        let by = show(&cited.by);
        let record = show(&cited.record);
        out.field(
            INDENT,
            label,
            &format!("{record}, entry {} by {by}", cited.entry),
        );
        label = "";
    }
    let left = subject.records.len().saturating_sub(MOST_CITED);
    if left > 0 {
        out.field(
            INDENT,
            "",
            &format!("and {left} more records: see the report"),
        );
    }
    if subject.evidence.is_empty() && subject.records.is_empty() {
        let facts: Vec<String> = subject
            .facts
            .iter()
            .take(MOST_CITED)
            .map(|(name, value)| {
                format!(
                    "{} {}",
                    words::column(name),
                    words::value(value, picks.zone)
                )
            })
            .collect();
        out.field(INDENT, "Evidence", &facts.join("; "));
    }
    if let Some(standing) = picks.standing(subject) {
        out.field(INDENT, "State", &life::state(standing, picks.zone));
    }
    if let Some(id) = &subject.finding {
        let id = show(id);
        if subject.evidence.is_empty() {
            out.field(INDENT, "Finding", &id);
        } else {
            out.field(
                INDENT,
                "Packets",
                &format!("seawall packets … --finding {id}"),
            );
        }
    }
}

fn unproven(out: &mut Sheet, measure: &Judged) {
    out.blank();
    let indent = title(out, measure);
    let subjects: Vec<&Subject> = measure
        .subjects
        .iter()
        .filter(|subject| subject.verdict == Verdict::Unproven)
        .collect();
    if subjects.is_empty() {
        out.wrapped(indent, indent, &show(&measure.summary));
    }
    // Many subjects for one reason are one line.
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for subject in &subjects {
        let (name, reason) = (show(&subject.subject), show(&subject.reason));
        let line = if reason.contains(&name) {
            reason
        } else {
            format!("{name}: {reason}")
        };
        match reasons.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => reasons.push((line, 1)),
        }
    }
    for (line, times) in reasons.iter().take(MOST_REASONS) {
        let times = if *times == 1 {
            String::new()
        } else {
            format!(" ({times} subjects)")
        };
        out.wrapped(indent, indent, &format!("{line}{times}"));
    }
    if let Some(more) = reasons
        .len()
        .checked_sub(MOST_REASONS)
        .filter(|more| *more > 0)
    {
        out.wrapped(indent, indent, &format!("and {more} more: see the report"));
    }
}

fn tail(out: &mut Sheet, picks: &Picks<'_>) {
    let skipped = picks.context.skipped;
    if !skipped.is_empty() {
        out.blank();
        out.heading("Skipped");
        for sentence in skipped.iter().take(MOST_SKIPPED) {
            out.wrapped(2, 4, &show(sentence));
        }
        if let Some(more) = skipped
            .len()
            .checked_sub(MOST_SKIPPED)
            .filter(|more| *more > 0)
        {
            out.wrapped(2, 4, &format!("and {more} more: see the report"));
        }
    }
    let not_judged = &picks.assessment.not_judged;
    if !not_judged.is_empty() {
        out.blank();
        out.heading("Not judged yet");
        let ids: Vec<String> = not_judged.iter().map(|one| show(&one.id)).collect();
        out.wrapped(2, 2, &ids.join(", "));
        out.wrapped(2, 2, "The report says what evidence each of them needs.");
    }
    out.blank();
    out.wrapped(
        0,
        2,
        "The whole report: seawall assess … --format html --output report.html",
    );
    if picks.measures(Verdict::NotMet).next().is_some() {
        out.wrapped(0, 2, "The packets of a finding: seawall packets SITE CAPTURE... --finding ID --output FILE.pcapng");
        out.wrapped(
            0,
            2,
            "What is behind it, and what to do: seawall explain SITE CAPTURE... ID",
        );
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";

const fn tag(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotMet => "NOT MET",
        Verdict::Unproven => "UNPROVEN",
        Verdict::Met => "MET",
        Verdict::NotApplicable => "NOT APPLICABLE",
    }
}

const fn color(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotMet => "1;31",
        Verdict::Unproven => "1;33",
        Verdict::Met => "1;32",
        Verdict::NotApplicable => "2",
    }
}

/// The text as it grows.
pub(crate) struct Sheet {
    pub(crate) text: String,
    width: usize,
    color: bool,
}

impl Sheet {
    pub(crate) fn new(style: Style) -> Sheet {
        Sheet {
            text: String::new(),
            width: style.width.max(40),
            color: style.color,
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        let line = self.paint(BOLD, text);
        self.line(&line);
    }

    /// A paragraph whose first line and whose others are indented.
    pub(crate) fn wrapped(&mut self, first: usize, rest: usize, text: &str) {
        for (index, line) in wrap(text, self.width.saturating_sub(first.max(rest)))
            .iter()
            .enumerate()
        {
            let indent = " ".repeat(if index == 0 { first } else { rest });
            self.line(&format!("{indent}{line}"));
        }
    }

    /// `Label     text`, wrapped below itself.
    pub(crate) fn field(&mut self, indent: usize, label: &str, text: &str) {
        const LABEL: usize = 10;
        for (index, line) in wrap(text, self.width.saturating_sub(indent + LABEL))
            .iter()
            .enumerate()
        {
            let label = if index == 0 {
                format!("{label:<LABEL$}")
            } else {
                " ".repeat(LABEL)
            };
            let text = format!("{}{}{line}", " ".repeat(indent), self.paint(DIM, &label));
            self.line(&text);
        }
    }
}

/// Lines of at most `width` characters, broken at spaces; a longer word is broken where it must.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0usize);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            if used == width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += 1;
        }
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

#[test]
fn lines_break_at_spaces_and_never_exceed_the_width() {
    assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    assert_eq!(wrap("abcdefghijkl m", 8), ["abcdefgh", "ijkl m"]);
    assert_eq!(wrap("  ", 8), [""; 0]);
}
