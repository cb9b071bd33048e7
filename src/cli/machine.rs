//! The machine as it is: packages, release, kernels, and how apt last ended. Only what a report says is read.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::failure::Failure;
use super::root::Root;
use crate::api::{HealthFacts, HostFacts};
use crate::debian::Version;
use crate::debian::dpkg_status::{InstalledPackage, read_automatic, read_status};
use crate::domain::health::HealthRun;
use crate::domain::inventory::{Entry, Installed, LONGEST_FACT_BYTES, MOST_SERVICES, Marks};
use crate::time::Moment;

/// Where `repod-upgrade` leaves when it ended, and with which code.
const UPGRADE_RESULT: &str = "var/lib/repoctl/upgrade-result";
/// Where `repoctl health run` keeps what the checks said.
pub const HEALTH: &str = "var/lib/repoctl/health";
const NEEDRESTART: &str = "/usr/sbin/needrestart";
/// How long needrestart may look at processes. Unit: seconds.
const NEEDRESTART_SECONDS: &str = "60";

/// What is installed on the machine below `root`, in order of source packages, which packs well; and how many packages
/// were left out.
///
/// # Errors
/// A [`Failure`] when dpkg's file cannot be read.
pub fn packages(root: &Root) -> Result<(Vec<Entry>, u64), Failure> {
    let path = root.target("var/lib/dpkg/status")?;
    let text = fs::read(&path).map_err(|error| {
        Failure::refused(format!("{}: cannot be read: {error}", path.display()))
            .with_hint("is it a machine with dpkg? --root names another one")
    })?;
    let installed = read_status(&String::from_utf8_lossy(&text));
    let states = root.target("var/lib/apt/extended_states")?;
    let states = fs::read(states).unwrap_or_default();
    let automatic = read_automatic(&String::from_utf8_lossy(&states));
    let entry = |one: InstalledPackage| {
        let key = (one.name.to_string(), one.architecture.to_string());
        // apt notes packages for all architectures under the machine's own.
        let auto = automatic.contains(&key)
            || one.architecture.is_all() && automatic.iter().any(|(name, _)| *name == key.0);
        let marks = Marks { held: one.is_held, auto, broken: one.is_broken };
        let InstalledPackage { name, architecture, version, source, source_version, .. } = one;
        Entry { package: Installed { name, architecture, version, source, source_version }, marks }
    };
    let mut entries: Vec<_> = installed.packages.into_iter().map(entry).collect();
    let key = |entry: &Entry| {
        let package = &entry.package;
        let source = package.source.clone().unwrap_or_else(|| package.name.clone());
        (source, package.name.clone(), package.architecture.clone())
    };
    entries.sort_by_cached_key(key);
    Ok((entries, installed.unreadable as u64))
}

/// What else a report says.
pub fn facts(root: &Root, unreadable: u64) -> HostFacts {
    let release = ["etc/os-release", "usr/lib/os-release"];
    let release = release.iter().find_map(|path| text(root, path));
    let release = release.unwrap_or_default();
    let of_release = |name| line(&os_release(&release, name).unwrap_or_default());
    let kernel = text(root, "proc/sys/kernel/osrelease").unwrap_or_default();
    let (apt_at, apt_error) = last_apt(root);
    let mut facts = HostFacts {
        os: of_release("ID"),
        os_version: of_release("VERSION_ID"),
        os_codename: of_release("VERSION_CODENAME"),
        kernel: line(&kernel),
        kernel_expected: newest_kernel(root).unwrap_or_default(),
        reboot: ["run/reboot-required", "var/run/reboot-required"]
            .iter()
            .any(|path| root.has(path)),
        services: Vec::new(),
        apt_at,
        apt_error: line(&apt_error),
        unreadable,
        health: health(root),
    };
    if root.is_own() && Path::new(NEEDRESTART).exists() {
        // Without it, what the files say is all that is known.
        let looked =
            Command::new("timeout").args([NEEDRESTART_SECONDS, NEEDRESTART, "-b"]).output();
        if let Ok(output) = looked {
            take_needrestart(&mut facts, &String::from_utf8_lossy(&output.stdout));
        }
    }
    facts
}

/// What the checks said when they were last run.
fn health(root: &Root) -> Option<HealthFacts> {
    let run = HealthRun::parse(&text(root, HEALTH)?).ok().filter(HealthRun::is_bounded)?;
    Some(HealthFacts {
        at: run.at.0,
        changed_at: run.changed_at.map(|at| at.0),
        checks: run.checks.iter().map(ToString::to_string).collect(),
    })
}

/// The text of a file of the machine, where it can be read.
fn text(root: &Root, path: &str) -> Option<String> {
    fs::read_to_string(root.target(path).ok()?).ok()
}

/// One line that a report may have: no control characters, and not too long.
fn line(text: &str) -> String {
    let mut line: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    while line.len() > LONGEST_FACT_BYTES {
        line.pop();
    }
    line
}

/// The value of a line `NAME=VALUE`, which may be quoted. Source: os-release(5).
fn os_release(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?.trim();
    Some(value.trim_matches(['"', '\'']).to_owned())
}

fn newest_kernel(root: &Root) -> Option<String> {
    let names = fs::read_dir(root.target("boot").ok()?).ok()?.flatten();
    let releases = names.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Version::parse(name.strip_prefix("vmlinuz-")?).ok()
    });
    Some(releases.max_by(|a, b| a.compare(b))?.to_string())
}

