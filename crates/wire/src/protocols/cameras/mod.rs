//! How cameras and recorders are found, and what they say of themselves then.
pub(super) mod dahua;
pub(super) mod hikvision;
pub(super) mod ws_discovery;
mod xml;

use crate::{Cx, Side};

/// What the answer to ONVIF's `GetDeviceInformation` says (ONVIF Device Management, 8.1.7): for who carries its SOAP.
#[expect(dead_code, reason = "HTTP hands its bodies over once it reads them")]
pub(super) fn device_information(cx: &mut Cx<'_>, side: Side, body: &[u8]) {
    for (element, attribute) in [
        ("Manufacturer", "maker"),
        ("Model", "model"),
        ("FirmwareVersion", "firmware"),
        ("SerialNumber", "serial"),
        ("HardwareId", "order_number"),
    ] {
        if let Some(value) = xml::value(body, element, 96) {
            cx.identity(side, attribute, value);
        }
    }
}
