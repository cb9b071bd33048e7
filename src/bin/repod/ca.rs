//! `repod ca`: the private key of the embedded CA, locked and unlocked by hand.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::path::PathBuf;

use clap::Subcommand;

use repod::server::ca::{self, CaChange};
use repod::time::{Clock, SystemClock};

#[derive(Subcommand)]
pub enum CaCommand {
    /// Lock the CA's private key with a passphrase, or with another one.
    #[command(after_help = "EXAMPLE\n  repod ca lock --passphrase-file /etc/repod/ca-passphrase")]
    Lock {
        /// The file with the new passphrase [default: the one that is configured].
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        rest: CaArguments,
    },
    /// Keep the CA's private key in the clear, in a file that its owner alone may read.
    #[command(after_help = "EXAMPLE\n  repod ca unlock")]
    Unlock(CaArguments),
}

#[derive(clap::Args)]
pub struct CaArguments {
    /// The file with the passphrase that opens the key now [default: the one that is configured].
    #[arg(long, value_name = "FILE")]
    old_passphrase_file: Option<PathBuf>,
    /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(command: CaCommand) -> Result<(), String> {
    let (change, rest) = match command {
        CaCommand::Lock { passphrase_file, rest } => (CaChange::Lock(passphrase_file), rest),
        CaCommand::Unlock(rest) => (CaChange::Unlock, rest),
    };
    let config = repod::server::config_path(rest.config);
    let old = rest.old_passphrase_file.as_deref();
    let fits = ca::change(&config, &change, old, SystemClock.now()).map_err(|e| e.to_string())?;
    match &change {
        CaChange::Unlock => println!("The CA's private key is in the clear, for its owner alone."),
        CaChange::Lock(_) => println!("The CA's private key is locked."),
    }
    if let (false, CaChange::Unlock) = (fits, &change) {
        println!(
            "Its passphrase is still configured: take ca.passphrase_file out of repod.toml, or the"
        );
        println!("systemd credential away, before you remove the file that it is in.");
    }
    if let (false, CaChange::Lock(Some(path))) = (fits, &change) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        println!("Before the server is started, name the passphrase in repod.toml:");
        println!("  [ca]");
        println!("  passphrase_file = {:?}", path.display().to_string());
        println!("or hand it over as the systemd credential repod-ca-passphrase.");
    }
    Ok(())
}
