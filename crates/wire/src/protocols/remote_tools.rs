//! Remote-support tools, cellular routers' management and remote-service gateways that hide in TLS or HTTP, told by the names
//! of their relays and by the certificates of their own.
//!
//! A connection to such a name is no proof that a session took place, only that the tool was running and ready for one:
//! that is what a terminal wants to know. Names match by DNS label.
use facts::kinds::Name;

/// Domains of relays and brokers, as their makers list them for firewalls.
const DOMAINS: &[(&str, &str)] = &[
    ("anydesk.com", "AnyDesk"),
    ("teamviewer.com", "TeamViewer"),
    ("rustdesk.com", "RustDesk"),
    ("splashtop.com", "Splashtop"),
    ("splashtop.eu", "Splashtop"),
    ("screenconnect.com", "ScreenConnect"),
    ("logmein.com", "LogMeIn"),
    ("logmeinrescue.com", "LogMeIn Rescue"),
    ("gotoassist.com", "GoToAssist"),
    ("gotomypc.com", "GoToMyPC"),
    ("goto-rtc.com", "GoTo Resolve"),
    ("gotoresolve.com", "GoTo Resolve"),
    ("dwservice.net", "DWService"),
    ("remotedesktop.google.com", "Chrome Remote Desktop"),
    ("remotedesktop-pa.googleapis.com", "Chrome Remote Desktop"),
    ("support.services.microsoft.com", "Microsoft Quick Assist"),
    (
        "remoteassistance.support.services.microsoft.com",
        "Microsoft Quick Assist",
    ),
    ("bomgarcloud.com", "BeyondTrust Remote Support"),
    ("beyondtrustcloud.com", "BeyondTrust Remote Support"),
    ("islonline.net", "ISL Online"),
    ("islonline.com", "ISL Online"),
    ("zohoassist.com", "Zoho Assist"),
    ("assist.zoho.com", "Zoho Assist"),
    ("ammyy.com", "Ammyy Admin"),
    ("aeroadmin.com", "AeroAdmin"),
    ("supremocontrol.com", "Supremo"),
    ("sunlogin.com", "Sunlogin"),
    ("todesk.com", "ToDesk"),
    ("realvnc.com", "RealVNC Connect"),
    ("netsupportsoftware.com", "NetSupport Manager"),
    ("simple-help.com", "SimpleHelp"),
    ("dameware.com", "Dameware"),
    ("ewon.biz", "Ewon Talk2M"),
    ("talk2m.com", "Ewon Talk2M"),
    ("secomea.com", "Secomea"),
    ("mbconnect24.net", "mbCONNECT24"),
    // IXON support, "How does the IXrouter connect".
    ("ixon.cloud", "IXON"),
    ("ixon.net", "IXON"),
    ("ayayot.com", "IXON"),
    ("tosibox.com", "Tosibox"),
    ("rms.teltonika-networks.com", "Teltonika RMS"),
    ("airvantage.net", "Sierra Wireless AirVantage"),
    ("cradlepointecm.com", "Cradlepoint NetCloud"),
    // Default server of the routers' manual (IBR350, "Enterprise Cloud Manager Settings").
    ("stream.cradlepoint.com", "Cradlepoint NetCloud"),
    ("devicecloud.com", "Digi Remote Manager"),
    // Before it was renamed ("my.idigi.com": Connect Family user guide).
    ("idigi.com", "Digi Remote Manager"),
    ("remotemanager.digi.com", "Digi Remote Manager"),
    ("ic.peplink.com", "Peplink InControl"),
    ("incontrol2.peplink.com", "Peplink InControl"),
    ("ra.peplink.com", "Peplink Remote Assistance"),
    ("iot.inhandnetworks.com", "InHand Device Manager"),
    ("iot.inhand.com.cn", "InHand Device Manager"),
    ("getscreen.me", "Getscreen.me"),
    ("hoptodesk.com", "HopToDesk"),
    ("remotepc.com", "RemotePC"),
    ("parsec.app", "Parsec"),
    ("atera.com", "Atera"),
    ("meshcentral.com", "MeshCentral"),
    ("tailscale.com", "Tailscale"),
    ("tailscale.io", "Tailscale"),
    ("zerotier.com", "ZeroTier"),
    ("netbird.io", "NetBird"),
    ("softether.net", "SoftEther VPN"),
    ("softether-network.net", "SoftEther VPN"),
    // Servers of NAT traversal, updates and keepalive in the program's published source.
    ("nat-traversal.uxcom.jp", "SoftEther VPN"),
    ("update-check.uxcom.jp", "SoftEther VPN"),
    ("keepalive.softether.org", "SoftEther VPN"),
    ("vpnazure.net", "SoftEther VPN Azure"),
    ("hamachi.cc", "LogMeIn Hamachi"),
    ("ngrok.com", "ngrok"),
    ("ngrok.io", "ngrok"),
    ("ngrok.app", "ngrok"),
    ("ngrok-agent.com", "ngrok"),
    ("argotunnel.com", "Cloudflare Tunnel"),
    ("devtunnels.ms", "Microsoft dev tunnel"),
    ("tunnels.api.visualstudio.com", "Microsoft dev tunnel"),
    ("playit.gg", "playit.gg"),
    ("pinggy.io", "Pinggy"),
    ("localtunnel.me", "localtunnel"),
    ("serveo.net", "Serveo"),
];

