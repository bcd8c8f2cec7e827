//! A receiver of webhooks in this process: it keeps what it is sent and answers 204, or never.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Caught {
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Caught {
    /// `webhook-id`: the same for every repeat.
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub struct Catcher {
    pub address: SocketAddr,
    caught: Arc<Mutex<Vec<Caught>>>,
}

impl Catcher {
    pub fn start(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let caught: Arc<Mutex<Vec<Caught>>> = Arc::default();
        let kept = Arc::clone(&caught);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream, &kept, answers));
            }
        });
        Self { address, caught }
    }

    pub fn caught(&self) -> Vec<Caught> {
        self.caught.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.caught.lock().unwrap().len()
    }
}

/// One request a connection; a sender that keeps it open is told to close.
fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Caught>>, answers: bool) {
    let patience = Duration::from_secs(120);
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    let caught = loop {
        if let Some(caught) = parse(&bytes) {
            break caught;
        }
        match stream.read(&mut piece) {
            // Killed before it had sent all.
            Ok(0) | Err(_) => return,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
        }
    };
    kept.lock().unwrap().push(caught);
    if answers {
        // The other side may be gone by now.
        let _ = stream.write_all(
            b"HTTP/1.1 204 No Content\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        );
    } else {
        let _ = stream.read(&mut piece);
    }
}

fn parse(bytes: &[u8]) -> Option<Caught> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let headers: BTreeMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Caught { headers, body })
}
