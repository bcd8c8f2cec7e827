//! The corpus of the fuzz targets, replayed: every file of every format, and seeded changes of each. What has to hold is in
//! `corpus/drive.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use normalize::Catalogue;

#[path = "corpus/drive.rs"]
mod drive;
#[path = "corpus/mutate.rs"]
mod mutate;

use drive::Site;
use mutate::Random;

/// Changes of each file in every run of the suite, and in the long run.
const CHANGES: u64 = 100;
const CHANGES_LONG: u64 = 5_000;
const FILES_MIN: usize = 5;

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(drive::root().join("fuzz/corpus"))
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    folders
}

#[test]
fn every_file_and_changes_of_it() {
    replay_all(CHANGES);
}

#[test]
#[ignore = "minutes, for a release build: cargo test --release -p normalize --test corpus -- --ignored"]
fn many_changes_of_every_file() {
    replay_all(CHANGES_LONG);
}

fn replay_all(changes: u64) {
    let folders = folders();
    assert!(folders.len() >= 20, "{} formats", folders.len());
    let left = Mutex::new(folders);
    let catalogue = drive::catalogue();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let folder = left.lock().expect("the list").pop();
                    let Some(folder) = folder else { break };
                    replay(&folder, Arc::clone(&catalogue), changes);
                }
            });
        }
    });
}

fn replay(folder: &Path, catalogue: Arc<Catalogue>, changes: u64) {
    let format = folder.file_name().and_then(|name| name.to_str());
    let format = format.expect("a name");
    let site = Site::of(format, catalogue);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= FILES_MIN, "{format}: {} files", files.len());
    let inputs: Vec<Vec<u8>> = files
        .iter()
        .map(|path| fs::read(path).expect("a file"))
        .collect();
    for (number, input) in inputs.iter().enumerate() {
        site.check(input);
        for seed in 0..changes {
            let mut random = Random::new(seed << 8 | number as u64);
            let other = &inputs[(number + 1 + seed as usize) % inputs.len()];
            let bytes = random.change(input, other);
            let check = std::panic::AssertUnwindSafe(|| site.check(&bytes));
            let checked = std::panic::catch_unwind(check);
            assert!(
                checked.is_ok(),
                "{}, seed {seed}: {bytes:02x?}",
                files[number].display()
            );
        }
    }
}