/// When apt last altered packages, or `repod-upgrade` last ended, whichever was later; and what went wrong.
fn last_apt(root: &Root) -> (Option<i64>, String) {
    let history = root.target("var/log/apt/history.log").ok();
    let data = history.as_deref().and_then(|path| fs::metadata(path).ok());
    let changed = data.and_then(|data| data.modified().ok());
    let changed = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let by_apt = changed.and_then(|since| i64::try_from(since.as_secs()).ok());
    let result = text(root, UPGRADE_RESULT).unwrap_or_default();
    let by_upgrade = result.trim().split_once(' ');
    let by_upgrade =
        by_upgrade.and_then(|(at, code)| Some((at.parse::<i64>().ok()?, code.parse::<u8>().ok()?)));
    match (by_apt, by_upgrade) {
        // Within the same minute it is the same run.
        (Some(by_apt), Some((at, code))) if at.saturating_add(60) >= by_apt => {
            let error = apt_error(history.as_deref()).filter(|_| code != 0);
            let code =
                if code == 0 { String::new() } else { format!("repod-upgrade ended with {code}") };
            (Some(at), error.unwrap_or(code))
        }
        (None, Some((at, 0))) => (Some(at), String::new()),
        (None, Some((at, code))) => (Some(at), format!("repod-upgrade ended with {code}")),
        (Some(at), _) => (Some(at), apt_error(history.as_deref()).unwrap_or_default()),
        (None, None) => (None, String::new()),
    }
}

/// What the last entry of apt's history says that went wrong.
fn apt_error(history: Option<&Path>) -> Option<String> {
    let text = fs::read(history?).ok()?;
    let text = String::from_utf8_lossy(&text);
    let last = text.trim_end().rsplit("\n\n").next()?;
    last.lines().find_map(|line| line.strip_prefix("Error: ")).map(str::to_owned)
}

/// Takes kernels and services out of what `needrestart -b` prints. Sessions and processes stay where they are: they
/// name users. Source: README.batch.md of needrestart.
fn take_needrestart(facts: &mut HostFacts, text: &str) {
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "NEEDRESTART-KCUR" => facts.kernel = line(value),
            "NEEDRESTART-KEXP" => facts.kernel_expected = line(value),
            // 3: the kernel that runs is not the newest of its packages.
            "NEEDRESTART-KSTA" => facts.reboot |= value.trim() == "3",
            "NEEDRESTART-SVC" => {
                let unit = value.trim();
                let of_user = unit.starts_with("user@") || unit.starts_with("session-");
                let is_unit =
                    unit.len() <= LONGEST_FACT_BYTES && unit.bytes().all(|b| b.is_ascii_graphic());
                if !of_user && is_unit && !unit.is_empty() && facts.services.len() < MOST_SERVICES {
                    facts.services.push(unit.to_owned());
                }
            }
            _ => {}
        }
    }
    facts.services.sort();
}

/// A number for a report that comes after the last one: the time, or one more.
pub fn next_number(now: Moment, last: u64) -> u64 {
    u64::try_from(now.0).unwrap_or(0).max(last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_needrestart_services_and_kernels_are_taken_and_no_user() {
        let mut facts = HostFacts::default();
        take_needrestart(
            &mut facts,
            "NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-27-amd64\nNEEDRESTART-KEXP: 6.1.0-28-amd64\n\
             NEEDRESTART-KSTA: 3\nNEEDRESTART-SVC: ssh.service\nNEEDRESTART-SVC: cron.service\n\
             NEEDRESTART-SVC: user@1000.service\nNEEDRESTART-SESS: ann @ user manager service\n",
        );
        assert_eq!(facts.services, ["cron.service", "ssh.service"]);
        assert_eq!(
            (facts.kernel.as_str(), facts.kernel_expected.as_str()),
            ("6.1.0-27-amd64", "6.1.0-28-amd64")
        );
        assert!(facts.reboot);
    }

    #[test]
    fn release_kernel_and_the_last_run_of_apt_are_read() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "etc/os-release",
            "NAME=x\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\n",
        );
        write("boot/vmlinuz-6.1.0-9-amd64", "");
        write("boot/vmlinuz-6.1.0-28-amd64", "");
        write("run/reboot-required", "");
        write(
            "var/log/apt/history.log",
            "\nStart-Date: x\nError: old\nEnd-Date: x\n\nStart-Date: y\nRequested-By: ann (1000)\nError: Sub-process\nEnd-Date: y\n",
        );
        let facts = facts(&Root::of(root.path()), 0);
        assert_eq!(
            (&*facts.os, &*facts.os_version, &*facts.os_codename),
            ("debian", "12", "bookworm")
        );
        assert_eq!(facts.kernel_expected, "6.1.0-28-amd64");
        assert!(facts.reboot && facts.apt_at.is_some());
        assert_eq!(facts.apt_error, "Sub-process");
        write(UPGRADE_RESULT, "99999999999 100\n");
        assert_eq!(super::facts(&Root::of(root.path()), 0).apt_error, "Sub-process");
        write(UPGRADE_RESULT, "99999999999 0\n");
        let facts = super::facts(&Root::of(root.path()), 0);
        assert_eq!((facts.apt_at, facts.apt_error), (Some(99_999_999_999), String::new()));
    }
}
