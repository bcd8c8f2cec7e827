use super::*;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let source = Source {
        name: "ioc.toml".to_owned(),
        text: text.to_owned(),
    };
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Config::load(Some(&source), &variables)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let config = Config::load(None, &BTreeMap::new()).expect("the defaults are sound");
    assert_eq!(config.ingest, mqtt::ListenerConfig::default());
    assert_eq!(config.console, console::ConsoleConfig::default());
    assert_eq!(config.admin, console::AdminConfig::default());
}

#[test]
fn layers_go_on_top_of_each_other() {
    let text = "[ingest]\nlisten = \"localhost:1884\"\npayload_bytes_max = 1000\n[console]\nlisten = [\"127.0.0.1:0\"]\n";
    let config = load(
        text,
        &[
            ("IOC__INGEST__PAYLOAD_BYTES_MAX", "2000"),
            ("IOC__NODE__DATA_DIR", "/x"),
        ],
    )
    .expect("sound");
    assert_eq!(config.ingest.listen.len(), 2);
    assert_eq!(config.ingest.payload_bytes_max, 2000);
    assert_eq!(config.console.listen.port(), 0);
    assert_eq!(config.node.data_dir.to_str(), Some("/x"));
}

#[test]
fn a_list_from_the_environment_is_separated_by_commas() {
    let config = load("", &[("IOC__INGEST__LISTEN", "127.0.0.1:1, [::1]:2")]).expect("sound");
    assert_eq!(config.ingest.listen.len(), 2);
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let text = "[node]\ndata_dri = \"x\"\nshutdown_seconds = \"soon\"\n[ingest]\nlisten = [\"nowhere\"]\npayload_bytes_max = -4\n[kitchen]\nsink = 1\n";
    let mistakes = load(
        text,
        &[
            ("IOC__ADMIN__LISTENING", "x"),
            ("IOC__JOURNAL__RETAIN_DAYS", "many"),
        ],
    )
    .expect_err("wrong");
    let expected = [
        "ioc.toml:2: unknown key `node.data_dri`; did you mean `data_dir`?",
        "ioc.toml:3: `node.shutdown_seconds` must be a whole number, not a text",
        "ioc.toml:5: `ingest.listen`: \"nowhere\" is not an address",
        "ioc.toml:6: `ingest.payload_bytes_max` is -4; it must not be negative",
        "ioc.toml:7: unknown section [kitchen]",
        "environment variable IOC__ADMIN__LISTENING: unknown key `admin.listening`",
        "environment variable IOC__JOURNAL__RETAIN_DAYS: \"many\" is not a whole number",
    ];
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    for text in expected {
        assert!(
            mistakes.iter().any(|mistake| mistake.starts_with(text)),
            "{text} in {mistakes:#?}"
        );
    }
}

#[test]
fn values_out_of_range_name_the_line_that_set_them() {
    let text = "[node]\nshutdown_seconds = 0\n\n[ingest]\nlisten = []\nconnections_max = 0\n";
    let mistakes = load(text, &[]).expect_err("wrong");
    for start in [
        "ioc.toml:2: `node.shutdown_seconds` is 0",
        "ioc.toml:5: [ingest] listen",
        "ioc.toml:6: [ingest] connections_max",
    ] {
        assert!(
            mistakes.iter().any(|mistake| mistake.starts_with(start)),
            "{start} in {mistakes:#?}"
        );
    }
}

#[test]
fn broken_toml_is_named_by_line() {
    let mistakes = load("[node]\nsite = \"x\n[ingest]\nlisten = = 3\n", &[]).expect_err("wrong");
    assert!(
        mistakes
            .iter()
            .any(|mistake| mistake.starts_with("ioc.toml:2:")),
        "{mistakes:#?}"
    );
}

#[test]
fn addresses_that_others_can_reach_are_known() {
    let config = load(
        "[ingest]\nlisten = [\"0.0.0.0:1883\", \"127.0.0.1:1\"]\n[admin]\nlisten = \"[::]:9090\"\n",
        &[],
    )
    .expect("sound");
    let keys: Vec<_> = config.exposed().iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["ingest.listen", "admin.listen"]);
}

#[test]
fn what_is_printed_can_be_read_back() {
    let printed = Config::load(None, &BTreeMap::new())
        .expect("sound")
        .print()
        .expect("TOML");
    let again = load(&printed, &[]).expect("sound");
    assert_eq!(again.print().expect("TOML"), printed);
}

#[test]
fn a_wrong_key_does_not_hide_the_others() {
    let text = "[node]\ndata_dir = \"\"\nshutdown_seconds = 0\n[ingest]\nlisten = [\"x\", \"127.0.0.1:1\", \"y\"]\n[journal]\nsegment_bytes = 10\n";
    let mistakes = load(text, &[]).expect_err("wrong");
    for part in [
        "ioc.toml:2: `node.data_dir` is empty",
        "ioc.toml:3: ",
        "\"x\" is not",
        "\"y\" is not",
        "ioc.toml:7: ",
    ] {
        assert!(
            mistakes.iter().any(|mistake| mistake.contains(part)),
            "{part} in {mistakes:#?}"
        );
    }
}
