//! Did you mean: the nearest of the words that would have been right.

/// The candidate that `word` was most likely meant to be; `None` when none is close.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = plain(word);
    let most = (wanted.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate))
        .filter(|(apart, _)| *apart <= most)
        .min_by_key(|(apart, _)| *apart)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "x"?`, or `lead` and the candidates where none is close.
pub(crate) fn hint<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    lead: &str,
) -> String {
    match closest(word, candidates.clone()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("{lead} {}", listed(candidates)),
    }
}

/// The first dozen or so in one line.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 30;
    let words: Vec<&str> = words.into_iter().collect();
    let shown: Vec<&str> = words.iter().copied().take(MOST).collect();
    let more = if words.len() > MOST {
        format!(", … ({} in all)", words.len())
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// Case and the kind of dash are not what people mean to tell apart.
fn plain(word: &str) -> Vec<char> {
    word.trim()
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if matches!(c, '_' | ' ') { '-' } else { c })
        .collect()
}

/// Optimal string alignment distance: insertions, deletions, replacements, and neighbours swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
    let mut earlier = None;
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = at(&last, j).saturating_add(usize::from(x != y));
            let dropped = at(&last, j + 1).saturating_add(1);
            let added = at(&row, j).saturating_add(1);
            let mut best = replaced.min(dropped).min(added);
            if j > 0 && earlier == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(at(&before, j - 1).saturating_add(1));
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
        earlier = Some(x);
    }
    at(&last, b.len())
}

#[test]
fn near_spellings_are_found_and_far_ones_are_not() {
    let words = [
        "crane-control",
        "crane-auxiliary",
        "vlans",
        "valid_from",
        "dmz",
    ];
    for (typed, meant) in [
        ("crane_control", Some("crane-control")),
        ("Crane Contorl", Some("crane-control")),
        ("vlan", Some("vlans")),
        ("valid-from", Some("valid_from")),
        ("DMZ", Some("dmz")),
        ("colour", None),
        ("", None),
    ] {
        assert_eq!(closest(typed, words), meant, "{typed}");
    }
}
