//! Who the ends of a session are: what the station says when it opens it, what the controller answers.
use super::names::attribute;
use super::ops;
use super::value::{self, number, tag};
use crate::reader::text;
use crate::{Cx, Reader, Side};

/// The selector called is a name, and says as what the station comes.
pub(super) fn connect(cx: &mut Cx<'_>, confirms: bool, called: Option<&[u8]>) {
    let role = match called {
        Some(b"SIMATIC-ROOT-ES") => "engineering station",
        Some(b"SIMATIC-ROOT-PG") => "programming device",
        Some(b"SIMATIC-ROOT-HMI") => "HMI",
        _ => return,
    };
    if !confirms {
        cx.identity(Side::Client, "role", role);
    }
}

/// The session is made: the answer's object says what the controller is.
pub(super) fn created(cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>, version: u8) {
    let Ok(count) = r.u8() else { return };
    for _ in 0..count {
        if number(r).is_err() {
            return;
        }
    }
    if r.peek().first() != Some(&tag::OBJECT) && ops::objects(r, version).is_err() {
        return;
    }
    // On an error whatever was seen before it was right.
    let _ = value::object(r, |seen| {
        let value::Seen::Attribute(id, value) = seen else {
            return;
        };
        match id {
            attribute::COMMENT => {
                if let Some(software) = value.text() {
                    cx.identity(side, "software", software);
                }
            }
            attribute::VERSION => {
                let version = value.member(attribute::SYSTEM_VERSION);
                if let Some(value::Value::Text(version)) = version {
                    ops::system_version(cx, side, version);
                }
            }
            _ => {}
        }
    });
}

/// What a station says of itself when it opens its session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Session {
    host: Option<String>,
    application: Option<String>,
    adapter: Option<String>,
    role: Option<&'static str>,
}

impl Session {
    pub(super) fn read(r: &mut Reader<'_>) -> Session {
        let mut session = Session::default();
        // On an error whatever was seen before it was right.
        let _ = value::object(r, |seen| {
            let value::Seen::Attribute(id, value) = seen else {
                return;
            };
            match id {
                attribute::HOST => {
                    let plain = |name: &String| !name.contains([':', '"']);
                    session.host = value.text().filter(plain).map(host);
                }
                attribute::APPLICATION => session.application = value.text(),
                attribute::CLIENT_ID => {
                    if let value::Value::Text(id) = value {
                        session.adapter = adapter(id);
                    }
                }
                attribute::ROLE => {
                    session.role = match value.number() {
                        Some(1) => Some("engineering station"),
                        Some(2) => Some("HMI"),
                        _ => None,
                    };
                }
                _ => {}
            }
        });
        session
    }

    pub(super) fn tell(&self, cx: &mut Cx<'_>, side: Side) {
        let said = [
            ("hostname", self.host.as_deref()),
            ("software", self.application.as_deref()),
            ("role", self.role),
            ("system", self.adapter.as_deref()),
        ];
        for (attribute, value) in said {
            if let Some(value) = value {
                cx.identity(side, attribute, value);
            }
        }
    }
}

/// TIA Portal puts a number behind the name of its host.
fn host(name: String) -> String {
    match name.rsplit_once('_') {
        Some((host, number)) if !host.is_empty() && number.bytes().all(|c| c.is_ascii_digit()) => {
            host.to_owned()
        }
        _ => name,
    }
}

/// The network adapter in the client's identification: `1:::6.0::TCP/IP -> NAME` or `0.0.0.0:0NAME.TCPIP.1`.
fn adapter(id: &[u8]) -> Option<String> {
    let id = text(id, 128)?;
    let name = match (id.split_once("-> "), id.split_once(".TCPIP")) {
        (Some((_, name)), _) => name,
        (None, Some((before, _))) => {
            let address = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':');
            before.trim_start_matches(address)
        }
        (None, None) => return None,
    };
    let name = name.trim_end_matches('.');
    (!name.is_empty()).then(|| format!("network adapter {name}"))
}
