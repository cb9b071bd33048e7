//! Holds the server's system calls on its data directory, counts them, and has one of them fail.
//!
//! The kernel stops each call before it is done (seccomp's user notification) and asks here: it goes on, or ends
//! with an error and is not done. So it is what the disk says, to SQLite and to every other library, and of every
//! thread of the server together the calls have one order.
#![allow(
    unsafe_code,
    reason = "a filter of system calls is loaded by system calls that no crate wraps"
)]

use std::fs::File;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::names::{CALLS, Place};

/// Which call fails, and how.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Of the calls that can fail so, the how manieth, from 0 on.
    pub at: usize,
    pub errno: Errno,
}

/// What a disk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// The disk is broken at this place.
    Io,
    /// It is full.
    NoSpace,
    /// The process, or the machine, has no descriptor left.
    Descriptors,
    /// A signal came.
    Interrupted,
}

impl Errno {
    pub const ALL: [Self; 4] = [Self::Io, Self::NoSpace, Self::Descriptors, Self::Interrupted];

    fn number(self) -> i32 {
        match self {
            Self::Io => libc::EIO,
            Self::NoSpace => libc::ENOSPC,
            Self::Descriptors => libc::EMFILE,
            Self::Interrupted => libc::EINTR,
        }
    }
}

/// What came since it was armed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub failed: Option<String>,
    /// How many could have failed so.
    pub counted: usize,
}

#[derive(Default)]
struct Plan {
    fault: Option<Fault>,
    armed: bool,
    /// Below this folder nothing can be synced.
    broken: Option<&'static str>,
    seen: Seen,
}

/// The supervisor of one server after the other on the same directory.
pub struct Supervisor {
    root: PathBuf,
    plan: Arc<Mutex<Plan>>,
}

impl Supervisor {
    /// Of a server whose files are below `root`.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), plan: Arc::default() }
    }

    /// Counts from now on, and has the call of `fault` fail.
    pub fn arm(&self, fault: Option<Fault>) {
        *self.plan.lock().unwrap() = Plan { fault, armed: true, ..Plan::default() };
    }

    /// From now on no sync succeeds below this folder, or all do again.
    pub fn break_syncs(&self, below: Option<&'static str>) {
        self.plan.lock().unwrap().broken = below;
    }

    /// Nothing fails from now on.
    pub fn disarm(&self) -> Seen {
        let mut plan = self.plan.lock().unwrap();
        plan.armed = false;
        std::mem::take(&mut plan.seen)
    }

    /// Whether the call that is to fail has failed.
    pub fn has_failed(&self) -> bool {
        self.plan.lock().unwrap().seen.failed.is_some()
    }

    /// Starts a program whose calls are held.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<std::process::Child> {
        let (here, there) = UnixDatagram::pair()?;
        let filter = filter();
        let send = move || {
            let listener = load(&filter)?;
            let listener = [rustix::fd::AsFd::as_fd(&listener)];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut message = SendAncillaryBuffer::new(&mut space);
            message.push(SendAncillaryMessage::ScmRights(&listener));
            let byte = [std::io::IoSlice::new(b"x")];
            sendmsg(&there, &byte, &mut message, SendFlags::empty())?;
            Ok(())
        };
        // SAFETY: between fork and exec it makes system calls alone, and allocates nothing.
        unsafe { command.pre_exec(send) };
        // Before the child is made, because it may be held already on its way to exec.
        let (root, plan) = (self.root.clone(), Arc::clone(&self.plan));
        std::thread::spawn(move || {
            if let Ok(listener) = receive(&here) {
                answer_all(&listener, &root, &plan);
            }
        });
        command.spawn()
    }
}

/// The listener that the child sent.
fn receive(socket: &UnixDatagram) -> std::io::Result<OwnedFd> {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        socket,
        &mut [std::io::IoSliceMut::new(&mut byte)],
        &mut message,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let found = message.drain().find_map(|one| match one {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    found.ok_or_else(|| std::io::Error::other("the child sent no listener"))
}

/// Asks for each call in [`CALLS`], and lets every other one go on.
fn filter() -> Vec<libc::sock_filter> {
    let jump = |code: u32, k: i64, jt: u8, jf: u8| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt,
        jf,
        k: u32::try_from(k).unwrap(),
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equals = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let mut program = vec![jump(load, 0, 0, 0)];
    for (at, call) in CALLS.iter().enumerate() {
        let to_the_end = u8::try_from(CALLS.len() - at).unwrap();
        program.push(jump(equals, call.number, to_the_end, 0));
    }
    program.push(jump(libc::BPF_RET, i64::from(libc::SECCOMP_RET_ALLOW), 0, 0));
    program.push(jump(libc::BPF_RET, i64::from(libc::SECCOMP_RET_USER_NOTIF), 0, 0));
    program
}

fn load(filter: &[libc::sock_filter]) -> std::io::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap_or(0),
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the program outlives the call, and the kernel copies it.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        let fd = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        );
        match RawFd::try_from(fd) {
            Ok(fd) if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd)),
            _ => Err(std::io::Error::last_os_error()),
        }
    }
}

