//! For tests of formats: damaged payloads through the whole of the normalizer, with the pack of Lào Cai.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use event::{JournalId, PackFiles, Time};

use crate::{Catalogue, Input, Normalized, Normalizer};

/// Read once for all tests.
pub(super) fn catalogue() -> Arc<Catalogue> {
    static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();
    let load = || {
        let mut files = PackFiles::default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sites/lao-cai");
        walk(&root, "", &mut files);
        Arc::new(Catalogue::load(&files).expect("the pack is sound"))
    };
    Arc::clone(CATALOGUE.get_or_init(load))
}

fn walk(folder: &Path, prefix: &str, files: &mut PackFiles) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{name}/"), files);
        } else {
            files
                .files
                .insert(name, std::fs::read(&path).expect("a file"));
        }
    }
}

pub(super) fn apply(
    normalizer: &mut Normalizer,
    offset: u64,
    topic: &str,
    payload: &[u8],
) -> Vec<Normalized> {
    let received = Time::parse("2026-11-22T03:04:06Z").expect("a time");
    let mut out = Vec::new();
    let input = Input {
        journal: JournalId([7; 16]),
        offset,
        journal_time: received,
        wall_time: received,
        client: "test",
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
    normalizer.apply(&input, &mut out);
    out
}

/// Every beginning of a good payload and 2,000 damaged ones: each has a result, none a panic.
pub(super) fn survives(topic: &str, payload: &[u8]) {
    let mut normalizer = Normalizer::new(catalogue());
    let good = apply(&mut normalizer, 0, topic, payload);
    let sound = !good.is_empty() && good.iter().all(|one| matches!(one, Normalized::Event(_)));
    assert!(sound, "the payload to begin with is good: {good:?}");
    let mut offset = 0;
    let mut feed = |payload: &[u8]| {
        offset += 1;
        assert!(!apply(&mut normalizer, offset, topic, payload).is_empty());
    };
    for end in 0..payload.len() {
        feed(&payload[..end]);
    }
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    for _ in 0..2_000 {
        let mut damaged = payload.to_vec();
        for _ in 0..=next(4) {
            if damaged.is_empty() {
                break;
            }
            let at = next(damaged.len());
            match next(6) {
                0 => damaged[at] ^= 1 << next(8),
                1 => damaged[at] = next(256) as u8,
                2 => drop(damaged.remove(at)),
                3 => damaged.insert(at, b"0123456789-+.eE\"{}[]:,*()!/"[next(27)]),
                4 => {
                    let piece: Vec<u8> = damaged[at..].iter().copied().take(1 + next(16)).collect();
                    let to = next(damaged.len());
                    damaged.splice(to..to, piece);
                }
                _ => damaged.truncate(at),
            }
        }
        feed(&damaged);
    }
}
