//! A TCP proxy that can be told to be slow, silent or gone, in front of a server.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, free_port};
use crate::http;

pub struct Toxiproxy {
    pub server: Server,
    api: SocketAddr,
}

/// One way through the proxy. Gone with [`Toxiproxy`].
pub struct Proxy {
    api: SocketAddr,
    name: String,
    pub listen: SocketAddr,
}

impl Toxiproxy {
    pub fn start(folder: &Path) -> Self {
        let port = free_port();
        let api = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Server::launch("toxiproxy", folder, vec![port.to_string()]);
        server.await_ready(Duration::from_secs(20), || {
            http::request(api, "GET", "/version", &[], b"").is_ok_and(|answer| answer.status == 200)
        });
        Self { server, api }
    }

    /// To a server that need not be there yet.
    pub fn proxy(&self, name: &str, upstream: SocketAddr) -> Proxy {
        let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let body = json!({"name": name, "listen": listen, "upstream": upstream, "enabled": true});
        call(self.api, "POST", "/proxies", &body);
        Proxy {
            api: self.api,
            name: name.to_owned(),
            listen,
        }
    }
}

impl Proxy {
    /// Delays each way by this much.
    pub fn slow(&self, delay: Duration) {
        let attributes = json!({"latency": millis(delay), "jitter": 0});
        self.both_ways("latency", &attributes);
    }

    /// Lets through this many kilobytes a second, each way.
    pub fn throttle(&self, kilobytes: u32) {
        self.both_ways("bandwidth", &json!({"rate": kilobytes}));
    }

    /// Nothing comes through any more, and no connection is closed.
    pub fn silence(&self) {
        self.both_ways("timeout", &json!({"timeout": 0}));
    }

    /// Connections are refused and those that are open are closed.
    pub fn close(&self) {
        self.enable(false);
    }

    /// Takes back everything above.
    pub fn heal(&self) {
        let toxics = call(self.api, "GET", &self.path("/toxics"), &Value::Null);
        for toxic in toxics.as_array().unwrap() {
            let path = self.path(&format!("/toxics/{}", toxic["name"].as_str().unwrap()));
            call(self.api, "DELETE", &path, &Value::Null);
        }
        self.enable(true);
    }

    fn enable(&self, enabled: bool) {
        call(
            self.api,
            "POST",
            &self.path(""),
            &json!({"enabled": enabled}),
        );
    }

    fn both_ways(&self, kind: &str, attributes: &Value) {
        for stream in ["upstream", "downstream"] {
            let body =
                json!({"type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes});
            call(self.api, "POST", &self.path("/toxics"), &body);
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/proxies/{}{rest}", self.name)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

fn call(api: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = http::request(api, method, path, &[], body.as_bytes()).unwrap();
    let text = String::from_utf8_lossy(&answer.body);
    assert!(answer.status < 300, "{method} {path}: {text}");
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}
