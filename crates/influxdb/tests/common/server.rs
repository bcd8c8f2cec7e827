//! A small HTTP stand-in: answers each request as it is told to, in order, and keeps what it got.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The status and the body, whole.
    Status(u16, String),
    /// Closes the connection instead of an answer.
    Cut,
    /// Closes the connection in the middle of the body.
    Half(u16),
    /// No answer at all.
    Silent,
    /// Waits for another request that is told the same, then both get 204.
    Together(Arc<tokio::sync::Barrier>),
}

impl Reply {
    pub(crate) fn stored() -> Self {
        Self::Status(204, String::new())
    }

    /// An error as InfluxDB 2.7 writes it.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "code": "some code", "message": message });
        Self::Status(status, body.to_string())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method, path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Decompressed.
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    requests: Vec<Request>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Further requests than replies are answered with 599.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script {
            replies: replies.into(),
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&script);
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            url,
            script,
            serving,
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.script.lock().unwrap().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some(request) = read(&mut stream).await {
        let reply = {
            let mut script = script.lock().unwrap();
            script.requests.push(request);
            script.replies.pop_front()
        };
        let reply = reply.unwrap_or_else(|| Reply::error(599, "no reply was planned"));
        let (status, body) = match reply {
            Reply::Status(status, body) => (status, body),
            Reply::Cut => return,
            Reply::Half(status) => {
                let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: 1000\r\n\r\nhalf");
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
            Reply::Silent => std::future::pending().await,
            Reply::Together(barrier) => {
                barrier.wait().await;
                (204, String::new())
            }
        };
        let length = match status {
            204 => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let answer =
            format!("HTTP/1.1 {status} Said\r\n{length}Location: /elsewhere\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let target = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let request = Request {
        target,
        headers,
        body: String::new(),
    };
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let text = match request.header("content-encoding") {
        Some("gzip") => {
            let mut text = String::new();
            flate2::read::GzDecoder::new(&*body)
                .read_to_string(&mut text)
                .unwrap();
            text
        }
        _ => String::from_utf8(body).unwrap(),
    };
    Some(Request {
        body: text,
        ..request
    })
}
