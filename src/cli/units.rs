//! Units: what systemd runs on a host.

use std::path::Path;

use super::failure::Failure;
use super::replace::{self, Rights};

/// Where systemd looks for units of the machine. This directory also shows whether systemd is
/// there.
pub const UNITS: &str = "etc/systemd/system";
/// The unit that keeps a host as it should be.
pub const RENEW_SERVICE: &str = "/etc/systemd/system/repod-renew.service";
/// The same as the file has it, for the usual place of this program.
pub const SERVICE: &str = include_str!("../../packaging/repod-renew.service");
/// What earlier builds wrote there.
pub const EARLIER_SERVICE: &str = include_str!("../../packaging/earlier/repod-renew.service");
const TIMER: &str = include_str!("../../packaging/repod-renew.timer");
/// Where the unit looks for this program.
pub const USUAL_PROGRAM: &str = "/usr/bin/repoctl";

/// The text of the service on the machine below `root`.
pub fn renewal_unit(root: &Path) -> String {
    let program = std::env::current_exe().ok().filter(|_| root == Path::new("/"));
    let program = program.and_then(|path| path.to_str().map(str::to_owned));
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.+".contains(c);
    let program = program.filter(|path| path.chars().all(plain));
    SERVICE.replace(USUAL_PROGRAM, program.as_deref().unwrap_or(USUAL_PROGRAM))
}

/// Whether the machine below `root` has systemd.
pub fn has_systemd(root: &Path) -> bool {
    root.join(UNITS).is_dir()
}

/// Writes a timer that keeps the certificate and the files of the host as they should be, where the
/// machine has systemd. Returns what is left to do by hand.
///
/// # Errors
/// A [`Failure`] that names the file that cannot be written.
pub fn write(root: &Path) -> Result<Option<String>, Failure> {
    if !has_systemd(root) {
        let note = "there is no systemd here: run `repoctl host renew` and `repoctl host refresh` \
                    once a day by other means";
        return Ok(Some(note.into()));
    }
    put(root, "repod-renew.service", &renewal_unit(root))?;
    put(root, "repod-renew.timer", TIMER)?;
    want(root, "repod-renew.timer")?;
    let note = "the certificate is renewed by repod-renew.timer from the next start on, or now: \
                systemctl daemon-reload && systemctl start repod-renew.timer";
    Ok(Some(note.into()))
}

fn put(root: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let rights = Rights { mode: 0o644, owner: None };
    replace::file(&root.join(UNITS).join(name), rights, text.as_bytes())
}

/// Has systemd start a timer with the machine.
fn want(root: &Path, timer: &str) -> Result<(), Failure> {
    let wanted = root.join(UNITS).join("timers.target.wants");
    replace::directory(&wanted)?;
    replace::link(&Path::new("..").join(timer), &wanted.join(timer))
}
