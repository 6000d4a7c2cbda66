//! WebSocket (RFC 6455): the handshake with the example's key, and frames of both ends.
use crate::net::bytes::Bytes;

/// RFC 6455, 1.3: the example's key, and what the server answers to it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;
/// Bit of a frame that ends its message; the kinds above have it.
pub const LAST: u8 = 0x80;

/// Asks for frames; `more` are further header lines, each ended by CR LF.
pub fn request(host: &str, path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// Agrees to them.
pub fn answer(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{more}\r\n"
    )
}

/// A frame that begins with that octet; clients' have a mask.
pub fn frame(first: u8, mask: Option<[u8; 4]>, content: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let head = Bytes::new().u8(first);
    let head = match content.len() {
        short @ 0..=125 => head.u8(masked | short as u8),
        middle @ 126..=0xffff => head.u8(masked | 126).be16(middle as u16),
        long => head.u8(masked | 127).raw(&(long as u64).to_be_bytes()),
    };
    let Some(mask) = mask else {
        return head.raw(content).done();
    };
    let turns = mask.iter().cycle();
    let covered: Vec<u8> = content.iter().zip(turns).map(|(a, b)| a ^ b).collect();
    head.raw(&mask).raw(&covered).done()
}
