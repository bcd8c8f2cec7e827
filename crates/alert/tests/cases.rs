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
