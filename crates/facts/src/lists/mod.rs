//! Lists from outside the site: who owns a MAC prefix, which suppliers stand on a government's list, which platforms
//! are watched.
//!
//! Each is data with a version and a source, built in (`crates/facts/data`) and replaceable by text of the same form; a
//! site adds to them and overrides them. Names are matched whole (organisations) or by DNS label (domains), never by
//! substring: "Shanghai Dahua Scale Factory" makes scales, and `mylogink.cn` is somebody else's.
//!
//! Blind to: devices with locally administered addresses, and modules that carry their integrator's prefix.
mod organisation;
mod oui;
mod platforms;
mod reporting;
mod suppliers;

use std::fmt;
use std::sync::Arc;

pub use organisation::Organisation;
pub use oui::{Oui, Owner, prefix, prefix_text};
pub use platforms::{Platform, Platforms};
pub use reporting::{Contact, Reporting, Rule};
pub use suppliers::{Class, Listing, Supplier, Suppliers};

use crate::Mac;
use crate::site::Site;

/// What could not be read of a list; the rest of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, what was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// All lists together, as folding facts uses them.
#[derive(Clone, Debug)]
pub struct Lists {
    /// Registered owners of MAC prefixes; shared, since the registry is large.
    pub oui: Arc<Oui>,
    /// Suppliers: built in, and as the site declares them.
    pub suppliers: Suppliers,
    /// Watched logistics platforms: built in, and those that the site adds.
    pub platforms: Platforms,
}

/// What a MAC address tells of its maker.
#[derive(Clone, Debug, PartialEq)]
pub struct Maker<'a> {
    /// The organisation as the registry spells it; the supplier's name where only a supplier's own prefix matched.
    pub name: &'a str,
    /// The supplier that it is known as.
    pub supplier: Option<&'a Supplier>,
    /// The prefix that matched, e.g. `oui c0:9b:f4:b/28`.
    pub why: String,
}

impl Lists {
    /// The lists that the program was built with. The first call reads the registry of MAC prefixes (some milliseconds);
    /// later ones share it.
    pub fn builtin() -> Lists {
        Lists {
            oui: Oui::builtin(),
            suppliers: Suppliers::builtin(),
            platforms: Platforms::builtin(),
        }
    }

    /// These lists with what the site declares: a supplier of the same name is replaced (its names and prefixes are
    /// kept), a supplier's name that the site claims is the site's, platforms are added.
    #[must_use]
    pub fn with_site(mut self, site: &Site) -> Lists {
        for supplier in &site.suppliers {
            self.suppliers.declare(supplier);
        }
        for platform in &site.platforms {
            self.platforms.add(Platform::of_site(platform));
        }
        self
    }

    /// The maker of the device with that address. A prefix that a supplier lists itself goes before the registry.
    pub fn maker_of(&self, mac: Mac) -> Option<Maker<'_>> {
        let owner = self.oui.lookup(mac);
        if let Some((supplier, bits)) = self.suppliers.by_mac(mac) {
            let name = owner.map_or(supplier.name.as_str(), |(name, _)| name);
            return Some(Maker {
                name,
                supplier: Some(supplier),
                why: format!("oui {}", prefix_text(mac, bits)),
            });
        }
        let (name, bits) = owner?;
        Some(Maker {
            name,
            supplier: self.suppliers.by_name(name),
            why: format!("oui {}", prefix_text(mac, bits)),
        })
    }
}

#[cfg(test)]
mod tests;
