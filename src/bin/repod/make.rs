//! `repod init`: creates a data directory, and prints the next steps.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use repod::domain::Identity;
use repod::init::{ExternalCa, InitOptions, InitTrust, Initialised, Outside, init};
use repod::time::{Clock, SystemClock};

use super::Key;

#[derive(clap::Args)]
pub struct InitArguments {
    /// The directory to make; it must be empty or absent.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The host name by which hosts reach this server.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The port by which they do.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Where to listen [default: every address of this machine, IPv4 and IPv6].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,
    /// Where health checks of this machine are answered.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9180")]
    local: SocketAddr,
    /// The kind of the signing key; rsa4096 for verifiers that are older than Ed25519.
    #[arg(long, value_enum, default_value_t = Key::Ed25519)]
    key: Key,
    /// The name of the first operator, an admin; with --external-ca the one in its certificate
    /// [default: operator].
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Lock the private key of the CA with the passphrase in this file, which is needed at every
    /// start.
    #[arg(long, value_name = "FILE", conflicts_with = "external_ca")]
    ca_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    external: External,
}

#[derive(clap::Args)]
#[command(next_help_heading = "A CA of your own")]
struct External {
    /// Make no CA: certificates of others count, by the files that the next options name.
    #[arg(long, requires = "anchors", requires = "crls", requires = "operator")]
    external_ca: bool,
    /// Certificates of CAs at the top, a file or a directory; may be given several times.
    #[arg(long, value_name = "PATH", requires = "external_ca")]
    anchors: Vec<PathBuf>,
    /// Certificates of CAs between those and the clients, as for --anchors.
    #[arg(long, value_name = "PATH", requires = "external_ca")]
    intermediates: Vec<PathBuf>,
    /// Revocation lists, of every CA that is named, as for --anchors.
    #[arg(long, value_name = "PATH", requires = "external_ca")]
    crls: Vec<PathBuf>,
    /// The server's own certificate, with intermediates, PEM [default: a request for one is made].
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "external_ca")]
    tls_certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// The certificate of the CA that hosts recognise the server by, PEM [default: the only one of
    /// --anchors].
    #[arg(long, value_name = "FILE", requires = "external_ca")]
    tls_ca: Option<PathBuf>,
}

impl External {
    fn into_trust(self, passphrase_file: Option<PathBuf>) -> InitTrust {
        if !self.external_ca {
            return InitTrust::Embedded { passphrase_file };
        }
        InitTrust::External(ExternalCa {
            anchors: self.anchors,
            intermediates: self.intermediates,
            crls: self.crls,
            server: self.tls_certificate.zip(self.tls_key),
            server_ca: self.tls_ca,
        })
    }
}

pub fn run(arguments: InitArguments) -> Result<(), String> {
    let operator = arguments.operator.as_deref().unwrap_or("operator");
    let operator = Identity::parse(operator).map_err(|error| format!("--operator: {error}"))?;
    let options = InitOptions {
        data: arguments.data,
        name: arguments.name,
        port: arguments.port,
        listen: arguments.listen,
        local: vec![arguments.local],
        key: arguments.key.into(),
        operator,
        trust: arguments.external.into_trust(arguments.ca_passphrase_file),
    };
    let made = init(&options, SystemClock.now()).map_err(|error| error.to_string())?;
    tell(&options, &made);
    Ok(())
}

fn tell(options: &InitOptions, made: &Initialised) {
    let (config, profile) = (whole(&made.config), whole(&made.profile));
    println!("Made {}.", options.data.display());
    println!("  signing key  {}", made.fingerprint);
    println!("  operator     {} (admin)", options.operator);
    match (&made.outside, &options.trust) {
        (Some(outside), _) => tell_outside(options, outside, made.profile.parent()),
        (None, InitTrust::Embedded { passphrase_file: Some(file) }) => {
            println!("  CA           locked; every start reads {}", whole(file));
            println!();
        }
        _ => println!(),
    }
    println!("Start the server:    repod serve --config {config}");
    println!("Be its operator:     export REPOCTL_CONFIG={profile}");
    println!(
        "Then, for instance:  repoctl suite create stable --architecture amd64 --owns 'acme-*'"
    );
}

/// Which CAs are trusted, and what has to be done before the first start.
fn tell_outside(options: &InitOptions, outside: &Outside, profile: Option<&Path>) {
    for (name, until) in &outside.authorities {
        let list = until.map_or("no list".to_owned(), |until| format!("list until {until}"));
        println!("  trusts       {name} ({list})");
    }
    println!();
    for fault in &outside.faults {
        println!("Nothing is served until this is mended: {fault}");
    }
    if let Some((request, certificate)) = &outside.request {
        println!("Have signed:         {}", whole(request));
        println!("  for serverAuth, as {}", whole(certificate));
    }
    println!("Renew in time:       the revocation lists; when one runs out, nothing is served");
    println!("Put the certificate and key of {} into", options.operator);
    println!(
        "                     {}/client.crt and client.key",
        whole(profile.unwrap_or(Path::new(".")))
    );
}

fn whole(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}
