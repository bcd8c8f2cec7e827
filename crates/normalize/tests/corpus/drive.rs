//! Bytes to messages of one format, through the whole normalizer, and what has to hold whatever the bytes are. Shared by the
//! replay of the corpus and the fuzz targets.
//!
//! An input is a row of messages: a byte that chooses the topic of `fuzz/topics.txt` (lowest five bits) and says retained (64)
//! or out of the quarantine (128), two bytes of length (little-endian), the payload. The last one may be shorter than it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use event::{JournalId, PackFiles, Time, Value};
use normalize::{Catalogue, Input, Normalized, Normalizer};

/// `readings_max` of the pack, and the refusal that may stand beside them.
const RESULTS_MAX: usize = 5_000 + 1;
const FIELDS_MAX: usize = 64;
/// Refusals quote what was wrong, but not all of it.
const REASON_BYTES_MAX: usize = 4 << 10;
/// Messages of one input.
const MESSAGES_MAX: usize = 64;

/// 2026-11-22T03:04:06Z
const START: Time = Time(1_795_316_646 * Time::SECOND);

pub(crate) struct Channel {
    topic: String,
    content_type: String,
}

pub(crate) struct Site {
    catalogue: Arc<Catalogue>,
    channels: Vec<Channel>,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("fuzz/topics.txt").is_file())
        .expect("the folder of the crate")
        .to_path_buf()
}

impl Site {
    pub(crate) fn of(format: &str, catalogue: Arc<Catalogue>) -> Self {
        let text = fs::read_to_string(root().join("fuzz/topics.txt")).expect("the topics");
        let channels = text.lines().filter_map(|line| {
            let mut columns = line.split('\t');
            let own = columns.next() == Some(format);
            own.then(|| Channel {
                topic: columns.next().expect("a topic").to_owned(),
                content_type: columns.next().unwrap_or("").to_owned(),
            })
        });
        let channels: Vec<Channel> = channels.collect();
        assert!(!channels.is_empty(), "no topic of {format}");
        Self {
            catalogue,
            channels,
        }
    }

    /// Panics if something does not hold.
    pub(crate) fn check(&self, bytes: &[u8]) {
        let messages = self.messages(bytes);
        let mut normalizer = Normalizer::new(Arc::clone(&self.catalogue));
        let mut out = Vec::new();
        for message in &messages {
            normalizer.apply(message, &mut out);
            bounded(&out);
            out.clear();
        }
        // Whoever goes on from what was saved goes on alike: to the byte, and with the same answer to the same message.
        let saved = postcard::to_allocvec(&normalizer.save()).expect("a state");
        let state = postcard::from_bytes(&saved).expect("the same state");
        let mut restored = Normalizer::restore(Arc::clone(&self.catalogue), state).expect("ours");
        if let Some(message) = messages.last() {
            let mut again = Vec::new();
            normalizer.apply(message, &mut out);
            restored.apply(message, &mut again);
            assert_eq!(format!("{out:?}"), format!("{again:?}"));
        }
        let saved = postcard::to_allocvec(&normalizer.save()).expect("a state");
        let again = postcard::to_allocvec(&restored.save()).expect("a state");
        assert!(saved == again, "another state after saving");
    }

    fn messages<'a>(&'a self, mut bytes: &'a [u8]) -> Vec<Input<'a>> {
        let mut messages = Vec::new();
        while let [choice, low, high, rest @ ..] = bytes {
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
            let (payload, rest) = rest.split_at(length);
            bytes = rest;
            let offset = messages.len() as u64;
            let now = START.plus(Time::SECOND * messages.len() as i64);
            let channel = &self.channels[usize::from(*choice & 31) % self.channels.len()];
            messages.push(Input {
                journal: JournalId([7; 16]),
                offset,
                journal_time: now,
                wall_time: now,
                client: "gateway-1",
                session: 1,
                packet_id: 1,
                qos: 1,
                dup: false,
                retain: choice & 64 != 0,
                from_broker: false,
                reprocessed: choice & 128 != 0,
                content_type: &channel.content_type,
                topic: &channel.topic,
                payload,
                oversize: None,
            });
            if messages.len() == MESSAGES_MAX {
                break;
            }
        }
        messages
    }
}

fn bounded(out: &[Normalized]) {
    assert!((1..=RESULTS_MAX).contains(&out.len()), "{}", out.len());
    for result in out {
        match result {
            Normalized::Event(event) => {
                assert!(event.values.len() <= FIELDS_MAX);
                for measured in &event.values {
                    if let Value::Number(number) = measured.value {
                        assert!(number.is_finite(), "{measured:?}");
                    }
                }
                let place = event.place.as_ref();
                assert!(
                    place.is_none_or(|place| place.lat.abs() <= 90.0 && place.lon.abs() <= 180.0)
                );
            }
            Normalized::Reject(reject) => assert!(
                reject.reason.len() <= REASON_BYTES_MAX,
                "a reason of {} bytes",
                reject.reason.len()
            ),
            Normalized::Duplicate | Normalized::State => {}
        }
    }
}

pub(crate) fn catalogue() -> Arc<Catalogue> {
    Arc::new(Catalogue::load(&pack()).expect("the pack is sound"))
}

fn pack() -> PackFiles {
    fn walk(folder: &Path, prefix: &str, files: &mut PackFiles) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = format!("{prefix}{}", name.expect("a name"));
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else {
                files.files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    let mut files = PackFiles::default();
    walk(&root().join("../../deploy/sites/lao-cai"), "", &mut files);
    files
}
