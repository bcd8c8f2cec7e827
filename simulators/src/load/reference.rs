//! The bare reference of the benchmark: a server that reads, counts and acknowledges, and does nothing else.
//!
//! It keeps nothing on disk and checks nothing, so its cost is that of the sockets: what a real front door is compared
//! with. One task a connection; acknowledgements of one read go out in one write.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const READ_BYTES: usize = 256 * 1024;

/// Serves until the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (socket, peer) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(async move {
            match count(socket).await {
                Ok(counted) => {
                    tracing::debug!(%peer, messages = counted.0, bytes = counted.1, "connection ended")
                }
                Err(error) => tracing::debug!(%peer, %error, "connection lost"),
            }
        });
    }
}

/// Messages and bytes of one connection.
async fn count(mut socket: TcpStream) -> io::Result<(u64, u64)> {
    let mut buffer = vec![0; READ_BYTES];
    let mut answers = Vec::with_capacity(READ_BYTES / 16);
    let (mut kept, mut messages, mut bytes) = (0, 0, 0);
    loop {
        if kept == buffer.len() {
            // A packet larger than the buffer.
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = socket
            .read(buffer.get_mut(kept..).unwrap_or_default())
            .await?;
        if read == 0 {
            return Ok((messages, bytes));
        }
        bytes += u64::try_from(read).unwrap_or(0);
        let filled = kept + read;
        let mut at = 0;
        while let Some((header, body, end)) =
            next_packet(buffer.get(..filled).unwrap_or_default(), at)
        {
            messages += u64::from(header >> 4 == 3);
            answer(
                header,
                buffer.get(body..end).unwrap_or_default(),
                &mut answers,
            );
            at = end;
        }
        buffer.copy_within(at..filled, 0);
        kept = filled - at;
        if !answers.is_empty() {
            socket.write_all(&answers).await?;
            answers.clear();
        }
    }
}

/// First byte, start of the body and end of the packet at `at`, if it is complete.
fn next_packet(bytes: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let header = *bytes.get(at)?;
    let (mut length, mut next) = (0, at + 1);
    for shift in [0, 7, 14, 21] {
        let byte = *bytes.get(next)?;
        next += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let end = next + length;
    (end <= bytes.len()).then_some((header, next, end))
}

fn answer(header: u8, body: &[u8], answers: &mut Vec<u8>) {
    match header >> 4 {
        1 => answers.extend_from_slice(&[0x20, 2, 0, 0]),
        3 if header >> 1 & 3 > 0 => {
            let topic = body
                .first_chunk::<2>()
                .map_or(0, |two| usize::from(u16::from_be_bytes(*two)));
            if let Some(identifier) = body.get(2 + topic..4 + topic) {
                answers.extend_from_slice(&[if header >> 1 & 3 == 1 { 0x40 } else { 0x50 }, 2]);
                answers.extend_from_slice(identifier);
            }
        }
        6 => {
            answers.extend_from_slice(&[0x70, 2]);
            answers.extend_from_slice(body.get(..2).unwrap_or_default());
        }
        12 => answers.extend_from_slice(&[0xd0, 0]),
        _ => {}
    }
}
