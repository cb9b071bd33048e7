//! What a host needs so that its own apt reads the repository and follows it, down as well as up.
//!
//! Source: `docs/hosts.md`, which explains every line and names the test that shows why it is
//! there.

use crate::debian::{NameError, PackageName, SuiteName};
use crate::domain::file_name::{CONF, PREF, SOURCES, file_name};
use crate::domain::reserved::{CLIENT_PREFIX, REPOCTL};
use crate::domain::{Identity, SuiteSpec, release_name};

/// A file on the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostFile {
    /// Absolute.
    pub path: String,
    /// Octal: `0644`.
    pub mode: &'static str,
    /// A user name.
    pub owner: &'static str,
    /// What is in it.
    pub content: String,
}

/// How hosts reach a server, and what their apt does when it cannot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// Where the repository is: `https://repo.example.org:8443/`.
    pub public_url: String,
    /// The host part of it; apt looks its certificate up by this.
    pub server: String,
    /// For `apt-get update` of all sources.
    pub error_mode: ErrorMode,
}

/// How `apt-get update` ends when any source of the host cannot be read for a reason that may pass.
/// Source: apt, `APT::Update::Error-Mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorMode {
    /// With exit code 100.
    #[default]
    Any,
    /// With 0 and a warning, as apt does when nobody configures it.
    PersistentFailure,
}

/// What the files are made from.
#[derive(Clone, Debug)]
pub struct HostFacts<'a> {
    /// The host.
    pub identity: &'a Identity,
    /// How it reaches the server.
    pub address: &'a Address,
    /// The CA that vouches for the server, PEM.
    pub ca_pem: &'a str,
    /// The suites that the host reads.
    pub suites: &'a [SuiteFacts],
}

/// What the hosts of a suite need of it.
#[derive(Clone, Debug)]
pub struct SuiteFacts {
    /// The suite.
    pub spec: SuiteSpec,
    /// The public OpenPGP keys that sign it, armored.
    pub keys: String,
    /// Its binary packages, for a suite that does not name what it owns.
    pub names: Vec<PackageName>,
}

/// Where a host has the script that upgrades it.
pub const UPGRADE_SCRIPT: &str = "/usr/local/sbin/repod-upgrade";

/// The package with which the hosts of a suite get its keys and settings.
///
/// # Errors
/// [`NameError`] when server and suite together are no valid name of a package.
pub fn client_package(server: &str, suite: &SuiteName) -> Result<PackageName, NameError> {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || "+-.".contains(c) => c,
        _ => '-',
    };
    let text = format!("{CLIENT_PREFIX}{server}-{suite}");
    PackageName::parse(&text.chars().map(plain).collect::<String>())
}

/// The length of the longest file name that apt makes for an index of a suite in its lists.
///
/// Shape: the address without `https://`, with `_` for `/` (`URItoFileName`, apt strutl.cc), and
/// `.FAILED` at the end. Unit: bytes.
pub fn longest_list_name(public_url: &str, spec: &SuiteSpec) -> usize {
    let longest = |names: &mut dyn Iterator<Item = usize>| names.max().unwrap_or(0);
    let component = longest(&mut spec.components.iter().map(|one| one.as_str().len()));
    let architecture = longest(&mut spec.architectures.iter().map(|one| one.as_str().len()));
    let fixed = "snapshot_20260101T000000Z_dists___binary-_Packages.diff_Index.FAILED".len();
    let address = public_url.trim_start_matches("https://").len();
    [address, fixed, spec.name.as_str().len(), component, architecture].iter().sum()
}

/// Where the host keeps its certificate and key.
pub fn directory(server: &str) -> String {
    format!("/etc/apt/repod/{server}")
}

