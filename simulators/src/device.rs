//! A virtual field device: measures at its own pace, suffers its faults, and says what it sends when.
//!
//! Pure: time comes in, publications come out. A device never draws chance that another device sees.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::payload::Payload;
use crate::publication::{Qos, Truth};
use crate::random::Random;
use crate::stamp::Timeline;

/// Measures one reading.
pub(crate) trait Sensor: Send {
    /// Writes the fields of the reading at `at_ns` (scenario time before any shift to the present).
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload);
}

impl<F: FnMut(i64, &mut Random, &mut Payload) + Send> Sensor for F {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        self(at_ns, random, payload);
    }
}

/// What goes wrong with a device; bounds are scenario times, `from` included, `to` not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Dead: measures nothing, sends nothing, remembers nothing.
    Silent { from_ns: i64, to_ns: i64 },
    /// Measures but cannot send; with its first reading from `to` on it sends the whole backlog, oldest first.
    Offline { from_ns: i64, to_ns: i64 },
    /// At its first reading from `at` on, the link breaks and the device sends its last messages once more.
    Resend { at_ns: i64, messages: usize },
}

/// How a device sends.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: Arc<str>,
    pub(crate) topic: Arc<str>,
    pub(crate) link: usize,
    pub(crate) qos: Qos,
    pub(crate) every_ns: i64,
    pub(crate) first_ns: i64,
    pub(crate) faults: Vec<Fault>,
    /// Greatest delay between the measurement and its publication, in milliseconds.
    pub(crate) delay_ms_max: u64,
}

/// One message as it leaves a device.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) observed_ns: i64,
    pub(crate) payload: Bytes,
    /// Place of the same message among the device's earlier ones, newest = 1.
    pub(crate) repeats: Option<usize>,
}

impl Sent {
    /// The repeat of an earlier message is one, everything else a reading.
    pub(crate) fn truth(&self) -> Truth {
        match self.repeats {
            Some(_) => Truth::Duplicate,
            None => Truth::Events(1),
        }
    }
}

/// What a device does at one of its instants.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) cut: bool,
    pub(crate) sent: Vec<Sent>,
}

pub(crate) struct Device {
    pub(crate) plan: Plan,
    pub(crate) next_ns: i64,
    sensor: Box<dyn Sensor>,
    random: Random,
    sequence: u64,
    /// Measured while offline; as long as the outage, at most [`BACKLOG_MAX`], the oldest go first.
    backlog: VecDeque<(i64, Bytes)>,
    /// Newest last; only kept by devices that will send some again.
    recent: VecDeque<(i64, Bytes)>,
    recent_max: usize,
}

/// Readings that a device keeps while it is offline (four days of minutes).
const BACKLOG_MAX: usize = 5_760;

impl Device {
    pub(crate) fn new(plan: Plan, sensor: Box<dyn Sensor>, seed: u64) -> Self {
        let recent_max = plan.faults.iter().map(Fault::messages).max().unwrap_or(0);
        let random = Random::named(seed, &plan.name);
        Self {
            next_ns: plan.first_ns,
            plan,
            sensor,
            random,
            sequence: 0,
            backlog: VecDeque::new(),
            recent: VecDeque::new(),
            recent_max,
        }
    }

    /// Acts at `self.next_ns` and moves on; every time that leaves the device is placed on `timeline`.
    pub(crate) fn step(&mut self, timeline: &Timeline) -> Step {
        let now_ns = self.next_ns;
        let before_ns = now_ns - self.plan.every_ns;
        self.next_ns += self.plan.every_ns.max(1);
        let mut step = Step::default();
        if self.plan.faults.iter().any(|fault| fault.silent(now_ns)) {
            return step;
        }
        if let Some(messages) = self
            .plan
            .faults
            .iter()
            .find_map(|fault| fault.resend(before_ns, now_ns))
        {
            step.cut = true;
            let known = messages.min(self.recent.len());
            let first = self.recent.len() - known;
            for (place, (observed_ns, payload)) in self.recent.iter().enumerate().skip(first) {
                let repeats = Some(self.recent.len() - place);
                step.sent.push(Sent {
                    observed_ns: *observed_ns,
                    payload: payload.clone(),
                    repeats,
                });
            }
        }
        let reading = self.measure(now_ns, timeline);
        if self.plan.faults.iter().any(|fault| fault.offline(now_ns)) {
            if self.backlog.len() == BACKLOG_MAX {
                self.backlog.pop_front();
            }
            self.backlog.push_back(reading);
            return step;
        }
        for (observed_ns, payload) in self.backlog.drain(..).chain([reading]) {
            if self.recent_max > 0 {
                if self.recent.len() == self.recent_max {
                    self.recent.pop_front();
                }
                self.recent.push_back((observed_ns, payload.clone()));
            }
            step.sent.push(Sent {
                observed_ns,
                payload,
                repeats: None,
            });
        }
        step
    }

