//! The operator page, embedded in the program.
//!
//! Files below `assets/` carry a hash of their content in their name and may be kept for ever; everything else is asked
//! for again each time (an old page would hide alerts), which costs a 304. A path without a file name is a view of the
//! page, so it gets the page.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{Embed, EmbeddedFile};

use crate::problem;

const PAGE: &str = "index.html";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

#[derive(Embed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Page;

/// Served where the program was built without its page.
const NOT_BUILT: &str = include_str!("not_built.html");

/// Whatever no route takes.
pub(crate) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return problem::not_found("address", "địa chỉ").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return problem::method_not_allowed().into_response();
    }
    let name = if path.is_empty() { PAGE } else { path };
    if let Some(file) = Page::get(name) {
        return respond(name, &file, &headers);
    }
    let is_view = !path.rsplit('/').next().unwrap_or("").contains('.');
    match Page::get(PAGE) {
        Some(file) if is_view => respond(PAGE, &file, &headers),
        None if is_view => (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, ASK_AGAIN),
            ],
            NOT_BUILT,
        )
            .into_response(),
        Some(_) | None => problem::not_found("file", "tệp").into_response(),
    }
}

fn respond(name: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = etag(&file.metadata.sha256_hash());
    let seen = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let fresh = seen.is_some_and(|seen| seen.split(',').any(|each| each.trim() == tag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let bytes = match &file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes.clone()),
        };
        Body::from(bytes).into_response()
    };
    let kept = if name.starts_with("assets/") {
        FOR_EVER
    } else {
        ASK_AGAIN
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(name)),
    );
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn etag(hash: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut tag = String::from("\"");
    for byte in hash.iter().take(12) {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// The closed list of what a page is made of; anything else is bytes.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "geojson" => "application/geo+json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
