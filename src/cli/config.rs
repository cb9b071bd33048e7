//! Configuration: flags before `REPOCTL_*` variables before `config.toml`.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::args::Global;
use super::failure::Failure;
use super::pem::{Pem, read_limited};
use super::terminal::Terminal;
use crate::client::Credentials;
use crate::debian::SuiteName;
use crate::nearest::nearest;
use crate::toml_text::{Fault, TomlText};

/// The keys of `config.toml`.
const KEYS: [&str; 5] = ["server", "certificate", "key", "ca", "suite"];

/// The settings from flags, variables and the file together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where the server is.
    pub server: Option<String>,
    /// The client certificate.
    pub certificate: Option<Pem>,
    /// Its private key.
    pub key: Option<Pem>,
    /// The authority of the server.
    pub ca: Option<Pem>,
    /// The default suite.
    pub suite: Option<SuiteName>,
}

impl Settings {
    /// Merges the layers. A named file must exist; the default one need not.
    ///
    /// # Errors
    /// A usage [`Failure`] that names the file and the key, or the variable.
    pub fn settle(global: &Global, around: &Terminal) -> Result<Self, Failure> {
        no_empty_place(around)?;
        let file = match explicit_file(global, around) {
            Some(path) => read_file(&path)?,
            None => match usual_file(around) {
                Some(path) if path.exists() => read_file(&path)?,
                _ => Self::default(),
            },
        };
        let text = |flag: &Option<String>, variable: &str, low: Option<String>| {
            flag.clone().or_else(|| around.variable(variable).map(str::to_owned)).or(low)
        };
        let pem = |name: &str, flag: &Option<PathBuf>, variable: &'static str, low: Option<Pem>| {
            let flag =
                flag.as_deref().map(|path| Pem::of_flag(name, variable, path)).transpose()?;
            let held = || around.variable(variable).map(|held| Pem::of_variable(variable, held));
            Ok::<_, Failure>(flag.or_else(held).or(low))
        };
        let suite = match around.variable("REPOCTL_SUITE") {
            Some(name) => Some(
                SuiteName::parse(name)
                    .map_err(|error| Failure::usage(format!("REPOCTL_SUITE: {error}")))?,
            ),
            None => file.suite,
        };
        Ok(Self {
            server: text(&global.server, "REPOCTL_SERVER", file.server),
            certificate: pem("cert", &global.cert, "REPOCTL_CERT", file.certificate)?,
            key: pem("key", &global.key, "REPOCTL_KEY", file.key)?,
            ca: pem("ca", &global.ca, "REPOCTL_CA", file.ca)?,
            suite,
        })
    }

    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// A usage [`Failure`] that says which setting is missing, or which file cannot be read.
    pub fn credentials(&self) -> Result<Credentials, Failure> {
        let missing = |what: &str, flag: &str, variable: &str, key: &str| {
            Failure::usage(format!("no {what} is set")).with_hint(format!(
                "give --{flag}, set {variable}, or write {key} = \"…\" in ~/.config/repoctl/config.toml"
            ))
        };
        let server = self.server.clone();
        let server =
            server.ok_or_else(|| missing("server", "server", "REPOCTL_SERVER", "server"))?;
        let certificate = self.certificate.as_ref();
        let certificate = certificate
            .ok_or_else(|| missing("client certificate", "cert", "REPOCTL_CERT", "certificate"))?;
        let key = self.key.as_ref();
        let key = key.ok_or_else(|| missing("private key", "key", "REPOCTL_KEY", "key"))?;
        let ca = self.ca.as_ref();
        let ca = ca.ok_or_else(|| missing("authority", "ca", "REPOCTL_CA", "ca"))?;
        Ok(Credentials {
            server,
            certificate_pem: certificate.read("client certificate")?,
            key_pem: Zeroizing::new(key.read("private key")?),
            ca_pem: ca.read("authority")?,
        })
    }

    /// A warning when others on this machine can read the private key.
    pub fn key_warning(&self) -> Option<String> {
        use std::os::unix::fs::PermissionsExt;
        let key = self.key.as_ref()?.path()?;
        let mode = std::fs::metadata(key).ok()?.permissions().mode();
        (mode & 0o077 != 0).then(|| {
            let path = key.display();
            format!("warning: others can read the private key {path}; chmod 600 mends it\n")
        })
    }
}

