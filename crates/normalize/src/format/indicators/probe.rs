//! For tests of the formats of public bodies: whatever bytes come, nothing panics, and each message is told once.

use std::path::Path;
use std::sync::Arc;

use event::{JournalId, PackFiles, Time};

use crate::{Catalogue, Input, Normalized, Normalizer};

const MUTATIONS: u32 = 2_000;

pub(in crate::format) fn pack() -> PackFiles {
    fn walk(folder: &Path, prefix: &str, files: &mut PackFiles) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else {
                files.files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = PackFiles::default();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sites/lao-cai"),
        "",
        &mut files,
    );
    files
}

fn apply(normalizer: &mut Normalizer, topic: &str, payload: &[u8]) -> Vec<Normalized> {
    let now = Time::parse("2026-11-22T03:04:06Z").unwrap();
    let input = Input {
        journal: JournalId([7; 16]),
        offset: 0,
        journal_time: now,
        wall_time: now,
        client: "probe",
        session: 1,
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
    };
    let mut out = Vec::new();
    normalizer.apply(&input, &mut out);
    out
}

/// The payload itself gives an event; its beginnings and seeded mutations give anything but a panic.
#[track_caller]
pub(in crate::format) fn no_bytes_panic(topic: &str, payload: &[u8]) {
    let catalogue = Arc::new(Catalogue::load(&pack()).unwrap());
    let mut normalizer = Normalizer::new(catalogue);
    let whole = apply(&mut normalizer, topic, payload);
    assert!(
        whole
            .iter()
            .any(|told| matches!(told, Normalized::Event(_))),
        "{whole:?}"
    );
    for end in 0..payload.len() {
        assert!(!apply(&mut normalizer, topic, &payload[..end]).is_empty());
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % bound.max(1) as u64) as usize
    };
    for _ in 0..MUTATIONS {
        let mut bytes = payload.to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = next(256) as u8,
                2 => {
                    bytes.remove(at);
                }
                _ => {
                    let from = next(bytes.len());
                    let piece: Vec<u8> = bytes.iter().skip(from).take(next(16)).copied().collect();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        assert!(!apply(&mut normalizer, topic, &bytes).is_empty());
    }
}
