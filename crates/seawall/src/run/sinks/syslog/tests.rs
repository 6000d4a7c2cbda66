use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use report::events::{Format, Severity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::super::testing::{event, folder, origin};
use super::super::{Counts, Sink};
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// A message of RFC 5424, section 6, taken apart by its grammar and by nothing more lenient.
#[derive(Debug)]
struct Parsed {
    priority: u16,
    timestamp: String,
    host: String,
    app: String,
    process: String,
    kind: String,
    data: Vec<(String, String)>,
    body: Vec<u8>,
}

fn parse(message: &[u8]) -> Parsed {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let rest = text.strip_prefix('<').unwrap();
    let (priority, rest) = rest.split_once('>').unwrap();
    assert!((1..=3).contains(&priority.len()) && (priority == "0" || !priority.starts_with('0')));
    let rest = rest.strip_prefix("1 ").expect("version 1");
    let mut words = rest.splitn(6, ' ');
    let mut word = |most: usize| {
        let word = words.next().unwrap().to_owned();
        assert!((1..=most).contains(&word.len()), "{word}");
        assert!(
            word.bytes().all(|byte| (33..=126).contains(&byte)),
            "{word}"
        );
        word
    };
    let (timestamp, host, app, process, kind) =
        (word(32), word(255), word(48), word(128), word(32));
    let (seconds, fraction) = timestamp.split_once('.').unwrap();
    assert_eq!(seconds.len(), "2026-11-21T07:12:44".len());
    assert!(
        fraction.ends_with('Z') && (2..=7).contains(&fraction.len()),
        "{timestamp}"
    );
    let rest = words.next().unwrap();
    let mut chars = rest
        .strip_prefix("[seawall@32473")
        .expect("one element")
        .char_indices();
    let rest = rest.strip_prefix("[seawall@32473").unwrap();
    let mut data = Vec::new();
    let end = loop {
        match chars.next().unwrap() {
            (at, ']') => break at,
            (at, ' ') => {
                let (name, _) = rest.get(at + 1..).unwrap().split_once("=\"").unwrap();
                assert!(
                    (1..=32).contains(&name.len())
                        && name.bytes().all(|b| b.is_ascii_alphanumeric()),
                    "{name}"
                );
                chars.nth(name.len() + 1);
                let mut value = String::new();
                loop {
                    match chars.next().unwrap().1 {
                        '"' => break,
                        '\\' => {
                            let escaped = chars.next().unwrap().1;
                            assert!(matches!(escaped, '"' | '\\' | ']'));
                            value.push(escaped);
                        }
                        ']' => panic!("unescaped ] in {name}"),
                        c => value.push(c),
                    }
                }
                data.push((name.to_owned(), value));
            }
            (_, c) => panic!("{c} in the structured data: {rest}"),
        }
    };
    let body = rest
        .get(end + 1..)
        .unwrap()
        .strip_prefix(' ')
        .unwrap()
        .as_bytes()
        .to_vec();
    Parsed {
        priority: priority.parse().unwrap(),
        timestamp,
        host,
        app,
        process,
        kind,
        data,
        body,
    }
}

/// Takes octet-counted messages off a stream until it ends.
fn unframe(mut stream: impl Read, mut each: impl FnMut(Vec<u8>) -> bool) {
    loop {
        let mut length = Vec::new();
        let mut byte = [0u8; 1];
        while let Ok(1) = stream.read(&mut byte) {
            if byte == *b" " {
                break;
            }
            length.push(byte[0]);
        }
        let Ok(length) = String::from_utf8(length).unwrap().parse::<usize>() else {
            return;
        };
        let mut message = vec![0u8; length];
        if stream.read_exact(&mut message).is_err() || !each(message) {
            return;
        }
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let end = crate::clock::monotonic() + PATIENCE;
    while !done() {
        assert!(crate::clock::monotonic() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn config(transport: Transport, address: SocketAddr) -> SyslogConfig {
    SyslogConfig {
        transport,
        address: address.to_string(),
        facility: Facility::default(),
        format: Format::Text,
    }
}

#[test]
fn a_datagram_is_a_message_of_rfc_5424() {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let received = |config: SyslogConfig, origin: &Origin| {
        let mut sink = Syslog::open(config).unwrap();
        sink.send(&[event(1)], origin).unwrap();
        let mut bytes = vec![0u8; 65_536];
        let length = socket.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        sink.drain(PATIENCE);
        assert_eq!(
            sink.counts(),
            Counts {
                sent: 1,
                lost: 0,
                waiting: 0,
                working: true
            }
        );
        parse(&bytes)
    };
    let address = socket.local_addr().unwrap();
    let mut deceiving = origin();
    deceiving.terminal = "a \"b\\ ]c\n".to_owned();
    deceiving.host = "not a host\u{202e}".to_owned();
    let message = received(config(Transport::Udp, address), &deceiving);
    assert_eq!(event(1).severity, Severity::Medium);
    assert_eq!(message.priority, 16 * 8 + 4);
    assert_eq!(message.timestamp, "2026-11-21T07:12:45.123456Z");
    assert_eq!(
        (message.host.as_str(), message.app.as_str()),
        ("notahost", "seawall")
    );
    assert_eq!(message.process, std::process::id().to_string());
    assert_eq!(message.kind, "drops");
    let value = |name: &str| {
        message
            .data
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(
        (value("about"), value("severity"), value("id")),
        ("eth1".to_owned(), "medium".to_owned(), event(1).id)
    );
    assert_eq!(value("terminal"), "a \"b\\ ]c");
    let text = message
        .body
        .strip_prefix(b"\xef\xbb\xbf")
        .expect("text says that it is UTF-8");
    assert_eq!(text, Format::Text.line(&event(1), &origin()).as_bytes());

    let mut json = config(Transport::Udp, address);
    (json.format, json.facility) = (Format::Ocsf, Facility::parse("daemon").unwrap());
    let mut origin = origin();
    origin.terminal = "上海 🏗".to_owned();
    let message = received(json, &origin);
    assert_eq!(message.priority, 3 * 8 + 4);
    assert!(
        message.body.is_ascii(),
        "JSON has no byte order mark and needs none"
    );
    let tree: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(tree["unmapped"]["terminal"], "上海 🏗");
}

#[test]
fn a_body_too_long_for_a_message_becomes_the_line_for_people() {
    let mut long = origin();
    long.terminal = "ü".repeat(9_000);
    let message = message::message(&event(1), &long, Facility::default(), Format::Ecs);
    assert!(message.len() <= message::MOST);
    let parsed = parse(&message);
    let text = parsed.body.strip_prefix(b"\xef\xbb\xbf").unwrap();
    assert_eq!(text, Format::Text.line(&event(1), &long).as_bytes());
}

#[test]
fn a_server_that_was_away_gets_what_waited_and_how_many_are_lost() {
    let address = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let mut sink = Syslog::open(config(Transport::Tcp, address)).unwrap();
    sink.send(&[event(0)], &origin()).unwrap();
    until("the refusal", || sink.problem().is_some());
    let problem = sink.problem().unwrap();
    assert!(
        problem.starts_with(&format!("{address} cannot be reached: ")),
        "{problem}"
    );
    assert!(!sink.counts().working);
    let events: Vec<Event> = (1..=10_004).map(event).collect();
    sink.send(&events, &origin()).unwrap();
    assert_eq!((sink.counts().lost, sink.counts().waiting), (5, 10_000));

    let listener = TcpListener::bind(address).unwrap();
    sink.reopen();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut messages = Vec::new();
    unframe(&stream, |message| {
        messages.push(parse(&message));
        messages.len() < 10_001
    });
    assert_eq!(messages[0].kind, "events-lost");
    let told = String::from_utf8(messages[0].body.clone()).unwrap();
    assert!(
        told.contains("5 events could not be delivered here while this server was away"),
        "{told}"
    );
    assert!(
        String::from_utf8(messages[1].body.clone())
            .unwrap()
            .contains("number 5."),
        "the oldest are gone"
    );
    assert!(
        String::from_utf8(messages[10_000].body.clone())
            .unwrap()
            .contains("number 10004.")
    );
    sink.drain(PATIENCE);
    assert_eq!(
        sink.counts(),
        Counts {
            sent: 10_000,
            lost: 5,
            waiting: 0,
            working: true
        }
    );
    assert_eq!(sink.problem(), None);

    // The server hangs up and comes back: the next event finds out before it is spent.
    drop(stream);
    std::thread::sleep(Duration::from_millis(50));
    sink.send(&[event(7)], &origin()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut again = None;
    unframe(&stream, |message| {
        again = Some(parse(&message));
        false
    });
    assert!(
        String::from_utf8(again.unwrap().body)
            .unwrap()
            .contains("number 7.")
    );
}

/// Certificates for one test, made by it.
struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Authority { folder, issuer }
    }

    fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Certificate and key for a name or an address.
    fn issue(&self, name: &str) -> Client {
        let mut params = CertificateParams::default();
        let name = match name.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(name.try_into().unwrap()),
        };
        params.subject_alt_names.push(name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let number = std::fs::read_dir(&self.folder).unwrap().count();
        let client = Client {
            certificate: self.folder.join(format!("{number}.crt")),
            key: self.folder.join(format!("{number}.key")),
        };
        std::fs::write(&client.certificate, certificate.pem()).unwrap();
        std::fs::write(&client.key, key.serialize_pem()).unwrap();
        client
    }
}

/// A log server that speaks TLS, for as long as the test wants; gives the messages.
fn tls_server(own: &Client, asks: Option<&Authority>) -> (SocketAddr, Receiver<Parsed>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match asks {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(authority.ca()).unwrap())
                .unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let certificate = CertificateDer::from_pem_file(&own.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
    let config = Arc::new(builder.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream: rustls::StreamOwned<ServerConnection, TcpStream> =
                rustls::StreamOwned::new(session, stream.unwrap());
            unframe(&mut stream, |message| send.send(parse(&message)).is_ok());
            let _ = stream.flush();
        }
    });
    (address, receive)
}

fn tls(ca: PathBuf, client: Option<Client>, server_name: Option<&str>) -> Transport {
    Transport::Tls {
        ca,
        client,
        server_name: server_name.map(str::to_owned),
    }
}

/// Sends one event; gives what the server got, or what the sink complains of.
fn try_tls(
    address: SocketAddr,
    receive: &Receiver<Parsed>,
    transport: Transport,
) -> Result<Parsed, String> {
    let mut sink = Syslog::open(config(transport, address)).unwrap();
    sink.send(&[event(3)], &origin()).unwrap();
    until("success or complaint", || {
        sink.counts().sent == 1 || sink.problem().is_some()
    });
    match sink.problem() {
        None => Ok(receive.recv_timeout(PATIENCE).unwrap()),
        Some(problem) => {
            assert!(
                receive.try_recv().is_err(),
                "nothing is told to who is not trusted"
            );
            assert_eq!((sink.counts().sent, sink.counts().waiting), (0, 1));
            Err(problem)
        }
    }
}

#[test]
fn over_tls_only_the_server_that_the_authority_vouches_for_is_told() {
    let folder = folder("tls");
    let (ours, other) = (
        Authority::new(&folder, "ours"),
        Authority::new(&folder, "other"),
    );
    let (address, receive) = tls_server(&ours.issue("127.0.0.1"), None);
    let message = try_tls(address, &receive, tls(ours.ca(), None, None)).unwrap();
    assert_eq!((message.kind.as_str(), message.priority), ("drops", 132));

    let refused = try_tls(address, &receive, tls(other.ca(), None, None)).unwrap_err();
    let expected = format!(
        "{address} is not trusted, or trusts us not: no certificate authority in {} has signed its certificate; give \
         the file of the one that did",
        other.ca().display()
    );
    assert_eq!(refused, expected);

    let refused = try_tls(
        address,
        &receive,
        tls(ours.ca(), None, Some("logs.example")),
    )
    .unwrap_err();
    assert!(
        refused
            .ends_with("its certificate is for another name; give the name in it as server name"),
        "{refused}"
    );

    let (address, receive) = tls_server(&ours.issue("logs.example"), None);
    assert!(
        try_tls(
            address,
            &receive,
            tls(ours.ca(), None, Some("logs.example"))
        )
        .is_ok()
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_server_that_hangs_or_hangs_up_is_told_as_that_and_not_as_one_that_is_not_trusted() {
    let folder = folder("hangs");
    let ours = Authority::new(&folder, "ours");
    for (hangs_up, said) in [
        (true, "is reached and does not begin TLS: "),
        (
            false,
            "it took or answered nothing for 10 s; see whether it hangs",
        ),
    ] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            match hangs_up {
                true => None,
                false => Some((listener, stream)),
            }
        });
        let mut sink = Syslog::open(config(tls(ours.ca(), None, None), address)).unwrap();
        sink.send(&[event(3)], &origin()).unwrap();
        let _held = server.join().unwrap();
        until("it is told", || {
            sink.problem().is_some_and(|problem| problem.contains(said))
        });
        assert_eq!((sink.counts().sent, sink.counts().waiting), (0, 1));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it_or_its_refusal_is_told() {
    let folder = folder("client");
    let (ours, other) = (
        Authority::new(&folder, "ours"),
        Authority::new(&folder, "other"),
    );
    let (address, receive) = tls_server(&ours.issue("127.0.0.1"), Some(&ours));
    let sensor = ours.issue("seawall1.example");
    assert!(
        try_tls(
            address,
            &receive,
            tls(ours.ca(), Some(sensor.clone()), None)
        )
        .is_ok()
    );
    for client in [None, Some(other.issue("seawall1.example"))] {
        let refused = try_tls(address, &receive, tls(ours.ca(), client, None)).unwrap_err();
        assert!(refused.contains("it turned us away ("), "{refused}");
    }
    let wrong = |transport| {
        Syslog::open(config(transport, address))
            .unwrap_err()
            .to_string()
    };
    let mixed = Client {
        certificate: sensor.certificate,
        key: other.issue("a.example").key,
    };
    assert!(wrong(tls(ours.ca(), Some(mixed), None)).contains("certificate and key do not fit"));
    let empty = folder.join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(
        wrong(tls(empty.clone(), None, None)),
        format!(
            "{} cannot be used for TLS: expected certificates as PEM, found none",
            empty.display()
        )
    );
    assert!(
        wrong(tls(folder.join("none.pem"), None, None))
            .contains("none.pem cannot be used for TLS: expected certificates as PEM: ")
    );
    std::fs::remove_dir_all(folder).unwrap();
}
