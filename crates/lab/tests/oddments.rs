//! The seldom frames are what their recipe says, as tshark reads them.
use std::path::PathBuf;
use std::process::Command;

use lab::oddments;

#[test]
fn tshark_reads_tags_fragments_and_gaps_as_the_recipe_says() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oddments-own.pcap");
    std::fs::write(&file, oddments::scenario().captures[0].file()).unwrap();
    let count = |filter: &str| {
        let run = Command::new("tshark")
            .arg("-nr")
            .arg(&file)
            .args(["-Y", filter])
            .output()
            .ok()?;
        Some(String::from_utf8(run.stdout).unwrap().lines().count())
    };
    let (outer, inner) = oddments::QINQ;
    let expected = [
        ("vlan.id == 0".to_owned(), 1),
        (format!("ieee8021ad.id == {outer} && vlan.id == {inner}"), 1),
        ("udp.dstport == 40101 && !vlan && !ieee8021ad".to_owned(), 1),
        ("ip.flags.mf == 1".to_owned(), 2),
        (
            format!(
                "udp.dstport == 40001 && udp.length == {}",
                oddments::FRAGMENTED + 8
            ),
            1,
        ),
        ("ipv6 && ntp".to_owned(), 1),
        ("tcp.analysis.lost_segment".to_owned(), 1),
        ("tcp.analysis.retransmission".to_owned(), 1),
        // Frames with answers: three, one after the other (repeated, it is not read again), two around the gap, three in
        // one segment, one more.
        ("tcp.srcport == 502 && modbus".to_owned(), 7),
    ];
    for (filter, wanted) in expected {
        match count(&filter) {
            None => return eprintln!("skipped: no tshark"),
            Some(seen) => assert_eq!(seen, wanted, "{filter}"),
        }
    }
}
