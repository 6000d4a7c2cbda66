//! The registry: every protocol that is read, one line each. Its order is the order in which content is probed where no
//! port hints, so those with the strongest signature stand first.
mod ads;
mod amqp;
mod asking;
mod bacnet;
mod ber;
mod cameras;
pub(crate) mod carried;
mod cdp;
mod codesys;
mod dcerpc;
mod dhcp;
mod digi_edp;
mod dlms;
mod dnp3;
mod dns;
mod enip;
mod ethercat;
mod fins;
mod flow_export;
mod fox;
mod ftp;
mod ge_srtp;
mod goose;
pub(crate) mod guacamole;
mod hart_ip;
mod http;
mod iec104;
mod ike;
mod kerberos;
mod ldap;
mod lines;
mod lldp;
mod makers;
mod melsec;
mod mms;
mod mndp;
mod modbus;
mod mqtt;
mod mssql;
mod named;
mod nbdgm;
mod netbios;
mod ntlm;
mod ntp;
mod opcua;
mod openvpn;
mod powerlink;
mod profinet;
mod ptp;
mod quic;
mod radius;
mod rdp;
mod redundancy;
pub(crate) mod remote_tools;
mod rtsp;
mod s7comm;
mod sbus;
mod sip;
mod smb;
mod snmp;
mod soap;
mod socks;
mod softether;
mod ssh;
mod stp;
mod stray;
mod sv;
mod synchrophasor;
mod teamviewer;
mod telnet;
mod tftp;
mod tls;
mod tristation;
mod vnc;
pub(crate) mod web_terminal;
mod wlan;

pub(crate) use self::remote_tools::RemoteTool;
use crate::decoder::{Carrier, Decoder, Dialogue, Probe, Step};

/// Every decoder. Dispatch, documentation, `docs/protocols.md`, fuzzing and tests derive from it.
pub static ALL: &[&Decoder] = &[
    // By a magic number, a banner or a start line.
    &vnc::DECODER,
    &fox::DECODER,
    &ssh::DECODER,
    &smb::DECODER,
    &rtsp::DECODER,
    &teamviewer::DECODER,
    &guacamole::DECODER,
    &web_terminal::DECODER,
    &ftp::DECODER,
    &http::DECODER,
    &http::SSDP,
    &s7comm::DECODER,
    &s7comm::plus::DECODER,
    &mms::DECODER,
    &enip::DECODER,
    &rdp::DECODER,
    &opcua::DECODER,
    &tls::DECODER,
    &tls::DTLS,
    &nbdgm::DECODER,
    &quic::DECODER,
    &named::WIREGUARD,
    &named::STUN,
    &kerberos::DECODER,
    &profinet::cm::DECODER,
    &dcerpc::DECODER,
    &dnp3::DECODER,
    &named::PPTP,
    &makers::ETHER_SIO,
    &makers::IFIX,
    &codesys::DECODER,
    &codesys::v2::DECODER,
    &mqtt::DECODER,
    &amqp::DECODER,
    &sip::DECODER,
    &mssql::DECODER,
    &ldap::DECODER,
    &named::RADMIN,
    &named::CITRIX,
    &named::DAMEWARE,
    &named::X11,
    &named::RUSTDESK,
    &named::RLOGIN,
    &digi_edp::DECODER,
    &named::TAILSCALE,
    &named::ZEROTIER,
    &named::NEBULA,
    &named::IPMI,
    &named::JETDIRECT,
    // By a header that agrees with itself.
    &makers::BSAP,
    &makers::EGD,
    &makers::GENISYS,
    &tristation::DECODER,
    &sbus::DECODER,
    &ads::DECODER,
    &fins::DECODER,
    &hart_ip::DECODER,
    &ge_srtp::DECODER,
    &melsec::DECODER,
    &melsec::melsoft::DECODER,
    &modbus::DECODER,
    &dhcp::DECODER,
    &dhcp::DHCPV6,
    &snmp::DECODER,
    &dns::DNS,
    &dns::MDNS,
    &dns::LLMNR,
    &dns::NBNS,
    &ntp::DECODER,
    &enip::io::DECODER,
    &bacnet::DECODER,
    &iec104::DECODER,
    &dlms::DECODER,
    &radius::DECODER,
    &cameras::ws_discovery::DECODER,
    &cameras::hikvision::DECODER,
    &cameras::hikvision::SDK,
    &cameras::dahua::DECODER,
    &softether::DECODER,
    &named::TEREDO,
    &named::SLP,
    &named::SENTINEL,
    &flow_export::NETFLOW,
    &flow_export::SFLOW,
    &socks::DECODER,
    &ike::DECODER,
    &ptp::DECODER,
    &named::L2TP,
    &named::CAPWAP,
    &openvpn::DECODER,
    &tftp::DECODER,
    &named::LPD,
    &named::SYSLOG,
    &telnet::DECODER,
    &synchrophasor::DECODER,
    &redundancy::HSRP,
    &redundancy::RIP,
    &mndp::DECODER,
    &stray::RFB,
    &stray::CAN,
    &stray::RMCP,
    &stray::KNX,
    &stray::VXLAN,
    &stray::GENEVE,
    &stray::GTP,
    &stray::TZSP,
    &stray::KASA,
    // By a checksum.
    &modbus::rtu::DECODER,
    // Never probed: announced by others.
    &named::RTP,
    &ftp::DATA,
    // Layer 2: never probed, the frame's own number decides.
    &powerlink::DECODER,
    &ethercat::DECODER,
    &profinet::DECODER,
    &profinet::mrp::DECODER,
    &goose::DECODER,
    &sv::DECODER,
    &lldp::DECODER,
    &cdp::DECODER,
    &stp::DECODER,
    &wlan::DECODER,
];

