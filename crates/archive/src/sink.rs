//! The archive as a sink of the mover.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use journal::Clock;
use pipeline::{Batch, Code, Completion, Limits, OnFull, Resume, Sink, Trouble, Verdict};
use tokio::sync::{mpsc, oneshot};

use crate::compact::Keeper;
use crate::error::Error;
use crate::store::Archive;
use crate::writer::{Message, Writer};

/// Batches between the mover and the writer's thread. Owner: this sink; when it is full `submit` waits.
const QUEUE_BATCHES: usize = 4;

/// Writes outcomes into an [`Archive`]; a second thread merges files and lets old ones go.
pub struct ArchiveSink {
    archive: Archive,
    messages: mpsc::Sender<Message>,
    writer: Option<JoinHandle<()>>,
    keeper: Option<Keeper>,
}

impl ArchiveSink {
    /// Starts the threads; nothing is written before [`Sink::open`]. `clock` says which hours are over.
    pub fn new(archive: Archive, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let (messages, received) = mpsc::channel(QUEUE_BATCHES);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(Error::Thread)?;
        let writer = Writer::new(archive.clone());
        let writer = std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || runtime.block_on(writer.run(received)))
            .map_err(Error::Thread)?;
        let keeper = Keeper::start(archive.clone(), clock)?;
        Ok(Self {
            archive,
            messages,
            writer: Some(writer),
            keeper: Some(keeper),
        })
    }
}

fn gone() -> Trouble {
    Trouble::new(
        Code::Other,
        "the archive's thread has ended; see the log for what it said, and start the node again",
    )
}

impl Sink for ArchiveSink {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn limits(&self) -> Limits {
        let config = &self.archive.shared.config;
        Limits {
            batch_records: config.batch_records,
            batch_bytes: config.batch_bytes,
            batch_age: Duration::from_millis(config.batch_age_ms),
            inflight_batches: config.inflight_batches,
            // The block that is written and the one that is filled, with room for the batch that ends each.
            window_records: 3 * (config.flush_rows as u64 + config.batch_records),
            retry_min: Duration::from_millis(config.retry_min_ms),
            retry_max: Duration::from_millis(config.retry_max_ms),
            on_full: OnFull::Hold,
        }
    }

    async fn open(&mut self, resume: Resume<'_>) -> Result<(), Trouble> {
        let (answer, answered) = oneshot::channel();
        let message = Message::Open(resume.position, answer);
        self.messages.send(message).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        let (answer, answered) = oneshot::channel();
        let sent = self.messages.send(Message::Batch(batch, answer)).await;
        Box::pin(async move {
            let answered = match sent {
                Ok(()) => answered.await.ok(),
                Err(_) => None,
            };
            answered.unwrap_or_else(|| Verdict::Fatal(gone()))
        })
    }

    async fn close(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.stop();
        }
        let (answer, answered) = oneshot::channel();
        if self.messages.send(Message::Close(answer)).await.is_ok() {
            // An error means that the thread is gone, which is what is waited for.
            let _ = answered.await;
        }
        if let Some(writer) = self.writer.take() {
            // It has answered, so it is at its end.
            let _ = writer.join();
        }
    }
}
