//! `repoctl host token`, `host enroll` and `host renew`.

use std::io::Read;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::{Session, holder};
use crate::api::{
    Code, EnrolmentRequest, HostSetup, IssuedCertificate, RenewalRequest, SetupQuery, SuiteChoice,
    TokenRequest, TokenText, ca_pin,
};
use crate::cli::apt;
use crate::cli::args::{Consent, HostEnroll, HostRenew, HostToken, LimitArgs};
use crate::cli::consent::Question;
use crate::cli::failure::Failure;
use crate::cli::host_certificates::{HostCertificates, Pair, sandbox_user};
use crate::cli::keys::NewKey;
use crate::cli::render;
use crate::cli::replace::Rights;
use crate::cli::root::Root;
use crate::cli::terminal::Terminal;
use crate::cli::text::{age, escape, when};
use crate::cli::tree::Tree;
use crate::cli::units;
use crate::cli::written::Written;
use crate::client::{Client, Credentials, Patience, fetch_authority};
use crate::digest::Digest;
use crate::time::Moment;

/// For how long a new machine tries to reach the server.
const PATIENCE: Duration = Duration::from_secs(60);
/// Makes, lists and revokes tokens.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn token(session: &mut Session<'_>, args: &HostToken) -> Result<(), Failure> {
    let now = session.now();
    let Some(name) = &args.name else {
        let tokens = session.client.list_tokens().await?;
        session.show(&tokens, |sheet| render::enrol::tokens(&tokens, sheet));
        session.say_if_empty(&tokens, "no tokens yet: repoctl host token NAME --suite SUITE");
        return Ok(());
    };
    if args.revoke {
        let why = format!("the pending token of {name} can never be used again");
        session.settle(&Question::because(why))?;
        let outcome = session.client.revoke_tokens(name).await?;
        session.show(&outcome, |_| format!("the pending token of {} is revoked\n", escape(name)));
        return Ok(());
    }
    // Without any, the host gets those that it holds otherwise, such as by its groups.
    let suites = match (&args.suite[..], &session.suite) {
        ([], Some(usual)) => vec![usual.clone()],
        (named, _) => named.to_vec(),
    };
    let own = suites.is_empty();
    if !own {
        let choice = SuiteChoice::Named(suites.clone());
        holder::settle_right(session, name, true, &choice, &LimitArgs::default()).await?;
    }
    let request = TokenRequest {
        name: name.clone(),
        suites,
        hours: args.hours,
        days: args.days,
        message: String::new(),
    };
    let made = session.client.make_token(&request).await?;
    session.show(&made, |_| format!("{}\n", made.token.0));
    if !session.json {
        let (name, end) = (escape(name), when(made.ends_at, now));
        session.around.complain(&format!(
            "for {name}, once, until {end}; there, as root: repoctl host enroll TOKEN\n"
        ));
        if own {
            let text =
                "it gets the suites that its groups and grants give it when the token is used\n";
            session.around.complain(text);
        }
        for note in &made.notes {
            session.around.complain(&format!("note: {}\n", escape(note)));
        }
    }
    Ok(())
}

/// Makes this machine a host.
///
/// # Errors
/// A [`Failure`] from the server, the network or the disk. The same command then continues where it
/// was.
pub async fn enroll(around: &mut Terminal, json: bool, args: &HostEnroll) -> Result<(), Failure> {
    let text = token_text(around, &args.token)?;
    let token = TokenText::parse(&text)
        .map_err(|why| Failure::usage(format!("this is no token: {why}")))?;
    let ca_pem = recognise(&token).await?;
    let stranger = Client::stranger(&token.server, ca_pem.as_bytes())?.because(&args.why.message);
    let root = Root::of(&args.root);
    let host_certificates = HostCertificates::of(&root, &stranger.server_name())?;

    let _alone = host_certificates.alone()?;
    let mark = Digest::of(token.secret.0.as_bytes()).to_string();
    let pair = match host_certificates.find(&mark)? {
        Some(pair) => pair,
        None => host_certificates.add(&NewKey::make(&token.name)?.key_pem, Some(&mark))?,
    };
    let request = EnrolmentRequest {
        name: token.name.clone(),
        secret: token.secret.clone(),
        csr_pem: NewKey::again(&pair.key_pem, &token.name)?.csr_pem,
    };
    let issued = Patience::lasting(PATIENCE).keep(|| stranger.enroll(&request)).await?;
    host_certificates.complete(&pair, &issued.certificate_pem)?;
    // Checked before anything on this machine changes: the server accepts the new pair.
    let client = client(&token.server, &issued, &pair)?;
    let query = SetupQuery { installs: true, ..SetupQuery::default() };
    let setup = client.host_setup(&token.name, &query).await?;
    let files = place(&host_certificates, &pair, &setup).await?;
    let mut notes = setup.notes;
    notes.extend(units::write(&root)?);
    if let Some(minutes) = args.upgrade.upgrade_every {
        notes.push(units::write_upgrade(&root, &token.name, minutes)?);
    }

    let consent = Consent::Plain;
    let session = &mut Session { client, suite: None, json, consent, around };
    let server = host_certificates.server();
    let value = serde_json::json!({
        "identity": issued.identity, "serial": issued.serial, "not_after": issued.not_after,
        "files": files, "notes": notes,
    });
    session.show(&value, |_| render::enrol::enrolled(&issued.identity, server, &files, &notes));
    Ok(())
}

