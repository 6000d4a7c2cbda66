//! The site that the reference shows loads whole, from one file or several, and means what it says.
use facts::kinds::Verb;
use facts::site::{End, Role, Site, Trust, ZoneKind, read};
use facts::{Mac, Time};

const EXAMPLE: &str = include_str!("../src/site/example.toml");

fn load(files: &[(&str, &str)]) -> Site {
    let files: Vec<(String, String)> = files
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()))
        .collect();
    read(&files, &[]).unwrap_or_default()
}

#[test]
fn the_example_means_what_it_says() {
    let site = load(&[("site.toml", EXAMPLE)]);
    assert_eq!(
        (site.name.as_str(), site.time_zone.as_str()),
        ("Harborview", "America/New_York")
    );
    assert_eq!(site.warnings, []);

    let [control, cameras, .., internet] = site.zones.as_slice() else {
        panic!("{} zones", site.zones.len())
    };
    assert_eq!(
        (control.kind, control.crane.as_deref()),
        (ZoneKind::CraneControl, Some("STS-07"))
    );
    assert_eq!(
        (control.vlans.as_slice(), control.place.to_string().as_str()),
        (&[10][..], "site.toml:5")
    );
    assert!(cameras.for_untrusted_suppliers && !control.for_untrusted_suppliers);
    assert_eq!(internet.subnets.len(), 2);

    let plc = &site.assets[0];
    assert_eq!(
        (plc.name.as_str(), plc.role, plc.supplier.as_deref()),
        ("plc1", Role::Plc, Some("Siemens"))
    );
    assert_eq!(plc.hostnames, ["STS07-PLC1"]);
    assert_eq!(
        plc.interfaces[0].mac,
        Some(Mac([0x28, 0x63, 0x36, 0x8a, 0x01, 0x10]))
    );
    assert_eq!(plc.interfaces[0].ip, "10.20.10.10".parse().ok());
    assert_eq!(plc.interfaces[0].vlan, Some(10));

    let [set_points, engineering, support] = site.conduits.as_slice() else {
        panic!()
    };
    assert_eq!(
        (set_points.from.as_slice(), set_points.to.as_slice()),
        (&[End::Asset(1)][..], &[End::Asset(0)][..])
    );
    let services: Vec<String> = set_points
        .services
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(services, ["s7comm:read", "s7comm:write"]);
    assert_eq!(set_points.because, "FAT 2024-11");
    assert_eq!(set_points.valid_from, Time::parse("2026-01-01T00:00:00Z"));
    assert_eq!(set_points.valid_until, Time::parse("2026-12-31T23:59:59Z"));
    assert!(engineering.during_work_order && !set_points.during_work_order);
    assert_eq!(
        (engineering.to.as_slice(), support.from.as_slice()),
        (&[End::Zone(0)][..], &[End::Party(0)][..])
    );

    let order = &site.work_orders[0];
    assert_eq!(order.id, "WO-1234");
    assert_eq!(
        order.operations,
        [Verb::ProgramDownload, Verb::Stop, Verb::Start]
    );
    assert!(!order.remote_session && !order.file);
    assert_eq!(Some(order.until), Time::parse("2026-11-21T05:00:00-05:00"));

    let party = &site.parties[0];
    assert_eq!(
        (party.contract.as_deref(), party.access),
        (Some("C-2025-17"), Some(4))
    );
    assert_eq!(party.addresses, ["203.0.113.45/32".parse().unwrap()]);

    let supplier = &site.suppliers[0];
    assert_eq!(
        (supplier.trust, supplier.ouis.as_slice()),
        (Trust::Untrusted, &[(0x4419_b600_0000, 24)][..])
    );
    assert_eq!(site.platforms[0].domains, ["logink.cn", "logink.org"]);
    assert_eq!(
        (
            site.sensors[0].sees.as_slice(),
            site.sensors[0].captures.len()
        ),
        (&[0, 1][..], 1)
    );
}

#[test]
fn a_site_may_stand_in_several_files() {
    let whole = load(&[("site.toml", EXAMPLE)]);
    let at = EXAMPLE.find("[[asset]]").unwrap();
    let (zones, rest) = EXAMPLE.split_at(at);
    let named = format!("include = [\"r*.toml\"]\n{zones}");
    let broken = "[[asset]]\nthis is not read";
    for folder in [
        load(&[("rest.toml", rest), ("site.toml", zones)]),
        load(&[
            ("site.toml", &named),
            ("rest.toml", rest),
            ("old.toml", broken),
        ]),
    ] {
        assert_eq!(folder.assets.len(), whole.assets.len());
        assert_eq!(
            folder.conduits.last().map(|one| &one.from),
            whole.conduits.last().map(|one| &one.from)
        );
        assert_eq!(folder.assets[0].place.to_string(), "rest.toml:1");
    }
}

#[test]
fn every_prefix_of_a_mac_address_is_aligned() {
    let ouis =
        "ouis = [\"70:b3:d5:12:3\", \"70-B3-D5-12-30-00/36\", \"8c1f641\", \"44:19:b6:02:00:01\"]";
    let text = EXAMPLE.replace("ouis = [\"44:19:b6\"]", ouis);
    let site = load(&[("site.toml", &text)]);
    assert_eq!(
        site.suppliers[0].ouis,
        [
            (0x70b3_d512_3000, 36),
            (0x70b3_d512_3000, 36),
            (0x8c1f_6410_0000, 28),
            (0x4419_b602_0001, 48)
        ]
    );
}

#[test]
fn times_may_be_texts_and_lie_ahead() {
    let text = EXAMPLE.replace(
        "until = 2026-11-21T10:00:00Z",
        "until = \"2199-11-21T10:00:00+05:30\"",
    );
    let site = load(&[("site.toml", &text)]);
    assert_eq!(
        site.work_orders[0].until,
        Time::parse("2199-11-21T04:30:00Z").unwrap()
    );
}

#[test]
fn an_empty_site_declares_nothing() {
    let site = load(&[("site.toml", "")]);
    assert_eq!(
        (
            site.zones.len(),
            site.time_zone.as_str(),
            site.warnings.len()
        ),
        (0, "UTC", 1)
    );
    assert_eq!(site.zone_of(None, Some(10)), None);
    assert_eq!(
        site.conduits_for(&site.who(None, None, None), &site.who(None, None, None))
            .count(),
        0
    );
}
