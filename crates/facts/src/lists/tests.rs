use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::site::{Place, Trust};

fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

/// A table gathered beside the project; `None` (and a notice) where it is absent.
fn extract(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/domain/extracts")
        .join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    text
}

fn site_supplier(name: &str, names: &[&str], ouis: &[&str], trust: Trust) -> crate::site::Supplier {
    crate::site::Supplier {
        name: name.to_owned(),
        names: names.iter().map(|one| (*one).to_owned()).collect(),
        ouis: ouis.iter().map(|one| prefix(one).unwrap()).collect(),
        trust,
        lists: vec!["site list".to_owned()],
        place: Place::default(),
    }
}

#[test]
fn the_longest_prefix_names_the_owner() {
    let lists = Lists::builtin();
    let maker = lists.maker_of(mac("c0:9b:f4:b1:23:45")).unwrap();
    assert_eq!(
        (maker.name, maker.why.as_str()),
        ("NUCTECH COMPANY LIMITED", "oui c0:9b:f4:b/28")
    );
    assert_eq!(
        maker.supplier.unwrap().lists,
        ["Entity List", "MARAD advisory"]
    );
    // The other blocks of the same /24 are other makers', and the /24 itself nobody's.
    assert_ne!(
        lists.maker_of(mac("c0:9b:f4:00:00:01")).unwrap().name,
        "NUCTECH COMPANY LIMITED"
    );
    let (oui, problems) = Oui::from_text(
        "44:19:B6\tShort\tWhole Name\n44:19:B6:10:00:00/28\tBlock\n44:19:B6:11:10:00/36\tSmall\n",
    );
    assert_eq!(problems, []);
    assert_eq!(
        oui.lookup(mac("44:19:b6:20:00:00")),
        Some(("Whole Name", 24))
    );
    assert_eq!(oui.lookup(mac("44:19:b6:1f:00:00")), Some(("Block", 28)));
    assert_eq!(oui.lookup(mac("44:19:b6:11:1f:ff")), Some(("Small", 36)));
    assert_eq!(
        prefix_text(mac("44:19:b6:11:1f:ff"), 36),
        "44:19:b6:11:1/36"
    );
}

#[test]
fn addresses_that_no_maker_gave_have_no_owner() {
    let lists = Lists::builtin();
    for text in [
        "46:19:b6:00:00:01",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
    ] {
        assert_eq!(lists.maker_of(mac(text)), None, "{text}");
    }
}

#[test]
fn ieee_csv_is_read_and_bad_lines_are_named() {
    let text = "Registry,Assignment,Organization Name,Organization Address\r\n\
        MA-L,4419B6,\"Acme, \"\"Best\"\" Co.\",\"Street 1\r\nBuilding 2, Floor 3\r\nTown\"\r\n\
        MA-L,4419,\r\n\
        MA-L,44x9B6,Nobody,Nowhere\r\n\
        MA-L\r\n\
        MA-M,C09BF4B,NUCTECH COMPANY LIMITED,Beijing \r\n\
        MA-L,4419B6,Second claim,\r\n\
        MA-L,C09BF4,IEEE Registration Authority,\r\n";
    let (oui, problems) = Oui::from_text(text);
    assert_eq!(
        oui.lookup(mac("44:19:b6:00:00:01")),
        Some(("Acme, \"Best\" Co.", 24)),
        "the first claim stands"
    );
    assert_eq!(
        oui.lookup(mac("c0:9b:f4:b0:00:01")),
        Some(("NUCTECH COMPANY LIMITED", 28))
    );
    assert_eq!(
        oui.lookup(mac("c0:9b:f4:00:00:01")),
        None,
        "a block that is split has no owner"
    );
    assert_eq!(
        problems
            .iter()
            .map(|problem| problem.line)
            .collect::<Vec<_>>(),
        [6, 7],
        "{problems:?}"
    );
}

#[test]
fn a_registry_written_and_read_again_is_the_same() {
    let (oui, _) = Oui::from_text("44:19:B6\tA\tAcme GmbH\n00-1B-C5-00-10-00/36\tSmall\n");
    let (again, problems) = Oui::from_text(&oui.to_text());
    assert_eq!(problems, []);
    assert!(oui.entries().eq(again.entries()));
    let broken = oui.to_text() + "no tab here\nZulu\tnothex\n";
    assert_eq!(
        Oui::from_text(&broken)
            .1
            .iter()
            .map(|problem| problem.line)
            .collect::<Vec<_>>(),
        [4, 5]
    );
}

#[test]
fn the_built_in_lists_load_whole_and_name_their_source() {
    let (oui, problems) = Oui::from_text(include_str!("../../data/oui.txt"));
    assert_eq!(problems, []);
    assert!(oui.len() > 50_000 && oui.version.is_some() && oui.source.is_some());
    assert_eq!(
        Suppliers::from_text(include_str!("../../data/suppliers.toml")).1,
        []
    );
    assert_eq!(
        Platforms::from_text(include_str!("../../data/platforms.toml")).1,
        []
    );
    assert!(
        Platforms::builtin()
            .iter()
            .all(|platform| platform.source.is_some())
    );
    for supplier in Suppliers::builtin().iter() {
        assert!(
            supplier.trust != Some(Trust::Untrusted) || !supplier.lists.is_empty(),
            "{}",
            supplier.name
        );
    }
}

