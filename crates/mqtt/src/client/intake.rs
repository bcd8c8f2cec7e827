//! From messages to one batch a class: what is taken, what is shed, what is recorded by its hash.

use std::borrow::Cow;
use std::collections::VecDeque;

use journal::inputs::{Kind, MessageBody, MessagePrefix, Oversize};
use journal::{Appender, Batch, Class, Error};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::codec::PAYLOAD_HEAD_BYTES;
use crate::connection::fifo::{Ack, AckKind, Batches, Fifo, Group};
use crate::hub::Mode;
use crate::metrics::client::{Received, Shed};

use super::Shared;
use super::link::{Delivery, Incoming};

/// Journal bytes of one batch: far below what the journal's queue takes, far above what a sync costs.
const BATCH_BYTES: usize = 1024 * 1024;

/// What one read gathers.
struct Pass {
    batches: Batches,
    acks: Vec<Ack>,
    messages: u64,
    qos0: u64,
    bytes: u64,
    received: Received,
    full: u64,
    window: u64,
}

impl Pass {
    fn new(acks: Vec<Ack>) -> Self {
        Self {
            batches: Batches {
                normal: Batch::new(),
                disaster: Batch::new(),
            },
            acks,
            messages: 0,
            qos0: 0,
            bytes: 0,
            received: Received::default(),
            full: 0,
            window: 0,
        }
    }
}

/// Hands the messages among `events` to the journal and puts them at the end of the line; the answers to our
/// subscriptions stay in it.
pub(super) fn take(
    shared: &Shared,
    prefix: &MessagePrefix,
    mode: Mode,
    fifo: &mut Fifo,
    events: &mut VecDeque<Incoming>,
) -> Result<Vec<Vec<(usize, String)>>, Error> {
    let mut answers = Vec::new();
    let mut pass = Pass::new(fifo.spare_acks());
    for event in events.drain(..) {
        match event {
            Incoming::Publish(delivery) => {
                message(shared, prefix, mode, fifo.qos0, &delivery, &mut pass)
            }
            Incoming::Subscribed(refused) => answers.push(refused),
        }
        if pass.batches.normal.bytes() + pass.batches.disaster.bytes() >= BATCH_BYTES {
            let full = std::mem::replace(&mut pass, Pass::new(fifo.spare_acks()));
            finish(shared, &shared.inputs, full, fifo)?;
        }
    }
    finish(shared, &shared.inputs, pass, fifo)?;
    Ok(answers)
}

fn message(
    shared: &Shared,
    prefix: &MessagePrefix,
    mode: Mode,
    qos0_in_flight: u64,
    delivery: &Delivery,
    pass: &mut Pass,
) {
    let config = &shared.dial.config;
    let acknowledged = delivery.qos > 0;
    if acknowledged {
        pass.received.qos1 += 1;
    } else {
        pass.received.qos0 += 1;
    }
    pass.received.dup += u64::from(delivery.dup);
    pass.received.retained += u64::from(delivery.retain);
    let topic = match std::str::from_utf8(&delivery.topic) {
        Ok(topic) => Cow::Borrowed(topic),
        Err(_) => {
            shared.meter.topic_mended();
            String::from_utf8_lossy(&delivery.topic)
        }
    };
    let disaster = shared.disaster.matches(&topic);
    if !acknowledged {
        // Nobody would send it again: it has no right to wait.
        if mode != Mode::Ok && !disaster {
            pass.full += 1;
            return;
        }
        if qos0_in_flight + pass.qos0 >= u64::from(config.receive_maximum) {
            pass.window += 1;
            return;
        }
    }
    let mut payload = &*delivery.payload;
    let mut oversize = None;
    if payload.len() > config.payload_bytes_max as usize {
        oversize = Some(Oversize {
            length: payload.len() as u64,
            sha256: Sha256::digest(payload).into(),
        });
        payload = payload.get(..PAYLOAD_HEAD_BYTES).unwrap_or(payload);
        shared.meter.oversize_recorded();
    }
    let body = MessageBody {
        packet_id: delivery.packet_id,
        qos: delivery.qos,
        dup: delivery.dup,
        retain: delivery.retain,
        will: false,
        oversize,
        properties: &delivery.properties,
        topic: &topic,
        payload,
    };
    pass.batches
        .of(disaster)
        .push(Kind::Message.into(), |out| prefix.encode(&body, out));
    if acknowledged {
        pass.acks.push(Ack {
            packet_id: delivery.packet_id,
            kind: AckKind::Ack,
            disaster,
            print: 0,
        });
    }
    pass.messages += 1;
    pass.qos0 += u64::from(!acknowledged);
    pass.bytes += (topic.len() + delivery.properties.len() + payload.len()) as u64;
}

fn finish(shared: &Shared, inputs: &Appender, pass: Pass, fifo: &mut Fifo) -> Result<(), Error> {
    let meter = &shared.meter;
    meter.received(pass.received);
    meter.dropped(Shed::Full, pass.full);
    meter.dropped(Shed::Window, pass.window);
    if pass.messages == 0 {
        return Ok(());
    }
    meter.entered(pass.messages, pass.bytes);
    let mut group = Group::new(pass.acks, Instant::now());
    group.messages = pass.messages;
    group.qos0 = pass.qos0;
    group.bytes = pass.bytes;
    fifo.push(inputs, group, pass.batches)
}

/// The record of a message that was taken out by itself, and its class.
pub(super) fn lone(
    shared: &Shared,
    prefix: &MessagePrefix,
    body: &MessageBody<'_>,
) -> (Class, Batch) {
    let mut batch = Batch::new();
    batch.push(Kind::Message.into(), |out| prefix.encode(body, out));
    let class = if shared.disaster.matches(body.topic) {
        Class::Disaster
    } else {
        Class::Normal
    };
    (class, batch)
}
