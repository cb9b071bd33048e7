//! apt on this machine: whether it is running, and which servers it reads.

use std::fs::{File, OpenOptions};
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};
use tokio::time::Instant;

use super::failure::Failure;
use super::host_certificates::read;
use super::replace::{self, wrong};
use super::root::Root;

/// The locks of apt while it fetches lists, and while it fetches packages. Source: apt,
/// `pkgAcquire::GetLock`.
const LOCKS: [&str; 2] = ["var/lib/apt/lists/lock", "var/cache/apt/archives/lock"];
/// How long to wait for apt.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);
/// The directory of sources, below the root of a machine.
const SOURCES: &str = "etc/apt/sources.list.d";

/// Waits until apt below `root` fetches nothing, and holds its locks until the result is dropped.
///
/// # Errors
/// A [`Failure`] when it runs for too long.
pub async fn quiet(root: &Root) -> Result<Vec<File>, Failure> {
    let until = Instant::now() + PATIENCE;
    let mut held = Vec::new();
    for path in LOCKS {
        let path = root.target(path)?;
        // Without a lock file, apt has not run here yet.
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
        while fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if Instant::now() > until {
                let text = format!("apt has been at work for long: it holds {}", path.display());
                return Err(Failure::refused(text).with_hint("run the same again when it is done"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        held.push(file);
    }
    Ok(held)
}

/// Renames the settings for a server that an earlier `repoctl` or server wrote without an
/// extension: apt ignores a file in `apt.conf.d` whose name has a dot and does not end in `.conf`.
///
/// # Errors
/// A [`Failure`] that names the file that cannot be renamed.
pub fn name_settings(root: &Root, server: &str) -> Result<(), Failure> {
    let folder = root.target("etc/apt/apt.conf.d")?;
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) };
    let (of_suites, of_host) = (format!("60repod-{server}-"), format!("61repod-{server}"));
    for entry in entries {
        let entry = entry.map_err(|error| wrong(&folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with(&of_suites) || name == of_host;
        if !ours || name.ends_with(".conf") {
            continue;
        }
        let to = folder.join(format!("{name}.conf"));
        match to.exists() {
            true => replace::gone(&entry.path())?,
            false => std::fs::rename(entry.path(), &to).map_err(|error| wrong(&to, &error))?,
        }
    }
    Ok(())
}

/// The address of a server in the sources of the machine below `root`. There is one file for each
/// suite, all with the same address.
///
/// # Errors
/// A [`Failure`] that names the directory without such a file.
pub fn address(root: &Root, server: &str) -> Result<String, Failure> {
    let folder = root.target(SOURCES)?;
    let unreadable =
        |error: std::io::Error| Failure::refused(format!("{}: {error}", folder.display()));
    let begin = format!("repod-{server}-");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(&begin) && name.ends_with(".sources") {
            paths.push(format!("{SOURCES}/{name}"));
        }
    }
    paths.sort();
    for path in paths {
        let text = read(&root.target(path)?)?;
        let addresses = text.lines().filter_map(|line| line.strip_prefix("URIs:"));
        // Files of a server whose name goes on behind a `-` begin alike.
        let mut ours = addresses.map(str::trim).filter(|url| is_of(url, server));
        if let Some(address) = ours.next() {
            return Ok(address.to_owned());
        }
    }
    let text = format!("{}: no {begin}*.sources has a line URIs of {server}", folder.display());
    Err(Failure::refused(text).with_hint("write it again with repoctl host setup"))
}

/// Whether an address is one of this server.
fn is_of(url: &str, server: &str) -> bool {
    let rest = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(server));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}
