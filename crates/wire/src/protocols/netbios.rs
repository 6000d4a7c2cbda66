//! NetBIOS names as session and datagram service write them.
use crate::reader::text;
use crate::{Malformed, Reader};

/// A computer's or group's name and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub name: Option<String>,
    /// Last octet: 0x00 workstation, 0x20 file server, 0x1b to 0x1e browsers …
    pub suffix: u8,
}

/// First-level encoding (RFC 1001, 14.1): 32 letters from A to P, two for each octet, then the labels of the scope.
pub(super) fn name(r: &mut Reader<'_>) -> Result<Name, Malformed> {
    let length = r.u8()?;
    r.check(length == 32, "NetBIOS name length")?;
    let letters = r.array::<32>()?;
    let (pairs, _) = letters.as_chunks::<2>();
    let mut octets = [0u8; 16];
    for (octet, [high, low]) in octets.iter_mut().zip(pairs) {
        if !(b'A'..=b'P').contains(high) || !(b'A'..=b'P').contains(low) {
            return Err(Malformed::Bad("NetBIOS name"));
        }
        *octet = (high - b'A') << 4 | (low - b'A');
    }
    // Labels of a scope; most often there is none.
    for _ in 0..8 {
        match r.u8()? {
            0 => {
                let (suffix, name) = octets.split_last().unwrap_or((&0, &[]));
                let name = text(name, 15).filter(|name| !name.starts_with('*'));
                return Ok(Name {
                    name,
                    suffix: *suffix,
                });
            }
            label => r.skip(usize::from(label))?,
        }
    }
    Err(Malformed::Bad("NetBIOS scope"))
}

#[test]
fn a_name_is_decoded_and_its_suffix_kept() {
    let bytes = b"\x20EDENFDDADHCACACACACACACACACACACA\0";
    let read = name(&mut Reader::new(bytes)).unwrap();
    assert_eq!(read.name.as_deref(), Some("CMS07"));
    assert_eq!(read.suffix, 0x20);
}
