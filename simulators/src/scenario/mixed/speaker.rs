//! A device that speaks some wire format: its pace, its chance, and the faults that any device has.
//!
//! Pure: time comes in, messages come out. A [`Voice`] says what a device of its kind says; the [`Speaker`] around it
//! repeats a message now and then (a lost acknowledgement) and holds one back (a lost network).

use std::sync::Arc;

use bytes::Bytes;

use crate::publication::{Qos, Truth};
use crate::random::Random;
use crate::stamp::{SECOND_NS, Timeline};

/// Of a thousand messages, so many are sent once more.
const REPEATED_PER_MILLE: u64 = 12;
/// Of a thousand messages, so many leave only with the next one.
const LATE_PER_MILLE: u64 = 12;

/// What a device says when it is its turn.
pub(crate) trait Voice: Send {
    fn speak(&mut self, turn: &mut Turn<'_>);
}

impl<F: FnMut(&mut Turn<'_>) + Send> Voice for F {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        self(turn);
    }
}

/// One message as it leaves a device.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) format: &'static str,
    pub(crate) topic: Arc<str>,
    pub(crate) payload: Bytes,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) observed_ns: i64,
    pub(crate) truth: Truth,
    pub(crate) fault: Option<&'static str>,
    /// Place of the same message among the earlier ones, newest = 1.
    pub(crate) repeats: Option<usize>,
    /// Says its own time, so that a second arrival can be told from a second reading.
    dated: bool,
}

impl Said {
    pub(crate) fn retained(&mut self) -> &mut Self {
        self.retain = true;
        self
    }

    pub(crate) fn unconfirmed(&mut self) -> &mut Self {
        self.qos = Qos::AtMostOnce;
        self
    }

    /// Says its own time: may be repeated or come late.
    pub(crate) fn dated(&mut self, observed_ns: i64) -> &mut Self {
        self.observed_ns = observed_ns;
        self.dated = true;
        self
    }

    pub(crate) fn fault(&mut self, fault: &'static str) -> &mut Self {
        self.fault = Some(fault);
        self
    }

    /// So damaged that it must be kept in quarantine.
    pub(crate) fn refused(&mut self, fault: &'static str) -> &mut Self {
        self.truth = Truth::Reject;
        self.dated = false;
        self.fault(fault)
    }

    /// Only changes what is remembered.
    pub(crate) fn silent(&mut self) -> &mut Self {
        self.truth = Truth::State;
        self.dated = false;
        self
    }

    pub(crate) fn events(&mut self, events: u16) -> &mut Self {
        self.truth = Truth::Events(events);
        self
    }
}

/// A device's turn to speak.
pub(crate) struct Turn<'t> {
    /// Counts the device's turns from 0.
    pub(crate) number: u64,
    /// Time on the wire.
    pub(crate) now_ns: i64,
    pub(crate) random: &'t mut Random,
    timeline: &'t Timeline,
    format: &'static str,
    said: Vec<Said>,
    cut: bool,
}

impl Turn<'_> {
    /// A message of one event at QoS 1; the returned [`Said`] is changed where it is something else.
    pub(crate) fn say(
        &mut self,
        topic: impl Into<Arc<str>>,
        payload: impl Into<Bytes>,
    ) -> &mut Said {
        let said = Said {
            format: self.format,
            topic: topic.into(),
            payload: payload.into(),
            qos: Qos::AtLeastOnce,
            retain: false,
            observed_ns: self.now_ns,
            truth: Truth::Events(1),
            fault: None,
            repeats: None,
            dated: false,
        };
        let place = self.said.len();
        self.said.push(said);
        &mut self.said[place]
    }

    /// The wire time so many seconds of the scenario ago.
    pub(crate) fn ago(&self, seconds: i64) -> i64 {
        self.now_ns - self.timeline.shorten(seconds * SECOND_NS)
    }

    /// Breaks the connection before what is said in this turn.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
    }

    /// `middle` and a bit, rounded to `decimals`.
    pub(crate) fn around(&mut self, middle: f64, amplitude: f64, decimals: i32) -> f64 {
        round(middle + self.random.around_zero(amplitude), decimals)
    }
}

pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

pub(crate) struct Speaker {
    pub(crate) name: Arc<str>,
    pub(crate) link: usize,
    pub(crate) next_ns: i64,
    /// Delivery that the caller of the scenario wants instead of the device's own.
    pub(crate) qos: Option<Qos>,
    pub(crate) every_ns: i64,
    format: &'static str,
    voice: Box<dyn Voice>,
    random: Random,
    turns: u64,
    /// The device's last message, to be sent once more.
    again: Option<Said>,
    /// Held back until the next turn; at most one.
    held: Option<Said>,
    /// Off for formats whose transport forbids repeats and reordering.
    stumbles: bool,
}

impl Speaker {
    pub(crate) fn new(
        format: &'static str,
        name: &str,
        link: usize,
        every_ns: i64,
        first_ns: i64,
        seed: u64,
        voice: Box<dyn Voice>,
    ) -> Self {
        Self {
            name: name.into(),
            link,
            next_ns: first_ns,
            qos: None,
            every_ns,
            format,
            voice,
            random: Random::named(seed, name),
            turns: 0,
            again: None,
            held: None,
            stumbles: true,
        }
    }

    /// Never repeats and never comes late.
    pub(crate) fn surely(&mut self) {
        self.stumbles = false;
    }

    pub(crate) fn speaks(&self, format: &str) -> bool {
        self.format == format
    }

    /// What it says at `self.next_ns` before its network has a hand in it; moves on.
    pub(crate) fn say(&mut self, timeline: &Timeline) -> Vec<Said> {
        self.turn(timeline).0
    }

    /// Acts at `self.next_ns` and moves on; also whether the connection breaks first.
    pub(crate) fn step(&mut self, timeline: &Timeline) -> (Vec<Said>, bool) {
        let (said, cut) = self.turn(timeline);
        (self.stumble(said), cut)
    }

    fn turn(&mut self, timeline: &Timeline) -> (Vec<Said>, bool) {
        let now_ns = timeline.place(self.next_ns);
        self.next_ns += self.every_ns.max(1);
        let mut turn = Turn {
            number: self.turns,
            now_ns,
            random: &mut self.random,
            timeline,
            format: self.format,
            said: Vec::new(),
            cut: false,
        };
        self.turns += 1;
        self.voice.speak(&mut turn);
        (turn.said, turn.cut)
    }

    fn stumble(&mut self, mut said: Vec<Said>) -> Vec<Said> {
        if !self.stumbles {
            return said;
        }
        let mut out: Vec<Said> = self.again.take().into_iter().collect();
        let late = self.held.take();
        let free = late.is_none() && out.is_empty();
        out.extend(late);
        let single = said.len() == 1 && said.iter().all(|said| said.dated && said.fault.is_none());
        if free && single && self.random.chance(LATE_PER_MILLE) {
            self.held = said.pop();
            if let Some(held) = &mut self.held {
                held.fault = Some("late");
            }
        } else if single && self.random.chance(REPEATED_PER_MILLE) {
            self.again = said.last().cloned().map(|said| Said {
                truth: Truth::Duplicate,
                fault: Some("repeated"),
                repeats: Some(1),
                ..said
            });
        }
        out.extend(said);
        out
    }
}
