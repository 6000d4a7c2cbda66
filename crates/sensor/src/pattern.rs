//! Which files a sensor of the site file claims.

/// Whether a pattern with `*` (any characters, none too) and `?` (one character) matches a capture's whole base name.
///
/// Case counts. The work is bounded by the product of both lengths, whatever the pattern.
pub fn claims(pattern: &str, base_name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = base_name.chars().collect();
    let (mut at, mut of) = (0, 0);
    // Where the latest star stands and which part of the name it has taken: the only place to go back to.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(of) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(p) if *p == '?' || p == c => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                at = place + 1;
                of = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

#[test]
fn patterns_cover_whole_base_names() {
    for (pattern, name, expect) in [
        ("span*.pcap*", "span-01.pcapng", true),
        ("span*.pcap*", "span.pcap.gz", true),
        ("span*.pcap*", "xspan.pcap", false),
        ("span?.pcap", "span1.pcap", true),
        ("span?.pcap", "span.pcap", false),
        ("span?.pcap", "spanü.pcap", true),
        ("*", "", true),
        ("", "", true),
        ("", "x", false),
        ("*a*b", "aabab", true),
        ("*a*b", "aaba", false),
        ("Span.pcap", "span.pcap", false),
        ("[a].pcap", "[a].pcap", true),
    ] {
        assert_eq!(claims(pattern, name), expect, "{pattern} on {name}");
    }
    assert!(
        !claims(&"*a".repeat(200), &"a".repeat(150)),
        "many stars end in time"
    );
}
