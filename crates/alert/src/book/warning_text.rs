//! Whether what a public warning says can go out as it is.

use event::{Refusal, Text, Time, WarningText};

use super::Context;
use super::commands::{Refused, refused};

const HEADLINE_CHARS_MAX: usize = 200;
const BODY_CHARS_MAX: usize = 4_000;
const AREAS_MAX: usize = 200;
/// CAP 1.2, `category`.
const CATEGORIES: [&str; 12] = [
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
];

pub(super) fn check(text: &WarningText, ctx: &Context<'_>) -> Result<(), Refused> {
    let empty = |text: &Text| text.vi.trim().is_empty() || text.en.trim().is_empty();
    if [&text.event, &text.headline, &text.description]
        .into_iter()
        .any(empty)
    {
        return Err(refused(
            Refusal::ReasonMissing,
            "Tin cảnh báo cần tên sự kiện, tiêu đề và nội dung bằng cả hai ngôn ngữ.",
            "A warning needs its event, headline and description in both languages.",
        ));
    }
    let longer = |text: &Text, most: usize| {
        text.vi.chars().nth(most).is_some() || text.en.chars().nth(most).is_some()
    };
    let long = longer(&text.event, HEADLINE_CHARS_MAX)
        || longer(&text.headline, HEADLINE_CHARS_MAX)
        || longer(&text.description, BODY_CHARS_MAX)
        || longer(&text.instruction, BODY_CHARS_MAX);
    if long {
        return Err(refused(
            Refusal::TextTooLong,
            format!("Tiêu đề tối đa {HEADLINE_CHARS_MAX}, nội dung tối đa {BODY_CHARS_MAX} ký tự."),
            format!(
                "Headlines have {HEADLINE_CHARS_MAX} characters at most, bodies {BODY_CHARS_MAX}."
            ),
        ));
    }
    let area = |code: &event::Name| ctx.vocabulary.areas.contains_key(&**code);
    let category = |word: &String| CATEGORIES.contains(&word.as_str());
    let valid = (1..=AREAS_MAX).contains(&text.areas.len())
        && text.areas.iter().all(area)
        && (1..=CATEGORIES.len()).contains(&text.categories.len())
        && text.categories.iter().all(category)
        && text.response.len() <= CATEGORIES.len();
    if !valid {
        return Err(refused(
            Refusal::ScopeInvalid,
            "Tin cảnh báo cần địa bàn có trong danh mục và loại theo chuẩn CAP.",
            "A warning needs areas that are listed and categories of CAP.",
        ));
    }
    in_future(text.expires, ctx)
}

pub(super) fn in_future(expires: Time, ctx: &Context<'_>) -> Result<(), Refused> {
    if expires > ctx.origin.now {
        return Ok(());
    }
    Err(refused(
        Refusal::TimePast,
        "Thời hạn của tin cảnh báo đã qua.",
        "The warning has expired.",
    ))
}
