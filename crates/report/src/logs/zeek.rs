//! Zeek's logs, as JSON lines with `_path` or as files in Zeek's own format (docs.zeek.org, "Zeek Log Formats and
//! Inspection"), with the columns of its `conn`, `dns`, `ssl`, `x509`, `http`, `ssh`, `files`, `software`, `weird` and
//! `notice`, and the names and ends of the ICSNPP parsers' logs for control protocols.
//!
//! Differences that the facts make: one line of `dns` or of a control protocol stands for `count` of the same until `last`;
//! `uid` is `C` and the facts' own, so that it is the same in every run.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use facts::kinds::{Certificate, Conversation};
use facts::{Address, Facts, Time};
use serde_json::{Map, Value as Json};

use super::certificates::{self, Shown};
use super::control;
use super::flows::{Ends, Flows};
use super::session::{self, Ssh, Vnc};

/// Where the logs go.
enum Place<'o> {
    Json(&'o mut dyn Write),
    Folder(&'o Path),
}

/// Writes all logs as JSON lines; `_path` names the log.
///
/// # Errors
/// What `out` says; what was written by then stays.
pub fn zeek_json(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    write(facts, Place::Json(out))
}

/// Writes a file per log into the folder, `conn.log` and so on, in Zeek's format; an empty one is not written.
///
/// # Errors
/// A file cannot be made or written; those written by then stay.
pub fn zeek_folder(facts: &Facts, folder: &Path) -> io::Result<()> {
    write(facts, Place::Folder(folder))
}

/// Type of a column, as Zeek names it.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Time,
    Interval,
    String,
    Addr,
    Port,
    Enum,
    Count,
    Bool,
    Strings,
    Addrs,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Type::Time => "time",
            Type::Interval => "interval",
            Type::String => "string",
            Type::Addr => "addr",
            Type::Port => "port",
            Type::Enum => "enum",
            Type::Count => "count",
            Type::Bool => "bool",
            Type::Strings => "vector[string]",
            Type::Addrs => "vector[addr]",
        }
    }
}

pub(super) enum Cell {
    Unset,
    Time(Time),
    Seconds(f64),
    Text(String),
    Number(u64),
    Bool(bool),
    List(Vec<String>),
}

impl From<Time> for Cell {
    fn from(time: Time) -> Cell {
        Cell::Time(time)
    }
}
impl From<u64> for Cell {
    fn from(number: u64) -> Cell {
        Cell::Number(number)
    }
}
impl From<bool> for Cell {
    fn from(yes: bool) -> Cell {
        Cell::Bool(yes)
    }
}
impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}
impl From<IpAddr> for Cell {
    fn from(ip: IpAddr) -> Cell {
        Cell::Text(ip.to_string())
    }
}
impl From<Address> for Cell {
    fn from(address: Address) -> Cell {
        address.ip().into()
    }
}
impl From<&Vec<String>> for Cell {
    fn from(list: &Vec<String>) -> Cell {
        Cell::List(list.clone())
    }
}
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Unset, Into::into)
    }
}

/// A log: its name and its columns.
pub(super) struct Log {
    pub(super) path: &'static str,
    pub(super) columns: &'static [(&'static str, Type)],
}

macro_rules! log {
    ($name:ident = $path:literal [$($column:literal: $kind:ident),* $(,)?]) => {
        const $name: Log = Log {
            path: $path,
            columns: &[
                ("ts", Type::Time),
                ("uid", Type::String),
                ("id.orig_h", Type::Addr),
                ("id.orig_p", Type::Port),
                ("id.resp_h", Type::Addr),
                ("id.resp_p", Type::Port),
                $(($column, Type::$kind),)*
            ],
        };
    };
}

log!(CONN = "conn" ["proto": Enum, "service": String, "duration": Interval, "orig_bytes": Count, "resp_bytes": Count,
    "conn_state": String, "missed_bytes": Count, "orig_pkts": Count, "resp_pkts": Count, "vlan": Count,
    "orig_l2_addr": String, "resp_l2_addr": String, "community_id": String]);
log!(DNS = "dns" ["proto": Enum, "query": String, "answers": Strings, "via": String, "count": Count, "last": Time]);
log!(SSL = "ssl" ["version": String, "server_name": String, "established": Bool, "cert_chain_fps": Strings,
    "client_cert_chain_fps": Strings, "subject": String, "issuer": String]);
log!(HTTP = "http" ["host": String, "uri": String, "count": Count, "last": Time]);
log!(SSH = "ssh" ["auth_success": Bool, "auth_attempts": Count, "client": String, "server": String,
    "cipher_alg": String, "kex_alg": String, "host_key_alg": String, "user": String, "detail": String]);
