//! A mosquitto of the test's own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::server::{Server, free_port};
use crate::process::output;

pub struct Mosquitto {
    pub server: Server,
    pub address: SocketAddr,
}

impl Mosquitto {
    pub fn start(folder: &Path) -> Self {
        let port = free_port();
        let data = folder.join("mosquitto");
        let arguments = vec![data.display().to_string(), port.to_string()];
        let mut broker = Self {
            server: Server::launch("mosquitto", folder, arguments),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        broker.ready();
        broker
    }

    fn ready(&mut self) {
        let port = self.address.port().to_string();
        self.server.await_ready(Duration::from_secs(20), || {
            let probe = ["-p", &port, "-q", "1", "-t", "probe", "-n"];
            output("mosquitto_pub", probe).status.success()
        });
    }

    /// After a stop or a kill, with the sessions it had stored.
    pub fn start_again(&mut self) {
        self.server.launch_again();
        self.ready();
    }

    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }
}
