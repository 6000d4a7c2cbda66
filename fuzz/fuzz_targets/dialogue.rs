//! Any decoder of the registry over any dialogue. `DECODER=modbus` fuzzes that one; without it the first byte picks.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wire::{Decoder, fuzz, protocols};

/// The decoder asked for. A name that is none ends the run at once: silently fuzzing all would look like success.
static ASKED: LazyLock<Option<&'static Decoder>> = LazyLock::new(|| {
    let name = std::env::var("DECODER").ok()?;
    let Some(decoder) = protocols::by_name(&name) else {
        let names: Vec<&str> = protocols::ALL.iter().map(|decoder| decoder.name).collect();
        eprintln!("DECODER={name} is none of {}", names.join(", "));
        std::process::exit(2);
    };
    Some(decoder)
});

fuzz_target!(|bytes: &[u8]| {
    if let Some(decoder) = *ASKED {
        fuzz::dialogue(decoder, bytes);
    } else if let Some((pick, script)) = bytes.split_first() {
        let place = usize::from(*pick) % protocols::ALL.len();
        fuzz::dialogue(protocols::ALL[place], script);
    }
});
