//! A node: `ioc run` as a child process on free ports.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::process::{Guard, binary, repository};
use crate::{http, wait};

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder of the test's own, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ioc-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Kept for whoever looks into the failure.
            return;
        }
        // A leftover folder in the system's temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub struct Node {
    child: Guard,
    pub data: PathBuf,
    pub ingest: Vec<SocketAddr>,
    pub console: SocketAddr,
    pub admin: SocketAddr,
}

/// How a node is started.
pub struct Options {
    /// Free ones by default; a restart keeps the old.
    pub ingest: String,
    pub console: String,
    pub variables: Vec<(String, String)>,
    /// Runs in front of the binary (`strace …`).
    pub wrapper: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ingest: "127.0.0.1:0".to_owned(),
            console: "127.0.0.1:0".to_owned(),
            variables: Vec::new(),
            wrapper: Vec::new(),
        }
    }
}

impl Node {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &Options::default())
    }

    pub fn start_with(data: &Path, options: &Options) -> Self {
        let addresses = data.join("addresses.json");
        // Of the run before.
        let _ = fs::remove_file(&addresses);
        let log = File::options()
            .create(true)
            .append(true)
            .open(data.join("node.log"))
            .unwrap();
        let mut command = match options.wrapper.split_first() {
            Some((program, args)) => {
                let mut command = Command::new(program);
                command.args(args).arg(binary("ioc"));
                command
            }
            None => Command::new(binary("ioc")),
        };
        command
            .arg("run")
            .env("IOC__NODE__DATA_DIR", data)
            .env("IOC__NODE__SITE", repository().join("deploy/sites/lao-cai"))
            .env("IOC__INGEST__LISTEN", &options.ingest)
            .env("IOC__CONSOLE__LISTEN", &options.console)
            .env("IOC__ADMIN__LISTEN", "127.0.0.1:0")
            .envs(options.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut child = Guard(command.spawn().unwrap());
        let text = wait::until(
            "the node writes addresses.json",
            Duration::from_secs(60),
            || {
                if let Some(status) = child.0.try_wait().unwrap() {
                    panic!("the node ended with {status}: {}", tail(data));
                }
                fs::read(&addresses).ok()
            },
        );
        let value: Value = serde_json::from_slice(&text).unwrap();
        let parse = |value: &Value| value.as_str().unwrap().parse().unwrap();
        Self {
            child,
            data: data.to_path_buf(),
            ingest: value["ingest"]
                .as_array()
                .unwrap()
                .iter()
                .map(parse)
                .collect(),
            console: parse(&value["console"]),
            admin: parse(&value["admin"]),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// SIGKILL: nothing gets a chance to tidy up.
    pub fn kill(mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
    }

    /// SIGTERM and wait for the end, which has to be a good one.
    pub fn stop(self) -> ExitStatus {
        let data = self.data.clone();
        let status = self.stop_anyhow();
        assert!(status.success(), "stopped with {status}: {}", tail(&data));
        status
    }

    /// SIGTERM and wait for the end, whatever it says.
    pub fn stop_anyhow(mut self) -> ExitStatus {
        crate::process::run("kill", ["-TERM", &self.pid().to_string()]);
        wait::until("the node stops", Duration::from_secs(40), || {
            self.child.0.try_wait().unwrap()
        })
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.0.try_wait().unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.data.join("node.log")).unwrap_or_default()
    }

    pub fn active_alerts(&self) -> Vec<Value> {
        let answer = http::get(self.console, "/api/v1/alerts?state=active").json();
        answer["alerts"].as_array().unwrap().clone()
    }

    /// Waits until an alert of this rule on this entity is active.
    pub fn wait_for_alert(&self, rule: &str, entity: &str) -> Value {
        wait::until(
            &format!("{rule} on {entity}"),
            Duration::from_secs(20),
            || {
                self.active_alerts()
                    .into_iter()
                    .find(|alert| alert["rule"] == rule && alert["entity"] == entity)
            },
        )
    }
}

fn tail(data: &Path) -> String {
    let log = fs::read_to_string(data.join("node.log")).unwrap_or_default();
    log.lines()
        .rev()
        .take(20)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
        .join("\n")
}

/// `ioc journal COMMAND --data DIR …` as text.
pub fn journal(data: &Path, args: &[&str]) -> String {
    let mut all = vec!["journal", args[0], "--data", data.to_str().unwrap()];
    all.extend(&args[1..]);
    crate::process::run(binary("ioc"), all)
}

pub fn journal_stat(data: &Path) -> Value {
    serde_json::from_str(&journal(data, &["stat", "--json"])).unwrap()
}
