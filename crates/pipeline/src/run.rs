//! The loop: open, deliver, and what to do when that ends. See [`crate::Sink`] for the contract towards the sink.

use std::pin::pin;

use tokio::time::{Instant, sleep_until, timeout};

use crate::core::{Core, Halt, Wants};
use crate::flights::{Answer, Flight};
use crate::handle::GRACE;
use crate::keeper::words;
use crate::{Batch, Code, Completion, Ended, Error, Resume, Sink, State, Trouble, Verdict};

pub(crate) struct Run<S> {
    pub(crate) sink: S,
    pub(crate) core: Core,
}

impl<S: Sink> Run<S> {
    pub(crate) async fn run(mut self) -> Result<Ended, Error> {
        let result = self.work().await;
        let failed = result.is_err();
        self.finish().await;
        let state = if failed {
            State::Failed
        } else {
            State::Stopped
        };
        self.core.shown.ended(state);
        self.core.show_state();
        result.map(|()| Ended {
            position: self.core.position,
            stored: self.core.keeper.stored(),
        })
    }

    /// Opens and delivers until it is asked to stop or something is final.
    async fn work(&mut self) -> Result<(), Error> {
        self.core.hold();
        self.core.look_at_stall();
        let mut again = false;
        let mut open = true;
        loop {
            let Err(mut halt) = self.go(open, again).await;
            (open, again) = (false, true);
            let mut pause = None;
            if let Halt::Again {
                trouble,
                after,
                answer,
            } = halt
            {
                open = true;
                self.core.note_failure(trouble, answer);
                pause = Some(Instant::now() + self.core.pause(after));
                halt = Halt::Restart;
            }
            if matches!(halt, Halt::Restart) {
                halt = match self.settle_rest(pause).await {
                    Ok(()) => {
                        self.core.rewind();
                        continue;
                    }
                    Err(halt) => halt,
                };
            }
            match halt {
                Halt::Fail(error) => return Err(error),
                Halt::Stop | Halt::Restart | Halt::Again { .. } => return Ok(()),
            }
        }
    }

    async fn go(&mut self, open: bool, again: bool) -> Result<std::convert::Infallible, Halt> {
        if open {
            self.open(again).await?;
        }
        self.deliver().await
    }

    async fn open(&mut self, again: bool) -> Result<(), Halt> {
        let note = self.core.keeper.note().to_vec();
        let opened = {
            let mut open = pin!(self.sink.open(Resume {
                position: self.core.position,
                note: &note,
                again,
            }));
            loop {
                tokio::select! {
                    biased;
                    opened = &mut open => break opened,
                    waited = self.core.wait(Wants::default()) => waited?,
                }
            }
        };
        opened.map_err(|trouble| Halt::Again {
            trouble,
            after: None,
            answer: false,
        })?;
        self.core.opened();
        Ok(())
    }

    /// Waits for every answer that is still due, and for the end of the pause; the answers do not matter any more.
    async fn settle_rest(&mut self, pause: Option<Instant>) -> Result<(), Halt> {
        loop {
            let pause = pause.filter(|until| Instant::now() < *until);
            if self.core.flights.waiting() == 0 && pause.is_none() {
                break;
            }
            self.keep_cursor()?;
            let at = self.core.wake_at(pause);
            self.core.wait(Wants { records: false, at }).await?;
        }
        let fatal = self.core.flights.fatal();
        fatal.map_or(Ok(()), |trouble| Err(self.core.fatal(trouble)))
    }

    async fn deliver(&mut self) -> Result<std::convert::Infallible, Halt> {
        loop {
            self.settle().await?;
            self.keep_cursor()?;
            if self.core.is_over() || self.core.is_at_end() {
                return Err(Halt::Stop);
            }
            self.core.fill();
            if let Some((batch, flight)) = self.core.next_batch() {
                let completion = match batch {
                    Some(batch) => self.submit(batch).await?,
                    // All of it is in quarantine, or it is a gap.
                    None => {
                        self.core.flights.push(flight);
                        continue;
                    }
                };
                let answer = Answer::Waiting(completion);
                self.core.flights.push(Flight { answer, ..flight });
                tokio::task::consume_budget().await;
                continue;
            }
            let reads = self.core.may_read();
            if reads && self.core.has_records() {
                self.core.read().await?;
                continue;
            }
            let at = self.core.wake_at(self.core.flush_at());
            self.core.wait(Wants { records: reads, at }).await?;
        }
    }

