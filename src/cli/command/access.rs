//! `repoctl host …` and `repoctl identity …`.

use std::path::{Path, PathBuf};

use super::{Session, enrol, holder, listing};
use crate::api::{
    Code, HostGrant, HostRequest, HostSetup, IdentityGrant, IdentityRequest, IssuedCertificate,
    RevocationRequest, SetupFile, SetupQuery, SuiteChoice,
};
use crate::cli::args::{
    HostCommand, HostIssue, HostSetupArgs, IdentityCommand, IdentityIssue, LimitArgs, NamedRevoke,
    UpgradeArg,
};
use crate::cli::consent::Question;
use crate::cli::failure::Failure;
use crate::cli::keys::{NewKey, make_private_directory, write_new};
use crate::cli::render;
use crate::cli::text::{escape, when};
use crate::cli::tree::{SCRIPT, Tree};
use crate::cli::units;
use crate::client::Client;
use crate::debian::{Component, SuiteName};

/// Issues, lists, shows, sets up and revokes hosts.
///
/// # Errors
/// A [`Failure`] from the server, the network or the disk.
pub async fn host(session: &mut Session<'_>, command: &HostCommand) -> Result<(), Failure> {
    match command {
        HostCommand::Issue(args) => issue_host(session, args).await,
        HostCommand::Setup(args) => set_up(session, args).await,
        HostCommand::Grant(args) => {
            let right = HostGrant { suites: holder::suites_of(session, &args.suite)? };
            let choice = SuiteChoice::Named(right.suites.clone());
            holder::settle_right(session, &args.name, true, &choice, &LimitArgs::default()).await?;
            let granted = session.client.grant_host(&args.name, &right).await?;
            session.show(&granted, |_| render::access::granted(&granted));
            Ok(())
        }
        HostCommand::Revoke(args) => revoke(session, args, true).await,
        HostCommand::Token(args) => enrol::token(session, args).await,
        // On the host itself, before there is a client.
        HostCommand::Enroll(_)
        | HostCommand::Renew(_)
        | HostCommand::Refresh(_)
        | HostCommand::Report(_) => Ok(()),
        HostCommand::List(args) => listing::hosts(session, args).await,
        HostCommand::Show { name } => listing::host(session, name).await,
    }
}

/// Issues, lists and revokes identities.
///
/// # Errors
/// A [`Failure`] from the server, the network or the disk.
pub async fn identity(session: &mut Session<'_>, command: &IdentityCommand) -> Result<(), Failure> {
    match command {
        IdentityCommand::Issue(args) => issue_identity(session, args).await,
        IdentityCommand::Grant(args) => {
            let suites = choice_of(session, args.all_suites, &args.suite)?;
            holder::settle_right(session, &args.name, false, &suites, &args.limits).await?;
            let (components, packages) = limits_of(&args.limits);
            let right = IdentityGrant { role: args.role, suites, components, packages };
            let granted = session.client.grant_identity(&args.name, &right).await?;
            session.show(&granted, |_| render::access::granted(&granted));
            Ok(())
        }
        IdentityCommand::Revoke(args) => revoke(session, args, false).await,
        IdentityCommand::List { all } => listing::identities(session, *all).await,
    }
}

