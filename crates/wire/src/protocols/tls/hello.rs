//! The hellos of TLS and DTLS, and the JA4 fingerprint of a client's.
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::reader::text;
use crate::{Malformed, Reader};

/// Names of protocols kept of one hello.
const MOST_ALPN: usize = 16;

/// IANA TLS ExtensionType values.
mod extension {
    pub(crate) const SERVER_NAME: u16 = 0;
    pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(crate) const ALPN: u16 = 16;
    pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
}

/// What a client offers (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2; with a cookie in DTLS: RFC 6347, 4.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientHello {
    /// The name of the server that the client asks for (RFC 6066, 3).
    pub server_name: Option<String>,
    /// Protocols that it would speak inside (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
    /// The version of the message itself.
    pub legacy_version: u16,
    /// Versions offered, in the client's order; empty before TLS 1.3.
    pub versions: Vec<u16>,
    pub ciphers: Vec<u16>,
    /// Types of the extensions, in order.
    pub extensions: Vec<u16>,
    pub signature_algorithms: Vec<u16>,
}

/// What the server chose of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub version: u16,
    pub cipher: u16,
}

/// RFC 8701: values that stand for nothing, sent to keep servers tolerant.
const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn list_of_u16(r: &mut Reader<'_>) -> Vec<u16> {
    let (pairs, _) = r.rest().as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

impl ClientHello {
    /// Reads the body of the handshake message.
    pub(crate) fn read(body: &[u8], dtls: bool) -> Result<ClientHello, Malformed> {
        let mut r = Reader::new(body);
        let legacy_version = r.u16()?;
        r.check(fits_version(legacy_version, dtls), "hello version")?;
        r.skip(32)?;
        let session = usize::from(r.u8()?);
        r.check(session <= 32, "session id length")?;
        r.skip(session)?;
        if dtls {
            let cookie = usize::from(r.u8()?);
            r.skip(cookie)?;
        }
        let ciphers = usize::from(r.u16()?);
        r.check(ciphers.is_multiple_of(2), "cipher suites length")?;
        let ciphers = list_of_u16(&mut r.sub(ciphers)?);
        let compressions = usize::from(r.u8()?);
        r.skip(compressions)?;
        let mut hello = ClientHello {
            legacy_version,
            ciphers,
            ..ClientHello::default()
        };
        if r.is_empty() {
            return Ok(hello);
        }
        let length = usize::from(r.u16()?);
        let mut extensions = r.sub(length)?;
        while !extensions.is_empty() {
            let (kind, length) = (extensions.u16()?, usize::from(extensions.u16()?));
            let mut data = extensions.sub(length)?;
            hello.extensions.push(kind);
            // What an extension hides inside is its own affair: a malformed one does not spoil the hello.
            _ = hello.extension(kind, &mut data);
        }
        Ok(hello)
    }

    fn extension(&mut self, kind: u16, r: &mut Reader<'_>) -> Result<(), Malformed> {
        match kind {
            extension::SERVER_NAME => {
                let length = usize::from(r.u16()?);
                let mut names = r.sub(length)?;
                while !names.is_empty() && self.server_name.is_none() {
                    let (kind, length) = (names.u8()?, usize::from(names.u16()?));
                    let name = names.bytes(length)?;
                    if kind == 0 {
                        self.server_name = text(name, 255);
                    }
                }
            }
            extension::SIGNATURE_ALGORITHMS => {
                let length = usize::from(r.u16()?);
                self.signature_algorithms = list_of_u16(&mut r.sub(length)?);
            }
            extension::ALPN => {
                let length = usize::from(r.u16()?);
                let mut names = r.sub(length)?;
                while !names.is_empty() && self.alpn.len() < MOST_ALPN {
                    let length = usize::from(names.u8()?);
                    self.alpn.push(names.bytes(length)?.to_vec());
                }
            }
            extension::SUPPORTED_VERSIONS => {
                let length = usize::from(r.u8()?);
                self.versions = list_of_u16(&mut r.sub(length)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The JA4 fingerprint (FoxIO, JA4 TLS client): `transport` is `t` for TCP, `d` for DTLS, `q` for QUIC.
    ///
    /// `a_b_c`: a, what is offered in plain words; b, the cipher suites in order of value, hashed; c, the extensions in order
    /// of value without server name and ALPN, and the signature algorithms as they come, hashed.
    pub(crate) fn ja4(&self, transport: char) -> String {
        let real = |values: &[u16]| -> Vec<u16> {
            values
                .iter()
                .copied()
                .filter(|value| !is_grease(*value))
                .collect()
        };
        let (mut ciphers, mut extensions) = (real(&self.ciphers), real(&self.extensions));
        let offered = real(&self.versions);
        // The numbers of DTLS count down.
        let highest = if transport == 'd' {
            offered.into_iter().min()
        } else {
            offered.into_iter().max()
        };
        let version = match highest.unwrap_or(self.legacy_version) {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            0xfeff => "d1",
            0xfefd => "d2",
            0xfefc => "d3",
            _ => "00",
        };
        let named = if extensions.contains(&extension::SERVER_NAME) {
            'd'
        } else {
            'i'
        };
        let alpn = self
            .alpn
            .first()
            .map_or_else(|| "00".to_owned(), |name| alpn_ends(name));
        let (cipher_count, extension_count) = (ciphers.len().min(99), extensions.len().min(99));
        ciphers.sort_unstable();
        extensions.sort_unstable();
        extensions.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN));
        let mut last = spelled(&extensions);
        let signatures = real(&self.signature_algorithms);
        if !signatures.is_empty() {
            last.push('_');
            last.push_str(&spelled(&signatures));
        }
        let (b, c) = (hashed(&spelled(&ciphers)), hashed(&last));
        format!("{transport}{version}{named}{cipher_count:02}{extension_count:02}{alpn}_{b}_{c}")
    }
}

/// First and last character of the first protocol; where one of the two is no letter or digit, first and last digit of
/// the name in hex.
fn alpn_ends(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [char::from(*first), char::from(*last)].iter().collect()
    } else {
        format!("{:x}{:x}", first >> 4, last & 0x0f)
    }
}

fn spelled(values: &[u16]) -> String {
    let mut out = String::with_capacity(values.len() * 5);
    for (place, value) in values.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        _ = write!(out, "{comma}{value:04x}");
    }
    out
}

/// The first twelve digits of the SHA-256; zeros for nothing.
fn hashed(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let mut out = super::hex(&Sha256::digest(text.as_bytes()));
    out.truncate(12);
    out
}

impl ServerHello {
    /// Reads the body of the handshake message (RFC 8446, 4.1.3).
    pub(crate) fn read(body: &[u8], dtls: bool) -> Result<ServerHello, Malformed> {
        let mut r = Reader::new(body);
        let mut version = r.u16()?;
        r.check(fits_version(version, dtls), "hello version")?;
        r.skip(32)?;
        let session = usize::from(r.u8()?);
        r.check(session <= 32, "session id length")?;
        r.skip(session)?;
        let cipher = r.u16()?;
        r.skip(1)?;
        if !r.is_empty() {
            let length = usize::from(r.u16()?);
            let mut extensions = r.sub(length)?;
            while !extensions.is_empty() {
                let (kind, length) = (extensions.u16()?, usize::from(extensions.u16()?));
                let mut data = extensions.sub(length)?;
                if kind == extension::SUPPORTED_VERSIONS {
                    version = data.u16()?;
                }
            }
        }
        Ok(ServerHello { version, cipher })
    }
}

const fn fits_version(version: u16, dtls: bool) -> bool {
    if dtls {
        matches!(version, 0xfeff | 0xfefd | 0x0100)
    } else {
        matches!(version, 0x0300..=0x0304)
    }
}

/// The name of a version, as `variant` gives it.
pub(super) const fn version_name(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0002 => "ssl2",
        0x0300 => "ssl3",
        0x0301 | 0xfeff | 0x0100 => "1.0",
        0x0302 => "1.1",
        0x0303 | 0xfefd => "1.2",
        // Drafts of 1.3 had numbers of their own.
        0x0304 | 0xfefc | 0x7f00..=0x7fff => "1.3",
        _ => return None,
    })
}

