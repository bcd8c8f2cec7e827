//! When the next frame may go out. A pure calculation on instants.
//!
//! Frames of the past second are remembered. What can wait goes out at a fifth of the allowed rate, so that room is
//! left for what is urgent, which goes out at once. When little room is left, urgent frames are spread evenly over what
//! remains of the second: without that a burst would use it up and the next alert would wait for the whole rest.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::ConsoleConfig;
use crate::view::Pending;

const SECOND: Duration = Duration::from_secs(1);

/// Below so many free places in the second urgent frames are spread.
const SCARCE: usize = 3;

pub(super) struct Pace {
    /// Frames in any second. One less than a client is promised: that one is the snapshot that it begins with.
    frames_max: usize,
    data_interval: Duration,
    heartbeat: Duration,
    /// When the frames of the last second left, oldest first; at most `frames_max`.
    recent: VecDeque<Instant>,
    data_at: Instant,
    quiet_since: Instant,
}

impl Pace {
    pub(super) fn new(config: &ConsoleConfig, now: Instant) -> Self {
        let most = config.frames_per_second_max.max(2);
        let data_per_second = (most / 5).max(1);
        Self {
            frames_max: most as usize - 1,
            data_interval: SECOND / data_per_second,
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            recent: VecDeque::new(),
            data_at: now,
            quiet_since: now,
        }
    }

    /// The earliest time for any frame at all.
    pub(super) fn slot_at(&self) -> Instant {
        match self.recent.front() {
            Some(oldest) if self.recent.len() >= self.frames_max => *oldest + SECOND,
            _ => self.quiet_since,
        }
    }

    pub(super) fn changes_at(&self, pending: Pending) -> Instant {
        let wanted = match pending {
            Pending::Urgent => self.urgent_at(),
            Pending::Data | Pending::Nothing => self.data_at,
        };
        wanted.max(self.slot_at())
    }

    pub(super) fn heartbeat_at(&self) -> Instant {
        (self.quiet_since + self.heartbeat).max(self.slot_at())
    }

    /// When something that neither rang nor is data may go in a frame of its own: while places are left that no alert will
    /// want. In a storm of alerts that is never; then it goes with the changes.
    pub(super) fn beside_at(&self) -> Instant {
        let kept = self.frames_max.saturating_sub(SCARCE).max(1);
        let over = self.recent.len().checked_sub(kept);
        let oldest = over.and_then(|over| self.recent.get(over));
        oldest.map_or(self.quiet_since, |sent| *sent + SECOND)
    }

    /// Counts, but is no sign of life: heartbeats come all the same.
    pub(super) fn sent_beside(&mut self, now: Instant) {
        self.count(now);
    }

    pub(super) fn sent_changes(&mut self, now: Instant) {
        self.data_at = now + self.data_interval;
        self.sent(now);
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.quiet_since = now;
        self.count(now);
    }

    fn count(&mut self, now: Instant) {
        self.recent.push_back(now);
        let (most, gone) = (self.frames_max, now.checked_sub(SECOND));
        while let Some(oldest) = self.recent.front()
            && (self.recent.len() > most || gone.is_some_and(|gone| *oldest <= gone))
        {
            self.recent.pop_front();
        }
    }

