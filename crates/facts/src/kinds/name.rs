use std::net::IpAddr;

use crate::{Address, Mac, Time, kind};

kind! {
    /// A name that a host looked up, asked for, or was shown.
    Name = "name" {
        /// First time.
        time: Time => first,
        /// Last time.
        last: Time => last,
        /// How many times.
        count: u64 => sum,
        /// Host that used the name.
        client: Address,
        /// MAC address that carried its packet.
        client_mac: Option<Mac> => opening,
        /// Host that was asked: resolver, TLS or HTTP server.
        server: Address,
        /// VLAN in which it was seen.
        vlan: Option<u16>,
        /// The name, in lower case, without the final dot.
        name: String,
        /// Where it was seen: `dns`, `mdns`, `llmnr`, `nbns`, `tls-sni`, `tls-certificate`, `http-host`,
        /// `opcua-endpoint`, `kerberos` (host of a service asked for), `socks` (asked of a proxy), `soap` (namespace of
        /// a service that was called), `xml-element` (one that only the messages of one exchange have).
        via: String,
        /// Path of the request (`http-host`), operation (`soap`), type of message (`xml-element`).
        path: Option<String>,
        /// Addresses and aliases that the answer gave.
        answers: Vec<String> => join,
        /// Whether it was answered; null where answers are not expected.
        answered: Option<bool> => any,
        /// Judged: bytes that the client sent to the server in the conversation that carried the name (`tls-sni`,
        /// `http-host`, `socks`); null where that was carried by another, whose bytes count already.
        bytes_out: Option<u64>,
        /// Community ID of the conversation that carried it.
        community_id: Option<String>,
        /// Judged: asset of the client, else its address.
        client_asset: Option<String>,
        /// Judged: zone of the client.
        client_zone: Option<String>,
        /// Judged: watched platform to which the name belongs, matched by DNS label.
        platform: Option<String>,
        /// Judged: third party to which the name belongs.
        party: Option<String>,
    }
}

impl Name {
    /// Whether `name` is `domain` or below it, label by label: `api.logink.cn` is below `logink.cn`,
    /// `mylogink.cn` and `logink.cn.example` are not. Case and a final dot do not count.
    pub fn is_within(name: &str, domain: &str) -> bool {
        let mut labels = name.trim_end_matches('.').rsplit('.');
        domain.trim_end_matches('.').rsplit('.').all(|wanted| {
            labels
                .next()
                .is_some_and(|label| label.eq_ignore_ascii_case(wanted))
        })
    }

    /// The addresses among the answers.
    pub fn answer_ips(&self) -> impl Iterator<Item = IpAddr> {
        self.answers.iter().filter_map(|answer| answer.parse().ok())
    }
}

#[test]
fn names_match_by_label_never_by_substring() {
    for name in ["logink.cn", "API.logink.cn", "a.b.logink.cn."] {
        assert!(Name::is_within(name, "logink.cn"), "{name}");
    }
    for name in [
        "mylogink.cn",
        "logink.cn.example",
        "cn",
        "",
        "login.cn",
        "loginkcn",
    ] {
        assert!(!Name::is_within(name, "logink.cn"), "{name}");
    }
}
