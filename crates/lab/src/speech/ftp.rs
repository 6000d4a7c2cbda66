//! FTP: login in clear text, passive mode, one file over its own connection.
use crate::net::{Host, MILLI, Micros, Network, Tcp};

pub const PORT: u16 = 21;

/// Logs in and fetches (`RETR`) or stores (`STOR`) one file.
pub fn transfer(
    net: &mut Network,
    at: Micros,
    client: Host,
    server: Host,
    login: (&str, &str),
    store: bool,
    file: (&str, &[u8]),
) {
    let mut tcp = Tcp::open(net, at, client, server, PORT);
    tcp.answer(net, b"220 file service ready\r\n");
    let ((user, password), (file, content)) = (login, file);
    let verb = if store { "STOR" } else { "RETR" };
    let port: u16 = 50_010;
    let [a, b, c, d] = server.ip.octets();
    let passive = format!(
        "227 Entering Passive Mode ({a},{b},{c},{d},{},{}).\r\n",
        port / 256,
        port % 256
    );
    for (ask, answer) in [
        (
            format!("USER {user}\r\n"),
            "331 password required\r\n".to_owned(),
        ),
        (
            format!("PASS {password}\r\n"),
            "230 logged in\r\n".to_owned(),
        ),
        ("TYPE I\r\n".to_owned(), "200 type set to I\r\n".to_owned()),
        ("PASV\r\n".to_owned(), passive),
    ] {
        tcp.pause(30 * MILLI);
        tcp.exchange(net, ask.as_bytes(), answer.as_bytes());
    }
    tcp.pause(5 * MILLI);
    let mut data = Tcp::open(net, tcp.now(), client, server, port);
    tcp.until(data.now());
    tcp.exchange(
        net,
        format!("{verb} {file}\r\n").as_bytes(),
        b"150 opening data connection\r\n",
    );
    data.until(tcp.now());
    if store {
        data.ask(net, content);
        data.close(net);
    } else {
        data.answer(net, content);
        data.close_by(net, crate::net::Side::Server);
    }
    tcp.until(data.now());
    tcp.answer(net, b"226 transfer complete\r\n");
    tcp.exchange(net, b"QUIT\r\n", b"221 goodbye\r\n");
    tcp.close(net);
}
