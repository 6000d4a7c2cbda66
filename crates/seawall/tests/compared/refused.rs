//! Who was not let in: answers that turn a log-in down, of every protocol in which tshark shows them.
use std::collections::{BTreeMap, BTreeSet};

use facts::Facts;

use super::ends::{self, Ends, Frame};

pub const FIELDS: &[&str] = &[
    "ftp.request.command",
    "ftp.response.code",
    "http.request.method",
    "http.authorization",
    "http.response.code",
    "http.www_authenticate",
    "kerberos.error_code",
    "ldap.protocolOp",
    "ldap.resultCode",
    "mqtt.conack.val",
    "radius.code",
    "smb.cmd",
    "smb.nt_status",
    "smb2.cmd",
    "smb2.nt_status",
    "snmp.name",
    "socks.auth_status",
    "tds.error.number",
    "vnc.auth_result",
];

/// Protocols that are compared.
const PROTOCOLS: &[&str] = &[
    "ftp", "http", "kerberos", "ldap", "mqtt", "mssql", "radius", "smb", "snmp", "socks", "vnc",
];

/// [MS-ERREF] 2.3.1, what is said of an account.
const ACCOUNT: &[u32] = &[
    0xc000_0022,
    0xc000_0064,
    0xc000_006a,
    0xc000_006d,
    0xc000_006e,
    0xc000_006f,
    0xc000_0070,
    0xc000_0071,
    0xc000_0072,
    0xc000_015b,
    0xc000_0193,
    0xc000_0224,
    0xc000_0234,
];

/// RFC 4120, 7.5.9: errors that turn somebody down; others ask for more.
const KERBEROS: &[&str] = &["6", "7", "12", "18", "23", "24", "31", "34", "37", "41"];

/// RFC 3414, 5: reports of an unknown user, a wrong digest, and what could not be decrypted.
const REPORTS: &[&str] = &[
    "1.3.6.1.6.3.15.1.1.3.0",
    "1.3.6.1.6.3.15.1.1.5.0",
    "1.3.6.1.6.3.15.1.1.6.0",
];

/// What the clients of text protocols asked last, by their ends.
#[derive(Default)]
struct Asked {
    ftp: BTreeMap<(String, String), String>,
    /// Those whose last request bore credentials.
    claims: BTreeSet<(String, String)>,
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

impl Asked {
    /// The protocols in which a frame turns somebody down, as often as it does.
    fn refusals(&mut self, frame: &Frame, ends: &Ends) -> Vec<&'static str> {
        let mut found = Vec::new();
        let has = |field: &str, values: &[&str]| {
            let all = frame[field].iter();
            all.filter(|one| values.contains(&one.as_str())).count()
        };
        let text = |end: &(String, String)| format!("{}:{}", end.0, end.1);
        let (from, to) = (text(&ends.from), text(&ends.to));
        let mut add = |protocol, count: usize| found.extend(std::iter::repeat_n(protocol, count));

        if let Some(command) = frame["ftp.request.command"].last() {
            self.ftp.insert((from.clone(), to.clone()), command.clone());
        }
        let command = self.ftp.get(&(to.clone(), from.clone()));
        if command.is_some_and(|one| matches!(one.as_str(), "USER" | "PASS")) {
            add("ftp", has("ftp.response.code", &["430", "530", "532"]));
        }

        // A request with credentials that is answered by 401. Of schemes with several steps (NTLM) a refusal is a part.
        let schemes = ["basic ", "digest ", "bearer "];
        let http = frame["http.authorization"].iter().any(|one| {
            let one = one.to_lowercase();
            schemes.iter().any(|scheme| one.starts_with(scheme))
        });
        let key = (from.clone(), to.clone());
        if http {
            self.claims.insert(key);
        } else if !frame["http.request.method"].is_empty() {
            self.claims.remove(&key);
        }
        let stale = frame["http.www_authenticate"]
            .iter()
            .any(|one| one.to_lowercase().contains("stale=true"));
        if self.claims.contains(&(to, from)) && !stale {
            add("http", has("http.response.code", &["401"]));
        }

        // Errors within SPNEGO belong to the protocol around them.
        let layers = frame["frame.protocols"].iter();
        let mut layers = layers.flat_map(|one| one.split(':'));
        if layers.any(|layer| layer == "kerberos") {
            add("kerberos", has("kerberos.error_code", KERBEROS));
        }
        // 1: the answer to a bind; 49: invalidCredentials.
        let binds = frame["ldap.protocolOp"].iter().any(|one| one == "1");
        if binds {
            add("ldap", has("ldap.resultCode", &["49"]));
        }
        add("mqtt", has("mqtt.conack.val", &["4", "5", "0x04", "0x05"]));
        add("radius", has("radius.code", &["3"]));
        for (command, code, status) in [
            ("smb.cmd", "0x73", "smb.nt_status"),
            ("smb2.cmd", "1", "smb2.nt_status"),
        ] {
            let pairs = frame[command].iter().zip(&frame[status]);
            let refused = pairs.filter(|(command, status)| {
                *command == code && number(status).is_some_and(|one| ACCOUNT.contains(&one))
            });
            add("smb", refused.count());
        }
        add("snmp", has("snmp.name", REPORTS));
        let socks = frame["socks.auth_status"].iter();
        add("socks", socks.filter(|one| number(one) != Some(0)).count());
        add("mssql", has("tds.error.number", &["18456"]));
        let vnc = frame["vnc.auth_result"].iter();
        add(
            "vnc",
            vnc.filter(|one| !matches!(one.as_str(), "0" | "False"))
                .count(),
        );
        found
    }
}

fn key(protocol: &str, asker: &str, asked: &str) -> String {
    format!("{protocol} {asker} at {asked}")
}

pub fn theirs(frames: &[Frame]) -> BTreeMap<String, u64> {
    let mut asked = Asked::default();
    let mut count = BTreeMap::new();
    for frame in frames {
        let Some(ends) = ends::layers(frame).pop() else {
            continue;
        };
        if !frame["tcp.analysis.retransmission"].is_empty() {
            continue;
        }
        for protocol in asked.refusals(frame, &ends) {
            *count
                .entry(key(protocol, &ends.to.0, &ends.from.0))
                .or_default() += 1;
        }
    }
    count
}

pub fn ours(facts: &Facts) -> BTreeMap<String, u64> {
    let mut count = BTreeMap::new();
    for one in &facts.oddities {
        let protocol = one.detail.as_deref().and_then(|it| it.split(':').next());
        if let (Some(source), Some(target), Some(protocol), "login.refused") =
            (one.source, one.target, protocol, one.what.as_str())
            && PROTOCOLS.contains(&protocol)
        {
            let key = key(protocol, &source.to_string(), &target.to_string());
            *count.entry(key).or_default() += one.count;
        }
    }
    count
}
