//! Suppliers: who is on which government's list, and what the makers seen on crane networks make.
//!
//! A supplier's `names` are whole names of organisations; one that ends in `*` stands for every organisation whose name
//! begins with those words. The exact name goes before the longest beginning.
use std::collections::HashMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Organisation, Problem};
use crate::Mac;
use crate::site::{self, Trust};

const BUILTIN: &str = include_str!("../../data/suppliers.toml");

/// What a supplier's devices are, as far as that tells a device's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Cameras and video recorders.
    Camera,
    /// Modems, modules and routers for mobile networks.
    Cellular,
    /// Whole cranes.
    Crane,
    /// Drives and inverters.
    Drive,
    /// Switches, routers and firewalls.
    Network,
    /// Telephones.
    Phone,
    /// Controllers.
    Plc,
    /// Radio links and access points.
    Radio,
    /// Laser scanners and character recognition.
    Scanner,
    /// Sensors of other kinds.
    Sensor,
}

/// A government's list that names a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The list's name, as suppliers refer to it: `FY2019 NDAA 889`.
    pub name: String,
    /// Since when, as exactly as the source says.
    pub date: String,
    /// Law, notice or register that publishes it, with its section.
    pub source: String,
}

/// A supplier under the name by which it is commonly known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supplier {
    /// As reports show it; by it a site overrides an entry of the list.
    pub name: String,
    /// Company it belongs to, where that is on a list itself.
    pub owner: Option<String>,
    /// Names of organisations that stand for it, whole, or beginnings that end in `*`.
    pub names: Vec<String>,
    /// Prefixes beyond those that the registry gives to its names: bits left aligned in 48, how many count.
    pub ouis: Vec<(u64, u8)>,
    /// `None`: on no list, known only for what it makes.
    pub trust: Option<Trust>,
    /// Names of the lists.
    pub lists: Vec<String>,
    /// What it makes; empty where that tells nothing of a device's role.
    pub classes: Vec<Class>,
    /// Where what is said here is from.
    pub source: Option<String>,
    /// The site file declares it.
    pub by_site: bool,
}

impl Supplier {
    /// Makes nothing but devices for mobile networks, as far as the list knows.
    pub fn is_cellular(&self) -> bool {
        self.classes == [Class::Cellular]
    }

    /// Whether its devices may be of that class; others may be among them.
    pub fn makes(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }
}

/// The list of suppliers.
#[derive(Clone, Debug, Default)]
pub struct Suppliers {
    /// Date of the list, as `2026-11-21`; `None` where the text gives none.
    pub version: Option<String>,
    /// The lists that suppliers refer to, in the order of the text.
    pub listings: Vec<Listing>,
    all: Vec<Supplier>,
    /// By the words of a whole name.
    exact: HashMap<String, usize>,
    /// By the first words of a name.
    opening: HashMap<String, usize>,
    /// By prefix: length and bits.
    ouis: HashMap<(u8, u64), usize>,
    /// Lengths in `ouis`, longest first.
    lengths: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Option<String>,
    #[serde(default)]
    list: Vec<Listing>,
    #[serde(default)]
    supplier: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    owner: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    ouis: Vec<String>,
    trust: Option<String>,
    #[serde(default)]
    lists: Vec<String>,
    #[serde(default)]
    class: Vec<Class>,
    source: Option<String>,
}

impl Suppliers {
    /// The list that the program was built with.
    pub fn builtin() -> Suppliers {
        Suppliers::from_text(BUILTIN).0
    }

