//! How `seawall run` runs and where its events go: from the tables as written to the model.
use super::reader::May;
use super::spelling::hint;
use super::{EventFormat, Output, OutputKind, Place, Problem, Run, file};

/// Facilities that a program like this may speak as: keyword and number (RFC 5424, table 1).
pub const FACILITIES: &[(&str, u8)] = &[
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// The one `[run]` of a site, with what it leaves out.
pub(super) fn run(written: Vec<file::Run>, problems: &mut Vec<Problem>) -> Run {
    let mut first: Option<Place> = None;
    let mut run = Run::default();
    for one in written {
        if let Some(first) = &first {
            problems.push(Problem::new(
                &one.at,
                format!("[run] stands twice, first at {first}"),
                "keep one",
            ));
            continue;
        }
        first = Some(one.at);
        let plain = Run::default();
        run = Run {
            state: one.state.value().unwrap_or(plain.state),
            user: one.user.value(),
            workers: one.workers.value().map_or(plain.workers, |n| n.0),
            ring: one.ring.value().map_or(plain.ring, |size| size.0),
            window: one.window.value().map_or(plain.window, |span| span.0),
            judge_every: one
                .judge_every
                .value()
                .map_or(plain.judge_every, |span| span.0),
            save_every: one
                .save_every
                .value()
                .map_or(plain.save_every, |span| span.0),
            silence: one.silence.value().map_or(plain.silence, |span| span.0),
            history_age: one
                .history_age
                .value()
                .map_or(plain.history_age, |span| span.0),
            history_size: one
                .history_size
                .value()
                .map_or(plain.history_size, |size| size.0),
            packets_size: one
                .packets_size
                .value()
                .map_or(plain.packets_size, |size| size.0),
            kept_size: one.kept_size.value().map_or(plain.kept_size, |size| size.0),
            metrics_file: one.metrics_file.value(),
            metrics_listen: one.metrics_listen.value(),
        };
    }
    run
}

/// One output, with what its kind needs and nothing that its kind does not have.
pub(super) fn output(one: file::Output, problems: &mut Vec<Problem>) -> Output {
    let kind = one.to.value;
    let syslog = matches!(
        kind,
        OutputKind::SyslogUdp | OutputKind::SyslogTcp | OutputKind::SyslogTls
    );
    let tls = kind == OutputKind::SyslogTls;
    let name = &one.name.value;
    let mut check =
        |key: &str, value: &May<String>, belongs: bool, needed: bool, example: &str| match &value.0
        {
            Some(at) if !belongs => problems.push(Problem::new(
                &at.place,
                format!("{key} of output \"{name}\" is nothing that {kind} knows"),
                "delete it, or mend \"to\"",
            )),
            None if needed => problems.push(Problem::new(
                &one.at,
                format!("output \"{name}\" has no \"{key}\", which {kind} needs"),
                format!("add e.g. {key} = {example}"),
            )),
            _ => {}
        };
    let file = kind == OutputKind::File;
    check(
        "path",
        &one.path,
        file,
        file,
        "\"/var/log/seawall/events.jsonl\"",
    );
    check(
        "address",
        &one.address,
        syslog,
        syslog,
        "\"siem.port.example:6514\"",
    );
    check("facility", &one.facility, syslog, false, "");
    check("ca", &one.ca, tls, tls, "\"/etc/seawall/ca.pem\"");
    check(
        "certificate",
        &one.certificate,
        tls,
        one.key.0.is_some() && tls,
        "\"/etc/seawall/own.pem\"",
    );
    check(
        "key",
        &one.key,
        tls,
        one.certificate.0.is_some() && tls,
        "\"/etc/seawall/own.key\"",
    );
    check("server_name", &one.server_name, tls, false, "");
    if let Some(at) = &one.address.0
        && at
            .value
            .rsplit_once(':')
            .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
    {
        problems.push(Problem::new(
            &at.place,
            format!("\"{}\" is no host and port", at.value),
            "write both, e.g. \"siem.port.example:6514\", or \"[fd00::1]:514\"",
        ));
    }
    let words = || FACILITIES.iter().map(|(word, _)| *word);
    if let Some(at) = &one.facility.0
        && !words().any(|word| word == at.value)
    {
        problems.push(Problem::new(
            &at.place,
            format!("\"{}\" is no syslog facility", at.value),
            hint(&at.value, words(), "write one of"),
        ));
    }
    if let (OutputKind::Journal, Some(at)) = (kind, &one.format.0)
        && at.value != EventFormat::Text
    {
        problems.push(Problem::new(
            &at.place,
            format!("output \"{name}\" is the journal, which people read"),
            "delete format, or send it to a file or a syslog kind",
        ));
    }
    let plain = if kind == OutputKind::Journal {
        EventFormat::Text
    } else {
        EventFormat::Json
    };
    Output {
        name: one.name.value,
        to: kind,
        format: one.format.value().unwrap_or(plain),
        path: one.path.value(),
        address: one.address.value(),
        facility: one.facility.value(),
        ca: one.ca.value(),
        certificate: one.certificate.value(),
        key: one.key.value(),
        server_name: one.server_name.value(),
        place: one.at,
    }
}
