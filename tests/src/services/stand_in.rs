//! A stand-in for InfluxDB's write endpoint that answers what the test wants, and remembers what it was sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Unpacked if it was packed.
    pub body: String,
    pub at: Instant,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    delay: Duration,
    cut: bool,
    half: bool,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
            delay: Duration::ZERO,
            cut: false,
            half: false,
        }
    }

    /// In the words of the server: `code` such as `invalid`, and what a person reads.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"code": code, "message": message}).to_string();
        let mut answer = Self::status(status).header("Content-Type", "application/json");
        answer.body = body;
        answer
    }

    /// The connection ends without an answer.
    pub fn cut() -> Self {
        Self {
            cut: true,
            ..Self::status(0)
        }
    }

    /// The connection ends in the middle of the body.
    pub fn half(mut self) -> Self {
        self.half = true;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn retry_after(self, seconds: u32) -> Self {
        self.header("Retry-After", &seconds.to_string())
    }

    /// Not answered before this has passed (or the stand-in ends).
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Script = dyn FnMut(&Request) -> Answer + Send;

struct State {
    script: Mutex<Box<Script>>,
    requests: Mutex<Vec<Request>>,
    ended: AtomicBool,
}

pub struct StandIn {
    pub address: SocketAddr,
    state: Arc<State>,
}

impl StandIn {
    /// The script is asked for the answer of each write; health checks get a 200 of their own and are not remembered.
    pub fn start(script: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Mutex::new(Box::new(script)),
            requests: Mutex::new(Vec::new()),
            ended: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, state }
    }

    /// Another script from the next request on.
    pub fn answer(&self, script: impl FnMut(&Request) -> Answer + Send + 'static) {
        *self.state.script.lock().unwrap() = Box::new(script);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection, request after request; ends when the other side does.
fn serve(stream: &TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream);
    while !state.ended.load(Ordering::Relaxed) {
        let request = read(&mut reader)?;
        let mut answer = Answer::status(200);
        if request.path.starts_with("/api/v2/write") {
            answer = (state.script.lock().unwrap())(&request);
            state.requests.lock().unwrap().push(request);
        }
        let end = Instant::now() + answer.delay;
        while Instant::now() < end && !state.ended.load(Ordering::Relaxed) {
            let rest = end.saturating_duration_since(Instant::now());
            thread::park_timeout(rest.min(Duration::from_millis(20)));
        }
        if answer.cut {
            return None;
        }
        write(stream, &answer)?;
    }
    None
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let at = Instant::now();
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let bytes = body(reader, &headers)?;
    let packed = headers.get("content-encoding").map(String::as_str) == Some("gzip");
    let mut body = String::new();
    if packed {
        GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut body)
            .unwrap();
    } else {
        body = String::from_utf8(bytes).unwrap();
    }
    Some(Request {
        method,
        path,
        headers,
        body,
        at,
    })
}

fn body(reader: &mut BufReader<&TcpStream>, headers: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if headers.get("transfer-encoding").map(String::as_str) != Some("chunked") {
        let length = headers
            .get("content-length")
            .map_or(0, |text| text.parse().unwrap());
        bytes.resize(length, 0);
        reader.read_exact(&mut bytes).ok()?;
        return Some(bytes);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let start = bytes.len();
        bytes.resize(start + size, 0);
        reader.read_exact(&mut bytes[start..]).ok()?;
        // The line end after the chunk.
        reader.read_line(&mut String::new()).ok()?;
        if size == 0 {
            return Some(bytes);
        }
    }
}

fn write(mut stream: &TcpStream, answer: &Answer) -> Option<()> {
    let mut text = format!("HTTP/1.1 {} -\r\n", answer.status);
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    if answer.status != 204 {
        text += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    let end = answer.body.len() / if answer.half { 2 } else { 1 };
    text += &format!("\r\n{}", &answer.body[..end]);
    stream.write_all(text.as_bytes()).ok()?;
    (!answer.half).then_some(())
}
