//! Logs go to standard error: text for a person, JSON lines for a collector (`RUST_LOG` chooses what).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub(crate) fn start(default: &str) {
    let filter = crate::config::log_filter().unwrap_or_else(|| default.to_owned());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.with_target(false).init();
    } else {
        builder.with_ansi(false).init();
    }
}
