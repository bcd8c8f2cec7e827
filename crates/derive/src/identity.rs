//! Ids of derived events: a function of what they say and of what brought them about, so that a replay has the same ones.
//!
//! SHA-256 cut to 128 bits, as for the events of devices; the purpose byte keeps the two apart.

use event::{EventId, Name, Status, Time};
use sha2::{Digest, Sha256};

/// What tells one derived event from another.
pub(crate) struct Parts<'a> {
    pub(crate) site: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) entity: &'a str,
    pub(crate) device: &'a str,
    pub(crate) status: Status,
    pub(crate) observed: Time,
    /// The reading that brought the result about.
    pub(crate) input: EventId,
}

pub(crate) fn of_result(parts: &Parts<'_>) -> EventId {
    let mut hash = Sha256::new();
    hash.update([b'i', b'o', b'c', 1, b'v']);
    for name in [parts.site, parts.rule, parts.entity, parts.device] {
        // With its length in front, so that no two names run together.
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        hash.update(length.to_le_bytes());
        hash.update(name.as_bytes());
    }
    hash.update([status_code(parts.status)]);
    hash.update(parts.observed.0.to_le_bytes());
    hash.update(parts.input.0);
    cut(hash)
}

/// Stands for a name (a device, a meter's serial number) where only equality matters.
pub(crate) fn mark(name: &Name) -> u64 {
    let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(head)
}

fn cut(hash: Sha256) -> EventId {
    let hash: [u8; 32] = hash.finalize().into();
    let mut id = EventId::default();
    id.0.copy_from_slice(&hash[..16]);
    id
}

/// Part of ids and of the saved form: not to be renumbered.
pub(crate) const fn status_code(status: Status) -> u8 {
    match status {
        Status::Actual => 0,
        Status::Exercise => 1,
        Status::Test => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts<'static> {
        Parts {
            site: "s",
            rule: "r",
            entity: "e",
            device: "d",
            status: Status::Actual,
            observed: Time(7),
            input: EventId([1; 16]),
        }
    }

    #[test]
    fn every_part_counts() {
        let changed = [
            parts(),
            Parts {
                site: "t",
                ..parts()
            },
            Parts {
                rule: "q",
                ..parts()
            },
            Parts {
                rule: "re",
                entity: "",
                ..parts()
            },
            Parts {
                entity: "f",
                ..parts()
            },
            Parts {
                device: "c",
                ..parts()
            },
            Parts {
                status: Status::Test,
                ..parts()
            },
            Parts {
                status: Status::Exercise,
                ..parts()
            },
            Parts {
                observed: Time(8),
                ..parts()
            },
            Parts {
                input: EventId([2; 16]),
                ..parts()
            },
        ];
        let mut ids: Vec<_> = changed.iter().map(of_result).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), changed.len());
    }

    /// Ids are on disk and in other systems: a change here is a change of format.
    #[test]
    fn ids_stay_what_they_are() {
        assert_eq!(
            of_result(&parts()).to_string(),
            "65de54e5-8880-e0e3-ebdf-d8d27cae4fb0"
        );
    }
}
