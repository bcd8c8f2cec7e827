//! Rule cases as data: `testdata/cases/*.case`, events and commands in, transitions and verdicts out. Every case runs a second
//! time with a save and restore before each step.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::root;
use common::script::Machine;

struct Case {
    name: String,
    steps: Vec<(String, Vec<String>)>,
}

fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case {
                name: name.to_owned(),
                steps: Vec::new(),
            });
        } else if let Some(answer) = line.strip_prefix("> ") {
            cases
                .last_mut()
                .unwrap()
                .steps
                .last_mut()
                .unwrap()
                .1
                .push(answer.to_owned());
        } else if !line.is_empty() && !line.starts_with('#') {
            cases
                .last_mut()
                .unwrap()
                .steps
                .push((line.to_owned(), Vec::new()));
        }
    }
    cases
}

fn run(case: &Case, restarts: bool) -> Vec<String> {
    let mut machine = Machine::new("basic", restarts);
    let mut wrong = Vec::new();
    for (step, answers) in &case.steps {
        machine.output.clear();
        machine.step(step);
        if machine.output != *answers {
            let told = machine.output.join("\n    > ");
            let wanted = answers.join("\n    > ");
            wrong.push(format!(
                "  {step}\n   told\n    > {told}\n   wanted\n    > {wanted}"
            ));
        }
    }
    wrong
}

#[test]
fn cases() {
    let mut files: Vec<_> = std::fs::read_dir(root().join("testdata/cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut count, mut failures) = (0, Vec::new());
    for file in files {
        for case in read(&std::fs::read_to_string(&file).unwrap()) {
            count += 1;
            for restarts in [false, true] {
                let wrong = run(&case, restarts);
                if !wrong.is_empty() {
                    let how = if restarts { " (with restarts)" } else { "" };
                    failures.push(format!(
                        "{}: {}{how}\n{}",
                        file.display(),
                        case.name,
                        wrong.join("\n")
                    ));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} failed\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count >= 40, "only {count} cases");
}

/// What the lines of the cases do not show.
fn newest(machine: &Machine, rule: &str) -> event::Alert {
    let of_rule = machine.engine.alerts().filter(|alert| alert.rule == rule);
    of_rule.last().unwrap().clone()
}

#[test]
fn a_rule_that_cannot_be_computed_is_named_in_both_languages() {
    let mut machine = Machine::new("basic", false);
    machine.step("event g1 temp=5");
    let alert = newest(&machine, alert::RULE_FAULT);
    assert_eq!(&*alert.entity, "g1");
    assert_eq!(alert.severity, event::Severity::Minor);
    assert!(
        alert
            .message
            .vi
            .starts_with("Quy tắc fault (fault) không tính được")
    );
    assert!(
        alert
            .message
            .en
            .starts_with("Rule fault (fault) cannot be computed")
    );
    assert_eq!(alert.evidence.rule, "fault");
    assert_eq!(alert.evidence.values.len(), 1);
}

#[test]
fn a_rule_changed_under_the_same_version_is_told_with_what_it_says_now() {
    let mut machine = Machine::new("basic", false);
    machine.step("event g1 flow=120");
    machine.step("at 10m");
    assert_eq!(newest(&machine, "held").evidence.hold_seconds, 600);
    machine.step("pack next");
    let evidence = newest(&machine, "held").evidence;
    assert_eq!((evidence.rule_version, evidence.hold_seconds), (1, 240));
}

#[test]
fn the_evidence_of_a_late_alert_begins_with_the_late_reading() {
    let mut machine = Machine::new("basic", false);
    machine.step("at 10m");
    machine.step("event g1 level=1.0");
    machine.step("event g1 level=5.5 obs=5m");
    let alert = newest(&machine, "hi");
    let values: Vec<_> = alert
        .evidence
        .values
        .iter()
        .map(|v| v.value.clone())
        .collect();
    assert_eq!(
        values,
        [event::Value::Number(5.5), event::Value::Number(1.0)]
    );
    assert!(alert.message.en.contains("5.50"), "{}", alert.message.en);
    assert!(!alert.retrospective);
}