    /// Reads a list of the form of the built-in one. A supplier that cannot be read is reported, the others are kept.
    pub fn from_text(text: &str) -> (Suppliers, Vec<Problem>) {
        let (mut suppliers, mut problems) = (Suppliers::default(), Vec::new());
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                return (
                    suppliers,
                    vec![Problem {
                        line,
                        message: error.message().to_owned(),
                    }],
                );
            }
        };
        suppliers.version = file.version;
        suppliers.listings = file.list;
        for entry in file.supplier {
            let line = line_of(text, entry.span().start);
            match read(entry.into_inner(), &suppliers.listings) {
                Ok(supplier) => suppliers.put(supplier),
                Err(message) => problems.push(Problem { line, message }),
            }
        }
        (suppliers, problems)
    }

    /// Every supplier, in the order of the list, the site's own last.
    pub fn iter(&self) -> impl Iterator<Item = &Supplier> {
        self.all.iter()
    }

    /// The supplier behind a name of an organisation: the whole name, else the longest of its beginnings that a
    /// supplier claims.
    pub fn by_name(&self, name: &str) -> Option<&Supplier> {
        let organisation = Organisation::new(name);
        let exact = self.exact.get(&organisation.text());
        let index = exact.copied().or_else(|| {
            organisation
                .beginnings()
                .find_map(|beginning| self.opening.get(&beginning).copied())
        })?;
        self.all.get(index)
    }

    /// The supplier that lists a prefix of the address itself, and how many bits matched.
    pub fn by_mac(&self, mac: Mac) -> Option<(&Supplier, u8)> {
        self.lengths.iter().find_map(|&length| {
            let bits = mac.bits() >> (48u8.saturating_sub(length)) << (48u8.saturating_sub(length));
            Some((self.all.get(*self.ouis.get(&(length, bits))?)?, length))
        })
    }

    /// Adds what the site declares. Trust and lists are the site's; the names, prefixes and classes known before stay.
    pub(super) fn declare(&mut self, declared: &site::Supplier) {
        let known = self
            .all
            .iter()
            .find(|known| Organisation::new(&known.name) == Organisation::new(&declared.name));
        let mut supplier = known.cloned().unwrap_or_default();
        supplier.name.clone_from(&declared.name);
        supplier.names.extend(declared.names.iter().cloned());
        supplier.ouis.extend(declared.ouis.iter().copied());
        supplier.trust = Some(declared.trust);
        supplier.lists.clone_from(&declared.lists);
        supplier.by_site = true;
        self.put(supplier);
    }

    /// Adds a supplier; what it claims is its own from now on, and one of the same name goes.
    fn put(&mut self, supplier: Supplier) {
        let own = Organisation::new(&supplier.name);
        let at = self
            .all
            .iter()
            .position(|known| Organisation::new(&known.name) == own)
            .unwrap_or(self.all.len());
        for name in supplier
            .names
            .iter()
            .map(String::as_str)
            .chain([supplier.name.as_str()])
        {
            let (index, name) = match name.strip_suffix('*') {
                Some(opening) => (&mut self.opening, opening),
                None => (&mut self.exact, name),
            };
            let organisation = Organisation::new(name);
            if !organisation.is_empty() {
                index.insert(organisation.text(), at);
            }
        }
        for &(bits, length) in &supplier.ouis {
            self.ouis.insert((length, bits), at);
            self.lengths.push(length);
        }
        self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        self.lengths.dedup();
        match self.all.get_mut(at) {
            Some(known) => *known = supplier,
            None => self.all.push(supplier),
        }
    }
}

fn read(table: toml::Table, listings: &[Listing]) -> Result<Supplier, String> {
    let entry: Entry = table
        .try_into()
        .map_err(|error: toml::de::Error| error.message().to_owned())?;
    let trust = entry.trust.map(|word| {
        Trust::parse(&word).ok_or(format!(
            "trust \"{word}\" is unknown: expected untrusted, watched or trusted"
        ))
    });
    let ouis = entry.ouis.iter().map(|text| {
        super::prefix(text).ok_or(format!(
            "\"{text}\" is no MAC prefix: expected e.g. 44:19:b6 or c0:9b:f4:b0:00:00/28"
        ))
    });
    if let Some(unknown) = entry
        .lists
        .iter()
        .find(|name| !listings.iter().any(|list| &list.name == *name))
    {
        return Err(format!(
            "list \"{unknown}\" has no [[list]] with its date and source"
        ));
    }
    Ok(Supplier {
        ouis: ouis.collect::<Result<_, _>>()?,
        trust: trust.transpose()?,
        name: entry.name,
        owner: entry.owner,
        names: entry.names,
        lists: entry.lists,
        classes: entry.class,
        source: entry.source,
        by_site: false,
    })
}

/// Line of a byte offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}
