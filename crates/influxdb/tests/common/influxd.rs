//! The real server that `make services` started, asked over plain HTTP.

use std::collections::BTreeMap;

use influxdb::InfluxConfig;
use reqwest_011 as reqwest;
use serde_json::{Value as Json, json};

/// The server with the token that set it up.
pub(crate) struct Influxd {
    pub(crate) url: String,
    pub(crate) org: String,
    pub(crate) token: String,
    pub(crate) http: reqwest::Client,
}

impl Influxd {
    pub(crate) fn find() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/services.env");
        let text = std::fs::read_to_string(path).expect("target/services.env: run `make services`");
        let value = |key: &str| {
            let found = text.lines().find_map(|line| {
                let (name, value) = line.trim_start_matches("export ").split_once('=')?;
                (name == key).then(|| value.trim_matches(['"', '\'']).to_owned())
            });
            found.unwrap_or_else(|| panic!("{key} is not in target/services.env"))
        };
        Self {
            url: value("IOC__INFLUXDB__URL"),
            org: value("IOC__INFLUXDB__ORG"),
            token: value("IOC__INFLUXDB__TOKEN"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) fn config(&self, bucket: &str) -> InfluxConfig {
        InfluxConfig {
            url: self.url.clone(),
            org: self.org.clone(),
            bucket: bucket.to_owned(),
            token: self.token.clone().into(),
            ..InfluxConfig::default()
        }
    }

    pub(crate) async fn api(&self, method: reqwest::Method, path: &str, body: &Json) -> Json {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.header("Authorization", format!("Token {}", self.token));
        let answer = request.body(body.to_string()).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    pub(crate) async fn org_id(&self) -> String {
        let found = self
            .api(
                reqwest::Method::GET,
                &format!("/api/v2/orgs?org={}", self.org),
                &Json::Null,
            )
            .await;
        found["orgs"][0]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn drop_bucket(&self, name: &str) {
        let found = self
            .api(
                reqwest::Method::GET,
                &format!("/api/v2/buckets?name={name}"),
                &Json::Null,
            )
            .await;
        if let Some(id) = found["buckets"][0]["id"].as_str() {
            self.api(
                reqwest::Method::DELETE,
                &format!("/api/v2/buckets/{id}"),
                &Json::Null,
            )
            .await;
        }
    }

    /// A bucket with nothing in it; its id.
    pub(crate) async fn fresh_bucket(&self, name: &str, retention_seconds: u64) -> String {
        self.drop_bucket(name).await;
        let rules = match retention_seconds {
            0 => json!([]),
            seconds => json!([{ "type": "expire", "everySeconds": seconds }]),
        };
        let made = json!({ "orgID": self.org_id().await, "name": name, "retentionRules": rules });
        let made = self
            .api(reqwest::Method::POST, "/api/v2/buckets", &made)
            .await;
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn write_by_hand(&self, bucket: &str, line: &str) {
        let url = format!(
            "{}/api/v2/write?org={}&bucket={bucket}&precision=ns",
            self.url, self.org
        );
        let request = self
            .http
            .post(url)
            .header("Authorization", format!("Token {}", self.token));
        let answer = request.body(line.to_owned()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
    }

    /// Status and CSV of a Flux query over everything in the bucket.
    pub(crate) async fn flux(&self, bucket: &str, token: &str, rest: &str) -> (u16, String) {
        let query = format!(
            "from(bucket: \"{bucket}\") |> range(start: 1990-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z) {rest}"
        );
        let request = self
            .http
            .post(format!("{}/api/v2/query?org={}", self.url, self.org));
        let request = request
            .header("Authorization", format!("Token {token}"))
            .header("Content-Type", "application/vnd.flux")
            .header("Accept", "application/csv");
        let answer = request.body(query).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Field values in the bucket by (measurement, tags, time, field).
    pub(crate) async fn content(&self, bucket: &str) -> BTreeMap<String, String> {
        let (status, csv) = self.flux(bucket, &self.token, "").await;
        assert_eq!(status, 200, "{csv}");
        let mut header: Vec<String> = Vec::new();
        let mut found = BTreeMap::new();
        for row in rows(&csv) {
            if row.len() < 4 {
                continue;
            }
            if row.contains(&"_value".to_owned()) {
                header = row;
                continue;
            }
            let columns: BTreeMap<_, _> = header.iter().cloned().zip(row).collect();
            let tags = columns.iter().filter(|(key, _)| {
                !key.starts_with('_') && !key.is_empty() && !matches!(&***key, "result" | "table")
            });
            let tags: Vec<_> = tags.map(|(key, value)| format!("{key}={value}")).collect();
            let time = event::Time::parse(&columns["_time"]).unwrap();
            let key = key(&columns["_measurement"], &tags, time.0, &columns["_field"]);
            found.insert(key, number_or_text(&columns["_value"]));
        }
        found
    }
}

pub(crate) fn key(measurement: &str, tags: &[String], time: i64, field: &str) -> String {
    format!("{measurement} {tags:?} {time} {field:?}")
}

/// A number in one way of writing, a text without carriage returns: CSV has none of its own.
pub(crate) fn number_or_text(text: &str) -> String {
    let text = text.replace('\r', "");
    match text.parse::<f64>() {
        Ok(number) => format!("{number:?}"),
        Err(_) => text,
    }
}

pub(crate) fn rows(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    rows
}
