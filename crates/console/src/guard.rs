//! What every request passes and every response carries.
//!
//! The page acts on alerts without a password until accounts exist, so a foreign page in the same browser must not be
//! able to: a request with a foreign `Origin` is refused, also for reading, and so is one under a host name that we do
//! not know (a name that an attacker points at this address). Requests without `Origin` (curl, and a browser's own GET)
//! pass.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::shared::Shared;
use crate::{metrics, problem, routes};

const CSP: &str = "default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                   object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let class = routes::class_of(path.as_deref());
    let mut response = match refusal(request.headers(), request.uri().authority(), &shared) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    metrics::request(class, response.status().as_u16());
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn refusal(
    headers: &HeaderMap,
    authority: Option<&axum::http::uri::Authority>,
    shared: &Shared,
) -> Option<problem::Problem> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(header::HOST).or_else(|| authority.map(|authority| authority.as_str()));
    let Some(host) = host.filter(|host| host_allowed(host, &shared.config.hosts)) else {
        return Some(problem::foreign_host());
    };
    let foreign = match text(header::ORIGIN) {
        Some(origin) => !same_origin(origin, host),
        // Browsers say where a request comes from even where they send no origin; other clients do not.
        None => {
            text(HeaderName::from_static("sec-fetch-site")) == Some("cross-site")
                && text(HeaderName::from_static("sec-fetch-mode")) != Some("navigate")
        }
    };
    foreign.then(problem::foreign_origin)
}

/// `localhost`, any IP address, or a configured name: only a name can be pointed at us by somebody else.
fn host_allowed(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    if let Some(address) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The scheme may differ: a proxy that speaks TLS to the browser speaks HTTP to us.
fn same_origin(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let names = ["ioc.example".to_owned()];
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "localhost",
            "LOCALHOST:1",
            "192.168.1.5:8080",
            "ioc.example",
            "IOC.example:443",
        ] {
            assert!(host_allowed(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8080",
            "ioc.example.evil",
            "[::1",
            "[evil]:80",
            "a:b",
            "ioc.example:80:80",
        ] {
            assert!(!host_allowed(host, &names), "{host}");
        }
    }

    #[test]
    fn origins() {
        assert!(same_origin("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(same_origin("https://ioc.example", "IOC.example"));
        for origin in [
            "null",
            "",
            "http://127.0.0.1:8081",
            "file://127.0.0.1:8080",
            "http://evil",
        ] {
            assert!(!same_origin(origin, "127.0.0.1:8080"), "{origin}");
        }
    }
}
