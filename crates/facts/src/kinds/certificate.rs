use crate::{Address, Time, kind};

kind! {
    /// A certificate that one end of a TLS connection showed the other in the clear, as is so up to version 1.2; only the
    /// end's own, not those that vouch for it. Connections of the same two ends in which it was shown are one row. A
    /// connection that goes on with an earlier one's keys shows none.
    Certificate = "certificate" {
        /// When it was shown first.
        time: Time => first,
        /// When it was shown last.
        last: Time => last,
        /// In how many connections.
        count: u64 => sum,
        /// Host that opened the connections.
        client: Address,
        /// Host that was asked.
        server: Address,
        /// Port of the server.
        server_port: Option<u16>,
        /// VLAN in which it was seen.
        vlan: Option<u16>,
        /// Name of the server that the client asked for (SNI).
        asked_for: Option<String>,
        /// Whether the client showed it; else the server did.
        by_client: bool,
        /// SHA-256 of the certificate, 64 hexadecimal digits.
        sha256: String,
        /// SHA-1 of the certificate, 40 hexadecimal digits; other tools name it by that.
        sha1: String => opening,
        /// Version of X.509, from 1; null where the certificate could not be read, like all that follows.
        version: Option<u64> => opening,
        /// Serial number as encoded: pairs of hexadecimal digits with colons.
        serial: Option<String> => opening,
        /// Whose it is, e.g. `C=DE, O=Example, CN=plc1`, in the order of the certificate.
        subject: Option<String> => opening,
        /// Who vouches for it, written alike.
        issuer: Option<String> => opening,
        /// From when on it is valid, RFC 3339.
        not_before: Option<String> => opening,
        /// Until when it is valid, RFC 3339; up to the year 9999.
        not_after: Option<String> => opening,
        /// Host names and addresses that it is for (subject alternative names).
        names: Vec<String> => opening,
        /// Kind of its key by the name of its algorithm, e.g. `rsaEncryption`.
        key_algorithm: Option<String> => opening,
        /// Bits of its key.
        key_bits: Option<u64> => opening,
        /// Curve of a key on an elliptic curve, e.g. `prime256v1`.
        curve: Option<String> => opening,
        /// How it is signed, e.g. `sha256WithRSAEncryption`.
        signature: Option<String> => opening,
        /// Whether it may vouch for others; null where it does not say.
        is_ca: Option<bool> => opening,
        /// Judged: asset of the client, else its address.
        client_asset: Option<String>,
        /// Judged: zone of the client.
        client_zone: Option<String>,
        /// Judged: asset of the server, else its address.
        server_asset: Option<String>,
        /// Judged: zone of the server.
        server_zone: Option<String>,
    }
}
