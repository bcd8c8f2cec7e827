//! The QoS 2 packet identifiers that a session holds, and how a message that comes again is told from a
//! new one with a used identifier.

use journal::inputs::Message;

/// A QoS 2 packet identifier between PUBREC and PUBREL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) id: u16,
    /// Its message came from the disaster reserve, and so may its release.
    pub(crate) disaster: bool,
    /// Its message came, or came again, on the connection that is.
    pub(crate) here: bool,
    /// What its message was, see [`print`].
    pub(crate) print: u64,
}

/// Adds an identifier to a sorted list, or replaces what stands there.
pub(crate) fn insert_held(list: &mut Vec<Held>, held: Held) {
    // Identifiers mostly rise: look at the end first.
    match list.last() {
        Some(last) if last.id >= held.id => {
            match list.binary_search_by_key(&held.id, |other| other.id) {
                Ok(place) => list[place] = held,
                Err(place) => list.insert(place, held),
            }
        }
        Some(_) | None => list.push(held),
    }
}

/// Looks an identifier up in a sorted list.
pub(crate) fn find_held(list: &mut [Held], id: u16) -> Option<&mut Held> {
    if list.last().is_none_or(|last| last.id < id) {
        return None;
    }
    let place = list.binary_search_by_key(&id, |held| held.id).ok()?;
    list.get_mut(place)
}

/// Takes an identifier from a sorted list.
pub(crate) fn remove_held(list: &mut Vec<Held>, id: u16) -> Option<Held> {
    let place = list.binary_search_by_key(&id, |held| held.id).ok()?;
    Some(list.remove(place))
}

/// A number that two different messages hardly share. It is kept in snapshots: never change it.
pub(crate) fn print(topic: &str, payload: &[u8]) -> u64 {
    let mut print = mix(0, topic.len() as u64);
    for bytes in [topic.as_bytes(), payload] {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            print = mix(print, u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        print = mix(print, u64::from_le_bytes(last));
    }
    mix(print, payload.len() as u64)
}

/// The same for a message over the limit, of which the hash is known.
pub(crate) fn print_of_hash(sha256: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *sha256;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Of a record.
pub(super) fn print_of(message: &Message<'_>) -> u64 {
    match &message.oversize {
        Some(oversize) => print_of_hash(&oversize.sha256),
        None => print(message.topic, message.payload),
    }
}

fn mix(print: u64, word: u64) -> u64 {
    let product = u128::from(print ^ word ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
    (product as u64) ^ ((product >> 64) as u64).rotate_left(17) ^ print.rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::print;

    #[test]
    fn prints_differ_where_messages_do() {
        let messages: [(&str, &[u8]); 9] = [
            ("", b""),
            ("t", b""),
            ("", b"t"),
            ("t", b"t"),
            ("t", b"t\0"),
            ("tt", b""),
            ("t", b"12345678"),
            ("t", b"123456780"),
            ("t", b"12345679"),
        ];
        let prints: std::collections::BTreeSet<u64> = messages
            .map(|(topic, payload)| print(topic, payload))
            .into();
        assert_eq!(prints.len(), messages.len());
    }

    #[test]
    fn a_print_stays_what_it_was() {
        assert_eq!(
            print("ioc/a", b"payload of a message"),
            14_149_487_525_690_901_747
        );
    }
}
