//! One attempt, and what follows from it, made durable before it is forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event::Time;

use super::Shared;
use super::lane::Job;
use crate::channel::{Letter, Sent};
use crate::directory::Person;
use crate::letter::{Content, Key};
use crate::outbox::{Entry, Outcome, Report, Seal, Settled};
use crate::plan::{Address, Item};

pub(super) struct Done {
    pub(super) address: Address,
    pub(super) job: Job,
    pub(super) progress: Progress,
}

pub(super) enum Progress {
    /// Over for this channel; `next` are on another. `healthy`: the other side answered.
    Settled { next: Vec<Item>, healthy: bool },
    /// `counts`: a failure of the address.
    Again {
        after: Option<Duration>,
        counts: bool,
    },
    /// The outbox is closed: the process ends.
    Closed,
}

pub(super) async fn deliver(
    shared: Arc<Shared>,
    address: Address,
    job: Job,
    failures: u32,
) -> Done {
    let (job, progress) = attempt(&shared, &address, job, failures).await;
    Done {
        address,
        job,
        progress,
    }
}

async fn attempt(shared: &Shared, address: &Address, job: Job, failures: u32) -> (Job, Progress) {
    let job = match job {
        Job::Seal(hold, members) => {
            let first = members.first().map_or("", |key| key.0.as_str());
            let seal = Seal {
                key: Key(format!("{first}+{}@{}", members.len(), hold.until.0)),
                channel: address.0.clone(),
                person: address.1.clone(),
                members,
            };
            if shared
                .outbox
                .commit(Entry::Seal(seal.clone()))
                .await
                .is_err()
            {
                return (Job::Group(seal), Progress::Closed);
            }
            Job::Group(seal)
        }
        other @ (Job::One(_) | Job::Group(_) | Job::MoveOn(_)) => other,
    };
    let (key, members) = match &job {
        Job::One(key) => (key.clone(), vec![key.clone()]),
        Job::Group(seal) => (seal.key.clone(), seal.members.clone()),
        Job::Seal(..) | Job::MoveOn(_) => (Key(String::new()), Vec::new()),
    };
    if let Job::MoveOn(keys) = &job {
        let cause = ("the address does not answer".to_owned(), Cause::Dead);
        let progress = settle(shared, keys, cause, failures, false).await;
        return (job, progress);
    }
    let (items, contents) = open(shared, &members);
    let now = shared.now();
    if items.is_empty() {
        let next = Vec::new();
        return (
            job,
            Progress::Settled {
                next,
                healthy: true,
            },
        );
    }
    if items.iter().all(|item| item.expires <= now) {
        let cause = ("too old".to_owned(), Cause::Dead);
        let progress = settle(shared, &members, cause, failures, false).await;
        return (job, progress);
    }
    let sent = send(shared, address, &key, &contents).await;
    let has_next = items.iter().all(|item| !item.rest.is_empty());
    let attempts = failures.saturating_add(1);
    let progress = match sent {
        Sent::Delivered(told) => {
            settle(shared, &members, (told, Cause::Delivered), attempts, true).await
        }
        Sent::Refused(told) => {
            tracing::warn!(
                channel = address.0,
                person = address.1,
                "a notice was refused: {told}"
            );
            settle(shared, &members, (told, Cause::Refused), attempts, true).await
        }
        Sent::Unusable(told, _) if has_next => {
            settle(shared, &members, (told, Cause::Refused), attempts, true).await
        }
        Sent::Unusable(_, after) => Progress::Again {
            after,
            counts: false,
        },
        Sent::Later(told, _) if has_next && attempts >= shared.config.fallback_attempts => {
            settle(shared, &members, (told, Cause::Dead), attempts, false).await
        }
        Sent::Later(told, after) => {
            tracing::debug!(
                channel = address.0,
                person = address.1,
                "a notice waits: {told}"
            );
            Progress::Again {
                after,
                counts: true,
            }
        }
    };
    (job, progress)
}

fn open(shared: &Shared, members: &[Key]) -> (Vec<Item>, Vec<Arc<Content>>) {
    shared.outbox.look(|state| {
        members
            .iter()
            .filter_map(|key| {
                let item = state.items().get(key)?;
                Some((item.clone(), state.content(item)?))
            })
            .unzip()
    })
}

async fn send(
    shared: &Shared,
    (channel, person): &Address,
    key: &Key,
    contents: &[Arc<Content>],
) -> Sent {
    let nobody = Person::default();
    let Some(way) = shared.channels.get(channel) else {
        return Sent::Refused("the channel is not in the directory any more".to_owned());
    };
    let Some(person) = shared.directory.people.get(person) else {
        return Sent::Refused("the person is not in the directory any more".to_owned());
    };
    let stamp = shared.clock.now();
    let letter = Letter {
        key,
        person: if person.chain.is_empty() && person.also.is_empty() {
            &nobody
        } else {
            person
        },
        contents,
        wall: Time(stamp.wall_ns),
        now: Time(stamp.journal_ns),
    };
    let begun = Instant::now();
    let sent = way.send(&letter).await;
    let delivered = matches!(sent, Sent::Delivered(_));
    shared.meter.attempt(way.kind(), begun.elapsed(), delivered);
    sent
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Delivered,
    Refused,
    /// Not reached in time, or too often not.
    Dead,
}

async fn settle(
    shared: &Shared,
    members: &[Key],
    (detail, cause): (String, Cause),
    attempts: u32,
    healthy: bool,
) -> Progress {
    let (items, contents) = open(shared, members);
    let now = shared.now();
    let (mut settled, mut next) = (Vec::new(), Vec::new());
    for (item, content) in items.iter().zip(&contents) {
        let follower = match cause {
            Cause::Delivered => None,
            Cause::Refused | Cause::Dead => follower(shared, item, content, now),
        };
        let outcome = match (cause, &follower) {
            (Cause::Delivered, _) => Outcome::Delivered,
            (Cause::Refused | Cause::Dead, Some(_)) => Outcome::MovedOn,
            (Cause::Refused, None) => Outcome::Refused,
            (Cause::Dead, None) => Outcome::Expired,
        };
        if let Some(channel) = shared.channels.get(&item.channel) {
            shared.meter.settled(channel.kind(), outcome, 1);
        }
        settled.push(Settled {
            key: item.key.clone(),
            report: Report {
                subject: content.subject.clone(),
                revision: content.revision,
                channel: item.channel.clone(),
                person: item.person.clone(),
                outcome,
                attempts,
                at: now,
                detail: detail.clone(),
                grouped: u32::try_from(items.len()).unwrap_or(u32::MAX),
            },
        });
        next.extend(follower);
    }
    let entry = Entry::Settle {
        settled,
        next: next.clone(),
    };
    match shared.outbox.commit(entry).await {
        Ok(()) => Progress::Settled { next, healthy },
        Err(_) => Progress::Closed,
    }
}

/// The same notice on the next channel of the person.
fn follower(shared: &Shared, item: &Item, content: &Content, now: Time) -> Option<Item> {
    let (channel, rest) = item.rest.split_first()?;
    let documents = shared
        .directory
        .channels
        .get(channel)
        .is_none_or(|channel| channel.speaks_cap());
    Some(Item {
        key: Key::new(content, channel, &item.person),
        channel: channel.clone(),
        rest: rest.to_vec(),
        hold: item.hold.clone().filter(|_| !documents),
        at: now,
        expires: now.plus(shared.config.expire_ns()),
        ..item.clone()
    })
}
