//! The fuzzer: libFuzzer around one of the readers in `targets/`, which REPOD_FUZZ_TARGET names.
//!
//! Beside what the reader promises, it must not hold more memory than its line in `targets::ALL` allows for an
//! input. libFuzzer itself limits the time.
#![no_main]

mod memory;
#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("REPOD_FUZZ_TARGET").unwrap_or_default();
    let target = targets::ALL.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| {
        let names: Vec<_> = targets::ALL.iter().map(|target| target.name).collect();
        panic!("REPOD_FUZZ_TARGET is {name:?}; there are {}", names.join(", "))
    })
});

fuzz_target!(|data: &[u8]| {
    let target = *TARGET;
    if data.len() > target.longest_bytes {
        return;
    }
    // What is made once, such as the CA of the seeds, does not count for the first input.
    static WARM: std::sync::Once = std::sync::Once::new();
    WARM.call_once(|| (target.run)(data));
    let held = memory::most_while(|| (target.run)(data));
    let allowed = target.memory_bytes + target.memory_per_byte * data.len();
    assert!(
        held <= allowed,
        "{held} bytes of memory for {} bytes, more than {allowed}",
        data.len()
    );
});
