//! What a link has sent and nobody has acknowledged yet, in the order of sending.
//!
//! It hands out packet identifiers itself: an identifier is free again only after its PUBACK or PUBCOMP, whatever
//! order they come in.

use std::collections::VecDeque;

use crate::publication::Publication;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) packet_id: u16,
    pub(super) publication: Publication,
    /// PUBREC came: what is still to come is PUBCOMP.
    pub(super) received: bool,
}

#[derive(Debug)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    free: VecDeque<u16>,
}

impl Outbox {
    /// Room for `window` messages, with the packet identifiers 1 to `window`.
    pub(super) fn new(window: u16) -> Self {
        Self {
            entries: VecDeque::new(),
            free: (1..=window).collect(),
        }
    }

    /// Takes the message in and returns its packet identifier; gives it back when the window is full.
    pub(super) fn push(&mut self, publication: Publication) -> Result<u16, Box<Publication>> {
        match self.free.pop_front() {
            Some(packet_id) => {
                self.entries.push_back(Entry {
                    packet_id,
                    publication,
                    received: false,
                });
                Ok(packet_id)
            }
            None => Err(Box::new(publication)),
        }
    }

    /// PUBREC: true when such a message is under way.
    pub(super) fn received(&mut self, packet_id: u16) -> bool {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.packet_id == packet_id);
        entry.is_some_and(|entry| {
            entry.received = true;
            true
        })
    }

    /// PUBACK or PUBCOMP: the message is done with. Acknowledgements come in order, so the first is the one.
    pub(super) fn settle(&mut self, packet_id: u16) -> Option<Publication> {
        let place = self
            .entries
            .iter()
            .position(|entry| entry.packet_id == packet_id)?;
        let entry = self.entries.remove(place)?;
        self.free.push_back(packet_id);
        Some(entry.publication)
    }

    pub(super) fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
