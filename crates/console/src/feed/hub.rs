//! Frames, the ring they are kept in, and who may listen.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use event::Time;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};

use crate::config::ConsoleConfig;
use crate::metrics;
use crate::shared::Shared;
use crate::sinks::{News, SinkInfo, Told};
use crate::view::Pending;

/// Bytes of past frames kept for clients that come back.
const RING_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct Frame {
    /// The offset a client has after it; equal to the frame before when more of the same is to follow.
    offset: u64,
    /// A snapshot taken at this offset or later already holds it; `None` for frames that change nothing.
    pub(super) seen: Option<u64>,
    pub(super) bytes: Bytes,
}

pub(crate) struct Hub {
    sender: broadcast::Sender<Frame>,
    ring: Mutex<Ring>,
    wake: Notify,
    alarm: Notify,
    places: Arc<Semaphore>,
    clients_max: usize,
}

struct Ring {
    /// Offset before the first frame kept.
    base: u64,
    /// Offset after the last.
    head: u64,
    frames: VecDeque<Frame>,
    frames_max: usize,
    bytes: usize,
    /// With its offset and the revision of the deliveries in it.
    snapshot: Option<(u64, u64, Bytes)>,
    told: Told,
}

/// How a client begins: what it is sent first, and where it listens then.
pub(super) struct Start {
    pub(super) first: Vec<Bytes>,
    /// Frames made at or before this offset are in the snapshot.
    pub(super) skip_until: Option<u64>,
    pub(super) receiver: broadcast::Receiver<Frame>,
}

impl Hub {
    pub(crate) fn new(config: &ConsoleConfig, offset: u64) -> Self {
        let (sender, _) = broadcast::channel(config.frames_behind_max);
        Self {
            sender,
            ring: Mutex::new(Ring {
                base: offset,
                head: offset,
                frames: VecDeque::new(),
                frames_max: config.frames_behind_max,
                bytes: 0,
                snapshot: None,
                told: Told::default(),
            }),
            wake: Notify::new(),
            alarm: Notify::new(),
            places: Arc::new(Semaphore::new(config.clients_max)),
            clients_max: config.clients_max,
        }
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients_max - self.places.available_permits()
    }

