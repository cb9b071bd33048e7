//! `repoctl host refresh`: writes what a host lacks, on the host.

use super::enrol::{of_host, read_certificate};
use super::host_client::connect;
use crate::api::SetupQuery;
use crate::cli::apt;
use crate::cli::args::HostRefresh;
use crate::cli::failure::Failure;
use crate::cli::host_certificates::HostCertificates;
use crate::cli::host_facts::{self, HostFacts};
use crate::cli::replace::{self, Rights};
use crate::cli::root::Root;
use crate::cli::terminal::Terminal;
use crate::cli::text::{escape, escape_json};
use crate::cli::wanted::{Host, Plan};
use crate::cli::written::Written;
use crate::client::Client;
use crate::debian::SuiteName;
use crate::domain::Identity;
use crate::time::Moment;

/// What was done so far, and what is to be said of it.
#[derive(Default)]
struct Told {
    wrote: Vec<String>,
    notes: Vec<String>,
    is_new: bool,
}

/// Writes what this host lacks, of every server that it reads.
///
/// # Errors
/// The first [`Failure`], after every server was tried.
pub async fn refresh(around: &mut Terminal, json: bool, args: &HostRefresh) -> Result<(), Failure> {
    let all = HostCertificates::all(&Root::of(&args.root))?;
    if all.is_empty() {
        return Err(Failure::refused("this machine holds no certificate of a repod")
            .with_hint("make a token with repoctl host token, and run repoctl host enroll here"));
    }
    let (mut told, mut failures) = (Told::default(), Vec::new());
    for host_certificates in &all {
        if let Err(failure) = refresh_one(args, host_certificates, &mut told, around.now()).await {
            let server = escape(host_certificates.server());
            let message = format!("{server}: {}", failure.message);
            failures.push(Failure { message, ..failure });
        }
    }
    if let Err(failure) = refresh_machine(args, &all, &mut told) {
        failures.push(failure);
    }
    print(around, json, args.dry_run, &told);
    let mut failures = failures.into_iter();
    let first = failures.next();
    for failure in failures {
        around.complain(&failure.lines());
    }
    first.map_or(Ok(()), Err)
}

fn print(around: &mut Terminal, json: bool, dry_run: bool, told: &Told) {
    if json {
        let value =
            serde_json::json!({ "dry_run": dry_run, "files": told.wrote, "notes": told.notes });
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        return around.print(&format!("{}\n", escape_json(&text)));
    }
    let verb = if dry_run { "would write" } else { "wrote" };
    let mut out = String::new();
    for path in &told.wrote {
        out.push_str(&format!("{verb} {}\n", escape(path)));
    }
    for note in &told.notes {
        out.push_str(&format!("note: {}\n", escape(note)));
    }
    if told.is_new && !dry_run {
        out.push_str("next: apt-get update\n");
    }
    around.print(&out);
}

async fn refresh_one(
    args: &HostRefresh,
    host_certificates: &HostCertificates,
    told: &mut Told,
    now: Moment,
) -> Result<(), Failure> {
    let (root, server) = (host_certificates.root(), host_certificates.server());
    let mut written = Written::open(root)?;
    if !args.dry_run {
        apt::name_settings(root, server)?;
    }
    let (client, name) = connect(host_certificates, &written, now)?;
    let asked = ask(&client, &name, server, None).await;
    let mut facts = asked.map_err(|failure| of_host(failure, &name))?;
    let mut plan = plan(root, args.force, &written, &facts)?;
    if !plan.new_suites.is_empty() && !args.dry_run {
        // The server notes that the host has these keys, so they are the ones that it gives now.
        let new = ask(&client, &name, server, Some(&plan.new_suites)).await?;
        let is_new = |suite: &SuiteName| new.suites.iter().any(|one| one.spec.name == *suite);
        facts.suites.retain(|one| !is_new(&one.spec.name));
        facts.suites.extend(new.suites);
        plan = self::plan(root, args.force, &written, &facts)?;
    }
    written.note_address(server, &facts.address.public_url);
    carry_out(args.dry_run, root, &mut written, plan, told)
}

/// What the server says of the suites of this host, or of these.
async fn ask(
    client: &Client,
    name: &str,
    server: &str,
    installs: Option<&[SuiteName]>,
) -> Result<HostFacts, Failure> {
    let names =
        |suites: &[SuiteName]| suites.iter().map(SuiteName::as_str).collect::<Vec<_>>().join(",");
    let query = SetupQuery { suites: installs.map(names), installs: installs.is_some() };
    let setup = client.host_setup(name, &query).await?;
    let facts = setup.facts.ok_or_else(|| {
        Failure::refused("the server is of an earlier version and does not say what a host lacks")
            .with_hint("upgrade the server; until then, repoctl host setup writes the files")
    })?;
    host_facts::read(&facts, server)
}

fn plan(root: &Root, force: bool, written: &Written, facts: &HostFacts) -> Result<Plan, Failure> {
    let host = Host { root, written, force };
    let mut plan = Plan::default();
    host.suites(&mut plan, &facts.address, &facts.suites)?;
    Ok(plan)
}

/// The files that are not of one server. Of several names of the host they have the first.
fn refresh_machine(
    args: &HostRefresh,
    all: &[HostCertificates],
    told: &mut Told,
) -> Result<(), Failure> {
    let names = all.iter().filter_map(|one| {
        let (certificate_pem, _) = one.in_use().ok()?;
        Identity::parse(&read_certificate(&certificate_pem)?.0).ok()
    });
    let Some(identity) = names.into_iter().next() else { return Ok(()) };
    let root = &Root::of(&args.root);
    let mut written = Written::open(root)?;
    let mut plan = Plan::default();
    let host = Host { root, written: &written, force: args.force };
    host.machine(&mut plan, &identity)?;
    carry_out(args.dry_run, root, &mut written, plan, told)
}

/// Writes the files, each whole or not at all. A run that is cut off goes on with the next one.
fn carry_out(
    dry_run: bool,
    root: &Root,
    written: &mut Written,
    plan: Plan,
    told: &mut Told,
) -> Result<(), Failure> {
    told.notes.extend(plan.notes);
    if dry_run {
        told.wrote.extend(plan.writes.into_iter().map(|file| file.path));
        return Ok(());
    }
    for (path, text) in &plan.known {
        written.note(path, text.as_bytes());
    }
    for file in &plan.writes {
        written.intend(&file.path, file.content.as_bytes());
    }
    written.save()?;
    for file in plan.writes {
        let path = root.place(&file.path)?;
        replace::directory(path.parent().unwrap_or(root.path()))?;
        let mode = u32::from_str_radix(file.mode, 8).unwrap_or(0o644);
        replace::file(&path, Rights { mode, owner: None }, file.content.as_bytes())?;
        written.note(&file.path, file.content.as_bytes());
        told.wrote.push(file.path);
    }
    told.is_new |= !plan.new_suites.is_empty();
    written.save()
}
