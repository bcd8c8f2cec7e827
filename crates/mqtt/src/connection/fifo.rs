//! What was handed to the journal and not yet acknowledged, in the order it came. Owner: the connection.
//! Bound: the in-flight bounds of the connection. A ticket belongs to this connection and dies with it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use journal::{Appender, Batch, Class, Error, Ticket, TryAppendError};
use tokio::time::Instant;

use crate::credits::Amount;
use crate::sessions::{Held, insert_held, remove_held};

/// What is answered once what it answers is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckKind {
    /// PUBACK.
    Ack,
    /// PUBREC.
    Rec,
    /// PUBREC for a packet identifier that was held already.
    RecRepeated,
    /// PUBCOMP.
    Comp,
    /// PUBCOMP for an identifier that was not held.
    CompUnknown,
    /// PUBACK: refused for its size.
    AckRefused,
    /// The same for QoS 2.
    RecRefused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) packet_id: u16,
    pub(crate) kind: AckKind,
    /// Its record has the disaster class.
    pub(crate) disaster: bool,
    /// The message that it answers, for QoS 2: see [`Held`].
    pub(crate) print: u64,
}

/// Answers that may wait for the journal before a connection is not read any more. Messages have bounds of
/// their own; this is for packets that are answered and store nothing.
const ACKS_MAX: usize = 2 * 65_536;
/// The same for the groups they are in.
const GROUPS_MAX: usize = 65_536;

type Submitting = Pin<Box<dyn Future<Output = Result<Ticket, Error>> + Send>>;

/// Where the records of one class of a group are.
enum Place {
    /// There are none, or they are durable.
    Done,
    /// The journal's queue was full; those before it go first.
    Parked(Batch),
    /// Waiting for room in the queue.
    Submitting(Submitting),
    /// In the queue.
    Pending(Ticket),
}

/// What one pass over the read buffer gave.
pub(crate) struct Group {
    normal: Place,
    disaster: Place,
    pub(crate) acks: Vec<Ack>,
    /// The acks of class disaster have gone ahead.
    early: bool,
    /// Messages of QoS 0 among the amount.
    pub(crate) qos0: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Taken from the common credits.
    pub(crate) credit: Amount,
    pub(crate) read_at: Instant,
}

#[derive(Default)]
pub(crate) struct Fifo {
    groups: VecDeque<Group>,
    /// Places not handed to the journal: normal, disaster.
    unsubmitted: [usize; 2],
    /// Groups so far: tells whether there are new ones.
    pub(crate) pushed: u64,
    pub(crate) messages: u64,
    pub(crate) qos0: u64,
    pub(crate) bytes: u64,
    acks: usize,
    spare: Vec<Vec<Ack>>,
}

/// Batches of one pass, by class.
pub(crate) struct Batches {
    pub(crate) normal: Batch,
    pub(crate) disaster: Batch,
}

impl Batches {
    #[inline]
    pub(crate) fn of(&mut self, disaster: bool) -> &mut Batch {
        if disaster {
            &mut self.disaster
        } else {
            &mut self.normal
        }
    }
}

impl Group {
    pub(crate) fn new(acks: Vec<Ack>, read_at: Instant) -> Self {
        Self {
            normal: Place::Done,
            disaster: Place::Done,
            acks,
            early: false,
            qos0: 0,
            messages: 0,
            bytes: 0,
            credit: Amount::default(),
            read_at,
        }
    }

    fn is_durable(&self) -> bool {
        matches!((&self.normal, &self.disaster), (Place::Done, Place::Done))
    }
}

impl Fifo {
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Too many answers wait.
    pub(crate) fn is_full(&self) -> bool {
        self.acks > ACKS_MAX || self.groups.len() > GROUPS_MAX
    }

    /// Something could not be handed to the journal yet.
    pub(crate) fn is_unsubmitted(&self) -> bool {
        self.unsubmitted != [0, 0]
    }

    /// An empty list of acks, used before.
    pub(crate) fn spare_acks(&mut self) -> Vec<Ack> {
        self.spare.pop().unwrap_or_default()
    }

    /// Hands the batches of a group to the journal and puts it at the end of the line.
    pub(crate) fn push(
        &mut self,
        inputs: &Appender,
        mut group: Group,
        batches: Batches,
    ) -> Result<(), Error> {
        let [normal, disaster] = self.unsubmitted.map(|places| places > 0);
        group.normal = submit(inputs, Class::Normal, batches.normal, normal)?;
        group.disaster = submit(inputs, Class::Disaster, batches.disaster, disaster)?;
        for (count, place) in self
            .unsubmitted
            .iter_mut()
            .zip([&group.normal, &group.disaster])
        {
            *count += usize::from(matches!(place, Place::Parked(_)));
        }
        self.pushed += 1;
        self.messages += group.messages;
        self.qos0 += group.qos0;
        self.bytes += group.bytes;
        self.acks += group.acks.len();
        self.groups.push_back(group);
        Ok(())
    }

