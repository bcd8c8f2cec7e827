//! The words of a notice, Vietnamese first; and what a text message can carry.

use cap::local;
use event::{Change, Severity, Status, Text, Time};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::letter::Content;

const fn pair(vi: &'static str, en: &'static str) -> (&'static str, &'static str) {
    (vi, en)
}

fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => pair("NGUY CẤP", "CRITICAL"),
        Severity::Major => pair("NGHIÊM TRỌNG", "MAJOR"),
        Severity::Minor => pair("VỪA", "MINOR"),
        Severity::Warning => pair("CẢNH BÁO", "WARNING"),
        Severity::Info => pair("THÔNG TIN", "INFO"),
    }
}

fn change(change: Option<Change>) -> (&'static str, &'static str) {
    match change {
        None => pair("Cảnh báo tới người dân", "Warning to the public"),
        Some(Change::Raised) => pair("Cảnh báo mới", "New alert"),
        Some(Change::Reopened) => pair("Tái diễn", "Reopened"),
        Some(Change::Escalated) => pair("Chuyển cấp trên", "Escalated"),
        Some(Change::Reminded) => pair("Nhắc lại", "Reminder"),
        Some(Change::ReturnedToNormal) => pair("Đã trở lại bình thường", "Returned to normal"),
        Some(Change::Resolved | Change::Closed) => pair("Đã xử lý xong", "Resolved"),
        Some(Change::Annulled) => pair("Hủy: không đúng", "Annulled"),
        Some(
            Change::Revised
            | Change::Acknowledged
            | Change::Shelved
            | Change::Unshelved
            | Change::Commented
            | Change::Merged
            | Change::Assigned
            | Change::Suppressed
            | Change::Unsuppressed
            | Change::ChatteringBegan
            | Change::ChatteringEnded
            | Change::Reset
            | Change::MarkedFalse
            | Change::UnmarkedFalse
            | Change::Notified,
        ) => pair("Cập nhật", "Update"),
    }
}

fn drill(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Actual => pair("", ""),
        Status::Exercise => pair("[DIỄN TẬP] ", "[EXERCISE] "),
        Status::Test => pair("[THỬ NGHIỆM] ", "[TEST] "),
    }
}

/// One line in each language.
pub fn subject(content: &Content) -> Text {
    let (drill, severity, change) = (
        drill(content.status),
        severity(content.severity),
        change(content.change),
    );
    Text {
        vi: format!(
            "{}{} – {}: {}",
            drill.0, severity.0, change.0, content.message.vi
        ),
        en: format!(
            "{}{} – {}: {}",
            drill.1, severity.1, change.1, content.message.en
        ),
    }
}

/// What is known of its worth, in both languages; empty for a measured and corroborated one.
fn caveat(content: &Content) -> Text {
    let mut text = Text::default();
    for (holds, vi, en) in [
        (
            content.suspect,
            "Chỉ một cảm biến báo, chưa được kiểm chứng.",
            "A lone sensor says so; not corroborated.",
        ),
        (
            content.estimate,
            "Ước tính, chưa đo được.",
            "An estimate, not measured.",
        ),
        (
            content.unofficial,
            "Hỗ trợ ra quyết định, không phải bản tin chính thức.",
            "Decision support, not an official bulletin.",
        ),
    ] {
        if holds {
            text.vi.push_str(vi);
            text.vi.push('\n');
            text.en.push_str(en);
            text.en.push('\n');
        }
    }
    text
}

/// Several lines: Vietnamese, then English.
pub fn body(content: &Content, zone_seconds: i32) -> String {
    let (subject, caveat) = (subject(content), caveat(content));
    let since = clock_text(content.since, zone_seconds);
    format!(
        "{}\nĐịa điểm: {}\nTừ: {since}\n{}\n{}\n---\n{}\nPlace: {}\nSince: {since}\n{}\n{}",
        subject.vi,
        content.place.vi,
        content.guidance.vi,
        caveat.vi,
        subject.en,
        content.place.en,
        content.guidance.en,
        caveat.en
    )
}

/// Most lines of a grouped notice.
const LINES_MAX: usize = 20;

