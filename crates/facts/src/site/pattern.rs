//! Patterns on base names of files: `*` any run of characters, `?` any one.

/// Whether the whole of `name` fits `pattern`. Takes time of at most the product of both lengths.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last star stood, and how far the name was then taken to be eaten by it.
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, eaten)) => {
                    star = Some((at, eaten + 1));
                    p = at + 1;
                    n = eaten + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[test]
fn patterns_match_whole_names() {
    for (pattern, name) in [
        ("span*.pcap*", "span-01.pcapng"),
        ("*", ""),
        ("a?c", "abc"),
        ("*a*b", "xaxbxab"),
        ("x.pcap", "x.pcap"),
        ("span?.pcap", "spanü.pcap"),
        ("[a].pcap", "[a].pcap"),
        ("", ""),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("span*.pcap", "span.pcapng"),
        ("a?c", "ac"),
        ("", "a"),
        ("*a*b", "xaxbxa"),
        ("SPAN*", "span"),
    ] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
    assert!(
        !matches(&"*a".repeat(40), &"a".repeat(39)),
        "ends soon on a pattern full of stars"
    );
}
