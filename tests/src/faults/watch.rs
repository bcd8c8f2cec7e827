//! Somebody who looks at the operators' API ten times a second, and at the node's memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http;
use crate::services::memory;

const EVERY: Duration = Duration::from_millis(100);

/// One sink as `/api/v1/sinks` has it.
#[derive(Clone, Debug, Default)]
pub struct SinkView {
    pub state: String,
    pub since: String,
    pub position: u64,
    pub lag_records: u64,
    pub lag_seconds: f64,
    pub code: String,
    pub message: String,
    pub rejected: u64,
    pub retried: u64,
    pub dropped: u64,
    /// As it came.
    pub raw: Value,
}

/// All sinks at one moment.
#[derive(Clone, Debug)]
pub struct View {
    pub at: Instant,
    pub rss: u64,
    pub sinks: BTreeMap<String, SinkView>,
}

impl View {
    /// One look.
    pub fn take(console: SocketAddr, pid: u32) -> Option<Self> {
        let at = Instant::now();
        let answer = http::request(console, "GET", "/api/v1/sinks", &[], b"").ok()?;
        assert_eq!(answer.status, 200);
        let answer = answer.json();
        let sinks = answer["sinks"].as_array().unwrap().iter().map(view);
        Some(Self {
            at,
            rss: memory(pid).now,
            sinks: sinks.collect(),
        })
    }

    pub fn sink(&self, name: &str) -> &SinkView {
        let found = self.sinks.get(name);
        found.unwrap_or_else(|| panic!("no sink {name} in {:?}", self.sinks.keys()))
    }
}

fn view(sink: &Value) -> (String, SinkView) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |name: &str| sink["counts"][name].as_u64().unwrap_or(0);
    let view = SinkView {
        state: text(&sink["state"]),
        since: text(&sink["since"]),
        position: sink["position"].as_u64().unwrap_or(0),
        lag_records: sink["lag_records"].as_u64().unwrap(),
        lag_seconds: sink["lag_seconds"].as_f64().unwrap(),
        code: text(&sink["trouble"]["code"]),
        message: text(&sink["trouble"]["message"]),
        rejected: count("rejected"),
        retried: count("retried"),
        dropped: count("dropped"),
        raw: sink.clone(),
    };
    (text(&sink["name"]), view)
}

pub struct Watch {
    stop: Arc<AtomicBool>,
    views: Arc<Mutex<Vec<View>>>,
}

impl Watch {
    pub fn start(console: SocketAddr, pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let views = Arc::new(Mutex::new(Vec::new()));
        let (stopped, seen) = (Arc::clone(&stop), Arc::clone(&views));
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // None: the node is just going down, and the test knows.
                if let Some(view) = View::take(console, pid) {
                    seen.lock().unwrap().push(view);
                }
                thread::park_timeout(EVERY);
            }
        });
        Self { stop, views }
    }

    /// What was seen between the two.
    pub fn between(&self, from: Instant, to: Instant) -> Vec<View> {
        let views = self.views.lock().unwrap();
        let wanted = views.iter().filter(|view| (from..to).contains(&view.at));
        wanted.cloned().collect()
    }

    /// The newest look; it is never older than a moment unless the page does not answer.
    pub fn last(&self) -> View {
        let views = self.views.lock().unwrap();
        let last = views.last().expect("somebody has looked").clone();
        assert!(
            last.at.elapsed() < Duration::from_secs(15),
            "the page does not answer"
        );
        last
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
