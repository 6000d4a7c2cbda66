//! What XML messages say that matters here, whoever carries them: who a device is, which service is called, and messages
//! of an exchange of logistics data.
//!
//! Spec: SOAP 1.1, 4; ONVIF Device Management Service, 8.1.7; UPnP Device Architecture 1.1, 2.3; Hikvision ISAPI (System,
//! `deviceInfo`); MS-WUSP, 3.1.4.1; TR-069 Amendment 6, A.3 (CWMP); the exchange server of LOGINK as its public sample code shows it (elements of the
//! header, `LogisticsExchangeCode`, types of messages).
use facts::Grade;

use super::carried::Document;
use crate::{Cx, Op, Side, Verb};

/// Longest value that is told.
const MOST_VALUE: usize = 96;

/// Elements of a description of a device, and the attributes of kind `identity` that they are.
type Lines = &'static [(&'static str, &'static str)];

/// ONVIF Device Management Service, 8.1.7.
const ONVIF: Lines = &[
    ("Manufacturer", "maker"),
    ("Model", "model"),
    ("FirmwareVersion", "firmware"),
    ("SerialNumber", "serial"),
];
/// UPnP Device Architecture 1.1, 2.3.
const UPNP: Lines = &[
    ("manufacturer", "maker"),
    ("modelName", "model"),
    ("serialNumber", "serial"),
    ("friendlyName", "system"),
];
/// ISAPI, `/ISAPI/System/deviceInfo`.
const ISAPI: Lines = &[
    ("model", "model"),
    ("firmwareVersion", "firmware"),
    ("serialNumber", "serial"),
    ("deviceName", "system"),
];
/// MS-WUSP, 3.1.4.1: a computer that asks for updates says who it is.
const UPDATES: Lines = &[("dnsName", "hostname")];

/// TR-069 Amendment 6, A.3.3.1: a device says who it is whenever it calls.
const INFORM: Lines = &[
    ("Manufacturer", "maker"),
    ("ProductClass", "model"),
    ("SerialNumber", "serial"),
];
/// Namespaces of CWMP: `-1-0` to `-1-4`.
const CWMP: &str = "urn:dslforum-org:cwmp-1-";

/// Prefix of the types of messages of the exchange.
const EXCHANGE_TYPE: &str = "ZJWL_LOGINK_";
/// Element that only messages of the exchange have.
const EXCHANGE_CODE: &str = "LogisticsExchangeCode";

/// `side` sent it.
pub(super) fn tell(cx: &mut Cx<'_>, side: Side, document: &Document) {
    let outermost = document.root.as_ref();
    let Some(element) = document.body.as_ref().or(outermost) else {
        return;
    };
    let space = element.space.as_deref().unwrap_or_default();
    let is_of = |host: &str| {
        let rest = space.split_once("://").map_or(space, |(_, rest)| rest);
        rest.split(['/', ':']).next() == Some(host)
    };
    let lines = match element.name.as_str() {
        "GetDeviceInformationResponse" if is_of("www.onvif.org") => ONVIF,
        "root" if space == "urn:schemas-upnp-org:device-1-0" => UPNP,
        "DeviceInfo" if is_of("www.hikvision.com") || is_of("www.isapi.org") => {
            let end = *cx.flow.end(side);
            let mac = end.mac.filter(|_| end.near);
            // Whatever name stands on it, who answers in this namespace was made by them.
            cx.identity_of(mac, end.address.ip(), "maker", "Hikvision", Grade::Inferred);
            ISAPI
        }
        "GetAuthorizationCookie" if is_of("www.microsoft.com") => UPDATES,
        "Inform" if space.starts_with(CWMP) => INFORM,
        _ => &[],
    };
    for (name, attribute) in lines {
        if let Some(value) = document.value(name) {
            cx.identity(side, attribute, short(value));
        }
    }
    // A message that lies in a file is nobody's call.
    let called = cx.decoder.name == super::http::DECODER.name;
    if called && document.body.is_some() && space.starts_with(CWMP) {
        cwmp(cx, side, &element.name, document);
    }
    if side == Side::Client
        && document.body.is_some()
        && let Some(space) = &element.space
    {
        cx.name_used("soap", space, Some(element.name.clone()));
    }
    exchange(cx, side, document);
}

