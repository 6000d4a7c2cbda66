//! Protocols that are recognised by content and named, but not read further.
//!
//! Each is a line of a table: name, ports, and a probe that is as strict as the first message allows. Where a first
//! message gives a password away, that is told too; nothing else is.
mod office;
mod remote;
mod tunnel;

use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Sender, Side, Step};

use Carrier::{Tcp, Udp};

/// A decoder that only recognises.
pub(super) const fn named(
    name: &'static str,
    title: &'static str,
    carriers: &'static [Carrier],
    probe: fn(&Head<'_>) -> Probe,
    spec: &'static str,
) -> Decoder {
    Decoder {
        name,
        title,
        carriers,
        probe,
        open: || Box::new(Named(|_, _, _| {})),
        remote: false,
        operations: &[],
        about: "Recognised and named.",
        spec,
        blind: "what is said in it",
    }
}

/// The dialogue of all of them: hears the first message, then no more.
struct Named(fn(&mut Cx<'_>, Side, &[u8]));

impl Dialogue for Named {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        (self.0)(cx, side, bytes);
        Step::Done
    }
}

/// A dialogue without a state: every message is read for itself.
pub(super) struct Reads(pub(super) fn(&mut Cx<'_>, Side, &[u8]) -> Step);

impl Dialogue for Reads {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        (self.0)(cx, side, bytes)
    }
}

/// The dialogue of what is sent without waiting for an answer: no more of it is read.
pub(super) fn sends_only() -> Box<dyn Dialogue> {
    Box::new(Named(|cx, _, _| cx.asks_nothing()))
}

/// What a probe function of this folder gives: the sender, if it is ours.
pub(super) const fn ours(sender: Option<Sender>) -> Probe {
    match sender {
        Some(sender) => Probe::Ours(sender),
        None => Probe::NotOurs,
    }
}

const fn never(_: &Head<'_>) -> Probe {
    Probe::NotOurs
}

// Announced by others, never told by content.
pub static RTP: Decoder = Decoder {
    about: "Media channels that RTSP announced.",
    ..named(
        "rtp",
        "RTP and RTCP (media)",
        &[Udp(5004)],
        never,
        "RFC 3550",
    )
};

// Office and building.
pub static SYSLOG: Decoder = Decoder {
    open: || Box::new(Reads(office::syslog_told)),
    about: "Hosts whose logs are sent, and their programs; through a relay, those of others.",
    ..named(
        "syslog",
        "Syslog",
        &[Udp(514), Tcp(601), Tcp(514)],
        office::syslog,
        "RFC 3164, RFC 5424, RFC 6587",
    )
};
pub static LPD: Decoder = named(
    "lpd",
    "Line printer daemon",
    &[Tcp(515)],
    office::lpd,
    "RFC 1179",
);
pub static JETDIRECT: Decoder = named(
    "jetdirect",
    "Raw printing (JetDirect)",
    &[Tcp(9100)],
    office::jetdirect,
    "PJL and PostScript job starts",
);
pub static SLP: Decoder = named(
    "slp",
    "Service Location Protocol",
    &[Udp(427), Tcp(427)],
    office::slp,
    "RFC 2608",
);
/// Engineering software under a licence asks for it.
pub static SENTINEL: Decoder = named(
    "sentinel-ldk",
    "Sentinel LDK (search for licences)",
    &[Udp(1947)],
    office::sentinel,
    "no public specification; messages as observed",
);
pub static STUN: Decoder = Decoder {
    open: || Box::new(Reads(office::stun_told)),
    about: "Software of both ends; relays (TURN) as variant.",
    ..named(
        "stun",
        "STUN and TURN",
        &[Udp(3478), Tcp(3478)],
        office::stun,
        "RFC 8489, RFC 8656, RFC 3489",
    )
};

// Remote control.
pub static RADMIN: Decoder = Decoder {
    remote: true,
    open: || Box::new(Reads(remote::radmin_told)),
    about: "Remote sessions by Radmin; version 2 or 3 as variant, and log-ins that version 2 refused.",
    blind: "users, log-ins of version 3, what is done in a session",
    ..named(
        "radmin",
        "Radmin",
        &[Tcp(4899)],
        remote::radmin,
        "no public specification; messages of the log-in as observed and as published by those who tried it",
    )
};

/// A way to work on a host: recognised, and a remote session.
const fn control(
    name: &'static str,
    title: &'static str,
    carriers: &'static [Carrier],
    probe: fn(&Head<'_>) -> Probe,
    spec: &'static str,
) -> Decoder {
    Decoder {
        remote: true,
        about: "Remote sessions, told by their first message.",
        ..named(name, title, carriers, probe, spec)
    }
}

pub static CITRIX: Decoder = control(
    "citrix",
    "Citrix (ICA, Common Gateway Protocol)",
    &[Tcp(1494), Tcp(2598)],
    remote::citrix,
    "no public specification; first messages as observed",
);
pub static DAMEWARE: Decoder = Decoder {
    open: || Box::new(Reads(remote::dameware_told)),
    about: "Remote sessions with the version that both ends state.",
    ..control(
        "dameware",
        "Dameware Mini Remote Control",
        &[Tcp(6129)],
        remote::dameware,
        "no public specification; first messages as observed",
    )
};
pub static X11: Decoder = control(
    "x11",
    "X Window System",
    &[Tcp(6000), Tcp(6001), Tcp(6010)],
    remote::x11,
    "X Window System Protocol, X11R7.7, 8",
);
pub static RUSTDESK: Decoder = Decoder {
    open: || Box::new(Reads(remote::rustdesk_told)),
    about: "That RustDesk waits to be reached, and by which number.",
    ..control(
        "rustdesk",
        "RustDesk",
        &[Udp(21116)],
        remote::rustdesk,
        "messages of the rendezvous protocol, field numbers as published",
    )
};
pub static RLOGIN: Decoder = Decoder {
    open: || Box::new(Reads(remote::rlogin_told)),
    about: "Remote sessions with the users of both ends.",
    ..control("rlogin", "rlogin", &[Tcp(513)], remote::rlogin, "RFC 1282")
};
pub static IPMI: Decoder = Decoder {
    open: || Box::new(Reads(remote::ipmi_told)),
    about: "Remote management of a host below its operating system; users of RMCP+ log-ins.",
    ..control(
        "ipmi",
        "IPMI over LAN (RMCP)",
        &[Udp(623), Udp(664)],
        remote::ipmi,
        "IPMI 2.0, 13; DSP0136 (ASF 2.0)",
    )
};

// Tunnels.
pub static TAILSCALE: Decoder = named(
    "tailscale",
    "Tailscale (path discovery)",
    &[Udp(41641)],
    tunnel::tailscale,
    "format of the discovery messages as published with the program",
);
pub static ZEROTIER: Decoder = named(
    "zerotier",
    "ZeroTier",
    &[Udp(9993)],
    tunnel::zerotier,
    "packet format as published with the program",
);
pub static NEBULA: Decoder = named(
    "nebula",
    "Nebula",
    &[Udp(4242)],
    tunnel::nebula,
    "header format as published with the program",
);
pub static WIREGUARD: Decoder = named(
    "wireguard",
    "WireGuard",
    &[Udp(51820)],
    tunnel::wireguard,
    "WireGuard: Next Generation Kernel Network Tunnel, 5.4",
);
pub static L2TP: Decoder = Decoder {
    open: || Box::new(Reads(tunnel::l2tp_told)),
    about: "Host and vendor names of both ends; packets that version 2 carries unsealed are read as if they lay on the wire.",
    blind: "what is encrypted or compressed in it, what version 3 carries",
    ..named(
        "l2tp",
        "L2TP",
        &[Udp(1701)],
        tunnel::l2tp,
        "RFC 2661, RFC 3931",
    )
};
/// Between access points and their controller.
pub static CAPWAP: Decoder = Decoder {
    about: "Access points and their controller, by name; what they carry unsealed is read as if it lay on the wire.",
    blind: "what DTLS seals, what is said to control access points, frames in pieces",
    ..named(
        "capwap",
        "CAPWAP (access points and their controller)",
        &[Udp(5246), Udp(5247)],
        tunnel::capwap,
        "RFC 5415, RFC 5416",
    )
};
pub static PPTP: Decoder = Decoder {
    open: || Box::new(Reads(tunnel::pptp_told)),
    about: "Host and vendor names of both ends; packets that it carries unsealed are read as if they lay on the wire.",
    blind: "what is encrypted or compressed in it",
    ..named("pptp", "PPTP", &[Tcp(1723)], tunnel::pptp, "RFC 2637")
};
pub static TEREDO: Decoder = named(
    "teredo",
    "Teredo (IPv6 over UDP)",
    &[Udp(3544)],
    tunnel::teredo,
    "RFC 4380",
);

#[cfg(test)]
mod tests;