    fn urgent_at(&self) -> Instant {
        let Some(newest) = self.recent.back().copied() else {
            return self.quiet_since;
        };
        let free = self.frames_max - self.recent.len();
        if free >= SCARCE {
            return newest;
        }
        // The least even distance at which every later frame finds a place that an older one has left by then.
        let places = free + 1..;
        let distance = self.recent.iter().zip(places).map(|(sent, place)| {
            let left = (*sent + SECOND).saturating_duration_since(newest);
            left / u32::try_from(place).unwrap_or(u32::MAX)
        });
        newest + distance.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace(now: Instant) -> Pace {
        Pace::new(&ConsoleConfig::default(), now)
    }

    /// Plays a second-long stream of data with alerts at the given times (ms); gives the frames, and how long each alert
    /// waited.
    fn play(alerts: &[u32], until: u32) -> (Vec<u32>, Vec<u32>) {
        let start = Instant::now();
        let mut pace = pace(start);
        let (mut frames, mut waits) = (Vec::new(), Vec::new());
        let mut waiting: Vec<u32> = Vec::new();
        for ms in 0..until {
            let now = start + MS * ms;
            waiting.extend(alerts.iter().filter(|at| **at == ms));
            let pending = if waiting.is_empty() {
                Pending::Data
            } else {
                Pending::Urgent
            };
            if pace.changes_at(pending) <= now {
                pace.sent_changes(now);
                frames.push(ms);
                waits.extend(waiting.drain(..).map(|at| ms - at));
            }
        }
        (frames, waits)
    }

    fn most_in_a_second(frames: &[u32]) -> usize {
        let windows = frames.iter().enumerate();
        let counts = windows.map(|(index, first)| {
            let inside = frames.iter().skip(index);
            inside.take_while(|at| **at < first + 1_000).count()
        });
        counts.max().unwrap_or_default()
    }

    #[test]
    fn data_alone_takes_two_frames_a_second() {
        let (frames, _) = play(&[], 5_000);
        assert_eq!(frames.len(), 10);
        assert_eq!(&frames[..3], [0, 500, 1_000]);
    }

    #[test]
    fn alerts_now_and_then_overtake_the_data_and_wait_for_nothing() {
        let alerts: Vec<u32> = (1..40).map(|step| step * 337).collect();
        let (frames, waits) = play(&alerts, 14_000);
        assert!(waits.iter().all(|wait| *wait == 0), "{waits:?}");
        assert!(most_in_a_second(&frames) <= 9);
    }

    #[test]
    fn a_storm_of_alerts_keeps_the_budget_and_no_alert_waits_long() {
        for every in [1_usize, 7, 30, 90, 111, 130] {
            let alerts: Vec<u32> = (1_900..8_000).step_by(every).collect();
            let (frames, waits) = play(&alerts, 9_000);
            assert_eq!(waits.len(), alerts.len());
            assert!(
                most_in_a_second(&frames) <= 9,
                "one place is the snapshot's"
            );
            let worst = waits.iter().max().unwrap();
            assert!(*worst <= 200, "every {every} ms: {worst} ms");
        }
    }

    #[test]
    fn news_beside_the_alerts_takes_no_place_that_an_alert_wants() {
        for (every, most, fewest) in [(1, 250, 2), (30, 250, 2), (111, 250, 2), (337, 0, 12)] {
            let start = Instant::now();
            let mut pace = pace(start);
            let (mut frames, mut beside) = (Vec::new(), Vec::new());
            let (mut alert, mut news) = (None, None);
            let mut worst = 0;
            for ms in 0..12_000_u32 {
                let now = start + MS * ms;
                if ms >= 1_900 && ms.is_multiple_of(every) {
                    alert = alert.or(Some(ms));
                }
                if ms.is_multiple_of(1_000) {
                    news = news.or(Some(ms));
                }
                let pending = alert.map_or(Pending::Data, |_| Pending::Urgent);
                if pace.changes_at(pending) <= now {
                    worst = worst.max(alert.take().map_or(0, |at| ms - at));
                    pace.sent_changes(now);
                    frames.push(ms);
                } else if news.is_some() && pace.beside_at() <= now {
                    news = None;
                    pace.sent_beside(now);
                    frames.push(ms);
                    beside.push(ms);
                }
            }
            assert!(
                worst <= most,
                "every {every} ms: an alert waited {worst} ms"
            );
            assert!(most_in_a_second(&frames) <= 9, "every {every} ms");
            assert!(beside.len() >= fewest, "every {every} ms: {beside:?}");
        }
    }

    #[test]
    fn heartbeats_keep_the_budget_too() {
        let start = Instant::now();
        let config = ConsoleConfig {
            heartbeat_ms: 10,
            ..ConsoleConfig::default()
        };
        let mut pace = Pace::new(&config, start);
        let mut frames = Vec::new();
        for ms in 0..3_000 {
            let now = start + MS * ms;
            if pace.heartbeat_at() <= now {
                pace.sent(now);
                frames.push(ms);
            }
        }
        assert_eq!(most_in_a_second(&frames), 9);
    }
}
