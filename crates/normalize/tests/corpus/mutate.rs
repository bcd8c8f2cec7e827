//! Seeded changes of an input: the same seed makes the same bytes.

/// Words that formats give a meaning to.
const WORDS: [&[u8]; 24] = [
    b"null",
    b"1e308",
    b"-1e-400",
    b"NaN",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"0.0000000000000000001",
    b"\"\"",
    b"[]",
    b"{}",
    b"[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":{\"a\":",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"9999-12-31T23:59:60.999999999Z",
    b"0000-00-00T00:00:00+99:99",
    b"<![CDATA[",
    b"&#x41;",
    b"-",
    b".",
    b",",
];

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            return 0;
        }
        ((self.next() >> 11) % bound as u64) as usize
    }

    /// A changed input: mostly one of its messages, sometimes their row.
    pub(crate) fn change(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut messages = split(input);
        let at = self.below(messages.len());
        if at < messages.len() {
            match self.below(10) {
                0 => messages.push(messages[at].clone()),
                1 => drop(messages.remove(at)),
                2 => messages.swap(0, at),
                3 => messages[at].0 = self.next() as u8,
                _ => self.mutate(&mut messages[at].1, other),
            }
        }
        let mut bytes = Vec::new();
        for (choice, payload) in messages {
            let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
            bytes.push(choice);
            bytes.extend(length.to_le_bytes());
            bytes.extend(payload);
        }
        bytes
    }

    /// A few changes of `bytes`, some with pieces of `other`.
    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 | 1 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << (self.next() >> 61);
                    }
                }
                2 => {
                    let value = self.next() as u8;
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = value;
                    }
                }
                3 => {
                    let end = bytes.len().min(at + 1 + self.below(8));
                    bytes.drain(at..end);
                }
                4 => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(at..at, word.iter().copied());
                }
                5 => {
                    let end = bytes.len().min(at + self.below(32));
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                6 => {
                    let from = self.below(other.len());
                    let end = other.len().min(from + self.below(64));
                    let piece = other[from..end].to_vec();
                    let until = bytes.len().min(at + self.below(piece.len() + 1));
                    bytes.splice(at..until, piece);
                }
                // Of a number another one.
                _ => {
                    let digit = b'0' + self.below(10) as u8;
                    let found = bytes[at..].iter().position(u8::is_ascii_digit);
                    if let Some(byte) = found.and_then(|found| bytes.get_mut(at + found)) {
                        *byte = digit;
                    }
                }
            }
        }
        bytes.truncate(16 << 10);
    }
}

fn split(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut messages = Vec::new();
    while let [choice, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        messages.push((*choice, payload.to_vec()));
        bytes = rest;
    }
    messages
}
