//! A message that gave no event: kept whole, with a reason that a person can act on.

use serde::{Deserialize, Serialize};

use crate::Text;

/// The closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// The topic is none that the site's formats know.
    TopicUnknown,
    /// The topic names another site.
    SiteUnknown,
    StreamUnknown,
    /// No catalogue entry or family matches the device.
    DeviceUnknown,
    /// A family has as many members as the site allows.
    DeviceLimit,
    /// The topic and the payload name different devices.
    DeviceMismatch,
    PayloadEmpty,
    PayloadNotUtf8,
    PayloadNotJson,
    /// JSON, but not of the shape of the format.
    PayloadShape,
    /// Not one known field with a usable value.
    NoValues,
    TimeInvalid,
    TooManyFields,
    /// Over the size limit; drained, first 4 KiB kept.
    PayloadTooLarge,
    /// The configuration record could not be applied; the old one stays in force.
    ConfigurationInvalid,
    /// A record of a kind or version that this release cannot read.
    RecordUnreadable,
    /// A sink will never take this outcome; its bytes are those of the outcome.
    SinkRefused,
    /// Carries personal data: refused before any store; the payload is blanked.
    PersonalData,
    /// The compressed payload cannot be unpacked.
    CompressionInvalid,
    /// Unpacks to more than the bound.
    UnpackedTooLarge,
    /// The bytes are not of the format (CBOR, Protobuf, XML, a device's frame, a text file).
    PayloadMalformed,
    /// An alias or a device that no birth certificate has named.
    AliasUnknown,
    /// The script of the profile failed on this payload.
    DecoderFailed,
    /// The script of the profile went over its bounds.
    DecoderLimit,
    /// No source or profile says how to read this topic.
    FormatUnknown,
}

impl RejectCode {
    pub const ALL: [Self; 25] = [
        Self::TopicUnknown,
        Self::SiteUnknown,
        Self::StreamUnknown,
        Self::DeviceUnknown,
        Self::DeviceLimit,
        Self::DeviceMismatch,
        Self::PayloadEmpty,
        Self::PayloadNotUtf8,
        Self::PayloadNotJson,
        Self::PayloadShape,
        Self::NoValues,
        Self::TimeInvalid,
        Self::TooManyFields,
        Self::PayloadTooLarge,
        Self::ConfigurationInvalid,
        Self::RecordUnreadable,
        Self::SinkRefused,
        Self::PersonalData,
        Self::CompressionInvalid,
        Self::UnpackedTooLarge,
        Self::PayloadMalformed,
        Self::AliasUnknown,
        Self::DecoderFailed,
        Self::DecoderLimit,
        Self::FormatUnknown,
    ];

