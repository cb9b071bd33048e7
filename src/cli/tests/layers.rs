//! Flags take precedence over variables, and variables over the file; errors name the faulty one.

use std::path::PathBuf;

use crate::cli::Terminal;
use crate::cli::args::Global;
use crate::cli::config::Settings;
use crate::cli::pem::Pem;

fn around(variables: &[(&str, &str)]) -> Terminal {
    let mut around = Terminal::of_process();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    around.environment = variables.iter().map(owned).collect();
    around
}

fn path(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text))
}

fn file(path: PathBuf) -> Option<Pem> {
    Some(Pem::File(path))
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
    assert_eq!(settings.certificate, file(at("c.pem")));
    assert_eq!(settings.key, file("/abs/k.pem".into()));
    assert_eq!(settings.ca, file(at("sub/ca.pem")));
    assert_eq!(settings.suite.unwrap().as_str(), "filed");

    let variables = [
        ("REPOCTL_SERVER", "https://variable"),
        ("REPOCTL_CERT", "v.pem"),
        ("REPOCTL_CA", ""),
        ("REPOCTL_SUITE", "varied"),
    ];
    let settings = Settings::settle(&global, &around(&variables)).unwrap();
    assert_eq!(settings.server.as_deref(), Some("https://variable"));
    assert_eq!(settings.certificate, Some(Pem::Named("REPOCTL_CERT", "v.pem".into())));
    assert_eq!(settings.ca, file(at("sub/ca.pem")), "an empty variable is none");
    assert_eq!(settings.suite.unwrap().as_str(), "varied");

    // An empty variable of a script must not fall back to the file.
    for place in ["REPOCTL_SUITE", "REPOCTL_SERVER", "REPOCTL_CONFIG"] {
        let error = Settings::settle(&global, &around(&[(place, "")])).unwrap_err();
        assert_eq!(error.exit, crate::api::Exit::Usage);
        assert!(error.lines().contains("is set and empty"), "{error:?}");
    }

    let global = Global {
        config,
        server: Some("https://flag".into()),
        cert: path("f.pem"),
        ..Global::default()
    };
    let settings = Settings::settle(&global, &around(&variables)).unwrap();
    assert_eq!(settings.server.as_deref(), Some("https://flag"));
    assert_eq!(settings.certificate, file("f.pem".into()));
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
    let refusal = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let failure = Settings::settle(&global, &around(&[])).unwrap_err();
        assert_eq!(failure.exit.number(), 2);
        assert!(failure.message.contains("config.toml"), "{}", failure.message);
        failure.lines()
    };
    assert!(refusal("sever = 'x'").contains("hint: did you mean \"server\"?"));
    assert!(refusal("certificat = 'x'").contains("did you mean \"certificate\""));
    assert!(refusal("zzzzzzzzzz = 1").contains("the keys are server, certificate, key, ca, suite"));
    assert!(refusal("server = 3").contains("config.toml:1:10: server: takes a text in quotes"));
    assert!(refusal("[server]\nx = 1").contains("config.toml:1:1: server: takes a text in quotes"));
    assert!(refusal("suite = '../x'").contains("suite: suite \"../x\" is not valid"));
    assert!(refusal("server = ").contains("is not TOML"));
    assert!(refusal("server = 'x'\nserver = 'y'").contains("is not TOML"));
}

/// A CI job keeps the key as a secret. It is taken as it is, and whatever the variable holds is in no
/// message.
#[test]
fn a_variable_may_hold_the_key_itself_and_is_never_printed() {
    let secret = "MC4CAQAwBQYDK2VwBCIEIHh5enp5";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
    let global = Global { config: Some("/dev/null".into()), ..Global::default() };
    let certificate =
        [("REPOCTL_SERVER", "https://a"), ("REPOCTL_CERT", "-----BEGIN CERTIFICATE-----")];
    let with = |key: &str| {
        around(&[
            certificate[0],
            certificate[1],
            ("REPOCTL_CA", pem.as_str()),
            ("REPOCTL_KEY", key),
        ])
    };
    let settings = Settings::settle(&global, &with(&pem)).unwrap();
    assert_eq!(*settings.credentials().unwrap().key_pem, pem.as_bytes());
    assert!(!format!("{settings:?}").contains(secret));
    assert_eq!(settings.key_warning(), None);
    for odd in [
        format!("x{pem}"),
        secret.to_owned(),
        format!("/{secret}/{secret}"),
        pem.replace('\n', "\\n").replace("-----B", "----B"),
    ] {
        let settings = Settings::settle(&global, &with(&odd)).unwrap();
        let error = settings.credentials().err().unwrap();
        let said = format!("{error:?}{}{}{settings:?}", error.lines(), error.lines());
        assert!(!said.contains(secret), "{said}");
        assert!(said.contains("the private key that REPOCTL_KEY names"), "{said}");
    }
    let flag = Global { key: Some(PathBuf::from(&pem)), ..global };
    let error = Settings::settle(&flag, &around(&[])).unwrap_err();
    let said = error.lines();
    assert!(!said.contains(secret) && said.contains("REPOCTL_KEY takes the text"), "{said}");
}
