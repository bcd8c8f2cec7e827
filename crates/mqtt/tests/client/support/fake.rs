//! A broker that speaks bytes: for what a real one does too fast to be seen, or never does.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{LIMIT, Peer, packet};

pub(crate) struct Fake {
    listener: TcpListener,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.expect("listen"),
        }
    }

    pub(crate) fn url(&self) -> String {
        let address: SocketAddr = self.listener.local_addr().expect("address");
        format!("mqtt://{address}")
    }

    /// The next connection and its CONNECT.
    pub(crate) async fn accept(&self) -> (Peer, Vec<u8>) {
        let (stream, _) = tokio::time::timeout(LIMIT, self.listener.accept())
            .await
            .expect("a connection")
            .expect("accept");
        stream.set_nodelay(true).expect("nodelay");
        let mut peer = Peer { stream };
        let (first, body) = peer.packet().await;
        assert_eq!(first, 0x10, "CONNECT");
        (peer, body)
    }

    /// The next connection, up to CONNACK.
    pub(crate) async fn connected(&self, present: bool) -> Peer {
        let (mut peer, _) = self.accept().await;
        peer.send(&[0x20, 2, u8::from(present), 0]).await;
        peer
    }

    /// The next connection, up to SUBACK.
    pub(crate) async fn subscribed(&self, present: bool) -> Peer {
        let mut peer = self.connected(present).await;
        grant(&mut peer).await;
        peer
    }
}

/// Answers SUBSCRIBE with QoS 1 for each filter.
async fn grant(peer: &mut Peer) {
    let (first, body) = peer.packet().await;
    assert_eq!(first, 0x82, "SUBSCRIBE");
    let mut filters = 0;
    let mut at = 2;
    while at < body.len() {
        at += 2 + usize::from(u16::from_be_bytes([body[at], body[at + 1]])) + 1;
        filters += 1;
    }
    let mut answer = body[..2].to_vec();
    answer.extend(std::iter::repeat_n(1, filters));
    peer.send(&packet(0x90, &answer)).await;
}
