//! Failures as they are printed: on standard error, with the exit code.

use std::time::Duration;

use super::{Held, Run, page, typed, words};
use crate::api::{Code, Problem, Reason};
use crate::cli::failure::Failure;
use crate::cli::tests::Stage;
use crate::client::ClientError;

/// The snapshots of this file.
pub const NAMES: [&str; 4] = ["codes", "network", "command-line", "configuration"];

fn printed(failure: &Failure) -> String {
    format!("{}= {}\n\n", failure.lines(), failure.exit.number())
}

fn of(problem: Problem) -> Failure {
    ClientError::Problem { problem: Box::new(problem), wait: None }.into()
}

#[test]
fn every_code_of_the_server_is_told_as_it_was_seen() {
    let mut text = String::new();
    for code in Code::ALL {
        let problem = Problem::new(*code, "the sentence of the server");
        let failure = of(Problem { request_id: Some("3f2a9c11d0e4-1".into()), ..problem });
        text.push_str(&format!("# {}\n{}", code.as_str(), printed(&failure)));
    }
    let reason = |field: Option<&str>, problem: &str| Reason {
        field: field.map(str::to_owned),
        problem: problem.to_owned(),
        ..Reason::default()
    };
    let two = vec![reason(Some("Depends"), "is empty"), reason(None, "has a \u{1b}[2J in it")];
    let several = Problem::new(Code::Rejected, "the package breaks rules").with_reasons(two);
    let one = vec![reason(Some("suite"), "is odd")];
    let same = Problem::new(Code::InvalidRequest, "suite: is odd").with_reasons(one);
    let newer = Problem { code: "newer-than-this".into(), status: 409, ..several.clone() };
    let wordless = Problem::new(Code::Busy, "");
    for (what, problem) in [
        ("several reasons", several.clone()),
        ("a reason that is the sentence", same),
        ("a code that is newer than this program", newer),
        ("no sentence", wordless),
    ] {
        text.push_str(&format!("# {what}\n{}", printed(&of(problem))));
    }
    let failure = of(several);
    text.push_str(&format!("# for programs\n{}\n", failure.json()));
    let denied = Problem::new(Code::Denied, "not your suite");
    let denied = of(Problem { request_id: Some("3f2a9c11d0e4-1".into()), ..denied });
    text.push_str(&format!("# refused, for programs\n{}\n", denied.json()));
    let odd = Problem::new(Code::Denied, "not your suite");
    let odd = of(Problem { request_id: Some("3f2a\nhint: run rm".into()), ..odd });
    text.push_str(&format!("# an id that is none\n{}\n", printed(&odd)));
    text.push_str(&format!(
        "# in colour\n{}",
        crate::cli::style::heads(&failure.lines(), true).replace('\u{1b}', "ESC")
    ));
    hold("codes", &text);
}

/// The name of a kind; a new kind has to be added below.
fn kind(error: &ClientError) -> &'static str {
    match error {
        ClientError::Unreachable { .. } => "out of reach",
        ClientError::NoAnswer { look: Some(_), .. } => "no answer, and repeating may do harm",
        ClientError::NoAnswer { look: None, .. } => "no answer",
        ClientError::Unsure { look: Some(_), .. } => "not known, and repeating may do harm",
        ClientError::Unsure { look: None, .. } => "not known",
        ClientError::Untrusted { .. } => "a server that is not trusted",
        ClientError::CertificateRefused { .. } => "the client certificate is refused",
        ClientError::Problem { .. } => "a problem",
        ClientError::Unexpected { .. } => "no answer that repod gives",
        ClientError::Credentials(_) => "credentials",
        ClientError::File { .. } => "a file",
    }
}

