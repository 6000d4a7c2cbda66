//! HTTP/1.1 in the clear: request and answer.
use crate::net::{Host, MILLI, Micros, Network, Tcp};

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    /// More header lines, each ended by CR LF.
    pub headers: &'a str,
    pub body: &'a str,
}

pub fn text(request: Request<'_>) -> String {
    let Request {
        method,
        host,
        path,
        headers,
        body,
    } = request;
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: exchange-client/3.1\r\nAccept: */*\r\n{headers}{length}\r\n{body}"
    )
}

pub fn answer(kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}",
        body.len()
    )
}

/// A connection of its own for one request, answered by a body of that kind.
pub fn once(
    net: &mut Network,
    at: Micros,
    client: Host,
    server: Host,
    port: u16,
    request: Request<'_>,
    (kind, body): (&str, &str),
) {
    let mut tcp = Tcp::open(net, at, client, server, port);
    tcp.ask(net, text(request).as_bytes());
    tcp.pause(20 * MILLI);
    tcp.answer(net, answer(kind, body).as_bytes());
    tcp.close(net);
}
