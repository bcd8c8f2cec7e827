//! A client that speaks bytes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::LIMIT;

/// A client that speaks bytes.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        Self { stream }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        tokio::time::timeout(LIMIT, self.stream.write_all(bytes))
            .await
            .expect("sent in time")
            .expect("sent");
    }

    /// The next packet: its first byte and what follows the remaining length.
    pub(crate) async fn packet(&mut self) -> (u8, Vec<u8>) {
        tokio::time::timeout(LIMIT, self.read_packet())
            .await
            .expect("a packet")
            .expect("open")
    }

    async fn read_packet(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.stream.read_u8().await?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok((first, body))
    }

    /// The next bytes are these.
    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        tokio::time::timeout(LIMIT, self.stream.read_exact(&mut read))
            .await
            .unwrap_or_else(|_| panic!("waited for {bytes:02x?}"))
            .unwrap_or_else(|error| panic!("waited for {bytes:02x?}: {error}"));
        assert_eq!(read, bytes, "{read:02x?} is not {bytes:02x?}");
    }

    /// Closed without another word.
    pub(crate) async fn expect_closed(&mut self) {
        let mut byte = [0];
        let read = tokio::time::timeout(LIMIT, self.stream.read(&mut byte))
            .await
            .expect("closed");
        assert!(matches!(read, Ok(0) | Err(_)), "got {byte:02x?}");
    }

    /// An MQTT 5 DISCONNECT with this reason, then closed.
    pub(crate) async fn expect_disconnect(&mut self, reason: u8) {
        let (first, body) = self.packet().await;
        assert_eq!((first, body[0]), (0xE0, reason), "{body:02x?}");
        self.expect_closed().await;
    }

    /// The connection is served: nothing else was on its way.
    pub(crate) async fn ping(&mut self) {
        self.send(&[0xC0, 0]).await;
        self.expect(&[0xD0, 0]).await;
    }
}
