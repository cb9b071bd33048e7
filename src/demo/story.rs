//! The story, step by step. Each step ends with a check of what has really happened.

use std::path::PathBuf;
use std::time::Instant;

use super::host::Host;
use super::package::{self, PACKAGE, SIBLING};
use super::place::free_port;
use super::program;
use super::serving::Serving;
use super::stage::Stage;
use crate::domain::Identity;
use crate::init::{InitOptions, InitTrust, init};
use crate::signing::KeyKind;
use crate::time::{Clock, SystemClock};

/// The host that follows the repository, and stays afterwards.
pub const HOST: Host = Host("web1");
/// The host whose certificate is revoked.
const REVOKED: Host = Host("web2");
/// The reason for the rollback.
const WHY: &str = "2.0 answers every request with 500";

/// Runs the whole story.
///
/// # Errors
/// What did not happen as announced, for people; it belongs to the present step.
pub async fn tell(stage: &mut Stage) -> Result<(), String> {
    let begun = Instant::now();
    prepare(stage).await?;
    make_data_directory(stage)?;
    start_server(stage).await?;
    create_suite(stage).await?;
    upload_first(stage).await?;
    install(stage).await?;
    release_second(stage).await?;
    roll_back(stage).await?;
    look_back(stage).await?;
    turn_away(stage).await?;
    let seconds = begun.elapsed().as_secs_f64();
    stage.telling.say(&format!(
        "\nEvery step did what it says, in {seconds:.1} seconds. \
         {PACKAGE} went 1.0 -> 2.0 -> 1.0, with the real apt."
    ));
    Ok(())
}

async fn prepare(stage: &mut Stage) -> Result<(), String> {
    stage.place.make_directory("tmp")?;
    let outcome = program::run(&stage.place, "dpkg", &["--print-architecture"], &[]).await?;
    stage.architecture = outcome.text.trim().to_owned();
    let root = stage.place.root().to_owned();
    let fate = if stage.place.is_temporary() { "is removed in the end" } else { "is kept" };
    stage.telling.say(&format!(
        "A private APT repository, with this machine's own apt-get. Nothing outside one directory\n\
         is touched; it {fate}. The commands below are as typed in it:\n\n  $ cd {root}"
    ));
    Ok(())
}

fn make_data_directory(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("A data directory");
    stage
        .telling
        .say("Keys, certificates, a database, and a first operator who may do everything.");
    let (port, listen) = free_port()?;
    let (local_port, local) = free_port()?;
    (stage.port, stage.local_port) = (port, local_port);
    let options = InitOptions {
        data: PathBuf::from(stage.place.at("data")),
        name: "127.0.0.1".into(),
        port,
        listen,
        local: local.into_iter().take(1).collect(),
        key: KeyKind::Ed25519,
        operator: Identity::parse("operator").map_err(|error| error.to_string())?,
        trust: InitTrust::default(),
    };
    let mut line = format!("repod init --data data --name 127.0.0.1 --port {port}");
    for address in &options.listen {
        // A shell would take brackets for a pattern.
        let quote = if address.is_ipv6() { "'" } else { "" };
        line.push_str(&format!(" --listen {quote}{address}{quote}"));
    }
    line.push_str(&format!(" --local 127.0.0.1:{local_port}"));
    stage.telling.command(&line);
    let made = init(&options, SystemClock.now()).map_err(|error| error.to_string())?;
    stage.telling.output(&format!(
        "Made data.\n  signing key  {}\n  operator     operator (admin)",
        made.fingerprint
    ));
    Ok(())
}

async fn start_server(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("A server");
    stage.telling.say("It listens on this machine only. Whoever speaks to it shows a certificate.");
    stage.telling.command("repod serve --config data/repod.toml &");
    let config = PathBuf::from(stage.place.at("data/repod.toml"));
    stage.serving = Some(Serving::start(&config)?);
    stage.telling.command("export REPOCTL_CONFIG=data/operator/config.toml");
    let output = stage.repoctl(&["whoami"]).await?;
    expect(&output, "operator")?;
    let port = stage.port;
    stage.telling.checked(&format!("https://127.0.0.1:{port}/ answers its operator."));
    Ok(())
}

async fn create_suite(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("A suite");
    stage.telling.say("It owns the names acme-*: for those, and no others, hosts will obey it.");
    let architecture = stage.architecture.clone();
    let create = ["suite", "create", "stable", "--architecture", &architecture];
    let rest = ["--origin", "Acme", "--label", "Acme", "--owns", "acme-*"];
    let output = stage.repoctl(&[&create[..], &rest[..]].concat()).await?;
    expect(&output, "acme-*")?;
    stage.telling.checked("The suite is published: signed, and empty so far.");
    Ok(())
}

