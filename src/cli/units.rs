//! Units: what systemd runs on a host.

use std::path::Path;

use super::failure::Failure;
use super::replace::{self, Rights};
use super::root::Root;
use crate::digest::Digest;

/// Where systemd looks for units of the machine. This directory also shows whether systemd is
/// there.
pub const UNITS: &str = "etc/systemd/system";
/// The unit that keeps a host as it should be.
pub const RENEW_SERVICE: &str = "/etc/systemd/system/repod-renew.service";
/// The same as the file has it, for the usual place of this program.
pub const SERVICE: &str = include_str!("../../packaging/repod-renew.service");
/// What earlier builds wrote there.
pub const EARLIER_SERVICE: &str = include_str!("../../packaging/earlier/repod-renew.service");
const UPGRADE_SERVICE: &str = include_str!("../../packaging/repod-upgrade.service");
const UPGRADE_TIMER: &str = include_str!("../../packaging/repod-upgrade.timer");
/// The timer that upgrades a host.
pub const UPGRADE_TIMER_NAME: &str = "repod-upgrade.timer";
const TIMER: &str = include_str!("../../packaging/repod-renew.timer");
/// Where the unit looks for this program.
pub const USUAL_PROGRAM: &str = "/usr/bin/repoctl";

/// The text of the service on the machine below `root`.
pub fn renewal_unit(root: &Root) -> String {
    let program = std::env::current_exe().ok().filter(|_| root.is_own());
    let program = program.and_then(|path| path.to_str().map(str::to_owned));
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.+".contains(c);
    let program = program.filter(|path| path.chars().all(plain));
    SERVICE.replace(USUAL_PROGRAM, program.as_deref().unwrap_or(USUAL_PROGRAM))
}

/// Whether the machine below `root` has systemd.
pub fn has_systemd(root: &Root) -> bool {
    root.target(UNITS).is_ok_and(|path| path.is_dir())
}

/// Writes a timer that keeps the certificate and the files of the host as they should be, where the
/// machine has systemd. Returns what is left to do by hand.
///
/// # Errors
/// A [`Failure`] that names the file that cannot be written.
pub fn write(root: &Root) -> Result<Option<String>, Failure> {
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

/// The longest that the first run waits. Unit: seconds.
const LONGEST_OFFSET_SECONDS: u64 = 6 * 3_600;

/// The units that upgrade a host every so many minutes, by their names: on each host at a time of
/// its own, drawn from its name.
pub fn upgrade_units(identity: &str, minutes: u32) -> [(&'static str, String); 2] {
    let digest = Digest::of(identity.as_bytes());
    let drawn = digest.as_bytes().iter().take(7).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    let spread = u64::from(minutes).saturating_mul(60).min(LONGEST_OFFSET_SECONDS);
    let offset = drawn.checked_rem(spread).unwrap_or_default();
    let timer = UPGRADE_TIMER
        .replace("@PERIOD@", &format!("{minutes}min"))
        .replace("@OFFSET@", &format!("{offset}s"));
    [("repod-upgrade.service", UPGRADE_SERVICE.to_owned()), (UPGRADE_TIMER_NAME, timer)]
}

/// Writes those units, where the machine has systemd. Returns what is left to do by hand.
///
/// # Errors
/// A [`Failure`] that names the file that cannot be written.
pub fn write_upgrade(root: &Root, identity: &str, minutes: u32) -> Result<String, Failure> {
    if !has_systemd(root) {
        return Ok(
            "there is no systemd here for --upgrade-every: run repod-upgrade by other means".into(),
        );
    }
    for (name, text) in upgrade_units(identity, minutes) {
        put(root, name, &text)?;
    }
    want(root, UPGRADE_TIMER_NAME)?;
    Ok("repod-upgrade.timer upgrades from the next start on, or now: systemctl daemon-reload && \
        systemctl start repod-upgrade.timer"
        .into())
}

fn put(root: &Root, name: &str, text: &str) -> Result<(), Failure> {
    let rights = Rights { mode: 0o644, owner: None };
    replace::file(&root.place(Path::new(UNITS).join(name))?, rights, text.as_bytes())
}

/// Has systemd start a timer with the machine.
fn want(root: &Root, timer: &str) -> Result<(), Failure> {
    let wanted = root.target(Path::new(UNITS).join("timers.target.wants"))?;
    replace::directory(&wanted)?;
    replace::link(&Path::new("..").join(timer), &wanted.join(timer))
}
