//! A finding explained: from what was seen to the verdict, and to what to do next.
//!
//! For whoever is called at night and knows neither the measure nor the network. It adds no judgement: it looks up the facts
//! that the finding cites, asks the site which authorisations come near, and quotes the page.
mod allowed;
mod seen;
mod show;

use facts::Time;
use judge::{Assessment, Judged, Standing, Subject};

use self::allowed::looked_at;
use self::seen::seen;
use crate::pick::{self, Picks};
use crate::{Context, words};

pub use self::allowed::Looked;
pub use self::seen::{Party, Seen};
pub use self::show::{json, text};

/// Steps of the page that are quoted.
const MOST_STEPS: usize = 8;

/// Where it is explained, for the commands that it names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// The site folder as it was given.
    pub site: &'a str,
    /// Captures as they were given.
    pub captures: &'a [String],
    /// The state folder, where one was given.
    pub state: Option<&'a str>,
    /// Paragraphs of the edition followed that the measure answers: id and title.
    pub paragraphs: &'a [(String, String)],
}

/// A finding from evidence to verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Id of the finding.
    pub finding: String,
    /// Id of the measure.
    pub measure: String,
    /// The state that the measure asserts.
    pub title: String,
    /// What is judged, as the page names it.
    pub subject: String,
    /// Why it is not met, a full sentence.
    pub reason: String,
    /// Cranes that it is about; may be empty.
    pub cranes: Vec<String>,
    /// IANA name of the time zone in which times are shown.
    pub zone: String,
    /// The time as of which was judged.
    pub as_of: Time,
    /// Id of the edition of the advisory that was followed.
    pub edition: String,
    /// How the finding stands; `None` where no records of that were read.
    pub standing: Option<Standing>,
    /// Facts it rests on, the first of them.
    pub seen: Vec<Seen>,
    /// Facts beyond those.
    pub left_out: usize,
    /// Lines of the site file that it cites.
    pub site_lines: Vec<String>,
    /// Records that it cites: kind and id, entry, who recorded it.
    pub records: Vec<String>,
    /// What comes nearest to having allowed it, and why it did not; empty where nothing was to be allowed.
    pub looked_at: Vec<Looked>,
    /// What the measure asks, in the page's words.
    pub asks: String,
    /// Paragraph and title.
    pub paragraphs: Vec<(String, String)>,
    /// What would end it, a text each.
    pub resolved_by: Vec<String>,
    /// What to do, in the page's words.
    pub steps: Vec<String>,
    /// What for, and the command.
    pub commands: Vec<(String, String)>,
}

/// Explains a finding of an assessment; `None` if it has none of that name.
pub fn explain(
    assessment: &Assessment,
    context: &Context<'_>,
    finding: &str,
    call: &Call<'_>,
) -> Option<Explanation> {
    let picks = Picks::new(assessment, context);
    let (judged, subject) = found(assessment, finding)?;
    let page = picks.page(&judged.id);
    let (seen, left_out) = seen(&picks, subject);
    let site_lines = subject.facts.iter().find_map(|(name, value)| match value {
        facts::Value::List(lines) if name == "site" => Some(lines.clone()),
        _ => None,
    });
    let standing = context.standings.and_then(|all| all.of(finding)).cloned();
    let looked_at = looked_at(&picks, subject);
    let asks = page.map(|page| words::plain(&page.what_it_asks_markdown));
    let steps = page.map(|page| words::plain(&page.when_it_fails_markdown));
    Some(Explanation {
        finding: finding.to_owned(),
        measure: judged.id.clone(),
        title: judged.title.clone(),
        subject: subject.subject.clone(),
        reason: subject.reason.clone(),
        cranes: picks
            .cranes(subject)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        zone: picks.zone.to_owned(),
        as_of: assessment.as_of,
        edition: assessment.edition.clone(),
        resolved_by: resolved_by(&picks, subject, &looked_at),
        standing,
        seen,
        left_out,
        site_lines: site_lines.unwrap_or_default(),
        records: subject
            .records
            .iter()
            .map(|one| format!("{} (entry {}, by {})", one.record, one.entry, one.by))
            .collect(),
        looked_at,
        asks: asks
            .unwrap_or_default()
            .into_iter()
            .next()
            .unwrap_or_default(),
        paragraphs: call.paragraphs.to_vec(),
        steps: steps
            .unwrap_or_default()
            .into_iter()
            .take(MOST_STEPS)
            .collect(),
        commands: commands(judged, subject, finding, call),
    })
}

fn found<'a>(assessment: &'a Assessment, finding: &str) -> Option<(&'a Judged, &'a Subject)> {
    assessment.measures.iter().find_map(|judged| {
        let mut subjects = judged.subjects.iter();
        let subject = subjects.find(|one| one.finding.as_deref() == Some(finding))?;
        Some((judged, subject))
    })
}

/// What would end it.
fn resolved_by(picks: &Picks<'_>, subject: &Subject, looked_at: &[Looked]) -> Vec<String> {
    let mut ways = Vec::new();
    if looked_at.iter().any(|one| one.asks_for_authority) {
        ways.push(
            "If it was allowed and only not written down: whoever allowed it writes the conduit or work order that names both ends, what was done and the time. Seawall then judges it anew. If nobody allowed it, it is an incident until the contrary is shown."
                .to_owned(),
        );
    }
    let after = match pick::when(subject) {
        Some((_, last)) if !subject.evidence.is_empty() => {
            format!("evidence later than {}", last.local(picks.zone))
        }
        _ => "a site file or records that say otherwise".to_owned(),
    };
    ways.push(format!(
        "Resolved: by a judgement on {after} that does not find it and lacks none of the evidence it would need to. Nobody closes it by hand."
    ));
    ways.push(
        "Borne for a time: by an exception with a reason, somebody who answers for it, and a last day. The measure stays not met."
            .to_owned(),
    );
    ways
}

fn commands(
    judged: &Judged,
    subject: &Subject,
    finding: &str,
    call: &Call<'_>,
) -> Vec<(String, String)> {
    let site = quoted(call.site);
    let state = call
        .state
        .map(|state| format!(" --state {}", quoted(state)));
    let captures = call
        .captures
        .iter()
        .map(|path| format!(" {}", quoted(path)));
    let captures: String = captures.chain(state).collect();
    let mut commands = Vec::new();
    let mut add = |what: &str, command: String| commands.push((what.to_owned(), command));
    if !subject.evidence.is_empty() {
        add(
            "See the packets in Wireshark",
            format!(
                "seawall packets {site}{captures} --finding {finding} --output {finding}.pcapng"
            ),
        );
    }
    add(
        "Say that you have it in hand",
        format!(
            "seawall record acknowledgement --site {site} --id ACK-1 findings={finding} who=PERSON since=TIME until=TIME"
        ),
    );
    add(
        "If it may be an attack: open an incident, which writes the reports",
        format!("seawall incident {site} open{captures} --id INC-1 --finding {finding}"),
    );
    add(
        "Once it is put right: judge again, and record what came of it",
        format!("seawall assess {site}{captures} --record"),
    );
    add(
        "To bear the risk for a time",
        format!(
            "seawall record exception --site {site} --id EX-1 measure={} {} finding={finding} risk=TEXT reason=TEXT approved_by=PERSON decided=DATE ends=DATE",
            judged.id,
            quoted(&format!("subject={}", subject.subject))
        ),
    );
    commands
}

/// As a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
