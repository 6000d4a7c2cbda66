//! Roles guessed for devices that nobody declared: from what they state of themselves, who made them and what they did.
//!
//! A guess is there to help a person who asks what this device may be; it never counts as a declaration.
use std::collections::BTreeSet;

use facts::kinds::{Conversation, Facts, Identity, Verb};
use facts::lists::{Class, Supplier};
use facts::site::Role;
use facts::{Address, Grade};
use hashbrown::HashMap;

use super::devices::{Device, Devices, Key};
use super::ends::End;
use super::own::is_virtual_router;

/// Protocols by which controllers are asked.
const CONTROL: &[&str] = &[
    "s7comm",
    "s7comm-plus",
    "modbus",
    "enip",
    "cip",
    "codesys",
    "ads",
    "fins",
    "melsec",
    "srtp",
    "umas",
    "pccc",
    "iec104",
    "dnp3",
    "mms",
];

/// What a device did on the wire, as far as it tells its role.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    /// Protocols in which it answered.
    serves: BTreeSet<String>,
    /// Protocols in which it asked.
    speaks: BTreeSet<String>,
    /// What it asked controllers to do.
    asks: BTreeSet<Verb>,
    /// Ways out that it offered.
    offers: BTreeSet<String>,
    /// It told others that it is their gateway.
    names_itself: bool,
}

/// The protocols of conversations, by the end that spoke them.
#[derive(Debug, Default)]
pub(super) struct Spoken<'c> {
    by_end: Vec<Words<'c>>,
}

#[derive(Clone, Debug, Default)]
struct Words<'c> {
    device: Option<Key>,
    serves: Vec<&'c str>,
    speaks: Vec<&'c str>,
}

impl<'c> Spoken<'c> {
    pub(super) fn add(&mut self, one: &'c Conversation, client: &End, server: &End) {
        let Some(protocol) = one.protocol.as_deref() else {
            return;
        };
        let note = |words: Option<&mut Vec<&'c str>>| {
            if let Some(words) = words.filter(|words| !words.contains(&protocol)) {
                words.push(protocol);
            }
        };
        if one.packets_out > 0 {
            note(self.of(client).map(|words| &mut words.speaks));
        }
        // Whoever passes a conversation on does not serve what it carries, and may stand there for who does.
        if answered(one) && one.carried_by.is_none() {
            note(self.of(server).map(|words| &mut words.serves));
        }
    }

    fn of(&mut self, end: &End) -> Option<&mut Words<'c>> {
        end.device?;
        if self.by_end.len() <= end.id {
            self.by_end.resize_with(end.id + 1, Words::default);
        }
        let words = self.by_end.get_mut(end.id)?;
        words.device = end.device;
        Some(words)
    }

    /// Adds what was spoken to the deeds of the devices.
    pub(super) fn tell(self, deeds: &mut HashMap<Key, Deeds>) {
        let own = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
        for words in self.by_end {
            let Some(device) = words.device else { continue };
            let deeds = deeds.entry(device).or_default();
            deeds.serves.extend(own(words.serves));
            deeds.speaks.extend(own(words.speaks));
        }
    }
}

/// What the other kinds of fact add to what was `spoken`.
pub(super) fn deeds(
    facts: &Facts,
    devices: &Devices,
    spoken: HashMap<Key, Deeds>,
) -> HashMap<Key, Deeds> {
    let mut all = spoken;
    for one in &facts.operations {
        if let Some(key) = devices.at(one.source, one.source_mac) {
            all.entry(key).or_default().asks.insert(one.operation);
        }
    }
    for one in &facts.routes {
        let address = one.ip.map(Address::Ip).or(one.mac.map(Address::Mac));
        if let Some(key) = address.and_then(|address| devices.at(address, one.mac)) {
            let deeds = all.entry(key).or_default();
            note(&mut deeds.offers, &one.via);
            deeds.names_itself |= one.ip.is_some() && one.gateway == one.ip;
        }
    }
    all
}

fn note(into: &mut BTreeSet<String>, word: &str) {
    if !into.contains(word) {
        into.insert(word.to_owned());
    }
}

fn answered(one: &Conversation) -> bool {
    one.packets_in > 0 && !matches!(one.state.as_str(), "refused" | "unanswered")
}

impl Deeds {
    pub(super) fn add(&mut self, other: Deeds) {
        self.serves.extend(other.serves);
        self.speaks.extend(other.speaks);
        self.asks.extend(other.asks);
        self.offers.extend(other.offers);
        self.names_itself |= other.names_itself;
    }

    /// The role, how sure it is, and what it was guessed from.
    pub(super) fn role(
        &self,
        said: &[&Identity],
        device: &Device,
        supplier: Option<&Supplier>,
    ) -> Option<(String, Grade, String)> {
        let stated = said
            .iter()
            .filter(|one| one.attribute == "role")
            .find_map(|one| {
                let role = stated_role(&one.value)?;
                Some((
                    role.word().to_owned(),
                    one.grade.unwrap_or(Grade::Stated),
                    format!("{} states {}", one.source, one.value),
                ))
            });
        if stated.is_some() {
            return stated;
        }
        let (role, why) = self.guess(device, supplier)?;
        Some((role.word().to_owned(), Grade::Inferred, why))
    }