log!(RDP = "rdp" ["cookie": String, "security_protocol": String, "client_build": String, "user": String,
    "detail": String]);
log!(RFB = "rfb" ["server_major_version": String, "server_minor_version": String, "authentication_method": String,
    "auth": Bool, "user": String, "detail": String]);
log!(WEIRD = "weird" ["name": String, "addl": String, "notice": Bool, "count": Count, "last": Time]);
log!(NOTICE = "notice" ["proto": Enum, "note": Enum, "msg": String, "sub": String, "src": Addr, "dst": Addr,
    "count": Count, "last": Time]);
log!(FILES = "files" ["source": String, "mime_type": String, "filename": String, "is_orig": Bool, "seen_bytes": Count,
    "total_bytes": Count, "missing_bytes": Count, "sha256": String, "count": Count, "last": Time]);
const SOFTWARE: Log = Log {
    path: "software",
    columns: &[
        ("ts", Type::Time),
        ("host", Type::Addr),
        ("software_type", Type::Enum),
        ("unparsed_version", Type::String),
    ],
};

const X509: Log = Log {
    path: "x509",
    columns: &[
        ("ts", Type::Time),
        ("fingerprint", Type::String),
        ("certificate.version", Type::Count),
        ("certificate.serial", Type::String),
        ("certificate.subject", Type::String),
        ("certificate.issuer", Type::String),
        ("certificate.not_valid_before", Type::Time),
        ("certificate.not_valid_after", Type::Time),
        ("certificate.key_alg", Type::String),
        ("certificate.sig_alg", Type::String),
        ("certificate.key_type", Type::String),
        ("certificate.key_length", Type::Count),
        ("certificate.curve", Type::String),
        ("san.dns", Type::Strings),
        ("san.ip", Type::Addrs),
        ("basic_constraints.ca", Type::Bool),
        ("host_cert", Type::Bool),
        ("client_cert", Type::Bool),
    ],
};

fn write(facts: &Facts, to: Place<'_>) -> io::Result<()> {
    let mut pen = Pen {
        to,
        open: BTreeMap::new(),
    };
    let flows = Flows::of(facts);
    conversations(facts, &flows, &mut pen)?;
    names(facts, &flows, &mut pen)?;
    sessions(facts, &mut pen)?;
    for row in &facts.operations {
        control::operation(row, &flows, &mut pen)?;
    }
    for row in &facts.carried_files {
        let flow = flows.find(row.community_id.as_deref(), row.time);
        let ends = Ends::or(flow, row.source, row.target);
        if !ends.are_ip() {
            continue;
        }
        let cells = vec![
            row.protocol.as_str().into(),
            row.mime.as_deref().into(),
            row.path.as_deref().or(row.name.as_deref()).into(),
            (ends.client.0 == row.source).into(),
            row.bytes.into(),
            row.size.into(),
            row.missing.into(),
            row.sha256.as_deref().into(),
            row.count.into(),
            row.last.into(),
        ];
        let head = head(row.time, flow, ends);
        pen.line(&FILES, FILES.path, with(head, cells))?;
    }
    shown(facts, &mut pen)?;
    for row in &facts.identities {
        let Some(ip) = row.ip.filter(|_| row.attribute == "software") else {
            continue;
        };
        let kind = format!("{}::SOFTWARE", row.source.to_uppercase());
        pen.line(
            &SOFTWARE,
            SOFTWARE.path,
            vec![
                row.time.into(),
                ip.into(),
                kind.into(),
                row.value.as_str().into(),
            ],
        )?;
    }
    odd(facts, &mut pen)?;
    pen.finish()
}

