//! The texts that a person meets first: configuration mistakes, refusals, help.

use std::fs;
use std::process::{Command, Output};

use ioc_tests::node::{Folder, Node, Options};
use ioc_tests::process::{binary, output, repository};

fn ioc(args: &[&str]) -> Output {
    output(binary("ioc"), args)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_reports_all_mistakes_of_configuration_and_site_pack_at_once() {
    let folder = Folder::new("check");
    let site = folder.path().join("site");
    run_copy(&repository().join("deploy/sites/lao-cai"), &site);
    let rules = site.join("rules/river.toml");
    let broken = fs::read_to_string(&rules)
        .unwrap()
        .replacen("level", "levle", 3);
    fs::write(&rules, broken).unwrap();
    let config = folder.path().join("ioc.toml");
    let content = format!(
        "[node]\nsite = {:?}\nshutdown_seconds = 0\n[ingest]\nlisten = \"here\"\nfoo = 1\n",
        site.to_str().unwrap()
    );
    fs::write(&config, content).unwrap();
    let answer = ioc(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(answer.status.code(), Some(2));
    let out = text(&answer.stdout);
    for expected in [
        "ioc.toml:5: `ingest.listen`",
        "ioc.toml:6: unknown key `ingest.foo`",
        "rules/river.toml:",
    ] {
        assert!(out.contains(expected), "{expected} in\n{out}");
    }
}

fn run_copy(from: &std::path::Path, to: &std::path::Path) {
    ioc_tests::process::run("cp", ["-r", from.to_str().unwrap(), to.to_str().unwrap()]);
}

#[test]
fn the_shipped_site_pack_is_good() {
    let answer = Command::new(binary("ioc"))
        .arg("check")
        .env("IOC__NODE__SITE", repository().join("deploy/sites/lao-cai"))
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", text(&answer.stdout));
}

#[test]
fn config_print_is_itself_a_good_configuration() {
    let folder = Folder::new("print");
    let printed = ioc(&["config", "print"]);
    assert!(printed.status.success());
    let config = folder.path().join("printed.toml");
    fs::write(&config, &printed.stdout).unwrap();
    let again = ioc(&["config", "print", "--config", config.to_str().unwrap()]);
    assert_eq!(printed.stdout, again.stdout);
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    for key in [
        "IOC__INGEST__LISTEN",
        "IOC__CONSOLE__LISTEN",
        "IOC__ADMIN__LISTEN",
    ] {
        let folder = Folder::new("exposed");
        let answer = Command::new(binary("ioc"))
            .arg("run")
            .env("IOC__NODE__DATA_DIR", folder.path())
            .env(key, "0.0.0.0:0")
            .output()
            .unwrap();
        assert_eq!(answer.status.code(), Some(2), "{key}");
        assert!(
            text(&answer.stderr).contains("--insecure"),
            "{}",
            text(&answer.stderr)
        );
    }
}

#[test]
fn a_second_node_on_the_same_folder_is_refused() {
    let folder = Folder::new("second");
    let node = Node::start(folder.path());
    let answer = Command::new(binary("ioc"))
        .arg("run")
        .env("IOC__NODE__DATA_DIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(answer.status.code(), Some(1));
    assert!(
        text(&answer.stderr).contains("lock"),
        "{}",
        text(&answer.stderr)
    );
    node.stop();
}

#[test]
fn run_refuses_the_journal_of_a_scenario() {
    let folder = Folder::new("scenario");
    let data = folder.path().to_str().unwrap();
    let demo = ioc(&[
        "demo",
        "--scenario",
        "quiet-day",
        "--speed",
        "max",
        "--headless",
        "--exit-at-end",
        "--data",
        data,
    ]);
    assert!(demo.status.success(), "{}", text(&demo.stderr));
    let answer = Command::new(binary("ioc"))
        .arg("run")
        .env("IOC__NODE__DATA_DIR", data)
        .output()
        .unwrap();
    assert_eq!(answer.status.code(), Some(1));
    assert!(
        text(&answer.stderr).contains("scenario"),
        "{}",
        text(&answer.stderr)
    );
}

#[test]
fn journal_tools_explain_a_wrong_folder() {
    let answer = ioc(&["journal", "stat", "--data", "/nowhere/at/all"]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(
        text(&answer.stderr).contains("--data"),
        "{}",
        text(&answer.stderr)
    );
}

#[test]
fn a_busy_port_is_named() {
    let folder = Folder::new("busy");
    let node = Node::start(folder.path());
    let other = Folder::new("busy-other");
    let answer = Command::new(binary("ioc"))
        .arg("run")
        .env("IOC__NODE__DATA_DIR", other.path())
        .env("IOC__INGEST__LISTEN", node.ingest[0].to_string())
        .env("IOC__CONSOLE__LISTEN", "127.0.0.1:0")
        .env("IOC__ADMIN__LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    assert_eq!(answer.status.code(), Some(1));
    assert!(
        text(&answer.stderr).contains(&node.ingest[0].to_string()),
        "{}",
        text(&answer.stderr)
    );
    node.stop();
}

#[test]
fn both_loopbacks_are_listened_on() {
    let folder = Folder::new("dual");
    let options = Options {
        ingest: "localhost:0".to_owned(),
        ..Options::default()
    };
    let node = Node::start_with(folder.path(), &options);
    assert_eq!(node.ingest.len(), 2);
    for address in &node.ingest {
        std::net::TcpStream::connect(address).unwrap();
    }
    node.stop();
}
