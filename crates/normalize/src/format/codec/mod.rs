//! Binary frames of common devices. Names and words are those that the makers' own decoders give, so that a profile serves
//! both frames decoded here and objects decoded by a LoRaWAN server.

mod dragino;
mod milesight;

use super::Options;
use super::lorawan::Decoded;
use crate::fault::Fault;

/// Whose frames they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Milesight(milesight::Model),
    Dragino(dragino::Model),
}

const WORDS: [(&str, Codec); 19] = [
    ("milesight", Codec::Milesight(milesight::Model::Any)),
    (
        "milesight-wts506",
        Codec::Milesight(milesight::Model::Wts506),
    ),
    (
        "milesight-em500-swl",
        Codec::Milesight(milesight::Model::Em500Swl),
    ),
    (
        "milesight-em500-udl",
        Codec::Milesight(milesight::Model::Em500Udl),
    ),
    (
        "milesight-em310-udl",
        Codec::Milesight(milesight::Model::Em310Udl),
    ),
    (
        "milesight-em410-rdl",
        Codec::Milesight(milesight::Model::Em410Rdl),
    ),
    ("milesight-am319", Codec::Milesight(milesight::Model::Am319)),
    ("milesight-ct3xx", Codec::Milesight(milesight::Model::Ct3xx)),
    ("milesight-uc300", Codec::Milesight(milesight::Model::Uc300)),
    ("milesight-uc50x", Codec::Milesight(milesight::Model::Uc50x)),
    ("milesight-uc51x", Codec::Milesight(milesight::Model::Uc51x)),
    ("milesight-uc521", Codec::Milesight(milesight::Model::Uc521)),
    ("dragino-ldds75", Codec::Dragino(dragino::Model::Distance)),
    ("dragino-ldds20", Codec::Dragino(dragino::Model::Distance)),
    ("dragino-ldds", Codec::Dragino(dragino::Model::Distance)),
    ("dragino-dds75-lb", Codec::Dragino(dragino::Model::Distance)),
    ("dragino-aqs01", Codec::Dragino(dragino::Model::Aqs01)),
    ("dragino-lse01", Codec::Dragino(dragino::Model::Lse01)),
    ("dragino-wsc2", Codec::Dragino(dragino::Model::Wsc2)),
];

impl Codec {
    /// The option `codec` of a profile or of a source.
    pub(super) fn option(options: &Options<'_>) -> Result<Option<Self>, String> {
        options.word("codec", &WORDS)
    }

    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        WORDS.into_iter().map(|(_, codec)| codec)
    }

    /// An empty frame has nothing to say; one that cannot be read at all is a fault.
    pub(super) fn decode(self, bytes: &[u8], port: u64) -> Result<Decoded, Fault> {
        if bytes.is_empty() {
            return Ok(Decoded::default());
        }
        match self {
            Self::Milesight(model) => milesight::decode(model, bytes),
            Self::Dragino(model) => dragino::decode(model, bytes, port),
        }
    }
}

#[cfg(test)]
mod tests;