fn conversations(facts: &Facts, flows: &Flows<'_>, pen: &mut Pen<'_>) -> io::Result<()> {
    let asked = flows.asked(facts);
    let shown = Shown::of(facts);
    for flow in &facts.conversations {
        let ends = Ends::of(flow);
        if !ends.are_ip() {
            continue;
        }
        let proto = match flow.transport.as_str() {
            "tcp" => "tcp",
            "udp" => "udp",
            "icmp" | "icmp6" => "icmp",
            _ => "unknown_transport",
        };
        let answers = flow.packets_in > 0;
        let duration = flow.last.0.saturating_sub(flow.time.0) as f64 / 1e9;
        let head = head(flow.time, Some(flow), ends);
        pen.line(
            &CONN,
            CONN.path,
            with(
                head,
                vec![
                    proto.into(),
                    flow.protocol.as_deref().map(service).into(),
                    Cell::Seconds(duration),
                    flow.bytes_out.into(),
                    if answers {
                        flow.bytes_in.into()
                    } else {
                        Cell::Unset
                    },
                    state(flow).into(),
                    flow.lost_bytes.into(),
                    flow.packets_out.into(),
                    flow.packets_in.into(),
                    flow.vlan.map(u64::from).into(),
                    flow.client_mac.map(|mac| mac.to_string()).into(),
                    flow.server_mac.map(|mac| mac.to_string()).into(),
                    flow.community_id.as_deref().into(),
                ],
            ),
        )?;
        if matches!(flow.protocol.as_deref(), Some("tls" | "dtls" | "quic")) {
            let version = flow.variant.as_deref().map(|variant| match variant {
                "1.0" => "TLSv10".to_owned(),
                "1.1" => "TLSv11".to_owned(),
                "1.2" => "TLSv12".to_owned(),
                "1.3" => "TLSv13".to_owned(),
                other => other.to_owned(),
            });
            let asked_for = asked.get(&flow.uid.0).copied();
            let [server, client] =
                [false, true].map(|by_client| shown.within(flow, asked_for, by_client));
            let chain = |shown: Option<&Certificate>| match shown {
                Some(row) => Cell::List(vec![row.sha256.clone()]),
                None => Cell::Unset,
            };
            let named = |name: Option<&Option<String>>| {
                let name = name.and_then(Option::as_deref);
                name.map(certificates::turned).into()
            };
            let cells = vec![
                version.into(),
                asked_for.into(),
                (flow.state == "answered" && flow.bytes_in > 0).into(),
                chain(server),
                chain(client),
                named(server.map(|row| &row.subject)),
                named(server.map(|row| &row.issuer)),
            ];
            let head = self::head(flow.time, Some(flow), ends);
            pen.line(&SSL, SSL.path, with(head, cells))?;
        }
    }
    Ok(())
}

/// A line for each certificate that could be read, as it was shown first.
fn shown(facts: &Facts, pen: &mut Pen<'_>) -> io::Result<()> {
    let mut told = BTreeSet::new();
    for row in &facts.certificates {
        let read = row.version.is_some();
        if !read || !told.insert((row.sha256.as_str(), row.by_client)) {
            continue;
        }
        let day = |text: &Option<String>| match text.as_deref().and_then(certificates::seconds) {
            Some(seconds) => Cell::Seconds(seconds),
            None => Cell::Unset,
        };
        let is_address = |name: &&String| name.parse::<IpAddr>().is_ok();
        let (ips, names): (Vec<&String>, Vec<&String>) = row.names.iter().partition(is_address);
        let list = |names: Vec<&String>| match names.is_empty() {
            true => Cell::Unset,
            false => Cell::List(names.into_iter().cloned().collect()),
        };
        let kind = row.key_algorithm.as_deref().map(certificates::key_kind);
        let cells = vec![
            row.time.into(),
            row.sha256.as_str().into(),
            row.version.into(),
            row.serial
                .as_ref()
                .map(|serial| serial.replace(':', ""))
                .into(),
            row.subject.as_deref().map(certificates::turned).into(),
            row.issuer.as_deref().map(certificates::turned).into(),
            day(&row.not_before),
            day(&row.not_after),
            row.key_algorithm.as_deref().into(),
            row.signature.as_deref().into(),
            kind.into(),
            row.key_bits.into(),
            row.curve.as_deref().into(),
            list(names),
            list(ips),
            row.is_ca.into(),
            true.into(),
            row.by_client.into(),
        ];
        pen.line(&X509, X509.path, cells)?;
    }
    Ok(())
}

/// Zeek's names of services, where they differ from the decoders'.
fn service(protocol: &str) -> &str {
    match protocol {
        "tls" | "dtls" => "ssl",
        "vnc" => "rfb",
        "kerberos" => "krb",
        "dnp3" => "dnp3_tcp",
        "mdns" | "llmnr" => "dns",
        "nbns" => "netbios-ns",
        other => other,
    }
}

/// Zeek's `conn_state`, as far as the facts tell it.
fn state(flow: &Conversation) -> &'static str {
    let tcp = flow.transport == "tcp";
    match flow.state.as_str() {
        "refused" if tcp => "REJ",
        "unanswered" if tcp && flow.ended.is_some_and(|ended| ended == "client-closed") => "SH",
        "unanswered" | "one-way" | "refused" => "S0",
        "answered" if !tcp => "SF",
        "answered" if !flow.midstream => match flow.ended.as_deref() {
            Some("closed") => "SF",
            Some("client-closed") => "S2",
            Some("server-closed") => "S3",
            Some("client-reset") => "RSTO",
            Some("server-reset") => "RSTR",
            _ => "S1",
        },
        _ => "OTH",
    }
}

