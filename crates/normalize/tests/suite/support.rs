//! What the tests of this crate share: the real site pack and messages for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use event::{JournalId, PackFiles, Time};
use normalize::{Catalogue, Input};

pub(crate) const TOPIC: &str = "ioc/lao-cai/env/aqm-0001/up";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Reads a pack folder, sub-folders one level deep.
pub(crate) fn read_pack(folder: &Path) -> PackFiles {
    fn walk(folder: &Path, prefix: &str, files: &mut PackFiles) {
        for entry in fs::read_dir(folder).expect("a pack folder") {
            let entry = entry.expect("an entry");
            let name = format!(
                "{prefix}{}",
                entry.file_name().to_str().expect("a UTF-8 name")
            );
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), files);
            } else {
                files
                    .files
                    .insert(name, fs::read(entry.path()).expect("a file"));
            }
        }
    }
    let mut files = PackFiles::default();
    walk(folder, "", &mut files);
    files
}

pub(crate) fn pack() -> PackFiles {
    read_pack(&root().join("../../deploy/sites/lao-cai"))
}

/// Loaded once: the tests ask for it thousands of times.
pub(crate) fn catalogue() -> Arc<Catalogue> {
    static CATALOGUE: LazyLock<Arc<Catalogue>> =
        LazyLock::new(|| Arc::new(Catalogue::load(&pack()).expect("the pack of Lào Cai is sound")));
    Arc::clone(&CATALOGUE)
}

pub(crate) fn time(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

pub(crate) fn message<'a>(offset: u64, topic: &'a str, payload: &'a [u8]) -> Input<'a> {
    Input {
        journal: JournalId([9; 16]),
        offset,
        journal_time: time("2026-11-22T03:04:06Z"),
        wall_time: time("2026-11-22T03:04:06.001Z"),
        client: "gateway-1",
        session: 7,
        packet_id: 1,
        qos: 1,
        dup: false,
        retain: false,
        from_broker: false,
        reprocessed: false,
        content_type: "",
        topic,
        payload,
        oversize: None,
    }
}