/// CWMP: the device opens the connection, and the server's calls come as answers to it. What became of them is told by
/// messages that are not paired here.
fn cwmp(cx: &mut Cx<'_>, side: Side, call: &str, document: &Document) {
    let value = |name| document.value(name).map(short);
    let url = || document.value("URL").map(|url| short(&without_user(url)));
    if call == "Inform" {
        cx.session(None, Some("managed by CWMP (TR-069)".to_owned()));
        if let Some(oui) = value("OUI") {
            cx.identity(side, "system", format!("CWMP device of OUI {oui}"));
        }
    }
    let file = value("FileType");
    // "1 Firmware Upgrade Image", "3 Vendor Configuration File" (A.3.2.8).
    let kind = file.as_deref().and_then(|kind| kind.split(' ').next());
    let (verb, object) = match (call, kind) {
        ("GetParameterValues", _) => (Verb::Read, value("string")),
        ("SetParameterValues" | "SetParameterAttributes", _) => (Verb::Configure, value("Name")),
        ("AddObject" | "DeleteObject", _) => (Verb::Configure, value("ObjectName")),
        ("Download" | "ScheduleDownload", Some("1")) => (Verb::FirmwareUpdate, url()),
        ("Download" | "ScheduleDownload", Some("3")) => (Verb::Configure, url()),
        ("Download" | "ScheduleDownload", _) => (Verb::FileWrite, url()),
        ("ChangeDUState", _) => (Verb::FirmwareUpdate, url()),
        ("Upload" | "ScheduleUpload", _) => (Verb::FileRead, url()),
        ("Reboot" | "FactoryReset", _) => (Verb::Reset, None),
        _ => return,
    };
    let detail = match file {
        Some(file) => format!("CWMP {call}: {file}"),
        None => format!("CWMP {call}"),
    };
    let op = Op {
        object,
        detail: Some(detail),
        ..Op::new(verb)
    };
    cx.operation(side, op);
}

