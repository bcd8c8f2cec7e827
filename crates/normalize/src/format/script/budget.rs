//! What large values cost a script. The engine counts steps, whatever they handle; a step that copies or searches a large
//! value is charged here by its size.
//!
//! One script runs at a time on a thread; what is left belongs to the run that set it.

use std::cell::Cell;

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Map, Position};

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn set(units: u64) {
    LEFT.set(units);
}

/// One unit is about the work of one step. An error that no script can catch when nothing is left.
pub(super) fn charge(units: u64) -> Result<(), Box<EvalAltResult>> {
    match LEFT.get().checked_sub(units) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => {
            LEFT.set(0);
            Err(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into())
        }
    }
}

/// Searching or copying so many bytes.
pub(super) fn charge_bytes(bytes: usize) -> Result<(), Box<EvalAltResult>> {
    charge(bytes as u64 / 64)
}

/// What reading a variable may cost: the engine copies and measures lists and maps as a whole.
pub(super) fn weight(value: &Dynamic) -> u64 {
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return text.len() as u64 / 1_024;
    }
    items(value) / 16
}

/// Items of a value, those inside included. Not deeper than the engine lets values grow.
fn items(value: &Dynamic) -> u64 {
    if let Some(list) = value.read_lock::<Array>() {
        // A list or map inside is a piece of memory of its own.
        return 8 + list.iter().map(|item| 1 + items(item)).sum::<u64>();
    }
    if let Some(map) = value.read_lock::<Map>() {
        return 8 + map.values().map(|item| 4 + items(item)).sum::<u64>();
    }
    if let Some(blob) = value.read_lock::<rhai::Blob>() {
        return blob.len() as u64 / 32;
    }
    0
}
