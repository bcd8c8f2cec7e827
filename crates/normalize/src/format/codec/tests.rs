use super::*;
use crate::format::lorawan::tests::shake;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16);
    digits
        .chunks(2)
        .map(|digits| pair(digits).expect("hex"))
        .collect()
}

/// A frame of each kind that there is.
const FRAMES: [&str; 12] = [
    "017564 0367FF00 046879 0584BA04 06734F27 07920100 08EC7B00000001",
    "8367FF0001 88EC8D1300000201 21CEE59BE164FF00794F27BA043200EA840100",
    "04828813 050000 9482D00718FC02 B482881302 20CEE59BE164881319010000FF",
    "0367EE00 04687C 050001 06CB02 077DA803 20CEE59BE164EE007C000002A8032500662720003000 0000",
    "039710270000 0499B80B 8499B80BD007C40905 0967FFFF",
    "03C80A000000 0B02B0040000 0BE2004A004A004A004A FF190002020B01 FF1900040500C07A44",
    "FF0E092610270000 FF0E00FF 0502E02E000000000000",
    "20CE3FA109641700000000 030100 04C805000000",
    "0D4A06D80000FB01",
    "1D4A00000000000003E803E903EA",
    "0CE409920264274902641000000000",
    "0CE4020000000CFFFF020A0002003401020A8C0502FFDD09020012",
];

#[test]
fn shaken_frames_never_panic() {
    for frame in FRAMES {
        let good = bytes(frame);
        for codec in Codec::all() {
            for port in [2, 3, 5] {
                shake(&good, |bytes| drop(codec.decode(bytes, port)));
            }
        }
    }
}

#[test]
fn an_empty_frame_says_nothing() {
    for codec in Codec::all() {
        let decoded = codec.decode(&[], 2).expect("no fault");
        assert_eq!(decoded, Decoded::default());
    }
}