/// Common names of certificates that the tools make themselves.
const CERTIFICATES: &[(&str, &str)] = &[
    ("AnyDesk Client", "AnyDesk"),
    ("AnyNet Root CA", "AnyDesk"),
    ("AnyNet Relay", "AnyDesk"),
];

/// A tool, and the protocol name by which facts and site files know its conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemoteTool {
    pub title: &'static str,
    pub protocol: &'static str,
    /// What told it: `name` (asked for), `certificate` (shown), `protocol` (offered by its own name).
    pub by: &'static str,
}

/// Protocol names of the tools: those with a name of their own, then the one for all others.
pub(crate) const PROTOCOLS: &[&str] = &["anydesk", "teamviewer", "rustdesk", "remote-support"];

/// SoftEther VPN asks HTTP servers for these (`HTTP_VPN_TARGET` of its published source).
const SOFTETHER_PATHS: &[&str] = &["/vpnsvc/connect.cgi", "/vpnsvc/vpn.cgi"];

/// The tool that a request goes to, by the server's name or by a path that is the tool's own.
pub(crate) fn remote_tool_by_request(
    host: &str,
    method: &str,
    path: Option<&str>,
) -> Option<RemoteTool> {
    let own = method == "POST" && path.is_some_and(|path| SOFTETHER_PATHS.contains(&path));
    if own {
        return Some(tool("SoftEther VPN", "protocol"));
    }
    remote_tool(Some(host), None)
}

fn tool(title: &'static str, by: &'static str) -> RemoteTool {
    let own = PROTOCOLS
        .iter()
        .find(|name| title.eq_ignore_ascii_case(name));
    RemoteTool {
        title,
        protocol: own.copied().unwrap_or("remote-support"),
        by,
    }
}

/// The remote-support tool that a TLS connection belongs to, by server name and by the common name of either certificate.
pub(crate) fn remote_tool(sni: Option<&str>, certificate_cn: Option<&str>) -> Option<RemoteTool> {
    let by_name = sni.and_then(|sni| {
        DOMAINS
            .iter()
            .filter(|(domain, _)| Name::is_within(sni, domain))
            .max_by_key(|(domain, _)| domain.len())
    });
    let by_certificate = || {
        let cn = certificate_cn?;
        CERTIFICATES
            .iter()
            .chain(DOMAINS.iter())
            .find(|(known, _)| *known == cn || Name::is_within(cn.trim_start_matches("*."), known))
    };
    let named = by_name.map(|(_, title)| tool(title, "name"));
    named.or_else(|| by_certificate().map(|(_, title)| tool(title, "certificate")))
}

/// The remote-support tool that offers a protocol of its own inside TLS (RFC 7301): `anydesk/6.2.0/windows`.
pub(crate) fn remote_tool_by_alpn(alpn: &[Vec<u8>]) -> Option<RemoteTool> {
    let own = alpn.iter().any(|name| name.starts_with(b"anydesk/"));
    own.then(|| tool("AnyDesk", "protocol"))
}

#[test]
fn tools_are_told_by_label_and_by_certificate() {
    let title = |sni, cn| remote_tool(sni, cn).map(|tool| tool.title);
    assert_eq!(
        remote_tool(Some("a.secomea.com"), None).map(|tool| tool.protocol),
        Some("remote-support")
    );
    assert_eq!(
        remote_tool(Some("rs-ny.rustdesk.com"), None).map(|tool| tool.protocol),
        Some("rustdesk")
    );
    assert_eq!(
        title(Some("relay-3b1f.net.anydesk.com"), None),
        Some("AnyDesk")
    );
    assert_eq!(title(None, Some("AnyDesk Client")), Some("AnyDesk"));
    let by_alpn = |name: &[u8]| remote_tool_by_alpn(&[name.to_vec()]).map(|tool| tool.by);
    assert_eq!(by_alpn(b"anydesk/6.2.0/windows"), Some("protocol"));
    assert_eq!(by_alpn(b"h2"), None);
    assert_eq!(title(None, Some("*.teamviewer.com")), Some("TeamViewer"));
    assert_eq!(
        title(Some("notanydesk.com"), None),
        None,
        "a look-alike is not the tool"
    );
    assert_eq!(title(Some("www.example.com"), None), None);
    let by_request =
        |host, path| remote_tool_by_request(host, "POST", Some(path)).map(|tool| tool.title);
    assert_eq!(
        by_request("vpn.example", "/vpnsvc/connect.cgi"),
        Some("SoftEther VPN")
    );
    assert_eq!(by_request("vpn.example", "/vpnsvc/connect.cgi.html"), None);
    assert_eq!(
        by_request("stream.cradlepoint.com", "/"),
        Some("Cradlepoint NetCloud")
    );
    assert_eq!(
        by_request("www.cradlepoint.com", "/"),
        None,
        "a maker's own pages are no way in"
    );
}