/// Answers until the process has ended.
fn answer_all(listener: &OwnedFd, root: &Path, plan: &Mutex<Plan>) {
    loop {
        let events = libc::POLLIN;
        let mut wait = libc::pollfd { fd: listener.as_raw_fd(), events, revents: 0 };
        // SAFETY: one structure, as the count says.
        unsafe { libc::poll(&raw mut wait, 1, -1) };
        if wait.revents & libc::POLLHUP != 0 {
            return;
        }
        // SAFETY: a structure of numbers, all of which may be zero, as the kernel wants it.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills the structure that the request is for.
        let got = unsafe {
            libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut asked)
        };
        if got != 0 {
            continue;
        }
        let error = judge(&asked, root, plan).map_or(0, |errno| -errno.number());
        let going_on = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap();
        let mut answer = libc::seccomp_notif_resp {
            id: asked.id,
            val: 0,
            error,
            flags: if error == 0 { going_on } else { 0 },
        };
        // SAFETY: as above. It fails when the thread that asked has ended, and then nobody waits.
        unsafe {
            libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer);
        }
    }
}

/// Whether the call fails, and how. It is looked at only while the supervisor is armed.
fn judge(asked: &libc::seccomp_notif, root: &Path, plan: &Mutex<Plan>) -> Option<Errno> {
    let mut plan = plan.lock().unwrap();
    if !plan.armed && plan.broken.is_none() {
        return None;
    }
    let call = CALLS.iter().find(|call| call.number == i64::from(asked.data.nr))?;
    let path = call.places.iter().find_map(|place| {
        let path = match *place {
            Place::Descriptor(at) => open_file(asked, at)?,
            Place::Path(at) => working_directory(asked)?.join(text(asked, at)?),
            Place::PathAt(folder, at) => folder_of(asked, folder)?.join(text(asked, at)?),
        };
        path.strip_prefix(root).map(Path::to_owned).ok()
    })?;
    if plan.broken.is_some_and(|below| call.name.contains("sync") && path.starts_with(below)) {
        return Some(Errno::Io);
    }
    let what = format!("{} {}", call.name, path.display());
    let fault = plan.fault.filter(|_| plan.armed)?;
    let flags = call.flags.map_or(0, |at| asked.data.args[at]);
    let fits = match fault.errno {
        Errno::Io => true,
        Errno::NoSpace => call.takes_space || flags & libc::O_CREAT as u64 != 0,
        Errno::Descriptors => call.flags.is_some(),
        Errno::Interrupted => call.is_interrupted,
    };
    if !fits || plan.seen.failed.is_some() {
        return None;
    }
    plan.seen.counted += 1;
    if plan.seen.counted <= fault.at {
        return None;
    }
    plan.seen.failed = Some(what);
    Some(fault.errno)
}

/// What a descriptor of the process is open for.
fn open_file(asked: &libc::seccomp_notif, at: usize) -> Option<PathBuf> {
    let fd = asked.data.args[at] as i32;
    std::fs::read_link(format!("/proc/{}/fd/{fd}", asked.pid)).ok()
}

fn working_directory(asked: &libc::seccomp_notif) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{}/cwd", asked.pid)).ok()
}

fn folder_of(asked: &libc::seccomp_notif, at: usize) -> Option<PathBuf> {
    match asked.data.args[at] as i32 {
        libc::AT_FDCWD => working_directory(asked),
        _ => open_file(asked, at),
    }
}

/// A text in the memory of the process.
fn text(asked: &libc::seccomp_notif, at: usize) -> Option<String> {
    let memory = File::open(format!("/proc/{}/mem", asked.pid)).ok()?;
    let mut bytes = Vec::new();
    let mut from = asked.data.args[at];
    // Not beyond the page, behind which there may be nothing.
    while bytes.len() < 4096 {
        let mut part = vec![0; usize::try_from(256 - from % 256).ok()?];
        let count = memory.read_at(&mut part, from).ok()?;
        if let Some(end) = part[..count].iter().position(|byte| *byte == 0) {
            bytes.extend_from_slice(&part[..end]);
            return String::from_utf8(bytes).ok();
        }
        bytes.extend_from_slice(&part[..count]);
        from += count as u64;
    }
    None
}
