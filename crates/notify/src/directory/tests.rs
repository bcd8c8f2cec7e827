use super::*;

const SOUND: &str = r#"
[channels.hook]
kind = "webhook"
secret = "hook"
[channels.mail]
kind = "email"
host = "127.0.0.1"
from = "ioc@example.org"
[people.an]
chain = ["hook", "mail"]
quiet = "22:00-06:00"
webhook = "https://example.org/hook"
email = "an@example.org"
[groups.duty]
people = ["an"]
[[routes]]
to = ["duty"]
severities = ["critical", "major"]
changes = ["raised", "escalated"]
hours = "06:00-22:00"
days = ["mon", "tue"]
"#;

#[test]
fn a_sound_file_is_read() {
    let directory = Directory::parse(SOUND, &BTreeMap::new()).unwrap();
    assert_eq!(directory.zone_seconds(), 25_200);
    let people: Vec<_> = directory.people_of(&directory.routes[0].to).collect();
    assert_eq!(people, ["an"]);
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = SOUND
        .replace("people = [\"an\"]", "people = [\"an\", \"binh\"]")
        .replace("email = \"an@example.org\"", "email = \"an\"")
        .replace("to = [\"duty\"]", "to = [\"dty\"]\nposition = \"desk\"");
    let wrong = Directory::parse(&text, &BTreeMap::new()).unwrap_err();
    let told: Vec<_> = wrong
        .iter()
        .map(|mistake| mistake.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "people.an: channel mail wants a valid e-mail address",
            "groups.duty: there is no person binh",
            "route 1: there is no person or group dty",
            "route 1: there is no position desk",
        ]
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let text = format!("{SOUND}\nhour = \"1\"\n");
    let wrong = Directory::parse(&text, &BTreeMap::new()).unwrap_err();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].message.contains("hour"), "{wrong:?}");
    assert!(wrong[0].line > 15, "{wrong:?}");
}

#[test]
fn the_shipped_example_is_sound() {
    let text = include_str!("../../../../deploy/notify.toml");
    Directory::parse(text, &BTreeMap::new()).unwrap();
}
