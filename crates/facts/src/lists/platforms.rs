//! Watched logistics platforms: LOGINK and what else 46 USC 50309 means.
//!
//! A name belongs to a platform by DNS label; a request by the path that only that platform's software uses, and a
//! message by its namespace or by an element that no others have, whatever host they go to. Never by country: an address in a country is no use of a platform.
use serde::Deserialize;
use toml::Spanned;

use super::Problem;
use super::suppliers::line_of;
use crate::kinds::Name;
use crate::site;

const BUILTIN: &str = include_str!("../../data/platforms.toml");

/// A watched platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Name of the platform, as findings say it.
    pub name: String,
    /// DNS zones.
    pub domains: Vec<String>,
    /// Paths of HTTP requests that nothing else uses.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Namespaces of its messages, as labels from the widest on (`com.maker.product`).
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Elements of XML that only its messages have.
    #[serde(default)]
    pub elements: Vec<String>,
    /// Day of the source, as `2022-12-23`; `None` where the site declares the platform.
    pub date: Option<String>,
    /// The law or publication that the entry rests on, with its section; `None` where the site declares the platform.
    pub source: Option<String>,
    /// The site file declares it.
    #[serde(skip)]
    pub by_site: bool,
}

impl Platform {
    pub(super) fn of_site(declared: &site::Platform) -> Platform {
        let (name, domains) = (declared.name.clone(), declared.domains.clone());
        Platform {
            name,
            domains,
            by_site: true,
            ..Platform::default()
        }
    }
}

/// The watch list.
#[derive(Clone, Debug, Default)]
pub struct Platforms {
    /// Date of the list, as `2026-11-21`; `None` where the text gives none.
    pub version: Option<String>,
    all: Vec<Platform>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Option<String>,
    #[serde(default)]
    platform: Vec<Spanned<toml::Table>>,
}

impl Platforms {
    /// The list that the program was built with.
    pub fn builtin() -> Platforms {
        Platforms::from_text(BUILTIN).0
    }

    /// Reads a list of the form of the built-in one. A platform that cannot be read is reported, the others are kept.
    pub fn from_text(text: &str) -> (Platforms, Vec<Problem>) {
        let (mut platforms, mut problems) = (Platforms::default(), Vec::new());
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                return (
                    platforms,
                    vec![Problem {
                        line,
                        message: error.message().to_owned(),
                    }],
                );
            }
        };
        platforms.version = file.version;
        for entry in file.platform {
            let line = line_of(text, entry.span().start);
            match entry.into_inner().try_into::<Platform>() {
                Ok(platform) => platforms.add(platform),
                Err(error) => problems.push(Problem {
                    line,
                    message: error.message().to_owned(),
                }),
            }
        }
        (platforms, problems)
    }

    /// Every platform, in the order of the list, the site's own last.
    pub fn iter(&self) -> impl Iterator<Item = &Platform> {
        self.all.iter()
    }

    /// The platform to which a DNS name belongs.
    pub fn of_name(&self, name: &str) -> Option<&str> {
        let mut all = self.all.iter();
        let found = all.find(|one| {
            one.domains
                .iter()
                .any(|domain| !domain.is_empty() && Name::is_within(name, domain))
        });
        found.map(|platform| platform.name.as_str())
    }

    /// The platform whose software asks for that path: the whole path, or one below it. Case counts, a query does not.
    pub fn of_path(&self, path: &str) -> Option<&str> {
        let path = path.split(['?', '#', ';']).next().unwrap_or_default();
        let is_under = |known: &String| {
            path.strip_prefix(known.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.all
            .iter()
            .find(|one| one.paths.iter().any(is_under))
            .map(|platform| platform.name.as_str())
    }

    /// The platform whose messages have that namespace: `http://client.product.maker.com/` by its host, which alone says
    /// whose it is, and a name without a host from its first label on, `com.maker.product.client`.
    pub fn of_namespace(&self, space: &str) -> Option<&str> {
        let labels = labels_of_namespace(space);
        let begins = |known: &String| {
            let mut labels = labels.iter();
            !known.is_empty()
                && known.split('.').all(|wanted| {
                    let label = labels.next();
                    label.is_some_and(|label| label.eq_ignore_ascii_case(wanted))
                })
        };
        self.all
            .iter()
            .find(|one| one.namespaces.iter().any(begins))
            .map(|platform| platform.name.as_str())
    }

    /// The platform whose messages alone have that element.
    pub fn of_element(&self, name: &str) -> Option<&str> {
        let is = |known: &String| known.eq_ignore_ascii_case(name);
        self.all
            .iter()
            .find(|one| one.elements.iter().any(is))
            .map(|platform| platform.name.as_str())
    }

    /// Adds a platform; one of the same name gains what it lacks.
    pub(super) fn add(&mut self, platform: Platform) {
        match self
            .all
            .iter_mut()
            .find(|known| known.name.eq_ignore_ascii_case(&platform.name))
        {
            Some(known) => {
                known.domains.extend(platform.domains);
                known.paths.extend(platform.paths);
                known.namespaces.extend(platform.namespaces);
                known.elements.extend(platform.elements);
                known.by_site |= platform.by_site;
            }
            None => self.all.push(platform),
        }
    }
}

/// Labels of a namespace from the widest on: those of its host (RFC 3986, 3.2) turned round, else the parts of the name
/// as they stand, without the `urn` before them.
fn labels_of_namespace(space: &str) -> Vec<&str> {
    if let Some((_, rest)) = space.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        return host.trim_end_matches('.').rsplit('.').collect();
    }
    let urn = space
        .split_once(':')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("urn"));
    let name = urn.map_or(space, |(_, name)| name);
    name.split(['.', ':', '/', '#']).collect()
}
