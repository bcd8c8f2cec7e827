//! Snapshots that the releases before this format wrote, kept as they were: format 1, 48 messages of one device in one kept
//! session; format 2, 44 messages of two devices and a bad one; format 3, 12 messages of three river stations and a bad one, with open,
//! acknowledged, shelved and retrospective alerts.

use std::sync::Arc;

use event::JournalId;
use journal::{DiskStorage, Snapshots, Storage};

use super::{FORMAT, RestoreError};
use crate::monitor::fold::Fold;

/// `Snapshots` tidies its folder, so it gets a copy.
fn kept(format: u16) -> (journal::SnapshotMeta, Vec<u8>) {
    let folder = format!("ioc-snapshot-{format}-{}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    let root = env!("CARGO_MANIFEST_DIR");
    let from = format!("{root}/testdata/snapshot-format-{format}/snapshots");
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
fn the_formats_before_this_one_are_read() {
    assert_eq!(FORMAT, 4);
    // What was counted: messages, events, rejected; and the next input.
    for (format, counted, next) in [
        (1, (48, 48, 0), 147),
        (2, (44, 43, 1), 53),
        (3, (13, 12, 1), 44),
    ] {
        let (meta, bytes) = kept(format);
        assert_eq!(meta.format, format);
        let id = JournalId(meta.journal.0);
        let fold = Fold::restore(id, meta.format, meta.inputs_next, &bytes).unwrap();
        let counters = fold.counters();
        let got = (counters.messages, counters.events, counters.rejected);
        assert_eq!(got, counted);
        assert_eq!(counters.rejected_by_code.iter().sum::<u64>(), counted.2);
        assert_eq!(fold.next_input(), next);
        assert!(fold.sessions().broker_sessions().is_empty());

        // Saved again it has the new format, and is the same state.
        let again = fold.save().unwrap().unwrap();
        let restored = Fold::restore(id, FORMAT, meta.inputs_next, &again).unwrap();
        assert_eq!(restored.counters(), counters);
        assert_eq!(restored.save().unwrap().unwrap(), again);
    }
}

#[test]
fn a_format_of_the_future_is_refused() {
    let refused = Fold::restore(JournalId([0; 16]), FORMAT + 1, 0, &[]);
    assert!(matches!(refused, Err(RestoreError::Format(format)) if format == FORMAT + 1));
}

#[test]
fn open_alerts_of_the_format_before_go_on() {
    let (meta, bytes) = kept(3);
    let fold = Fold::restore(JournalId(meta.journal.0), 3, meta.inputs_next, &bytes).unwrap();
    let alerts: Vec<_> = fold.engine().unwrap().alerts().collect();
    let of = |rule: &str, entity: &str, retrospective: bool| {
        let found = alerts.iter().find(|alert| {
            alert.rule == rule && &*alert.entity == entity && alert.retrospective == retrospective
        });
        (*found.unwrap()).clone()
    };
    use event::AlertState::{Acknowledged, ReturnedUnacknowledged, Unacknowledged};
    assert_eq!(of("river-bd1", "wl-bao-ha", false).state, Acknowledged);
    assert_eq!(of("river-bd3", "wl-bao-ha", false).state, Unacknowledged);
    assert!(of("river-bd2", "wl-bao-ha", false).shelved.is_some());
    assert_eq!(
        of("river-bd1", "wl-lao-cai", false).state,
        ReturnedUnacknowledged
    );
    assert_eq!(
        of("river-bd3", "wl-yen-bai", true).state,
        ReturnedUnacknowledged
    );
}
