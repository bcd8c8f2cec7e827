//! A small HTTP client over a plain socket: nothing between the test and the bytes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One request on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    let end = find(&bytes, b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes[end + 4..].to_vec();
    let body = if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        let mut chunks = Chunks::default();
        chunks.feed(&body);
        chunks.plain
    } else {
        body
    };
    Answer { status, head, body }
}

#[derive(Clone, Debug)]
pub(crate) struct Sse {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: serde_json::Value,
    pub(crate) at: Instant,
}

/// A client of the feed.
pub(crate) struct Feed {
    stream: TcpStream,
    chunks: Chunks,
    events: VecDeque<Sse>,
    pub(crate) ended: bool,
}

impl Feed {
    pub(crate) async fn open(address: SocketAddr, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut text = format!("GET /api/v1/feed HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            let mut byte = [0];
            timeout(LIMIT, stream.read_exact(&mut byte))
                .await
                .unwrap()
                .unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("text/event-stream"), "{head}");
        Self {
            stream,
            chunks: Chunks::default(),
            events: VecDeque::new(),
            ended: false,
        }
    }

    /// The next event; `None` when the stream ended or nothing came within the limit.
    pub(crate) async fn next_within(&mut self, limit: Duration) -> Option<Sse> {
        let deadline = Instant::now() + limit;
        let mut buffer = vec![0; 65_536];
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let count = timeout(left, self.stream.read(&mut buffer))
                .await
                .ok()?
                .unwrap_or(0);
            let at = Instant::now();
            self.ended = count == 0 || self.chunks.feed(&buffer[..count]);
            while let Some(end) = find(&self.chunks.plain, b"\n\n") {
                let text: Vec<u8> = self.chunks.plain.drain(..end + 2).collect();
                self.events
                    .extend(parse(&String::from_utf8(text).unwrap(), at));
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Sse {
        self.next_within(LIMIT)
            .await
            .expect("no event within the limit")
    }

    /// The next event of this name; heartbeats in between are skipped.
    pub(crate) async fn expect(&mut self, name: &str) -> Sse {
        loop {
            let event = self.next().await;
            if event.event == name {
                return event;
            }
            assert_eq!(event.event, "heartbeat", "waiting for {name}");
        }
    }
}

fn parse(text: &str, at: Instant) -> Option<Sse> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    Some(Sse {
        event: field("event: ")?.to_owned(),
        id: field("id: ").map(|id| id.parse().unwrap()),
        data: serde_json::from_str(field("data: ")?).unwrap(),
        at,
    })
}

/// Undoes chunked transfer coding.
#[derive(Default)]
struct Chunks {
    coded: Vec<u8>,
    plain: Vec<u8>,
}

impl Chunks {
    /// True at the last chunk.
    fn feed(&mut self, bytes: &[u8]) -> bool {
        self.coded.extend_from_slice(bytes);
        while let Some(end) = find(&self.coded, b"\r\n") {
            let size = std::str::from_utf8(&self.coded[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if self.coded.len() < end + 2 + size + 2 {
                return false;
            }
            self.plain
                .extend_from_slice(&self.coded[end + 2..end + 2 + size]);
            self.coded.drain(..end + 2 + size + 2);
            if size == 0 {
                return true;
            }
        }
        false
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
