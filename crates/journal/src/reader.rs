//! Readers: any number, each at its own pace. Near the head they share the committed batches in memory, behind
//! it they read segments, one piece at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::read_batch::{Gap, GapReason, ReadBatch, skip};
use crate::redaction::Named;
use crate::scan::{Scan, Scanned};
use crate::segment::{self, Location, View};
use crate::shared::{Head, Shared, guard};
use crate::storage::Access;
use crate::ticket::{block_on, block_on_until};
use crate::{Error, Id, JournalName, Storage, format};

/// About how much one read returns.
const READ_BYTES: usize = 1024 * 1024;

/// Reads a journal from a position on. Cancelling `next` loses nothing: the position moves only when a batch is
/// handed out.
pub struct Reader {
    source: Source,
    position: u64,
    /// Where the last disk read ended; rebuilt when it does not fit.
    open: Option<OpenSegment>,
}

enum Source {
    Live {
        shared: Arc<Shared>,
        head: watch::Receiver<Head>,
    },
    Fixed(Arc<View>),
}

struct OpenSegment {
    base: u64,
    scan: Scan,
}

impl Reader {
    pub(crate) fn live(shared: Arc<Shared>, position: u64) -> Self {
        let head = shared.head.subscribe();
        Self {
            source: Source::Live { shared, head },
            position,
            open: None,
        }
    }

    pub(crate) fn fixed(view: Arc<View>, position: u64) -> Self {
        Self {
            source: Source::Fixed(view),
            position,
            open: None,
        }
    }

    /// Offset of the next record.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next records; waits until there is one. After the last record of a journal that was closed or
    /// poisoned, says so as an error; a reader of a stopped journal ends with [`Error::Closed`].
    pub async fn next(&mut self) -> Result<ReadBatch, Error> {
        loop {
            let limit = self.wait_for_records().await?;
            let read = match self.read_memory() {
                Some(read) => Some(read),
                None => self.read_segments(limit).await?,
            };
            if let Some(read) = read {
                return Ok(self.hand_out(read));
            }
        }
    }

    /// Waits until there is a record at the position, and returns how far the journal is. For those that want to read
    /// later: nothing is read, cancelling costs nothing.
    pub async fn ready(&mut self) -> Result<u64, Error> {
        self.wait_for_records().await
    }

    /// [`Reader::next`] on a plain thread: `None` when the limit passed, or at the end of a stopped journal.
    pub fn next_blocking(&mut self, limit: Option<Duration>) -> Result<Option<ReadBatch>, Error> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let end = if let Source::Fixed(view) = &self.source {
                if self.position >= view.end {
                    return Ok(None);
                }
                view.end
            } else {
                match deadline {
                    None => block_on(self.wait_for_records())?,
                    Some(deadline) => match block_on_until(self.wait_for_records(), deadline) {
                        Some(end) => end?,
                        None => return Ok(None),
                    },
                }
            };
            let read = match self.read_memory() {
                Some(read) => Some(read),
                None => {
                    let place = self.place();
                    let (open, read) = read_disk(&place, self.open.take(), self.position, end)?;
                    self.open = open;
                    read
                }
            };
            if let Some(read) = read {
                return Ok(Some(self.hand_out(read)));
            }
        }
    }

    fn hand_out(&mut self, read: ReadBatch) -> ReadBatch {
        self.position = match read.gap() {
            Some(gap) => gap.to,
            None => self.position + read.len() as u64,
        };
        read
    }

    /// Waits until something is committed at the position; returns how far it is.
    async fn wait_for_records(&mut self) -> Result<u64, Error> {
        let position = self.position;
        match &mut self.source {
            Source::Fixed(view) if position < view.end => Ok(view.end),
            Source::Fixed(view) => Err(Error::Closed { journal: view.name }),
            Source::Live { shared, head } => {
                let journal = shared.options.name;
                let seen = head
                    .wait_for(|head| head.next > position || head.ended.is_some())
                    .await
                    .map_err(|_| Error::Closed { journal })?;
                match &seen.ended {
                    Some(ended) if seen.next <= position => Err(ended.error(journal)),
                    _ => Ok(seen.next),
                }
            }
        }
    }

    fn read_memory(&mut self) -> Option<ReadBatch> {
        match &self.source {
            Source::Live { shared, .. } => {
                let read = shared.read_tail(self.position, READ_BYTES)?;
                self.open = None;
                Some(read)
            }
            Source::Fixed(_) => None,
        }
    }

    /// Disk reads may block: they leave the async worker.
    async fn read_segments(&mut self, limit: u64) -> Result<Option<ReadBatch>, Error> {
        let (place, open, position) = (self.place(), self.open.take(), self.position);
        let journal = place.name();
        let done =
            tokio::task::spawn_blocking(move || read_disk(&place, open, position, limit)).await;
        let (open, read) = done.map_err(|_| Error::Closed { journal })??;
        self.open = open;
        Ok(read)
    }

    fn place(&self) -> Place {
        match &self.source {
            Source::Live { shared, .. } => Place::Live(Arc::clone(shared)),
            Source::Fixed(view) => Place::Fixed(Arc::clone(view)),
        }
    }
}