    /// A place among the clients, held as long as the stream lives.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// There is something to send.
    pub(crate) fn wake(&self, pending: Pending) {
        match pending {
            Pending::Nothing => {}
            Pending::Data => self.wake.notify_one(),
            Pending::Urgent => self.alarm.notify_one(),
        }
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// There is something that must not wait.
    pub(super) async fn alarmed(&self) {
        self.alarm.notified().await;
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one frame of changes, `with_sinks` with the deliveries in it: `None` when there were none, else what is left.
    pub(super) fn send_changes(&self, shared: &Shared, with_sinks: bool) -> Option<Pending> {
        let (now, intake) = (shared.now(), shared.intake());
        let sinks = with_sinks.then(|| shared.sinks());
        // The ring is locked first, here and wherever both are: a client joins either before this frame or after it.
        let mut ring = self.ring();
        let (changes, left) = {
            let mut view = shared.view_mut();
            let changes = view.take_changes(ring.head, now, intake);
            (changes, view.pending())
        };
        let changes = match changes {
            Ok(changes) => changes?,
            Err(error) => {
                tracing::error!(%error, "a frame of the feed could not be written");
                return None;
            }
        };
        let mut changes = changes;
        if let Some(infos) = sinks
            && ring.tell(infos)
        {
            changes.add("sinks", ring.told.json());
        }
        let bytes = sse("change", Some(changes.offset), &changes.json);
        metrics::feed_frame("change", bytes.len());
        let frame = Frame {
            offset: changes.offset,
            seen: Some(changes.seen),
            bytes,
        };
        ring.push(frame.clone());
        // No receiver is no error: frames are also kept for clients that come back.
        let _ = self.sender.send(frame);
        Some(left)
    }

    /// Nobody has listened for long: what changed is in the next snapshot.
    pub(super) fn forget_if_alone(&self, shared: &Shared) {
        let mut ring = self.ring();
        if self.sender.receiver_count() == 0 {
            let mut view = shared.view_mut();
            view.forget_changes();
            ring.clear(view.next());
        }
    }

    pub(super) fn send_heartbeat(&self, shared: &Shared) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        let now = shared.now();
        let ring = self.ring();
        let (next, last_event) = {
            let view = shared.view();
            // With changes waiting, the id of a heartbeat would promise what was not sent yet.
            (
                match view.pending() {
                    Pending::Nothing => view.next(),
                    Pending::Data | Pending::Urgent => ring.head,
                },
                view.last_event(),
            )
        };
        let last_event = last_event.map_or("null".to_owned(), |time| format!("\"{time}\""));
        let data = format!("{{\"offset\":{next},\"now\":\"{now}\",\"last_event\":{last_event}}}");
        let bytes = sse("heartbeat", Some(next), data.as_bytes());
        metrics::feed_frame("heartbeat", bytes.len());
        let _ = self.sender.send(Frame {
            offset: next,
            seen: None,
            bytes,
        });
    }

    /// Whether clients should be told how the deliveries are doing.
    pub(super) fn sinks_news(&self, shared: &Shared) -> News {
        let infos = shared.sinks();
        self.ring().told.compare(&infos)
    }

    /// What goes to clients is also in every snapshot from here on.
    pub(super) fn send_sinks(&self, shared: &Shared) {
        let infos = shared.sinks();
        let now = shared.now();
        let mut ring = self.ring();
        if !ring.tell(infos) {
            return;
        }
        let bytes = sinks_frame(now, &ring.told);
        metrics::feed_frame("sinks", bytes.len());
        let _ = self.sender.send(Frame {
            offset: ring.head,
            seen: None,
            bytes,
        });
    }

    /// The site pack changed: clients fetch `/api/v1/site` again.
    pub(super) fn send_site(&self, shared: &Shared) {
        let data = format!("{{\"now\":\"{}\"}}", shared.now());
        let ring = self.ring();
        let bytes = sse("site", None, data.as_bytes());
        metrics::feed_frame("site", bytes.len());
        let _ = self.sender.send(Frame {
            offset: ring.head,
            seen: None,
            bytes,
        });
    }

    /// Begins or begins again: resumes after `last` where the ring still holds what followed, else with a snapshot.
    pub(super) fn join(&self, shared: &Shared, last: Option<u64>) -> serde_json::Result<Start> {
        let (now, intake) = (shared.now(), shared.intake());
        let mut ring = self.ring();
        let receiver = self.sender.subscribe();
        if let Some(mut first) = last.and_then(|last| ring.after(last, shared.view().next())) {
            // These frames have no number to come back to.
            if !ring.told.is_empty() {
                first.push(sinks_frame(now, &ring.told));
            }
            return Ok(Start {
                first,
                skip_until: None,
                receiver,
            });
        }
        let (offset, bytes) = match &ring.snapshot {
            // Whatever came since is still to be sent as a change.
            Some((offset, revision, bytes))
                if *offset >= ring.head && *revision == ring.told.revision() =>
            {
                (*offset, bytes.clone())
            }
            Some(_) | None => {
                let (offset, json) = {
                    let view = shared.view();
                    let json = view.snapshot(now, shared.mode, intake, ring.told.json())?;
                    (view.next(), json)
                };
                let bytes = sse("snapshot", Some(offset), &json);
                metrics::snapshot();
                ring.snapshot = Some((offset, ring.told.revision(), bytes.clone()));
                (offset, bytes)
            }
        };
        metrics::feed_frame("snapshot", bytes.len());
        Ok(Start {
            first: vec![bytes],
            skip_until: Some(offset),
            receiver,
        })
    }
}

impl Ring {
    /// False when the list could not be written: then clients keep what they were told before.
    fn tell(&mut self, infos: Vec<SinkInfo>) -> bool {
        let told = self.told.tell(infos);
        if let Err(error) = &told {
            tracing::error!(%error, "the state of the deliveries could not be written");
        }
        told.is_ok()
    }

    fn push(&mut self, frame: Frame) {
        self.head = frame.offset;
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > self.frames_max || self.bytes > RING_BYTES_MAX {
            let Some(oldest) = self.frames.pop_front() else {
                break;
            };
            self.base = oldest.offset;
            self.bytes -= oldest.bytes.len();
        }
    }

    fn clear(&mut self, offset: u64) {
        self.frames.clear();
        self.bytes = 0;
        self.base = offset;
        self.head = offset;
        self.snapshot = None;
    }

    /// The frames for a client that has everything below `last`; `None` when some of them are gone, or when `last`
    /// is none of ours. Frames that end at `last` itself are repeated if they may have been one of several.
    fn after(&self, last: u64, next: u64) -> Option<Vec<Bytes>> {
        if last < self.base || last > next || self.frames.is_empty() {
            return None;
        }
        let mut before = self.base;
        let mut frames = Vec::new();
        for frame in &self.frames {
            let partial = frame.offset == before;
            if frame.offset > last || (partial && frame.offset == last) {
                frames.push(frame.bytes.clone());
            }
            before = frame.offset;
        }
        Some(frames)
    }
}

fn sinks_frame(now: Time, told: &Told) -> Bytes {
    let mut data = format!("{{\"now\":\"{now}\",\"sinks\":").into_bytes();
    data.extend_from_slice(told.json());
    data.push(b'}');
    sse("sinks", None, &data)
}

pub(super) fn sse(event: &str, id: Option<u64>, json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() + 48);
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(format!("\nid: {id}").as_bytes());
    }
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(json);
    out.extend_from_slice(b"\n\n");
    out.into()
}
