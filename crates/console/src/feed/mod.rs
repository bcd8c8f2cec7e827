//! The live feed: frames made once and shared by all clients.
//!
//! One task turns what changed in the view into a frame, by [`pace::Pace`]: at once when an alert rang or an
//! operator acted, a few times a second for all else, and never more than `frames_per_second_max` in any second. A frame holds everything that
//! changed, alerts first. It is serialised once and handed to all clients by reference through a ring of
//! `frames_behind_max` places, which is also what a returning client resumes from. The state of a client is its place in
//! that ring: one that falls out of it gets `resync` and a snapshot. What a client is sent to catch up after it came back
//! is not counted as frames of that second.
//!
//! How the deliveries are doing goes with these, or, while there are none, in small frames of its own.
//!
//! While nobody has listened for a minute no frames are made; the next client begins with a snapshot anyway.

mod hub;
mod pace;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::sinks::News;
use crate::view::Pending;
use crate::{Error, tail};

pub(crate) use hub::Hub;
pub(crate) use stream::feed;

use pace::Pace;

/// How long frames go on being made for clients that may come back.
const LINGER: Duration = Duration::from_secs(60);

/// How often the deliveries are looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), Error> {
    let mut site = shared.site.clone();
    let (mut site_open, mut site_waits) = (true, false);
    let mut pace = Pace::new(&shared.config, Instant::now());
    let mut listened_at = Instant::now();
    let mut sinks = SinksNews::new(Duration::from_millis(shared.config.sinks_interval_ms));
    // What waits for its turn; what can wait goes with what cannot.
    let mut pending = Pending::Nothing;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = shared.hub.alarmed(), if pending != Pending::Urgent => pending = Pending::Urgent,
            () = shared.hub.woken(), if pending == Pending::Nothing => pending = Pending::Data,
            () = sleep_until(pace.changes_at(pending)), if pending != Pending::Nothing => {
                pending = send_changes(&shared, &mut pace, &mut listened_at, &mut sinks);
            }
            changed = site.changed(), if site_open => {
                site_open = changed.is_ok();
                site_waits |= site_open;
            }
            () = sleep_until(pace.slot_at()), if site_waits => {
                site_waits = false;
                let named = tail::named(&site.borrow_and_update());
                shared.view_mut().set_named(named);
                shared.hub.send_site(&shared);
                pace.sent(Instant::now());
            }
            () = sleep_until(sinks.look_at), if sinks.since.is_none() => sinks.look(&shared),
            () = sleep_until(pace.beside_at()), if sinks.since.is_some() => {
                shared.hub.send_sinks(&shared);
                let now = Instant::now();
                pace.sent_beside(now);
                sinks.sent(now);
            }
            () = sleep_until(pace.heartbeat_at()) => {
                shared.hub.send_heartbeat(&shared);
                pace.sent(Instant::now());
            }
        }
    }
}

/// When clients are told of the deliveries: a state soon, figures at their interval.
struct SinksNews {
    look_at: Instant,
    figures_every: Duration,
    told_at: Option<Instant>,
    /// There is something to tell since then.
    since: Option<Instant>,
}

impl SinksNews {
    fn new(figures_every: Duration) -> Self {
        Self {
            look_at: Instant::now(),
            figures_every,
            told_at: None,
            since: None,
        }
    }

    fn look(&mut self, shared: &Shared) {
        let now = Instant::now();
        self.look_at = now + LOOK;
        let figures_due = self.told_at.is_none_or(|at| now - at >= self.figures_every);
        self.since = match shared.hub.sinks_news(shared) {
            News::State => Some(now),
            News::Figures if figures_due => Some(now),
            News::Figures | News::None => None,
        };
    }

    fn sent(&mut self, now: Instant) {
        self.since = None;
        self.told_at = Some(now);
    }
}

/// Sends what changed; what is left is for the next frame.
fn send_changes(
    shared: &Shared,
    pace: &mut Pace,
    listened_at: &mut Instant,
    sinks: &mut SinksNews,
) -> Pending {
    let now = Instant::now();
    if shared.hub.clients() > 0 {
        *listened_at = now;
    } else if now - *listened_at > LINGER {
        shared.hub.forget_if_alone(shared);
        return Pending::Nothing;
    }
    let Some(left) = shared.hub.send_changes(shared, sinks.since.is_some()) else {
        return Pending::Nothing;
    };
    // The time after the frame left, so that the next second does not begin too early.
    let sent = Instant::now();
    pace.sent_changes(sent);
    if sinks.since.is_some() {
        sinks.sent(sent);
    }
    left
}
