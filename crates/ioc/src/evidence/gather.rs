//! Which raw records a transition rests on, and where they are found in `inputs`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use event::Transition;
use journal::{Journal, ReadBatch, Reader};

use super::format::{self, FrameRef, FrameState, KeptFrame};
use super::store::Turn;

/// Records within this distance are read on to, farther ones are looked up.
const NEAR: u64 = 2_000;

/// Bounds of what one transition keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) frames_max: usize,
    pub(crate) frame_bytes_max: usize,
}

enum Found {
    Redacted,
    Frame(KeptFrame),
}

/// Reads records of `inputs`, mostly ascending.
pub(super) struct Gather<'a> {
    inputs: &'a Journal,
    bounds: Bounds,
    reader: Option<Reader>,
    /// What was read last: neighbours lie in it.
    read: Option<ReadBatch>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(inputs: &'a Journal, bounds: Bounds) -> Self {
        Self {
            inputs,
            bounds,
            reader: None,
            read: None,
        }
    }

    /// Copies the records that the alert names: what its values rest on first, then the newest samples of its windows.
    pub(super) fn frames(
        &mut self,
        turn: &mut Turn<'_>,
        transition: &Transition,
        stamp: i64,
    ) -> Result<Vec<FrameRef>> {
        let (wanted, beyond) = named(transition, self.bounds.frames_max);
        let mut frames = Vec::with_capacity(wanted.len());
        let mut bytes = 0;
        for offset in wanted {
            let mut kept = FrameRef {
                offset,
                state: FrameState::Kept,
                sha256: turn.has_frame(offset).map(|digest| format::hex(&digest)),
            };
            if kept.sha256.is_none() {
                match self.find(offset)? {
                    None => kept.state = FrameState::Gone,
                    Some(Found::Redacted) => kept.state = FrameState::Blanked,
                    Some(Found::Frame(frame)) => {
                        bytes += frame.payload.len();
                        if bytes > self.bounds.frame_bytes_max {
                            kept.state = FrameState::Beyond;
                        } else {
                            kept.sha256 = Some(format::hex(&turn.frame(&frame, stamp)));
                        }
                    }
                }
            }
            frames.push(kept);
        }
        frames.extend(beyond.into_iter().map(|offset| FrameRef {
            offset,
            state: FrameState::Beyond,
            sha256: None,
        }));
        Ok(frames)
    }

    /// `None`: retention took it, or it is damaged.
    fn find(&mut self, offset: u64) -> Result<Option<Found>> {
        let look = |batch: &ReadBatch| {
            let found = batch.frames().find(|frame| frame.offset == offset)?;
            Some(if found.is_redacted() {
                Found::Redacted
            } else {
                Found::Frame(KeptFrame::of(&found))
            })
        };
        // Read under the lock of the turn: the redactor overwrites the journal first, then waits for that lock and finds the copy.
        if let Some(found) = self.read.as_ref().and_then(look) {
            return Ok(Some(found));
        }
        let near = |reader: &Reader| {
            let position = reader.position();
            (position..position.saturating_add(NEAR)).contains(&offset)
        };
        let mut open = match self.reader.take().filter(near) {
            Some(open) => open,
            None => self.inputs.reader(offset),
        };
        while open.position() <= offset && open.position() < self.inputs.next_offset() {
            let batch = open
                .next_blocking(Some(Duration::ZERO))
                .with_context(|| format!("cannot read record {offset} of `inputs`"))?;
            let Some(batch) = batch else { break };
            let found = look(&batch);
            self.read = Some(batch);
            if found.is_some() {
                self.reader = Some(open);
                return Ok(found);
            }
        }
        self.reader = Some(open);
        Ok(None)
    }
}

/// The records of `inputs` that an alert rests on, ascending: at most `max` of them, and those beyond.
fn named(transition: &Transition, max: usize) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let evidence = &transition.alert.evidence;
    let values = evidence.values.iter().rev().map(|value| value.offset);
    let samples = evidence.windows.iter();
    let samples: BTreeSet<u64> = samples
        .flat_map(|window| window.samples.iter().map(|(_, _, offset)| *offset))
        .collect();
    let (mut wanted, mut beyond) = (BTreeSet::new(), BTreeSet::new());
    for offset in values.chain(samples.into_iter().rev()) {
        if wanted.len() < max || wanted.contains(&offset) {
            wanted.insert(offset);
        } else {
            beyond.insert(offset);
        }
    }
    (wanted, beyond)
}