#[test]
fn the_faults_of_the_network_are_told_as_they_were_seen() {
    let server = || "https://repo.example.org:8443".to_owned();
    let id = || Some("3f2a9c11d0e4-1".to_owned());
    let wait = Some(Duration::from_secs(2));
    let problem = Box::new(Problem::new(Code::TooManyRequests, "ask again in 2 s"));
    let unknown = crate::flow::FlowError::Unknown("disk I/O error".into());
    let unsure = Box::new(Problem::new(Code::OutcomeUnknown, unknown.to_string()));
    let (path, cause) = ("dist/a.deb".to_owned(), "changed while it was being sent".to_owned());
    let look = "look with repoctl history before you repeat it";
    let errors = [
        ClientError::Unreachable { server: server(), cause: "connection refused".into() },
        ClientError::NoAnswer { server: server(), look: Some(look), request: id() },
        ClientError::NoAnswer { server: server(), look: None, request: None },
        ClientError::Unsure { problem: unsure.clone(), look: Some(look) },
        ClientError::Unsure { problem: unsure, look: None },
        ClientError::Untrusted { server: server(), cause: "its CA is another".into() },
        ClientError::CertificateRefused { server: server(), cause: "it was revoked".into() },
        ClientError::Problem { problem, wait },
        ClientError::Unexpected {
            server: server(),
            status: 502,
            cause: "Bad Gateway".into(),
            request: id(),
        },
        ClientError::Credentials("the private key does not belong to the certificate".into()),
        ClientError::File { path, cause: cause.into() },
    ];
    let text = |error: ClientError| format!("# {}\n{}", kind(&error), printed(&error.into()));
    hold("network", &errors.map(text).concat());
}

#[tokio::test]
async fn wrong_command_lines_are_told_as_they_were_seen() {
    let runs = [
        typed(""),
        typed("uplaod"),
        typed("rollback acme-web"),
        typed("host"),
        typed("pin"),
        typed("pin --suite stable"),
        typed("pin acme-web=1 --to 3"),
        typed("pin --rollback acme-web --for 24h"),
        typed("pin acme-web=1 --for 30m"),
        typed("pin --rollback --all acme-web"),
        typed("unpin"),
        typed("unpin acme-web --all"),
        typed("remove"),
        typed("upload"),
        typed("upload --suite ../x a.deb"),
        typed("history --limit 0"),
        typed("diff"),
        typed("host token"),
        typed("host token web-01 --list"),
        typed("suite edit stable --with-packages"),
        typed("suite create stable --but-automatic-upgrades"),
        typed("suite create stable --contents perhaps"),
        typed("access grant kign ci"),
        typed("completions tcsh"),
        typed("--verbose status"),
    ];
    hold("command-line", &pages(&runs, &Stage::default()).await);
}

#[tokio::test]
async fn faults_of_the_configuration_are_told_as_they_were_seen() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("mistyped.toml", "sever = 'x'\n");
    write("unknown.toml", "colour = 'x'\n");
    write("number.toml", "server = 3\n");
    write("suite.toml", "suite = '../x'\n");
    write("broken.toml", "server = \n");
    write("files.toml", "server = 'x'\ncertificate = 'c'\nkey = 'k'\nca = 'a'\n");
    write(
        "pem.toml",
        "server = 'x'\ncertificate = 'pem.toml'\nkey = 'pem.toml'\nca = 'pem.toml'\n",
    );
    let runs = [
        typed("whoami"),
        typed("whoami --json"),
        typed("whoami --server x"),
        typed("whoami --server x --cert c"),
        typed("whoami --server x --cert c --key k"),
        typed("whoami --config DIR/absent.toml"),
        typed("whoami --config DIR/mistyped.toml"),
        typed("whoami --config DIR/unknown.toml"),
        typed("whoami --config DIR/number.toml"),
        typed("whoami --config DIR/suite.toml"),
        typed("whoami --config DIR/broken.toml"),
        typed("whoami --config DIR/files.toml"),
        typed("whoami --config DIR/pem.toml"),
    ];
    let mut stage = Stage::default();
    stage.environment.insert("DIR".into(), place.into());
    let mut text = pages(&runs, &stage).await;
    for name in ["REPOCTL_SUITE", "REPOCTL_SERVER", "REPOCTL_CONFIG"] {
        let environment = [(name.to_owned(), String::new())].into();
        text.push_str(&format!("# {name}=\n"));
        text.push_str(&pages(&[typed("whoami")], &Stage { environment, ..Stage::default() }).await);
    }
    hold("configuration", &text.replace(place, "DIR"));
}

async fn pages(runs: &[Run], stage: &Stage) -> String {
    let environment = stage.environment.clone();
    let place = environment.get("DIR").cloned().unwrap_or_default();
    let mut stage = Stage { environment, ..Stage::default() };
    stage.environment.insert("COLUMNS".into(), "80".into());
    let mut text = String::new();
    for run in runs {
        let words: Vec<_> =
            words(run.line).into_iter().map(|word| word.replace("DIR", &place)).collect();
        let output = stage.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        text.push_str(&page(run.line, run.answer, &output));
    }
    text
}

#[track_caller]
fn hold(name: &str, text: &str) {
    let mut held = Held::default();
    held.hold("failures", name, text);
    held.finish();
}
