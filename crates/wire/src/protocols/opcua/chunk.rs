//! The connection protocol and secure conversation: headers of messages and chunks.
//!
//! Spec: OPC 10000-6, 6.7 (chunks, security headers) and 7.1 (Hello, Acknowledge, Error, ReverseHello).
use super::types;
use crate::reader::{Malformed, Reader};

/// Kind, chunk type, size.
pub(super) const HEADER: usize = 8;
/// What must be there of a chunk to read its headers and the number of its service: 8, channel, token, sequence, request,
/// and a node id.
pub(super) const START: usize = 28;
/// Chunks above this are not OPC UA, or nothing that anyone sends: servers bound chunks to some 64 KiB, at most a few MiB.
const MOST_SIZE: u32 = 64 << 20;
/// OPC 10000-6, 6.7.2.3: a policy URI has at most 255 bytes. 7.1.2.3: an endpoint URL has at most 4096.
const MOST_POLICY: usize = 255;
const MOST_URL: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hello,
    Acknowledge,
    Error,
    ReverseHello,
    Open,
    Message,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// More chunks follow.
    Intermediate,
    Final,
    /// The sender gave up.
    Abort,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub kind: Kind,
    pub part: Part,
    pub size: usize,
}

impl Header {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let [a, b, c, part] = r.array()?;
        let kind = match &[a, b, c] {
            b"HEL" => Kind::Hello,
            b"ACK" => Kind::Acknowledge,
            b"ERR" => Kind::Error,
            b"RHE" => Kind::ReverseHello,
            b"OPN" => Kind::Open,
            b"MSG" => Kind::Message,
            b"CLO" => Kind::Close,
            _ => return Err(Malformed::Bad("message type")),
        };
        let part = match (part, kind) {
            (b'F', _) => Part::Final,
            (b'C', Kind::Message) => Part::Intermediate,
            (b'A', Kind::Message) => Part::Abort,
            _ => return Err(Malformed::Bad("chunk type")),
        };
        let size = r.u32_le()?;
        let fits = match kind {
            Kind::Acknowledge => size == 28,
            Kind::Hello => (32..=4128).contains(&size),
            Kind::Error => (16..=8192).contains(&size),
            Kind::ReverseHello => (16..=8208).contains(&size),
            Kind::Open => (32..=MOST_SIZE).contains(&size),
            Kind::Message | Kind::Close => (24..=MOST_SIZE).contains(&size),
        };
        r.check(fits, "message size")?;
        Ok(Header {
            kind,
            part,
            size: usize::try_from(size).unwrap_or(usize::MAX),
        })
    }
}

/// 7.1.2.3: version, buffer sizes, message limits, endpoint URL. The URL must fill the message.
pub(super) fn hello<'a>(r: &mut Reader<'a>, size: usize) -> Result<Option<&'a [u8]>, Malformed> {
    r.skip(5 * 4)?;
    // Checked before the URL is there: garbage is told early.
    let mut ahead = *r;
    let length = usize::try_from(ahead.u32_le()?.cast_signed()).unwrap_or(0);
    r.check(
        length <= MOST_URL && HEADER + 24 + length == size,
        "endpoint URL",
    )?;
    types::bytes(r)
}

/// 6.7.2.3: channel, policy, certificate of the sender, thumbprint of the receiver's; then sequence and request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening<'a> {
    pub policy: &'a [u8],
}

impl<'a> Opening<'a> {
    /// The policy alone: enough to recognise the message.
    pub(super) fn start(r: &mut Reader<'a>) -> Result<Opening<'a>, Malformed> {
        r.skip(4)?;
        // The length is checked before its bytes are there: garbage is told early.
        let mut ahead = *r;
        let length = ahead.u32_le()?;
        r.check(length as usize <= MOST_POLICY, "security policy")?;
        let policy = types::bytes(r)?.unwrap_or_default();
        let is_uri =
            policy.is_empty() || policy.starts_with(b"http://") || policy.starts_with(b"urn:");
        r.check(is_uri, "security policy")?;
        Ok(Opening { policy })
    }

    /// Everything up to the body, which is readable where the policy is none.
    pub(super) fn read(r: &mut Reader<'a>) -> Result<(Opening<'a>, u32), Malformed> {
        let opening = Opening::start(r)?;
        types::bytes(r)?;
        types::bytes(r)?;
        r.skip(4)?;
        Ok((opening, r.u32_le()?))
    }

    /// Bytes of the signature behind each chunk: HMAC with SHA-1 in the two oldest policies, with SHA-256 since.
    pub(super) fn signature(&self) -> usize {
        let is_old =
            self.policy.ends_with(b"#Basic128Rsa15") || self.policy.ends_with(b"#Basic256");
        if is_old { 20 } else { 32 }
    }

    /// No signature, no encryption.
    pub(super) fn is_plain(&self) -> bool {
        self.policy.is_empty() || self.policy.ends_with(b"#None")
    }
}

/// 6.7.2.4: channel, token, sequence and request of a symmetric chunk; gives the request.
pub(super) fn symmetric(r: &mut Reader<'_>) -> Result<u32, Malformed> {
    r.skip(4 + 4 + 4)?;
    r.u32_le()
}
