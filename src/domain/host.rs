//! What a host needs so that its own apt reads the repository and follows it, down as well as up.
//!
//! Source: `docs/hosts.md`, where every line is explained with the test that shows why it is there.

use crate::debian::{PackageName, SuiteName};
use crate::domain::{Identity, SuiteSpec};

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

/// What the files are made from.
#[derive(Clone, Debug)]
pub struct HostFacts<'a> {
    /// The host.
    pub identity: &'a Identity,
    /// Where the repository is: `https://repo.example.org:8443/`.
    pub public_url: &'a str,
    /// The host part of it; apt looks its certificate up by this.
    pub server: &'a str,
    /// The CA that vouches for the server, PEM.
    pub ca_pem: &'a str,
    /// The public OpenPGP keys, armored.
    pub archive_key: &'a str,
    /// What the host reads.
    pub suites: &'a [SuiteSpec],
    /// The binary packages of those suites, for a suite that does not name what it owns.
    pub names: &'a [(SuiteName, Vec<PackageName>)],
}

/// Where the host keeps its certificate and key.
pub fn directory(server: &str) -> String {
    format!("/etc/apt/repod/{server}")
}

/// Every file but the host's own certificate and key.
pub fn files(facts: &HostFacts<'_>) -> Vec<HostFile> {
    let own = directory(facts.server);
    let file =
        |path: String, content: String| HostFile { path, mode: "0644", owner: "root", content };
    let script = HostFile {
        path: "/usr/local/sbin/repod-upgrade".into(),
        mode: "0755",
        owner: "root",
        content: upgrade_script(facts),
    };
    vec![
        file(format!("{own}/ca.crt"), facts.ca_pem.to_string()),
        file(format!("{own}/archive-key.asc"), facts.archive_key.to_string()),
        file(format!("/etc/apt/apt.conf.d/60repod-{}", facts.server), connection(facts, &own)),
        file(format!("/etc/apt/apt.conf.d/61repod-{}", facts.server), rollback(facts)),
        file(
            format!("/etc/apt/sources.list.d/repod-{}.sources", facts.server),
            sources(facts, &own),
        ),
        file(format!("/etc/apt/preferences.d/60repod-{}.pref", facts.server), preferences(facts)),
        script,
    ]
}

fn connection(facts: &HostFacts<'_>, own: &str) -> String {
    format!(
        "// Written by repod for {identity}.\n\
         Acquire::https::{server} {{\n  \
           CAInfo \"{own}/ca.crt\";\n  \
           SslCert \"{own}/client.crt\";\n  \
           SslKey \"{own}/client.key\";\n\
         }};\n\
         // Without this, apt-get update ends with 0 when the repository cannot be read.\n\
         APT::Update::Error-Mode \"any\";\n",
        identity = facts.identity,
        server = facts.server,
    )
}

fn rollback(facts: &HostFacts<'_>) -> String {
    let pattern = |spec: &SuiteSpec| {
        format!("  \"origin={},label={},codename={}\";\n", spec.origin, spec.label, spec.name)
    };
    let patterns: String = facts.suites.iter().map(pattern).collect();
    format!(
        "// apt knows allow-downgrades only for the whole host, whatever the origin. What is really\n\
         // downgraded is decided by the preferences: only names listed there have a priority over 1000.\n\
         APT::Get::allow-downgrades \"true\";\n\
         Unattended-Upgrade::Allow-downgrade \"true\";\n\
         Unattended-Upgrade::Origins-Pattern {{\n{patterns}}};\n\
         // A changed configuration file must not stop an unattended run half-way.\n\
         Dpkg::Options {{ \"--force-confdef\"; \"--force-confold\"; }};\n\
         // An older version may need a package that is not installed.\n\
         APT::Get::Upgrade-Allow-New \"true\";\n"
    )
}

fn sources(facts: &HostFacts<'_>, own: &str) -> String {
    let stanza = |spec: &SuiteSpec| {
        let (components, architectures) = (join(&spec.components), join(&spec.architectures));
        format!(
            "Types: deb\nURIs: {url}\nSuites: {suite}\nComponents: {components}\n\
             Architectures: {architectures}\nSigned-By: {own}/archive-key.asc\n",
            url = facts.public_url,
            suite = spec.name,
        )
    };
    facts.suites.iter().map(stanza).collect::<Vec<_>>().join("\n")
}

/// Priorities above 1000 for the names that a suite owns, and for no others: a pin of `*` would pull
/// the distribution's packages of the same name down as well. A suite without any name yet has no stanza:
/// apt stops at one that names no package. Nor has a suite that is not automatic: with a priority above
/// 1000 hosts would take its packages without being asked to.
fn preferences(facts: &HostFacts<'_>) -> String {
    let mut out = String::new();
    for spec in facts.suites.iter().filter(|spec| !spec.not_automatic) {
        let names = facts.names.iter().find(|(suite, _)| *suite == spec.name);
        let listed: Vec<String> = if spec.owns.is_empty() {
            names
                .map(|(_, names)| names.iter().map(ToString::to_string).collect())
                .unwrap_or_default()
        } else {
            spec.owns.clone()
        };
        if listed.is_empty() {
            continue;
        }
        out.push_str(&format!(
            "Explanation: hosts follow the repository up and down for these names.\n\
             Package: {}\nPin: release o={},l={},n={}\nPin-Priority: 1001\n\n",
            listed.join(" "),
            spec.origin,
            spec.label,
            spec.name
        ));
    }
    out
}

/// Waits a time that differs from host to host, so that a fleet on one cron line does not come at once.
fn upgrade_script(facts: &HostFacts<'_>) -> String {
    format!(
        "#!/bin/sh\n\
         # Brings this host to what {url} offers. For cron, on every host the same line:\n\
         #   */30 * * * * root /usr/local/sbin/repod-upgrade\n\
         # It waits up to SPLAY seconds, always as long on this host. --now does not wait.\n\
         set -eu\n\
         SPLAY=${{SPLAY:-600}}\n\
         if [ \"${{1:-}}\" != --now ] && [ \"$SPLAY\" -gt 0 ]; then\n  \
           sum=$(printf %s '{identity}' | cksum)\n  \
           sleep $((${{sum%% *}} % SPLAY))\n\
         fi\n\
         export DEBIAN_FRONTEND=noninteractive\n\
         apt-get -q update\n\
         exec apt-get -q -y upgrade\n",
        url = facts.public_url,
        identity = facts.identity,
    )
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
