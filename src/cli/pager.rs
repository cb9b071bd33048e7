//! Pager: a long answer is shown a screen at a time, as git does.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::process::{Child, Command, Stdio};

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// What is run where no variable names another.
const USUAL: &str = "less";
/// How `less` shows what it is given, where `LESS` says nothing: what has room is shown and left there, colours are
/// colours, and the screen is not cleared at the end.
const LESS: &str = "FRX";
/// With one of these in it a line is given to the shell.
const OF_THE_SHELL: &str = "|&;<>()$`\\\"'*?[#~=%\n";

/// The pager that the environment names; `None` for none.
///
/// Shape: `REPOCTL_PAGER` before `PAGER` before `less`; one that is empty or `cat` is none.
pub fn named(environment: &BTreeMap<String, String>) -> Option<String> {
    let set = ["REPOCTL_PAGER", "PAGER"].into_iter().find_map(|name| environment.get(name));
    let line = set.map_or(USUAL, String::as_str).trim();
    (!line.is_empty() && line != "cat" && environment.get("TERM").is_none_or(|term| term != "dumb"))
        .then(|| line.to_owned())
}

/// Shows a text with this pager, and waits until it is left. `false` when the pager is not there, and nothing was
/// shown.
pub fn show(line: &str, text: &str) -> bool {
    // What a pager that is killed leaves of the terminal is put right afterwards.
    let before = tcgetattr(std::io::stdin()).ok();
    if is_of_shell(line) && !has_programs(line) {
        return false;
    }
    // Ctrl-C is for the pager, which goes on or ends as it does; this process waits for it.
    let interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    let Ok(mut child) = start(line) else { return false };
    if let Some(mut input) = child.stdin.take()
        && let Err(error) = input.write_all(text.as_bytes())
        // It was left before it had read everything.
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = child.kill();
    }
    // Whatever it ends with, it was there: what it showed is not printed once more.
    let _ = child.wait();
    drop(interrupts);
    if let Some(before) = before {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &before);
    }
    true
}

/// Whether a line is given to the shell.
fn is_of_shell(line: &str) -> bool {
    line.contains(|c| OF_THE_SHELL.contains(c))
}

/// Whether the shell finds the first program of a line and those behind each `|`, as far as they are plain words.
fn has_programs(line: &str) -> bool {
    let plain =
        |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.+".contains(c));
    let is_setting = |word: &&str| word.contains('=');
    let mut programs = line
        .split('|')
        .filter_map(|part| part.split_whitespace().find(|word| !is_setting(word)).filter(plain));
    programs.all(|program| {
        let mut shell = Command::new("sh");
        shell.args(["-c", "command -v \"$0\" >/dev/null 2>&1", program]).stdin(Stdio::null());
        shell.status().is_ok_and(|found| found.success())
    })
}

fn start(line: &str) -> std::io::Result<Child> {
    let mut command = match is_of_shell(line) {
        true => {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]);
            shell
        }
        false => {
            let mut words = line.split_whitespace();
            let mut program = Command::new(words.next().unwrap_or(USUAL));
            program.args(words);
            program
        }
    };
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", LESS);
    }
    if std::env::var_os("LV").is_none() {
        command.env("LV", "-c");
    }
    command.stdin(Stdio::piped()).spawn()
}
