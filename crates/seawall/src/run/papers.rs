//! What is written down of a judgement for people and programs. Of a terminal with years of records that takes seconds, so it is
//! worded on the thread that writes it, out of what is its own; whoever judges goes on.
use std::sync::Arc;

use facts::Facts;
use facts::site::Site;
use judge::{Assessment, Standings};
use report::{Context, PageText};

/// A file that is to be written anew.
pub enum Paper {
    Text(String),
    /// `verdicts.json`
    Json(Verdict),
    /// `report.html`, with what it shows beside the verdicts.
    Html(Verdict, Box<Shown>),
}

/// A judgement, and how its findings stand.
#[derive(Clone)]
pub struct Verdict {
    pub assessment: Arc<Assessment>,
    pub standings: Arc<Standings>,
}

pub struct Shown {
    pub site: Site,
    pub facts: Facts,
    pub pages: Vec<PageText>,
}

impl Shown {
    /// Of the facts, those kinds that a report has tables of.
    pub fn of(site: &Site, facts: &Facts, pages: Vec<PageText>) -> Shown {
        Shown {
            site: site.clone(),
            facts: Facts {
                captures: facts.captures.clone(),
                files: facts.files.clone(),
                coverage: facts.coverage.clone(),
                assets: facts.assets.clone(),
                operations: facts.operations.clone(),
                oddities: facts.oddities.clone(),
                ..Facts::default()
            },
            pages,
        }
    }
}

impl Paper {
    /// Whether it takes long to word.
    pub fn is_long(&self) -> bool {
        !matches!(self, Paper::Text(_))
    }

    pub fn into_text(self) -> String {
        let (verdict, shown) = match self {
            Paper::Text(text) => return text,
            Paper::Json(verdict) => (verdict, None),
            Paper::Html(verdict, shown) => (verdict, Some(shown)),
        };
        let (site, facts) = (Site::default(), Facts::default());
        let shown = shown.as_deref();
        let context = Context {
            version: env!("CARGO_PKG_VERSION"),
            site: shown.map_or(&site, |shown| &shown.site),
            facts: shown.map_or(&facts, |shown| &shown.facts),
            pages: shown.map_or(&[], |shown| &shown.pages),
            skipped: &[],
            notes: &[],
            standings: Some(&verdict.standings),
        };
        match shown {
            None => report::json(&verdict.assessment, &context),
            Some(_) => report::html(&verdict.assessment, &context),
        }
    }
}
