//! The machine's own programs: found, run with an environment of their own, and ended after a time
//! limit.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::DemoError;
use super::place::Place;
use super::telling::harmless;

/// The programs of the story, and the packages that have them.
const PROGRAMS: [(&str, &str); 4] =
    [("apt-get", "apt"), ("dpkg", "dpkg"), ("dpkg-deb", "dpkg"), ("dpkg-query", "dpkg")];
/// Where programs are searched besides PATH, because ordinary users often have no sbin in theirs.
const USUAL_DIRECTORIES: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A program that takes longer is ended. Unit: seconds.
const LIMIT_SECONDS: u64 = 120;
/// How often a program is asked whether it has ended. Unit: milliseconds.
const ASK_MILLISECONDS: u64 = 10;
/// Most output that is read. Unit: bytes.
const OUTPUT_BYTES: u64 = 1 << 20;

/// How a program ended.
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Both its streams, in the order in which it wrote.
    pub text: String,
}

/// Checks that every program of the story is installed.
///
/// # Errors
/// [`DemoError::Program`] naming the first that is missing, and its package.
pub fn require_all() -> Result<(), DemoError> {
    match PROGRAMS.into_iter().find(|(program, _)| find(program).is_none()) {
        Some((program, package)) => Err(DemoError::Program { program, package }),
        None => Ok(()),
    }
}

fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push(USUAL_DIRECTORIES);
    path
}

fn find(program: &str) -> Option<PathBuf> {
    let path = search_path();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Runs a program to its end, in the directory of the story.
///
/// Its environment is a new one: a proxy, a language or an apt configuration of the user must not
/// change the story.
///
/// # Errors
/// When it cannot be started or does not end, in words for people.
pub async fn run(
    place: &Place,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<Outcome, String> {
    let failed = |error: std::io::Error| format!("{program}: {error}");
    let output = place.at("tmp/output");
    let write = File::create(&output).map_err(failed)?;
    let also = write.try_clone().map_err(failed)?;
    let path = find(program).ok_or_else(|| format!("{program} is no longer there"))?;
    let child = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", search_path())
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", place.root())
        .env("TMPDIR", place.at("tmp"))
        .env("DEBIAN_FRONTEND", "noninteractive")
        .envs(environment.iter().copied())
        .current_dir(place.root())
        .stdin(Stdio::null())
        .stdout(write)
        .stderr(also)
        .spawn()
        .map_err(failed)?;
    let code = end_of(Running(child), program).await?;
    let mut bytes = Vec::new();
    let read = File::open(&output).map_err(failed)?;
    read.take(OUTPUT_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let _ = std::fs::remove_file(&output);
    Ok(Outcome { code, text: harmless(&String::from_utf8_lossy(&bytes)) })
}

async fn end_of(mut running: Running, program: &str) -> Result<Option<i32>, String> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(LIMIT_SECONDS) {
        match running.0.try_wait() {
            Ok(Some(status)) => return Ok(status.code()),
            Ok(None) => tokio::time::sleep(Duration::from_millis(ASK_MILLISECONDS)).await,
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
    Err(format!("{program} did not end within {LIMIT_SECONDS} seconds"))
}

/// A program that is ended with the story, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_streams_the_code_and_the_environment_come_as_they_are() {
        let place = Place::make(None).unwrap();
        place.make_directory("tmp").unwrap();
        let script = "echo \"$NAME in $PWD\"; echo wrong >&2; exit 7";
        let outcome = run(&place, "sh", &["-c", script], &[("NAME", "me")]).await.unwrap();
        assert_eq!(outcome.code, Some(7));
        assert_eq!(outcome.text, format!("me in {}\nwrong\n", place.root()));
        let outcome = run(&place, "sh", &["-c", "kill -9 $$"], &[]).await.unwrap();
        assert_eq!(outcome.code, None);
    }

    #[test]
    fn a_program_that_is_nowhere_is_not_found() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
