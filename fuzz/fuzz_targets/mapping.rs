//! The text of a mapping, and lines that are read by it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mete_fuzz::check;
use mete_ingest::formats::Mapping;

/// What stands between a mapping and its lines.
const BETWEEN: &str = "\n---\n";

static SHIPPED: LazyLock<Vec<Mapping>> = LazyLock::new(|| {
    let texts =
        [include_str!("../../config/mappings/logfmt.toml"), include_str!("../../config/mappings/nginx.toml"), NESTED];
    texts.iter().filter_map(|text| Mapping::parse(text).ok()).collect()
});

/// A mapping that looks into things.
const NESTED: &str = r#"
name = "nested"
cached = "outside"
[fields]
id = ["/id", "/a/0/id"]
time = "/time"
input_tokens = "/usage/in"
cached_input_tokens = "/usage/cached"
seconds = "/usage/0"
cost = "/usage/cost"
[units]
tokens = 1000
time = "%d/%b/%Y:%H:%M:%S %z"
cost = "cents"
"#;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mapping, lines) = text.split_once(BETWEEN).unwrap_or(("", text));
    match Mapping::parse(mapping) {
        Ok(own) => read(&own, lines),
        // Lines are read although their mapping is broken.
        Err(_) => SHIPPED.iter().for_each(|mapping| read(mapping, lines)),
    }
});

fn read(mapping: &Mapping, lines: &str) {
    for line in lines.split('\n') {
        let mut found = Vec::new();
        mapping.read(line.as_bytes(), &mut |line| found.push(line));
        check(line.as_bytes(), &found);
    }
}
