//! Where tshark reads otherwise, and why that is right.

/// Capture, what differs, and the reason.
pub const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "AgentCarter1__S7comm-Plus-Anomaly-Detection__1.pcapng",
        "modbus",
        "two masters speak at other ports, which tshark does not look into",
    ),
    (
        "AgentCarter1__S7comm-Plus-Anomaly-Detection__1.pcapng",
        "lldp",
        "a stock text stands where the name should; PROFINET devices name themselves in the chassis ID",
    ),
    (
        "ControlThings-io__ct-samples__BACnet-MSTP-SNAP-Mixed.cap",
        "bacnet",
        "frames of a serial bus in a maker's wrapper, which are counted under its SNAP number",
    ),
    (
        "ControlThings-io__ct-samples__BACnet-MSTP-SNAP-Mixed.cap",
        "bacnet unconfirmed",
        "frames of a serial bus in a maker's wrapper, which are counted under its SNAP number",
    ),
    (
        "EmreEkin__ICS-Pcaps__ENIP_CIP-CM.pcap",
        "cip classes",
        "the assembly stands in the path of a connection that is opened; nothing is asked of it",
    ),
    (
        "ITI__ICS-Security-Tools__cip-eth-set-2.pcap",
        "cip",
        "the answer alone was captured; it tells what was asked",
    ),
    (
        "ITI__ICS-Security-Tools__cip_unlock_cpu.pcap",
        "cip classes",
        "the path goes on below the controller; what is unlocked is told as the controller",
    ),
    (
        "ITI__ICS-Security-Tools__dnp3_read_p20001.pcap",
        "dnp3",
        "at another port, where tshark does not look",
    ),
    (
        "ITI__ICS-Security-Tools__file_list_directory.pcap",
        "dnp3",
        "the blocks of a file are one operation with its opening",
    ),
    (
        "ITI__ICS-Security-Tools__file_read.pcap",
        "dnp3",
        "the blocks of a file are one operation with its opening",
    ),
    (
        "ITI__ICS-Security-Tools__file_write.pcap",
        "dnp3",
        "the blocks of a file are one operation with its opening",
    ),
    (
        "ITI__ICS-Security-Tools__fuzz-72.pcap",
        "modbus",
        "a function code that the specification does not have",
    ),
    (
        "arkime__arkime__socks5-reverse.pcap",
        "connections",
        "what the proxy passes on is a conversation with the destination that was asked for",
    ),
    (
        "cisagov__icsnpp-modbus__modbus_example.pcap",
        "modbus",
        "file records with a byte count of 0, which the specification does not allow",
    ),
    (
        "digitalbond__Quickdraw-Snort__modicon_test.pcap",
        "modbus",
        "one message is longer than the specification allows",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__BACnet_device_control.pcap",
        "bacnet",
        "requests that the client repeated unanswered, and frames that were captured twice, count once",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__DHCP.pcap",
        "datagrams",
        "a damaged header, of a first fragment of which the rest is missing",
    ),
    (
        "ntop__nDPI__badpackets.pcap",
        "dns",
        "fragments of which the rest is missing, and answers to questions that were not captured",
    ),
    (
        "ntop__nDPI__badpackets.pcap",
        "datagrams",
        "first fragments of which the rest is missing",
    ),
    (
        "ntop__nDPI__dns-tunnel-iodine.pcap",
        "dns",
        "bytes that are no text are written otherwise",
    ),
    (
        "ntop__nDPI__fuzz-2006-09-29-28586.pcap",
        "connections",
        "a damaged header",
    ),
    (
        "ntop__nDPI__fuzz-2020-02-16-11740.pcap",
        "refused",
        "damaged on purpose: a refusal whose attributes run over its end is malformed, and receivers have to discard it (RFC 2865, 5)",
    ),
    (
        "ntop__nDPI__malformed_dns.pcap",
        "dns",
        "a message for tshark's reader, not a name",
    ),
    (
        "seladb__PcapPlusPlus__NullLoopback.pcap",
        "dns",
        "a loopback header of no system known",
    ),
    (
        "seladb__PcapPlusPlus__NullLoopback.pcap",
        "datagrams",
        "a loopback header of no system known",
    ),
    (
        "the-tcpdump-group__tcpdump__LINKTYPE_PKTAP.pcap",
        "dns",
        "a link type that is not decoded, and said so",
    ),
    (
        "the-tcpdump-group__tcpdump__LINKTYPE_PKTAP.pcap",
        "datagrams",
        "a link type that is not decoded, and said so",
    ),
    (
        "the-tcpdump-group__tcpdump__bootp_asan.pcap",
        "datagrams",
        "a damaged header: its lengths are those of no packet",
    ),
    (
        "the-tcpdump-group__tcpdump__udp-length-heapoverflow.pcap",
        "datagrams",
        "a damaged header: its length is that of no packet",
    ),
    (
        "zeek__zeek__llc.pcap",
        "connections",
        "FDDI: a link type that is not decoded, and said so",
    ),
    (
        "zeek__zeek__nflog-http.pcap",
        "connections",
        "a link type that is not decoded, and said so",
    ),
    (
        "zeek__zeek__radiotap.pcap",
        "dns",
        "a link type that is not decoded, and said so",
    ),
    (
        "zeek__zeek__radiotap.pcap",
        "datagrams",
        "a link type that is not decoded, and said so",
    ),
];
