//! Checks: which programs of `/etc/repod/health.d` may be run, and one of them run, within its time and output.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::root::Root;
use crate::domain::health::{CheckName, Ended, LONGEST_TEXT_BYTES, MOST_CHECKS};

/// Where the checks are.
pub const PLACE: &str = "etc/repod/health.d";
/// How much of what a check prints is kept. The rest is read and thrown away, so that the check does not wait. Unit: bytes.
const MOST_KEPT_BYTES: usize = 4 << 10;
/// How often it is looked at whether a check has ended.
const LOOK: Duration = Duration::from_millis(20);
/// How long a check that was told to end may tidy up.
const GRACE: Duration = Duration::from_secs(2);

/// A check that may be run.
#[derive(Debug)]
pub struct Check {
    /// Its name.
    pub name: CheckName,
    path: PathBuf,
}

/// What is in the directory.
#[derive(Debug, Default)]
pub struct Found {
    /// What is run, by name.
    pub checks: Vec<Check>,
    /// What is not, with the reason.
    pub left_out: Vec<(OsString, String)>,
}

/// Looks for checks. They are run as root, so nobody else may be able to alter one, or put one there.
///
/// # Errors
/// Why none is run: who else may write to the directory, or to one that it is in.
pub fn find(root: &Root) -> Result<Found, String> {
    let mut at = PathBuf::new();
    for part in Path::new(PLACE) {
        at.push(part);
        let place = root.place(&at).map_err(|failure| failure.message)?;
        let data = match fs::symlink_metadata(&place) {
            Ok(data) => data,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Found::default());
            }
            Err(error) => return Err(format!("{}: {error}", place.display())),
        };
        let problem = match data.is_dir() {
            true => open_to(&data),
            false => Some("is no directory".to_owned()),
        };
        if let Some(problem) = problem {
            return Err(format!("{}: {problem}", place.display()));
        }
    }
    let place = root.place(PLACE).map_err(|failure| failure.message)?;
    let unreadable = |error: std::io::Error| format!("{}: {error}", place.display());
    let mut names = fs::read_dir(&place)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    names.sort();
    let mut found = Found::default();
    for name in names {
        match judge(&place, &name) {
            Ok(check) if found.checks.len() < MOST_CHECKS => found.checks.push(check),
            Ok(_) => found.left_out.push((name, format!("there are {MOST_CHECKS} before it"))),
            Err(problem) => found.left_out.push((name, problem)),
        }
    }
    Ok(found)
}

fn judge(place: &Path, file_name: &OsString) -> Result<Check, String> {
    let name = file_name.to_str().ok_or("its name is no text")?;
    let name = CheckName::parse(name).map_err(|problem| format!("its name {problem}"))?;
    let path = place.join(file_name);
    let data = fs::symlink_metadata(&path).map_err(|error| error.to_string())?;
    if data.is_symlink() {
        return Err("is a symbolic link; put the program itself there".into());
    }
    if !data.is_file() {
        return Err("is no file".into());
    }
    if let Some(problem) = open_to(&data) {
        return Err(problem);
    }
    match data.mode() & 0o100 {
        0 => Err("is not executable".into()),
        _ => Ok(Check { name, path }),
    }
}

/// Who beside the one who runs it could alter it.
fn open_to(data: &Metadata) -> Option<String> {
    let own = rustix::process::geteuid().as_raw();
    if data.uid() != 0 && data.uid() != own {
        return Some(format!("belongs to user {}, and not to root", data.uid()));
    }
    (data.mode() & 0o022 != 0).then(|| "may be written by its group or by others".to_owned())
}

/// Runs a check, for no longer than `most`. Gives how it ended, and the first line that it printed.
pub fn run(check: &Check, most: Duration) -> (Ended, String) {
    let begun = Instant::now();
    let (reader, writer) = match std::io::pipe() {
        Ok(pipe) => pipe,
        Err(error) => return (Ended::Failed, line(&format!("cannot be run: {error}"))),
    };
    let spawned = writer.try_clone().and_then(|errors| {
        Command::new(&check.path)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/root")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(errors)
            // Whatever it starts ends with it.
            .process_group(0)
            .spawn()
    });
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return (Ended::Failed, line(&format!("cannot be run: {error}"))),
    };
    let (kept, output) = mpsc::channel();
    // It ends with the last writer; one that has left the group and still writes is not waited for.
    std::thread::spawn(move || read_some(reader, &kept));
    let status = wait(&mut child, begun, most);
    end_group(&child);
    let printed = output.recv_timeout(GRACE).unwrap_or_default();
    let first = first_line(&printed);
    match status {
        None => (Ended::TimedOut, line(&format!("not done after {} s {first}", most.as_secs()))),
        Some(status) if status.success() => (Ended::Passed, String::new()),
        Some(status) if first.is_empty() => (Ended::Failed, ending(status)),
        Some(_) => (Ended::Failed, first),
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "did not end well".into(),
    }
}

/// How it ended; `None` when it had to be ended.
fn wait(child: &mut Child, begun: Instant, most: Duration) -> Option<ExitStatus> {
    while begun.elapsed() < most {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => std::thread::sleep(LOOK),
            Err(_) => break,
        }
    }
    signal(child, rustix::process::Signal::TERM);
    let told = Instant::now();
    while told.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK);
    }
    end_group(child);
    let _status = child.wait();
    None
}

/// Ends what a check has left running.
fn end_group(child: &Child) {
    signal(child, rustix::process::Signal::KILL);
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended already, with all of its group.
        let _gone = rustix::process::kill_process_group(group, signal);
    }
}

