//! Flags before variables before the file, and what is wrong with each said by its name.

use std::path::PathBuf;

use super::Stage;
use crate::cli::Surroundings;
use crate::cli::args::Global;
use crate::cli::config::Settings;

fn around(variables: &[(&str, &str)]) -> Surroundings {
    let mut around = Surroundings::of_process();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    around.environment = variables.iter().map(owned).collect();
    around
}

fn path(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text))
}

const FILE: &str = "server = 'https://file'\ncertificate = 'c.pem'\nkey = '/abs/k.pem'\nca = 'sub/ca.pem'\nsuite = 'filed'\n";

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("config.toml"), FILE).unwrap();
    let config = Some(at("config.toml"));
    let global = Global { config: config.clone(), ..Global::default() };
    let settings = Settings::settle(&global, &around(&[])).unwrap();
    assert_eq!(settings.server.as_deref(), Some("https://file"));
    assert_eq!(settings.certificate, Some(at("c.pem")));
    assert_eq!(settings.key, path("/abs/k.pem"));
    assert_eq!(settings.ca, Some(at("sub/ca.pem")));
    assert_eq!(settings.suite.unwrap().as_str(), "filed");

    let variables = [
        ("REPOCTL_SERVER", "https://variable"),
        ("REPOCTL_CERT", "v.pem"),
        ("REPOCTL_CA", ""),
        ("REPOCTL_SUITE", "varied"),
    ];
    let settings = Settings::settle(&global, &around(&variables)).unwrap();
    assert_eq!(settings.server.as_deref(), Some("https://variable"));
    assert_eq!(settings.certificate, path("v.pem"));
    assert_eq!(settings.ca, Some(at("sub/ca.pem")), "an empty variable is none");
    assert_eq!(settings.suite.unwrap().as_str(), "varied");

    // What says where a command acts is not left to the file by a script's mistake.
    for place in ["REPOCTL_SUITE", "REPOCTL_SERVER", "REPOCTL_CONFIG"] {
        let told = Settings::settle(&global, &around(&[(place, "")])).unwrap_err();
        assert_eq!(told.exit, crate::api::Exit::Usage);
        assert!(told.lines(false).contains("is set and empty"), "{told:?}");
    }

    let global = Global {
        config,
        server: Some("https://flag".into()),
        cert: path("f.pem"),
        ..Global::default()
    };
    let settings = Settings::settle(&global, &around(&variables)).unwrap();
    assert_eq!(settings.server.as_deref(), Some("https://flag"));
    assert_eq!(settings.certificate, path("f.pem"));
}

#[test]
fn the_usual_file_is_where_xdg_says() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().to_str().unwrap();
    for folder in [".config/repoctl", "xdg/repoctl"] {
        let folder = directory.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("server = '{}'", folder.display());
        std::fs::write(folder.join("config.toml"), text).unwrap();
    }
    let xdg = format!("{home}/xdg");
    let server = |variables: &[(&str, &str)]| {
        Settings::settle(&Global::default(), &around(variables)).unwrap().server
    };
    assert!(server(&[("HOME", home)]).unwrap().ends_with(".config/repoctl"));
    let both = [("HOME", home), ("XDG_CONFIG_HOME", xdg.as_str())];
    assert!(server(&both).unwrap().ends_with("xdg/repoctl"));
    assert!(server(&[("HOME", home), ("XDG_CONFIG_HOME", "relative")]).is_some());
    assert_eq!(server(&[("HOME", "/nonexistent")]), None);
}

#[test]
fn mistakes_in_the_file_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let global = Global { config: Some(file.clone()), ..Global::default() };
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let failure = Settings::settle(&global, &around(&[])).unwrap_err();
        assert_eq!(failure.exit.number(), 2);
        assert!(failure.message.contains("config.toml"), "{}", failure.message);
        failure.lines(false)
    };
    assert!(told("sever = 'x'").contains("hint: did you mean \"server\"?"));
    assert!(told("certificat = 'x'").contains("did you mean \"certificate\""));
    assert!(told("zzzzzzzzzz = 1").contains("the keys are server, certificate, key, ca, suite"));
    assert!(told("server = 3").contains("server takes a text in quotes"));
    assert!(told("[server]\nx = 1").contains("server takes a text in quotes"));
    assert!(told("suite = '../x'").contains("suite: suite \"../x\" is not valid"));
    assert!(told("server = ").contains("is not TOML"));
    assert!(told("server = 'x'\nserver = 'y'").contains("is not TOML"));
}

#[tokio::test]
async fn what_is_missing_is_said_with_every_way_to_set_it() {
    let told = Stage::default().run(&["whoami"]).await;
    assert_eq!(told.exit, 2);
    assert_eq!(
        told.err,
        "error: no server is set\nhint: give --server, set REPOCTL_SERVER, or write server = \"…\" \
         in ~/.config/repoctl/config.toml\n"
    );
    let told = Stage::default().run(&["--server", "https://x", "whoami"]).await;
    assert!(told.err.starts_with("error: no client certificate is set\n"), "{}", told.err);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let all = ["--server", "x", "--cert", "/nonexistent/c", "--key", "k", "--ca", "a", "whoami"];
    let told = Stage::default().run(&all).await;
    assert_eq!(told.exit, 2);
    let message = "error: client certificate /nonexistent/c: there is no such file\nhint: check";
    assert!(told.err.starts_with(message), "{}", told.err);
    let told = Stage::default().run(&["--config", "/nonexistent/x.toml", "whoami"]).await;
    let message = "error: configuration /nonexistent/x.toml: there is no such file\nhint: --config";
    assert!(told.err.starts_with(message), "{}", told.err);
    assert_eq!(told.exit, 2);
}