async fn issue_host(session: &mut Session<'_>, args: &HostIssue) -> Result<(), Failure> {
    let suites = holder::suites_of(session, &args.suite)?;
    let choice = SuiteChoice::Named(suites.clone());
    holder::settle_right(session, &args.name, true, &choice, &LimitArgs::default()).await?;
    let directory = directory_of(args.how.out.as_deref(), &args.name);
    make_private_directory(&directory)?;
    let key = NewKey::make(&args.name)?;
    // The key is written to disk before its certificate is issued, because a certificate without
    // its key would have to be revoked.
    let key_file = directory.join("new.key");
    write_new(&key_file, 0o600, key.key_pem.as_bytes())?;
    let request = HostRequest {
        name: args.name.clone(),
        suites: suites.clone(),
        csr_pem: key.csr_pem.clone(),
        days: args.how.days,
    };
    let issued = match session.client.issue_host(&request).await {
        Ok(issued) => issued,
        Err(error) => return Err(give_up(&directory, &key_file, error.into())),
    };
    let certificate_file = directory.join("new.crt");
    write_new(&certificate_file, 0o644, issued.certificate_pem.as_bytes())?;
    let laid_out = lay_out(&session.client, args, &suites, &issued, &key, &directory).await;
    let (files, notes) = laid_out.map_err(|failure| {
        let hint = format!(
            "the certificate was issued: it and its key are new.crt and new.key in {}",
            directory.display()
        );
        failure.with_hint(hint)
    })?;
    remove(&key_file)?;
    remove(&certificate_file)?;
    tell_issued(session, &issued, &directory, &files, &notes);
    Ok(())
}

async fn lay_out(
    client: &Client,
    args: &HostIssue,
    suites: &[SuiteName],
    issued: &IssuedCertificate,
    key: &NewKey,
    directory: &Path,
) -> Result<(Vec<PathBuf>, Vec<String>), Failure> {
    let setup = fetch_setup(client, &args.name, suites, args.upgrade).await?;
    let tree = Tree::of(&setup)?.with_key(&setup, &issued.certificate_pem, &key.key_pem)?;
    let files = tree.write(directory, &args.name)?;
    Ok((files, setup.notes))
}

async fn set_up(session: &mut Session<'_>, args: &HostSetupArgs) -> Result<(), Failure> {
    let setup = fetch_setup(&session.client, &args.name, &args.suite, args.upgrade).await?;
    let files = Tree::of(&setup)?.write(&args.out, &args.name)?;
    let value = serde_json::json!({ "directory": args.out, "files": files, "notes": setup.notes });
    session.show(&value, |_| listing(&args.out, &files, &setup.notes));
    Ok(())
}

async fn fetch_setup(
    client: &Client,
    name: &str,
    suites: &[SuiteName],
    upgrade: UpgradeArg,
) -> Result<HostSetup, Failure> {
    let names: Vec<&str> = suites.iter().map(SuiteName::as_str).collect();
    let suites = (!names.is_empty()).then(|| names.join(","));
    let mut setup = client.host_setup(name, &SetupQuery { suites, installs: false }).await?;
    let minutes = upgrade.upgrade_every.into_iter();
    let units = minutes.flat_map(|minutes| units::upgrade_units(name, minutes));
    setup.files.extend(units.map(|(unit, content)| SetupFile {
        path: format!("/{}/{unit}", units::UNITS),
        mode: "0644".into(),
        owner: "root".into(),
        content,
    }));
    Ok(setup)
}

async fn issue_identity(session: &mut Session<'_>, args: &IdentityIssue) -> Result<(), Failure> {
    let suites = choice_of(session, args.all_suites, &args.suite)?;
    holder::settle_right(session, &args.name, false, &suites, &args.limits).await?;
    let directory = directory_of(args.how.out.as_deref(), &args.name);
    make_private_directory(&directory)?;
    let key = NewKey::make(&args.name)?;
    let key_file = directory.join("client.key");
    write_new(&key_file, 0o600, key.key_pem.as_bytes())?;
    let (components, packages) = limits_of(&args.limits);
    let request = IdentityRequest {
        name: args.name.clone(),
        role: args.role,
        suites,
        components,
        packages,
        csr_pem: key.csr_pem.clone(),
        days: args.how.days,
    };
    let issued = match session.client.issue_identity(&request).await {
        Ok(issued) => issued,
        Err(error) => return Err(give_up(&directory, &key_file, error.into())),
    };
    write_new(&directory.join("client.crt"), 0o644, issued.certificate_pem.as_bytes())?;
    write_new(&directory.join("ca.crt"), 0o644, issued.ca_pem.as_bytes())?;
    let config = client_config(session.client.server());
    write_new(&directory.join("config.toml"), 0o644, config.as_bytes())?;
    let files = ["client.key", "client.crt", "ca.crt", "config.toml"].map(PathBuf::from);
    let note = "put the directory at ~/.config/repoctl, or use --config DIR/config.toml".to_owned();
    tell_issued(session, &issued, &directory, &files, &[note]);
    Ok(())
}

