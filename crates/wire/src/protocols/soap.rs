//! What SOAP messages say that matter here, for whoever carries them: HTTP has the path, the action and the body.
//!
//! Spec: ONVIF Device Management Service, 8.1.7; the exchange server of LOGINK as its public sample code shows it.
use super::cameras::xml;
use super::lines;

/// Longest value that is told.
const MOST_VALUE: usize = 96;

/// What the answer to ONVIF's `GetDeviceInformation` says of its sender, by attribute of kind `identity`.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "HTTP is to hand its SOAP bodies over")
)]
pub(super) fn device_information(body: &[u8]) -> Vec<(&'static str, String)> {
    if !lines::contains(body, b"GetDeviceInformationResponse") {
        return Vec::new();
    }
    [
        ("Manufacturer", "maker"),
        ("Model", "model"),
        ("FirmwareVersion", "firmware"),
        ("SerialNumber", "serial"),
    ]
    .into_iter()
    .filter_map(|(element, attribute)| Some((attribute, xml::value(body, element, MOST_VALUE)?)))
    .collect()
}

/// Whether a request is one of LOGINK's exchange server: by the path of its services, by the namespace of their maker, or
/// by the element that only its messages have.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "HTTP is to ask with path, action and body")
)]
pub(super) fn is_logink_exchange(path: &[u8], action: &[u8], body: &[u8]) -> bool {
    let services = [
        &b"/cuteinfo/services/ExchangeUserSecurity"[..],
        b"/cuteinfo/services/ExchangeTransportService",
    ];
    let path = path.split(|byte| *byte == b'?').next().unwrap_or(path);
    let namespace = |text: &[u8]| lines::contains(text, b"com.wondersgroup.cuteinfo");
    let message = || {
        lines::contains(body, b"<LogisticsExchangeCode>")
            || lines::contains(body, b":LogisticsExchangeCode>")
    };
    services.contains(&path) || namespace(action) || namespace(body) || message()
}

#[test]
fn the_exchange_is_told_by_path_namespace_or_element_and_nothing_else_is() {
    let told = |path: &str, action: &str, body: &str| {
        is_logink_exchange(path.as_bytes(), action.as_bytes(), body.as_bytes())
    };
    assert!(told(
        "/cuteinfo/services/ExchangeTransportService?wsdl",
        "",
        ""
    ));
    assert!(told("/x", "http://impl.com.wondersgroup.cuteinfo/send", ""));
    assert!(told(
        "/x",
        "",
        "<Body><LogisticsExchangeCode>1</LogisticsExchangeCode></Body>"
    ));
    assert!(!told(
        "/cuteinfo/services/ExchangeTransportServiceX",
        "",
        ""
    ));
    assert!(!told(
        "/services/Exchange",
        "send",
        "<Body><Code>1</Code></Body>"
    ));
}

#[test]
fn a_camera_says_who_made_it() {
    let body = b"<s:Body><tds:GetDeviceInformationResponse><tds:Manufacturer>Maker</tds:Manufacturer>\
        <tds:Model>C1</tds:Model><tds:SerialNumber>7</tds:SerialNumber></tds:GetDeviceInformationResponse></s:Body>";
    let told: Vec<_> = device_information(body)
        .into_iter()
        .map(|(what, value)| format!("{what} {value}"))
        .collect();
    assert_eq!(told, ["maker Maker", "model C1", "serial 7"]);
}
