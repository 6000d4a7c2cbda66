//! Kerberos: who asks for tickets, for which service, and who is refused.
//!
//! Spec: RFC 4120, 5.2 (names, addresses), 5.4 (requests and answers), 5.9 (errors), 7.2.2 (TCP).
//! Emits: users and host names of clients, services asked for, refusals that matter, tickets under RC4.
//! Blind to: what tickets hold; FAST armour, which hides names; PKINIT certificates.
use super::ber::{APPLICATION, CONSTRUCTED, SEQUENCE, UNIVERSAL, element, elements, find, number};
use super::named::Reads;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(super) static DECODER: Decoder = Decoder {
    name: "kerberos",
    title: "Kerberos",
    carriers: &[Carrier::Udp(88), Carrier::Tcp(88)],
    probe,
    open: || Box::new(Reads(message)),
    remote: false,
    operations: &[],
    about: "Users and hosts that ask for tickets, the services they ask for, refusals, and tickets under the broken RC4.",
    spec: "RFC 4120",
    blind: "what tickets hold; requests inside FAST armour",
};

const MOST_NAME: usize = 128;
const MOST_MESSAGE: usize = 1 << 20;

/// An application tag, a sequence, and in it first the version 5; over TCP behind a length (7.2.2).
fn probe(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let length = if head.udp { Ok(0) } else { r.u32() };
    if !matches!(length, Ok(length) if (length as usize) < MOST_MESSAGE) {
        return Probe::NotOurs;
    }
    super::named::ours(kind(r.peek()).map(|kind| match kind {
        10 | 12 | 14 => Sender::Client,
        _ => Sender::Server,
    }))
}

/// The number of the message, by its application tag.
fn kind(message: &[u8]) -> Option<u8> {
    // Only the beginning may be there: lengths are stepped over.
    let mut r = Reader::new(message);
    let tag = r.u8().ok()?;
    length(&mut r)?;
    if r.u8().ok()? != 0x30 {
        return None;
    }
    length(&mut r)?;
    match (tag, r.array::<5>().ok()?) {
        (0x6a | 0x6c, [0xa1, 3, 2, 1, 5])
        | (0x6e, [0xa0, 3, 2, 1, 5])
        | (0x6b | 0x6d | 0x6f | 0x7e, [0xa0, 3, 2, 1, 5]) => Some(tag & 0x1f),
        _ => None,
    }
}

fn length(r: &mut Reader<'_>) -> Option<usize> {
    match r.u8().ok()? {
        length @ 0..=0x7f => Some(usize::from(length)),
        0x81 => Some(usize::from(r.u8().ok()?)),
        0x82 => Some(usize::from(r.u16().ok()?)),
        0x83 => usize::try_from(r.u24().ok()?).ok(),
        _ => None,
    }
}

fn message(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let (whole, taken) = if cx.flow.udp {
        (bytes, bytes.len())
    } else {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
            return Step::Need(4);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length >= MOST_MESSAGE {
            return Step::Bad("length");
        }
        match rest.get(..length) {
            Some(whole) => (whole, 4 + length),
            None => return Step::Need(4 + length),
        }
    };
    match read(cx, side, whole) {
        Ok(()) => Step::Took(taken),
        Err(Malformed::Short) => Step::Bad("truncated"),
        Err(Malformed::Bad(what)) => Step::Bad(what),
    }
}

