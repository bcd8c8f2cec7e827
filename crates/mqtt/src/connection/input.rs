//! The read buffer of a connection. Bound: what one packet may take, or [`ROOM_MAX`]; it starts small, grows
//! while reads fill it and shrinks again when they do not. A length that a packet merely announces takes no
//! memory: thousands of connections may announce the largest there is and send nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

const ROOM_MIN: usize = 8 * 1024;
const ROOM_MAX: usize = 256 * 1024;
/// Reads in a row that use less than an eighth of the room before it shrinks.
const SMALL_READS: u32 = 64;

#[derive(Debug, Default)]
pub(crate) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    filled: bool,
    small_reads: u32,
}

impl Input {
    /// What was read and not consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads once. `need` is what the front packet takes in all; 0 bytes read is the end of the stream.
    pub(crate) fn poll_fill(
        &mut self,
        stream: &mut TcpStream,
        context: &mut Context<'_>,
        need: usize,
    ) -> Poll<io::Result<usize>> {
        self.make_room(need);
        let Some(free) = self.buffer.get_mut(self.end..) else {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        };
        let room = free.len();
        let mut target = ReadBuf::new(free);
        ready!(Pin::new(stream).poll_read(context, &mut target))?;
        let read = target.filled().len();
        self.end += read;
        self.filled = read == room;
        self.small_reads = if read < self.buffer.len() / 8 {
            self.small_reads + 1
        } else {
            0
        };
        Poll::Ready(Ok(read))
    }

    fn make_room(&mut self, need: usize) {
        let held = self.len();
        if held == 0 && self.small_reads > SMALL_READS && self.buffer.len() > ROOM_MIN {
            self.buffer = Vec::new();
        }
        let now = self.buffer.len();
        let wanted = if self.filled || held == now {
            (now * 2).min(ROOM_MAX.max(need))
        } else {
            now
        };
        let wanted = wanted.max(ROOM_MIN);
        if wanted > now {
            self.small_reads = 0;
            self.buffer.resize(wanted, 0);
        }
        // Move the rest to the front when the packet or a decent read would not fit behind it.
        if self.start > 0 && self.buffer.len() - self.end < need.max(wanted / 2).min(wanted) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, held);
        }
        self.filled = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, ROOM_MAX, ROOM_MIN};

    #[test]
    fn an_announced_length_takes_memory_only_as_its_bytes_come() {
        let need = ROOM_MAX + 100_000;
        let mut input = Input::default();
        for _ in 0..100 {
            input.make_room(need);
        }
        assert_eq!(input.buffer.len(), ROOM_MIN);
        while input.len() < need {
            // All there is room for has come.
            input.end = input.buffer.len();
            input.filled = true;
            input.make_room(need);
            assert!(input.buffer.len() <= (2 * input.len()).max(ROOM_MIN).min(need));
            assert!(
                input.len() == need || input.end < input.buffer.len(),
                "room for more"
            );
        }
    }
}
