//! A terminal of a size: what a program shows on it, what is typed meanwhile, and how it leaves it.

use std::path::Path;

use super::programs::{Outcome, Program, program};

/// Runs a command on a new terminal of this size. Whenever the next text is shown, what belongs to it is typed, and
/// before that a command of somebody else is run. Tells as JSON what was shown, how it ended (the number of a signal
/// below zero), and whether the terminal is as it was.
const TERMINAL: &str = r#"
import fcntl, json, os, pty, select, struct, subprocess, sys, termios, time
told = json.loads(sys.argv[1])
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", told["rows"], told["columns"], 0, 0))
before = termios.tcgetattr(slave)
def own():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
child = subprocess.Popen(told["command"], stdin=slave, stdout=slave, stderr=slave, preexec_fn=own, cwd=told["directory"])
shown, seen, steps = b"", 0, told["steps"]
end = time.monotonic() + 60
while True:
    if select.select([master], [], [], 0.05)[0]:
        shown += os.read(master, 65536)
    elif child.poll() is not None:
        break
    if steps and steps[0]["at"].encode() in shown[seen:]:
        step, seen = steps.pop(0), len(shown)
        if step["meanwhile"]:
            subprocess.run(step["meanwhile"], check=True, stdout=subprocess.DEVNULL)
        os.write(master, step["types"].encode())
    if time.monotonic() > end:
        child.kill()
        child.wait()
        break
json.dump({
    "shown": shown.decode(errors="replace").replace("\r\n", "\n"), "ended": child.returncode,
    "untyped": len(steps), "as_before": termios.tcgetattr(slave) == before,
}, sys.stdout)
"#;

/// What is typed once a text is shown.
#[derive(Clone)]
pub struct Step {
    at: String,
    types: String,
    meanwhile: Vec<String>,
}

impl Step {
    pub fn at(at: &str, types: &str) -> Self {
        Self { at: at.into(), types: types.into(), meanwhile: Vec::new() }
    }

    /// The same after somebody else's command.
    pub fn after(self, meanwhile: &[&str]) -> Self {
        Self { meanwhile: meanwhile.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }
}

/// The size of a terminal.
#[derive(Clone, Copy)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// What was shown on a terminal, and how it was left.
#[derive(Debug)]
pub struct Seen {
    pub shown: String,
    /// The exit code, or the number of the signal below zero.
    pub ended: i64,
    /// Whether the terminal has the settings that it had before.
    pub as_before: bool,
    /// How many texts were waited for in vain.
    pub untyped: u64,
}

/// A command on a terminal of this size, not yet run; the environment is set on what is given here.
pub fn on_pty(command: &[&str], directory: &Path, size: Size, steps: &[Step]) -> Program {
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            serde_json::json!({ "at": step.at, "types": step.types, "meanwhile": step.meanwhile })
        })
        .collect();
    let told = serde_json::json!({
        "command": command, "directory": directory, "steps": steps,
        "rows": size.rows, "columns": size.columns,
    });
    program("python3").args(["-c", TERMINAL, &told.to_string()]).env("TERM", "xterm")
}

impl Seen {
    /// What such a command told.
    #[track_caller]
    pub fn of(outcome: Outcome) -> Self {
        let outcome = outcome.expect_success();
        let told: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let seen = Self {
            shown: told["shown"].as_str().unwrap().to_owned(),
            ended: told["ended"].as_i64().unwrap(),
            as_before: told["as_before"].as_bool().unwrap(),
            untyped: told["untyped"].as_u64().unwrap(),
        };
        assert!(seen.as_before, "the terminal is left in another state: {seen:?}");
        assert_eq!(seen.untyped, 0, "it was never shown: {seen:?}");
        seen
    }

    /// Itself, or a panic when it ended otherwise.
    #[track_caller]
    pub fn expect_ended(self, ended: i64) -> Self {
        assert_eq!(self.ended, ended, "{self:?}");
        self
    }

    pub fn says(&self, text: &str) -> bool {
        self.shown.contains(text)
    }
}

/// How many columns a line takes, counted by what its characters are and not by the crate that the programs use.
pub fn columns(line: &str) -> usize {
    let of = |c: char| match u32::from(c) {
        0x300..=0x36f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300..=0x1faff => 2,
        _ => 1,
    };
    line.chars().map(of).sum()
}
