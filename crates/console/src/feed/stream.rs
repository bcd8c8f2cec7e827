//! `GET /api/v1/feed`: one client's stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::hub::{Frame, sse};
use crate::metrics;
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// How soon a browser comes back after the stream broke.
const RETRY_MS: u32 = 1_000;

pub(crate) async fn feed(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = match headers.get("last-event-id") {
        Some(value) => Some(offset(value.to_str().ok())?),
        None => match query.as_deref().and_then(after) {
            Some(text) => Some(offset(Some(text))?),
            None => None,
        },
    };
    let place = shared.hub.place().ok_or_else(|| {
        metrics::feed_client_refused();
        problem::busy("feed clients", "máy khách đang theo dõi")
    })?;
    let client = Client::new(shared, last, place).map_err(|error| problem::internal(&error))?;
    let body = Body::from_stream(stream::unfold(client, |mut client| async {
        let bytes = client.next().await?;
        Some((Ok::<Bytes, Infallible>(bytes), client))
    }));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy in front must not gather frames.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn after(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("after="))
}

fn offset(text: Option<&str>) -> Result<u64, Problem> {
    text.and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| {
            problem::bad_request(
                "Last-Event-ID and after must be an offset, a whole number",
                "Last-Event-ID và after phải là một số nguyên (vị trí trong outcomes)",
            )
        })
}

/// All that is kept of a client: its place in the shared ring and what it is sent first.
struct Client {
    shared: Arc<Shared>,
    first: VecDeque<Bytes>,
    receiver: Receiver<Frame>,
    skip_until: Option<u64>,
    ended: bool,
    _counted: Counted,
}

/// Keeps the gauge true however the stream ends.
struct Counted {
    shared: Arc<Shared>,
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.place.take();
        metrics::feed_clients(self.shared.hub.clients());
    }
}

impl Client {
    fn new(
        shared: Arc<Shared>,
        last: Option<u64>,
        place: OwnedSemaphorePermit,
    ) -> serde_json::Result<Self> {
        metrics::feed_clients(shared.hub.clients());
        let start = shared.hub.join(&shared, last)?;
        let mut first = VecDeque::from(start.first);
        first.push_front(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
        Ok(Self {
            first,
            receiver: start.receiver,
            skip_until: start.skip_until,
            ended: false,
            _counted: Counted {
                shared: Arc::clone(&shared),
                place: Some(place),
            },
            shared,
        })
    }

    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(bytes) = self.first.pop_front() {
                return Some(bytes);
            }
            let received = tokio::select! {
                biased;
                () = self.shared.cancel.cancelled() => Err(RecvError::Closed),
                received = self.receiver.recv() => received,
            };
            match received {
                Ok(frame) if self.has(&frame) => {}
                Ok(frame) => return Some(frame.bytes),
                Err(RecvError::Lagged(_)) => self.begin_again(),
                Err(RecvError::Closed) => {
                    self.ended = true;
                    let data = format!("{{\"now\":\"{}\"}}", self.shared.now());
                    return Some(sse("bye", None, data.as_bytes()));
                }
            }
        }
    }

    fn has(&self, frame: &Frame) -> bool {
        matches!((frame.seen, self.skip_until), (Some(seen), Some(until)) if seen <= until)
    }

    /// This client took too long: what it missed is gone, so it gets the whole again.
    fn begin_again(&mut self) {
        metrics::feed_resync();
        match self.shared.hub.join(&self.shared, None) {
            Ok(start) => {
                let data = format!("{{\"now\":\"{}\"}}", self.shared.now());
                self.first.push_back(sse("resync", None, data.as_bytes()));
                self.first.extend(start.first);
                self.receiver = start.receiver;
                self.skip_until = start.skip_until;
            }
            Err(error) => {
                tracing::error!(%error, "a snapshot for a lagging client could not be written");
                self.ended = true;
            }
        }
    }
}
