use super::*;

const FILE: &str = "# a file\n\n[[rule]]\nid = \"a\"\nversion = 1\n\n[[rule]]\nid = \"b\"\nversion = 2\n[rule.members]\nx = \"y\"\n";

fn pack(files: &[(&str, &str)]) -> PackFiles {
    PackFiles {
        files: files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect(),
    }
}

#[test]
fn a_file_in_pieces_is_the_file_again() {
    let file = RuleFile::parse(FILE);
    let names: Vec<_> = file
        .blocks
        .iter()
        .map(|block| (block.id.as_str(), block.version))
        .collect();
    assert_eq!(names, [("a", 1), ("b", 2)]);
    assert_eq!(file.head, "# a file\n\n");
    assert_eq!(file.text(), FILE);
    assert_eq!(RuleFile::parse("").text(), "");
}

#[test]
fn changes_name_what_is_new_gone_and_changed_on_trial_and_in_force() {
    let old = pack(&[("rules/x.toml", FILE), ("site.toml", "a = 1")]);
    let changed = FILE.replace("version = 2", "version = 3");
    let trial = "[[rule]]\nid = \"a\"\nversion = 9\n";
    let new = pack(&[
        ("rules/y.toml", &changed),
        ("rules/shadow/t.toml", trial),
        ("site.toml", "a = 2"),
    ]);
    let told: Vec<_> = changes(&old, &new)
        .into_iter()
        .map(|change| (change.rule, change.shadow, change.change))
        .collect();
    // Moved to another file and otherwise as it was: no change.
    assert_eq!(
        told,
        [
            ("a".to_owned(), true, RuleChangeKind::New),
            ("b".to_owned(), false, RuleChangeKind::Changed)
        ]
    );
    assert_eq!(other_files(&old, &new), ["site.toml"]);
    let gone = changes(&new, &old);
    assert_eq!(
        (gone[0].change, gone[0].old.as_ref().unwrap().version),
        (RuleChangeKind::Gone, 9)
    );
}
