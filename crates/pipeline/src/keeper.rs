//! The durable cursor of one sink, with the sink's note beside it.
//!
//! What is stored as the note is the id of the journal followed by the sink's own bytes: a cursor of another journal (a
//! restored data folder) is known as such. Whenever the cursor cannot be trusted, the mover goes back and sends again,
//! and says so; it never skips.

use std::time::Duration;

use journal::{Cursors, Journal};
use tokio::time::Instant;

use crate::offload::{Offload, Work};
use crate::{Code, Deps, Error, Trouble};

/// Largest [`crate::Sink::resume_note`].
pub(crate) const NOTE_BYTES_MAX: usize = 64 * 1024;
/// A cursor that moved is stored at least so often; one that could not be stored is tried again so often.
const STORE_EVERY: Duration = Duration::from_secs(1);
const ID_BYTES: usize = 16;

/// Where a mover starts.
pub(crate) struct Start {
    pub(crate) position: u64,
    pub(crate) note: Vec<u8>,
    /// Why it goes back, in words.
    pub(crate) trouble: Option<Trouble>,
}

/// Loads the cursor of `sink`, and puts right what cannot be gone on from.
pub(crate) fn start(
    cursors: &Cursors,
    outcomes: &Journal,
    sink: &'static str,
) -> Result<Start, Error> {
    let (first, next) = (outcomes.first_offset(), outcomes.next_offset());
    let (position, trouble) = match cursors.load_with_note(sink) {
        Ok(None) => (first, None),
        Ok(Some((position, noted))) => match split_note(&noted, outcomes) {
            None => (
                first,
                Some(Trouble::new(
                    Code::Configuration,
                    format!(
                        "the cursor of {sink} is of another journal (a restored data folder?): everything from \
                         offset {first} on is sent again"
                    ),
                )),
            ),
            Some(note) if position <= next => {
                return Ok(Start {
                    position,
                    note: note.to_vec(),
                    trouble: None,
                });
            }
            Some(_) => (
                next,
                Some(Trouble::new(
                    Code::Disk,
                    format!(
                        "the cursor of {sink} is at offset {position}, but the outcomes end at {next} (damage took \
                         their end): what comes from there on is sent, perhaps a second time"
                    ),
                )),
            ),
        },
        Err(error @ journal::Error::Damaged { .. }) => (
            first,
            Some(Trouble::new(
                Code::Disk,
                format!("{error}: everything from offset {first} on is sent again"),
            )),
        ),
        Err(error) => return Err(Error::journal(sink, "load its cursor")(error)),
    };
    if let Some(trouble) = &trouble {
        tracing::warn!(sink, position, "{trouble}");
    }
    // Before anything is sent. A first start that delivers nothing is remembered too: what retention takes from now on is
    // a gap. And an old cursor must not be trusted once the journal has grown past it.
    cursors
        .store_with_note(sink, position, &join_note(outcomes, &[]))
        .map_err(Error::journal(sink, "store its cursor"))?;
    Ok(Start {
        position,
        note: Vec::new(),
        trouble,
    })
}

/// The sink's part; `None` if it is of another journal. A cursor without any note is taken as ours.
fn split_note<'a>(noted: &'a [u8], outcomes: &Journal) -> Option<&'a [u8]> {
    match noted.split_first_chunk::<ID_BYTES>() {
        None => Some(&[]),
        Some((id, note)) => (*id == outcomes.id().0).then_some(note),
    }
}

fn join_note(outcomes: &Journal, note: &[u8]) -> Vec<u8> {
    [&outcomes.id().0, note].concat()
}

/// What is stored, and what is being stored. At most one store runs, off the mover's thread.
pub(crate) struct Keeper {
    cursors: Cursors,
    outcomes: Journal,
    sink: &'static str,
    offload: Offload,
    stored: u64,
    note: Vec<u8>,
    storing: Option<Storing>,
    tried: Instant,
    /// The last store failed.
    failed: bool,
    /// Not to be put off: a gap was passed.
    urgent: bool,
}

struct Storing {
    position: u64,
    note: Vec<u8>,
    task: Work<Result<(), journal::Error>>,
}

impl Keeper {
    pub(crate) fn new(deps: &Deps, sink: &'static str, start: &Start, offload: Offload) -> Self {
        Self {
            cursors: deps.cursors.clone(),
            outcomes: deps.outcomes.clone(),
            sink,
            offload,
            stored: start.position,
            note: start.note.clone(),
            storing: None,
            tried: Instant::now(),
            failed: false,
            urgent: false,
        }
    }

    /// The position that is on disk.
    pub(crate) fn stored(&self) -> u64 {
        self.stored
    }

    /// The sink's note that is on disk with it.
    pub(crate) fn note(&self) -> &[u8] {
        &self.note
    }

    pub(crate) fn hurry(&mut self) {
        self.urgent = true;
    }

    /// When `position` is to be stored; `None` while there is nothing to do or a store runs.
    pub(crate) fn due(&self, position: u64, window_records: u64) -> Option<Instant> {
        if position <= self.stored || self.storing.is_some() {
            return None;
        }
        let much = position - self.stored >= window_records.div_ceil(4);
        let now = !self.failed && (much || self.urgent);
        Some(if now {
            self.tried
        } else {
            self.tried + STORE_EVERY
        })
    }

    /// Begins to store; nothing is said to be stored before it is.
    pub(crate) fn store(&mut self, position: u64, note: Vec<u8>) -> Result<(), Error> {
        if note.len() > NOTE_BYTES_MAX {
            let message = format!("a note of {} bytes with the cursor", note.len());
            return Err(Error::Fatal {
                sink: self.sink,
                trouble: Trouble::new(Code::Other, message),
            });
        }
        let (cursors, sink) = (self.cursors.clone(), self.sink);
        let joined = join_note(&self.outcomes, &note);
        let store = move || cursors.store_with_note(sink, position, &joined);
        let task = self.offload.run(store);
        self.storing = Some(Storing {
            position,
            note,
            task,
        });
        self.urgent = false;
        Ok(())
    }

    /// Waits for the running store, for ever if there is none. Cancelling loses nothing.
    pub(crate) async fn done(&mut self) -> Result<(), Trouble> {
        let Some(storing) = &mut self.storing else {
            return std::future::pending().await;
        };
        let result = (&mut storing.task).await;
        let Some(storing) = self.storing.take() else {
            return Ok(());
        };
        self.tried = Instant::now();
        let why = match result {
            Ok(Ok(())) => {
                self.stored = storing.position;
                self.note = storing.note;
                self.failed = false;
                return Ok(());
            }
            Ok(Err(error)) => words(&error),
            Err(error) => error.to_string(),
        };
        self.failed = true;
        Err(Trouble::new(
            Code::Disk,
            format!(
                "the cursor of {} cannot be stored ({why}); what was delivered since then comes again after a restart",
                self.sink
            ),
        ))
    }

    pub(crate) fn is_storing(&self) -> bool {
        self.storing.is_some()
    }
}

/// An error with its causes, in one line.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}
