//! What people and programs read of an assessment: text for the terminal, one HTML file, JSON, and the events that lie
//! between one assessment and the next.
//!
//! Every function is pure: the same assessment and the same [`Context`] give the same bytes. Strings that came off the
//! wire may be hostile; whatever is shown to people goes through `visible::show` first, and HTML is escaped by `maud`.
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
    pub what_it_asks_markdown: String,
    pub how_judged_markdown: String,
    pub when_it_fails_markdown: String,
    /// What it judges by: what it means, the value, and where that comes from.
    pub parameters: Vec<(String, String, String)>,
    /// Edition, and its paragraphs that the measure answers.
    pub paragraphs: Vec<(String, Vec<String>)>,
    /// Framework, and its requirements that the measure supports.
    pub crosswalk: Vec<(String, Vec<String>)>,
}