/// The variables that choose where a command acts.
const PLACES: [&str; 3] = ["REPOCTL_CONFIG", "REPOCTL_SERVER", "REPOCTL_SUITE"];

/// Refuses an empty variable: when a variable of a script is unset by mistake, the command must not
/// act on the default place.
fn no_empty_place(around: &Terminal) -> Result<(), Failure> {
    let is_empty = |name: &&str| around.environment.get(*name).is_some_and(String::is_empty);
    let refuse = |name| {
        Failure::usage(format!("{name} is set and empty; nothing was changed"))
            .with_hint("is a variable of a script not set? For the usual place unset it")
    };
    PLACES.into_iter().find(is_empty).map_or(Ok(()), |name| Err(refuse(name)))
}

fn explicit_file(global: &Global, around: &Terminal) -> Option<PathBuf> {
    global.config.clone().or_else(|| around.variable("REPOCTL_CONFIG").map(PathBuf::from))
}

/// Source: the XDG Base Directory Specification; a relative `XDG_CONFIG_HOME` is ignored.
fn usual_file(around: &Terminal) -> Option<PathBuf> {
    let xdg = around.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || around.variable("HOME").map(|home| Path::new(home).join(".config"));
    Some(xdg.or_else(home)?.join("repoctl").join("config.toml"))
}

fn read_file(path: &Path) -> Result<Settings, Failure> {
    let cure = "--config or REPOCTL_CONFIG names it; `repod init` writes the first one";
    let bytes = read_limited(&format!("configuration {}", path.display()), path, cure)?;
    let shown = path.display().to_string();
    let text =
        String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{shown}: is not UTF-8")))?;
    let wrong = |fault: &Fault| Failure::in_file(&shown, fault);
    let places = TomlText::new(&text);
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| wrong(&places.fault(&error)))?;
    let mut settings = Settings::default();
    for (key, value) in table {
        let Some(value) = value.as_str().filter(|value| !value.is_empty()) else {
            let takes = places.at(&key, "takes a text in quotes");
            return Err(unknown(&key, &places, &wrong).unwrap_or_else(|| wrong(&takes)));
        };
        let beside = || Some(Pem::File(path.parent().unwrap_or(Path::new("")).join(value)));
        match key.as_str() {
            "server" => settings.server = Some(value.to_owned()),
            "certificate" => settings.certificate = beside(),
            "key" => settings.key = beside(),
            "ca" => settings.ca = beside(),
            "suite" => {
                let name = SuiteName::parse(value);
                let wrong = |error| wrong(&places.at("suite", format!("{error}")));
                settings.suite = Some(name.map_err(wrong)?);
            }
            _ => return Err(unknown(&key, &places, &wrong).unwrap_or_else(|| Failure::usage(key))),
        }
    }
    Ok(settings)
}

/// What is said of a key that there is not; `None` for the others.
fn unknown(
    key: &str,
    places: &TomlText<'_>,
    wrong: &impl Fn(&Fault) -> Failure,
) -> Option<Failure> {
    if KEYS.contains(&key) {
        return None;
    }
    let problem = format!("there is no key {key:?}");
    let fault = places.at_word(key, problem.clone());
    let failure = wrong(&fault.unwrap_or_else(|| places.at(key, problem)));
    Some(match nearest(key, KEYS.into_iter()) {
        Some(near) => failure.with_hint(format!("did you mean {near:?}?")),
        None => failure.with_hint(format!("the keys are {}", KEYS.join(", "))),
    })
}