#[test]
fn a_supplier_is_known_by_its_whole_name_never_by_a_part() {
    let suppliers = Suppliers::builtin();
    let name = |text: &str| {
        suppliers
            .by_name(text)
            .map(|supplier| supplier.name.as_str())
    };
    assert_eq!(
        name("HANGZHOU HIKVISION DIGITAL TECHNOLOGY CO., LTD."),
        Some("Hikvision")
    );
    assert_eq!(name("Dahua"), Some("Dahua"));
    assert_eq!(name("zte corporation"), Some("ZTE"));
    assert_eq!(
        name("Shanghai Zhenhua Heavy Industries Company Limited"),
        Some("ZPMC")
    );
    for other in [
        "Shanghai Dahua Scale Factory",
        "Tsinghua Tongfang Co., LTD",
        "Tongfang Computer Co.,Ltd.",
        "ZTEC Instruments, Inc.",
        "PMC-SIERRA, INC.",
        "Shenzhen Meigao Electronic Equipment Co.,Ltd",
        "Rockwell Collins, Inc.",
        "nzpmc",
        "Co., Ltd.",
        "",
    ] {
        assert_eq!(name(other), None, "{other}");
    }
}

/// What the table of prefixes groups otherwise than the list: television sets under the name of a maker of switches.
const GROUPED_OTHERWISE: &[(&str, &str)] =
    &[("Hirschmann/Belden", "TRIAX-HIRSCHMANN Multi-Media GmbH")];