fn client_config(server: &str) -> String {
    let server = toml::Value::String(server.to_owned());
    format!(
        "server = {server}\ncertificate = \"client.crt\"\nkey = \"client.key\"\nca = \"ca.crt\"\n"
    )
}

/// Revokes a host or an identity; its certificates can never be used again.
async fn revoke(session: &mut Session<'_>, args: &NamedRevoke, host: bool) -> Result<(), Failure> {
    let mut question = Question::because(format!(
        "every certificate of {} ends for good, and its rights are taken away",
        args.name
    ));
    if !session.said_yes() {
        let found = listing::find(&session.client, &args.name, host).await?;
        question.shown = render::access::show(&found, &session.sheet());
    }
    session.settle(&question)?;
    let request = RevocationRequest::default();
    let outcome = match host {
        true => session.client.revoke_host(&args.name, &request).await,
        false => session.client.revoke_identity(&args.name, &request).await,
    };
    let outcome = match outcome {
        Err(error) if error.is(Code::Missing) => {
            return Err(listing::absent(&session.client, &args.name, host)
                .await
                .unwrap_or(error.into()));
        }
        outcome => outcome?,
    };
    let now = session.now();
    session.show(&outcome, |_| render::access::revoked(&outcome, now));
    Ok(())
}

fn choice_of(
    session: &Session<'_>,
    all: bool,
    named: &[SuiteName],
) -> Result<SuiteChoice, Failure> {
    if all {
        Ok(SuiteChoice::All)
    } else {
        Ok(SuiteChoice::Named(holder::suites_of(session, named)?))
    }
}

fn limits_of(limits: &LimitArgs) -> (Vec<Component>, Vec<String>) {
    (limits.component.clone(), limits.package.clone())
}

fn directory_of(out: Option<&Path>, name: &str) -> PathBuf {
    out.map_or_else(|| PathBuf::from(name), Path::to_owned)
}

/// Removes the files for a certificate that was not received. If the server issued it and only the
/// answer was lost, the next try makes a new key and a new certificate.
fn give_up(directory: &Path, key_file: &Path, failure: Failure) -> Failure {
    let _ = std::fs::remove_file(key_file);
    let _ = std::fs::remove_dir(directory);
    failure
}

fn remove(path: &Path) -> Result<(), Failure> {
    std::fs::remove_file(path).map_err(|error| {
        Failure::refused(format!("{}: cannot be removed: {error}", path.display()))
    })
}

fn tell_issued(
    session: &mut Session<'_>,
    issued: &IssuedCertificate,
    directory: &Path,
    files: &[PathBuf],
    notes: &[String],
) {
    let now = session.now();
    let value =
        serde_json::json!({ "directory": directory, "files": files, "certificate": issued });
    session.show(&value, |_| {
        let (name, end) = (escape(&issued.identity), when(issued.not_after, now));
        let serial = escape(&issued.serial);
        format!("{name} has certificate {serial}, which ends {end}\n")
            + &listing(directory, files, notes)
    });
}

fn listing(directory: &Path, files: &[PathBuf], notes: &[String]) -> String {
    let mut out = String::new();
    for file in files {
        out.push_str(&format!("  {}\n", escape(&directory.join(file).display().to_string())));
    }
    for note in notes {
        out.push_str(&format!("note: {}\n", escape(note)));
    }
    if files.iter().any(|file| file.as_os_str() == SCRIPT) {
        let directory = escape(&directory.display().to_string());
        out.push_str(&format!(
            "next: copy {directory} to the host and run {SCRIPT} there as root\n"
        ));
    }
    out
}
