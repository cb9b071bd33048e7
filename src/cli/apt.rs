//! apt on this machine: whether it is at work, and which servers it reads.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};
use tokio::time::Instant;

use super::failure::Failure;
use super::holdings::read;

/// What apt holds while it fetches lists, and while it fetches packages. Source: apt, `pkgAcquire::GetLock`.
const LOCKS: [&str; 2] = ["var/lib/apt/lists/lock", "var/cache/apt/archives/lock"];
/// How long apt is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until apt below `root` fetches nothing, and keeps it from beginning until the answer is dropped.
///
/// # Errors
/// A [`Failure`] when it is at work for too long.
pub async fn quiet(root: &Path) -> Result<Vec<File>, Failure> {
    let until = Instant::now() + PATIENCE;
    let mut held = Vec::new();
    for path in LOCKS.map(|lock| root.join(lock)) {
        // Where there is no lock yet, apt has not been here.
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

/// The address of a server, as the sources of the machine below `root` have it.
///
/// # Errors
/// A [`Failure`] that names the file that does not say it.
pub fn address(root: &Path, server: &str) -> Result<String, Failure> {
    let path = root.join(format!("etc/apt/sources.list.d/repod-{server}.sources"));
    let text = read(&path)?;
    let found = text.lines().find_map(|line| line.strip_prefix("URIs:"));
    found.map(|address| address.trim().to_owned()).ok_or_else(|| {
        Failure::refused(format!("{}: has no line URIs", path.display()))
            .with_hint("write it again with repoctl host setup")
    })
}