    /// The name in JSON, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TopicUnknown => "topic_unknown",
            Self::SiteUnknown => "site_unknown",
            Self::StreamUnknown => "stream_unknown",
            Self::DeviceUnknown => "device_unknown",
            Self::DeviceLimit => "device_limit",
            Self::DeviceMismatch => "device_mismatch",
            Self::PayloadEmpty => "payload_empty",
            Self::PayloadNotUtf8 => "payload_not_utf8",
            Self::PayloadNotJson => "payload_not_json",
            Self::PayloadShape => "payload_shape",
            Self::NoValues => "no_values",
            Self::TimeInvalid => "time_invalid",
            Self::TooManyFields => "too_many_fields",
            Self::PayloadTooLarge => "payload_too_large",
            Self::ConfigurationInvalid => "configuration_invalid",
            Self::RecordUnreadable => "record_unreadable",
            Self::SinkRefused => "sink_refused",
            Self::PersonalData => "personal_data",
            Self::CompressionInvalid => "compression_invalid",
            Self::UnpackedTooLarge => "unpacked_too_large",
            Self::PayloadMalformed => "payload_malformed",
            Self::AliasUnknown => "alias_unknown",
            Self::DecoderFailed => "decoder_failed",
            Self::DecoderLimit => "decoder_limit",
            Self::FormatUnknown => "format_unknown",
        }
    }

    /// What it means and what to do, in both languages; the reject's own `reason` has the particulars.
    pub fn text(self) -> Text {
        let (vi, en) = match self {
            Self::TopicUnknown => (
                "Chủ đề không đúng dạng. Hãy gửi tới ioc/{điểm}/{luồng}/{thiết bị}/up.",
                "The topic is of no known form. Publish to ioc/{site}/{stream}/{device}/up.",
            ),
            Self::SiteUnknown => (
                "Chủ đề ghi một điểm khác. Hãy kiểm tra tên điểm trong cấu hình thiết bị.",
                "The topic names another site. Check the site in the device's settings.",
            ),
            Self::StreamUnknown => (
                "Luồng không có hoặc không phải của thiết bị này. Hãy sửa phần luồng trong chủ đề.",
                "The stream is unknown or not this device's. Correct it in the topic.",
            ),
            Self::DeviceUnknown => (
                "Thiết bị chưa có trong danh mục. Hãy thêm thiết bị hoặc sửa mã thiết bị.",
                "The device is not in the catalogue. Add it, or correct its id.",
            ),
            Self::DeviceLimit => (
                "Đã đủ số thiết bị cho phép. Hãy tăng giới hạn hoặc tìm nguồn tạo mã thiết bị lạ.",
                "The limit of devices is reached. Raise it, or find who makes up device ids.",
            ),
            Self::DeviceMismatch => (
                "Mã thiết bị trong nội dung khác với chủ đề. Hãy kiểm tra cấu hình cổng kết nối.",
                "Topic and payload name different devices. Check the gateway's settings.",
            ),
            Self::PayloadEmpty => (
                "Nội dung rỗng. Hãy kiểm tra thiết bị hoặc cổng kết nối.",
                "The payload is empty. Check the device or gateway.",
            ),
            Self::PayloadNotUtf8 => (
                "Nội dung không phải UTF-8. Hãy kiểm tra bảng mã của thiết bị.",
                "The payload is not UTF-8. Check the device's encoding.",
            ),
            Self::PayloadNotJson => (
                "Nội dung không phải JSON hợp lệ. Hãy kiểm tra phần mềm của thiết bị.",
                "The payload is not valid JSON. Check the device's firmware.",
            ),
            Self::PayloadShape => (
                "JSON không đúng dạng quy định. Hãy gửi một đối tượng phẳng theo hồ sơ thiết bị.",
                "The JSON is not of the agreed shape. Send one flat object as the profile says.",
            ),
            Self::NoValues => (
                "Không có giá trị nào dùng được. Hãy so tên trường và kiểu với hồ sơ thiết bị.",
                "Not one usable value. Compare field names and types with the device's profile.",
            ),
            Self::TimeInvalid => (
                "Thời gian không đọc được. Hãy gửi RFC 3339 có múi giờ hoặc số giây từ 1970.",
                "The time cannot be read. Send RFC 3339 with a zone, or seconds since 1970.",
            ),
            Self::TooManyFields => (
                "Quá nhiều trường trong một bản tin. Hãy chia nhỏ bản tin.",
                "Too many fields in one message. Split it.",
            ),
            Self::PayloadTooLarge => (
                "Nội dung vượt giới hạn kích thước. Hãy chia nhỏ bản tin.",
                "The payload is over the size limit. Split the message.",
            ),
            Self::ConfigurationInvalid => (
                "Cấu hình không áp dụng được; cấu hình cũ vẫn có hiệu lực. Hãy sửa và nạp lại.",
                "The configuration could not be applied; the old one stays in force. Correct it and load it again.",
            ),
            Self::RecordUnreadable => (
                "Bản ghi không đọc được ở phiên bản này. Hãy nâng cấp hoặc báo bộ phận hỗ trợ.",
                "This release cannot read the record. Upgrade, or tell support.",
            ),
            Self::SinkRefused => (
                "Nơi nhận (Kafka, InfluxDB) từ chối bản ghi này; các bản ghi khác vẫn được gửi. Hãy xem lý do rồi sửa nơi nhận hoặc nguồn.",
                "A sink refused this record for good; the others are delivered. Read its reason, then mend the sink or the source.",
            ),
            Self::PersonalData => (
                "Bản tin chứa dữ liệu cá nhân: bị từ chối và xóa trắng nội dung. Hãy chỉ gửi số lượng, không gửi danh tính.",
                "The message carries personal data: it is refused and its payload blanked. Send counts, never identities.",
            ),
            Self::CompressionInvalid => (
                "Không giải nén được nội dung. Hãy kiểm tra kiểu nén và content type của cổng kết nối.",
                "The payload cannot be unpacked. Check the gateway's compression and content type.",
            ),
            Self::UnpackedTooLarge => (
                "Nội dung sau giải nén vượt giới hạn. Hãy chia nhỏ bản tin hoặc tìm nguồn gửi bất thường.",
                "The payload unpacks to more than the limit. Split the message, or find who sends such things.",
            ),
            Self::PayloadMalformed => (
                "Nội dung không đúng định dạng của hồ sơ thiết bị. Hãy so hồ sơ với phần mềm của thiết bị.",
                "The bytes are not of the profile's format. Compare the profile with the device's firmware.",
            ),
            Self::AliasUnknown => (
                "Bí danh chưa được khai báo trong bản tin khai sinh. Hãy cho nút gửi lại bản tin khai sinh.",
                "An alias that no birth certificate has named. Let the node send its birth certificate again.",
            ),
            Self::DecoderFailed => (
                "Bộ giải mã của hồ sơ báo lỗi với nội dung này. Hãy sửa bộ giải mã rồi xử lý lại.",
                "The profile's decoder failed on this payload. Mend it and reprocess.",
            ),
            Self::DecoderLimit => (
                "Bộ giải mã của hồ sơ vượt giới hạn bước, kích thước hoặc thời gian. Hãy sửa bộ giải mã.",
                "The profile's decoder went over its bound of steps, size or time. Mend it.",
            ),
            Self::FormatUnknown => (
                "Chưa khai báo cách đọc chủ đề này. Hãy thêm nguồn vào sources.toml hoặc sửa hồ sơ.",
                "No source or profile says how to read this. Add a source to sources.toml, or correct the profile.",
            ),
        };
        Text {
            vi: vi.to_owned(),
            en: en.to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub code: RejectCode,
    /// One sentence: what was wrong, where, and what to do.
    pub reason: String,
    pub client: String,
    pub topic: String,
    /// The bytes as they came (the first 4 KiB of a payload over the limit).
    pub payload: Vec<u8>,
}