fn read(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Result<(), Malformed> {
    let outer = element(&mut Reader::new(bytes))?;
    if outer.form != APPLICATION {
        return Err(Malformed::Bad("tag"));
    }
    let body = find(outer.content, SEQUENCE, 16).ok_or(Malformed::Bad("sequence"))?;
    match outer.number {
        10 | 12 => {
            if let Some(asked) = find(body, CONSTRUCTED, 4).and_then(|b| find(b, SEQUENCE, 16)) {
                request(cx, side, asked);
            }
        }
        11 | 13 => answer(cx, side, body),
        30 => refusal(cx, side, body),
        _ => {}
    }
    Ok(())
}

/// RFC 4120, 5.2.2: the components of a name, as they are written.
fn principal(name: &[u8]) -> Option<String> {
    let name = find(name, SEQUENCE, 16)?;
    let parts = find(name, CONSTRUCTED, 1).and_then(|parts| find(parts, SEQUENCE, 16))?;
    let parts: Vec<String> = elements(parts)
        .filter_map(|part| text(part.content, MOST_NAME))
        .collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn realm(field: &[u8]) -> Option<String> {
    let word = elements(field).next()?;
    text(word.content, MOST_NAME)
}

/// Tells an account: of a person, or of a machine, whose name ends with a dollar.
fn account(cx: &mut Cx<'_>, side: Side, name: &str, realm: Option<&str>) {
    if let Some(host) = name.strip_suffix('$') {
        cx.identity(side, "hostname", host);
    } else if !name.contains('/') {
        let realm = realm.map(|realm| format!("@{realm}")).unwrap_or_default();
        cx.identity(side, "user", format!("{name}{realm}"));
    }
}

/// RFC 4120, 5.4.1: KDC-REQ-BODY.
fn request(cx: &mut Cx<'_>, side: Side, body: &[u8]) {
    let realm = find(body, CONSTRUCTED, 2).and_then(realm);
    if let Some(name) = find(body, CONSTRUCTED, 1).and_then(principal) {
        account(cx, side, &name, realm.as_deref());
    }
    // The ticket-granting service is no service of the network.
    let service = find(body, CONSTRUCTED, 3).and_then(principal);
    if let Some(service) = service.filter(|service| !service.starts_with("krbtgt/"))
        && let Some((_, host)) = service.split_once('/')
    {
        let host = host.split(['/', ':', '@']).next().unwrap_or(host);
        cx.name_looked_up(side, "kerberos", host, Vec::new(), None);
    }
    // Type 20 is a NetBIOS name: that of the client (5.2.5).
    let addresses = find(body, CONSTRUCTED, 9).and_then(|list| find(list, SEQUENCE, 16));
    for address in elements(addresses.unwrap_or(&[])).take(8) {
        let kind = find(address.content, CONSTRUCTED, 0)
            .and_then(|kind| find(kind, UNIVERSAL, 2))
            .and_then(number);
        let value =
            find(address.content, CONSTRUCTED, 1).and_then(|value| find(value, UNIVERSAL, 4));
        if kind == Some(20)
            && let Some(host) = value.and_then(|value| text(value, 16))
        {
            cx.identity(side, "hostname", host);
        }
    }
}

/// RFC 4120, 5.4.2: who got a ticket, and for what. Encryption 23 and below is RC4 or DES (RFC 8429).
fn answer(cx: &mut Cx<'_>, side: Side, body: &[u8]) {
    let crealm = find(body, CONSTRUCTED, 3).and_then(realm);
    if let Some(name) = find(body, CONSTRUCTED, 4).and_then(principal) {
        account(cx, side.other(), &name, crealm.as_deref());
    }
    let ticket = find(body, CONSTRUCTED, 5)
        .and_then(|ticket| find(ticket, APPLICATION, 1))
        .and_then(|ticket| find(ticket, SEQUENCE, 16));
    let Some(ticket) = ticket else { return };
    let cipher = find(ticket, CONSTRUCTED, 3)
        .and_then(|sealed| find(sealed, SEQUENCE, 16))
        .and_then(|sealed| find(sealed, CONSTRUCTED, 0))
        .and_then(|cipher| find(cipher, UNIVERSAL, 2))
        .and_then(number);
    if let Some(cipher @ (1..=3 | 23 | 24)) = cipher {
        let service = find(ticket, CONSTRUCTED, 2).and_then(principal);
        let service = service.unwrap_or_else(|| "an unnamed service".to_owned());
        let cipher = if cipher < 23 { "DES" } else { "RC4" };
        let detail = format!("ticket for {service} under {cipher}");
        cx.oddity("kerberos.weak_encryption", side, Some(detail));
    }
}

/// RFC 4120, 5.9.1 and 7.5.9. That a password is asked for (25), or another cipher (14), is the ordinary way.
fn refusal(cx: &mut Cx<'_>, side: Side, body: &[u8]) {
    let code = find(body, CONSTRUCTED, 6)
        .and_then(|code| find(code, UNIVERSAL, 2))
        .and_then(number);
    let why = match code {
        Some(6) => "unknown client",
        Some(7) => "unknown service",
        Some(12) => "refused by policy",
        Some(18) => "account locked or disabled",
        Some(23) => "password expired",
        Some(24) => "wrong password",
        Some(31 | 41) => "broken ticket",
        Some(34) => "replayed request",
        Some(37) => "clocks apart",
        _ => return,
    };
    let client = find(body, CONSTRUCTED, 8).and_then(principal);
    let service = find(body, CONSTRUCTED, 10).and_then(principal);
    cx.login_refused(side.other(), why, client.or(service).as_deref());
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    #[test]
    fn the_user_the_service_and_a_wrong_password_are_told() {
        check(
            &DECODER,
            &[
                // TGS-REQ for cifs/srv in realm R, by op; its answer, a ticket under RC4.
                (
                    Client,
                    "6c473045 a1030201 05a20302 010ca439 3037a007 03050000 000000a1 0f300da0 03020101 a1063004 \
                     1b026f70 a2031b01 52a31630 14a00302 0102a10d 300b1b04 63696673 1b037372 76",
                ),
                (
                    Server,
                    "6d533051 a0030201 05a10302 010da303 1b0152a4 0f300da0 03020101 a1063004 1b026f70 a52f612d \
                     302ba003 020105a1 031b0152 a2163014 a0030201 02a10d30 0b1b0463 6966731b 03737276 a3073005 \
                     a0030201 17",
                ),
                // KRB-ERROR 24 for op.
                (
                    Server,
                    "7e273025 a0030201 05a10302 011ea603 020118a7 031b0152 a80f300d a0030201 01a10630 041b026f \
                     70",
                ),
            ],
            expect![[r#"
                conversation protocol=kerberos state=answered packets=1/2 bytes=73/126
                identity 10.0.0.1 user=op@R stated
                name client=10.0.0.1 server=10.0.0.2 name=srv via=kerberos frames=Numbers([1])
                oddity what=kerberos.weak_encryption detail=ticket for cifs/srv under RC4 frames=Numbers([2])
                oddity what=login.refused detail=kerberos: wrong password (op) frames=Numbers([3])
            "#]],
        );
    }
}
