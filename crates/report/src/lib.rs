//! What people and programs read of an assessment: text for the terminal, one HTML file, JSON, and the events that lie
//! between one assessment and the next.
//!
//! Every function is pure: the same assessment and the same [`Context`] give the same bytes. Strings that came off the
//! wire may be hostile; whatever is shown to people goes through `visible::show` first, and HTML is escaped by `maud`.
//!
//! One [`judge::Assessment`] goes in with its [`Context`], and [`text()`], [`html()`] or [`json()`] come out; [`events`] takes
//! two assessments, [`explain`] one finding, [`incident`] what was recorded of one, [`logs`] the facts alone.
//!
//! ```
//! use facts::site::Site;
//! use facts::{Facts, Time};
//! use judge::{Assessment, Judged, Subject, Verdict};
//! use report::{Context, Style};
//!
//! let subject = Subject {
//!     subject: "rcms1 → plc1".to_owned(),
//!     verdict: Verdict::NotMet,
//!     reason: "rcms1 loaded DB11 into plc1, and no work order allows it.".to_owned(),
//!     assets: vec!["rcms1".to_owned(), "plc1".to_owned()],
//!     facts: Vec::new(),
//!     finding: Some("c9-1f0a".to_owned()),
//!     evidence: Vec::new(),
//!     records: Vec::new(),
//!     due: None,
//!     who: None,
//!     rests_on: Vec::new(),
//! };
//! let assessment = Assessment {
//!     terminal: "Harborview".to_owned(),
//!     time_zone: "America/New_York".to_owned(),
//!     as_of: Time::from_secs(1_795_248_000),
//!     edition: "2024".to_owned(),
//!     evidence: Vec::new(),
//!     measures: vec![Judged {
//!         id: "C9".to_owned(),
//!         title: "Each modification is authorised".to_owned(),
//!         verdict: Verdict::NotMet,
//!         summary: "1 of 1 pair is not met.".to_owned(),
//!         subjects: vec![subject].into(),
//!     }],
//!     not_judged: Vec::new(),
//! };
//! let (site, facts) = (Site::default(), Facts::default());
//! let context = Context {
//!     version: "0.1.0",
//!     site: &site,
//!     facts: &facts,
//!     pages: &[],
//!     skipped: &[],
//!     notes: &[],
//!     standings: None,
//! };
//! let text = report::text(&assessment, &context, Style::default());
//! assert!(text.contains("rcms1 loaded DB11 into plc1"));
//! assert!(text.lines().all(|line| line.chars().count() <= 80));
//! ```
pub mod due;
pub mod events;
pub mod explain;
mod html;
pub mod incident;
mod json;
mod life;
pub mod logs;
mod pick;
mod text;
mod visible;
mod words;

use facts::Facts;
use facts::site::Site;

pub use html::html;
pub use json::json;
pub use life::{Stepped, Turn, findings_json, findings_text, series_json, series_text};
pub use text::{Style, text};

/// What a report needs besides the assessment.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Version of the program that judged.
    pub version: &'a str,
    /// The site that was judged.
    pub site: &'a Site,
    /// The facts as folded against the site.
    pub facts: &'a Facts,
    /// The prose of the measures' pages, in any order.
    pub pages: &'a [PageText],
    /// What was not read or not understood, a sentence each.
    pub skipped: &'a [String],
    /// What the reader should know beforehand, a sentence each.
    pub notes: &'a [String],
    /// How the findings stand, where records of that were read.
    pub standings: Option<&'a judge::Standings>,
}

/// The parts of a measure's page that a report prints. Markdown is CommonMark with tables; raw HTML in it is shown as
/// text, links lose their address, so that the report refers to nothing outside itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageText {
    /// The measure's id.
    pub id: String,
    /// Markdown of the section "What it asks".
    pub what_it_asks_markdown: String,
    /// Markdown of the section "How it is judged", without the query.
    pub how_judged_markdown: String,
    /// Markdown of the section "When it fails".
    pub when_it_fails_markdown: String,
    /// What it judges by: what it means, the value, and where that comes from.
    pub parameters: Vec<(String, String, String)>,
    /// Edition, and its paragraphs that the measure answers.
    pub paragraphs: Vec<(String, Vec<String>)>,
    /// Framework, and its requirements that the measure supports.
    pub crosswalk: Vec<(String, Vec<String>)>,
}
