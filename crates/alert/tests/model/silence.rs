//! The model of silence: the two rules of kind `absence`, on journal time less our downtime.

use std::collections::BTreeMap;

use event::{Quality, Status, Value};

use crate::MINUTE;
use crate::script::Said;
use crate::site::{BEHIND_GATEWAY, GATEWAY, expected};
use crate::truth::{Key, Span};

/// After a start nothing is absent for this long.
const GRACE: i64 = 5 * MINUTE;

#[derive(Default)]
struct Silence {
    /// In uptime and in journal time; counts from the listing for what has never spoken.
    heard: (i64, i64),
    /// A deadline is set.
    armed: bool,
    spans: Vec<Span>,
}

#[derive(Default)]
pub(crate) struct Silences {
    /// Whether the site has a gateway: hearing what is behind it is hearing it.
    gateway: bool,
    keys: BTreeMap<Key, Silence>,
    last: Option<i64>,
    down: i64,
    grace: i64,
}

/// How long a rule waits.
fn wait(rule: &str) -> i64 {
    if rule == "silent" {
        30 * MINUTE
    } else {
        20 * MINUTE
    }
}

impl Silences {
    pub(crate) fn new(gateway: bool) -> Self {
        Self {
            gateway,
            ..Self::default()
        }
    }

    pub(crate) fn advance(
        &mut self,
        now: i64,
        start: bool,
        level: impl Fn(&'static str) -> Option<f64>,
        changed: &mut Vec<Key>,
    ) {
        if self.last.is_none() {
            for entity in expected(self.gateway) {
                let silence = Silence {
                    heard: (now, now),
                    armed: true,
                    spans: Vec::new(),
                };
                self.keys
                    .insert(("silent", (*entity, Status::Actual)), silence);
            }
        }
        if start {
            self.down += now - self.last.unwrap_or(now);
            self.grace = now + GRACE;
        }
        self.last = Some(now);
        let (down, grace) = (self.down, self.grace);
        for (key, silence) in &mut self.keys {
            let due = (silence.heard.0 + wait(key.0) + down).max(grace);
            if !silence.armed || due > now {
                continue;
            }
            silence.armed = false;
            let (rule, (entity, _)) = *key;
            if rule == "silent" || level(entity).is_some_and(|level| level >= 5.0) {
                silence.spans.push((silence.heard.1, None));
                changed.push(*key);
            }
        }
    }

    /// Anything at all ends silence at large; silence of the level only a usable value of it that is not history.
    pub(crate) fn heard(&mut self, said: &Said, now: i64, changed: &mut Vec<Key>) {
        if said.status != Status::Actual {
            return;
        }
        let thing = (said.entity, said.status);
        if expected(self.gateway).contains(&said.entity) {
            self.end(("silent", thing), now, changed);
        }
        if self.gateway && BEHIND_GATEWAY.contains(&said.entity) {
            self.end(("silent", (GATEWAY, said.status)), now, changed);
        }
        let level =
            |(name, _, quality): &(&str, Value, Quality)| *name == "level" && quality.is_usable();
        // The rules of a site with a gateway ask for silence at large alone.
        let watched = !self.gateway && said.entity.starts_with('g') && !said.history;
        if watched && said.values.iter().any(level) {
            self.end(("gone", thing), now, changed);
        }
    }

    fn end(&mut self, key: Key, now: i64, changed: &mut Vec<Key>) {
        let up = now - self.down;
        let silence = self.keys.entry(key).or_default();
        silence.heard = (up, now);
        silence.armed = true;
        if let Some((_, end @ None)) = silence.spans.last_mut() {
            *end = Some(now);
            changed.push(key);
        }
    }

    pub(crate) fn spans(&self, key: &Key) -> &[Span] {
        self.keys.get(key).map_or(&[], |silence| &silence.spans)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let told = self
            .keys
            .iter()
            .filter(|(_, silence)| !silence.spans.is_empty());
        told.map(|(key, _)| *key)
    }

    pub(crate) fn next_due(&self) -> impl Iterator<Item = i64> {
        let armed = self.keys.iter().filter(|(_, silence)| silence.armed);
        armed.map(|(key, silence)| (silence.heard.0 + wait(key.0) + self.down).max(self.grace))
    }
}
