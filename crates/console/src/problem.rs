//! What a request gets that cannot be served: `application/problem+json` in both languages.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Boxed: it travels in every `Result` of a handler and is rare.
#[derive(Debug)]
pub(crate) struct Problem(Box<Content>);

#[derive(Debug, Serialize)]
struct Content {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    title_vi: &'static str,
    detail_vi: String,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        (title, title_vi): (&'static str, &'static str),
        detail: impl Into<String>,
        detail_vi: impl Into<String>,
    ) -> Self {
        Self(Box::new(Content {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail: detail.into(),
            title_vi,
            detail_vi: detail_vi.into(),
            retry_after_seconds: None,
        }))
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.0.retry_after_seconds;
        let mut response = (status, Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json; charset=utf-8"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(crate) fn bad_request(detail: impl Into<String>, detail_vi: impl Into<String>) -> Problem {
    let title = ("The request cannot be understood", "Yêu cầu không hợp lệ");
    Problem::new(StatusCode::BAD_REQUEST, title, detail, detail_vi)
}

pub(crate) fn not_found(what: &str, what_vi: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        ("Not found", "Không tìm thấy"),
        format!("there is no {what} here"),
        format!("không có {what_vi} này"),
    )
}

pub(crate) fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ("Method not allowed", "Phương thức không được phép"),
        "this address does not take that method, see /api/v1/openapi.json",
        "địa chỉ này không nhận phương thức đó, xem /api/v1/openapi.json",
    )
}

pub(crate) fn too_large(bytes_max: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ("The body is too large", "Nội dung quá lớn"),
        format!("a body may hold at most {bytes_max} bytes"),
        format!("nội dung tối đa {bytes_max} byte"),
    )
}

pub(crate) fn not_json() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ("Not JSON", "Không phải JSON"),
        "send the body with the header Content-Type: application/json",
        "hãy gửi nội dung với tiêu đề Content-Type: application/json",
    )
}

pub(crate) fn body_too_slow() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        ("The body did not arrive", "Không nhận đủ nội dung"),
        "the body of the request did not arrive in time or broke off; nothing was recorded",
        "nội dung yêu cầu không đến kịp hoặc bị ngắt; chưa có gì được ghi",
    )
}

pub(crate) fn foreign_origin() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        ("Foreign origin", "Nguồn không được phép"),
        "requests from pages of another origin are refused",
        "yêu cầu từ trang của nguồn khác bị từ chối",
    )
}

pub(crate) fn foreign_host() -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        ("Unknown host name", "Tên máy chủ không được phép"),
        "open this page by its IP address or localhost, or list the name under console.hosts",
        "hãy mở trang bằng địa chỉ IP hoặc localhost, hoặc khai báo tên ở console.hosts",
    )
}

pub(crate) fn busy(what: &str, what_vi: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ("Too busy", "Đang quá tải"),
        format!("there are too many {what} at the moment, try again in a few seconds"),
        format!("hiện có quá nhiều {what_vi}, hãy thử lại sau vài giây"),
    )
    .retry_after(5)
}

/// Nothing is wrong with the request, but it cannot be carried out now.
pub(crate) fn later(detail: &event::Text) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ("Not now", "Chưa thực hiện được"),
        detail.en.clone(),
        detail.vi.clone(),
    )
    .retry_after(5)
}

/// A command of which nothing was recorded.
pub(crate) fn not_recorded(why: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ("The command was not recorded", "Lệnh chưa được ghi"),
        format!("{why}; nothing was recorded, try again"),
        "hệ thống chưa ghi được lệnh; hãy thử lại",
    )
    .retry_after(5)
}

/// A command that may or may not be on disk: repeating it with the same id is safe.
pub(crate) fn maybe_recorded(command_id: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        (
            "It is not known whether the command was recorded",
            "Chưa rõ lệnh đã được ghi hay chưa",
        ),
        format!("send it again with the same command_id {command_id:?}: it will count only once"),
        format!("hãy gửi lại với cùng command_id {command_id:?}: lệnh chỉ được tính một lần"),
    )
    .retry_after(5)
}

/// A command that is durable and of which the verdict is still to come.
pub(crate) fn verdict_pending(command_id: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        (
            "Recorded, the verdict is pending",
            "Đã ghi, đang chờ kết quả",
        ),
        format!(
            "the command is recorded and will be carried out; its verdict has not come yet. \
             Asking again with the same command_id {command_id:?} gets the same verdict"
        ),
        format!(
            "lệnh đã được ghi và sẽ được xử lý; chưa có kết quả. \
             Gửi lại với cùng command_id {command_id:?} sẽ nhận đúng kết quả đó"
        ),
    )
    .retry_after(2)
}

/// A mistake of ours: logged here, where it ends.
pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a request could not be answered");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        ("Our mistake", "Lỗi của hệ thống"),
        "the answer could not be made, see the log of the node",
        "không tạo được câu trả lời, xem nhật ký của nút",
    )
}
