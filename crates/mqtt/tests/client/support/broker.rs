//! A mosquitto of our own on a free port, with a folder of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Peer, packets, until};

pub(crate) struct Broker {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    child: Child,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::with("allow_anonymous true\n").await
    }

    /// `more` is added to the configuration.
    pub(crate) async fn with(more: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("broker-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("address").port();
        drop(free);
        let shown = folder.display();
        let mut config = format!(
            "listener {port} 127.0.0.1\n{more}\npersistence true\npersistence_location {shown}/\n\
             max_inflight_messages 200\nmax_queued_messages 100000\nmax_queued_bytes 0\nset_tcp_nodelay true\n"
        );
        if is_root() {
            config.push_str("user root\n");
        }
        std::fs::write(folder.join("mosquitto.conf"), config).expect("configuration");
        let child = spawn(&folder);
        let broker = Self {
            port,
            folder,
            child,
        };
        broker.listening().await;
        broker
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    async fn listening(&self) {
        let address = self.address();
        until("the broker listens", || {
            std::net::TcpStream::connect(address).is_ok()
        })
        .await;
    }

    /// Dies without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// Stops in order and writes its store.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        self.child.wait().expect("wait");
    }

    /// Comes back on the same port.
    pub(crate) async fn again(&mut self) {
        self.child = spawn(&self.folder);
        self.listening().await;
    }

    pub(crate) fn forget(&self) {
        // It may never have been written.
        _ = std::fs::remove_file(self.folder.join("mosquitto.db"));
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(sent.success());
    }

    pub(crate) async fn publisher(&self) -> Publisher {
        let mut peer = Peer::dial(self.address()).await;
        peer.send(&packets::connect_v3("", true, 0)).await;
        peer.expect(&[0x20, 2, 0, 0]).await;
        Publisher { peer, next: 1 }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have been stopped by the test.
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("mosquitto.log")).expect("log");
    let start = |program: &str| {
        Command::new(program)
            .arg("-c")
            .arg(folder.join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log.try_clone().expect("log"))
            .spawn()
    };
    // Not in everybody's path.
    start("mosquitto")
        .or_else(|_| start("/usr/sbin/mosquitto"))
        .expect("mosquitto is installed (`make services` does that)")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Publishes, and waits for the broker to have it.
pub(crate) struct Publisher {
    peer: Peer,
    next: u16,
}

impl Publisher {
    pub(crate) async fn send(&mut self, topic: &str, payload: impl AsRef<[u8]>) {
        self.send_flagged(topic, payload.as_ref(), 0).await;
    }

    pub(crate) async fn send_retained(&mut self, topic: &str, payload: &str) {
        self.send_flagged(topic, payload.as_ref(), 1).await;
    }

    async fn send_flagged(&mut self, topic: &str, payload: &[u8], flags: u8) {
        let id = self.next;
        self.next = self.next % 60_000 + 1;
        let mut bytes = packets::publish_v3(topic, payload, 1, id);
        bytes[0] |= flags;
        self.peer.send(&bytes).await;
        self.peer.expect(&packets::puback(id)).await;
    }

    /// Many, numbered from `first`, without waiting for each.
    pub(crate) async fn send_many(&mut self, topic: &str, first: usize, count: usize) {
        let ids: Vec<_> = (0..count).map(|n| (n % 60_000) as u16 + 1).collect();
        for (n, id) in ids.iter().enumerate() {
            let payload = format!("{}", first + n);
            self.peer
                .send(&packets::publish_v3(topic, payload, 1, *id))
                .await;
        }
        for id in ids {
            self.peer.expect(&packets::puback(id)).await;
        }
    }

    pub(crate) async fn send_qos0(&mut self, topic: &str, payload: &str) {
        self.peer
            .send(&packets::publish_v3(topic, payload, 0, 0))
            .await;
        self.peer.ping().await;
    }
}
