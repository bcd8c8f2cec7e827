//! Which partition a key belongs to: what Kafka's Java client does (murmur2), so that other producers and stream
//! processors agree. The sink chooses itself because it must know the partition before it sends: a restart skips what a
//! partition already has.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// `partitions` is at least 1.
pub(crate) fn of_key(key: &[u8], partitions: usize) -> usize {
    // The Java client drops the sign bit and divides.
    (murmur2(key) & 0x7fff_ffff) as usize % partitions.max(1)
}

fn murmur2(key: &[u8]) -> u32 {
    // The length enters modulo 2^32, as in the original.
    let mut hash = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        for (at, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the Java client's own tests.
    #[test]
    fn hashes_are_those_of_the_java_client() {
        let known: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (
                b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in known {
            assert_eq!(murmur2(key).cast_signed(), hash, "{key:?}");
        }
    }

    #[test]
    fn every_partition_is_used_and_none_beyond() {
        let mut used = [0_u32; 6];
        for number in 0..600 {
            used[of_key(format!("river-{number}").as_bytes(), 6)] += 1;
        }
        assert!(
            used.iter().all(|count| (50..200).contains(count)),
            "{used:?}"
        );
        assert_eq!(of_key(b"anything", 1), 0);
    }
}
