//! influxdb2 with what it leaves open: time-outs, compression, certificates, and errors in words.

use std::time::{Duration, Instant};

use influxdb2::api::organization::ListOrganizationRequest;
use influxdb2::api::write::TimestampPrecision;
use influxdb2::models::{PostBucketRequest, RetentionRule};
use influxdb2::{Client as Inner, ClientBuilder, RequestError};
use pipeline::Code;
use reqwest_011::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest_011::{Certificate, redirect};

use crate::config::parse_url;
use crate::metrics::{Class, Meter};
use crate::{Error, InfluxConfig};

/// What came back on a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 204.
    Stored,
    /// Any other status; the text may be anything.
    Status { status: u16, text: String },
    /// No answer, or half of one: whether the server has stored it is not known.
    Failed { code: Code, why: String },
}

/// Two clients of one server: one sends a content encoding with everything.
pub(crate) struct Client {
    /// For writes only.
    writing: Inner,
    /// For everything else.
    asking: Inner,
    org: String,
    bucket: String,
    retention: Duration,
    meter: Meter,
}

impl Client {
    pub(crate) fn new(config: &InfluxConfig) -> Result<Self, Error> {
        let url = parse_url(&config.url).map_err(Error::Address)?;
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if config.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let build = |headers| {
            let builder = http(config)?.default_headers(headers);
            ClientBuilder::with_builder(builder, url.as_str(), &*config.org, config.token.reveal())
                .build()
                .map_err(|error| Error::Client(chain(&error)))
        };
        Ok(Self {
            writing: build(headers)?,
            asking: build(HeaderMap::new())?,
            org: config.org.clone(),
            bucket: config.bucket.clone(),
            retention: Duration::from_secs(u64::from(config.retention_days) * 86_400),
            meter: Meter::new(),
        })
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// One write request; `body` is as it goes over the wire.
    pub(crate) async fn write(&self, body: Vec<u8>) -> Answer {
        let from = Instant::now();
        let result = self
            .writing
            .write_line_protocol_with_precision(
                &self.org,
                &self.bucket,
                body,
                TimestampPrecision::Nanoseconds,
            )
            .await;
        let answer = match result {
            Ok(()) => Answer::Stored,
            Err(error) => answer(error),
        };
        self.meter.answered(class(&answer), from.elapsed());
        answer
    }

    /// Name and version of the server, if it says so.
    pub(crate) async fn server(&self) -> Option<String> {
        let health = self.asking.health().await.ok()?;
        Some(match health.version {
            Some(version) => format!("{} {version}", health.name),
            None => health.name,
        })
    }

    /// Makes the bucket; the words say what failed.
    pub(crate) async fn create_bucket(&self) -> Result<(), String> {
        let request = ListOrganizationRequest {
            org: Some(self.org.clone()),
            ..ListOrganizationRequest::default()
        };
        let found = self
            .asking
            .list_organizations(request)
            .await
            .map_err(words)?;
        let id = found
            .orgs
            .into_iter()
            .find(|org| org.name == self.org)
            .and_then(|org| org.id)
            .ok_or_else(|| format!("there is no organisation \"{}\"", self.org))?;
        let mut request = PostBucketRequest::new(id, self.bucket.clone());
        if !self.retention.is_zero() {
            let seconds = i32::try_from(self.retention.as_secs()).unwrap_or(i32::MAX);
            request.retention_rules = vec![RetentionRule::new(
                influxdb2::models::retention_rule::Type::Expire,
                seconds,
            )];
        }
        self.asking
            .create_bucket(Some(request))
            .await
            .map_err(words)
    }
}

fn http(config: &InfluxConfig) -> Result<reqwest_011::ClientBuilder, Error> {
    let mut builder = reqwest_011::ClientBuilder::new()
        .user_agent(concat!("ioc/", env!("CARGO_PKG_VERSION")))
        // The environment is no place of ours, and a write that is redirected would become a GET.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .use_rustls_tls()
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(config.inflight_batches)
        .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
        .timeout(Duration::from_millis(config.request_timeout_ms));
    if !config.ca_file.as_os_str().is_empty() {
        let pem = std::fs::read(&config.ca_file).map_err(|source| Error::Authority {
            path: config.ca_file.clone(),
            why: source.to_string(),
        })?;
        let authority = Certificate::from_pem(&pem).map_err(|error| Error::Authority {
            path: config.ca_file.clone(),
            why: chain(&error),
        })?;
        builder = builder.add_root_certificate(authority);
    }
    Ok(builder)
}

fn answer(error: RequestError) -> Answer {
    match error {
        RequestError::Http { status, text } => Answer::Status {
            status: status.as_u16(),
            text,
        },
        RequestError::ReqwestProcessing { source } => {
            let why = chain(&source);
            let code = if source.is_timeout() {
                Code::TimedOut
            } else if why.contains("certificate") {
                Code::Unauthenticated
            } else {
                Code::Unreachable
            };
            Answer::Failed { code, why }
        }
        RequestError::Serializing { .. } | RequestError::Deserializing { .. } => Answer::Failed {
            code: Code::Other,
            why: error.to_string(),
        },
    }
}

fn class(answer: &Answer) -> Class {
    match answer {
        Answer::Stored => Class::Stored,
        Answer::Status { status, .. } => Class::of_status(*status),
        Answer::Failed {
            code: Code::TimedOut,
            ..
        } => Class::TimedOut,
        Answer::Failed { .. } => Class::Unreachable,
    }
}

fn words(error: RequestError) -> String {
    match answer(error) {
        Answer::Stored => String::new(),
        Answer::Status { status, text } => format!("{status}: {}", crate::answer::told(&text)),
        Answer::Failed { why, .. } => why,
    }
}

/// An error with its causes, each once. The address of the request is left out: it is in front already.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let own = error.to_string();
        let own = own
            .split_once(" for url (")
            .map_or(&*own, |(before, _)| before);
        if !text.contains(own) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(own);
        }
        next = error.source();
    }
    text
}