/// Every file but the host's own certificate and key.
pub fn files(facts: &HostFacts<'_>) -> Vec<HostFile> {
    let own = directory(&facts.address.server);
    let script = HostFile {
        path: UPGRADE_SCRIPT.into(),
        mode: "0755",
        owner: "root",
        content: upgrade_script(facts.identity),
    };
    let mut files = vec![file(format!("{own}/ca.crt"), facts.ca_pem.to_string())];
    for suite in facts.suites {
        files.extend(suite_files(facts.address, suite));
    }
    files.push(script);
    files
}

/// The files of one suite, the same on every host: the client package brings them too.
pub fn suite_files(address: &Address, facts: &SuiteFacts) -> Vec<HostFile> {
    SuiteFiles::of(address, facts).into_all()
}

/// The files of one suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuiteFiles {
    /// The keys that sign it.
    pub keys: HostFile,
    /// How apt connects, and what lets a host go down.
    pub connection: HostFile,
    /// The suite itself.
    pub sources: HostFile,
    /// Which names may go down.
    pub preferences: HostFile,
}

impl SuiteFiles {
    /// Those of a suite.
    pub fn of(address: &Address, facts: &SuiteFacts) -> Self {
        let (server, spec) = (address.server.as_str(), &facts.spec);
        let names = [server, spec.name.as_str()];
        let below = |folder: &str, begin: &str, extension| {
            format!("{folder}/{}", file_name(begin, &names, extension))
        };
        let keys = key_file(server, &spec.name);
        let connection = [connection(address, spec).as_str(), DOWNWARDS].concat();
        let sources = source(&address.public_url, &keys, spec);
        Self {
            keys: file(keys, facts.keys.clone()),
            connection: file(below(CONFIGURATION, "60repod", CONF), connection),
            sources: file(below(SOURCES_FOLDER, "repod", SOURCES), sources),
            preferences: file(below(PREFERENCES, "60repod", PREF), preferences(server, facts)),
        }
    }

    /// All of them.
    pub fn into_all(self) -> Vec<HostFile> {
        vec![self.keys, self.connection, self.sources, self.preferences]
    }
}

/// How the paths of a host's sources of one server begin. Those of a server whose name goes on behind
/// a `-` begin so too.
pub fn sources_begin(server: &str) -> String {
    let name = file_name("repod", &[server], "");
    format!("{SOURCES_FOLDER}/{}-", name.trim_end_matches('.'))
}

/// The names that preferences, as they are written here, pin; `None` when one is no name.
pub fn pinned_names(preferences: &str) -> Option<Vec<PackageName>> {
    let mut names = Vec::new();
    let stanzas = preferences.trim_end().split("\n\n");
    for stanza in stanzas.filter(|one| one.ends_with("\nPin-Priority: 1001")) {
        let list = stanza.lines().find_map(|line| line.strip_prefix("Package: "))?;
        for name in list.split(' ') {
            names.push(PackageName::parse(name.strip_suffix(":any").unwrap_or(name)).ok()?);
        }
    }
    Some(names)
}

/// Files of earlier builds, which a host no longer needs. They have no extension: where the
/// server's name has a dot, apt ignores them; where it has none, apt reads the same settings twice.
pub fn obsolete_files(server: &str, suites: &[SuiteName]) -> Vec<String> {
    let of_suite = |suite: &SuiteName| format!("{CONFIGURATION}/60repod-{server}-{suite}");
    let mut paths: Vec<_> = suites.iter().map(of_suite).collect();
    paths.push(format!("{CONFIGURATION}/61repod-{server}"));
    paths
}

/// The script that dpkg runs when a client package was installed: it deletes obsolete files.
pub fn client_postinst(server: &str, suite: &SuiteName) -> String {
    let paths = obsolete_files(server, std::slice::from_ref(suite));
    let paths: Vec<_> = paths.iter().map(|path| format!("\"${{DPKG_ROOT:-}}{path}\"")).collect();
    let paths = paths.join(" ");
    format!(
        "#!/bin/sh\n# Files of earlier versions that nothing reads any more.\nset -e\nrm -f {paths}\n"
    )
}

/// Where a host has the keys that sign a suite.
pub fn key_file(server: &str, suite: &SuiteName) -> String {
    format!("{}/{suite}.asc", directory(server))
}