fn names(facts: &Facts, flows: &Flows<'_>, pen: &mut Pen<'_>) -> io::Result<()> {
    for name in &facts.names {
        let flow = flows.of_name(name);
        let ends = Ends::or(flow, name.client, name.server);
        if !ends.are_ip() {
            continue;
        }
        let head = head(name.time, flow, ends);
        match name.via.as_str() {
            "dns" | "mdns" | "llmnr" | "nbns" => {
                let proto = flow.map_or("udp", |flow| flow.transport.as_str());
                let cells = vec![
                    proto.into(),
                    name.name.as_str().into(),
                    (&name.answers).into(),
                    name.via.as_str().into(),
                    name.count.into(),
                    name.last.into(),
                ];
                pen.line(&DNS, DNS.path, with(head, cells))?;
            }
            "http-host" => {
                let cells = vec![
                    name.name.as_str().into(),
                    name.path.as_deref().into(),
                    name.count.into(),
                    name.last.into(),
                ];
                pen.line(&HTTP, HTTP.path, with(head, cells))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn sessions(facts: &Facts, pen: &mut Pen<'_>) -> io::Result<()> {
    let flows: BTreeMap<u64, &Conversation> = facts
        .conversations
        .iter()
        .map(|flow| (flow.uid.0, flow))
        .collect();
    for session in &facts.remote_sessions {
        let detail = session.detail.as_deref();
        let (log, own): (&Log, Vec<Cell>) = match session.protocol.as_str() {
            "ssh" => {
                let ssh = Ssh::of(detail);
                let own = vec![
                    ssh.login.map(|(succeeded, _)| succeeded).into(),
                    ssh.login.map(|(_, tried)| tried).into(),
                    ssh.client.into(),
                    ssh.server.into(),
                    ssh.cipher.into(),
                    ssh.kex.into(),
                    ssh.host_key.into(),
                ];
                (&SSH, own)
            }
            "rdp" => {
                let (security, build) = session::rdp(detail);
                let security = security.map(|security| match security {
                    "rdp" => "RDP",
                    "tls" => "SSL",
                    "nla" => "HYBRID",
                    other => other,
                });
                let own = vec![
                    session.user.as_deref().into(),
                    security.into(),
                    build.into(),
                ];
                (&RDP, own)
            }
            "vnc" => {
                let vnc = Vnc::of(detail);
                let of = |number: u16| format!("{number:03}");
                let own = vec![
                    vnc.version.map(|(major, _)| of(major)).into(),
                    vnc.version.map(|(_, minor)| of(minor)).into(),
                    vnc.method.into(),
                    vnc.authenticated.into(),
                ];
                (&RFB, own)
            }
            _ => continue,
        };
        let flow = flows.get(&session.uid.0).copied();
        let ends = Ends::or(flow, session.client, session.server);
        let mut cells = with(head(session.time, flow, ends), own);
        cells.push(session.user.as_deref().into());
        cells.push(detail.into());
        pen.line(log, log.path, cells)?;
    }
    Ok(())
}

fn odd(facts: &Facts, pen: &mut Pen<'_>) -> io::Result<()> {
    for row in &facts.oddities {
        let [source, target] = [row.source, row.target].map(|end| end.and_then(Address::ip));
        let cells = vec![
            row.time.into(),
            Cell::Unset,
            source.into(),
            Cell::Unset,
            target.into(),
            Cell::Unset,
            row.what.as_str().into(),
            row.detail.as_deref().into(),
            false.into(),
            row.count.into(),
            row.last.into(),
        ];
        pen.line(&WEIRD, WEIRD.path, cells)?;
    }
    for row in &facts.credentials {
        let who = row
            .user
            .as_deref()
            .map_or(String::new(), |user| format!(" of {user}"));
        let msg = format!(
            "a {}{who} crossed the wire in clear text by {}",
            row.what, row.protocol
        );
        let cells = vec![
            row.time.into(),
            Cell::Unset,
            row.client.into(),
            Cell::Unset,
            row.server.into(),
            Cell::Unset,
            Cell::Unset,
            "Seawall::Clear_Text_Credential".into(),
            msg.into(),
            row.user.as_deref().into(),
            row.client.into(),
            row.server.into(),
            row.count.into(),
            row.last.into(),
        ];
        pen.line(&NOTICE, NOTICE.path, cells)?;
    }
    Ok(())
}

/// The columns that nearly all logs begin with.
pub(super) fn head(time: Time, flow: Option<&Conversation>, ends: Ends) -> Vec<Cell> {
    // Zeek's connections always have ports; what has none counts as port 0.
    let port = |port: Option<u16>| match (port, flow) {
        (None, None) => Cell::Unset,
        (port, _) => Cell::Number(u64::from(port.unwrap_or(0))),
    };
    vec![
        time.into(),
        flow.map(|flow| format!("C{}", flow.uid)).into(),
        ends.client.0.into(),
        port(ends.client.1),
        ends.server.0.into(),
        port(ends.server.1),
    ]
}

pub(super) fn with(mut head: Vec<Cell>, cells: Vec<Cell>) -> Vec<Cell> {
    head.extend(cells);
    head
}

pub(super) struct Pen<'o> {
    to: Place<'o>,
    open: BTreeMap<String, io::BufWriter<std::fs::File>>,
}

impl Pen<'_> {
    pub(super) fn line(&mut self, log: &Log, path: &str, cells: Vec<Cell>) -> io::Result<()> {
        match &mut self.to {
            Place::Json(out) => {
                let mut object = Map::new();
                object.insert("_path".to_owned(), path.into());
                for ((name, _), cell) in log.columns.iter().zip(cells) {
                    // As Zeek's JSON writer does, what is not set is left out.
                    if let Some(value) = json(cell) {
                        object.insert((*name).to_owned(), value);
                    }
                }
                serde_json::to_writer(&mut **out, &object)?;
                out.write_all(b"\n")
            }
            Place::Folder(folder) => {
                if !self.open.contains_key(path) {
                    let file = std::fs::File::create(folder.join(format!("{path}.log")))?;
                    let mut file = io::BufWriter::new(file);
                    file.write_all(begin(log, path).as_bytes())?;
                    self.open.insert(path.to_owned(), file);
                }
                let Some(file) = self.open.get_mut(path) else {
                    return Ok(());
                };
                let cells: Vec<String> = cells.into_iter().map(text).collect();
                writeln!(file, "{}", cells.join("\t"))
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        for (_, mut file) in self.open {
            file.flush()?;
        }
        match self.to {
            Place::Json(out) => out.flush(),
            Place::Folder(_) => Ok(()),
        }
    }
}

/// The lines that a log file of Zeek begins with.
fn begin(log: &Log, path: &str) -> String {
    let names: Vec<&str> = log.columns.iter().map(|(name, _)| *name).collect();
    let types: Vec<&str> = log.columns.iter().map(|(_, kind)| kind.name()).collect();
    format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n#fields\t{}\n#types\t{}\n",
        names.join("\t"),
        types.join("\t")
    )
}

fn epoch(time: Time) -> f64 {
    time.0 as f64 / 1e9
}

fn json(cell: Cell) -> Option<Json> {
    Some(match cell {
        Cell::Unset => return None,
        Cell::Time(time) => ((epoch(time) * 1e6).round() / 1e6).into(),
        Cell::Seconds(seconds) => seconds.into(),
        Cell::Text(text) => text.into(),
        Cell::Number(number) => number.into(),
        Cell::Bool(yes) => yes.into(),
        Cell::List(list) => list.into(),
    })
}

pub(super) fn text(cell: Cell) -> String {
    match cell {
        Cell::Unset => "-".to_owned(),
        Cell::Time(time) => format!("{:.6}", epoch(time)),
        Cell::Seconds(seconds) => format!("{seconds:.6}"),
        Cell::Text(text) if text.is_empty() => "(empty)".to_owned(),
        // A lone dash would read as unset, and words in brackets as empty.
        Cell::Text(text) if text == "-" => "\\x2d".to_owned(),
        Cell::Text(text) => escaped(&text, false),
        Cell::Number(number) => number.to_string(),
        Cell::Bool(yes) => if yes { "T" } else { "F" }.to_owned(),
        Cell::List(list) if list.is_empty() => "(empty)".to_owned(),
        Cell::List(list) => {
            let list: Vec<String> = list.iter().map(|text| escaped(text, true)).collect();
            list.join(",")
        }
    }
}

/// Control characters, the separators and the backslash as `\xNN`, as Zeek writes them.
fn escaped(text: &str, in_list: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || c == '\\' || (in_list && c == ',') {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("\\x{byte:02x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn what_would_break_a_line_is_escaped() {
    assert_eq!(text(Cell::Text("a\tb\\".to_owned())), "a\\x09b\\x5c");
    assert_eq!(
        text(Cell::List(vec!["a,b".to_owned(), "c".to_owned()])),
        "a\\x2cb,c"
    );
    assert_eq!(text(Cell::Text("-".to_owned())), "\\x2d");
    assert_eq!(text(Cell::Text(String::new())), "(empty)");
}