async fn upload_first(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("A build job");
    stage.telling.say("It gets a certificate that may upload into one suite and do nothing else.");
    let out = stage.place.at("ci");
    let issue = ["identity", "issue", "ci.acme.example", "--role", "uploader", "--suite", "stable"];
    stage.repoctl(&[&issue[..], &["--out", &out]].concat()).await?;
    stage.telling.say(
        "\nIt builds two packages of one source; one needs exactly the same version of the other.",
    );
    let files = package::build(stage, "1.0").await?;
    stage
        .telling
        .say("\nBoth go up together: one generation, live when the command ends, or nothing.");
    upload(stage, &files, "build 1").await?;
    expect_offered(stage, "1.0").await
}

async fn upload(stage: &mut Stage, files: &[String; 2], why: &str) -> Result<(), String> {
    let [package, sibling] = files;
    let upload = ["upload", "--suite", "stable", package, sibling, "-m", why];
    stage.repoctl_as("ci", &upload).await?;
    Ok(())
}

async fn install(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("A host of the fleet");
    stage.telling.say("One command makes its certificate and all that its apt needs.");
    let out = stage.place.at(HOST.0);
    let issue = ["host", "issue", "web1.acme.example", "--suite", "stable", "--out", &out];
    stage.repoctl(&issue).await?;
    stage.telling.say(
        "\nOn a real host install.sh puts these files in place. Here the directory itself becomes\n\
         the root of a small host with an empty dpkg database, so nobody has to be root.\n\
         The apt-get is real:",
    );
    HOST.make_root(&stage.place)?;
    HOST.update(stage).await?;
    HOST.apt_get(stage, &["-y", "install", PACKAGE], 0).await?;
    HOST.expect_installed(stage, "1.0").await
}

async fn release_second(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("A release");
    stage.telling.say("The build job brings 2.0.");
    let files = package::build(stage, "2.0").await?;
    upload(stage, &files, "build 2").await?;
    stage.telling.say("\nThe host upgrades, as it does every night.");
    HOST.update(stage).await?;
    HOST.apt_get(stage, &["-y", "upgrade"], 0).await?;
    HOST.expect_installed(stage, "2.0").await
}

async fn roll_back(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("2.0 is bad: back to 1.0");
    stage
        .telling
        .say("One command takes it back, with everything that was built from the same source.");
    let back = ["pin", "--suite", "stable", "--rollback", PACKAGE, "-m", WHY];
    let output = stage.repoctl(&[&back[..], &["--dry-run"]].concat()).await?;
    expect(&output, "web1.acme.example")?;
    stage.telling.say("\nThat was only a look at what it would do, and to whom. Now really:");
    stage.repoctl(&back).await?;
    stage
        .telling
        .say("\nThe host does what it always does. No option, no pin, no login on the host.");
    HOST.update(stage).await?;
    HOST.apt_get(stage, &["-y", "upgrade"], 0).await?;
    HOST.expect_installed(stage, "1.0").await
}

async fn look_back(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("What happened");
    stage.telling.say("Every change is a generation: when, who, what and why.");
    let output = stage.repoctl(&["history", "--suite", "stable"]).await?;
    expect(&output, "ci.acme.example")?;
    expect(&output, WHY)?;
    let output = stage.repoctl(&["pins"]).await?;
    expect(&output, PACKAGE)?;
    stage.telling.checked("The pin is set, and newer uploads of that source wait for its end.");
    Ok(())
}

async fn turn_away(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("Strangers");
    stage.telling.say("Without a certificate nothing is served, and apt says why.");
    let without = [
        "-o",
        "Acquire::https::127.0.0.1::SslCert=",
        "-o",
        "Acquire::https::127.0.0.1::SslKey=",
        "update",
    ];
    let output = HOST.apt_get(stage, &without, 100).await?;
    expect(&output, "403")?;
    expect(&output, "no client certificate")?;
    stage.telling.say("\nA second host works until its certificate is revoked.");
    let out = stage.place.at(REVOKED.0);
    let issue = ["host", "issue", "web2.acme.example", "--suite", "stable", "--out", &out];
    stage.repoctl(&issue).await?;
    REVOKED.make_root(&stage.place)?;
    REVOKED.update(stage).await?;
    stage.repoctl(&["host", "revoke", "web2.acme.example", "-m", "stolen", "--yes"]).await?;
    let output = REVOKED.apt_get(stage, &["update"], 100).await?;
    expect(&output, "403")?;
    expect(&output, "revoked")?;
    stage.telling.checked("Both were refused with 403 and the reason; web1 goes on:");
    HOST.update(stage).await?;
    Ok(())
}

/// Checks that the suite offers a version, in the operator's list.
async fn expect_offered(stage: &mut Stage, version: &str) -> Result<(), String> {
    let output = stage.repoctl(&["list", "--suite", "stable"]).await?;
    for package in [PACKAGE, SIBLING] {
        let offered = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.contains(&package) && words.contains(&version)
        };
        if !output.lines().any(offered) {
            return Err(format!("the suite does not offer {package} {version}"));
        }
    }
    stage.telling.checked(&format!("The suite offers {PACKAGE} {version}."));
    Ok(())
}

fn expect(output: &str, wanted: &str) -> Result<(), String> {
    if output.contains(wanted) {
        Ok(())
    } else {
        Err(format!("the output does not say {wanted:?}"))
    }
}
