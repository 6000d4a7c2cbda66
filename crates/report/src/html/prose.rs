//! A page's markdown as HTML that is safe to insert: no raw HTML, no links out, no images, no headings of its own.
use maud::{Markup, PreEscaped};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html::push_html};

use crate::visible::is_hidden;

pub(super) fn prose(markdown: &str) -> Markup {
    let events = Parser::new_ext(
        markdown,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH,
    );
    let safe = events.filter_map(|event| match event {
        // Shown as what they are: text, which the writer escapes.
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock) => None,
        Event::End(TagEnd::Link | TagEnd::Image | TagEnd::HtmlBlock) => None,
        // The report's own outline stays whole.
        Event::Start(Tag::Heading { .. }) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::Heading(_)) => Some(Event::End(TagEnd::Paragraph)),
        other => Some(other),
    });
    let mut out = String::new();
    push_html(&mut out, safe.map(visible));
    PreEscaped(out)
}

fn visible(event: Event<'_>) -> Event<'_> {
    let odd = |text: &str| text.chars().any(|c| c != '\n' && c != '\t' && is_hidden(c));
    let shown = |text: &str| {
        text.split('\n')
            .map(crate::visible::show)
            .collect::<Vec<_>>()
            .join("\n")
            .into()
    };
    match event {
        Event::Text(text) if odd(&text) => Event::Text(shown(&text)),
        Event::Code(text) if odd(&text) => Event::Code(shown(&text)),
        other => other,
    }
}

#[test]
fn prose_cannot_reach_out_or_in() {
    let PreEscaped(html) = prose(
        "# Top\n\nSee [there](https://example.org/x) ![dot](http://example.org/dot.png) <b onclick=x>bold</b> `a\u{202e}b`\n\n\
         <script>alert(1)</script>\n\n- **one**\n",
    );
    for never in ["http", "<h1", "<script", "<b ", "<img", "<a "] {
        assert!(!html.contains(never), "{never} in {html}");
    }
    for always in [
        "See there",
        "&lt;script&gt;",
        "<strong>one</strong>",
        "a[U+202E]b",
    ] {
        assert!(html.contains(always), "{always} not in {html}");
    }
}
