//! Logs go to standard error as text, in colour for a person (`RUST_LOG` chooses what).

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::EnvFilter;

pub(crate) fn start(default: &str) {
    let filter = crate::config::log_filter().unwrap_or_else(|| default.to_owned());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        // It would print its trouble to the place that is in trouble, and panic there.
        .log_internal_errors(false)
        .with_writer(|| Lines(io::stderr()));
    if io::stderr().is_terminal() {
        builder.with_target(false).init();
    } else {
        builder.with_ansi(false).init();
    }
}

/// Lines that could not be written since the last one that could.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Where the log goes. A log that cannot be written (its file is on a full disk, its reader is gone) stops nothing: the line
/// is counted, and the next one that can be written says how many are missing.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = LOST.swap(0, Ordering::Relaxed);
        let told = if lost > 0 {
            writeln!(self.0, "[{lost} lines of the log could not be written]")
        } else {
            Ok(())
        };
        if told.and_then(|()| self.0.write_all(line)).is_err() {
            LOST.fetch_add(lost + 1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is full for some writes.
    struct Disk {
        full: bool,
        text: Vec<u8>,
    }

    impl Write for &mut Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.text.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_on_a_full_disk_stops_nothing_and_is_counted() {
        let mut disk = Disk {
            full: true,
            text: Vec::new(),
        };
        for _ in 0..3 {
            assert_eq!(Lines(&mut disk).write(b"lost\n").unwrap(), 5);
        }
        disk.full = false;
        for line in ["one\n", "two\n"] {
            Lines(&mut disk).write_all(line.as_bytes()).unwrap();
        }
        let text = String::from_utf8(disk.text).unwrap();
        assert_eq!(
            text,
            "[3 lines of the log could not be written]\none\ntwo\n"
        );
    }
}
