//! The connection to a log server, with its framing and its proofs.
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore};

use super::super::Error;
use super::{SyslogConfig, Transport};

/// For a connection, a handshake, a write: a server that takes longer is taken for away.
const PATIENCE: Duration = Duration::from_secs(10);
/// For a server's objection to the client's certificate, which in TLS 1.3 comes after the handshake.
const OBJECTION: Duration = Duration::from_millis(300);

/// How to reach the server.
#[derive(Debug)]
pub(super) struct Way {
    config: SyslogConfig,
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// A way that was gone.
#[derive(Debug)]
pub(super) enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<Tls>),
}

#[derive(Debug)]
pub(super) struct Tls {
    session: ClientConnection,
    stream: TcpStream,
    /// For messages: whose certificate was asked of whom.
    ca: String,
}

impl Way {
    pub(super) fn new(config: &SyslogConfig) -> Result<Way, Error> {
        let port = match config.transport {
            Transport::Udp => 514,
            Transport::Tcp => 601,
            Transport::Tls { .. } => 6514,
        };
        let wrong = |problem: &str| Error::Address {
            address: config.address.clone(),
            problem: problem.to_owned(),
        };
        let (host, port) = host_and_port(&config.address, port)
            .ok_or_else(|| wrong("expected host, host:port, or [IPv6 address]:port"))?;
        let tls = match &config.transport {
            Transport::Udp | Transport::Tcp => None,
            Transport::Tls { server_name, .. } => {
                let name = server_name.clone().unwrap_or_else(|| host.clone());
                let name = ServerName::try_from(name)
                    .map_err(|_| wrong("the server's name is no DNS name and no IP address"))?;
                Some((Arc::new(client(&config.transport)?), name))
            }
        };
        Ok(Way {
            config: config.clone(),
            host,
            port,
            tls,
        })
    }

    /// Reads the certificates anew.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        if let Some((config, _)) = &mut self.tls {
            *config = Arc::new(client(&self.config.transport).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// A new connection; the error is a sentence that says what to look at.
    pub(super) fn connect(&self) -> Result<Line, String> {
        let failed =
            |error: io::Error| format!("{} cannot be reached: {error}", self.config.address);
        let addresses: Vec<SocketAddr> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(failed)?
            .collect();
        if matches!(self.config.transport, Transport::Udp) {
            return udp(&addresses).map(Line::Udp).map_err(failed);
        }
        let stream = tcp(&addresses).map_err(failed)?;
        let Some((config, name)) = &self.tls else {
            return Ok(Line::Tcp(stream));
        };
        let ca = match &self.config.transport {
            Transport::Tls { ca, .. } => ca.display().to_string(),
            Transport::Udp | Transport::Tcp => String::new(),
        };
        let session = ClientConnection::new(Arc::clone(config), name.clone())
            .map_err(|error| format!("{}: {error}", self.config.address))?;
        let mut tls = Tls {
            session,
            stream,
            ca,
        };
        tls.handshake().map_err(|error| {
            let how = match error
                .get_ref()
                .is_some_and(|inner| inner.is::<rustls::Error>())
            {
                true => "is not trusted, or trusts us not",
                false => "is reached and does not begin TLS",
            };
            format!("{} {how}: {}", self.config.address, tls.told(&error))
        })?;
        Ok(Line::Tls(Box::new(tls)))
    }
}

impl Line {
    /// Whether the other end still listens, as far as it has said.
    pub(super) fn check(&mut self) -> Result<(), String> {
        match self {
            Line::Udp(_) => Ok(()),
            Line::Tcp(stream) => heard(stream).map_err(|error| error.to_string()),
            Line::Tls(tls) => {
                let heard = nonblocking(&tls.stream).and_then(|()| tls.hear(false));
                let heard = heard.and_then(|()| blocking(&tls.stream));
                heard.map_err(|error| tls.told(&error))
            }
        }
    }

    /// One message: a datagram (RFC 5426), or its length before it (octet counting; RFC 5425, 4.3 and RFC 6587, 3.4.1).
    pub(super) fn send(&mut self, message: &[u8]) -> Result<(), String> {
        let mut framed = format!("{} ", message.len()).into_bytes();
        framed.extend_from_slice(message);
        match self {
            // What comes as an error is that the one before was turned away; this one deserves its own try.
            Line::Udp(socket) => {
                let sent = socket.send(message).or_else(|_| socket.send(message));
                sent.map(drop).map_err(|error| error.to_string())
            }
            Line::Tcp(stream) => stream.write_all(&framed).map_err(|error| words(&error)),
            Line::Tls(tls) => {
                let mut stream = rustls::Stream::new(&mut tls.session, &mut tls.stream);
                let sent = stream.write_all(&framed).and_then(|()| stream.flush());
                sent.map_err(|error| tls.told(&error))
            }
        }
    }
}

impl Tls {
    fn handshake(&mut self) -> io::Result<()> {
        while self.session.is_handshaking() {
            self.session.complete_io(&mut self.stream)?;
        }
        self.stream.set_read_timeout(Some(OBJECTION))?;
        let heard = self.hear(true);
        self.stream.set_read_timeout(Some(PATIENCE))?;
        heard
    }

