use expect_test::expect_file;
use report::{Style, text};

use crate::sample::sample;

fn plain(width: usize, color: bool) -> String {
    let sample = sample();
    text(
        &sample.assessment,
        &sample.context(),
        Style { width, color },
    )
}

/// Takes ANSI colours away.
fn without_color(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn an_officer_reads_what_happened_where_and_what_to_do() {
    let plain = plain(80, false);
    expect_file!["golden/plain.txt"].assert_eq(&plain);
    assert!(plain.lines().all(|line| line.chars().count() <= 80));
    assert!(!plain.contains('\x1b'));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let colored = plain(80, true);
    expect_file!["golden/color.txt"].assert_eq(&colored.replace('\x1b', "␛"));
    let bare: String = without_color(&colored)
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect();
    assert_eq!(bare, plain(80, false));
}

#[test]
fn every_width_holds() {
    for width in [1, 40, 57, 120, 200] {
        let text = plain(width, false);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= width.max(40)),
            "{width}"
        );
        assert!(text.contains("c9-4be1f07a"), "{width}");
    }
}
