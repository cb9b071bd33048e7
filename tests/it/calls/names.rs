//! The system calls that are held: those by which a program reaches files.
//!
//! Not fcntl(2): on a local file system no disk makes a lock or its end fail, and SQLite keeps a lock for ever
//! whose end failed.

/// Where a call says which file it is for: the number of an argument.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Descriptor(usize),
    /// Only where the machine has the older calls.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Path(usize),
    PathAt(usize, usize),
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub name: &'static str,
    pub number: i64,
    pub places: &'static [Place],
    /// Whether it fails on a full disk.
    pub takes_space: bool,
    /// Whether it may end by a signal.
    pub is_interrupted: bool,
    /// Where its flags are, of a call that opens a file.
    pub flags: Option<usize>,
}

const fn call(name: &'static str, number: i64, places: &'static [Place]) -> Call {
    Call { name, number, places, takes_space: false, is_interrupted: false, flags: None }
}

const fn writes(call: Call) -> Call {
    Call { takes_space: true, ..call }
}

const fn waits(call: Call) -> Call {
    Call { is_interrupted: true, ..call }
}

const fn opens(call: Call, flags: usize) -> Call {
    Call { flags: Some(flags), ..call }
}

use Place::{Descriptor, PathAt};

/// Those that every machine has.
macro_rules! calls {
    ($($more:expr),* $(,)?) => {
        &[
            waits(opens(call("openat", libc::SYS_openat, &[PathAt(0, 1)]), 2)),
            waits(call("read", libc::SYS_read, &[Descriptor(0)])),
            waits(call("pread64", libc::SYS_pread64, &[Descriptor(0)])),
            waits(call("readv", libc::SYS_readv, &[Descriptor(0)])),
            waits(call("preadv2", libc::SYS_preadv2, &[Descriptor(0)])),
            writes(waits(call("write", libc::SYS_write, &[Descriptor(0)]))),
            writes(waits(call("pwrite64", libc::SYS_pwrite64, &[Descriptor(0)]))),
            writes(waits(call("writev", libc::SYS_writev, &[Descriptor(0)]))),
            writes(waits(call("pwritev", libc::SYS_pwritev, &[Descriptor(0)]))),
            writes(waits(call("copy_file_range", libc::SYS_copy_file_range, &[Descriptor(0), Descriptor(2)]))),
            writes(waits(call("fallocate", libc::SYS_fallocate, &[Descriptor(0)]))),
            writes(waits(call("ftruncate", libc::SYS_ftruncate, &[Descriptor(0)]))),
            // A file that is written to lazily is told of a full disk here.
            writes(waits(call("fsync", libc::SYS_fsync, &[Descriptor(0)]))),
            writes(waits(call("fdatasync", libc::SYS_fdatasync, &[Descriptor(0)]))),
            call("sync_file_range", libc::SYS_sync_file_range, &[Descriptor(0)]),
            call("syncfs", libc::SYS_syncfs, &[Descriptor(0)]),
            call("mmap", libc::SYS_mmap, &[Descriptor(4)]),
            waits(call("flock", libc::SYS_flock, &[Descriptor(0)])),
            call("fstat", libc::SYS_fstat, &[Descriptor(0)]),
            call("newfstatat", libc::SYS_newfstatat, &[PathAt(0, 1), Descriptor(0)]),
            call("statx", libc::SYS_statx, &[PathAt(0, 1), Descriptor(0)]),
            call("fstatfs", libc::SYS_fstatfs, &[Descriptor(0)]),
            call("getdents64", libc::SYS_getdents64, &[Descriptor(0)]),
            call("lseek", libc::SYS_lseek, &[Descriptor(0)]),
            call("fchmod", libc::SYS_fchmod, &[Descriptor(0)]),
            call("fchmodat", libc::SYS_fchmodat, &[PathAt(0, 1)]),
            call("utimensat", libc::SYS_utimensat, &[PathAt(0, 1), Descriptor(0)]),
            writes(call("mkdirat", libc::SYS_mkdirat, &[PathAt(0, 1)])),
            writes(call("linkat", libc::SYS_linkat, &[PathAt(0, 1), PathAt(2, 3)])),
            writes(call("renameat", libc::SYS_renameat, &[PathAt(0, 1), PathAt(2, 3)])),
            writes(call("renameat2", libc::SYS_renameat2, &[PathAt(0, 1), PathAt(2, 3)])),
            call("unlinkat", libc::SYS_unlinkat, &[PathAt(0, 1)]),
            call("faccessat", libc::SYS_faccessat, &[PathAt(0, 1)]),
            call("readlinkat", libc::SYS_readlinkat, &[PathAt(0, 1)]),
            $($more),*
        ]
    };
}

/// All of them.
#[cfg(not(target_arch = "x86_64"))]
pub const CALLS: &[Call] = calls!();

/// All of them, with the older ones of this machine.
#[cfg(target_arch = "x86_64")]
pub const CALLS: &[Call] = calls!(
    waits(opens(call("open", libc::SYS_open, &[Place::Path(0)]), 1)),
    call("stat", libc::SYS_stat, &[Place::Path(0)]),
    call("lstat", libc::SYS_lstat, &[Place::Path(0)]),
    call("access", libc::SYS_access, &[Place::Path(0)]),
    call("statfs", libc::SYS_statfs, &[Place::Path(0)]),
    call("chmod", libc::SYS_chmod, &[Place::Path(0)]),
    writes(call("mkdir", libc::SYS_mkdir, &[Place::Path(0)])),
    writes(call("link", libc::SYS_link, &[Place::Path(0), Place::Path(1)])),
    writes(call("rename", libc::SYS_rename, &[Place::Path(0), Place::Path(1)])),
    call("unlink", libc::SYS_unlink, &[Place::Path(0)]),
    call("rmdir", libc::SYS_rmdir, &[Place::Path(0)]),
    call("readlink", libc::SYS_readlink, &[Place::Path(0)]),
);
