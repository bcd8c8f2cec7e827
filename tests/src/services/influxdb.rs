//! An InfluxDB of the test's own, and reading it back with Flux over plain HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, free_port};
use crate::http::{self, Response};

pub struct Influxdb {
    pub server: Server,
    pub bucket: Bucket,
}

impl Influxdb {
    pub fn start(folder: &Path) -> Self {
        let port = free_port();
        let data = folder.join("influxdb");
        let arguments = vec![data.display().to_string(), port.to_string()];
        let mut influxdb = Self {
            server: Server::launch("influxd", folder, arguments),
            bucket: Bucket {
                address: SocketAddr::from(([127, 0, 0, 1], port)),
                org: "ioc".to_owned(),
                bucket: "ioc".to_owned(),
                token: "ioc-test-token".to_owned(),
            },
        };
        influxdb.ready();
        let bucket = &influxdb.bucket;
        let body = json!({
            "username": "ioc", "password": "ioc-test-password", "org": bucket.org, "bucket": bucket.bucket,
            "token": bucket.token, "retentionPeriodSeconds": 0,
        });
        bucket.call("POST", "/api/v2/setup", &body);
        influxdb
    }

    fn ready(&mut self) {
        let address = self.bucket.address;
        self.server.await_ready(Duration::from_secs(60), || {
            http::request(address, "GET", "/health", &[], b"")
                .is_ok_and(|answer| answer.status == 200)
        });
    }

    /// After a stop or a kill, with the data it had.
    pub fn start_again(&mut self) {
        self.server.launch_again();
        self.ready();
    }
}

/// Where to write and read, and by which right.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub address: SocketAddr,
    pub org: String,
    pub bucket: String,
    pub token: String,
}

/// Without an end Flux stops at now, and a scenario may be later than that.
pub const ALL_TIME: &str = "|> range(start: 0, stop: 2100-01-01T00:00:00Z)";

/// A line of a Flux answer by column; empty cells are left out.
pub type Row = BTreeMap<String, String>;

impl Bucket {
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All tables of the answer, one after the other. Fails loudly for a query that the server refuses.
    pub fn query(&self, flux: &str) -> Vec<Row> {
        let path = format!("/api/v2/query?org={}", self.org);
        let body = json!({"query": flux, "dialect": {"header": true, "annotations": []}});
        let answer = self.send(
            "POST",
            &path,
            "application/json",
            body.to_string().as_bytes(),
        );
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{flux}\n{text}");
        rows(&text)
    }

    /// How many values the measurement has in this field; every measurement and field where none is named.
    pub fn count(&self, measurement: Option<&str>, field: Option<&str>) -> u64 {
        let mut flux = format!("from(bucket: \"{}\") {ALL_TIME}", self.bucket);
        for (column, wanted) in [("_measurement", measurement), ("_field", field)] {
            if let Some(wanted) = wanted {
                flux += &format!(" |> filter(fn: (r) => r.{column} == \"{wanted}\")");
            }
        }
        flux += " |> count() |> keep(columns: [\"_value\"])";
        let counts = self.query(&flux);
        counts
            .iter()
            .map(|row| row["_value"].parse::<u64>().unwrap())
            .sum()
    }

    /// Line protocol as it is.
    pub fn write(&self, lines: &str) -> Response {
        let path = format!(
            "/api/v2/write?org={}&bucket={}&precision=ns",
            self.org, self.bucket
        );
        self.send("POST", &path, "text/plain", lines.as_bytes())
    }

    /// A token that may read and write this bucket and nothing else; with its id, for [`Self::revoke`].
    pub fn new_token(&self) -> (String, String) {
        let list = self.call(
            "GET",
            &format!("/api/v2/buckets?name={}", self.bucket),
            &Value::Null,
        );
        let (id, org) = (&list["buckets"][0]["id"], &list["buckets"][0]["orgID"]);
        let resource = json!({"type": "buckets", "id": id, "orgID": org});
        let body = json!({"orgID": org, "permissions": [
            {"action": "read", "resource": resource}, {"action": "write", "resource": resource},
        ]});
        let answer = self.call("POST", "/api/v2/authorizations", &body);
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    pub fn revoke(&self, id: &str) {
        let path = format!("/api/v2/authorizations/{id}");
        self.call("DELETE", &path, &Value::Null);
    }

    /// Any other request of the API, as JSON.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.send(method, path, "application/json", body.as_bytes());
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status < 300, "{method} {path}: {text}");
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Response {
        let token = format!("Token {}", self.token);
        let headers = [("Authorization", token.as_str()), ("Content-Type", kind)];
        http::request(self.address, method, path, &headers, body).unwrap()
    }
}

/// CSV as Flux writes it: tables after each other, each with its header, an empty line between them.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut header: Option<Vec<String>> = None;
    for line in records(text) {
        if line.iter().all(String::is_empty) {
            header = None;
            continue;
        }
        let Some(names) = &header else {
            header = Some(line);
            continue;
        };
        let cells = names.iter().cloned().zip(line);
        rows.push(cells.filter(|(_, cell)| !cell.is_empty()).collect());
    }
    rows
}

/// Cells in quotes may hold commas, line ends and doubled quotes.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            other => cell.push(other),
        }
    }
    records
}