/// What a disk read needs to know of the journal.
enum Place {
    Live(Arc<Shared>),
    Fixed(Arc<View>),
}

impl Place {
    fn name(&self) -> JournalName {
        match self {
            Self::Live(shared) => shared.options.name,
            Self::Fixed(view) => view.name,
        }
    }

    fn id(&self) -> Id {
        match self {
            Self::Live(shared) => shared.id,
            Self::Fixed(view) => view.id,
        }
    }

    fn named(&self) -> Arc<Named> {
        match self {
            Self::Live(shared) => Arc::clone(&shared.named),
            Self::Fixed(view) => Arc::clone(&view.named),
        }
    }

    fn storage(&self) -> &dyn Storage {
        match self {
            Self::Live(shared) => &*shared.storage,
            Self::Fixed(view) => &*view.storage,
        }
    }

    fn locate(&self, position: u64) -> Location {
        match self {
            Self::Live(shared) => guard(&shared.segments).locate(position),
            Self::Fixed(view) => view.segments.locate(position),
        }
    }
}

/// Reads one piece at `position`, below `limit`. `None`: the list of segments changed meanwhile, look again.
fn read_disk(
    place: &Place,
    open: Option<OpenSegment>,
    position: u64,
    limit: u64,
) -> Result<(Option<OpenSegment>, Option<ReadBatch>), Error> {
    let retention = |to: u64| {
        let gap = Gap {
            from: position,
            to,
            reason: GapReason::Retention,
        };
        Ok((None, Some(ReadBatch::gap_of(gap))))
    };
    let (base, end, hint) = match place.locate(position) {
        Location::In { base, end, hint } => (base, end, hint),
        Location::Before(first) => return retention(first.min(limit)),
        Location::Nowhere => return retention(limit),
    };
    let path = segment::path(place.name(), base);
    let usable = open.filter(|open| open.base == base && open.scan.expected() <= position);
    let mut open = match usable {
        Some(open) => open,
        None => match place.storage().open(&path, Access::Read) {
            Ok(file) => {
                let seed = format::seed(place.id(), base);
                let start = (base, format::SEGMENT_HEADER_BYTES as u64);
                let (offset, at) = hint.unwrap_or(start);
                OpenSegment {
                    base,
                    scan: Scan::at(file, seed, offset, at, place.named()),
                }
            }
            // Retention was faster than we; a file that nobody listed as gone is damage.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if let Location::In { base: now, .. } = place.locate(position)
                    && now == base
                {
                    let to = end.unwrap_or(limit).min(limit);
                    let gap = Gap {
                        from: position,
                        to,
                        reason: GapReason::Damage,
                    };
                    return Ok((None, Some(ReadBatch::gap_of(gap))));
                }
                return Ok((None, None));
            }
            Err(error) => return Err(Error::io("open", &path)(error)),
        },
    };
    let end = end.unwrap_or(limit).min(limit);
    let read = scan_to(&mut open.scan, position, end, &path)?;
    Ok((Some(open), Some(read)))
}

/// Scans until something covers `position`; `end` is where this segment must end.
fn scan_to(scan: &mut Scan, position: u64, end: u64, path: &str) -> Result<ReadBatch, Error> {
    let damage = |to: u64| {
        let gap = Gap {
            from: position,
            to,
            reason: GapReason::Damage,
        };
        ReadBatch::gap_of(gap)
    };
    loop {
        if scan.expected() >= end {
            return Ok(damage(end));
        }
        match scan
            .next(end, READ_BYTES)
            .map_err(Error::io("read", path))?
        {
            Scanned::Frames(chunk) if scan.expected() > position => {
                let behind = position - chunk.first_offset;
                let mut read = ReadBatch::default();
                let bytes = chunk.bytes.slice(skip(&chunk.bytes, behind)..);
                read.push(bytes, chunk.count - behind);
                return Ok(read);
            }
            Scanned::Damage { to, .. } if to > position => return Ok(damage(to)),
            Scanned::Frames(_) | Scanned::Damage { .. } => {}
            Scanned::End { .. } => return Ok(damage(end)),
        }
    }
}
