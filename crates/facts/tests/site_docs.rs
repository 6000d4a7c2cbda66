//! The reference and the JSON Schema in the tree are those that the types give. `UPDATE=1` rewrites them.
use std::path::Path;

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, made).ok();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/{name} is not what the types give; run `UPDATE=1 cargo test -p facts` and read the diff"
    );
}

#[test]
fn the_reference_is_current() {
    check("site.md", &facts::site::reference());
}

#[test]
fn the_schema_is_current() {
    check("site.schema.json", &facts::site::schema());
}
