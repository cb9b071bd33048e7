//! Errors of the disk: strace makes the system calls of a running server fail at one file.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::programs::{program, require};
use crate::harness::roots::not_run;

/// What SQLite writes and syncs with.
pub const SYNC: &str = "fsync,fdatasync";
pub const WRITE: &str = "write,pwrite64";

/// A server whose calls fail until this is dropped.
pub struct Injected(Child);

impl Injected {
    /// From here on these calls at `path` fail with EIO: the `when`th, or from it on with `when+`.
    /// `None`, noted, where nobody may trace.
    pub fn at(pid: u32, path: &Path, calls: &str, when: &str) -> Option<Self> {
        Self::with(pid, path, calls, &format!("error=EIO:when={when}"))
    }

    /// From here on these calls at `path` do not end.
    pub fn hanging(pid: u32, path: &Path, calls: &str) -> Option<Self> {
        Self::with(pid, path, calls, "delay_enter=1000000000")
    }

    fn with(pid: u32, path: &Path, calls: &str, how: &str) -> Option<Self> {
        let mut strace = Command::new(require("strace"))
            .args(["-f", "-qq", "-o", "/dev/null", "-p", &pid.to_string(), "-P"])
            .arg(path)
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{how}")])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !is_traced_by(pid, strace.id()) {
            if strace.try_wait().unwrap().is_some() {
                not_run(
                    "failing-disk",
                    "strace may not trace a process here, so that no disk fails",
                );
                return None;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "strace does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self(strace))
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        // It lets go of the server, and ends with it.
        let pid = self.0.id().to_string();
        program("sh").args(["-c", &format!("kill -INT {pid}")]).run();
        let _ended = self.0.wait();
    }
}

/// Whether every thread of a process is traced by another one.
fn is_traced_by(pid: u32, tracer: u32) -> bool {
    let line = format!("TracerPid:\t{tracer}");
    let is_traced = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|one| one == line)
    };
    let mut threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.all(|thread| is_traced(thread.unwrap()))
}
