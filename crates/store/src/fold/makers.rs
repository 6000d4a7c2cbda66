//! Who made a device: declared, stated by the device, or the registered owner of its MAC address, in that order.
//!
//! The supplier's lists are looked up with the maker. Where the maker is on none, but the MAC address belongs to a supplier
//! that is, that supplier counts: a foreign label on a listed maker's device does not take it off the list. A site that
//! knows better declares the supplier with its own trust.
use std::collections::BTreeSet;

use facts::kinds::{Asset, Identity};
use facts::lists::{Lists, Maker, Supplier};
use facts::{Grade, Mac, site};

use super::own::is_virtual_router;

/// What is concluded of the maker.
#[derive(Debug, Default)]
pub(super) struct Made {
    maker: Option<(String, Grade, String)>,
    /// Supplier as the lists know it.
    pub(super) supplier: Option<Supplier>,
    /// Supplier as the site names it for the asset, where the lists do not know it.
    declared: Option<String>,
}

impl Made {
    pub(super) fn judge(
        declared: Option<&site::Asset>,
        said: &[&Identity],
        macs: &BTreeSet<Mac>,
        lists: &Lists,
    ) -> Made {
        let interfaces = declared
            .map(|one| one.interfaces.as_slice())
            .unwrap_or_default();
        let named = interfaces.iter().filter_map(|interface| interface.mac);
        let seen = macs.iter().copied();
        let makers: Vec<Maker<'_>> = named
            .chain(seen)
            .filter(|mac| !is_virtual_router(*mac))
            .filter_map(|mac| lists.maker_of(mac))
            .collect();
        // Of several interfaces the one whose maker is on a list tells most.
        let registered = makers
            .iter()
            .find(|maker| is_listed(maker.supplier))
            .or(makers.first());

        let declared = declared.and_then(|one| one.supplier.clone());
        let stated = said.iter().find(|identity| identity.attribute == "maker");
        let maker = match (&declared, stated) {
            (Some(name), _) => Some((name.clone(), Grade::Declared, "site file".to_owned())),
            (None, Some(one)) => Some((
                one.value.clone(),
                one.grade.unwrap_or(Grade::Stated),
                one.source.clone(),
            )),
            (None, None) => {
                registered.map(|one| (one.name.to_owned(), Grade::Inferred, one.why.clone()))
            }
        };
        let mut made = Made {
            maker,
            supplier: None,
            declared: None,
        };
        let Some((name, _, why)) = &mut made.maker else {
            return made;
        };
        let known = lists.suppliers.by_name(name);
        let by_prefix = registered.and_then(|one| one.supplier);
        let overruled = is_listed(by_prefix) && known.is_none_or(|known| known.trust.is_none());
        if overruled
            && let Some(registered) = registered.filter(|_| declared.is_some() || stated.is_some())
        {
            *why = format!(
                "{why}; but its MAC address is one of {} ({})",
                registered.name, registered.why
            );
        }
        made.supplier = if overruled {
            by_prefix
        } else {
            known.or(by_prefix.filter(|_| declared.is_none()))
        }
        .cloned();
        made.declared = declared;
        made
    }

    pub(super) fn fill(self, asset: &mut Asset) {
        if let Some((maker, grade, why)) = self.maker {
            (asset.maker, asset.maker_grade, asset.maker_why) =
                (Some(maker), Some(grade), Some(why));
        }
        if let Some(supplier) = self.supplier {
            asset.trust = supplier.trust.map(|trust| trust.word().to_owned());
            asset.lists = supplier.lists;
            asset.supplier = Some(supplier.name);
        } else {
            asset.supplier = self.declared;
        }
    }
}

/// On a list, as untrusted or to be watched.
fn is_listed(supplier: Option<&Supplier>) -> bool {
    let listed = |trust| matches!(trust, site::Trust::Untrusted | site::Trust::Watched);
    supplier
        .and_then(|supplier| supplier.trust)
        .is_some_and(listed)
}
