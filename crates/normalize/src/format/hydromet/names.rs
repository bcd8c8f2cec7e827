//! Names and words of the hydro-met feeds: communes by name, risks in words.

use std::collections::BTreeMap;

use event::AreaInfo;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::format::reservoir::folded;

/// Risk of a commune, least first; the codes of the measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Risk {
    None,
    Low,
    Medium,
    High,
    VeryHigh,
}

impl Risk {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::None => "khong",
            Self::Low => "thap",
            Self::Medium => "trung_binh",
            Self::High => "cao",
            Self::VeryHigh => "rat_cao",
        }
    }

    /// `Rất cao `, `RẤT CAO`, `rất  cao` (composed or not), `Nguy cơ cao`; None for what is no risk word.
    pub(super) fn of(text: &str) -> Option<Self> {
        let word = folded(text);
        let word = word
            .strip_prefix("nguy_co_")
            .or_else(|| word.strip_prefix("muc_"))
            .unwrap_or(&word);
        Some(match word {
            "" | "khong" | "khong_co" | "khong_nguy_co" | "0" => Self::None,
            "thap" | "nho" | "1" => Self::Low,
            "trung_binh" | "tb" | "vua" | "2" => Self::Medium,
            "cao" | "lon" | "3" => Self::High,
            "rat_cao" | "rat_lon" | "4" => Self::VeryHigh,
            _ => return None,
        })
    }
}

/// A name for comparing: composed, small letters, no kind of unit in front, `hoà` as `hòa`. Accents count.
pub(super) fn key(name: &str) -> String {
    let composed: String = name.nfc().collect::<String>().to_lowercase();
    let words: Vec<&str> = composed.split_whitespace().collect();
    let joined = words.join(" ");
    let prefixes = [
        "xã ",
        "x. ",
        "x.",
        "phường ",
        "p. ",
        "p.",
        "thị trấn ",
        "tt. ",
        "tt ",
        "tỉnh ",
        "thành phố ",
        "tp. ",
        "tp ",
    ];
    let bare = prefixes
        .iter()
        .find_map(|prefix| joined.strip_prefix(prefix))
        .unwrap_or(&joined);
    let mut out = bare.trim().to_owned();
    for (old, new) in [
        ("oà", "òa"),
        ("oá", "óa"),
        ("oả", "ỏa"),
        ("oã", "õa"),
        ("oạ", "ọa"),
        ("oè", "òe"),
        ("oé", "óe"),
        ("uỳ", "ùy"),
        ("uý", "úy"),
        ("uỷ", "ủy"),
        ("uỹ", "ũy"),
        ("uỵ", "ụy"),
    ] {
        // Only at the end of a word: in `hoàng` and `loát` there is but one place for the mark.
        if !out.contains(old) {
            continue;
        }
        let mut padded = format!("{out} ");
        padded = padded.replace(&format!("{old} "), &format!("{new} "));
        padded.truncate(padded.trim_end().len());
        out = padded;
    }
    out
}

/// The code of the commune or ward of that name.
pub(super) fn index(areas: &BTreeMap<String, AreaInfo>) -> BTreeMap<String, &AreaInfo> {
    areas.values().map(|area| (key(&area.name), area)).collect()
}

/// A name as part of a device's id: ASCII, at most 40 letters.
pub(super) fn slug(name: &str) -> String {
    let mut out = String::new();
    for letter in name.nfd().filter(|letter| !is_combining_mark(*letter)) {
        let letter = if matches!(letter, 'đ' | 'Đ') {
            'd'
        } else {
            letter
        };
        if letter.is_ascii_alphanumeric() {
            out.push(letter.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 40 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_risk() {
        for text in [
            "Rất cao",
            " RẤT CAO ",
            "rất  cao",
            "Ra\u{302}\u{301}t cao",
            "Nguy cơ rất cao",
        ] {
            assert_eq!(Risk::of(text), Some(Risk::VeryHigh), "{text:?}");
        }
        assert_eq!(Risk::of("Trung bình\r"), Some(Risk::Medium));
        assert_eq!(Risk::of("Cao"), Some(Risk::High));
        assert_eq!(Risk::of("không"), Some(Risk::None));
        assert_eq!(Risk::of("???"), Some(Risk::None));
        assert_eq!(Risk::of("đỏ"), None);
    }

    #[test]
    fn names_of_communes() {
        assert_eq!(key("Xã Xuân Hoà"), key("xã  Xuân Hòa "));
        assert_eq!(key("P. Sa Pa"), "sa pa");
        assert_ne!(key("Bảo Hà"), key("Bảo Hạ"));
        assert_eq!(slug("Trạm Đèo Ô Quý Hồ (TĐ)"), "tram-deo-o-quy-ho-td");
    }
}
