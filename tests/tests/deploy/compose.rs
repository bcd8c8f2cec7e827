//! `compose.yaml` and `Containerfile`: pinned, bounded, on loopback, and true of the files and variables that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use ioc_tests::process::{binary, repository};
use serde_yaml_ng::Value;

use crate::{assert_command, deploy, shutdown_seconds, text};

fn compose() -> Value {
    let mut all: Value = serde_yaml_ng::from_str(&text("compose.yaml")).unwrap();
    all.apply_merge().unwrap();
    all
}

fn services() -> Vec<(String, Value)> {
    let all = compose();
    let services = all["services"].as_mapping().unwrap();
    let named = services
        .iter()
        .map(|(name, one)| (name.as_str().unwrap().to_owned(), one.clone()));
    named.collect()
}

fn words(value: &Value) -> Vec<String> {
    let list = value.as_sequence().into_iter().flatten();
    list.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The names in `${NAME…}`; a doubled dollar is a plain one.
fn variables(text: &str) -> BTreeSet<String> {
    let text = text.replace("$$", "");
    let parts = text.split("${").skip(1);
    parts
        .map(|part| part.split([':', '}']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_service_is_pinned_bounded_and_on_loopback() {
    let names: Vec<String> = services().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "ioc",
            "mosquitto",
            "kafka",
            "influxdb",
            "prometheus",
            "grafana"
        ]
    );
    for (name, service) in services() {
        let image = service["image"].as_str().unwrap();
        let tag = image
            .rsplit_once(':')
            .unwrap_or_else(|| panic!("{image}"))
            .1;
        let parts = tag
            .trim_start_matches('v')
            .split('.')
            .filter(|part| part.parse::<u32>().is_ok());
        assert!(parts.count() >= 3, "{image} is not one release");
        assert_eq!(
            service["restart"].as_str(),
            Some("unless-stopped"),
            "{name}"
        );
        assert!(service["mem_limit"].is_string(), "{name}");
        assert!(service["healthcheck"]["test"].is_sequence(), "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert!(!words(&service["ports"]).is_empty(), "{name}");
        for port in words(&service["ports"]) {
            let loopback = port.starts_with("127.0.0.1:")
                || port.starts_with("${PUBLISH_ADDRESS:-127.0.0.1}:");
            assert!(loopback, "{name} publishes {port}");
        }
    }
}

#[test]
fn what_is_mounted_is_there() {
    let all = compose();
    let volumes = all["volumes"].as_mapping().unwrap();
    for (name, service) in services() {
        for mount in words(&service["volumes"]) {
            let source = mount.split(':').next().unwrap();
            if let Some(path) = source.strip_prefix("./") {
                assert!(deploy(path).exists(), "{name}: {path}");
                assert!(mount.ends_with(":ro"), "{name} may write {path}");
            } else {
                assert!(volumes.contains_key(source), "{name}: {source}");
            }
        }
    }
}

#[test]
fn the_example_has_every_variable_and_no_other() {
    let example: BTreeSet<String> = text("compose.env.example")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('=').unwrap().0.to_owned())
        .collect();
    assert_eq!(variables(&text("compose.yaml")), example);
}

/// With the variables of the compose file the node has a configuration that it accepts.
#[test]
fn the_node_accepts_what_compose_tells_it() {
    let (_, ioc) = services()
        .into_iter()
        .find(|(name, _)| name == "ioc")
        .unwrap();
    let environment: BTreeMap<String, String> = ioc["environment"]
        .as_mapping()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().unwrap().to_owned(),
                value.as_str().unwrap().to_owned(),
            )
        })
        .map(|(name, value)| match value.starts_with("${") {
            true => (name, "filled-in".to_owned()),
            false => (name, value),
        })
        .collect();
    assert!(
        environment.keys().all(|name| name.starts_with("IOC__")),
        "{environment:?}"
    );
    let answer = Command::new(binary("ioc"))
        .args(["check", "--config"])
        .arg(deploy("ioc.toml"))
        .envs(&environment)
        .output()
        .unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let exposed = String::from_utf8(answer.stdout).unwrap();
    assert_eq!(exposed.matches("--insecure").count(), 3, "{exposed}");
    let command = words(&ioc["command"]);
    assert!(command.iter().any(|word| word == "--insecure"));
    assert_command(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let health = words(&ioc["healthcheck"]["test"]);
    assert_eq!(health[..2], ["CMD", "ioc"]);
    assert_command(&health[2..].iter().map(String::as_str).collect::<Vec<_>>());
    let grace = ioc["stop_grace_period"]
        .as_str()
        .unwrap()
        .trim_end_matches('s');
    assert!(grace.parse::<u64>().unwrap() > 2 * shutdown_seconds());
}

