//! `repod`: the server, and the tools that work on its data directory.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use repod::amount::count;
use repod::cli::{Meter, Terminal};
use repod::debian::SuiteName;
use repod::demo::DemoOptions;
use repod::domain::Identity;
use repod::server::export::{ExportOptions, Exported};
use repod::server::keys::KeyChange;
use repod::signing::KeyKind;
use repod::time::{Clock, SystemClock};

#[path = "repod/backup.rs"]
mod backup;
#[path = "repod/ca.rs"]
mod ca;
#[path = "repod/check.rs"]
mod check;
#[path = "repod/make.rs"]
mod make;
#[path = "repod/manual.rs"]
mod manual;

/// How often free memory is returned to the system.
const GIVE_BACK: std::time::Duration = std::time::Duration::from_secs(10);

/// Settings of the allocator, made before there is a second thread. By default its trim threshold
/// grows with the largest buffer that was ever freed, and every thread may have an arena of that
/// size (docs/adr/0017-allocator.md).
#[expect(
    unsafe_code,
    reason = "the allocator's own call takes two numbers and touches nothing of ours"
)]
fn bound_memory() {
    let settings = [
        (libc::M_ARENA_MAX, 4),
        (libc::M_TRIM_THRESHOLD, 512 << 10),
        (libc::M_MMAP_THRESHOLD, 4 << 20),
    ];
    for (what, value) in settings {
        // SAFETY: it is called before there is a second thread; it refuses an unknown setting.
        unsafe { libc::mallopt(what, value) };
    }
}

