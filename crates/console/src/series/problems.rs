//! What a question gets that the archive does not answer.

use axum::http::StatusCode;

use super::{SeriesProblem, SeriesProblemCode};
use crate::problem::{self, Problem};

const TOO_BIG: (&str, &str) = ("The question is too big", "Câu hỏi quá lớn");

pub(super) fn off() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        ("The archive is off", "Kho lưu trữ đang tắt"),
        "this node keeps no archive of series; turn it on in the configuration ([archive]), or ask /api/v1/recent for the last hours",
        "nút này không lưu trữ chuỗi số liệu; hãy bật trong cấu hình ([archive]), hoặc xem /api/v1/recent cho những giờ gần đây",
    )
}

pub(super) fn too_big(detail: impl Into<String>, detail_vi: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, TOO_BIG, detail, detail_vi)
}

pub(super) fn too_slow(limit_ms: u64) -> Problem {
    let seconds = limit_ms.div_ceil(1_000);
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ("No answer in time", "Không trả lời kịp"),
        format!(
            "the archive did not answer within {seconds} s; ask for a shorter span, a wider interval or fewer series, or again later"
        ),
        format!(
            "kho lưu trữ không trả lời trong {seconds} giây; hãy chọn khoảng thời gian ngắn hơn, bước rộng hơn hoặc ít chuỗi hơn, hoặc thử lại sau"
        ),
    )
    .retry_after(5)
}

pub(super) fn stopping() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ("The node stops", "Nút đang dừng"),
        "the node is stopping, ask again when it is back",
        "nút đang dừng, hãy hỏi lại khi nút hoạt động trở lại",
    )
    .retry_after(5)
}

/// What the backend said, under the status that goes with it.
pub(super) fn told(problem: SeriesProblem, limit_ms: u64) -> Problem {
    let SeriesProblem { code, detail } = problem;
    let (status, title) = match code {
        SeriesProblemCode::Unknown => (StatusCode::NOT_FOUND, ("Not found", "Không tìm thấy")),
        SeriesProblemCode::BadQuestion => return problem::bad_request(detail.en, detail.vi),
        SeriesProblemCode::TooBig => return too_big(detail.en, detail.vi),
        SeriesProblemCode::Stopped => return too_slow(limit_ms),
        SeriesProblemCode::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            (
                "The archive cannot be read at the moment",
                "Hiện chưa đọc được kho lưu trữ",
            ),
        ),
        SeriesProblemCode::Internal => {
            tracing::error!(detail = %detail.en, "a question to the archive could not be answered");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                ("Our mistake", "Lỗi của hệ thống"),
            )
        }
    };
    Problem::new(status, title, detail.en, detail.vi)
}
