//! Lines in every format, named or found out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mete_fuzz::check;
use mete_ingest::formats::{Format, read};

fuzz_target!(|data: &[u8]| {
    // The first byte names the format; what is left over stands for finding it out.
    let Some((selector, lines)) = data.split_first() else { return };
    let format = Format::ALL.get(usize::from(*selector) % (Format::ALL.len() + 1)).copied();
    let mut last = None;
    for line in lines.split(|byte| *byte == b'\n') {
        let mut found = Vec::new();
        read(line, format, &mut last, &mut |line| found.push(line));
        check(line, &found);
        if format.is_none() {
            // What was read before changes nothing.
            let mut fresh = Vec::new();
            read(line, None, &mut None, &mut |line| fresh.push(line));
            assert_eq!(found, fresh);
        }
    }
});
