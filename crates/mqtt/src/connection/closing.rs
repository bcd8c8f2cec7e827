//! The end of a connection: what is known durable is settled, the session and its will go where they
//! belong, the end is journalled, and the client gets its last words.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use journal::inputs::{Kind, Session, SessionChange};
use journal::{Batch, Class, TryAppendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::codec::encode;
use crate::hub::{Hub, Mode};
use crate::registry::WaitingWill;
use crate::sessions::RememberedWill;
use crate::will::{self, Origin, Will};

use super::client::{ANONYMOUS, Client};
use super::end::End;
use super::engine::Engine;

/// How long a client has to take our last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The same when the listener stops: its own time is limited.
const LAST_WORDS_AT_STOP: Duration = Duration::from_millis(200);
/// How much of what it was still sending is read away so that they reach it.
const LAST_BYTES: usize = 1024 * 1024;

/// Ends a connection whose session was opened.
pub(super) async fn close(mut engine: Engine, end: End, will: Option<RememberedWill>) {
    let hub = Arc::clone(&engine.hub);
    count(&hub, &end, &engine.client);
    if let Some((reason, text)) = end.farewell()
        && !engine.declined
    {
        let client = &engine.client;
        let (out, bytes_max) = (&mut engine.out.buffer, client.packet_bytes_max);
        encode::disconnect(out, client.protocol, bytes_max, reason, Some(text));
    }
    let says = !matches!(end, End::Journal(_));
    if says {
        // At once if it can be: a client that was taken over shall not wait for the disk.
        std::future::poll_fn(|context| {
            let flush = engine
                .out
                .poll_flush(&mut engine.stream, context, Instant::now());
            Poll::Ready(flush.is_ready())
        })
        .await;
    }
    if !matches!(end, End::Journal(_)) {
        // Who said goodbye, or only closes its sending side, still reads what it waits for.
        let acknowledges = matches!(end, End::Disconnect { .. } | End::Lost);
        settle(&mut engine, acknowledges).await;
    }
    leave(engine, &end, will, says).await;
}

fn count(hub: &Hub, end: &End, client: &Client) {
    hub.meter.ended(end.close());
    match end {
        End::Refused(malformed) => {
            hub.meter.malformed(malformed.reason);
            tracing::debug!(client = &*client.client_id, %malformed, "connection refused");
        }
        End::KeepAlive => hub.meter.keep_alive_timeout(),
        // The journal's failure is reported once, where the listener ends.
        End::Journal(error) => tracing::debug!(client = &*client.client_id, %error, "cut off"),
        End::Disconnect { .. }
        | End::Lost
        | End::TakenOver
        | End::Stop
        | End::WriteTimeout
        | End::Busy => {}
    }
}

/// Waits for what is in flight: whether it is durable decides what the session holds. Not with a full
/// journal, which may take for ever; what is unknown then is taken back and comes again. Acknowledges it
/// only if told to: nothing may follow our own last word.
async fn settle(engine: &mut Engine, acknowledges: bool) {
    let limit = engine.hub.config.stop_timeout();
    let settled = std::future::poll_fn(|context| {
        let polled = if acknowledges {
            engine.collect_last(context)
        } else {
            engine.settle(context)
        };
        if polled.is_err() || engine.fifo.is_empty() || engine.hub.mode() != Mode::Ok {
            return Poll::Ready(());
        }
        Poll::Pending
    });
    // A time-out leaves things unknown as well.
    _ = tokio::time::timeout(limit, settled).await;
    engine.fifo.undo(&mut engine.core.qos2);
    for group in engine.fifo.left() {
        engine.hub.credits.give_back(group.credit);
        engine.hub.meter.abandoned(group.messages, group.bytes);
    }
}

async fn leave(engine: Engine, end: &End, will: Option<RememberedWill>, says: bool) {
    let Engine {
        hub,
        mut core,
        client,
        mut stream,
        mut out,
        declined,
        ..
    } = engine;
    let now = Instant::now();
    let mut expiry_seconds = client.expiry_seconds;
    if let End::Disconnect {
        expiry_seconds: Some(new),
        ..
    } = end
    {
        expiry_seconds = (*new).min(hub.config.session_expiry_seconds_max);
    }
    let will = will.map_or(Fate::None, |will| {
        if declined {
            return Fate::Discarded(will::bytes(&will));
        }
        Fate::of(&hub, end, will, &client, expiry_seconds, now)
    });
    let mut batch = Batch::new();
    let class = will.push(&hub, &client, &mut batch);
    let record = Session {
        client_id: &client.client_id,
        session: client.session,
        connection: client.connection,
        change: SessionChange::Closed {
            reason: end.close().code(),
            expiry_seconds,
            will_pending: will.is_pending(),
        },
    };
    batch.push(Kind::Session.into(), |out| record.encode(out));
    // Nor is this record, at a stop: without it the session counts as cut off by us, which is what happened.
    let dropped = matches!(end, End::Stop) && hub.mode() != Mode::Ok;
    let submitted = (!dropped).then(|| hub.inputs.try_append(class, batch));
    let ends = (expiry_seconds > 0).then(|| now + hub.config.expiry(expiry_seconds));
    if ends.is_none() {
        core.session = 0;
        core.qos2.clear();
    }
    let sessions = {
        let mut registry = hub.registry();
        let waiting = will.waiting();
        registry.leave_session(
            &client.client_id,
            client.connection,
            client.session,
            ends,
            waiting,
        );
        registry.session_count()
    };
    drop(core);
    hub.meter.sessions(sessions);
    hub.due_changed.notify_one();
    let ticket = match submitted {
        None => None,
        Some(Ok(ticket)) => Some(ticket),
        // Without this record the session counts as cut off by us, which errs on the client's side. So
        // does a journal that stays full.
        Some(Err(TryAppendError::Full(batch))) => {
            let append = hub.inputs.append(class, batch);
            tokio::time::timeout(hub.config.stop_timeout(), append)
                .await
                .ok()
                .and_then(Result::ok)
        }
        Some(Err(TryAppendError::Refused(_))) => None,
    };
    if let (End::Stop, Some(ticket)) = (end, ticket) {
        // The listener is not stopped before its last records are durable.
        _ = ticket.await;
    }
    if says {
        let rest = async {
            std::future::poll_fn(|context| out.poll_flush(&mut stream, context, now))
                .await
                .is_ok()
        };
        let limit = if matches!(end, End::Stop) {
            LAST_WORDS_AT_STOP
        } else {
            LAST_WORDS
        };
        if tokio::time::timeout(limit, rest).await == Ok(true) {
            linger(&mut stream, limit).await;
        }
    }
}

/// What becomes of the will of a connection that ended.
enum Fate {
    None,
    Now(Will),
    Later(WaitingWill),
    /// Stays in the journal's table: the next start decides.
    NextStart(u64),
    /// Discarded, of this size.
    Discarded(u64),
}

impl Fate {
    fn of(
        hub: &Hub,
        end: &End,
        content: RememberedWill,
        client: &Client,
        expiry_seconds: u32,
        now: Instant,
    ) -> Self {
        let origin = Origin {
            protocol: client.protocol.level(),
            principal: ANONYMOUS.to_owned(),
            peer: client.peer.clone(),
            session: client.session,
            connection: client.connection,
        };
        let delay_seconds = content.delay_seconds.min(expiry_seconds);
        let will = Will { origin, content };
        if matches!(
            end,
            End::Disconnect {
                reason: crate::codec::Reason::Success,
                ..
            }
        ) {
            return Fate::Discarded(will.bytes());
        }
        if matches!(end, End::Stop | End::Journal(_)) {
            return Fate::NextStart(will.bytes());
        }
        // With a full journal the keeper waits for room, this task does not.
        let has_room = hub.mode() == Mode::Ok || hub.class(&will.content.topic) == Class::Disaster;
        if delay_seconds == 0 && has_room {
            return Fate::Now(will);
        }
        let due = now + Duration::from_secs(u64::from(delay_seconds));
        Fate::Later(WaitingWill {
            due,
            will,
            ours: false,
        })
    }

    /// Appends the message if it is due; returns the class that the batch needs.
    fn push(&self, hub: &Hub, client: &Client, batch: &mut Batch) -> Class {
        match self {
            Fate::Now(will) => {
                will.push(&client.client_id, batch);
                hub.meter.wills(1);
                hub.registry().drop_will(will.bytes());
                hub.class(&will.content.topic)
            }
            Fate::Discarded(bytes) | Fate::NextStart(bytes) => {
                hub.registry().drop_will(*bytes);
                Class::Normal
            }
            Fate::None | Fate::Later(_) => Class::Normal,
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self, Fate::Later(_) | Fate::NextStart(_))
    }

    fn waiting(self) -> Option<WaitingWill> {
        match self {
            Fate::Later(waiting) => Some(waiting),
            Fate::None | Fate::Now(_) | Fate::NextStart(_) | Fate::Discarded(_) => None,
        }
    }
}

/// Writes last words to a client without a session, and lets it read them.
pub(super) async fn say(stream: &mut TcpStream, words: &[u8]) {
    if let Ok(Ok(())) = tokio::time::timeout(LAST_WORDS, stream.write_all(words)).await {
        linger(stream, LAST_WORDS).await;
    }
}

/// Closing while bytes are unread resets the connection, and what was just written may be lost to the
/// client: so the rest is read away, within limits.
async fn linger(stream: &mut TcpStream, limit: Duration) {
    let reading = async {
        stream.shutdown().await?;
        let mut left = LAST_BYTES;
        let mut sink = vec![0; 4096];
        while left > 0 {
            match stream.read(&mut sink).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        std::io::Result::Ok(())
    };
    // Whatever comes of it, the connection is over.
    _ = tokio::time::timeout(limit, reading).await;
}