    /// Reads what there is: session tickets, an alert, the end. Log servers say nothing else; if one does, it is dropped.
    /// `once` where reading waits: what comes after the first answer is heard before the next message.
    fn hear(&mut self, once: bool) -> io::Result<()> {
        loop {
            match self.session.read_tls(&mut self.stream) {
                Ok(0) => return Err(closed()),
                Ok(_) => {}
                Err(error) if is_silence(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
            let state = self
                .session
                .process_new_packets()
                .map_err(io::Error::other)?;
            if state.peer_has_closed() {
                return Err(closed());
            }
            let mut waste = [0u8; 512];
            while matches!(self.session.reader().read(&mut waste), Ok(length) if length > 0) {}
            if once {
                return Ok(());
            }
        }
    }

    /// The error in words that say what to look at.
    fn told(&self, error: &io::Error) -> String {
        let tls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => format!(
                "no certificate authority in {} has signed its certificate; give the file of the one that did",
                self.ca
            ),
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {
                "its certificate is for another name; give the name in it as server name".to_owned()
            }
            Some(rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => "its certificate has expired; renew it, or set the clock".to_owned(),
            Some(rustls::Error::AlertReceived(alert)) => {
                format!(
                    "it turned us away ({alert:?}); see whether it wants a client certificate, and which"
                )
            }
            Some(other) => other.to_string(),
            None => words(error),
        }
    }
}

/// What went wrong on the line; a wait that is over is no fault of this machine's.
fn words(error: &io::Error) -> String {
    match is_silence(error) {
        true => format!(
            "it took or answered nothing for {} s; see whether it hangs, and what listens at that port",
            PATIENCE.as_secs()
        ),
        false => error.to_string(),
    }
}

impl Drop for Tls {
    /// Says that this is the end (RFC 5425, 4.4), so that the server can tell it from a line that was cut.
    fn drop(&mut self) {
        self.session.send_close_notify();
        let _ = blocking(&self.stream);
        let _ = self.session.write_tls(&mut self.stream);
    }
}

/// Plain TCP: what comes is dropped, an end is an end.
fn heard(stream: &mut TcpStream) -> io::Result<()> {
    nonblocking(stream)?;
    let mut waste = [0u8; 512];
    let heard = loop {
        match stream.read(&mut waste) {
            Ok(0) => break Err(closed()),
            Ok(_) => {}
            Err(error) if is_silence(&error) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    blocking(stream)?;
    heard
}

fn nonblocking(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)
}

fn blocking(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)
}

fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the other end closed the connection",
    )
}

fn udp(addresses: &[SocketAddr]) -> io::Result<UdpSocket> {
    let mut failed = no_address();
    for address in addresses {
        let any: SocketAddr = if address.is_ipv4() {
            ([0, 0, 0, 0], 0).into()
        } else {
            ([0u16; 8], 0).into()
        };
        match UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket)) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn tcp(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = no_address();
    for address in addresses {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

fn host_and_port(address: &str, default: u16) -> Option<(String, u16)> {
    if let Ok(socket) = address.parse::<SocketAddr>() {
        return Some((socket.ip().to_string(), socket.port()));
    }
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some((ip.to_string(), default));
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (address, default),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.chars().all(plain)).then(|| (host.to_owned(), port))
}

/// The configuration of one connection, from the files that it names.
fn client(transport: &Transport) -> Result<ClientConfig, Error> {
    let Transport::Tls { ca, client, .. } = transport else {
        return Err(unusable(Path::new(""), "the transport is not TLS"));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(ca, &error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(ca, &error.to_string()))?
        .with_root_certificates(roots);
    let Some(client) = client else {
        return Ok(builder.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_file(&client.key).map_err(|error| {
        unusable(
            &client.key,
            &format!("expected a private key as PEM: {error}"),
        )
    })?;
    builder
        .with_client_auth_cert(certificates(&client.certificate)?, key)
        .map_err(|error| {
            unusable(
                &client.certificate,
                &format!("certificate and key do not fit: {error}"),
            )
        })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found =
        read.map_err(|error| unusable(path, &format!("expected certificates as PEM: {error}")))?;
    if found.is_empty() {
        return Err(unusable(path, "expected certificates as PEM, found none"));
    }
    Ok(found)
}

fn unusable(path: &Path, problem: &str) -> Error {
    Error::Tls {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

#[test]
fn addresses_are_read_with_and_without_a_port() {
    let read = |address| host_and_port(address, 6514).map(|(host, port)| format!("{host} {port}"));
    for (address, expected) in [
        ("logs.example", "logs.example 6514"),
        ("logs.example:10514", "logs.example 10514"),
        ("192.0.2.7", "192.0.2.7 6514"),
        ("192.0.2.7:514", "192.0.2.7 514"),
        ("2001:db8::7", "2001:db8::7 6514"),
        ("[2001:db8::7]", "2001:db8::7 6514"),
        ("[2001:db8::7]:514", "2001:db8::7 514"),
    ] {
        assert_eq!(read(address).as_deref(), Some(expected), "{address}");
    }
    for address in [
        "",
        ":514",
        "logs.example:",
        "logs.example:syslog",
        "tls://logs.example",
        "logs example",
    ] {
        assert_eq!(read(address), None, "{address}");
    }
}