    fn guess(&self, device: &Device, supplier: Option<&Supplier>) -> Option<(Role, String)> {
        let maker = |what: &str| {
            supplier
                .map(|one| format!("{} makes {what}", one.name))
                .unwrap_or_default()
        };
        let makes_only = |class: Class| supplier.is_some_and(|one| one.classes == [class]);
        if device.macs.iter().any(|mac| is_virtual_router(*mac)) {
            return Some((
                Role::Router,
                "address that routers share (VRRP, HSRP, GLBP)".to_owned(),
            ));
        }
        if makes_only(Class::Cellular) {
            return Some((Role::Modem, maker("modems and routers for mobile networks")));
        }
        if supplier.is_some_and(|one| one.makes(Class::Cellular))
            && (device.routes || !self.offers.is_empty())
        {
            return Some((
                Role::Modem,
                maker("devices for mobile networks") + ", and it offers a way out",
            ));
        }
        if let Some(protocol) = CONTROL.iter().find(|one| self.serves.contains(**one)) {
            let only_drives =
                supplier.is_some_and(|one| one.makes(Class::Drive) && !one.makes(Class::Plc));
            let role = if only_drives { Role::Drive } else { Role::Plc };
            return Some((role, format!("answers {protocol}")));
        }
        if makes_only(Class::Scanner) {
            return Some((Role::Scanner, maker("scanners")));
        }
        if makes_only(Class::Camera) {
            return Some((Role::Camera, maker("cameras")));
        }
        if self.serves.contains("rtsp") {
            return Some((Role::Camera, "answers rtsp".to_owned()));
        }
        if device.routes {
            return Some((
                Role::Router,
                "its MAC address carries packets of others".to_owned(),
            ));
        }
        if self.names_itself {
            let why = "names itself as gateway".to_owned();
            return Some((Role::Router, why));
        }
        if let Some(via) = ["forwards", "ra", "redirect", "default-route"]
            .iter()
            .find(|via| self.offers.contains(**via))
        {
            return Some((Role::Router, format!("offers a way out ({via})")));
        }
        if let Some(verb) = self.asks.iter().find(|verb| is_engineering(**verb)) {
            return Some((Role::EngineeringStation, format!("asked for {verb}")));
        }
        if let Some(protocol) = CONTROL.iter().find(|one| self.speaks.contains(**one)) {
            return Some((Role::Hmi, format!("asks controllers by {protocol}")));
        }
        if self.offers.contains("dhcp") {
            return Some((Role::Server, "hands out addresses".to_owned()));
        }
        if self.serves.contains("ipp") || self.serves.contains("lpd") {
            return Some((Role::Printer, "answers print jobs".to_owned()));
        }
        if let Some(protocol) = ["dns", "ntp", "opcua", "smb", "ftp"]
            .iter()
            .find(|one| self.serves.contains(**one))
        {
            return Some((Role::Server, format!("answers {protocol}")));
        }
        if self.speaks.contains("stp") || makes_only(Class::Network) {
            let why = if self.speaks.contains("stp") {
                "speaks stp".to_owned()
            } else {
                maker("network devices")
            };
            return Some((Role::Switch, why));
        }
        if let Some(protocol) = ["rdp", "vnc"]
            .iter()
            .find(|one| self.serves.contains(**one))
        {
            return Some((Role::Workstation, format!("answers {protocol}")));
        }
        None
    }
}

/// What only an engineering station asks for.
const fn is_engineering(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::ProgramDownload
            | Verb::ProgramUpload
            | Verb::ProgramDelete
            | Verb::FirmwareUpdate
            | Verb::ModeChange
            | Verb::Start
            | Verb::Stop
            | Verb::Reset
            | Verb::Configure
    )
}

/// Words by which devices call themselves: roles of the site file, and capabilities of LLDP and CDP. A device that can
/// do several is what most tells it apart.
fn stated_role(value: &str) -> Option<Role> {
    let words: Vec<String> = value
        .split([',', ';', '/', '|'])
        .map(|word| word.trim().to_ascii_lowercase().replace([' ', '_'], "-"))
        .collect();
    let says = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    if let Some(role) = words
        .iter()
        .find_map(|word| Role::parse(word).filter(|role| *role != Role::Other))
    {
        return Some(role);
    }
    if says(&["wlan-access-point", "wlan-ap", "access-point", "wlan"]) {
        return Some(Role::Wireless);
    }
    if says(&[
        "io-controller",
        "controller",
        "programmable-logic-controller",
    ]) {
        return Some(Role::Plc);
    }
    if says(&["io-device"]) {
        return Some(Role::RemoteIo);
    }
    says(&["bridge", "switch", "l2-switch", "transparent-bridge"]).then_some(Role::Switch)
}