#[test]
fn every_prefix_of_the_suppliers_table_leads_to_its_supplier() {
    let Some(table) = extract("oui_suppliers.tsv") else {
        return;
    };
    let lists = Lists::builtin();
    let mut wrong = BTreeMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[class, group, _, digits, _, organisation] = fields.as_slice() else {
            panic!("{line}")
        };
        if GROUPED_OTHERWISE.contains(&(group, organisation)) {
            continue;
        }
        let (bits, _) = prefix(digits).unwrap();
        let [_, _, a, b, c, d, e, f] = bits.to_be_bytes();
        let maker = lists.maker_of(Mac([a, b, c, d, e, f]));
        let supplier = maker.as_ref().and_then(|maker| maker.supplier);
        let trust = supplier.and_then(|supplier| supplier.trust);
        let wanted = match class {
            "restricted" | "named" => Some(Trust::Untrusted),
            "watch" => Some(Trust::Watched),
            _ => None,
        };
        let is_modem =
            class != "modem" || supplier.is_some_and(|supplier| supplier.makes(Class::Cellular));
        let same = supplier.is_some_and(|supplier| {
            group.split('/').any(|part| {
                Organisation::new(&supplier.name)
                    .text()
                    .contains(&Organisation::new(part).text())
            })
        });
        if trust != wanted || !is_modem || !same {
            *wrong
                .entry((
                    class,
                    group,
                    organisation,
                    supplier.map(|supplier| supplier.name.clone()),
                ))
                .or_insert(0) += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn platforms_match_by_label_and_by_their_own_paths() {
    let platforms = Platforms::builtin();
    let Some(table) = extract("logink_indicators.tsv") else {
        return;
    };
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[kind, values, weight, _] = fields.as_slice() else {
            panic!("{line}")
        };
        for value in values.split(',').map(str::trim) {
            match (kind, weight) {
                ("zone" | "host", _) => {
                    assert_eq!(platforms.of_name(value), Some("LOGINK"), "{value}")
                }
                ("uri", "strong") => assert_eq!(
                    platforms.of_path(&format!("{value}?wsdl")),
                    Some("LOGINK"),
                    "{value}"
                ),
                ("uri", _) => assert_eq!(
                    platforms.of_path(value),
                    None,
                    "{value} is used by others too"
                ),
                ("negative" | "related", _) => {
                    for name in [
                        value.to_owned(),
                        format!("{value}.com"),
                        format!("www.{value}"),
                    ] {
                        assert_eq!(platforms.of_name(&name), None, "{name}");
                    }
                    assert_eq!(platforms.of_path(&format!("/{value}")), None, "{value}");
                }
                ("java-ns", _) => {
                    let turned: Vec<&str> = value.rsplit('.').collect();
                    for space in [value.to_owned(), format!("http://{}/", turned.join("."))] {
                        assert_eq!(platforms.of_namespace(&space), Some("LOGINK"), "{space}");
                    }
                }
                ("xml-element", _) => {
                    assert_eq!(platforms.of_element(value), Some("LOGINK"), "{value}");
                }
                _ => {}
            }
        }
    }
    for space in [
        "http://www.onvif.org/ver10/device/wsdl",
        "http://xcom.wondersgroup.cuteinfo/",
        "com.wondersgroup.other",
    ] {
        assert_eq!(platforms.of_namespace(space), None, "{space}");
    }
    for name in [
        "mylogink.cn",
        "logink.cn.example",
        "logink.com",
        "cn",
        "",
        "login.k.cn",
        "track-logink.org",
    ] {
        assert_eq!(platforms.of_name(name), None, "{name}");
    }
    assert_eq!(platforms.of_path("/OceanTracking/VesselTrackingX"), None);
}

#[test]
fn a_namespace_is_a_platform_s_by_its_host_or_by_the_labels_it_begins_with() {
    let platforms = Platforms::builtin();
    for space in [
        "http://logink.org",
        "HTTP://Client.Logink.ORG:8080/x?y",
        "http://user@impl.exchange.cuteinfo.wondersgroup.com./services",
        "org.logink.exchange",
        "urn:org.logink:exchange",
        "urn:org:logink:exchange",
        "com.wondersgroup.cuteinfo",
    ] {
        assert_eq!(platforms.of_namespace(space), Some("LOGINK"), "{space}");
    }
    for space in [
        "http://logink.org.example.com/x",
        "http://example.com/logink/org/",
        "http://example.com/org.logink/",
        "http://logink.org@example.com/",
        "http://org.logink/",
        "http://mylogink.org/",
        "http://example.com?http://logink.org/",
        "com.example.org.logink",
        "urn:example:org.logink",
        "urn:org.loginks",
        "logink.org",
        "org",
        "http://",
        "",
    ] {
        assert_eq!(platforms.of_namespace(space), None, "{space}");
    }
}

#[test]
fn a_site_overrides_suppliers_and_adds_platforms() {
    let site = Site {
        suppliers: vec![
            site_supplier("Hikvision", &["Acme Optics"], &["02:00:5e"], Trust::Trusted),
            site_supplier(
                "Local Maker",
                &["SIEMENS AG"],
                &["44:19:b6:10:00:00/28"],
                Trust::Watched,
            ),
        ],
        platforms: vec![crate::site::Platform {
            name: "Port X".to_owned(),
            domains: vec!["portx.example".to_owned()],
            place: Place::default(),
        }],
        ..Site::default()
    };
    let lists = Lists::builtin().with_site(&site);
    let hikvision = lists
        .suppliers
        .by_name("Hangzhou Hikvision Digital Technology Co.,Ltd.")
        .unwrap();
    assert_eq!(
        (hikvision.trust, hikvision.by_site),
        (Some(Trust::Trusted), true)
    );
    assert_eq!(hikvision.lists, ["site list"]);
    assert!(hikvision.makes(Class::Camera), "what is known of it stays");
    assert_eq!(
        lists.suppliers.by_name("acme optics gmbh").unwrap().name,
        "Hikvision"
    );
    assert_eq!(
        lists.suppliers.by_name("Siemens AG").unwrap().name,
        "Local Maker",
        "an exact claim goes before a beginning"
    );
    assert_eq!(
        lists.suppliers.by_name("Siemens Mobility").unwrap().name,
        "Siemens"
    );
    assert_eq!(
        lists
            .maker_of(mac("02:00:5e:01:02:03"))
            .unwrap()
            .supplier
            .unwrap()
            .name,
        "Hikvision"
    );
    let block = lists.maker_of(mac("44:19:b6:10:02:03")).unwrap();
    assert_eq!(
        (block.supplier.unwrap().name.as_str(), block.why.as_str()),
        ("Local Maker", "oui 44:19:b6:1/28")
    );
    assert_eq!(lists.platforms.of_name("api.portx.example"), Some("Port X"));
    assert_eq!(lists.platforms.of_name("api.logink.cn"), Some("LOGINK"));
}

#[test]
fn a_bad_supplier_is_named_by_its_line_and_the_others_are_read() {
    let text = "version = \"1\"\n\n[[supplier]]\nname = \"A\"\ntrust = \"bad\"\n\n[[supplier]]\nname = \"B\"\n\n\
        [[supplier]]\nname = \"C\"\nlists = [\"nowhere\"]\n\n[[supplier]]\nname = \"D\"\nouis = [\"xx\"]\n";
    let (suppliers, problems) = Suppliers::from_text(text);
    assert_eq!(
        suppliers
            .iter()
            .map(|supplier| supplier.name.as_str())
            .collect::<Vec<_>>(),
        ["B"]
    );
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 10, 14], "{problems:?}");
    let (none, problems) = Suppliers::from_text("version = \"1\"\nname = = 3\n");
    assert_eq!(
        (
            none.iter().count(),
            problems.first().map(|problem| problem.line)
        ),
        (0, Some(2))
    );
    assert_eq!(
        Platforms::from_text("[[platform]]\nname = \"X\"\n").1.len(),
        1,
        "domains are required"
    );
}
