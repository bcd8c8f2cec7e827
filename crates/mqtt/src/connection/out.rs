//! What is to be written: answers gather here and leave in one write. Bound: the connection is not read
//! while more than [`OUT_MAX`] wait, and is cut off when the client takes nothing for the write time-out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::Instant;

const OUT_MAX: usize = 64 * 1024;
const KEEP_MAX: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) buffer: Vec<u8>,
    written: usize,
    /// Since when the client has taken nothing.
    pub(crate) stuck_since: Option<Instant>,
}

impl Out {
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() - self.written > OUT_MAX
    }

    /// Writes what can be written now.
    pub(crate) fn poll_flush(
        &mut self,
        stream: &mut TcpStream,
        context: &mut Context<'_>,
        now: Instant,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .buffer
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match Pin::new(&mut *stream).poll_write(context, rest) {
                Poll::Pending => {
                    self.stuck_since.get_or_insert(now);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.written += written;
                    self.stuck_since = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        self.written = 0;
        self.buffer.clear();
        if self.buffer.capacity() > KEEP_MAX {
            self.buffer = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}