fn file(path: String, content: String) -> HostFile {
    HostFile { path, mode: "0644", owner: "root", content }
}

fn connection(address: &Address, spec: &SuiteSpec) -> String {
    let [origin, label] = [&spec.origin, &spec.label].map(|text| release_name::pattern(text));
    connection_of(address, spec, [&origin, &label])
}

fn connection_of(address: &Address, spec: &SuiteSpec, [origin, label]: [&str; 2]) -> String {
    let server = &address.server;
    let error_mode = match address.error_mode {
        ErrorMode::Any => ERROR_MODE,
        ErrorMode::PersistentFailure => "",
    };
    format!(
        "// Written by repod, for suite {suite}; the client package replaces it.\n\
         Acquire::https::{server} {{\n  \
           CAInfo \"{own}/ca.crt\";\n  \
           SslCert \"{own}/client.crt\";\n  \
           SslKey \"{own}/client.key\";\n\
         }};\n\
         {error_mode}\
         Unattended-Upgrade::Origins-Pattern {{\n  \
           \"origin={origin},label={label},codename={suite}\";\n\
         }};\n",
        own = directory(server),
        suite = spec.name,
    )
}

const ERROR_MODE: &str = "\
    // Without this, apt-get update ends with 0 when the repository cannot be read.\n\
    APT::Update::Error-Mode \"any\";\n";

const CONFIGURATION: &str = "/etc/apt/apt.conf.d";
const SOURCES_FOLDER: &str = "/etc/apt/sources.list.d";
const PREFERENCES: &str = "/etc/apt/preferences.d";

const DOWNWARDS: &str = "\
    // apt knows allow-downgrades only for the whole host, whatever the origin. What is really\n\
    // downgraded is decided by the preferences: only names listed there have a priority over 1000.\n\
    APT::Get::allow-downgrades \"true\";\n\
    Unattended-Upgrade::Allow-downgrade \"true\";\n\
    // A changed configuration file must not stop an unattended run half-way.\n\
    Dpkg::Options { \"--force-confdef\"; \"--force-confold\"; };\n\
    // An older version may need a package that is not installed.\n\
    APT::Get::Upgrade-Allow-New \"true\";\n";

fn source(public_url: &str, keys: &str, spec: &SuiteSpec) -> String {
    let (components, architectures) = (join(&spec.components), join(&spec.architectures));
    let suite = &spec.name;
    format!(
        "Types: deb\nURIs: {public_url}\nSuites: {suite}\nComponents: {components}\n\
         Architectures: {architectures}\nSigned-By: {keys}\n"
    )
}

/// The most text that one stanza lists: apt stops reading preferences at a stanza of a mebibyte.
/// Unit: bytes.
const LONGEST_LIST_BYTES: usize = 16 * 1024;

/// Priorities above 1000 for the names that a suite owns, and for no others: a pin of `*` would
/// pull the distribution's packages of the same name down as well. Each name has `:any`, because
/// apt takes a name alone for the package of the native architecture only. A suite without any name
/// yet has no such stanza, because apt stops at one that names no package. Neither has a suite that
/// is not automatic: with a priority above 1000 hosts would take its packages without being asked
/// to. The client package and `repoctl` go up with every suite, and never down: they come first, because apt
/// takes the first stanza that matches, and a pattern of the suite may match them too. From a suite that is not
/// automatic `repoctl` comes as everything else there, when it is asked for.
fn preferences(server: &str, facts: &SuiteFacts) -> String {
    let spec = &facts.spec;
    let [origin, label] = [&spec.origin, &spec.label].map(|text| release_name::pattern(text));
    let names = [origin.as_str(), label.as_str()];
    let pin = release_name::pin(&origin, &label, spec.name.as_str());
    let repoctl = format!(
        "Explanation: the program that renews the certificate goes up with the server, and never down.\n\
         Package: {REPOCTL}:any\nPin: release {pin}\nPin-Priority: 500\n"
    );
    let mut stanzas: Vec<_> = client_stanza(server, spec, names).into_iter().collect();
    stanzas.extend((!spec.not_automatic).then_some(repoctl));
    stanzas.extend(owned_stanzas(spec, &lists(&pinned(facts, ":any")), names));
    stanzas.join("\n")
}

