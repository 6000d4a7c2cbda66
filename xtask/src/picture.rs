//! The README's picture: the report of the sample terminal's bad day as a browser shows it, its head beside its map.
use std::path::Path;

use crate::{demo, run, tools};

/// Browsers that can take a picture of a page without a screen.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const WIDTH: u32 = 1600;
const HEIGHT: u32 = 1000;

/// Shows the map alone.
const MAP_ONLY: &str = "<style>body>header,nav,section:not(#map){display:none!important}\
    body,body>*,main{display:block!important;max-width:none!important}\
    #map{margin:0!important;padding:.5rem 1.5rem!important}</style></head>";

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #dfe5ea; overflow: hidden; position: relative }
div { position: absolute; overflow: hidden; border-radius: 8px; background: #fff;
      box-shadow: 0 6px 28px rgba(10, 30, 50, .35) }
iframe { border: 0; transform-origin: 0 0 }
</style>
<div style="left: 32px; top: 32px; width: 820px; height: 936px">
  <iframe src="bad-day/report.html" style="width: 1240px; height: 1416px; transform: scale(.662)"></iframe></div>
<div style="left: 800px; top: 110px; width: 768px; height: 858px">
  <iframe src="map.html" style="width: 1180px; height: 1318px; transform: scale(.651)"></iframe></div>
"#;

pub(crate) fn run() -> Result<(), String> {
    let Some(browser) = BROWSERS.iter().find(|name| tools::has(name)) else {
        return Err(format!(
            "no browser to take the picture with: one of {}",
            BROWSERS.join(", ")
        ));
    };
    demo::make()?;
    let folder = demo::folder();
    let report = read(&folder.join("bad-day/report.html"))?;
    write(
        &folder.join("map.html"),
        &report.replacen("</head>", MAP_ONLY, 1),
    )?;
    let page = folder.join("picture.html");
    write(&page, PAGE)?;
    let mut command = run::command(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=3000",
    ]);
    command.arg(format!("--window-size={WIDTH},{HEIGHT}"));
    command.arg(format!(
        "--screenshot={}",
        run::root().join("docs/report.png").display()
    ));
    run::output(command.arg(page))?;
    eprintln!("wrote docs/report.png");
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
