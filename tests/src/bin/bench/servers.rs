//! The real servers that the cases with sinks need: a set of the benchmark's own, on free ports, gone with it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ioc_tests::faults::View;
use ioc_tests::node::{Folder, Node, Options};
use ioc_tests::process::{output, repository};
use ioc_tests::services::{Influxdb, Kafka, Mosquitto, memory};

use crate::cpu;

/// What a look at the node costs must not show in its CPU time.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is missing on this machine, in words; nothing if all is installed.
pub(crate) fn missing() -> Vec<&'static str> {
    let mut missing = Vec::new();
    for name in ["kafka", "influxd"] {
        if !installed(name) {
            missing.push(name);
        }
    }
    for name in ["mosquitto", "mosquitto_pub", "kcat", "java"] {
        // Not in every user's PATH.
        let found = Command::new("sh")
            .args(["-c", &format!("PATH=\"$PATH:/usr/sbin\" command -v {name}")])
            .output();
        if !found.is_ok_and(|found| found.status.success()) {
            missing.push(name);
        }
    }
    missing
}

/// Whether the recipe of that name has put something in the cache.
pub(crate) fn installed(name: &str) -> bool {
    let script = repository().join("deploy/scripts/services.sh");
    let output = output(script, ["path", name]);
    let path = String::from_utf8_lossy(&output.stdout);
    output.status.success() && Path::new(path.trim_end()).exists()
}

pub(crate) struct Servers {
    pub(crate) kafka: Kafka,
    pub(crate) influxdb: Influxdb,
    pub(crate) mosquitto: Mosquitto,
    folder: Folder,
    nodes: u32,
}

/// What a node delivers to.
#[derive(Clone, Copy, Default)]
pub(crate) struct With {
    pub(crate) kafka: bool,
    pub(crate) influxdb: bool,
    pub(crate) archive: bool,
    /// Messages come over mosquitto.
    pub(crate) broker: bool,
}

/// A node with topics of its own at the shared servers.
pub(crate) struct Site {
    pub(crate) node: Node,
    pub(crate) with: With,
    prefix: String,
    data: PathBuf,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let folder = Folder::new("bench-servers");
        let mut kafka = Kafka::launch(folder.path());
        let influxdb = Influxdb::start(folder.path());
        let mosquitto = Mosquitto::start(folder.path());
        kafka.ready();
        Self {
            kafka,
            influxdb,
            mosquitto,
            folder,
            nodes: 0,
        }
    }

    /// A node on an empty folder that delivers, and takes messages in.
    pub(crate) fn node(&mut self, with: With) -> Result<Site> {
        self.nodes += 1;
        let prefix = format!("bench-{}", self.nodes);
        let data = self.folder.path().join(&prefix);
        fs::create_dir_all(&data)?;
        let mut variables = vec![
            ("IOC__ARCHIVE__ENABLED", with.archive.to_string()),
            // The last block of a case would be waited for.
            ("IOC__ARCHIVE__FLUSH_AGE_S", "5".to_owned()),
        ];
        if with.kafka {
            variables.push(("IOC__KAFKA__BROKERS", self.kafka.topics.brokers.clone()));
            for (key, name) in [
                ("IOC__KAFKA__TOPIC_EVENTS", "events"),
                ("IOC__KAFKA__TOPIC_ALERTS", "alerts"),
                ("IOC__KAFKA__TOPIC_ALERTS_CURRENT", "current"),
                ("IOC__KAFKA__TOPIC_REJECTS", "rejects"),
            ] {
                variables.push((key, format!("{prefix}.{name}")));
            }
        }
        if with.influxdb {
            let bucket = &self.influxdb.bucket;
            variables.extend([
                ("IOC__INFLUXDB__URL", bucket.url()),
                ("IOC__INFLUXDB__ORG", bucket.org.clone()),
                ("IOC__INFLUXDB__BUCKET", bucket.bucket.clone()),
                ("IOC__INFLUXDB__TOKEN", bucket.token.clone()),
            ]);
        }
        if with.broker {
            variables.push(("IOC__BROKER__URL", self.mosquitto.url()));
            variables.push(("IOC__BROKER__CLIENT_ID", prefix.clone()));
            variables.push(("IOC__BROKER__SHARED_GROUP", prefix.clone()));
        }
        let options = Options {
            variables: variables
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            ..Options::default()
        };
        let node = Node::start_with(&data, &options);
        let site = Site {
            node,
            with,
            prefix,
            data,
        };
        site.await_running()?;
        Ok(site)
    }
}

impl Site {
    pub(crate) fn ingest(&self) -> Result<SocketAddr> {
        let first = self.node.ingest.first().copied();
        first.context("the node listens nowhere")
    }

    pub(crate) fn events_topic(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// The node's outlets that this benchmark waits for.
    pub(crate) fn outlets(&self) -> Vec<&'static str> {
        let all = [
            ("kafka", self.with.kafka),
            ("influxdb", self.with.influxdb),
            ("archive", self.with.archive),
        ];
        let on = all.into_iter().filter(|(_, on)| *on);
        on.map(|(name, _)| name).collect()
    }

    pub(crate) fn view(&self) -> Result<View> {
        View::take(self.node.console, self.node.pid()).context("the node does not answer")
    }

    fn await_running(&self) -> Result<()> {
        let mut names = self.outlets();
        if self.with.broker {
            names.push("broker");
        }
        let running = |view: &View| {
            let state = |name: &&str| view.sinks.get(*name).map(|sink| sink.state.as_str());
            names.iter().all(|name| state(name) == Some("running"))
        };
        self.until("every sink runs", Duration::from_secs(60), running)
    }

    /// Looks at the sinks until it is so.
    pub(crate) fn until(
        &self,
        what: &str,
        limit: Duration,
        mut done: impl FnMut(&View) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let view = self.view()?;
            if done(&view) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("not within {limit:?}: {what}: {:?}", view.sinks);
            }
            // The pause between two looks.
            thread::park_timeout(LOOK_EVERY);
        }
    }

    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu::process_seconds(self.node.pid())
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        memory(self.node.pid()).peak as f64 / f64::from(1 << 20)
    }

    /// Stops the node and removes what it wrote.
    pub(crate) fn stop(self) -> Result<()> {
        self.node.stop();
        fs::remove_dir_all(&self.data).context("removing the node's folder")
    }
}
