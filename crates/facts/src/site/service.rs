//! The grammar of `services`, and what a service allows.
//!
//! ```text
//! service   = "any" | ("tcp" | "udp") "/" PORT | "ethertype/0x" HEX | protocol [":" part]
//! part      = operation | "modify" | variant
//! ```
//! A variant is what the protocol itself tells apart (`snmp:v3`, `tls:1.3`): any word that is no operation.
use std::fmt;
use std::str::FromStr;

use super::spelling::closest;
use super::{Part, Service};
use crate::kinds::Verb;

/// The class that stands for every operation that changes the device.
const MODIFY: &str = "modify";

/// Values of the EtherType field below this are lengths (IEEE 802.3, 3.2.6).
const FIRST_ETHERTYPE: u16 = 0x0600;

/// Other names that people know protocols by, and the one that facts use.
const ALIASES: &[(&str, &str)] = &[
    ("cifs", "smb"),
    ("cip", "enip"),
    ("ethernet-ip", "enip"),
    ("https", "tls"),
    ("modbus-tcp", "modbus"),
    ("opc-ua", "opcua"),
    ("pn-dcp", "profinet"),
    ("pn-rt", "profinet"),
    ("pn_dcp", "profinet"),
    ("pn_rt", "profinet"),
    ("profinet-dcp", "profinet"),
    ("profinet-rt", "profinet"),
    ("rfb", "vnc"),
    ("s7", "s7comm"),
    ("ssl", "tls"),
];

/// Protocols that exist to carry files.
const FILE_PROTOCOLS: &[&str] = &["ftp", "tftp", "smb", "http"];

/// Why a text is no service, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAService {
    /// What is wrong with the text.
    pub what: String,
    /// What to write instead; it stands behind a semicolon.
    pub remedy: String,
}

impl fmt::Display for NotAService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl std::error::Error for NotAService {}

/// How far a service allows an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Not at all.
    No,
    /// Because the protocol, the port or anything is allowed, and the operation is of the data plane.
    ByProtocol,
    /// By name: the operation itself, or the class `modify`.
    Named,
}

impl Verb {
    /// What a conduit for a protocol allows without naming it: the daily traffic between stations and controllers.
    /// Everything else changes what a device is rather than what it does, and needs a work order or a conduit by name.
    pub const fn is_data_plane(self) -> bool {
        matches!(
            self,
            Verb::Read
                | Verb::Write
                | Verb::Operate
                | Verb::Diagnose
                | Verb::Identify
                | Verb::FileRead
                | Verb::Authenticate
        )
    }

    /// What every session of a protocol does, whatever it came for: say who is there, log in, ask for the state.
    const fn opens_sessions(self) -> bool {
        matches!(self, Verb::Diagnose | Verb::Identify | Verb::Authenticate)
    }
}

impl Service {
    /// Whether the service covers a conversation as such. `transport` is that of
    /// [`Conversation`](crate::kinds::Conversation): `tcp`, `udp`, `icmp`, `ethertype/0x8892`. A channel that another
    /// conversation negotiated is covered through that one's protocol, `parent`.
    pub fn covers_flow(
        &self,
        protocol: Option<&str>,
        variant: Option<&str>,
        parent: Option<&str>,
        transport: &str,
        server_port: Option<u16>,
    ) -> bool {
        match self {
            Service::Any => true,
            Service::Port { udp, port } => {
                transport == if *udp { "udp" } else { "tcp" } && server_port == Some(*port)
            }
            Service::EtherType(number) => transport
                .strip_prefix("ethertype/0x")
                .is_some_and(|hex| u16::from_str_radix(hex, 16).is_ok_and(|seen| seen == *number)),
            Service::Protocol {
                protocol: named,
                part,
            } => {
                let is = |name: &str| name.eq_ignore_ascii_case(named);
                let negotiated = parent.is_some_and(is);
                // `icmp` and the like are transports that need no protocol above them to have a name.
                let itself = protocol.is_some_and(is) || (protocol.is_none() && is(transport));
                match part {
                    None | Some(Part::Operation(_) | Part::Modify) => itself || negotiated,
                    Some(Part::Variant(wanted)) => {
                        negotiated
                            || (itself
                                && variant.is_some_and(|seen| seen.eq_ignore_ascii_case(wanted)))
                    }
                }
            }
        }
    }

