//! The sink that the mover drives.

use std::sync::Arc;

use pipeline::{Batch, Code, Completion, Limits, Resume, Sink, Trouble, Verdict};
use tokio::sync::watch;
use tracing::info;

use crate::answer::{self, Judgement, Place};
use crate::client::{Answer, Client};
use crate::line::Columns;
use crate::lines::{Lines, Pool, compressed};
use crate::silence::Silence;
use crate::{Error, InfluxConfig};

/// A write without points. InfluxDB checks login, bucket and right and answers 204, so it tells whether writing is
/// possible without asking for any right but that.
const PROBE: &[u8] = b"# ioc\n";

/// Writes outcomes to a server with the v2 write endpoint.
pub struct InfluxSink {
    limits: Limits,
    create_bucket: bool,
    known: bool,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    silence: Silence,
    place: Place,
    columns: Columns,
    gzip: bool,
    pool: Pool,
}

impl InfluxSink {
    /// Checks the configuration and reads the file of the authority; opens no connection.
    pub fn new(config: &InfluxConfig) -> Result<Self, Error> {
        Ok(Self {
            limits: config.limits(),
            create_bucket: config.create_bucket,
            known: false,
            shared: Arc::new(Shared {
                client: Client::new(config)?,
                silence: Silence::new(&config.url),
                place: Place {
                    url: config.url.clone(),
                    org: config.org.clone(),
                    bucket: config.bucket.clone(),
                },
                columns: Columns {
                    event_id: config.event_id,
                    device: config.device,
                },
                gzip: config.gzip,
                pool: Pool::new(config.inflight_batches),
            }),
        })
    }

    async fn reach(&self) -> Result<(), Trouble> {
        let shared = &self.shared;
        let refused = match shared.probe().await {
            Ok(()) => return Ok(()),
            Err(trouble) => trouble,
        };
        if refused.code != Code::NotFound || !self.create_bucket {
            return Err(refused);
        }
        shared.client.create_bucket().await.map_err(|why| {
            Trouble::new(
                refused.code,
                format!("{}; creating it failed ({why})", refused.message),
            )
        })?;
        info!(bucket = shared.place.bucket, "bucket created");
        shared.probe().await
    }
}

impl Sink for InfluxSink {
    fn name(&self) -> &'static str {
        "influxdb"
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn open(&mut self, _resume: Resume<'_>) -> Result<(), Trouble> {
        self.reach().await?;
        if !self.known {
            self.known = true;
            let server = self.shared.client.server().await;
            info!(
                url = self.shared.place.url,
                bucket = self.shared.place.bucket,
                server = server.as_deref().unwrap_or("not told"),
                "writing to InfluxDB"
            );
        }
        Ok(())
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        let shared = Arc::clone(&self.shared);
        let encoder = Arc::clone(&self.shared);
        // Milliseconds of work for a full batch: not on a thread that serves sockets.
        let encoding = tokio::task::spawn_blocking(move || encoder.encode(&batch));
        Box::pin(async move {
            match encoding.await {
                Ok(encoded) => shared.deliver(encoded).await,
                Err(error) => match error.try_into_panic() {
                    // Our own bug: it ends the process in order, as anywhere.
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => answer::retry(Trouble::new(Code::Other, "the node is stopping")),
                },
            }
        })
    }

    fn stall(&self) -> Option<watch::Receiver<Option<Trouble>>> {
        Some(self.shared.silence.shown())
    }

    async fn close(&mut self) {}
}

struct Encoded {
    lines: Lines,
    body: std::io::Result<Vec<u8>>,
}

impl Shared {
    fn encode(&self, batch: &Batch) -> Encoded {
        let mut lines = self.pool.take();
        lines.fill(batch, self.columns);
        let body = lines.body(self.gzip);
        Encoded { lines, body }
    }

    async fn deliver(&self, encoded: Encoded) -> Verdict {
        let Encoded { mut lines, body } = encoded;
        let local = lines.take_refused();
        let verdict = match body {
            Ok(_) if lines.is_empty() => Verdict::done(),
            Ok(body) => self.send(&lines, body).await,
            Err(error) => answer::retry(Trouble::new(
                Code::Other,
                format!("compressing a request: {error}"),
            )),
        };
        let meter = self.client.meter();
        let verdict = match verdict {
            Verdict::Done { mut refused } => {
                meter.stored(lines.len() - refused.len());
                refused.extend(local);
                meter.refused(refused.len());
                Verdict::Done { refused }
            }
            Verdict::Without { mut refused } => {
                refused.extend(local);
                meter.refused(refused.len());
                Verdict::Without { refused }
            }
            // The records come again, and with them what was found here.
            other @ (Verdict::Split(_) | Verdict::Retry { .. } | Verdict::Fatal(_)) => other,
        };
        self.pool.put_back(lines);
        verdict
    }

    async fn send(&self, lines: &Lines, body: Vec<u8>) -> Verdict {
        self.client.meter().sent(lines.text().len(), body.len());
        let answer = self.silence.listen(self.client.write(body)).await;
        match answer::judge(&answer, lines, &self.place) {
            Judgement::Final(verdict) => verdict,
            Judgement::Probe(trouble) => match self.probe().await {
                // Without lines it is accepted: so it is the lines.
                Ok(()) => Verdict::Split(trouble),
                Err(trouble) => answer::retry(trouble),
            },
        }
    }

    async fn probe(&self) -> Result<(), Trouble> {
        let body = if self.gzip {
            compressed(PROBE)
        } else {
            Ok(PROBE.to_vec())
        };
        let body = body.map_err(|error| {
            Trouble::new(Code::Other, format!("compressing a request: {error}"))
        })?;
        match self.client.write(body).await {
            Answer::Stored => Ok(()),
            other @ (Answer::Status { .. } | Answer::Failed { .. }) => {
                Err(answer::trouble(&other, &self.place))
            }
        }
    }
}
