//! `repod backup` and `repod restore`.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::path::{Path, PathBuf};

use repod::amount::{count, size};
use repod::cli::Meter;
use repod::server::backup::list as list_backups;
use repod::server::backup::restore::{self, RestoreOptions, Restored};
use repod::server::backup::whole::{self, BackedUp, BackupOptions};
use repod::time::{Clock, SystemClock};

#[derive(clap::Args)]
pub struct BackupArguments {
    /// The directory of backups, on another disk: new, empty, or with earlier ones. What they have
    /// in common is stored once.
    dir: PathBuf,
    /// List the backups there, and make none.
    #[arg(long, conflicts_with = "keep")]
    list: bool,
    /// Remove all but so many backups, the newest, this one included [default: none is removed].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(clap::Args)]
pub struct RestoreArguments {
    /// The directory of backups.
    dir: PathBuf,
    /// The data directory: that of a server that is stopped, or a new one. Of one that is there the
    /// catalogue goes back, and what is missing is added; the catalogue of now is kept.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Which backup, as `repod backup --list` names it [default: the last one].
    #[arg(long, value_name = "BACKUP")]
    backup: Option<String>,
}

pub fn back_up(arguments: BackupArguments) -> Result<(), String> {
    if arguments.list {
        return list(&arguments.dir);
    }
    let options = BackupOptions {
        config: repod::server::config_path(arguments.config),
        to: arguments.dir,
        keep: arguments.keep,
    };
    let meter = Meter::new("copying");
    let done = whole::run(&options, SystemClock.now(), &mut |done, total| meter.tell(done, total));
    let BackedUp { name, files, copied, copied_bytes, removed, problems } =
        done.map_err(|error| error.to_string())?;
    println!(
        "Backup {name}: {}, {copied} of them copied now ({}) and read back.",
        count(files, "file"),
        size(copied_bytes)
    );
    removed.iter().for_each(|name| println!("Backup {name} was removed."));
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!(
        "not everything is in the backup:\n  {}\n`repod check` tells more",
        problems.join("\n  ")
    ))
}

fn list(directory: &Path) -> Result<(), String> {
    let backups = list_backups(directory).map_err(|error| error.to_string())?;
    for backup in &backups {
        println!("{}  {}", backup.name, backup.at);
    }
    if backups.is_empty() {
        println!("There is no whole backup in {}.", directory.display());
    }
    Ok(())
}

pub fn restore(arguments: RestoreArguments) -> Result<(), String> {
    let options =
        RestoreOptions { from: arguments.dir, data: arguments.data, backup: arguments.backup };
    let meter = Meter::new("copying");
    let done =
        restore::run(&options, SystemClock.now(), &mut |done, total| meter.tell(done, total));
    let Restored { backup, copied, kept, former, is_complete, problems } =
        done.map_err(|error| error.to_string())?;
    println!("Restored the state of {}; copied: {}.", backup.at, count(copied, "file"));
    if let Some(former) = former {
        println!("The catalogue of before is {}.", former.display());
    }
    if !kept.is_empty() {
        println!("Kept as they were: {}.", kept.join(", "));
    }
    println!(
        "{}",
        match is_complete {
            true => "What was accepted and revoked since is known: versions keep their bytes.",
            false =>
                "What was accepted and revoked since is not known: revoke again what was revoked.",
        }
    );
    println!("Start the server: hosts follow with their next update. Then: repoctl restored");
    match problems.is_empty() {
        true => Ok(()),
        false => Err(format!("not everything could be restored:\n  {}", problems.join("\n  "))),
    }
}
