//! A field device that is never killed and notes what was acknowledged: the oracle of every test of loss.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{Guard, python, repository};
use crate::wait;

/// SplitMix64: the moments of the kills come from a seed.
pub struct Random(pub u64);

impl Random {
    #[allow(
        clippy::should_implement_trait,
        reason = "a test draws one number at a time"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// `tests/clients/publisher.py`: device `aqm-CLIENT`, whose message number N carries `seq` N and `pm25` [`published`].
pub struct Publisher {
    child: Guard,
    acked: PathBuf,
    pub client: String,
}

/// The value in message number N of every publisher.
pub fn published(number: u64) -> f64 {
    10.0 + (number % 10) as f64
}

impl Publisher {
    /// Publishes until [`Self::finish`].
    pub fn start(folder: &Path, port: u16, client: &str, protocol: &str, qos: u8) -> Self {
        Self::start_with(folder, port, client, protocol, qos, &[])
    }

    /// `--stamped`, `--count N` …
    pub fn start_with(
        folder: &Path,
        port: u16,
        client: &str,
        protocol: &str,
        qos: u8,
        more: &[&str],
    ) -> Self {
        let acked = folder.join(format!("{client}.acked"));
        fs::write(&acked, "").unwrap();
        let child = Command::new(python())
            .arg(repository().join("tests/clients/publisher.py"))
            .args([
                "--port",
                &port.to_string(),
                "--client",
                client,
                "--device",
                &format!("aqm-{client}"),
            ])
            .args(["--protocol", protocol, "--qos", &qos.to_string(), "--acked"])
            .arg(&acked)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child: Guard(child),
            acked,
            client: client.to_owned(),
        }
    }

    pub fn device(&self) -> String {
        format!("aqm-{}", self.client)
    }

    pub fn acked(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(&self.acked).unwrap();
        // The last line may be half written while the publisher runs.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// As the numbers that `seq` carries.
    pub fn acked_numbers(&self) -> BTreeSet<u64> {
        let number = |id: &String| id.rsplit('-').next().unwrap().parse().unwrap();
        self.acked().iter().map(number).collect()
    }

    /// Lets it publish what it has begun and end.
    pub fn finish(&mut self) {
        drop(self.child.0.stdin.take());
        let status = wait::until("the publisher drains", Duration::from_secs(90), || {
            self.child.0.try_wait().unwrap()
        });
        assert!(
            status.success(),
            "the publisher still had unacknowledged messages"
        );
    }
}
