//! HTTP/1.1 on a listener, with bounds that `axum::serve` does not have: connections, time for a request head, and
//! clients that take no bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::{AdminConfig, ConsoleConfig};
use crate::{Error, metrics};

/// For the head of a request, and for the next one on an open connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const HEADERS_MAX: usize = 64;
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// What the system may hold for one client: what it shows is at most so much out of date before it is begun again.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;
/// After a failed accept (no descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who sent the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    connections_max: usize,
    stalled_client_ms: u32,
    stop_deadline: Duration,
}

impl From<&ConsoleConfig> for Limits {
    fn from(config: &ConsoleConfig) -> Self {
        Self {
            connections_max: config.connections_max,
            stalled_client_ms: config.stalled_client_ms,
            stop_deadline: Duration::from_millis(config.stop_deadline_ms),
        }
    }
}

impl From<&AdminConfig> for Limits {
    fn from(config: &AdminConfig) -> Self {
        Self {
            connections_max: config.connections_max,
            stalled_client_ms: 10_000,
            stop_deadline: Duration::from_millis(config.stop_deadline_ms),
        }
    }
}

/// Serves until `stop`, then lets open requests finish until the deadline.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) -> Result<(), Error> {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        // The place first: without one the connection waits in the system's backlog.
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let accepted = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break None,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => break Some(accepted),
                    Err(error) => {
                        metrics::connection_error();
                        tracing::warn!(%error, "accepting a connection failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        };
        let Some((stream, peer)) = accepted else {
            break;
        };
        prepare(&stream, limits.stalled_client_ms);
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, peer, router, stop).await;
            drop(place);
        });
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.stop_deadline, all).await.is_err() {
        tracing::warn!(
            open = connections.len(),
            "connections cut off at the deadline"
        );
        connections.shutdown().await;
    }
    Ok(())
}

/// Best effort: a connection works without these, only less well.
fn prepare(stream: &TcpStream, stalled_client_ms: u32) {
    let tuned = stream.set_nodelay(true).is_ok()
        && rustix::net::sockopt::set_tcp_user_timeout(stream, stalled_client_ms).is_ok()
        && rustix::net::sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER_BYTES as usize)
            .is_ok();
    if !tuned {
        tracing::debug!("a connection could not be tuned");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await;
            match response {
                Ok(response) => Ok::<_, Infallible>(response),
                Err(never) => match never {},
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Broken connections and unreadable heads are the peer's affair: counted, not logged loudly.
        metrics::connection_error();
        tracing::debug!(%peer, %error, "connection ended");
    }
}
