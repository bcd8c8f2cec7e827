//! Real servers of the test's own and the node's folder, with what the node is told about them.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::node::{Folder, Node, Options};
use crate::process::{binary, output};
use crate::services::{Influxdb, Kafka, Proxy, Toxiproxy};

/// One at a time: two of them at once would measure each other.
static ONE: Mutex<()> = Mutex::new(());

/// Which servers there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    pub kafka: bool,
    pub influxdb: bool,
    /// Something in between that can be told to be slow.
    pub proxies: bool,
}

pub struct Bed {
    kafka: Option<Kafka>,
    influxdb: Option<Influxdb>,
    kafka_proxy: Option<Proxy>,
    influxdb_proxy: Option<Proxy>,
    _toxiproxy: Option<Toxiproxy>,
    pub data: PathBuf,
    pub variables: Vec<(String, String)>,
    mounted: Option<Mounted>,
    pub folder: Folder,
    _one: MutexGuard<'static, ()>,
}

struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a failed test may still have a process in it.
        let _ = output("umount", ["-l", &self.0]);
    }
}

impl Bed {
    pub fn new(name: &str, parts: Parts) -> Self {
        // A test that failed leaves nothing behind that another could stumble over.
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new(name);
        let data = folder.path().join("data");
        fs::create_dir_all(&data).unwrap();
        let mut bed = Self {
            kafka: None,
            influxdb: None,
            kafka_proxy: None,
            influxdb_proxy: None,
            _toxiproxy: parts.proxies.then(|| Toxiproxy::start(folder.path())),
            data,
            variables: Vec::new(),
            mounted: None,
            folder,
            _one: one,
        };
        // Alerts are measured, not the pace at which a page is told of many at once.
        bed.set("IOC__CONSOLE__FRAMES_PER_SECOND_MAX", "100");
        if parts.kafka {
            bed.add_kafka();
        }
        if parts.influxdb {
            bed.add_influxdb();
        }
        bed
    }

    fn add_kafka(&mut self) {
        let kafka = match &self._toxiproxy {
            None => Kafka::start(self.folder.path()),
            Some(toxiproxy) => {
                let (kafka, proxy) = Kafka::start_behind(self.folder.path(), toxiproxy);
                self.kafka_proxy = Some(proxy);
                kafka
            }
        };
        let brokers = kafka.topics.brokers.clone();
        self.set("IOC__KAFKA__BROKERS", &brokers);
        // So that a short fault is long enough to be told.
        self.set("IOC__KAFKA__UNREACHABLE_AFTER_MS", "3000");
        self.kafka = Some(kafka);
    }

    fn add_influxdb(&mut self) {
        let influxdb = Influxdb::start(self.folder.path());
        let bucket = influxdb.bucket.clone();
        let mut url = bucket.url();
        if let Some(toxiproxy) = &self._toxiproxy {
            let proxy = toxiproxy.proxy("influxdb", bucket.address);
            url = format!("http://{}", proxy.listen);
            self.influxdb_proxy = Some(proxy);
        }
        self.influxdb_at(&url, &bucket.token);
        self.influxdb = Some(influxdb);
    }

    /// What the node is told of InfluxDB, whatever stands there.
    pub fn influxdb_at(&mut self, url: &str, token: &str) {
        for (key, value) in [
            ("URL", url),
            ("ORG", "ioc"),
            ("BUCKET", "ioc"),
            ("TOKEN", token),
        ] {
            self.set(&format!("IOC__INFLUXDB__{key}"), value);
        }
    }

    /// For the next start of the node.
    pub fn set(&mut self, key: &str, value: &str) {
        self.variables.retain(|(known, _)| known != key);
        self.variables.push((key.to_owned(), value.to_owned()));
    }

    /// Puts the node's folder on a volume of its own, of so many MiB; false without the right to mount one.
    pub fn on_small_volume(&mut self, size: u32) -> bool {
        let data = self.data.to_str().unwrap().to_owned();
        let size = format!("size={size}m");
        let arguments = ["-t", "tmpfs", "-o", &size, "tmpfs", &data];
        let mounted = output("mount", arguments).status.success();
        self.mounted = mounted.then(|| Mounted(data));
        mounted
    }

    pub fn start(&self) -> Node {
        self.start_with(Options::default())
    }

    pub fn start_with(&self, mut options: Options) -> Node {
        options.variables.extend(self.variables.iter().cloned());
        Node::start_with(&self.data, &options)
    }

    pub fn kafka(&mut self) -> &mut Kafka {
        self.kafka.as_mut().expect("this bed has a Kafka")
    }

    pub fn influxdb(&mut self) -> &mut Influxdb {
        self.influxdb.as_mut().expect("this bed has an InfluxDB")
    }

    pub fn has_kafka(&self) -> bool {
        self.kafka.is_some()
    }

    pub fn has_influxdb(&self) -> bool {
        self.influxdb.is_some()
    }

    pub fn kafka_proxy(&self) -> &Proxy {
        self.kafka_proxy.as_ref().expect("with proxies")
    }

    pub fn influxdb_proxy(&self) -> &Proxy {
        self.influxdb_proxy.as_ref().expect("with proxies")
    }

    /// `ioc status` as an operator types it: whether all is well, and the words.
    pub fn status(&self) -> (bool, String) {
        let data = self.data.to_str().unwrap();
        let output = output(binary("ioc"), ["status", "--data", data]);
        let words = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), words)
    }
}