/// How many of each severity, then the most severe ones; every one is counted.
pub fn group_subject(contents: &[&Content]) -> Text {
    let count = |wanted: Severity| {
        contents
            .iter()
            .filter(|content| content.severity == wanted)
            .count()
    };
    let mut counts = Text::default();
    for level in [
        Severity::Critical,
        Severity::Major,
        Severity::Minor,
        Severity::Warning,
        Severity::Info,
    ] {
        let many = count(level);
        if many > 0 {
            let (vi, en) = severity(level);
            counts.vi.push_str(&format!(" {vi}: {many};"));
            counts.en.push_str(&format!(" {en}: {many};"));
        }
    }
    let status = contents
        .first()
        .map_or(Status::Actual, |first| first.status);
    let (vi, en) = drill(status);
    Text {
        vi: format!("{vi}{} thông báo gộp.{}", contents.len(), counts.vi),
        en: format!("{en}{} notices in one.{}", contents.len(), counts.en),
    }
}

pub fn group_body(contents: &[&Content]) -> String {
    let title = group_subject(contents);
    let mut ordered: Vec<_> = contents.to_vec();
    ordered.sort_by_key(|content| (content.severity, content.at));
    let lines = |language: fn(&Text) -> &str| {
        let mut out = String::new();
        for content in ordered.iter().take(LINES_MAX) {
            out.push_str("- ");
            out.push_str(language(&subject(content)));
            out.push('\n');
        }
        if ordered.len() > LINES_MAX {
            out.push_str(&format!("+ {}\n", ordered.len() - LINES_MAX));
        }
        out
    };
    format!(
        "{}\n{}---\n{}\n{}",
        title.vi,
        lines(|text| text.vi.as_str()),
        title.en,
        lines(|text| text.en.as_str())
    )
}

/// `08:00 10/09/2024`.
pub fn clock_text(time: Time, zone_seconds: i32) -> String {
    local(time, zone_seconds).map_or_else(
        || time.to_string(),
        |at| {
            format!(
                "{:02}:{:02} {:02}/{:02}/{}",
                at.hour(),
                at.minute(),
                at.day(),
                at.month(),
                at.year()
            )
        },
    )
}

/// Vietnamese without marks, and anything else that is not ASCII as `?`.
pub fn plain(text: &str) -> String {
    text.nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(|letter| match letter {
            'đ' => 'd',
            'Đ' => 'D',
            '–' | '—' => '-',
            '“' | '”' => '"',
            '‘' | '’' => '\'',
            '°' | '³' | '²' | 'µ' => ' ',
            letter if letter.is_ascii() => letter,
            _ => '?',
        })
        .collect()
}

/// Characters of the GSM alphabet that take two places.
const DOUBLE: &str = "^{}\\[~]|";

/// How many parts a text takes: 160 characters alone or 153 a part in the GSM alphabet, 70 or 67 in UCS-2.
pub fn segments(text: &str) -> usize {
    let gsm = text
        .chars()
        .all(|letter| letter.is_ascii() && letter != '`');
    let (units, alone, part) = if gsm {
        let doubled = text
            .chars()
            .filter(|letter| DOUBLE.contains(*letter))
            .count();
        (text.len() + doubled, 160, 153)
    } else {
        (text.encode_utf16().count(), 70, 67)
    };
    if units <= alone {
        1
    } else {
        units.div_ceil(part)
    }
}

/// Cut at the end so that it takes at most so many parts.
pub fn cut(text: &str, segments_max: usize) -> String {
    if segments(text) <= segments_max {
        return text.to_owned();
    }
    let mut letters: Vec<char> = text.chars().collect();
    while letters.pop().is_some() {
        let shortened: String = letters.iter().collect::<String>() + "...";
        if segments(&shortened) <= segments_max {
            return shortened;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_loses_its_marks_and_fits_into_fewer_parts() {
        let text = "Mực nước sông Hồng vượt báo động 3 tại Lào Cai. Đề nghị sơ tán người dân ở vùng thấp ngay.";
        assert_eq!(segments(text), 2);
        let bare = plain(text);
        assert_eq!(
            bare,
            "Muc nuoc song Hong vuot bao dong 3 tai Lao Cai. De nghi so tan nguoi dan o vung thap ngay."
        );
        assert_eq!(segments(&bare), 1);
        assert_eq!(segments(&"a".repeat(160)), 1);
        assert_eq!(segments(&"a".repeat(161)), 2);
        assert_eq!(segments(&"[".repeat(81)), 2);
        assert_eq!(segments(&cut(&"ạ".repeat(500), 2)), 2);
    }
}
