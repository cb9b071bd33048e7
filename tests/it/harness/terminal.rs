//! A terminal: a program that runs on one of its own, as before a person who answers its questions.

use std::path::Path;

use super::programs::{Outcome, Program, program};

/// Runs a command on a new terminal and types an answer at each `[y/N]`; before it, runs what happens
/// meanwhile. After the last answer the input ends.
const PERSON: &str = r#"
import json, os, pty, subprocess, sys
told = json.loads(sys.argv[1])
answers = told["answers"]
child, terminal = pty.fork()
if child == 0:
    os.chdir(told["directory"])
    os.execvp(told["command"][0], told["command"])
shown, asked = b"", 0
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    while shown.count(b"[y/N] ") > asked:
        if asked < len(answers):
            if answers[asked]["meanwhile"]:
                subprocess.run(answers[asked]["meanwhile"], check=True, stdout=subprocess.DEVNULL)
            os.write(terminal, answers[asked]["types"].encode() + b"\n")
        else:
            os.write(terminal, b"\x04")
        asked += 1
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(status))
"#;

/// What a person types at a question, and which command somebody else gives before.
#[derive(Clone, Default)]
pub struct Answer {
    types: String,
    meanwhile: Vec<String>,
}

impl Answer {
    pub fn of(types: &str) -> Self {
        Self { types: types.into(), meanwhile: Vec::new() }
    }

    pub fn after(self, meanwhile: &[&str]) -> Self {
        Self { meanwhile: meanwhile.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }
}

/// A command on a terminal, not yet run; the environment is set on what is given here. Both streams come
/// out as one.
pub fn on_terminal(command: &[&str], directory: &Path, answers: &[Answer]) -> Program {
    let answers: Vec<_> = answers
        .iter()
        .map(|answer| serde_json::json!({ "types": answer.types, "meanwhile": answer.meanwhile }))
        .collect();
    let told = serde_json::json!({
        "command": command, "directory": directory, "answers": answers,
    });
    program("python3")
        .args(["-c", PERSON, &told.to_string()])
        .env("TERM", "xterm")
        // What is asked and shown is compared as it is without.
        .env("NO_COLOR", "1")
}

/// How often it was asked whether to go ahead.
pub fn questions(outcome: &Outcome) -> usize {
    outcome.stdout.matches("Go ahead? [y/N] ").count()
}
