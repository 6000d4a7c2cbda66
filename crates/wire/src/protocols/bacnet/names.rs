//! The names that ASHRAE 135 gives to objects, properties, errors; and a few vendors.
use super::pdu::Object;

/// ASHRAE 135, 21: BACnetObjectType.
const OBJECTS: &[&str] = &[
    "analog-input",
    "analog-output",
    "analog-value",
    "binary-input",
    "binary-output",
    "binary-value",
    "calendar",
    "command",
    "device",
    "event-enrollment",
    "file",
    "group",
    "loop",
    "multi-state-input",
    "multi-state-output",
    "notification-class",
    "program",
    "schedule",
    "averaging",
    "multi-state-value",
    "trend-log",
    "life-safety-point",
    "life-safety-zone",
    "accumulator",
    "pulse-converter",
    "event-log",
    "global-group",
    "trend-log-multiple",
    "load-control",
    "structured-view",
    "access-door",
];

/// `analog-value 4`.
pub(super) fn object(object: Object) -> String {
    let Object { kind, instance } = object;
    match OBJECTS.get(usize::from(kind)) {
        Some(name) => format!("{name} {instance}"),
        None => format!("object-type-{kind} {instance}"),
    }
}

pub(super) const DEVICE: u16 = 8;
pub(super) const FILE: u16 = 10;

/// ASHRAE 135, 21: BACnetPropertyIdentifier, those that are met often.
pub(super) fn property(number: u32) -> String {
    let name = match number {
        2 => "action",
        4 => "active-text",
        6 => "alarm-value",
        8 => "all",
        11 => "apdu-timeout",
        12 => "application-software-version",
        17 => "notification-class",
        22 => "cov-increment",
        25 => "deadband",
        28 => "description",
        30 => "device-address-binding",
        36 => "event-state",
        38 => "exception-schedule",
        42 => "file-size",
        43 => "file-type",
        44 => "firmware-revision",
        45 => "high-limit",
        46 => "inactive-text",
        52 => "limit-enable",
        56 => "local-date",
        57 => "local-time",
        58 => "location",
        59 => "low-limit",
        62 => "max-apdu-length-accepted",
        65 => "max-pres-value",
        69 => "min-pres-value",
        70 => "model-name",
        73 => "number-of-apdu-retries",
        75 => "object-identifier",
        76 => "object-list",
        77 => "object-name",
        79 => "object-type",
        80 => "optional",
        81 => "out-of-service",
        84 => "polarity",
        85 => "present-value",
        87 => "priority-array",
        90 => "program-change",
        92 => "program-state",
        96 => "protocol-object-types-supported",
        97 => "protocol-services-supported",
        98 => "protocol-version",
        103 => "reliability",
        104 => "relinquish-default",
        105 => "required",
        107 => "segmentation-supported",
        108 => "setpoint",
        111 => "status-flags",
        112 => "system-status",
        117 => "units",
        119 => "utc-offset",
        120 => "vendor-identifier",
        121 => "vendor-name",
        123 => "weekly-schedule",
        131 => "log-buffer",
        139 => "protocol-revision",
        155 => "database-revision",
        371 => "property-list",
        372 => "serial-number",
        _ => return format!("property {number}"),
    };
    name.to_owned()
}

/// Which property of a device says what it is.
pub(super) const fn identity(property: u32) -> Option<&'static str> {
    Some(match property {
        12 => "software",
        28 | 58 => "system",
        44 => "firmware",
        70 => "model",
        77 => "hostname",
        121 => "maker",
        372 => "serial",
        _ => return None,
    })
}

/// Numbers that ASHRAE gave to vendors, as its public list has them: those of the first days, and of cranes' plants.
pub(super) fn vendor(number: u32) -> Option<&'static str> {
    Some(match number {
        2 => "Trane",
        5 => "Johnson Controls",
        7 => "Siemens",
        8 => "Delta Controls",
        10 => "Schneider Electric",
        17 => "Honeywell",
        24 => "Automated Logic",
        35 => "Reliable Controls",
        36 => "Tridium",
        _ => return None,
    })
}

/// ASHRAE 135, 21: error codes, those that are met often.
pub(super) fn error(class: u32, code: u32) -> String {
    let name = match code {
        2 => "configuration in progress",
        3 => "device busy",
        4 => "dynamic creation not supported",
        5 => "file access denied",
        7 => "inconsistent parameters",
        9 => "invalid data type",
        10 => "invalid file access method",
        11 => "invalid file start position",
        16 => "missing required parameter",
        20 => "no space to write property",
        23 => "object deletion not permitted",
        24 => "object identifier already exists",
        25 => "operational problem",
        26 => "password failure",
        27 => "read access denied",
        29 => "service request denied",
        30 => "timeout",
        31 => "unknown object",
        32 => "unknown property",
        36 => "unsupported object type",
        37 => "value out of range",
        40 => "write access denied",
        42 => "invalid array index",
        43 => "COV subscription failed",
        45 => "optional functionality not supported",
        50 => "property is not an array",
        _ => return format!("error class {class}, code {code}"),
    };
    name.to_owned()
}

/// ASHRAE 135, 18.8.
pub(super) const fn reject(reason: u8) -> &'static str {
    match reason {
        1 => "rejected: buffer overflow",
        2 => "rejected: inconsistent parameters",
        3 => "rejected: invalid parameter data type",
        4 => "rejected: invalid tag",
        5 => "rejected: missing required parameter",
        6 => "rejected: parameter out of range",
        7 => "rejected: too many arguments",
        8 => "rejected: undefined enumeration",
        9 => "rejected: unrecognized service",
        _ => "rejected",
    }
}

/// ASHRAE 135, 18.9.
pub(super) const fn abort(reason: u8) -> &'static str {
    match reason {
        1 => "aborted: buffer overflow",
        2 => "aborted: invalid message in this state",
        3 => "aborted: preempted by higher priority task",
        4 => "aborted: segmentation not supported",
        5 => "aborted: security error",
        6 => "aborted: insufficient security",
        _ => "aborted",
    }
}