/// What is pinned above 1000, each with this behind it.
fn pinned(facts: &SuiteFacts, end: &str) -> Vec<String> {
    match facts.spec.owns.is_empty() {
        true => facts.names.iter().map(|name| format!("{name}{end}")).collect(),
        false => facts.spec.owns.iter().map(|pattern| format!("{pattern}{end}")).collect(),
    }
}

/// The stanzas of what is pinned above 1000.
fn owned_stanzas(spec: &SuiteSpec, lists: &[String], [origin, label]: [&str; 2]) -> Vec<String> {
    let pin = release_name::pin(origin, label, spec.name.as_str());
    let stanza = |list: &String| {
        format!(
            "Explanation: hosts follow the repository up and down for these names.\n\
             Package: {list}\nPin: release {pin}\nPin-Priority: 1001\n"
        )
    };
    lists.iter().filter(|_| !spec.not_automatic).map(stanza).collect()
}

/// The stanza of the client package.
fn client_stanza(server: &str, spec: &SuiteSpec, [origin, label]: [&str; 2]) -> Option<String> {
    let pin = release_name::pin(origin, label, spec.name.as_str());
    let client = client_package(server, &spec.name).ok()?;
    Some(format!(
        "Explanation: new signing keys come with this package.\n\
         Package: {client}\nPin: release {pin}\nPin-Priority: 500\n"
    ))
}

/// What is pinned above 1000 and then the client package, as earlier builds wrote it.
fn earlier(server: &str, spec: &SuiteSpec, lists: &[String], names: [&str; 2]) -> String {
    let owned = owned_stanzas(spec, lists, names).into_iter().map(|stanza| stanza + "\n");
    owned.chain(client_stanza(server, spec, names)).collect()
}

/// The preferences as earlier builds wrote them for the same values: without `repoctl`, and the client package
/// last; before that with Origin and Label as they are; and before that also with names of the native architecture
/// alone, in one list.
pub fn earlier_preferences(server: &str, facts: &SuiteFacts) -> [String; 3] {
    let spec = &facts.spec;
    let plain = [spec.origin.as_str(), spec.label.as_str()];
    let [origin, label] = [&spec.origin, &spec.label].map(|text| release_name::pattern(text));
    let native = Some(pinned(facts, "").join(" ")).filter(|list| !list.is_empty());
    let native: Vec<_> = native.into_iter().collect();
    let any = lists(&pinned(facts, ":any"));
    let lately = [origin.as_str(), label.as_str()];
    [(&any, lately), (&any, plain), (&native, plain)]
        .map(|(lists, names)| earlier(server, spec, lists, names))
}

/// The settings of apt as earlier builds wrote them for the same values: Origin and Label as they are.
pub fn earlier_connection(address: &Address, facts: &SuiteFacts) -> String {
    let plain = [facts.spec.origin.as_str(), facts.spec.label.as_str()];
    [connection_of(address, &facts.spec, plain).as_str(), DOWNWARDS].concat()
}

/// The names, in lists that are short enough for one stanza each.
fn lists(names: &[String]) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for name in names {
        match lists.last_mut() {
            Some(list) if list.len().saturating_add(name.len()) < LONGEST_LIST_BYTES => {
                list.push(' ');
                list.push_str(name);
            }
            _ => lists.push(name.clone()),
        }
    }
    lists
}

/// The script that upgrades a host. It waits a time that differs from host to host, so that hosts
/// with the same cron line do not come at once.
pub fn upgrade_script(identity: &Identity) -> String {
    include_str!("../../packaging/repod-upgrade").replace("@HOST@", identity.as_str())
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