fn token_text(around: &mut Terminal, given: &str) -> Result<Zeroizing<String>, Failure> {
    if given != "-" {
        return Ok(Zeroizing::new(given.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    let read = around.input.by_ref().take(8_192).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("standard input: cannot be read: {error}")))?;
    Ok(text)
}

/// The CA of the server, once it matches the pin in the token. Until then nothing was sent that
/// identifies this machine.
async fn recognise(token: &TokenText) -> Result<String, Failure> {
    let ca_pem = Patience::lasting(PATIENCE).keep(|| fetch_authority(&token.server)).await?;
    if ca_pin(&ca_pem) == Some(token.ca_pin) {
        return Ok(ca_pem);
    }
    let text = format!(
        "{} is recognised by another CA than the token was made for: nothing was sent there",
        token.server
    );
    Err(Failure::refused(text).with_hint(
        "somebody is between this machine and the server, or its CA is a new one: make a new token",
    ))
}

fn client(server: &str, issued: &IssuedCertificate, pair: &Pair) -> Result<Client, Failure> {
    let credentials = Credentials {
        server: server.to_owned(),
        certificate_pem: issued.certificate_pem.clone().into_bytes(),
        key_pem: Zeroizing::new(pair.key_pem.as_bytes().to_vec()),
        ca_pem: issued.ca_pem.clone().into_bytes(),
    };
    Ok(Client::new(&credentials)?)
}

/// Puts the files of a host in place, then the pair, then the sources, which make apt use them.
async fn place(
    host_certificates: &HostCertificates,
    pair: &Pair,
    setup: &HostSetup,
) -> Result<Vec<String>, Failure> {
    let own = format!("/etc/apt/repod/{}", host_certificates.server());
    let named = [&setup.certificate_path, &setup.key_path];
    if named != [&format!("{own}/client.crt"), &format!("{own}/client.key")] {
        let text = format!("the server keeps the certificate elsewhere than in {own}");
        return Err(Failure::refused(text).with_hint("use a repoctl of the server's own version"));
    }
    let root = host_certificates.root();
    let _held = apt::quiet(root).await?;
    if named.iter().all(|path| root.has(path)) {
        host_certificates.adopt()?;
    }
    host_certificates.switch(pair)?;
    let mut files = vec![setup.certificate_path.clone(), setup.key_path.clone()];
    files.extend(Tree::of(setup)?.install(root, sandbox_user(root))?);
    host_certificates.prune()?;
    note_written(root, host_certificates.server(), setup)?;
    Ok(files)
}

/// Notes what was written, so that `host refresh` knows what somebody altered since.
fn note_written(root: &Root, server: &str, setup: &HostSetup) -> Result<(), Failure> {
    let mut written = Written::open(root)?;
    for file in &setup.files {
        written.note(&file.path, file.content.as_bytes());
    }
    if let Some(facts) = &setup.facts {
        written.note_address(server, &facts.public_url);
    }
    written.save()
}

/// Gets the next certificate for every server that this host reads, where the present one is about
/// to end.
///
/// # Errors
/// The first [`Failure`], after every server was tried; the old certificate then stays in use.
pub async fn renew(around: &mut Terminal, json: bool, args: &HostRenew) -> Result<(), Failure> {
    let all = HostCertificates::all(&Root::of(&args.root))?;
    if all.is_empty() {
        return Err(Failure::refused("this machine holds no certificate of a repod")
            .with_hint("make a token with repoctl host token, and run repoctl host enroll here"));
    }
    let (mut lines, mut values, mut failed) = (String::new(), Vec::new(), None);
    for host_certificates in all {
        let server = escape(host_certificates.server());
        match renew_one(args, &host_certificates, around.now()).await {
            Ok((renewed, not_after)) => {
                let what = if renewed { "renewed" } else { "not yet due" };
                let end = age(not_after, around.now());
                lines.push_str(&format!("{server}: {what}, the certificate ends {end}\n"));
                values.push(serde_json::json!({
                    "server": host_certificates.server(), "renewed": renewed, "not_after": not_after,
                }));
            }
            Err(failure) => {
                let named = format!("{server}: {}", failure.message);
                let failure = Failure { message: named, ..failure };
                match &failed {
                    None => failed = Some(failure),
                    Some(_) => around.complain(&failure.lines()),
                }
            }
        }
    }
    match json {
        true if !values.is_empty() => {
            let text = serde_json::to_string_pretty(&values).unwrap_or_default();
            around.print(&format!("{}\n", crate::cli::text::escape_json(&text)));
        }
        true => {}
        false => around.print(&lines),
    }
    failed.map_or(Ok(()), Err)
}

/// Renews one pair, if it is time. Returns whether it did, and when the certificate in use ends.
async fn renew_one(
    args: &HostRenew,
    host_certificates: &HostCertificates,
    now: Moment,
) -> Result<(bool, i64), Failure> {
    let root = host_certificates.root();
    let _alone = host_certificates.alone()?;
    apt::name_settings(root, host_certificates.server())?;
    let (certificate_pem, key_pem) = host_certificates.in_use()?;
    let (name, begins, ends) = read_certificate(&certificate_pem).ok_or_else(|| {
        Failure::refused(format!(
            "{}: is no certificate",
            host_certificates.shown("client.crt").display()
        ))
    })?;
    if now.0 >= ends {
        let text = format!("the certificate of {name} ended {}", age(ends, now));
        return Err(Failure::refused(text)
            .with_hint("make a token with repoctl host token, and run repoctl host enroll here"));
    }
    let (left, life) = (ends.saturating_sub(now.0), ends.saturating_sub(begins));
    let is_due = args.force || left.saturating_mul(3) < life;
    let server = match apt::address(root, host_certificates.server()) {
        Err(_) if !is_due => return Ok((false, ends)),
        found => found?,
    };
    let ca_pem = host_certificates.read("ca.crt")?;
    let credentials = Credentials {
        server: server.clone(),
        certificate_pem: certificate_pem.into_bytes(),
        key_pem: Zeroizing::new(key_pem.as_bytes().to_vec()),
        ca_pem: ca_pem.clone().into_bytes(),
    };
    let present = Client::new(&credentials)?.because(&args.why.message);
    if !is_due {
        // A certificate that was revoked is never due. Nothing else that the server says matters now.
        return match present.whoami().await {
            Err(error) if error.is(Code::CertificateRevoked) => Err(of_host(error.into(), &name)),
            _ => Ok((false, ends)),
        };
    }
    let key = NewKey::make(&name)?;
    let pair = host_certificates.add(&key.key_pem, None)?;
    let request = RenewalRequest { csr_pem: key.csr_pem };
    let issued = present.renew(&request).await.map_err(|error| of_host(error.into(), &name))?;
    host_certificates.complete(&pair, &issued.certificate_pem)?;
    // The old pair stays in use until the server has accepted the new one.
    client(&server, &issued, &pair)?.whoami().await?;
    let _held = apt::quiet(root).await?;
    host_certificates.adopt()?;
    host_certificates.switch(&pair)?;
    if issued.ca_pem != ca_pem {
        let rights = Rights { mode: 0o644, owner: None };
        host_certificates.replace("ca.crt", rights, issued.ca_pem.as_bytes())?;
    }
    host_certificates.prune()?;
    Ok((true, issued.not_after))
}

/// The failure, with what a host does about a certificate that the server does not take.
pub(super) fn of_host(failure: Failure, name: &str) -> Failure {
    let refused = [Code::CertificateRevoked, Code::CertificateExpired, Code::CertificateRefused];
    let code = failure.code.as_deref().and_then(Code::parse);
    match code.is_some_and(|code| refused.contains(&code)) {
        true => failure.with_hint(format!(
            "if it is to read again: make a token with `repoctl host token {name}`, and run repoctl host enroll here"
        )),
        false => failure,
    }
}

/// The name in a certificate, and when it begins and ends.
pub(super) fn read_certificate(pem: &str) -> Option<(String, i64, i64)> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let name = names.value.general_names.iter().find_map(|name| match name {
        x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    })?;
    let validity = certificate.validity();
    Some((name, validity.not_before.timestamp(), validity.not_after.timestamp()))
}
