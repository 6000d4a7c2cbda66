//! Makes characters visible that would hide, reorder or command: names on the wire may be made to deceive.

/// Whether a character has no glyph of its own but changes how its neighbours, or the terminal, behave.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
            | '\u{ffa0}' | '\u{feff}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' // zero width and direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // joiners, isolates
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text with every hidden character written as `[U+202E]`.
pub(crate) fn show(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.push_str(&format!("[U+{:04X}]", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn what_hides_is_shown_and_what_reads_is_left() {
    assert_eq!(show("gate\u{202e}exe.cod"), "gate[U+202E]exe.cod");
    assert_eq!(
        show("a\x1b[31mred\r\n\u{7f}\u{9b}"),
        "a[U+001B][31mred[U+000D][U+000A][U+007F][U+009B]"
    );
    assert_eq!(show("上海振华 Ærø <b>"), "上海振华 Ærø <b>");
}
