//! What the sentence of a remote session says, in parts: the logs of other tools have a field for each.

/// The part of a session's detail that begins so.
fn part<'d>(detail: &'d str, begin: &str) -> Option<&'d str> {
    detail
        .split("; ")
        .find_map(|part| part.strip_prefix(begin)?.strip_prefix(' '))
}

/// An SSH session.
#[derive(Debug, Default)]
pub(super) struct Ssh<'d> {
    pub(super) client: Option<&'d str>,
    pub(super) server: Option<&'d str>,
    pub(super) kex: Option<&'d str>,
    pub(super) host_key: Option<&'d str>,
    pub(super) cipher: Option<&'d str>,
    /// Whether the login succeeded, and how many were tried, by sizes.
    pub(super) login: Option<(bool, u64)>,
}

impl<'d> Ssh<'d> {
    pub(super) fn of(detail: Option<&'d str>) -> Ssh<'d> {
        let detail = detail.unwrap_or_default();
        let algorithm = |begin: &str| {
            let all = detail.split("; ").find(|part| part.starts_with("kex "))?;
            all.split(", ")
                .find_map(|one| one.strip_prefix(begin)?.strip_prefix(' '))
        };
        let login = part(detail, "by sizes:").and_then(|guess| {
            let count = |text: &str| text.split(' ').find_map(|word| word.parse::<u64>().ok());
            if let Some(rest) = guess.strip_prefix("logged in") {
                let rest = rest.split(',').next().unwrap_or_default();
                return Some((true, count(rest).unwrap_or(0) + 1));
            }
            let rest = guess.strip_prefix("login refused")?;
            Some((false, count(rest.split(',').next()?).unwrap_or(1)))
        });
        Ssh {
            client: part(detail, "client"),
            server: part(detail, "server"),
            kex: algorithm("kex"),
            host_key: algorithm("host key"),
            cipher: algorithm("cipher"),
            login,
        }
    }
}

/// A session of Remote Desktop: the security that was agreed on (`rdp`, `tls`, `nla`), and the client's build.
pub(super) fn rdp(detail: Option<&str>) -> (Option<&str>, Option<&str>) {
    let detail = detail.unwrap_or_default();
    (part(detail, "selected"), part(detail, "client build"))
}

/// A session of VNC.
#[derive(Debug, Default)]
pub(super) struct Vnc<'d> {
    /// The server's version: `3` and `8`.
    pub(super) version: Option<(u16, u16)>,
    /// What it agreed on (IANA, Remote Framebuffer Security Types), by number where that is sure.
    pub(super) security: Option<u8>,
    pub(super) method: Option<&'d str>,
    pub(super) authenticated: Option<bool>,
    pub(super) refused: Option<&'d str>,
}

impl<'d> Vnc<'d> {
    pub(super) fn of(detail: Option<&'d str>) -> Vnc<'d> {
        let detail = detail.unwrap_or_default();
        let version = part(detail, "version").and_then(|version| {
            let (major, minor) = version.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
        let open = detail.split("; ").any(|part| part == "no authentication");
        let method = part(detail, "security").or(open.then_some("none"));
        let security = method.and_then(|method| {
            Some(match method {
                "none" => 1,
                "vnc-auth" => 2,
                "ra2ne" => 6,
                "tight" => 16,
                "ultra" => 17,
                "tls" => 18,
                "vencrypt" => 19,
                "sasl" => 20,
                "apple-dh" => 30,
                other => other.strip_prefix("type ")?.parse().ok()?,
            })
        });
        Vnc {
            version,
            security,
            method,
            authenticated: part(detail, "authentication").and_then(|result| match result {
                "ok" => Some(true),
                "refused" => Some(false),
                _ => None,
            }),
            refused: part(detail, "refused:"),
        }
    }
}

#[test]
fn a_session_of_ssh_is_taken_apart() {
    let ssh = Ssh::of(Some(
        "server OpenSSH_5.3; client OpenSSH_6.2p1 Debian-3; kex curve25519-sha256, host key ssh-rsa, cipher aes128-ctr; \
         by sizes: logged in after 2 refusals, typed at",
    ));
    assert_eq!(ssh.client, Some("OpenSSH_6.2p1 Debian-3"));
    assert_eq!(ssh.server, Some("OpenSSH_5.3"));
    assert_eq!(
        (ssh.kex, ssh.host_key, ssh.cipher),
        (
            Some("curve25519-sha256"),
            Some("ssh-rsa"),
            Some("aes128-ctr")
        )
    );
    assert_eq!(ssh.login, Some((true, 3)));
    let refused = |words: &str| Ssh::of(Some(words)).login;
    assert_eq!(refused("by sizes: login refused once"), Some((false, 1)));
    assert_eq!(refused("by sizes: login refused 4 times"), Some((false, 4)));
    assert_eq!(refused("client PuTTY"), None);
}
