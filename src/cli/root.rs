//! Root: the file system of a machine below a directory. A symbolic link there means what it means to
//! that machine: `/etc/apt` is its own `/etc/apt`, and no `..` leads out.
//!
//! Whoever made an image thus decides nothing about the machine that prepares it, which mostly does
//! so as root. Something that runs in the image and exchanges links meanwhile is not held off.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use super::failure::Failure;

/// As many links as the kernel follows in one path. Source: Linux, `MAXSYMLINKS`.
const MOST_LINKS: usize = 40;

/// A directory that is the root of a machine.
#[derive(Clone, Debug)]
pub struct Root {
    path: PathBuf,
    /// This is the root of the machine that runs, so that the kernel follows links as meant.
    is_own: bool,
}

impl Root {
    /// The machine below this directory.
    pub fn of(path: &Path) -> Self {
        let is_own = fs::canonicalize(path).is_ok_and(|real| real == Path::new("/"));
        Self { path: path.to_owned(), is_own }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is the machine that runs.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Where a path of that machine is, for messages: nothing is followed.
    pub fn shown(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(relative(path.as_ref()))
    }

    /// Where the file or directory is that this path of that machine leads to, whether or not it
    /// exists.
    ///
    /// # Errors
    /// A [`Failure`] that names a path that cannot be followed.
    pub fn target(&self, path: impl AsRef<Path>) -> Result<PathBuf, Failure> {
        self.follow(path.as_ref(), true)
    }

    /// Where the file or link with this path is: its directories are followed, itself not.
    ///
    /// # Errors
    /// A [`Failure`] that names a path that cannot be followed.
    pub fn place(&self, path: impl AsRef<Path>) -> Result<PathBuf, Failure> {
        self.follow(path.as_ref(), false)
    }

    /// Whether this path of that machine leads to something.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.target(path).is_ok_and(|path| path.exists())
    }

    fn follow(&self, path: &Path, to_the_end: bool) -> Result<PathBuf, Failure> {
        if self.is_own {
            return Ok(self.shown(path));
        }
        self.walk(path, to_the_end).map_err(|error| {
            let shown = self.shown(path);
            Failure::refused(format!("{}: cannot be followed: {error}", shown.display()))
        })
    }

    fn walk(&self, path: &Path, to_the_end: bool) -> io::Result<PathBuf> {
        let (mut at, mut links) = (PathBuf::new(), 0);
        let mut ahead = parts(path);
        while let Some(part) = ahead.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            if ahead.is_empty() && !to_the_end {
                return Ok(self.path.join(next));
            }
            match fs::read_link(self.path.join(&next)) {
                Ok(_) if links == MOST_LINKS => return Err(rustix::io::Errno::LOOP.into()),
                Ok(link) => {
                    links += 1;
                    if link.is_absolute() {
                        at = PathBuf::new();
                    }
                    ahead.extend(parts(&link));
                }
                // No link, or not there, or below a file: opening it tells what is wrong.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::NotADirectory
                    ) =>
                {
                    at = next;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.path.join(at))
    }
}

/// The parts of a path, the last first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    named.rev().collect()
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn image(links: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        for (at, to) in links {
            let at = folder.path().join(at);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            symlink(to, at).unwrap();
        }
        let root = Root::of(folder.path());
        (folder, root)
    }

    #[test]
    fn a_link_means_what_it_means_on_that_machine() {
        let (folder, root) = image(&[
            ("etc/apt", "/etc/other"),
            ("sbin", "usr/sbin"),
            ("up", "../../../../etc"),
            ("etc/a/b/c", "../../d"),
            ("etc/file", "/etc/apt/x"),
        ]);
        let below = |path: &str| Some(folder.path().join(path));
        for (path, target, place) in [
            ("/etc/apt/repod/lock", "etc/other/repod/lock", "etc/other/repod/lock"),
            ("etc/apt", "etc/other", "etc/apt"),
            ("/sbin/x", "usr/sbin/x", "usr/sbin/x"),
            ("/up/passwd", "etc/passwd", "etc/passwd"),
            ("/../../etc/passwd", "etc/passwd", "etc/passwd"),
            ("/etc/a/b/c/e", "etc/d/e", "etc/d/e"),
            ("/etc/file", "etc/other/x", "etc/file"),
            ("/etc/plain/new", "etc/plain/new", "etc/plain/new"),
        ] {
            assert_eq!(root.target(path).ok(), below(target), "{path}");
            assert_eq!(root.place(path).ok(), below(place), "{path}");
        }
    }

    #[test]
    fn a_circle_of_links_is_refused() {
        let (_folder, root) = image(&[("etc/a", "b"), ("etc/b", "/etc/a")]);
        let message = root.target("/etc/a").err().unwrap().message;
        assert!(message.contains("etc/a: cannot be followed"), "{message}");
        // The link itself may be replaced.
        assert!(root.place("/etc/a").is_ok());
    }

    #[test]
    fn the_machine_that_runs_follows_its_own_links() {
        let root = Root::of(Path::new("/"));
        assert!(root.is_own());
        assert_eq!(root.target("/etc/mtab").ok(), Some(PathBuf::from("/etc/mtab")));
    }
}
