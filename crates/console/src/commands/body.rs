//! The body of a command: read with bounds, checked field by field.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header;
use event::{AlertState, CloseCause, Time};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::ConsoleConfig;
use crate::problem::{self, Problem};

const OPERATOR_CHARS_MAX: usize = 100;
const COMMAND_ID_BYTES_MAX: usize = 100;
const WORDS_CHARS_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Acknowledge,
    Shelve,
    Unshelve,
    Comment,
    Assign,
    Escalate,
    Reset,
    Close,
    Reopen,
    MarkFalse,
    UnmarkFalse,
}

/// The fields of all commands; which of them a command takes is checked where the action is made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) command_id: Option<String>,
    pub(super) operator: String,
    pub(super) seen_state: Option<AlertState>,
    pub(super) seen_revision: Option<u32>,
    pub(super) until: Option<Time>,
    pub(super) duration_seconds: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) text: Option<String>,
    pub(super) one_shot: Option<bool>,
    pub(super) to: Option<String>,
    pub(super) level: Option<String>,
    pub(super) cause: Option<CloseCause>,
}

pub(super) async fn read(request: Request, config: &ConsoleConfig) -> Result<Fields, Problem> {
    let mut fields: Fields = read_json(request, config).await?;
    fields.operator = operator(&fields.operator)?;
    if let Some(id) = &fields.command_id {
        check_command_id(id)?;
    }
    Ok(fields)
}

/// A JSON body within its bounds of size and time.
pub(crate) async fn read_json<T: DeserializeOwned>(
    request: Request,
    config: &ConsoleConfig,
) -> Result<T, Problem> {
    read_json_up_to(request, config, config.request_bytes_max).await
}

/// The same for a body that may be larger than a command.
pub(crate) async fn read_json_up_to<T: DeserializeOwned>(
    request: Request,
    config: &ConsoleConfig,
    bytes_max: usize,
) -> Result<T, Problem> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or("")
        .trim();
    // A form or plain text can be sent by a foreign page without asking; JSON cannot.
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(problem::not_json());
    }
    let limit = Duration::from_millis(config.request_timeout_ms);
    let bytes = tokio::time::timeout(limit, gather(request, bytes_max))
        .await
        .map_err(|_| problem::body_too_slow())??;
    serde_json::from_slice(&bytes).map_err(|error| {
        problem::bad_request(
            format!("the body is not what this command takes: {error}"),
            "nội dung JSON không đúng, xem /api/v1/openapi.json",
        )
    })
}

async fn gather(request: Request, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut stream = request.into_body().into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| problem::body_too_slow())?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(problem::too_large(bytes_max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

pub(crate) fn operator(typed: &str) -> Result<String, Problem> {
    let name = typed.trim();
    if name.is_empty()
        || name.chars().count() > OPERATOR_CHARS_MAX
        || name.chars().any(char::is_control)
    {
        return Err(problem::bad_request(
            "operator must be a name of 1 to 100 characters, without control characters",
            "operator (tên người trực) phải có từ 1 đến 100 ký tự, không chứa ký tự điều khiển",
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn check_command_id(id: &str) -> Result<(), Problem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if id.is_empty() || id.len() > COMMAND_ID_BYTES_MAX || !id.bytes().all(allowed) {
        return Err(problem::bad_request(
            "command_id must be 1 to 100 letters, digits or - _ . :",
            "command_id phải gồm 1 đến 100 chữ cái, chữ số hoặc - _ . :",
        ));
    }
    Ok(())
}

/// A text that a person must have typed.
pub(crate) fn words(field: &str, text: Option<&str>) -> Result<String, Problem> {
    let text = text.unwrap_or("").trim();
    let control = |char: char| char.is_control() && !matches!(char, '\n' | '\t' | '\r');
    if text.is_empty() || text.chars().count() > WORDS_CHARS_MAX || text.chars().any(control) {
        return Err(problem::bad_request(
            format!("{field} must be a text of 1 to {WORDS_CHARS_MAX} characters"),
            format!("{field} phải là văn bản từ 1 đến {WORDS_CHARS_MAX} ký tự"),
        ));
    }
    Ok(text.to_owned())
}
