//! Work orders and conduits of the ledger beside those of the site file: once joined, they are asked like those.
use std::collections::HashMap;

use super::{Conduit, End, Index, Place, Site, WorkKind, WorkOrder};
use crate::records::{ConduitRecord, Filled, Ref, WorkOrderRecord};

/// A site while records of the ledger are taken in. There may be tens of thousands, so names are looked up.
#[derive(Debug)]
pub struct Joining<'s> {
    site: &'s mut Site,
    /// By name: an asset before a zone before a party.
    ends: HashMap<String, End>,
    orders: HashMap<String, Place>,
    conduits: HashMap<String, Place>,
}

impl Site {
    /// To take records of the ledger in.
    pub fn joining(&mut self) -> Joining<'_> {
        let assets = self.assets.iter().map(|one| &one.name).zip(0..);
        let zones = self.zones.iter().map(|one| &one.name).zip(0..);
        let parties = self.parties.iter().map(|one| &one.name).zip(0..);
        let all = assets.map(|(name, index)| (name, End::Asset(index)));
        let all = all.chain(zones.map(|(name, index)| (name, End::Zone(index))));
        let all = all.chain(parties.map(|(name, index)| (name, End::Party(index))));
        let mut ends = HashMap::new();
        for (name, end) in all {
            ends.entry(name.clone()).or_insert(end);
        }
        let orders = self.work_orders.iter();
        let conduits = self.conduits.iter();
        Joining {
            ends,
            orders: orders
                .map(|one| (one.id.clone(), one.place.clone()))
                .collect(),
            conduits: conduits
                .map(|one| (one.name.clone(), one.place.clone()))
                .collect(),
            site: self,
        }
    }
}

impl Joining<'_> {
    /// Takes a recorded work order in.
    ///
    /// # Errors
    /// Why it cannot count: the site file has one of that id, or none of its ends is declared any more.
    pub fn work_order(
        &mut self,
        id: &str,
        order: &WorkOrderRecord,
        place: Place,
    ) -> Result<(), String> {
        if let Some(own) = self.orders.get(id) {
            return Err(format!(
                "work order {id} of the ledger does not count: {own} declares another of that id"
            ));
        }
        let (Some(sources), Some(targets)) = (self.ends(&order.sources), self.ends(&order.targets))
        else {
            return Err(format!(
                "work order {id} of the ledger does not count: nothing that it names as source or target is declared in the site file"
            ));
        };
        let works = &order.operations.0;
        let operations = works.iter().filter_map(|work| match work {
            WorkKind::Operation(verb) => Some(*verb),
            WorkKind::RemoteSession | WorkKind::File => None,
        });
        self.orders.insert(id.to_owned(), place.clone());
        self.site.work_orders.push(WorkOrder {
            id: id.to_owned(),
            sources,
            targets,
            operations: operations.collect(),
            remote_session: works.contains(&WorkKind::RemoteSession),
            file: works.contains(&WorkKind::File),
            from: order.begins,
            until: order.ends,
            place,
        });
        self.is_changed();
        Ok(())
    }

    /// Takes a recorded conduit in.
    ///
    /// # Errors
    /// Why it cannot count, as of [`Joining::work_order`].
    pub fn conduit(
        &mut self,
        name: &str,
        conduit: &ConduitRecord,
        place: Place,
    ) -> Result<(), String> {
        if let Some(own) = self.conduits.get(name) {
            return Err(format!(
                "conduit {name} of the ledger does not count: {own} declares another of that name"
            ));
        }
        let (Some(from), Some(to)) = (self.ends(&conduit.sources), self.ends(&conduit.targets))
        else {
            return Err(format!(
                "conduit {name} of the ledger does not count: nothing that it names as source or target is declared in the site file"
            ));
        };
        let services = conduit.services.0.iter().map(|one| one.service.clone());
        self.conduits.insert(name.to_owned(), place.clone());
        self.site.conduits.push(Conduit {
            name: name.to_owned(),
            from,
            to,
            services: services.collect(),
            because: conduit.because.clone(),
            during_work_order: conduit.during_work_order,
            valid_from: conduit.begins,
            valid_until: conduit.ends,
            place,
        });
        self.is_changed();
        Ok(())
    }

    /// Lookups are built for what there was.
    fn is_changed(&mut self) {
        self.site.index = Index::default();
    }

    /// Those of the names that the site declares; `None` if none is. What is gone from the site allows nothing, and takes
    /// nothing from what is left.
    fn ends<T>(&self, names: &Filled<Ref<T>>) -> Option<Vec<End>> {
        let ends = names.0.iter().filter_map(|name| self.ends.get(&name.0));
        let ends: Vec<End> = ends.cloned().collect();
        (!ends.is_empty()).then_some(ends)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Time;
    use crate::kinds::Verb;
    use crate::records::{Record, WorkOrderRecord};
    use crate::site::{Place, Site, Who, WorkKind, read};

    const SITE: &str = r#"
[terminal]
name = "T"
[[zone]]
name = "control"
kind = "crane-control"
subnets = ["10.20.10.0/24"]
[[asset]]
name = "plc1"
role = "plc"
interface = [{ ip = "10.20.10.10" }]
[[asset]]
name = "eng1"
role = "engineering-station"
interface = [{ ip = "10.20.10.20" }]
[[sensor]]
name = "s"
sees = ["control"]
"#;

    fn order(source: &str) -> WorkOrderRecord {
        let body = json!({
            "sources": [source], "targets": ["control"], "operations": ["program-download"],
            "begins": "2026-11-21T08:00:00.000000000Z", "ends": "2026-11-21T09:00:00.000000000Z",
            "purpose": "x", "approved_by": "ada",
        });
        WorkOrderRecord::from_body(body.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_recorded_work_order_allows_what_one_of_the_site_file_would_and_no_more() {
        let files = [("site.toml".to_owned(), SITE.to_owned())];
        let mut site: Site = read(&files, &[]).unwrap();
        let who = |site: &Site, name: &str| Who {
            asset: site.assets.iter().position(|one| one.name == name),
            zone: Some(0),
            ..Who::default()
        };
        let (eng, plc) = (who(&site, "eng1"), who(&site, "plc1"));
        let at = |text: &str| Time::parse(text).unwrap();
        let asked = |site: &Site, verb, time| {
            let found = site.work_order_for(&eng, &plc, WorkKind::Operation(verb), at(time));
            found
                .map(|order| order.id.clone())
                .map_err(|near| near.map(|near| near.to_string()))
        };
        let then = "2026-11-21T08:30:00Z";
        assert_eq!(asked(&site, Verb::ProgramDownload, then), Err(None));
        let joined = site
            .joining()
            .work_order("WO-7", &order("eng1"), Place::default());
        assert_eq!(joined, Ok(()));
        assert_eq!(
            asked(&site, Verb::ProgramDownload, then),
            Ok("WO-7".to_owned())
        );
        assert!(asked(&site, Verb::Stop, then).is_err());
        assert!(asked(&site, Verb::ProgramDownload, "2026-11-21T09:30:00Z").is_err());
        let twice = site
            .joining()
            .work_order("WO-7", &order("eng1"), Place::default());
        assert!(twice.unwrap_err().contains("declares another of that id"));
        let gone = site
            .joining()
            .work_order("WO-8", &order("eng9"), Place::default());
        assert!(gone.unwrap_err().contains("nothing that it names"));
    }
}
