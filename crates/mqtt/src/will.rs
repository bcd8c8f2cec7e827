//! A will that may have to be published: what becomes a `message` record when it is due.

use journal::Batch;
use journal::inputs::{self, FrontDoor, Kind, Message};

use crate::codec;
use crate::sessions::{Remembered, RememberedWill};

/// Everything its record needs.
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) origin: Origin,
    pub(crate) content: RememberedWill,
}

/// Whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) protocol: u8,
    pub(crate) principal: String,
    pub(crate) peer: String,
    pub(crate) session: u64,
    pub(crate) connection: u64,
}

impl Will {
    pub(crate) fn remembered(entry: &mut Remembered) -> Option<Self> {
        let content = entry.will.take()?;
        let origin = Origin {
            protocol: entry.protocol,
            principal: entry.principal.clone(),
            peer: entry.peer.clone(),
            session: entry.session,
            connection: entry.connection,
        };
        Some(Self { origin, content })
    }

    /// What it takes of the bound on wills.
    pub(crate) fn bytes(&self) -> u64 {
        bytes(&self.content)
    }

    /// Appends its message record.
    pub(crate) fn push(&self, client_id: &str, batch: &mut Batch) {
        let message = Message {
            front_door: FrontDoor::Listener,
            protocol: self.origin.protocol,
            principal: &self.origin.principal,
            peer: &self.origin.peer,
            client_id,
            session: self.origin.session,
            connection: self.origin.connection,
            packet_id: 0,
            qos: self.content.qos,
            dup: false,
            retain: self.content.retain,
            will: true,
            oversize: None,
            properties: &self.content.properties,
            topic: &self.content.topic,
            payload: &self.content.payload,
        };
        batch.push(Kind::Message.into(), |out| message.encode(out));
    }
}

pub(crate) fn bytes(will: &RememberedWill) -> u64 {
    (will.topic.len() + will.properties.len() + will.payload.len()) as u64
}

pub(crate) fn from_connect(will: &codec::Will<'_>) -> RememberedWill {
    RememberedWill {
        topic: will.topic.to_owned(),
        qos: will.qos.bits(),
        retain: will.retain,
        delay_seconds: will.delay_seconds,
        properties: will.properties.as_bytes().to_vec(),
        payload: will.payload.to_vec(),
    }
}

pub(crate) fn to_record(will: &RememberedWill) -> inputs::Will<'_> {
    inputs::Will {
        topic: &will.topic,
        qos: will.qos,
        retain: will.retain,
        delay_seconds: will.delay_seconds,
        properties: &will.properties,
        payload: &will.payload,
    }
}
