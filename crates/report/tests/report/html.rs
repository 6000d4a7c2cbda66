use std::collections::BTreeSet;

use report::{Context, html};

use crate::sample::{HOSTILE, sample};

fn page() -> String {
    let sample = sample();
    html(&sample.assessment, &sample.context())
}

/// Every tag of the page as written, quotes respected, so that text between tags is left out.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (mut quoted, mut end) = (false, after.len());
        for (index, c) in after.char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = index;
                    break;
                }
                _ => {}
            }
        }
        let (tag, left) = after.split_at(end);
        tags.push(tag.to_owned());
        rest = left;
    }
    tags
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

#[test]
fn the_page_refers_to_nothing_outside_itself() {
    let page = page();
    let rest = page.replace("http://www.w3.org/2000/svg", "");
    for never in ["http://", "https://", "@import", "url(//", "data:"] {
        assert!(!rest.contains(never), "{never}");
    }
    for tag in tags(&page) {
        let lower = tag.to_ascii_lowercase();
        assert!(
            ![
                "link ", "img ", "iframe ", "object ", "embed ", "base ", "form "
            ]
            .iter()
            .any(|no| lower.starts_with(no)),
            "{tag}"
        );
        for name in [
            "src", "srcset", "action", "style", "onclick", "onerror", "onload",
        ] {
            assert_eq!(attribute(&tag, name), None, "{tag}");
        }
        for name in ["href", "xlink:href"] {
            assert!(
                attribute(&tag, name).is_none_or(|to| to.starts_with('#')),
                "{tag}"
            );
        }
    }
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
}

#[test]
fn hostile_names_are_text_and_what_hides_is_visible() {
    let page = page();
    assert!(
        !page.contains(HOSTILE) && !page.contains("<img") && !page.contains("alert('x')</script>")
    );
    assert!(!tags(&page).iter().any(|tag| tag.starts_with("script")));
    assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;[U+202E]gpj.exe[U+001B][2J&quot;&gt;&lt;img src=x onerror=y&gt;"));
    assert!(!page.chars().any(|c| c == '\u{202e}' || c == '\u{1b}'));
}

#[test]
fn paper_says_how_much_it_leaves_to_the_file() {
    let mut sample = sample();
    for subject in sample
        .assessment
        .measures
        .iter_mut()
        .flat_map(|one| &mut one.subjects)
    {
        if let Some(cited) = subject.evidence.first().cloned() {
            subject.evidence.extend(vec![cited; 6]);
        }
    }
    let page = html(&sample.assessment, &sample.context());
    let hidden = |class: &str| {
        tags(&page)
            .iter()
            .filter(|tag| attribute(tag, "class") == Some(class))
            .count()
    };
    let told = |kinds: &[&str]| -> usize {
        let lines = page.split("<p class=\"paper\">").skip(1);
        lines
            .filter_map(|line| {
                let (line, _) = line.split_once("</p>")?;
                let line = line.strip_prefix("and ").unwrap_or(line);
                let (number, kind) = line.split_once(' ')?;
                let is_one = kinds.iter().any(|one| kind.starts_with(one));
                is_one.then(|| number.parse::<usize>().unwrap())
            })
            .sum()
    };
    assert!(hidden("more") > 0 && hidden("screen") > 0);
    assert_eq!(told(&["citation", "record", "sentence"]), hidden("more"));
    let findings = tags(&page)
        .iter()
        .filter(|tag| attribute(tag, "class") == Some("finding"))
        .count();
    assert_eq!(told(&["finding"]), findings, "told once, above");
    let folded = tags(&page)
        .iter()
        .filter(|tag| tag.starts_with("details"))
        .count();
    assert_eq!(page.matches("in the file</span></summary>").count(), folded);
}

#[test]
fn every_finding_can_be_reached_and_ids_are_unique() {
    let (page, sample) = (page(), sample());
    let mut ids = BTreeSet::new();
    let tags = tags(&page);
    for id in tags.iter().filter_map(|tag| attribute(tag, "id")) {
        assert!(ids.insert(id), "{id} stands twice");
    }
    for tag in &tags {
        for name in ["href", "aria-labelledby"] {
            for to in attribute(tag, name)
                .into_iter()
                .flat_map(str::split_whitespace)
            {
                assert!(
                    ids.contains(to.trim_start_matches('#')),
                    "{tag} leads nowhere"
                );
            }
        }
    }
    for measure in &sample.assessment.measures {
        assert!(
            ids.contains(format!("measure-{}", measure.id).as_str()),
            "{}",
            measure.id
        );
        for finding in measure
            .subjects
            .iter()
            .filter_map(|subject| subject.finding.as_deref())
        {
            assert!(
                ids.contains(format!("finding-{finding}").as_str()),
                "{finding}"
            );
            assert!(
                page.contains(&format!("<code>{finding}</code>")),
                "{finding}"
            );
        }
    }
}

#[test]
fn the_outline_has_no_gaps_and_tables_say_what_they_are() {
    let page = page();
    let mut level = 0;
    let mut tables = 0;
    for tag in tags(&page) {
        let digit = tag
            .strip_prefix('h')
            .and_then(|rest| rest.chars().next())
            .and_then(|c| c.to_digit(10));
        if let Some(next) = digit {
            assert!(next <= level + 1, "h{next} after h{level}");
            assert!(next > 1 || level == 0, "one h1");
            level = next;
        }
        tables += usize::from(tag == "table" || tag.starts_with("table "));
        if tag.starts_with("th ") || tag == "th" {
            assert!(attribute(&tag, "scope").is_some(), "{tag}");
        }
    }
    assert_eq!(page.matches("<caption>").count(), tables);
    for landmark in [
        "<header",
        "<nav",
        "<main",
        "<footer",
        "lang=\"en\"",
        "class=\"skip\" href=\"#main\"",
    ] {
        assert!(page.contains(landmark), "{landmark}");
    }
}

#[test]
fn the_map_shows_what_breaks_and_never_contradicts_a_verdict() {
    let sample = sample();
    let page = html(&sample.assessment, &sample.context());
    assert!(page.contains("business → sts07-control: modbus; breaks C1; 1 conversation"));
    assert!(page.contains("tos → sts07-control: modbus; explained; 1 conversation"));
    assert!(page.contains("business → tos: smb; no conduit, no finding; 1 conversation"));
    assert!(page.contains("vendor → remote-ops: rdp; declared, not seen"));

    let mut calm = sample.assessment.clone();
    for measure in &mut calm.measures {
        measure.subjects.clear();
    }
    let page = html(&calm, &sample.context());
    assert!(
        !page.contains("class=\"edge breaks\" d=\"M8"),
        "no finding, nothing red on the map"
    );
    assert!(!page.contains("breaks C1"));
}

#[test]
fn the_same_input_gives_the_same_page_and_an_empty_one_still_reads() {
    assert_eq!(page(), page());
    let sample = sample();
    let mut nothing = sample.assessment.clone();
    nothing.measures.clear();
    nothing.evidence.clear();
    nothing.not_judged.clear();
    let (site, facts) = (facts::site::Site::default(), facts::Facts::default());
    let empty = Context {
        version: "0.1.0",
        site: &site,
        facts: &facts,
        pages: &[],
        skipped: &[],
        notes: &[],
        standings: None,
    };
    let page = html(&nothing, &empty);
    assert!(page.contains("No capture was read."));
    assert!(page.contains("declares no zone"));
    std::fs::write(
        concat!(env!("CARGO_TARGET_TMPDIR"), "/sample.html"),
        self::page(),
    )
    .unwrap();
}