    /// Moves on what can move on. `emit` gets each ack that may be sent, `done` each group that is wholly
    /// durable. With `full`, acks of class disaster go ahead of what is held.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        inputs: &Appender,
        full: bool,
        mut emit: impl FnMut(Ack),
        mut done: impl FnMut(&Group),
    ) -> Result<(), Error> {
        if self.is_unsubmitted() {
            self.submit_more(context, inputs)?;
        }
        while let Some(head) = self.groups.front_mut() {
            poll_place(&mut head.disaster, context)?;
            poll_place(&mut head.normal, context)?;
            if !head.is_durable() {
                break;
            }
            let Some(mut group) = self.groups.pop_front() else {
                break;
            };
            for ack in &group.acks {
                if !(group.early && ack.disaster) {
                    emit(*ack);
                }
            }
            done(&group);
            self.messages -= group.messages;
            self.qos0 -= group.qos0;
            self.bytes -= group.bytes;
            self.acks -= group.acks.len();
            self.recycle(std::mem::take(&mut group.acks));
        }
        for group in &mut self.groups {
            if matches!(group.disaster, Place::Pending(_)) {
                poll_place(&mut group.disaster, context)?;
            }
            if full && !group.early && matches!(group.disaster, Place::Done) {
                group.early = true;
                group
                    .acks
                    .iter()
                    .filter(|ack| ack.disaster)
                    .for_each(|ack| emit(*ack));
            }
        }
        Ok(())
    }

    /// Takes back from the held identifiers what is not known to be durable: a message not known stored is
    /// to be stored when it comes again, a release not known stored likewise. Latest first.
    pub(crate) fn undo(&self, held: &mut Vec<Held>) {
        for group in self.groups.iter().rev() {
            for ack in group.acks.iter().rev() {
                if group.early && ack.disaster {
                    continue;
                }
                if ack.kind == AckKind::Rec {
                    remove_held(held, ack.packet_id);
                } else if ack.kind == AckKind::Comp {
                    insert_held(
                        held,
                        Held {
                            id: ack.packet_id,
                            disaster: ack.disaster,
                            here: true,
                            print: ack.print,
                        },
                    );
                }
            }
        }
    }

    /// What is still in flight when the connection ends.
    pub(crate) fn left(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    fn submit_more(&mut self, context: &mut Context<'_>, inputs: &Appender) -> Result<(), Error> {
        let [normal_left, disaster_left] = &mut self.unsubmitted;
        let (mut normal_waits, mut disaster_waits) = (false, false);
        for group in &mut self.groups {
            let places = [
                (
                    &mut group.normal,
                    Class::Normal,
                    &mut normal_waits,
                    &mut *normal_left,
                ),
                (
                    &mut group.disaster,
                    Class::Disaster,
                    &mut disaster_waits,
                    &mut *disaster_left,
                ),
            ];
            for (place, class, waits, left) in places {
                if *waits {
                    continue;
                }
                if let Place::Parked(batch) = place {
                    let batch = std::mem::take(batch);
                    let inputs = inputs.clone();
                    *place =
                        Place::Submitting(Box::pin(
                            async move { inputs.append(class, batch).await },
                        ));
                }
                if let Place::Submitting(submitting) = place {
                    match submitting.as_mut().poll(context) {
                        Poll::Pending => *waits = true,
                        Poll::Ready(ticket) => {
                            *place = Place::Pending(ticket?);
                            *left -= 1;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn recycle(&mut self, mut acks: Vec<Ack>) {
        // Two are in use at a time, mostly; large ones are not worth keeping.
        if self.spare.len() < 2 && acks.capacity() <= 16 * 1024 {
            acks.clear();
            self.spare.push(acks);
        }
    }
}

fn submit(inputs: &Appender, class: Class, batch: Batch, behind: bool) -> Result<Place, Error> {
    if batch.is_empty() {
        return Ok(Place::Done);
    }
    if behind {
        return Ok(Place::Parked(batch));
    }
    match inputs.try_append(class, batch) {
        Ok(ticket) => Ok(Place::Pending(ticket)),
        Err(TryAppendError::Full(batch)) => Ok(Place::Parked(batch)),
        Err(TryAppendError::Refused(error)) => Err(error),
    }
}

fn poll_place(place: &mut Place, context: &mut Context<'_>) -> Result<(), Error> {
    if let Place::Pending(ticket) = place
        && let Poll::Ready(committed) = Pin::new(ticket).poll(context)
    {
        committed?;
        *place = Place::Done;
    }
    Ok(())
}

impl AckKind {
    /// PUBACK or PUBREC for a message that was taken.
    pub(crate) fn is_acceptance(self) -> bool {
        matches!(self, AckKind::Ack | AckKind::Rec)
    }
}
