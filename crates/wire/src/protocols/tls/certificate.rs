//! Certificates: what an end says of itself when it proves who it is.
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::super::remote_tools::remote_tool;
use crate::reader::text;
use crate::{Cx, Malformed, Reader, Side};

/// Names taken of one certificate.
const MOST_NAMES: usize = 32;

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

/// Tells fingerprint, subject and issuer of the end that showed it, and the names of a server's.
pub(crate) fn tell(cx: &mut Cx<'_>, side: Side, der: &[u8]) {
    let fingerprint = format!("sha256:{}", super::hex(&Sha256::digest(der)));
    cx.identity(side, "key", fingerprint);
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        cx.oddity("tls.malformed_certificate", side, None);
        return;
    };
    let subject = text(certificate.subject().to_string().as_bytes(), 200);
    let issuer = text(certificate.issuer().to_string().as_bytes(), 200);
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
