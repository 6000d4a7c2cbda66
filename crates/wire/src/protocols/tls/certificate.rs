//! Certificates: what an end says of itself when it proves who it is.
use std::net::{Ipv4Addr, Ipv6Addr};

use sha1::Sha1;
use sha2::{Digest, Sha256};
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use super::super::remote_tools::remote_tool;
use crate::picture::Says;
use crate::reader::text;
use crate::{Cx, Malformed, Reader, Side};

/// Names taken of one certificate.
const MOST_NAMES: usize = 32;
/// Characters of a subject, an issuer, or the name of an algorithm.
const MOST_TEXT: usize = 200;
/// Octets of a serial number: RFC 5280, 4.1.2.2, allows 20.
const MOST_SERIAL: usize = 40;

/// The first certificate of a handshake message's list: that of the end itself (RFC 5246, 7.4.2).
pub(super) fn first(body: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut r = Reader::new(body);
    let length = usize::try_from(r.u24()?).unwrap_or(usize::MAX);
    let mut list = r.sub(length)?;
    if list.is_empty() {
        return Ok(None);
    }
    let length = usize::try_from(list.u24()?).unwrap_or(usize::MAX);
    list.bytes(length).map(Some)
}

/// Tells fingerprint, subject and issuer of the end that showed it, and the names of a server's. `asked_for` is the name of
/// the server, as the client has it.
pub(crate) fn tell(cx: &mut Cx<'_>, side: Side, der: &[u8], asked_for: Option<&str>) {
    let sha256: [u8; 32] = Sha256::digest(der).into();
    cx.identity(side, "key", format!("sha256:{}", super::hex(&sha256)));
    let read = X509Certificate::from_der(der);
    cx.certificate(side, sha256, asked_for, || Says {
        sha1: Sha1::digest(der).into(),
        ..read
            .as_ref()
            .map(|(_, certificate)| says(certificate))
            .unwrap_or_default()
    });
    let Ok((_, certificate)) = read else {
        cx.oddity("tls.malformed_certificate", side, None);
        return;
    };
    let subject = text(certificate.subject().to_string().as_bytes(), MOST_TEXT);
    let issuer = text(certificate.issuer().to_string().as_bytes(), MOST_TEXT);
    let stated = match (&subject, &issuer) {
        (Some(subject), Some(issuer)) if subject == issuer => {
            format!("certificate of {subject}, self-signed")
        }
        (Some(subject), Some(issuer)) => format!("certificate of {subject}, issued by {issuer}"),
        (Some(subject), None) => format!("certificate of {subject}"),
        (None, _) => "certificate without subject".to_owned(),
    };
    cx.identity(side, "system", stated);
    let end = certificate.validity().not_after;
    if end.timestamp() < cx.now().0 / 1_000_000_000 {
        let detail = subject.map(|subject| format!("{subject}, until {end}"));
        cx.oddity("tls.expired_certificate", side, detail);
    }
    let common = certificate.subject().iter_common_name().next();
    let common = common.and_then(|name| name.as_str().ok());
    if let Some(tool) = remote_tool(None, common) {
        cx.remote_tool(&tool);
    }
    if side == Side::Server {
        for name in names(&certificate) {
            cx.name_used("tls-certificate", &name, None);
        }
    }
}

/// Alternative names (RFC 5280, 4.2.1.6); the common name only where there are none and it could be a host's
/// (RFC 6125, 6.4.4).
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            if let GeneralName::DNSName(name) = name
                && names.len() < MOST_NAMES
            {
                names.extend(text(name.as_bytes(), 255));
            }
        }
    }
    if names.is_empty() {
        let common = certificate.subject().iter_common_name().next();
        let common = common
            .and_then(|name| name.as_str().ok())
            .and_then(|name| text(name.as_bytes(), 255));
        names.extend(common.filter(|name| {
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '*'))
        }));
    }
    names
}

/// What the certificate says, in the words that others have for it.
fn says(certificate: &X509Certificate<'_>) -> Says {
    let key = certificate.public_key();
    let bits = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => bits(rsa.modulus),
        Ok(other) => other.key_size(),
        Err(_) => 0,
    };
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|parameters| parameters.as_oid().ok());
    let serial: Vec<String> = (certificate.raw_serial().iter())
        .take(MOST_SERIAL)
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let constraints = certificate.basic_constraints().ok().flatten();
    Says {
        version: Some(u64::from(certificate.version().0) + 1),
        serial: Some(serial.join(":")),
        subject: text(certificate.subject().to_string().as_bytes(), MOST_TEXT),
        issuer: text(certificate.issuer().to_string().as_bytes(), MOST_TEXT),
        not_before: moment(&certificate.validity().not_before),
        not_after: moment(&certificate.validity().not_after),
        names: alternative_names(certificate),
        key_algorithm: word(&key.algorithm.algorithm),
        key_bits: (bits > 0).then_some(bits as u64),
        curve: curve.as_ref().and_then(word),
        signature: word(&certificate.signature_algorithm.algorithm),
        is_ca: constraints.map(|constraints| constraints.value.ca),
        ..Says::default()
    }
}

/// Its short name, else its number.
fn word(oid: &Oid<'_>) -> Option<String> {
    let name = oid2sn(oid, oid_registry()).map(str::to_owned);
    Some(name.unwrap_or_else(|_| oid.to_id_string())).filter(|word| word.len() <= MOST_TEXT)
}

/// Bits of a number, big-endian.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(8, |byte| byte.leading_zeros());
    ((number.len() - zeros) * 8).saturating_sub(first as usize)
}

/// RFC 3339, in UTC. X.509 knows whole seconds.
fn moment(time: &ASN1Time) -> Option<String> {
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Host names and addresses (RFC 5280, 4.2.1.6).
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => text(name.as_bytes(), 255),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => (octets.first_chunk::<4>()).map(|ip| Ipv4Addr::from(*ip).to_string()),
            16 => (octets.first_chunk::<16>()).map(|ip| Ipv6Addr::from(*ip).to_string()),
            _ => None,
        },
        _ => None,
    };
    let names = extension.value.general_names.iter();
    names.filter_map(name).take(MOST_NAMES).collect()
}
