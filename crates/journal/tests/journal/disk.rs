//! The same on a real file system.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use journal::{
    Class, ClockKind, Cursors, DiskStorage, Error, JournalName, Opened, Preallocate, ReadOnly,
    Storage,
};

use super::{append, clock, options, read_all};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ioc-journal-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(DiskStorage::new(&self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn several_lives_on_disk() {
    for preallocate in [Preallocate::None, Preallocate::Reserve, Preallocate::Zero] {
        let folder = Folder::new();
        let mut options = options();
        options.preallocate = preallocate;
        let mut id = None;
        for life in 0..4_u64 {
            let _lock = journal::lock(&folder.storage()).unwrap();
            let opened = Opened::open(folder.storage(), options.clone()).unwrap();
            assert_eq!(opened.next_offset(), life * 100);
            assert_eq!(opened.recovery().torn_bytes, 0);
            assert!(id.is_none_or(|id| id == opened.id()));
            id = Some(opened.id());
            assert_eq!(opened.last_stamp().is_some(), life > 0);
            let journal = opened.start(clock()).unwrap();
            append(&journal, Class::Normal, life * 100..life * 100 + 100);
            let (records, gaps) = read_all(&mut journal.reader(0), life * 100 + 100);
            assert_eq!((records.len() as u64, gaps.len()), (life * 100 + 100, 0));
            journal.close().unwrap();
        }
        let look = ReadOnly::open(folder.storage(), JournalName::Inputs).unwrap();
        assert_eq!(look.verify().unwrap().records, 400);
    }
}

#[test]
fn the_lock_names_its_holder() {
    let folder = Folder::new();
    let guard = journal::lock(&folder.storage()).unwrap();
    match journal::lock(&folder.storage()).map(drop) {
        Err(Error::Locked { holder }) => {
            assert_eq!(holder, format!("process {}", std::process::id()));
        }
        other => panic!("{other:?}"),
    }
    drop(guard);
    drop(journal::lock(&folder.storage()).unwrap());
    let cursors = Cursors::open(folder.storage()).unwrap();
    cursors.store("page", 12).unwrap();
    assert_eq!(cursors.load("page").unwrap(), Some(12));
}

#[test]
fn the_clock_kind_is_for_life() {
    let folder = Folder::new();
    let mut options = options();
    options.clock_kind = ClockKind::Scenario;
    Opened::open(folder.storage(), options.clone())
        .unwrap()
        .start(clock())
        .unwrap();
    options.clock_kind = ClockKind::Real;
    let refused = Opened::open(folder.storage(), options).map(drop);
    assert!(matches!(refused, Err(Error::ClockKind { .. })));
}

#[test]
fn a_newer_format_is_refused_with_its_version() {
    let folder = Folder::new();
    drop(
        Opened::open(folder.storage(), options())
            .unwrap()
            .start(clock())
            .unwrap(),
    );
    let path = folder.0.join("inputs/00000000000000000000.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 9;
    let crc = crc32c::crc32c(&bytes[0..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let refused = Opened::open(folder.storage(), options()).map(drop);
    assert!(matches!(refused, Err(Error::Newer { found: 9, .. })));
}
