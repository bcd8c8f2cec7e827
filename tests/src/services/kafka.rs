//! A Kafka of the test's own, and reading topics back with a client that is not ours (kcat).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use serde_json::Value;

use super::server::{Server, free_port};
use super::toxiproxy::{Proxy, Toxiproxy};
use crate::process::{output, run};

/// Not ready in this time: it never will be. After `SIGKILL` it waits 5 s for its own old session.
const READY: Duration = Duration::from_secs(120);

pub struct Kafka {
    pub server: Server,
    port: u16,
    pub topics: Topics,
}

impl Kafka {
    pub fn start(folder: &Path) -> Self {
        let mut kafka = Self::launch(folder);
        kafka.ready();
        kafka
    }

    /// Without waiting: something else can start in the meantime. Then [`Self::ready`].
    pub fn launch(folder: &Path) -> Self {
        let port = free_port();
        Self::launch_with(folder, port, port)
    }

    /// Clients are sent to the proxy, which stands in the way of all they say.
    pub fn start_behind(folder: &Path, toxiproxy: &Toxiproxy) -> (Self, Proxy) {
        let port = free_port();
        let proxy = toxiproxy.proxy("kafka", ([127, 0, 0, 1], port).into());
        let mut kafka = Self::launch_with(folder, port, proxy.listen.port());
        kafka.ready();
        (kafka, proxy)
    }

    fn launch_with(folder: &Path, port: u16, advertised: u16) -> Self {
        let arguments = vec![
            folder.join("kafka").display().to_string(),
            port.to_string(),
            free_port().to_string(),
            advertised.to_string(),
        ];
        Self {
            server: Server::launch("kafka", folder, arguments),
            port,
            topics: Topics::at(&format!("127.0.0.1:{advertised}")),
        }
    }

    pub fn ready(&mut self) {
        let broker = format!("127.0.0.1:{}", self.port);
        self.server.await_ready(READY, || {
            let probe = ["-b", &broker, "-L", "-m", "2"];
            output("kcat", probe).status.success()
        });
    }

    /// After a stop or a kill, with the data it had.
    pub fn start_again(&mut self) {
        self.server.launch_again();
        self.ready();
    }
}

/// The topics of a cluster.
#[derive(Clone)]
pub struct Topics {
    pub brokers: String,
}

/// A message as kcat prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub partition: u64,
    pub offset: u64,
    pub key: Option<String>,
    pub headers: BTreeMap<String, String>,
    /// `None`: a tombstone.
    pub value: Option<String>,
}

impl Topics {
    pub(super) fn at(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
        }
    }

    /// Everything in the topic, partition by partition in the order of the offsets.
    pub fn read(&self, topic: &str) -> Vec<Message> {
        let text = run(
            "kcat",
            [
                "-b",
                &self.brokers,
                "-C",
                "-t",
                topic,
                "-o",
                "beginning",
                "-e",
                "-q",
                "-J",
            ],
        );
        let mut messages: Vec<Message> = text.lines().map(message).collect();
        messages.sort_by_key(|message| (message.partition, message.offset));
        messages
    }

    /// How many messages the topic has, without reading them (nothing compacted or expired).
    pub fn count(&self, topic: &str) -> u64 {
        let partitions = self.partitions(topic);
        let mut sum = 0;
        for partition in 0..partitions {
            let query = format!("{topic}:{partition}:-1");
            let text = run("kcat", ["-b", &self.brokers, "-Q", "-t", &query]);
            // `TOPIC [PARTITION] offset N`
            sum += text
                .split_whitespace()
                .next_back()
                .unwrap()
                .parse::<u64>()
                .unwrap();
        }
        sum
    }

    /// None: there is no such topic.
    pub fn partitions(&self, topic: &str) -> usize {
        let text = run("kcat", ["-b", &self.brokers, "-L", "-J"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        let topics = list["topics"].as_array().unwrap();
        let found = topics.iter().find(|one| one["topic"] == topic);
        found.map_or(0, |one| one["partitions"].as_array().unwrap().len())
    }

    pub fn create(&self, topic: &str, partitions: i32) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let done = wait_for(self.admin().create_topics([&new], &options())).unwrap();
        done.into_iter().next().unwrap().unwrap();
    }

    pub fn delete(&self, topic: &str) {
        let done = wait_for(self.admin().delete_topics(&[topic], &options())).unwrap();
        done.into_iter().next().unwrap().unwrap();
    }

    /// The largest message that the topic takes from now on.
    pub fn limit(&self, topic: &str, bytes: u32) {
        let text = bytes.to_string();
        let change =
            AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", &text);
        let done = wait_for(self.admin().alter_configs([&change], &options())).unwrap();
        done.into_iter().next().unwrap().unwrap();
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .unwrap()
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)))
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}

fn message(line: &str) -> Message {
    let value: Value = serde_json::from_str(line).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    // A flat list: name, value, name, value.
    let headers: Vec<String> = value["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(text)
        .collect();
    Message {
        partition: value["partition"].as_u64().unwrap(),
        offset: value["offset"].as_u64().unwrap(),
        key: text(&value["key"]),
        headers: headers
            .chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect(),
        value: text(&value["payload"]),
    }
}
