//! Who a device is: the identity object, and its copy in the answer to ListIdentity.
//!
//! CIP Networks Library Volume 1, 5-2; Volume 2, 2-4.2. Numbers of vendors and device types are ODVA's.
use crate::reader::text;
use crate::{Malformed, Reader};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    vendor: u16,
    device_type: u16,
    product: Option<String>,
    major: u8,
    minor: u8,
    serial: u32,
}

impl Identity {
    /// All attributes of the object, as `Get Attributes All` gives them.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Identity, Malformed> {
        let (vendor, device_type) = (r.u16_le()?, r.u16_le()?);
        r.skip(2)?;
        let [major, minor] = r.array()?;
        r.skip(2)?;
        let serial = r.u32_le()?;
        let length = usize::from(r.u8()?);
        let product = text(r.bytes(length)?, 64);
        Ok(Identity {
            vendor,
            device_type,
            product,
            major,
            minor,
            serial,
        })
    }

    /// The item of an answer to ListIdentity: version and socket address stand in front.
    pub(super) fn read_item(item: &[u8]) -> Result<Identity, Malformed> {
        let mut r = Reader::new(item);
        r.skip(2 + 16)?;
        Identity::read(&mut r)
    }

    fn revision(&self) -> String {
        format!("{}.{:03}", self.major, self.minor)
    }

    /// What it says of the device itself, attribute by attribute.
    pub(super) fn attributes(self) -> Vec<(&'static str, String)> {
        let mut known = vec![
            ("firmware", self.revision()),
            ("serial", format!("{:08X}", self.serial)),
        ];
        known.extend(vendor(self.vendor).map(|maker| ("maker", maker.to_owned())));
        known.extend(role(self.device_type).map(|role| ("role", role.to_owned())));
        known.extend(self.product.map(|product| ("model", product)));
        known
    }

    /// What it says of a module behind the device, in one line.
    pub(super) fn module(&self, route: &str) -> String {
        let product = self.product.as_deref().unwrap_or("module");
        let (revision, serial) = (self.revision(), self.serial);
        format!("{route}: {product}, revision {revision}, serial {serial:08X}")
    }
}

const fn role(device_type: u16) -> Option<&'static str> {
    Some(match device_type {
        0x0e => "plc",
        0x02 | 0x13 | 0x25 | 0x2d | 0x2e => "drive",
        0x18 => "hmi",
        0x07 => "remote-io",
        0x23 | 0x2a => "safety",
        0x2c => "switch",
        _ => return None,
    })
}

/// The common among ODVA's vendor numbers.
const fn vendor(number: u16) -> Option<&'static str> {
    Some(match number {
        1 | 5 | 77 | 625 | 668 => "Rockwell Automation",
        3 => "Honeywell",
        4 | 620 | 924 => "Parker Hannifin",
        7 => "SMC",
        8 => "Molex",
        12 => "Banner Engineering",
        13 | 947 => "Belden",
        26 => "Festo",
        37 | 44 => "Yaskawa",
        40 => "WAGO",
        43 => "Balluff",
        46 | 75 | 127 | 593 | 722 => "ABB",
        47 => "Omron",
        48 | 256 => "Turck",
        57 => "Pepperl+Fuchs",
        68 => "Eaton",
        71 => "Toshiba",
        74 | 1112 => "Hitachi",
        82 | 161 => "Mitsubishi Electric",
        90 => "HMS Industrial Networks",
        94 => "Advantech",
        97 => "Danfoss",
        100 | 255 | 287 => "Bosch Rexroth",
        108 => "Beckhoff",
        121 => "KUKA",
        145 | 796 | 862 | 971 => "Siemens",
        160 => "Mitsubishi Heavy Industries",
        176 => "Red Lion Controls",
        181 => "Pilz",
        243 => "Schneider Electric",
        245 | 680 | 1015 => "Weidmueller",
        257 | 553 => "Control Techniques",
        283 => "Hilscher",
        309 => "ProSoft Technology",
        315 => "SEW-Eurodrive",
        319 => "Fuji Electric",
        322 => "ifm electronic",
        326 => "GE Fanuc",
        345 | 1182 => "Endress+Hauser",
        356 | 591 => "FANUC",
        367 => "Keyence",
        445 => "Lenze",
        468 | 763 => "Baumer",
        511 | 771 | 808 => "SICK",
        562 => "Phoenix Contact",
        634 => "Hirschmann",
        640 => "Murrelektronik",
        678 => "Cognex",
        799 | 1059 => "Delta Electronics",
        939 => "Cisco",
        991 => "Moxa",
        903 | 998 | 1141 => "Emerson",
        _ => return None,
    })
}