/// Returns free memory between used memory to the system, which the allocator never does
/// automatically.
#[expect(
    unsafe_code,
    reason = "the allocator's own call takes a number and touches nothing of ours"
)]
fn give_back() {
    // SAFETY: any thread may call it at any time; it frees nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// A private APT repository server: generations, rollback that hosts obey, client certificates.
#[derive(Parser)]
#[command(name = "repod", version, after_help = "EXAMPLE\n  repod demo")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell the whole story on this machine: a server, two uploads, the real apt-get, a rollback.
    #[command(after_help = "EXAMPLE\n  repod demo --exit")]
    Demo {
        /// End after the story, with 0 only if every step did what it says.
        #[arg(long)]
        exit: bool,
        /// A new directory to use, and to keep [default: a temporary one, which is removed].
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Make a data directory: signing key, CA, certificates, first operator, repod.toml.
    #[command(after_help = "EXAMPLE\n  repod init --data /var/lib/repod --name repo.example.org")]
    Init(Box<make::InitArguments>),
    /// Serve a data directory until SIGTERM; SIGHUP reloads certificates, lists and limits.
    #[command(after_help = "EXAMPLE\n  repod serve --config /var/lib/repod/repod.toml")]
    Serve {
        /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Make an identity an admin, on the data directory of a server that is stopped: the first one
    /// of a CA of your own, or another one when none is left.
    #[command(after_help = "EXAMPLE\n  repod admin alice.example.org")]
    Admin {
        /// The identity, as its certificate names it.
        name: String,
        /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Show and change the signing keys of a server that is stopped. While it runs: `repoctl key`.
    #[command(
        subcommand,
        after_help = "EXAMPLE\n  repod key list --config /var/lib/repod/repod.toml"
    )]
    Key(KeyCommand),
    /// Lock and unlock the private key of the embedded CA, of a server that is stopped.
    #[command(
        subcommand,
        after_help = "EXAMPLE\n  repod ca lock --passphrase-file /etc/repod/ca-passphrase"
    )]
    Ca(ca::CaCommand),
    /// Write the live suites as a plain repository that any web server can serve; again, to bring
    /// it up to date. Works while the server runs.
    #[command(after_help = "EXAMPLE\n  repod export /srv/www/debian --suite stable")]
    Export {
        /// The directory to write: new, empty, or of an earlier export.
        dir: PathBuf,
        /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Only this suite; may be given several times.
        #[arg(long = "suite", value_name = "SUITE")]
        suites: Vec<String>,
        /// Copy the packages, also where they could be hard links to those of the data directory.
        #[arg(long)]
        copy: bool,
        /// How long what is no longer listed stays, so that a host in the middle of an update finds
        /// what it asks for: 24h, 3d or 1w.
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = repod::cli::parse_hours)]
        keep: u32,
        /// Remove at once what is no longer listed.
        #[arg(long, conflicts_with = "keep")]
        prune: bool,
    },
    /// Hold all that is stored against its digests: packages, indices of every generation, stanzas,
    /// the catalogue, dates, keys, the audit log. Works while the server runs; ends with 1 when
    /// something is not what was stored.
    #[command(after_help = "EXAMPLE\n  repod check --config /var/lib/repod/repod.toml")]
    Check(check::CheckArguments),
    /// Copy the whole data directory as it is at this moment, and read back what was copied. Works
    /// while the server runs. What earlier backups in the directory have is not copied again.
    #[command(after_help = "EXAMPLE\n  repod backup /srv/backups/repod --keep 30")]
    Backup(backup::BackupArguments),
    /// Bring a data directory back to the state of a backup. The server must be stopped.
    #[command(after_help = "EXAMPLE\n  repod restore /srv/backups/repod --data /var/lib/repod")]
    Restore(backup::RestoreArguments),
    /// What can be done with the audit log without asking the server.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print what makes a shell complete repod's commands.
    #[command(after_help = "EXAMPLE\n  repod completions bash > /etc/bash_completion.d/repod")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages.
    #[command(after_help = "EXAMPLE\n  repod man /usr/local/share/man/man1")]
    Man {
        /// Where to.
        directory: PathBuf,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Hold the whole log against its chain and its signed checkpoints. Works while the server
    /// runs.
    #[command(after_help = "EXAMPLE\n  repod audit verify --config /var/lib/repod/repod.toml")]
    Verify {
        /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// List the keys that sign.
    #[command(after_help = "EXAMPLE\n  repod key list")]
    List(KeyArguments),
    /// Make a key, which signs beside the others once the server is started.
    #[command(after_help = "EXAMPLE\n  repod key new")]
    New {
        /// The kind.
        #[arg(long, value_enum, default_value_t = Key::Ed25519)]
        kind: Key,
        #[command(flatten)]
        rest: KeyArguments,
    },
    /// Take over a private key that was made elsewhere.
    #[command(after_help = "EXAMPLE\n  repod key import archive-private.asc")]
    Import {
        /// The key, armored, mode 0600; a copy is kept.
        file: PathBuf,
        #[command(flatten)]
        rest: KeyArguments,
    },
    /// Stop signing with a key; nobody is asked which hosts have another.
    #[command(after_help = "EXAMPLE\n  repod key retire 0123456789ABCDEF0123456789ABCDEF01234567")]
    Retire {
        /// Its fingerprint.
        fingerprint: String,
        #[command(flatten)]
        rest: KeyArguments,
    },
}

#[derive(clap::Args)]
struct KeyArguments {
    /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only for this suite; may be given several times [default: every suite].
    #[arg(long = "suite", value_name = "SUITE")]
    suites: Vec<SuiteName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Key {
    Ed25519,
    Rsa4096,
}

impl From<Key> for KeyKind {
    fn from(key: Key) -> Self {
        match key {
            Key::Ed25519 => Self::Ed25519,
            Key::Rsa4096 => Self::Rsa4096,
        }
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo { exit, dir } => demo(DemoOptions { exit, dir }),
        Command::Init(arguments) => make::run(*arguments),
        Command::Serve { config } => serve(config),
        Command::Admin { name, config } => admin(&name, config),
        Command::Key(command) => keys(command),
        Command::Ca(command) => ca::run(command),
        Command::Export { dir, config, suites, copy, keep, prune } => {
            let config = repod::server::config_path(config);
            let keep_seconds = if prune { 0 } else { u64::from(keep).saturating_mul(3600) };
            export(&ExportOptions { config, to: dir, suites, copy, keep_seconds })
        }
        Command::Check(arguments) => check::run(arguments),
        Command::Backup(arguments) => backup::back_up(arguments),
        Command::Restore(arguments) => backup::restore(arguments),
        Command::Audit(AuditCommand::Verify { config }) => verify_audit(config),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "repod", &mut std::io::stdout());
            Ok(())
        }
        Command::Man { directory } => manual::pages(&directory),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // In colour on a terminal that wants it, as those of repoctl.
            Terminal::of_process().complain(&format!("error: {problem}\n"));
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Runtime::new().map_err(|error| format!("cannot start: {error}"))
}

fn serve(config: Option<PathBuf>) -> Result<(), String> {
    bound_memory();
    let path = repod::server::config_path(config);
    let runtime = runtime()?;
    runtime.spawn(async {
        let mut now_and_then = tokio::time::interval(GIVE_BACK);
        loop {
            now_and_then.tick().await;
            give_back();
        }
    });
    let result = runtime.block_on(repod::server::run(&path)).map_err(|error| error.to_string());
    runtime.shutdown_timeout(std::time::Duration::from_secs(10));
    result
}

fn admin(name: &str, config: Option<PathBuf>) -> Result<(), String> {
    let identity = Identity::parse(name).map_err(|error| error.to_string())?;
    let path = repod::server::config_path(config);
    let made = repod::server::admin::make(&path, &identity, SystemClock.now());
    made.map_err(|error| error.to_string())?;
    println!(
        "{identity} is admin of every suite, with whatever certificate of that name is trusted"
    );
    Ok(())
}

fn keys(command: KeyCommand) -> Result<(), String> {
    let (change, rest) = match command {
        KeyCommand::List(rest) => (KeyChange::List, rest),
        KeyCommand::New { kind, rest } => (KeyChange::Make(kind.into()), rest),
        KeyCommand::Import { file, rest } => (KeyChange::Import(file), rest),
        KeyCommand::Retire { fingerprint, rest } => {
            (KeyChange::Retire(fingerprint.to_ascii_uppercase()), rest)
        }
    };
    let path = repod::server::config_path(rest.config);
    let keys = repod::server::keys::change(&path, change, rest.suites, SystemClock.now());
    for key in keys.map_err(|error| error.to_string())? {
        let suites = key.suites.map_or("every suite".to_owned(), |suites| {
            suites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        });
        let place = key.file.unwrap_or_else(|| "elsewhere".into());
        println!("{}  {}  {suites}  {place}", key.fingerprint, key.algorithm);
    }
    Ok(())
}

fn demo(options: DemoOptions) -> Result<(), String> {
    let runtime = runtime()?;
    let result = runtime.block_on(repod::demo::run(options)).map_err(|error| error.to_string());
    runtime.shutdown_timeout(std::time::Duration::from_secs(10));
    result
}

fn export(options: &ExportOptions) -> Result<(), String> {
    let exported = {
        let meter = Meter::new("exporting");
        let mut progress = |done, total| meter.tell(done, total);
        repod::server::export::run(options, &mut progress).map_err(|error| error.to_string())?
    };
    println!("Exported to {}:", options.to.display());
    for (suite, generation) in &exported.suites {
        println!("  {suite}  generation {generation}");
    }
    let Exported { packages, added, removed, left_out, .. } = exported;
    println!("{}; new: {}; gone: {removed}.", count(packages, "package"), count(added, "file"));
    match left_out.is_empty() {
        true => Ok(()),
        false => Err(format!("all but these packages are exported:\n  {}", left_out.join("\n  "))),
    }
}

fn verify_audit(config: Option<PathBuf>) -> Result<(), String> {
    let config = repod::server::config_path(config);
    let found = repod::server::audit::verify(&config, SystemClock.now());
    let found = found.map_err(|error| error.to_string())?;
    if !found.faults.is_empty() {
        return Err(format!(
            "the audit log is not what was written\n  {}",
            found.faults.join("\n  ")
        ));
    }
    let (entries, signed) = (found.end.entries, found.signed_entries);
    let entries = count(entries, "entry");
    println!("The audit log is whole: {entries}, signed up to entry {signed}.");
    println!("  last hash  {}", found.end.hash);
    Ok(())
}
