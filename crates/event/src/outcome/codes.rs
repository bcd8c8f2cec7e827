//! Numbers of the closed lists. They are on disk: a number is never used again for something else.

use super::DecodeError;
use crate::{Kind, RejectCode, Status, Stream};

pub(super) const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Reading => 1,
        Kind::State => 2,
        Kind::Warning => 3,
        Kind::Announcement => 4,
    }
}

pub(super) fn kind_from(code: u8) -> Result<Kind, DecodeError> {
    Ok(match code {
        1 => Kind::Reading,
        2 => Kind::State,
        3 => Kind::Warning,
        4 => Kind::Announcement,
        _ => return Err(DecodeError::Invalid("the kind")),
    })
}

pub(super) const fn stream_code(stream: Stream) -> u8 {
    match stream {
        Stream::Disaster => 1,
        Stream::Energy => 2,
        Stream::Environment => 3,
        Stream::Tourism => 4,
        Stream::City => 5,
    }
}

pub(super) fn stream_from(code: u8) -> Result<Stream, DecodeError> {
    Ok(match code {
        1 => Stream::Disaster,
        2 => Stream::Energy,
        3 => Stream::Environment,
        4 => Stream::Tourism,
        5 => Stream::City,
        _ => return Err(DecodeError::Invalid("the stream")),
    })
}

pub(super) const fn status_code(status: Status) -> u8 {
    match status {
        Status::Actual => 1,
        Status::Exercise => 2,
        Status::Test => 3,
    }
}

pub(super) fn status_from(code: u8) -> Result<Status, DecodeError> {
    Ok(match code {
        1 => Status::Actual,
        2 => Status::Exercise,
        3 => Status::Test,
        _ => return Err(DecodeError::Invalid("the status")),
    })
}

pub(super) const fn reject_code(code: RejectCode) -> u8 {
    match code {
        RejectCode::TopicUnknown => 1,
        RejectCode::SiteUnknown => 2,
        RejectCode::StreamUnknown => 3,
        RejectCode::DeviceUnknown => 4,
        RejectCode::DeviceMismatch => 5,
        RejectCode::PayloadEmpty => 6,
        RejectCode::PayloadNotUtf8 => 7,
        RejectCode::PayloadNotJson => 8,
        RejectCode::PayloadShape => 9,
        RejectCode::NoValues => 10,
        RejectCode::TimeInvalid => 11,
        RejectCode::TooManyFields => 12,
        RejectCode::PayloadTooLarge => 13,
        RejectCode::ConfigurationInvalid => 14,
        RejectCode::RecordUnreadable => 15,
        RejectCode::DeviceLimit => 16,
        RejectCode::SinkRefused => 17,
        RejectCode::PersonalData => 18,
        RejectCode::CompressionInvalid => 19,
        RejectCode::UnpackedTooLarge => 20,
        RejectCode::PayloadMalformed => 21,
        RejectCode::AliasUnknown => 22,
        RejectCode::DecoderFailed => 23,
        RejectCode::DecoderLimit => 24,
        RejectCode::FormatUnknown => 25,
    }
}