/// Stands in where a flow has no decoder and something must still be said of it.
pub(crate) static NONE: Decoder = Decoder {
    name: "",
    title: "",
    carriers: &[],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Nothing),
    remote: false,
    operations: &[],
    about: "",
    spec: "",
    blind: "",
};

struct Nothing;

impl Dialogue for Nothing {
    fn message(&mut self, _: &mut crate::Cx<'_>, _: crate::Side, _: &[u8]) -> Step {
        Step::Done
    }
}

/// Control protocols of which no operation is read.
static CONTROL_UNREAD: &[&Decoder] = &[
    &enip::io::DECODER,
    &makers::BSAP,
    &makers::EGD,
    &makers::ETHER_SIO,
    &makers::GENISYS,
    &makers::IFIX,
];

/// By these cameras are set, and most of the time send pictures: what is put aside first.
static PICTURES: &[&Decoder] = &[&cameras::dahua::DECODER];

/// Whether devices are read, changed or operated by it: never put aside under load.
pub(crate) fn controls(decoder: &Decoder) -> bool {
    let among = |list: &[&Decoder]| list.iter().any(|one| one.name == decoder.name);
    !decoder.operations.is_empty() && !among(PICTURES) || among(CONTROL_UNREAD)
}

/// What proxies are there for: whoever allows the proxy allows that.
static PROXIED: &[&Decoder] = &[&http::DECODER, &tls::DECODER];

pub(crate) fn is_proxied(decoder: &Decoder) -> bool {
    PROXIED.iter().any(|one| one.name == decoder.name)
}

/// The first decoder of a carrier.
pub(crate) fn on(carrier: Carrier) -> Option<&'static Decoder> {
    ALL.iter()
        .copied()
        .find(|decoder| decoder.carriers.contains(&carrier))
}

/// The first decoder whose registered port this is.
pub(crate) fn at_port(udp: bool, port: u16) -> Option<&'static Decoder> {
    on(if udp {
        Carrier::Udp(port)
    } else {
        Carrier::Tcp(port)
    })
}

/// The decoder of that name.
pub fn by_name(name: &str) -> Option<&'static Decoder> {
    ALL.iter().copied().find(|decoder| decoder.name == name)
}

/// Every protocol name that facts can carry: those read, and those recognised by number alone.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL
        .iter()
        .map(|decoder| decoder.name)
        .chain(crate::names::all())
        .chain(remote_tools::PROTOCOLS.iter().copied())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The registry's own copy of a protocol's name.
pub(crate) fn static_name(name: &str) -> &'static str {
    by_name(name).map_or("", |decoder| decoder.name)
}

#[test]
fn every_protocol_is_registered_once() {
    let mut names: Vec<_> = ALL.iter().map(|decoder| decoder.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}
