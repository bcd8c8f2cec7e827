//! One server process: started, frozen, killed and started again with the same ports and data.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::process::{Guard, repository, run};
use crate::wait;

static PORTS: AtomicU32 = AtomicU32::new(0);

/// A port that nobody uses, from below the range the system takes from for outgoing connections: a server that is down for
/// a while finds its port still free.
pub fn free_port() -> u16 {
    // Test processes that run side by side begin at different places.
    let base = std::process::id().wrapping_mul(101);
    loop {
        let number = base.wrapping_add(PORTS.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = 20_000 + u16::try_from(number).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

pub struct Server {
    name: &'static str,
    script: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Guard>,
}

impl Server {
    /// Starts `deploy/scripts/services/NAME/serve.sh`, which becomes the server, and does not wait.
    pub(super) fn launch(name: &'static str, folder: &Path, arguments: Vec<String>) -> Self {
        let script = repository()
            .join("deploy/scripts/services")
            .join(name)
            .join("serve.sh");
        let mut server = Self {
            name,
            script,
            arguments,
            log: folder.join(format!("{name}.log")),
            child: None,
        };
        server.launch_again();
        server
    }

    /// After [`Self::kill`] or [`Self::stop`]: the same ports, the same data. Does not wait.
    pub(super) fn launch_again(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let child = Command::new(&self.script)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(Guard(child));
    }

    /// Waits until the server answers; fails with the end of its log when it ends or the limit passes.
    pub(super) fn await_ready(&mut self, limit: Duration, mut probe: impl FnMut() -> bool) {
        let end = Instant::now() + limit;
        wait::until(
            &format!("{} is ready", self.name),
            limit + Duration::from_secs(10),
            || {
                let child = &mut self.child.as_mut().expect("launched").0;
                if let Some(status) = child.try_wait().unwrap() {
                    panic!("{} ended with {status}:\n{}", self.name, self.tail());
                }
                assert!(
                    Instant::now() < end,
                    "{} is not ready:\n{}",
                    self.name,
                    self.tail()
                );
                probe().then_some(())
            },
        );
    }

    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!(
            "{}\n(is it installed? `make services`)",
            lines[lines.len().saturating_sub(30)..].join("\n")
        )
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("runs").0.id()
    }

    /// `SIGSTOP`: connections stay, nobody answers. All threads stand still when this returns: on a busy machine one may go on
    /// for a moment after the signal was sent.
    pub fn freeze(&self) {
        run("kill", ["-STOP", &self.pid().to_string()]);
        let tasks = format!("/proc/{}/task", self.pid());
        let stands_still = |task: std::io::Result<fs::DirEntry>| {
            let stat = task.and_then(|task| fs::read_to_string(task.path().join("stat")));
            // A thread that ended in the meantime answers nobody either. The state stands behind the name in brackets.
            stat.map_or(true, |stat| {
                stat.rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.trim_start().starts_with('T'))
            })
        };
        wait::until("the server stands still", Duration::from_secs(10), || {
            fs::read_dir(&tasks).ok()?.all(stands_still).then_some(())
        });
    }

    pub fn thaw(&self) {
        run("kill", ["-CONT", &self.pid().to_string()]);
    }

    /// `SIGKILL`, and gone when this returns.
    pub fn kill(&mut self) {
        drop(self.child.take());
    }

    /// `SIGTERM`, and gone when this returns.
    pub fn stop(&mut self) {
        run("kill", ["-TERM", &self.pid().to_string()]);
        let child = &mut self.child.as_mut().unwrap().0;
        wait::until(
            &format!("{} stops", self.name),
            Duration::from_secs(40),
            || child.try_wait().unwrap(),
        );
        self.child = None;
    }

    pub fn memory(&self) -> Memory {
        memory(self.pid())
    }
}

/// Resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: u64,
    pub peak: u64,
}

pub fn memory(pid: u32) -> Memory {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kilobytes = |key: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.unwrap().parse().unwrap()
    };
    Memory {
        now: kilobytes("VmRSS:") * 1024,
        peak: kilobytes("VmHWM:") * 1024,
    }
}
