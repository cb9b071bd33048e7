//! `repoctl who-has`, `repoctl fleet` and `repoctl host report`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::api::VersionRelation;
use crate::debian::advisory::identifier;
use crate::debian::{PackageName, SuiteName, Version};

/// A package, and perhaps versions of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageQuery {
    /// The binary package.
    pub package: PackageName,
    /// Only such versions.
    pub version: Option<(VersionRelation, Version)>,
}

/// Which package.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl who-has acme-web\n  repoctl who-has acme-web=2.0\n  \
                  repoctl who-has 'openssl<3.0.15-1'\n  \
                  repoctl who-has --vulnerable CVE-2026-1234 --from all.zip\n  \
                  repoctl who-has --vulnerable --from all.zip --from our-vex.json\n\n\
                  Versions are compared as dpkg does, with =, <, <=, > or >=; quote < and > for the shell. \
                  INSTALLED is what a host said in its last report, OFFERED what its last apt-get update was given. \
                  What it fetched in between is not recorded. Hosts that have sent no report are named, because \
                  nobody knows what they have.\n\n\
                  With --vulnerable the records are read on this machine: those of OSV for Debian (all.zip, a folder, \
                  JSON, JSON lines), the JSON of Debian's security tracker, your own OSV records, and OpenVEX or \
                  CSAF-VEX, which clears what it says is not affected. What was yanked counts as vulnerable, and needs \
                  no file. A record that cannot be read is named and left out.\n\n\
                  It ends with 0 when the question was answered, whoever has it; with 1 when a file has no record \
                  that can be read, or nothing is known of the CVE; with 2, 3 and 4 as every command.")]
pub struct WhoHasArgs {
    /// The binary package, and versions of it
    #[arg(
        value_name = "PACKAGE[=VERSION]",
        value_parser = parse_query,
        required_unless_present = "vulnerable",
        conflicts_with = "vulnerable"
    )]
    pub package: Option<PackageQuery>,
    /// What is known to be vulnerable instead of a package: all of it, or one flaw
    #[arg(long, value_name = "CVE", value_parser = parse_flaw)]
    pub vulnerable: Option<Option<String>>,
    /// From where.
    #[command(flatten)]
    pub how: VulnerableArgs,
    /// Also hosts that hold no right or no certificate any more
    #[arg(long, short)]
    pub all: bool,
}

/// From where it is known what is vulnerable.
#[derive(Args, Debug)]
pub struct VulnerableArgs {
    /// Records of flaws: a file, a zip, or a folder of them; it may be given several times
    #[arg(long, value_name = "FILE", requires = "vulnerable")]
    pub from: Vec<PathBuf>,
    /// Also flaws that Debian's security team calls unimportant
    #[arg(long, requires = "vulnerable")]
    pub unimportant: bool,
}

/// Reads the name of a flaw.
fn parse_flaw(text: &str) -> Result<String, String> {
    let read = identifier("it", text).map_err(|error| error.problem)?;
    Ok(read)
}

/// Which hosts.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "EXAMPLE:\n  repoctl fleet\n  repoctl fleet --suite stable --group web\n  repoctl fleet --unhealthy\n  repoctl fleet diff web\n\n\
                  LIVE are hosts that were offered the generation that is live and hold nothing back, by their last \
                  report if they have sent one; whether they have installed it, `repoctl who-has` says. BEHIND were \
                  not offered it yet, SILENT have asked for nothing for two days. Hosts that are not live, have not \
                  reported or need a reboot are named below."
)]
pub struct FleetArgs {
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<FleetCommand>,
    /// Only this suite
    #[arg(long, short, value_name = "SUITE")]
    pub suite: Option<SuiteName>,
    /// Only the hosts of this ring; 'everyone' are those in none
    #[arg(long, value_name = "RING")]
    pub ring: Option<String>,
    /// Only the hosts of this group
    #[arg(long, short, value_name = "GROUP")]
    pub group: Option<String>,
    /// Only hosts with a failed check that counts, and what it says
    #[arg(long)]
    pub unhealthy: bool,
    /// Also hosts that hold no right or no certificate any more
    #[arg(long, short)]
    pub all: bool,
}

/// What else can be asked of the fleet.
#[derive(Subcommand, Debug)]
pub enum FleetCommand {
    /// Show what the hosts of a group do not have alike
    Diff(FleetDiffArgs),
}

/// Which group.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl fleet diff web\n\n\
                        It compares what the hosts said that they have installed. MOST is the version of most hosts, \
                        and every host that differs from it is named.")]
pub struct FleetDiffArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Also hosts that hold no right or no certificate any more
    #[arg(long, short)]
    pub all: bool,
}

/// What to report.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host report --show\n  repoctl host report\n\n\
                  repod-report.path runs it after apt has altered packages, repod-report.timer every few hours. It \
                  sends names and versions of packages, the release of the system, kernels, services to restart, and \
                  how apt last ended: no users, processes or addresses. It sends nothing while the file \
                  /etc/apt/repod/no-report is there, or no-report in the directory of one server below it.")]
pub struct HostReportArgs {
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Print exactly what would be sent, before it is packed, and send nothing
    #[arg(long)]
    pub show: bool,
    /// Send all of it, not only what differs from the last report
    #[arg(long)]
    pub full: bool,
}

/// Reads `PACKAGE`, or `PACKAGE`, a sign and a version.
pub fn parse_query(text: &str) -> Result<PackageQuery, String> {
    let Some(at) = text.find(['=', '<', '>']) else {
        let package = PackageName::parse(text).map_err(|error| error.to_string())?;
        return Ok(PackageQuery { package, version: None });
    };
    let (package, rest) = text.split_at(at);
    // Two letters first. dpkg and apt write << and >>, which mean the same as < and >.
    let signs = [
        ("<=", VersionRelation::EarlierOrEqual),
        (">=", VersionRelation::LaterOrEqual),
        ("<<", VersionRelation::Earlier),
        (">>", VersionRelation::Later),
        ("<", VersionRelation::Earlier),
        (">", VersionRelation::Later),
        ("=", VersionRelation::Equal),
    ];
    let found = signs.iter().find_map(|(sign, is)| Some((*is, rest.strip_prefix(sign)?)));
    let (is, version) =
        found.ok_or_else(|| "write PACKAGE=VERSION or PACKAGE<VERSION".to_owned())?;
    Ok(PackageQuery {
        package: PackageName::parse(package).map_err(|error| error.to_string())?,
        version: Some((is, Version::parse(version).map_err(|error| error.to_string())?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_and_a_version_may_follow_a_package() {
        let read = |text: &str| {
            parse_query(text).map(|one| one.version.map(|(is, v)| (is, v.to_string())))
        };
        assert_eq!(read("acme-web"), Ok(None));
        for (text, is) in [
            ("acme-web=1:2.0", VersionRelation::Equal),
            ("acme-web<1:2.0", VersionRelation::Earlier),
            ("acme-web<<1:2.0", VersionRelation::Earlier),
            ("acme-web<=1:2.0", VersionRelation::EarlierOrEqual),
            ("acme-web>1:2.0", VersionRelation::Later),
            ("acme-web>>1:2.0", VersionRelation::Later),
            ("acme-web>=1:2.0", VersionRelation::LaterOrEqual),
        ] {
            assert_eq!(read(text), Ok(Some((is, "1:2.0".into()))), "{text}");
        }
        for text in ["", "=1", "acme-web=", "acme-web==1", "acme-web=>1", "acme web=1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