#[test]
fn the_image_is_built_from_what_there_is() {
    let file = text("Containerfile");
    let toolchain: toml::Table = std::fs::read_to_string(repository().join("rust-toolchain.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert!(
        file.contains(&format!("/rust:{channel}-")),
        "builds with another Rust than {channel}"
    );
    assert!(file.contains(&format!("RUSTUP_TOOLCHAIN={channel}\n")));
    let instructions: Vec<Vec<&str>> = file
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    for words in &instructions {
        match words.as_slice() {
            ["FROM", image, ..] => {
                let tag = image.rsplit_once(':').unwrap().1;
                assert!(
                    tag.contains('.') && !tag.contains("latest"),
                    "{image} is not pinned"
                );
            }
            ["COPY", first, ..] if !first.starts_with("--") => {
                for source in &words[1..words.len() - 1] {
                    assert!(repository().join(source).exists(), "COPY {source}");
                }
            }
            ["USER", user] => assert_eq!(*user, "ioc:ioc"),
            _ => {}
        }
    }
    let users = instructions.iter().filter(|words| words[0] == "USER");
    assert_eq!(users.count(), 1, "it runs as root");
    let (_, health) = file.split_once("CMD [\"ioc\", ").unwrap();
    let health = health.split_once(']').unwrap().0.replace(['"', ','], "");
    assert_command(&health.split_whitespace().collect::<Vec<_>>());
    // The allow-list of the build context.
    for line in text("Containerfile.dockerignore").lines() {
        if let Some(path) = line.strip_prefix('!') {
            assert!(repository().join(path).exists(), "{path}");
        }
    }
}

#[test]
fn grafana_and_prometheus_are_told_of_each_other() {
    let sources: Value =
        serde_yaml_ng::from_str(&text("grafana/provisioning/datasources/ioc.yaml")).unwrap();
    let grafana = services()
        .into_iter()
        .find(|(name, _)| name == "grafana")
        .unwrap()
        .1;
    let environment = grafana["environment"].as_mapping().unwrap();
    for source in sources["datasources"].as_sequence().unwrap() {
        let host = source["url"]
            .as_str()
            .unwrap()
            .trim_start_matches("http://")
            .split(':')
            .next()
            .unwrap();
        assert!(services().iter().any(|(name, _)| name == host), "{host}");
    }
    let written = text("grafana/provisioning/datasources/ioc.yaml");
    for name in written.split('$').skip(1) {
        let name: String = name
            .chars()
            .take_while(|c| c.is_ascii_uppercase() || *c == '_')
            .collect();
        assert!(
            environment.contains_key(name.as_str()),
            "Grafana has no {name}"
        );
    }
    let prometheus: Value = serde_yaml_ng::from_str(&text("prometheus/prometheus.yml")).unwrap();
    let jobs = prometheus["scrape_configs"].as_sequence().unwrap();
    assert_eq!(jobs[0]["job_name"].as_str(), Some("ioc"));
    assert_eq!(
        jobs[0]["static_configs"][0]["targets"][0].as_str(),
        Some("ioc:9090")
    );
    let provider: Value =
        serde_yaml_ng::from_str(&text("grafana/provisioning/dashboards/ioc.yaml")).unwrap();
    let path = provider["providers"][0]["options"]["path"]
        .as_str()
        .unwrap();
    let mounts = words(&grafana["volumes"]);
    assert!(
        mounts
            .iter()
            .any(|mount| mount.contains(&format!(":{path}:"))),
        "{mounts:?}"
    );
}