fn read_some(mut from: std::io::PipeReader, to: &mpsc::Sender<Vec<u8>>) {
    let (mut kept, mut block) = (Vec::new(), [0_u8; 4096]);
    while let Ok(count @ 1..) = from.read(&mut block) {
        let room = MOST_KEPT_BYTES.saturating_sub(kept.len());
        kept.extend(block.iter().take(count.min(room)));
    }
    let _nobody_waits = to.send(kept);
}

fn first_line(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let found = text.lines().map(str::trim).find(|line| !line.is_empty());
    line(found.unwrap_or_default())
}

/// One line that a result may have.
fn line(text: &str) -> String {
    let mut line: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    while line.len() > LONGEST_TEXT_BYTES {
        line.pop();
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn place(root: &Path) -> PathBuf {
        let place = root.join(PLACE);
        fs::create_dir_all(&place).unwrap();
        place
    }

    fn script(place: &Path, name: &str, mode: u32, body: &str) {
        let path = place.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn run_all(root: &Path, most: Duration) -> Vec<String> {
        let found = find(&Root::of(root)).unwrap();
        let ran = found.checks.iter().map(|check| {
            let (ended, text) = run(check, most);
            format!("{} {} {text}", check.name, ended.as_str()).trim_end().to_owned()
        });
        ran.collect()
    }

    #[test]
    fn what_others_could_alter_is_not_run_and_is_named() {
        let root = tempfile::tempdir().unwrap();
        assert!(find(&Root::of(root.path())).unwrap().checks.is_empty());
        let place = place(root.path());
        script(&place, "10-good", 0o755, "exit 0");
        script(&place, "open-to-group", 0o775, "exit 0");
        script(&place, "open-to-all", 0o757, "exit 0");
        script(&place, "no-program", 0o644, "exit 0");
        script(&place, "old.dpkg-old", 0o755, "exit 0");
        fs::create_dir(place.join("folder")).unwrap();
        std::os::unix::fs::symlink("/bin/true", place.join("link")).unwrap();
        let found = find(&Root::of(root.path())).unwrap();
        let run: Vec<_> = found.checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(run, ["10-good"]);
        let left_out: Vec<_> =
            found.left_out.iter().map(|(name, why)| format!("{}: {why}", name.display())).collect();
        assert_eq!(
            left_out,
            [
                "folder: is no file",
                "link: is a symbolic link; put the program itself there",
                "no-program: is not executable",
                "old.dpkg-old: its name is no name for run-parts: at most 64 letters, digits, '_' and '-'",
                "open-to-all: may be written by its group or by others",
                "open-to-group: may be written by its group or by others",
            ]
        );
        // Whoever may write to the directory may put another program there.
        for path in [root.path().join("etc/repod"), place] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
            let problem = find(&Root::of(root.path())).unwrap_err();
            assert!(problem.ends_with("may be written by its group or by others"), "{problem}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn a_directory_that_is_a_link_out_is_not_followed() {
        let (root, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        script(out.path(), "10-good", 0o755, "exit 0");
        fs::create_dir_all(root.path().join("etc/repod")).unwrap();
        std::os::unix::fs::symlink(out.path(), root.path().join(PLACE)).unwrap();
        assert!(find(&Root::of(root.path())).unwrap_err().ends_with("is no directory"));
    }

    #[test]
    fn good_and_bad_ones_are_told_apart_and_the_first_line_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        script(&place, "a-good", 0o755, "echo all is well");
        script(&place, "b-bad", 0o755, "echo; echo 'no \u{1b}[31mroute'; echo more; exit 3");
        script(&place, "c-mute", 0o755, "exit 7");
        script(&place, "d-errors", 0o755, "echo refused >&2; exit 1");
        script(&place, "e-killed", 0o755, "kill -9 $$");
        script(
            &place,
            "f-clean",
            0o755,
            "test -z \"$SECRET\" && test \"$PWD\" = / && ! read -r line",
        );
        fs::write(place.join("g-broken"), "#!/no/such/program\n").unwrap();
        fs::set_permissions(place.join("g-broken"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(
            run_all(root.path(), Duration::from_secs(20)),
            [
                "a-good pass",
                "b-bad fail no [31mroute",
                "c-mute fail ended with 7",
                "d-errors fail refused",
                "e-killed fail ended by signal 9",
                "f-clean pass",
                "g-broken fail cannot be run: No such file or directory (os error 2)",
            ]
        );
    }

    #[test]
    fn one_that_hangs_floods_or_leaves_children_is_ended_in_time() {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        script(&place, "a-hangs", 0o755, "echo waiting; sleep 600");
        script(&place, "b-deaf", 0o755, "trap '' TERM; while :; do sleep 1; done");
        script(&place, "c-floods", 0o755, "exec yes flood");
        let begun = Instant::now();
        let ran = run_all(root.path(), Duration::from_secs(1));
        assert_eq!(ran[0], "a-hangs timeout not done after 1 s waiting");
        assert_eq!(ran[1], "b-deaf timeout not done after 1 s");
        assert_eq!(ran[2], "c-floods timeout not done after 1 s flood");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        // Much, and then well: nobody waits for a reader, and nothing of it is kept.
        fs::remove_dir_all(&place).unwrap();
        fs::create_dir(&place).unwrap();
        script(&place, "d-much", 0o755, "head -c 20000000 /dev/zero; exit 0");
        script(&place, "e-leaves", 0o755, "sleep 600 & exit 0");
        let begun = Instant::now();
        assert_eq!(run_all(root.path(), Duration::from_secs(20)), ["d-much pass", "e-leaves pass"]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}
