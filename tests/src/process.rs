//! Child processes that end with the test.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A built binary of the workspace, beside the test's own; `IOC_BINARY` names another `ioc`.
pub fn binary(name: &str) -> PathBuf {
    if name == "ioc"
        && let Some(path) = std::env::var_os("IOC_BINARY")
    {
        return PathBuf::from(path);
    }
    let exe = std::env::current_exe().unwrap();
    let folder = exe.ancestors().find(|folder| folder.join(name).is_file());
    folder
        .unwrap_or_else(|| {
            panic!(
                "{name} is not built: run `cargo build --workspace --bins` first (`make test` does)"
            )
        })
        .join(name)
}

pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// The Python that has paho, DuckDB and pandas (the test tools script installs it).
pub fn python() -> PathBuf {
    let script = repository().join("deploy/scripts/services.sh");
    PathBuf::from(run(script, ["path", "python"]).trim_end())
}

/// Runs to the end; fails loudly unless it succeeds.
pub fn run<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> String {
    let output = output(program, args);
    assert!(
        output.status.success(),
        "exit {:?}\nstdout: {}\nstderr: {}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub fn output<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Output {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Kills the child when dropped, so that a failed test leaves nothing behind.
pub struct Guard(pub Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