/// Why a cipher suite protects less than it seems (IANA TLS Cipher Suites).
pub(super) const fn weakness(cipher: u16) -> Option<&'static str> {
    Some(match cipher {
        0x0000..=0x0002
        | 0x002c..=0x002e
        | 0x003b
        | 0x00b0
        | 0x00b1
        | 0x00b4
        | 0x00b5
        | 0x00b8
        | 0x00b9
        | 0xc001
        | 0xc006
        | 0xc00b
        | 0xc010
        | 0xc039..=0xc03b
        | 0xc0b4
        | 0xc0b5 => "no encryption",
        0x0003
        | 0x0006
        | 0x0008
        | 0x000b
        | 0x000e
        | 0x0011
        | 0x0014
        | 0x0017
        | 0x0019
        | 0x0026..=0x002b
        | 0x0062..=0x0065 => "export grade",
        0x0018
        | 0x001a
        | 0x001b
        | 0x0034
        | 0x003a
        | 0x0046
        | 0x006c
        | 0x006d
        | 0x0089
        | 0x009b
        | 0x00a6
        | 0x00a7
        | 0x00bf
        | 0x00c5
        | 0xc015..=0xc019 => "server not authenticated",
        0x0004 | 0x0005 | 0x0020 | 0x0024 | 0x0066 | 0x008a | 0x008e | 0x0092 | 0xc002 | 0xc007
        | 0xc00c | 0xc011 | 0xc033 => "RC4",
        0x0009 | 0x000c | 0x000f | 0x0012 | 0x0015 | 0x001e | 0x0022 => "DES",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of FoxIO's JA4 description (a Chrome hello), from its lists of values.
    #[test]
    fn ja4_equals_the_published_example() {
        let hello = ClientHello {
            server_name: Some("example.com".to_owned()),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            legacy_version: 0x0303,
            versions: vec![0x8a8a, 0x0304, 0x0303],
            ciphers: vec![
                0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005,
                0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xdada,
            ],
            signature_algorithms: vec![
                0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ],
        };
        assert_eq!(hello.ja4('t'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn ja4_of_a_bare_hello_has_zeros() {
        let hello = ClientHello {
            legacy_version: 0x0301,
            ..ClientHello::default()
        };
        assert_eq!(hello.ja4('t'), "t10i000000_000000000000_000000000000");
        assert_eq!(alpn_ends(b"h\x02"), "62", "hex where a letter lacks");
        assert_eq!(alpn_ends(b"x"), "xx");
    }
}
