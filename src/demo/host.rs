//! Hosts: the machine's own apt and dpkg over a private root, without root's rights.

use rustix::process::geteuid;

use super::package::{PACKAGE, SIBLING};
use super::place::Place;
use super::stage::Stage;

/// The directories that apt and dpkg need.
const DIRECTORIES: [&str; 10] = [
    "etc/apt/apt.conf.d",
    "etc/apt/preferences.d",
    "etc/apt/sources.list.d",
    "etc/apt/trusted.gpg.d",
    "var/cache/apt/archives/partial",
    "var/lib/apt/lists/partial",
    "var/lib/dpkg/info",
    "var/lib/dpkg/updates",
    "var/lib/dpkg/triggers",
    "var/log/apt",
];
/// The files of the setup that name other files by their paths on a real host.
const WITH_PATHS: [&str; 2] = [
    "etc/apt/apt.conf.d/60repod-127.0.0.1-stable.conf",
    "etc/apt/sources.list.d/repod-127.0.0.1-stable.sources",
];

/// A private root, named by its directory in the place.
#[derive(Clone, Copy)]
pub struct Host(pub &'static str);

impl Host {
    /// Makes a root around the files that `repoctl host issue` wrote there.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn make_root(self, place: &Place) -> Result<(), String> {
        let Self(name) = self;
        for directory in DIRECTORIES {
            place.make_directory(&format!("{name}/{directory}"))?;
        }
        place.write(&format!("{name}/var/lib/dpkg/status"), "")?;
        let root = place.at(name);
        place.write(&format!("{name}/apt.conf"), &configuration(&root))?;
        for file in WITH_PATHS {
            let file = format!("{name}/{file}");
            let moved = place.read(&file)?.replace("/etc/apt/", &format!("{root}/etc/apt/"));
            place.write(&file, &moved)?;
        }
        Ok(())
    }

    /// `apt-get update`.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub async fn update(self, stage: &mut Stage) -> Result<String, String> {
        self.apt_get(stage, &["update"], 0).await
    }

    /// `apt-get ARGUMENTS`.
    ///
    /// # Errors
    /// When it does not end with `code`.
    pub async fn apt_get(
        self,
        stage: &mut Stage,
        arguments: &[&str],
        code: i32,
    ) -> Result<String, String> {
        let config = stage.place.at(&format!("{}/apt.conf", self.0));
        stage.run_to("apt-get", arguments, &[("APT_CONFIG", &config)], code).await
    }

    /// Checks that dpkg's database has this version and that its files are there.
    ///
    /// # Errors
    /// What is there instead.
    pub async fn expect_installed(self, stage: &mut Stage, version: &str) -> Result<(), String> {
        let Self(name) = self;
        let database = format!("--admindir={}", stage.place.at(&format!("{name}/var/lib/dpkg")));
        let format = r"-f=${Package} ${Version} ${db:Status-Status}\n";
        let query = [database.as_str(), "-W", format, PACKAGE, SIBLING];
        let output = stage.run("dpkg-query", &query, &[]).await?;
        for package in [PACKAGE, SIBLING] {
            let wanted = format!("{package} {version} installed");
            if !output.lines().any(|line| line == wanted) {
                return Err(format!("dpkg-query does not say {wanted:?}"));
            }
            let file = format!("{name}/usr/share/{package}/version");
            let found = stage.place.read(&file)?;
            if found.trim_end() != version {
                return Err(format!("{file} is of version {:?}, not {version}", found.trim_end()));
            }
        }
        let sentence = format!("{name} really has {PACKAGE} {version}: dpkg and the files agree.");
        stage.telling.checked(&sentence);
        Ok(())
    }
}

/// apt reads the file in `APT_CONFIG` before all others: with `Dir` set there it never reads the
/// machine's own. Source: apt.conf(5).
fn configuration(root: &str) -> String {
    // Root's apt would fetch as `_apt`, which cannot enter this user's directory.
    let user = if geteuid().is_root() { "APT::Sandbox::User \"root\";\n" } else { "" };
    format!(
        "Dir \"{root}/\";\n\
         Dir::State::status \"{root}/var/lib/dpkg/status\";\n\
         Acquire::https::Proxy::127.0.0.1 \"DIRECT\";\n\
         DPkg::Options {{\n  \
           \"--root={root}\"; \"--log={root}/var/log/dpkg.log\";\n  \
           \"--force-not-root\"; \"--force-script-chrootless\"; \"--force-bad-path\";\n\
         }};\n{user}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_names_only_paths_of_its_own() {
        let place = Place::make(None).unwrap();
        for file in WITH_PATHS {
            let above = file.rsplit_once('/').unwrap().0;
            place.make_directory(&format!("web1/{above}")).unwrap();
            place.write(&format!("web1/{file}"), "SslKey \"/etc/apt/repod/x\";\n").unwrap();
        }
        Host("web1").make_root(&place).unwrap();
        for file in WITH_PATHS.into_iter().chain(["apt.conf"]) {
            let text = place.read(&format!("web1/{file}")).unwrap();
            let own = format!("\"{}/", place.at("web1"));
            assert!(text.contains(&own), "{text}");
            assert!(!text.contains("\"/etc/"), "{text}");
        }
    }
}