/// A URL without the user and password that may stand before its host (RFC 3986, 3.2.1).
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// A message of the exchange, in the body of a request or as a file: its type, who sent it, and as whom.
fn exchange(cx: &mut Cx<'_>, side: Side, document: &Document) {
    let code = document.value(EXCHANGE_CODE);
    let kind = document.beginning(EXCHANGE_TYPE);
    let header = |name| document.value(name).map(short);
    let (name, sender) = (header("DocumentName"), header("SenderCode"));
    let known = code.is_some() || kind.is_some();
    if !known && (name.is_none() || sender.is_none() || header("MessageReferenceNumber").is_none())
    {
        return;
    }
    let what = kind.map(short).or_else(|| name.clone());
    if known {
        cx.name_used("xml-element", EXCHANGE_CODE, what.clone());
    }
    let parts = [
        ("", what.or(name)),
        ("version ", header("DocumentVersionNumber")),
        ("function ", header("MessageFunctionCode")),
        ("from ", sender),
        ("exchange code ", code.map(short)),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter_map(|(before, value)| Some(format!("{before}{}", value?)))
        .collect();
    cx.identity(
        side,
        "service",
        format!("exchanges messages: {}", said.join(", ")),
    );
}

fn short(value: &str) -> String {
    value.chars().take(MOST_VALUE).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::Side::{Client, Server};
    use crate::protocols::http;
    use crate::testing::{render, run};

    #[test]
    fn a_router_managed_by_cwmp_says_who_it_is_and_what_it_is_told_to_do() {
        let call = |body: &str| {
            format!(
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:c=\"urn:dslforum-org:cwmp-1-2\"><s:Body>{body}</s:Body></s:Envelope>"
            )
        };
        let inform = call(
            "<c:Inform><DeviceId><Manufacturer>Maker</Manufacturer><OUI>001E42</OUI><ProductClass>RUT9</ProductClass><SerialNumber>S1</SerialNumber></DeviceId></c:Inform>",
        );
        let set = call(
            "<c:SetParameterValues><ParameterList><ParameterValueStruct><Name>Device.X</Name><Value>1</Value></ParameterValueStruct></ParameterList></c:SetParameterValues>",
        );
        let firmware = call(
            "<c:Download><FileType>1 Firmware Upgrade Image</FileType><URL>http://u:p@acs/fw.bin</URL><Username>u</Username><Password>p</Password></c:Download>",
        );
        let none = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:c=\"urn:example\"><s:Body><c:Reboot/></s:Body></s:Envelope>";
        let told = render(&run(
            &http::DECODER,
            None,
            &[
                (Client, post("/acs", &inform)),
                (Server, answer(&set)),
                (Client, post("/acs", "")),
                (Server, answer(&firmware)),
                (Client, post("/acs", "")),
                (Server, answer(none)),
            ],
        ));
        for line in [
            "identity 10.0.0.1 maker=Maker",
            "identity 10.0.0.1 model=RUT9",
            "identity 10.0.0.1 serial=S1",
            "identity 10.0.0.1 system=CWMP device of OUI 001E42",
            "operation configure \"Device.X\" (CWMP SetParameterValues)",
            "operation firmware-update \"http://acs/fw.bin\" (CWMP Download: 1 Firmware Upgrade Image)",
            "detail=managed by CWMP (TR-069)",
        ] {
            assert!(told.contains(line), "{line}\n{told}");
        }
        assert!(
            !told.contains("reset"),
            "nobody's namespace says nothing: {told}"
        );
        assert!(!told.contains("u:p"), "{told}");
    }

    fn post(path: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\nHost: gw.example\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n{body}")
            .into_bytes()
    }

    fn answer(body: &str) -> Vec<u8> {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn identities_and_names(messages: &[(crate::Side, Vec<u8>)]) -> String {
        let facts = render(&run(&http::DECODER, None, messages));
        let told = |line: &&str| line.starts_with("identity") || line.starts_with("name");
        facts
            .lines()
            .filter(told)
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn a_message_of_the_exchange_is_told_by_namespace_operation_type_and_codes_whatever_the_path() {
        let message = "<Root><Header><MessageReferenceNumber>1</MessageReferenceNumber>\
            <DocumentName>Waybill</DocumentName><DocumentVersionNumber>V3.1</DocumentVersionNumber>\
            <SenderCode>33001</SenderCode><MessageFunctionCode>9</MessageFunctionCode></Header>\
            <Body><LogisticsExchangeCode>4711</LogisticsExchangeCode></Body></Root>";
        let escaped = message.replace('<', "&lt;").replace('>', "&gt;");
        let body = format!(
            "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
             <ns1:send xmlns:ns1=\"http://impl.exchange.cuteinfo.wondersgroup.com/\"><actionType>\
             ZJWL_LOGINK_TestRequest</actionType><xml>{escaped}</xml></ns1:send></soapenv:Body></soapenv:Envelope>"
        );
        expect![[r#"
            identity 10.0.0.1 service=exchanges messages: ZJWL_LOGINK_TestRequest, version V3.1, function 9, from 33001, exchange code 4711 stated
            name client=10.0.0.1 server=10.0.0.2 name=gw.example via=http-host path=/x frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=http://impl.exchange.cuteinfo.wondersgroup.com/ via=soap path=send frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=logisticsexchangecode via=xml-element path=ZJWL_LOGINK_TestRequest frames=Numbers([1])
        "#]].assert_eq(&identities_and_names(&[
            (Client, post("/x", &body)),
            (Server, answer("<a/>")),
        ]));
    }

    #[test]
    fn devices_say_who_made_them_in_the_words_of_three_protocols() {
        let onvif = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\">\
            <s:Body><tds:GetDeviceInformationResponse><tds:Manufacturer>Maker</tds:Manufacturer><tds:Model>C1</tds:Model>\
            <tds:FirmwareVersion>V1.2</tds:FirmwareVersion><tds:SerialNumber>7</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>\
            </tds:GetDeviceInformationResponse></s:Body></s:Envelope>";
        let upnp = "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><friendlyName>Gate</friendlyName>\
            <manufacturer>M</manufacturer><modelName>R1</modelName></device></root>";
        let isapi = "<DeviceInfo version=\"2.0\" xmlns=\"http://www.hikvision.com/ver20/XMLSchema\"><deviceName>Boom</deviceName>\
            <model>DS-1</model><serialNumber>S9</serialNumber></DeviceInfo>";
        let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: c\r\n\r\n").into_bytes();
        expect![[r#"
            identity 10.0.0.2 firmware=V1.2 stated
            identity 10.0.0.2 maker=Maker stated
            identity 10.0.0.2 model=C1 stated
            identity 10.0.0.2 serial=7 stated
            identity 10.0.0.2 maker=M stated
            identity 10.0.0.2 model=R1 stated
            identity 10.0.0.2 system=Gate stated
            identity 10.0.0.2 maker=Hikvision inferred
            identity 10.0.0.2 model=DS-1 stated
            identity 10.0.0.2 serial=S9 stated
            identity 10.0.0.2 system=Boom stated
            name client=10.0.0.1 server=10.0.0.2 name=c via=http-host path=/a frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=c via=http-host path=/b frames=Numbers([3])
            name client=10.0.0.1 server=10.0.0.2 name=c via=http-host path=/c frames=Numbers([5])
            name client=10.0.0.1 server=10.0.0.2 name=c via=http-host path=/d frames=Numbers([7])
        "#]]
        .assert_eq(&identities_and_names(&[
            (Client, ask("/a")),
            (Server, answer(onvif)),
            (Client, ask("/b")),
            (Server, answer(upnp)),
            (Client, ask("/c")),
            (Server, answer(isapi)),
            // The same elements in nobody's namespace say nothing.
            (Client, ask("/d")),
            (
                Server,
                answer("<root><manufacturer>No</manufacturer></root>"),
            ),
        ]));
    }
}
