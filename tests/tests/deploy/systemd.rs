//! The unit: hardened, with time enough to stop, and saying only what `ioc` and systemd understand.

use std::fs;
use std::process::Command;

use ioc_tests::node::Folder;
use ioc_tests::process::{binary, output};

use crate::{assert_command, shutdown_seconds, text};

/// `key=value` of the unit, in order; a key may come more than once.
fn settings() -> Vec<(String, String)> {
    text("systemd/ioc.service")
        .lines()
        .filter(|line| !line.starts_with(['#', '[']) && !line.is_empty())
        .map(|line| line.split_once('=').unwrap())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn value(key: &str) -> String {
    let mut all = settings().into_iter().filter(|(name, _)| name == key);
    all.next().unwrap_or_else(|| panic!("no {key}=")).1
}

#[test]
fn the_unit_calls_ioc_as_it_can_be_called() {
    for key in ["ExecStart", "ExecStartPre"] {
        let line = value(key);
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "/usr/local/bin/ioc");
        assert_command(&words[1..]);
    }
    for (key, value) in settings() {
        if key != "Environment" {
            continue;
        }
        let (name, value) = value.split_once('=').unwrap().to_owned();
        let known = Command::new(binary("ioc"))
            .args(["config", "print"])
            .env(name, value)
            .output()
            .unwrap();
        assert!(known.status.success(), "{name}: {known:?}");
    }
}

#[test]
fn a_stop_has_the_time_that_it_may_take() {
    let limit: u64 = value("TimeoutStopSec").parse().unwrap();
    assert!(limit > 2 * shutdown_seconds(), "{limit} s");
    // Stopped well with records left; and a wrong configuration is not tried again.
    let help = String::from_utf8(output(binary("ioc"), ["--help"]).stdout).unwrap();
    assert!(help.contains("3 stopped well"), "{help}");
    assert_eq!(value("SuccessExitStatus"), "3");
    assert_eq!(value("RestartPreventExitStatus"), "2");
}

#[test]
fn the_unit_is_hardened() {
    let wanted = [
        ("User", "ioc"),
        ("StateDirectory", "ioc"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("SystemCallFilter", "@system-service"),
        ("LimitNOFILE", "65536"),
        ("Restart", "on-failure"),
    ];
    for (key, expected) in wanted {
        assert_eq!(value(key), expected, "{key}");
    }
    for key in ["MemoryMax", "TasksMax", "EnvironmentFile"] {
        assert!(!value(key).is_empty());
    }
}

/// Where systemd is installed (it need not run).
#[test]
fn systemd_accepts_the_unit() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("not looked at: there is no systemd-analyze here");
        return;
    };
    assert!(version.status.success());
    let folder = Folder::new("unit");
    let unit = folder.path().join("ioc.service");
    // It looks whether the program is there.
    let here = binary("ioc").display().to_string();
    let words = text("systemd/ioc.service").replace("/usr/local/bin/ioc", &here);
    fs::write(&unit, words).unwrap();
    let verified = output("systemd-analyze", ["verify", unit.to_str().unwrap()]);
    let complaints = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{complaints}");
    assert!(!complaints.contains("ioc.service"), "{complaints}");
    let secure = output(
        "systemd-analyze",
        [
            "security",
            "--offline=true",
            "--threshold=20",
            unit.to_str().unwrap(),
        ],
    );
    assert!(
        secure.status.success(),
        "{}",
        String::from_utf8_lossy(&secure.stdout)
    );
}
