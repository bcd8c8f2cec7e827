//! From news to signals.

use event::{AlertSource, Time};

use super::Kernel;
use super::say::Moment;
use super::state::{KeyRef, Told, Watch};
use super::watch::News;
use crate::engine::Origin;
use crate::signal::{EpisodeId, Key, Said, Signal};

impl Kernel {
    pub(super) fn watch_of(&mut self, key: KeyRef) -> Option<&mut Watch> {
        match key {
            KeyRef::Unit(number, index) => self.units.get_mut(number as usize)?.watch_mut(index),
            KeyRef::Group(number) => Some(&mut self.groups.get_mut(number as usize)?.watch),
        }
    }

    fn told(&mut self, key: KeyRef, episode: EpisodeId) -> Option<&mut Told> {
        let told = &mut self.watch_of(key)?.tail.as_mut()?.told;
        told.iter_mut().rev().find(|told| told.episode == episode)
    }

    pub(super) fn key_of(&self, key: KeyRef, retrospective: bool) -> Option<Key> {
        self.read(key, |reader, subject| Key {
            rule: reader.rule.id.clone(),
            entity: subject.entity.clone(),
            status: subject.status,
            retrospective,
            source: AlertSource::Rule,
            shadow: reader.rule.shadow,
            about: None,
        })
    }

    /// Tells what a step or a replay of a key has found.
    pub(super) fn tell(&mut self, key: KeyRef, origin: &Origin, out: &mut Vec<Signal>) {
        if self.desk.news.is_empty() {
            return;
        }
        let mut news = std::mem::take(&mut self.desk.news);
        for one in news.drain(..) {
            match one {
                News::Began {
                    episode,
                    since,
                    until,
                    at,
                    ended_at,
                } => {
                    let suspect = self.is_lone(key, since, at);
                    let said = self.say_of(key, episode, since, at, suspect, origin);
                    let Some(mut said) = said else { continue };
                    if let Some(at) = ended_at {
                        said.values.extend(self.values(key, at).1);
                    }
                    let Some(of) = self.key_of(key, false) else {
                        continue;
                    };
                    out.push(Signal::Began {
                        episode,
                        key: of,
                        since: Time(since),
                        until: until.map(Time),
                        said: Box::new(said),
                    });
                }
                News::Changed {
                    episode,
                    since,
                    until,
                    at,
                } => {
                    let suspect = self.told(key, episode).is_some_and(|told| told.suspect);
                    let said =
                        at.and_then(|at| self.say_of(key, episode, since, at, suspect, origin));
                    out.push(Signal::Changed {
                        episode,
                        since: Time(since),
                        until: until.map(Time),
                        said: said.map(Box::new),
                    });
                }
                News::Ended { episode, until, at } => {
                    let (value, values) = self.values(key, at);
                    out.push(Signal::Ended {
                        episode,
                        until: Time(until),
                        value,
                        values,
                    });
                }
                News::Annulled { episode } => out.push(Signal::Annulled { episode }),
                News::Merged { episode, into } => out.push(Signal::Merged { episode, into }),
                News::Settled { episode } => out.push(Signal::Settled { episode }),
            }
        }
        self.desk.news = news;
    }

    fn say_of(
        &mut self,
        key: KeyRef,
        episode: EpisodeId,
        since: i64,
        at: i64,
        suspect: bool,
        origin: &Origin,
    ) -> Option<Said> {
        let moment = Moment { since, at, suspect };
        let said = self.said(key, moment, origin)?;
        if let Some(told) = self.told(key, episode) {
            told.at = at;
            told.value = said.value;
            told.suspect = suspect;
        }
        if suspect {
            self.suspects.insert(key);
        }
        Some(said)
    }

    /// Only episodes that are final: no key is needed to say so.
    pub(super) fn tell_settled(&mut self, out: &mut Vec<Signal>) {
        for one in self.desk.news.drain(..) {
            if let News::Settled { episode } = one {
                out.push(Signal::Settled { episode });
            }
        }
    }
}