    /// How far the service allows an operation in a conversation that it covers (see [`Service::covers_flow`]).
    pub fn covers_operation(&self, protocol: &str, verb: Verb) -> Allowed {
        let by_protocol = |holds: bool| {
            if holds {
                Allowed::ByProtocol
            } else {
                Allowed::No
            }
        };
        // A protocol whose trade is files is allowed for the sake of files.
        let files = matches!(verb, Verb::FileWrite | Verb::FileDelete);
        let daily = verb.is_data_plane() || (files && FILE_PROTOCOLS.contains(&protocol));
        match self {
            Service::Any | Service::Port { .. } | Service::EtherType(_) => by_protocol(daily),
            Service::Protocol {
                protocol: named,
                part,
            } => {
                if !protocol.eq_ignore_ascii_case(named) {
                    return Allowed::No;
                }
                match part {
                    None | Some(Part::Variant(_)) => by_protocol(daily),
                    Some(Part::Operation(allowed)) if *allowed == verb => Allowed::Named,
                    Some(Part::Modify) if verb.modifies() => Allowed::Named,
                    Some(Part::Operation(_) | Part::Modify) => by_protocol(verb.opens_sessions()),
                }
            }
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Any => f.write_str("any"),
            Service::Port { udp: false, port } => write!(f, "tcp/{port}"),
            Service::Port { udp: true, port } => write!(f, "udp/{port}"),
            Service::EtherType(number) => write!(f, "ethertype/{number:#06x}"),
            Service::Protocol {
                protocol,
                part: None,
            } => f.write_str(protocol),
            Service::Protocol {
                protocol,
                part: Some(part),
            } => write!(f, "{protocol}:{part}"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Operation(verb) => verb.fmt(f),
            Part::Modify => f.write_str(MODIFY),
            Part::Variant(word) => f.write_str(word),
        }
    }
}

impl FromStr for Service {
    type Err = NotAService;

    fn from_str(text: &str) -> Result<Service, NotAService> {
        let wrong = |what: String, remedy: &str| {
            Err(NotAService {
                what,
                remedy: remedy.to_owned(),
            })
        };
        let word = text.trim().to_ascii_lowercase();
        if word == "any" {
            return Ok(Service::Any);
        }
        if let Some((kind, number)) = word.split_once('/') {
            return match kind {
                "tcp" | "udp" => match number.parse() {
                    Ok(port) if port > 0 => Ok(Service::Port {
                        udp: kind == "udp",
                        port,
                    }),
                    _ => wrong(
                        format!("\"{text}\" names no port"),
                        "write one port from 1 to 65535, e.g. \"tcp/443\", and a service for each",
                    ),
                },
                "ethertype" => {
                    let number = number
                        .strip_prefix("0x")
                        .and_then(|hex| u16::from_str_radix(hex, 16).ok());
                    match number {
                        Some(number) if number >= FIRST_ETHERTYPE => Ok(Service::EtherType(number)),
                        _ => wrong(
                            format!("\"{text}\" names no EtherType"),
                            "write four hex digits from 0x0600 up, e.g. \"ethertype/0x8892\"",
                        ),
                    }
                }
                _ => wrong(
                    format!("\"{text}\" is no service"),
                    "before the slash stands tcp, udp or ethertype; a protocol stands alone, e.g. \"s7comm\"",
                ),
            };
        }
        if matches!(word.as_str(), "tcp" | "udp" | "ethertype") {
            return wrong(
                format!("\"{text}\" alone is no service"),
                "add a number, e.g. \"tcp/443\", or write \"any\" for everything",
            );
        }
        let (protocol, part) = match word.split_once(':') {
            Some((protocol, part)) => (protocol, Some(part)),
            None => (word.as_str(), None),
        };
        if !is_name(protocol) || !part.is_none_or(is_name) {
            return wrong(
                format!("\"{text}\" is no service"),
                "write a protocol, \"protocol:operation\", \"tcp/443\", \"udp/2222\", \"ethertype/0x8892\" or \"any\"",
            );
        }
        let part = match part {
            None => None,
            Some(MODIFY) => Some(Part::Modify),
            Some(part) => Some(match Verb::parse(part) {
                Some(verb) => Part::Operation(verb),
                None => {
                    // A misspelt operation would pass for a variant, which no conversation ever has.
                    let words = Verb::ALL.iter().map(|verb| verb.name()).chain([MODIFY]);
                    if let Some(meant) = closest(part, words) {
                        return wrong(
                            format!("\"{part}\" of \"{text}\" is no operation"),
                            &format!("did you mean \"{protocol}:{meant}\"?"),
                        );
                    }
                    Part::Variant(part.to_owned())
                }
            }),
        };
        let alias = ALIASES.iter().find(|(alias, _)| *alias == protocol);
        Ok(Service::Protocol {
            protocol: alias.map_or(protocol, |(_, name)| name).to_owned(),
            part,
        })
    }
}

/// A protocol, an operation or a variant: letters, digits and what stands inside such names.
fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service(text: &str) -> Service {
        text.parse().unwrap()
    }

