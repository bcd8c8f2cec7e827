//! The live feed: frames made once and shared by all clients.
//!
//! One task turns what changed in the view into a frame: at once after quiet, otherwise after the interval that keeps
//! every client under `frames_per_second_max`. A frame is serialised once and handed to all clients by reference
//! through a ring of `frames_behind_max` places, which is also what a returning client resumes from. The state of a
//! client is its place in that ring: one that falls out of it gets `resync` and a snapshot.
//!
//! While nobody has listened for a minute no frames are made; the next client begins with a snapshot anyway.

mod hub;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::{Error, tail};

pub(crate) use hub::Hub;
pub(crate) use stream::feed;

/// How long frames go on being made for clients that may come back.
const LINGER: Duration = Duration::from_secs(60);

pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), Error> {
    let mut site = shared.site.clone();
    let mut site_open = true;
    let interval = interval(shared.config.frames_per_second_max);
    let heartbeat = Duration::from_millis(shared.config.heartbeat_ms);
    let mut pace = Pace::new(Instant::now(), interval, heartbeat);
    // Changes that arrive before the interval is over wait for its end and are coalesced.
    let mut waiting = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = shared.hub.woken(), if !waiting => waiting = true,
            () = sleep_until(pace.changes_at), if waiting => {
                waiting = send_changes(&shared, &mut pace);
            }
            changed = site.changed(), if site_open => {
                site_open = changed.is_ok();
                if site_open {
                    let named = tail::named(&site.borrow_and_update());
                    shared.view_mut().set_named(named);
                    shared.hub.send_site(&shared);
                }
            }
            () = sleep_until(pace.heartbeat_at) => {
                shared.hub.send_heartbeat(&shared);
                pace.heartbeat_at = Instant::now() + heartbeat;
            }
        }
    }
}

/// When the next frame may go out.
struct Pace {
    interval: Duration,
    heartbeat: Duration,
    changes_at: Instant,
    heartbeat_at: Instant,
    listened_at: Instant,
}

impl Pace {
    fn new(now: Instant, interval: Duration, heartbeat: Duration) -> Self {
        Self {
            interval,
            heartbeat,
            changes_at: now,
            heartbeat_at: now + heartbeat,
            listened_at: now,
        }
    }
}

/// Sends what changed; true when more is left for the next frame.
fn send_changes(shared: &Shared, pace: &mut Pace) -> bool {
    let now = Instant::now();
    if shared.hub.clients() > 0 {
        pace.listened_at = now;
    } else if now - pace.listened_at > LINGER {
        shared.hub.forget_if_alone(shared);
        return false;
    }
    let Some(more) = shared.hub.send_changes(shared) else {
        return false;
    };
    pace.changes_at = now + pace.interval;
    pace.heartbeat_at = now + pace.heartbeat;
    more
}

/// One frame less a second than allowed: that one is the snapshot that a client begins with.
fn interval(frames_per_second_max: u32) -> Duration {
    Duration::from_micros(1_000_000_u64.div_ceil(u64::from(frames_per_second_max.max(2) - 1)))
}
