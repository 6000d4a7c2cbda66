//! What both ends offer in the key exchange, what comes of it, and the fingerprint of who offers so.
//!
//! Spec: RFC 4253, 7.1; IANA "Secure Shell (SSH) Protocol Parameters"; HASSH (Salesforce, BSD 3-clause): the MD5 of four
//! lists of the sender, joined by `;`.
use md5::{Digest, Md5};

use super::super::tls::hex;
use crate::reader::text;
use crate::{Malformed, Reader, Side};

/// Longest name that is told.
const MOST_NAME: usize = 64;
/// Longest list of names that is read; real ones have some hundred bytes.
const MOST_LIST: usize = 4096;
/// Names of a list that are compared with those of the other end.
const MOST_NAMES: usize = 256;

/// The lists of one end, as they were sent.
#[derive(Debug, Default)]
pub(super) struct Offer {
    lists: [Vec<u8>; 8],
}

/// What is agreed on, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    pub kex: Option<String>,
    pub host_key: Option<String>,
    /// Of what the server sends.
    pub cipher: Option<String>,
    pub mac: Option<String>,
    pub compression: Option<String>,
}

impl Offer {
    /// The payload behind the number of the message: a cookie, then ten lists of names.
    pub(super) fn read(payload: &[u8]) -> Result<Offer, Malformed> {
        let mut r = Reader::new(payload);
        r.skip(16)?;
        let mut offer = Offer::default();
        for list in &mut offer.lists {
            let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
            r.check(length <= MOST_LIST, "name list")?;
            *list = r.bytes(length)?.to_vec();
        }
        Ok(offer)
    }

    /// HASSH of a client's offer, HASSH-server of a server's: key exchange, encryption, MAC and compression of what the
    /// sender itself will send.
    pub(super) fn hassh(&self, side: Side) -> String {
        let [
            kex,
            _,
            to_server,
            to_client,
            macs_up,
            macs_down,
            pack_up,
            pack_down,
        ] = &self.lists;
        let (encryption, macs, packing) = match side {
            Side::Client => (to_server, macs_up, pack_up),
            Side::Server => (to_client, macs_down, pack_down),
        };
        let joined = [kex, encryption, macs, packing].map(Vec::as_slice);
        hex(&Md5::digest(joined.join(&b';')))
    }

    /// RFC 4253, 7.1: the first of the client's that the server has too.
    fn first_of(&self, server: &Offer, place: usize) -> Option<String> {
        let (mine, other) = (self.lists.get(place)?, server.lists.get(place)?);
        let names = |list| <[u8]>::split(list, |byte| *byte == b',').take(MOST_NAMES);
        let agreed = names(mine).find(|name| names(other).any(|known| known == *name))?;
        text(agreed, MOST_NAME)
    }

    /// What a client that offers `self` and `server` agree on.
    pub(super) fn agree(&self, server: &Offer) -> Agreed {
        Agreed {
            kex: self.first_of(server, 0),
            host_key: self.first_of(server, 1),
            cipher: self.first_of(server, 3),
            mac: self.first_of(server, 5),
            compression: self.first_of(server, 7),
        }
    }
}

impl Agreed {
    pub(super) fn words(&self) -> Option<String> {
        let parts: Vec<String> = [
            ("kex", &self.kex),
            ("host key", &self.host_key),
            ("cipher", &self.cipher),
        ]
        .into_iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?)))
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// What of it is broken or nearly so (RFC 9142, 4 for key exchange; RFC 8758 for RC4; RFC 4253's `none`).
    pub(super) fn weak(&self) -> impl Iterator<Item = &str> {
        // What seals and signs in one needs no MAC, whatever was agreed on.
        let sealing = |cipher: &String| cipher.contains("poly1305") || cipher.contains("gcm");
        let mac = &self.mac;
        let mac = mac
            .iter()
            .filter(move |_| !self.cipher.as_ref().is_some_and(sealing));
        [&self.kex, &self.host_key, &self.cipher]
            .into_iter()
            .flatten()
            .chain(mac)
            .map(String::as_str)
            .filter(|name| {
                name.starts_with("arcfour")
                    || matches!(
                        *name,
                        "none"
                            | "diffie-hellman-group1-sha1"
                            | "diffie-hellman-group-exchange-sha1"
                            | "rsa1024-sha1"
                            | "ssh-dss"
                            | "3des-cbc"
                            | "blowfish-cbc"
                            | "cast128-cbc"
                            | "des-cbc"
                            | "hmac-md5"
                            | "hmac-md5-96"
                            | "hmac-sha1-96"
                    )
            })
    }

    /// Length on the wire of a server's packet whose payload is `payload` octets, by RFC 4253, 6 and what the names say
    /// of cipher and MAC; `None` where they are not known here, or where compression hides it.
    pub(super) fn packet(&self, payload: usize) -> Option<usize> {
        // `zlib@openssh.com` begins after the login only.
        if self.compression.as_deref() == Some("zlib") {
            return None;
        }
        let cipher = self.cipher.as_deref()?;
        let mac = self.mac.as_deref().unwrap_or("");
        // Octets that stand outside what is padded, the block, and what follows.
        let (outside, block, tag) = match cipher {
            "chacha20-poly1305@openssh.com" => (4, 8, 16),
            "aes128-gcm@openssh.com" | "aes256-gcm@openssh.com" => (4, 16, 16),
            _ => {
                let block = match cipher {
                    "3des-cbc" | "blowfish-cbc" | "cast128-cbc" => 8,
                    _ if cipher.starts_with("arcfour") => 8,
                    _ if cipher.starts_with("aes") => 16,
                    _ => return None,
                };
                let tag = match mac.split('@').next()?.trim_end_matches("-etm") {
                    "hmac-md5" => 16,
                    "hmac-sha1" => 20,
                    "hmac-sha2-256" => 32,
                    "hmac-sha2-512" => 64,
                    "hmac-sha1-96" | "hmac-md5-96" => 12,
                    "umac-64" => 8,
                    "umac-128" => 16,
                    _ => return None,
                };
                (if mac.contains("-etm@") { 4 } else { 0 }, block, tag)
            }
        };
        // Length (unless it stands outside), length of the padding, payload, at least four octets of padding.
        let padded = (4 - outside + 1 + payload + 4).next_multiple_of(block);
        Some(outside + padded + tag)
    }
}

#[cfg(test)]
mod tests {
    use super::Offer;

    fn payload(list: &str) -> Vec<u8> {
        let length = u32::try_from(list.len()).unwrap().to_be_bytes();
        let lists = [&length[..], list.as_bytes()].concat().repeat(8);
        [&[0; 16][..], &lists].concat()
    }

    /// Each name of one end is held against each of the other: what both make of it must not grow with the square of what
    /// they send.
    #[test]
    fn lists_made_to_keep_the_reader_busy_are_not_read_to_their_end() {
        assert!(Offer::read(&payload(&"a,".repeat(2049))).is_err());
        let offer = |list: &str| Offer::read(&payload(list)).unwrap();
        let many = |own: &str| format!("{}last", format!("{own},").repeat(300));
        let agreed = offer(&many("x")).agree(&offer(&many("y")));
        assert_eq!(agreed.kex, None, "names beyond the limit");
        let agreed = offer("x,last").agree(&offer("y,last"));
        assert_eq!(agreed.kex.as_deref(), Some("last"));
    }
}
