//! Telnet: option negotiation and a login in clear text.
use crate::net::{MILLI, Network, Tcp};

pub const PORT: u16 = 23;

pub fn login(
    net: &mut Network,
    tcp: &mut Tcp,
    banner: &str,
    user: &str,
    password: &str,
    commands: &[(&str, &str)],
) {
    // server: will echo, will suppress go-ahead, do window size; client: do echo, do suppress go-ahead, won't window size
    tcp.answer(net, &[0xff, 0xfb, 0x01, 0xff, 0xfb, 0x03, 0xff, 0xfd, 0x1f]);
    tcp.pause(2 * MILLI);
    tcp.ask(net, &[0xff, 0xfd, 0x01, 0xff, 0xfd, 0x03, 0xff, 0xfc, 0x1f]);
    tcp.pause(5 * MILLI);
    tcp.answer(net, format!("\r\n{banner}\r\nlogin: ").as_bytes());
    tcp.pause(900 * MILLI);
    tcp.exchange(
        net,
        format!("{user}\r\n").as_bytes(),
        format!("{user}\r\nPassword: ").as_bytes(),
    );
    tcp.pause(900 * MILLI);
    tcp.exchange(net, format!("{password}\r\n").as_bytes(), b"\r\n> ");
    for (command, output) in commands {
        tcp.pause(1_200 * MILLI);
        tcp.exchange(
            net,
            format!("{command}\r\n").as_bytes(),
            format!("{command}\r\n{output}\r\n> ").as_bytes(),
        );
    }
}
