//! One request on a connection of its own: no redirects, no pool, and the address that was checked is the one that is called.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::guard::is_public;

/// More of an answer is not read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(crate) struct Http {
    timeout: Duration,
    tls: Arc<ClientConfig>,
}

pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) allow_private: bool,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: String,
}

#[derive(Debug)]
pub(crate) enum Failed {
    /// Never to be tried: the address or the request is not allowed.
    Forbidden(String),
    Unreachable(String),
}

/// A sound `https://…` or `http://…` address without a login.
pub(crate) fn check(url: &str) -> Result<(), String> {
    parse(url).map(|_| ())
}

struct Target {
    host: String,
    port: u16,
    tls: bool,
    authority: String,
    path: String,
}

fn parse(url: &str) -> Result<Target, String> {
    let wrong = |what: &str| format!("an address like https://host/path; it {what}");
    let uri: Uri = url.parse().map_err(|_| wrong("cannot be read"))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("is neither http:// nor https://")),
    };
    let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("holds a login"));
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    Ok(Target {
        host,
        port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        tls,
        authority: authority.as_str().to_owned(),
        path: uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
    })
}

impl Http {
    pub(crate) fn new(timeout: Duration) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // Of the system; one that cannot be read is left out. Without any, https fails with its reason when it is used.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            timeout,
            tls: Arc::new(config),
        })
    }

    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, Failed> {
        let asked = tokio::time::timeout(self.timeout, self.ask(call)).await;
        asked.unwrap_or_else(|_| {
            Err(Failed::Unreachable(format!(
                "no answer within {} ms",
                self.timeout.as_millis()
            )))
        })
    }

    async fn ask(&self, call: Call<'_>) -> Result<Answer, Failed> {
        let target = parse(call.url).map_err(Failed::Forbidden)?;
        let stream = connect(&target, call.allow_private).await?;
        if !target.tls {
            return exchange(TokioIo::new(stream), &target, call).await;
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| Failed::Forbidden(error.to_string()))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(|error| Failed::Unreachable(format!("TLS: {error}")))?;
        exchange(TokioIo::new(stream), &target, call).await
    }
}

/// One private address among those of a name is enough to refuse it: which one is answered next is not in our hands.
async fn connect(target: &Target, allow_private: bool) -> Result<TcpStream, Failed> {
    let unreachable = |error: std::io::Error| Failed::Unreachable(error.to_string());
    let found: Vec<SocketAddr> = tokio::net::lookup_host((target.host.as_str(), target.port))
        .await
        .map_err(unreachable)?
        .collect();
    if !allow_private && let Some(private) = found.iter().find(|at| !is_public(at.ip())) {
        return Err(Failed::Forbidden(format!(
            "{} is not a public address; set allow_private for this channel if that is meant",
            private.ip()
        )));
    }
    TcpStream::connect(&*found).await.map_err(unreachable)
}

async fn exchange<S>(io: TokioIo<S>, target: &Target, call: Call<'_>) -> Result<Answer, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| Failed::Unreachable(error.to_string());
    let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
    let mut request = Request::builder()
        .method(call.method)
        .uri(&target.path)
        .header("host", &target.authority)
        .header("user-agent", "ioc-notify/1")
        .header("connection", "close");
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(call.body)))
        .map_err(|error| Failed::Forbidden(error.to_string()))?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let retry_after = answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        Ok(Answer {
            status,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    // Driven together: dropped together, when time is over.
    let mut asking = std::pin::pin!(asking);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        answer = &mut asking => return answer,
        ended = &mut connection => ended.map_err(broken)?,
    }
    asking.await
}