    /// Hands a batch over; answers are taken meanwhile.
    async fn submit(&mut self, batch: Batch) -> Result<Completion, Halt> {
        let mut submit = pin!(self.sink.submit(batch));
        loop {
            tokio::select! {
                biased;
                completion = &mut submit => return Ok(completion),
                waited = self.core.wait(Wants::default()) => waited?,
            }
        }
    }

    /// Hands a piece over and waits for its answer.
    pub(crate) async fn deliver_piece(&mut self, piece: Batch) -> Result<Verdict, Halt> {
        self.core.note_submitted(&piece);
        let mut completion = self.submit(piece).await?;
        loop {
            tokio::select! {
                biased;
                verdict = &mut completion => return Ok(verdict),
                waited = self.core.wait(Wants::default()) => waited?,
            }
        }
    }

    /// Takes note of the answers, in order, as far as there are any.
    async fn settle(&mut self) -> Result<(), Halt> {
        while let Some(mut flight) = self.core.flights.pop_answered() {
            let answer = std::mem::replace(&mut flight.answer, Answer::Given(Verdict::done()));
            let (from, to) = (flight.from, flight.to);
            match answer {
                Answer::Waiting(_) => {}
                Answer::Gap(reason) => self.core.pass_gap(from, to, reason).await?,
                Answer::Given(Verdict::Done { refused }) if refused.is_empty() => {
                    self.core.finished(&flight);
                }
                Answer::Given(Verdict::Retry { trouble, after }) => {
                    self.core.remember(&flight);
                    return Err(Halt::Again {
                        trouble,
                        after,
                        answer: true,
                    });
                }
                Answer::Given(Verdict::Fatal(trouble)) => return Err(self.core.fatal(trouble)),
                Answer::Given(
                    verdict @ (Verdict::Done { .. } | Verdict::Without { .. } | Verdict::Split(_)),
                ) => {
                    self.core.remember(&flight);
                    self.mend(&flight, verdict).await?;
                }
            }
            self.core.advance(from, to);
        }
        Ok(())
    }

    /// Begins to store the cursor if it is time to.
    fn keep_cursor(&mut self) -> Result<(), Halt> {
        let due = self.core.cursor_due();
        if due.is_some_and(|due| due <= Instant::now()) {
            let note = self.sink.resume_note();
            self.core.store_cursor(note)?;
        }
        Ok(())
    }

    /// Closes the sink, takes the answers that this brings, and stores the cursor: all within its grace.
    async fn finish(&mut self) {
        let until = Instant::now() + GRACE;
        {
            let mut close = pin!(self.sink.close());
            loop {
                tokio::select! {
                    biased;
                    () = &mut close => break,
                    () = self.core.flights.answered() => {}
                    () = sleep_until(until) => {
                        tracing::warn!(sink = self.core.sink, "the sink did not close in time");
                        break;
                    }
                }
            }
        }
        // A last look: what closing has brought counts.
        let _ = timeout(std::time::Duration::ZERO, self.core.flights.answered()).await;
        self.core.finish_done();
        for _ in 0..2 {
            if self.core.keeper.is_storing() {
                match timeout(GRACE, self.core.keeper.done()).await {
                    Ok(stored) => self.core.stored(stored),
                    Err(_late) => return,
                }
            }
            let behind = self.core.position > self.core.keeper.stored();
            if behind && self.core.store_cursor(self.sink.resume_note()).is_err() {
                return;
            }
        }
    }
}

/// A failure of the journal's own files while reading: waited out like a failure of the sink.
pub(crate) fn disk_trouble(error: &journal::Error) -> Halt {
    Halt::Again {
        trouble: Trouble::new(
            Code::Disk,
            format!("the outcomes cannot be read: {}", words(error)),
        ),
        after: None,
        answer: false,
    }
}