    #[test]
    fn protocols_go_by_their_other_names_too() {
        let service = |text: &str| text.parse::<Service>().unwrap().to_string();
        assert_eq!(service("CIP:read"), "enip:read");
        assert_eq!(service("https"), "tls");
        for (_, name) in ALIASES {
            assert!(
                ALIASES.iter().all(|(alias, _)| alias != name),
                "{name} is an alias itself"
            );
        }
    }

    #[test]
    fn a_conduit_for_files_allows_files_and_a_conduit_for_control_does_not() {
        let allowed = |text: &str, protocol| {
            text.parse::<Service>()
                .unwrap()
                .covers_operation(protocol, Verb::FileWrite)
        };
        assert_eq!(allowed("tftp", "tftp"), Allowed::ByProtocol);
        assert_eq!(allowed("tcp/21", "ftp"), Allowed::ByProtocol);
        assert_eq!(allowed("modbus", "modbus"), Allowed::No);
    }

    #[test]
    fn services_are_read_by_the_grammar() {
        let protocol = |name: &str, part| Service::Protocol {
            protocol: name.to_owned(),
            part,
        };
        for (text, read) in [
            ("any", Service::Any),
            (
                "tcp/443",
                Service::Port {
                    udp: false,
                    port: 443,
                },
            ),
            (
                "udp/2222",
                Service::Port {
                    udp: true,
                    port: 2222,
                },
            ),
            ("ethertype/0x8892", Service::EtherType(0x8892)),
            ("s7comm", protocol("s7comm", None)),
            (
                "S7comm:Write",
                protocol("s7comm", Some(Part::Operation(Verb::Write))),
            ),
            (
                "s7comm:program-download",
                protocol("s7comm", Some(Part::Operation(Verb::ProgramDownload))),
            ),
            ("modbus:modify", protocol("modbus", Some(Part::Modify))),
            (
                "snmp:v3",
                protocol("snmp", Some(Part::Variant("v3".to_owned()))),
            ),
            (
                "tls:1.3",
                protocol("tls", Some(Part::Variant("1.3".to_owned()))),
            ),
            (
                "opcua:read",
                protocol("opcua", Some(Part::Operation(Verb::Read))),
            ),
        ] {
            assert_eq!(text.parse(), Ok(read), "{text}");
        }
        for (text, message) in [
            ("tcp", "\"tcp\" alone is no service; add a number"),
            ("tcp/0", "\"tcp/0\" names no port"),
            ("tcp/80-90", "\"tcp/80-90\" names no port"),
            (
                "ethertype/0x05dc",
                "\"ethertype/0x05dc\" names no EtherType",
            ),
            ("ethertype/8892", "names no EtherType"),
            ("icmp/8", "before the slash"),
            (
                "s7comm:wirte",
                "\"wirte\" of \"s7comm:wirte\" is no operation; did you mean \"s7comm:write\"?",
            ),
            ("s7comm:", "is no service"),
            (":read", "is no service"),
            ("a:b:c", "is no service"),
            ("s7 comm", "is no service"),
            ("", "is no service"),
        ] {
            let wrong = text.parse::<Service>().unwrap_err().to_string();
            assert!(wrong.contains(message), "{text}: {wrong}");
        }
    }

