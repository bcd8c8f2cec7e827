//! A snapshot that the release before this format wrote: 48 messages of one device in one kept session.

use std::sync::Arc;

use event::{JournalId, RejectCode};
use journal::{DiskStorage, Snapshots, Storage};

use super::{FORMAT, RestoreError};
use crate::monitor::fold::Fold;

/// `Snapshots` tidies its folder, so it gets a copy.
fn kept() -> (journal::SnapshotMeta, Vec<u8>) {
    let folder = std::env::temp_dir().join(format!("ioc-snapshot-{}", std::process::id()));
    let from = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/testdata/snapshot-format-1/snapshots"
    );
    std::fs::create_dir_all(folder.join("snapshots")).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = folder.join("snapshots").join(entry.file_name());
        std::fs::copy(entry.path(), to).unwrap();
    }
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(&folder));
    let mut all = Snapshots::open(storage).unwrap().load_all().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn the_format_before_this_one_is_read() {
    let (meta, bytes) = kept();
    assert_eq!((meta.format, FORMAT), (1, 2));
    let id = JournalId(meta.journal.0);
    let fold = Fold::restore(id, meta.format, meta.inputs_next, &bytes).unwrap();
    let counters = fold.counters();
    assert_eq!((counters.messages, counters.events), (48, 48));
    assert_eq!(
        counters.rejected_by_code[RejectCode::SinkRefused as usize],
        0
    );
    assert_eq!(fold.next_input(), 147);
    assert!(fold.sessions().broker_sessions().is_empty());

    // Saved again it has the new format, and is the same state.
    let again = fold.save().unwrap().unwrap();
    let restored = Fold::restore(id, FORMAT, meta.inputs_next, &again).unwrap();
    assert_eq!(restored.counters(), counters);
    assert_eq!(restored.save().unwrap().unwrap(), again);
}

#[test]
fn a_format_of_the_future_is_refused() {
    let refused = Fold::restore(JournalId([0; 16]), FORMAT + 1, 0, &[]);
    assert!(matches!(refused, Err(RestoreError::Format(format)) if format == FORMAT + 1));
}