    fn measure(&mut self, now_ns: i64, timeline: &Timeline) -> (i64, Bytes) {
        self.sequence += 1;
        let delay_ms = i64::try_from(self.random.below(self.plan.delay_ms_max)).unwrap_or(0);
        let observed_ns = timeline.place(now_ns) - timeline.shorten(delay_ms * 1_000_000);
        let mut payload = Payload::start(&self.plan.name, self.sequence, observed_ns);
        self.sensor.measure(now_ns, &mut self.random, &mut payload);
        (observed_ns, payload.finish())
    }
}

impl Fault {
    fn silent(&self, now_ns: i64) -> bool {
        matches!(*self, Self::Silent { from_ns, to_ns } if (from_ns..to_ns).contains(&now_ns))
    }

    fn offline(&self, now_ns: i64) -> bool {
        matches!(*self, Self::Offline { from_ns, to_ns } if (from_ns..to_ns).contains(&now_ns))
    }

    fn resend(&self, before_ns: i64, now_ns: i64) -> Option<usize> {
        match *self {
            Self::Resend { at_ns, messages } if before_ns < at_ns && at_ns <= now_ns => {
                Some(messages)
            }
            Self::Resend { .. } | Self::Silent { .. } | Self::Offline { .. } => None,
        }
    }

    fn messages(&self) -> usize {
        match *self {
            Self::Resend { messages, .. } => messages,
            Self::Silent { .. } | Self::Offline { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Timeline = Timeline {
        own_start_ns: 0,
        start_ns: 0,
        compression: 1.0,
    };

    fn device(faults: Vec<Fault>) -> Device {
        let plan = Plan {
            name: "d".into(),
            topic: "t".into(),
            link: 0,
            qos: Qos::AtLeastOnce,
            every_ns: 10,
            first_ns: 0,
            faults,
            delay_ms_max: 0,
        };
        let sensor = |at_ns: i64, _: &mut Random, payload: &mut Payload| {
            payload.word("at", &at_ns.to_string());
        };
        Device::new(plan, Box::new(sensor), 1)
    }

    fn counts(faults: Vec<Fault>, steps: usize) -> Vec<usize> {
        let mut device = device(faults);
        (0..steps).map(|_| device.step(&OWN).sent.len()).collect()
    }

    #[test]
    fn silence_loses_and_an_outage_delays() {
        assert_eq!(
            counts(
                vec![Fault::Silent {
                    from_ns: 10,
                    to_ns: 30
                }],
                4
            ),
            [1, 0, 0, 1]
        );
        assert_eq!(
            counts(
                vec![Fault::Offline {
                    from_ns: 10,
                    to_ns: 30
                }],
                4
            ),
            [1, 0, 0, 3]
        );
    }

    #[test]
    fn a_resend_repeats_the_last_messages_byte_for_byte() {
        let mut device = device(vec![Fault::Resend {
            at_ns: 25,
            messages: 2,
        }]);
        let first: Vec<Step> = (0..3).map(|_| device.step(&OWN)).collect();
        let again = device.step(&OWN);
        assert!(again.cut && again.sent.len() == 3);
        assert_eq!(again.sent[0].payload, first[1].sent[0].payload);
        assert_eq!(again.sent[1].payload, first[2].sent[0].payload);
        assert_eq!(
            (
                again.sent[0].repeats,
                again.sent[1].repeats,
                again.sent[2].repeats
            ),
            (Some(2), Some(1), None)
        );
    }
}
