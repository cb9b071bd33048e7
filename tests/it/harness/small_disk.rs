//! Disks that are small enough to fill: file systems in memory, of so many bytes or so many files.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::programs::{is_root, program};
use super::roots::not_run;

pub const MIB: usize = 1 << 20;
/// How many files a small disk takes.
const INODES: usize = 2_000;

/// What of a disk is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    Bytes,
    Inodes,
}

/// A small disk, detached when dropped, whatever still uses it.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    /// Puts a directory with all that is in it on a small disk. `None`, noted, where nobody may mount.
    pub fn under(dir: &Path, mib: usize) -> Option<Self> {
        if !is_root() {
            not_run("full-disk", "only root can mount a disk that is small enough to fill");
            return None;
        }
        let aside = dir.with_extension("aside");
        fs::rename(dir, &aside).unwrap();
        fs::create_dir(dir).unwrap();
        let size = format!("size={mib}m,nr_inodes={INODES},mode=0755");
        let mount = program("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir).run();
        if !mount.succeeded() {
            let why = format!("a disk that is small enough to fill cannot be mounted: {mount}");
            not_run("full-disk", &why);
            return None;
        }
        let all = format!("{}/.", aside.display());
        program("cp").args(["-a", &all]).arg(dir).run().expect_success();
        fs::remove_dir_all(aside).unwrap();
        Some(Self(dir.to_owned()))
    }

    /// Uses up what is left. It may be done again when something became free.
    pub fn fill(&self, full: Full) {
        let dir = self.0.join("filler");
        match full {
            Full::Bytes => {
                let mut file = File::options().create(true).append(true).open(&dir).unwrap();
                for piece in [MIB, 4096, 1] {
                    let zeroes = vec![0; piece];
                    while file.write_all(&zeroes).is_ok() {}
                }
            }
            Full::Inodes => {
                let made = fs::create_dir(&dir).is_ok() || dir.is_dir();
                assert!(made, "there was no inode for a directory");
                let before = fs::read_dir(&dir).unwrap().count();
                let mut numbers = before..;
                while numbers
                    .next()
                    .is_some_and(|number| File::create(dir.join(format!("{number}"))).is_ok())
                {
                }
            }
        }
    }

    /// Frees what was used up.
    pub fn empty(&self) {
        let dir = self.0.join("filler");
        let _whichever_it_is = fs::remove_file(&dir).or_else(|_| fs::remove_dir_all(&dir));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        program("umount").arg("--lazy").arg(&self.0).run();
    }
}