    #[test]
    fn services_cover_flows() {
        let yes = |text: &str, protocol, variant, parent, transport, port| {
            assert!(
                service(text).covers_flow(protocol, variant, parent, transport, port),
                "{text}"
            );
        };
        let no = |text: &str, protocol, variant, parent, transport, port| {
            assert!(
                !service(text).covers_flow(protocol, variant, parent, transport, port),
                "{text}"
            );
        };
        yes("any", None, None, None, "llc/0x42", None);
        yes("tcp/443", Some("tls"), None, None, "tcp", Some(443));
        no("tcp/443", Some("quic"), None, None, "udp", Some(443));
        no("tcp/443", Some("tls"), None, None, "tcp", Some(8443));
        yes(
            "ethertype/0x8892",
            Some("profinet-dcp"),
            None,
            None,
            "ethertype/0x8892",
            None,
        );
        no(
            "ethertype/0x8892",
            None,
            None,
            None,
            "ethertype/0x88cc",
            None,
        );
        yes("s7comm", Some("s7comm"), None, None, "tcp", Some(4102));
        yes("s7comm:read", Some("s7comm"), None, None, "tcp", Some(102));
        no("s7comm", None, None, None, "tcp", Some(102));
        no("s7comm", Some("s7comm-plus"), None, None, "tcp", Some(102));
        yes("snmp:v3", Some("snmp"), Some("v3"), None, "udp", Some(161));
        no("snmp:v3", Some("snmp"), Some("v2c"), None, "udp", Some(161));
        no("snmp:v3", Some("snmp"), None, None, "udp", Some(161));
        yes("rtsp", Some("rtp"), None, Some("rtsp"), "udp", Some(40_000));
        no("rtsp", Some("rtp"), None, Some("sip"), "udp", Some(40_000));
        yes("icmp", None, None, None, "icmp", None);
    }

    #[test]
    fn what_changes_a_device_must_be_named() {
        for (text, verb, allowed) in [
            ("any", Verb::Write, Allowed::ByProtocol),
            ("any", Verb::ProgramDownload, Allowed::No),
            ("tcp/102", Verb::Stop, Allowed::No),
            ("s7comm", Verb::Write, Allowed::ByProtocol),
            ("s7comm", Verb::Authenticate, Allowed::ByProtocol),
            ("s7comm", Verb::SetClock, Allowed::No),
            ("s7comm", Verb::ProgramUpload, Allowed::No),
            ("s7comm:set-clock", Verb::SetClock, Allowed::Named),
            ("s7comm:read", Verb::Read, Allowed::Named),
            ("s7comm:read", Verb::Write, Allowed::No),
            ("s7comm:read", Verb::Identify, Allowed::ByProtocol),
            ("s7comm:modify", Verb::Stop, Allowed::Named),
            ("s7comm:modify", Verb::Read, Allowed::No),
            ("modbus", Verb::Write, Allowed::No),
        ] {
            assert_eq!(
                service(text).covers_operation("s7comm", verb),
                allowed,
                "{text} {verb}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(service in any_service()) {
            prop_assert_eq!(service.to_string().parse::<Service>(), Ok(service));
        }
    }

    fn any_service() -> impl Strategy<Value = Service> {
        let part = prop_oneof![
            Just(None),
            Just(Some(Part::Modify)),
            proptest::sample::select(Verb::ALL).prop_map(|verb| Some(Part::Operation(verb))),
            (0u8..9, 0u8..9).prop_map(|(a, b)| Some(Part::Variant(format!("v{a}.{b}")))),
        ];
        let protocol = proptest::sample::select(
            &[
                "s7comm", "enip", "opcua", "iec-104", "iec104", "x.25", "c++",
            ][..],
        );
        prop_oneof![
            Just(Service::Any),
            (any::<bool>(), 1..=u16::MAX).prop_map(|(udp, port)| Service::Port { udp, port }),
            (FIRST_ETHERTYPE..=u16::MAX).prop_map(Service::EtherType),
            (protocol, part).prop_map(|(protocol, part)| Service::Protocol {
                protocol: protocol.to_owned(),
                part
            }),
        ]
    }
}
