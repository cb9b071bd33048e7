//! Wanted: what a host should have, held against what it has. What somebody changed or removed there
//! is left as it is and named.

use std::fs;
use std::io::ErrorKind;

use super::failure::Failure;
use super::root::Root;
use super::units;
use super::written::Written;
use crate::debian::SuiteName;
use crate::domain::host::{self, Address, ErrorMode, HostFile, SuiteFacts};
use crate::signing::read_public_keys;

const UPGRADE_SCRIPT: &str = include_str!("../../packaging/repod-upgrade");
const EARLIER_SCRIPT: &str = include_str!("../../packaging/earlier/repod-upgrade");
/// The one between these two.
const LAST_SCRIPT: &str = include_str!("../../packaging/earlier/repod-upgrade-2");
/// Where dpkg says which files a package has.
const PACKAGES: &str = "var/lib/dpkg/info";

/// What to write, and what to say.
#[derive(Default)]
pub struct Plan {
    /// The files, the sources last.
    pub writes: Vec<HostFile>,
    /// Sentences for people.
    pub notes: Vec<String>,
    /// Files that are as they should be.
    pub known: Vec<(String, String)>,
    /// The suites whose keys are written: those that the host did not have.
    pub new_suites: Vec<SuiteName>,
}

/// A host, and what was written there.
pub struct Host<'a> {
    /// The root of its file system.
    pub root: &'a Root,
    /// What was written there.
    pub written: &'a Written,
    /// Whether to write also what was changed or removed.
    pub force: bool,
}

impl Host<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, Failure> {
        match fs::read(self.root.target(path)?) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::refused(format!("{path}: cannot be read: {error}"))
                .with_hint("run it as root")),
        }
    }

    /// Adds the files of the suites of one server.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be read.
    pub fn suites(
        &self,
        plan: &mut Plan,
        address: &Address,
        suites: &[SuiteFacts],
    ) -> Result<(), Failure> {
        let mut sources = Vec::new();
        for facts in suites {
            sources.push(self.suite(plan, address, facts)?);
        }
        let begin = host::sources_begin(&address.server);
        for path in self.written.paths().filter(|path| path.starts_with(&begin)) {
            let Some(text) = self.read(path)?.filter(|_| !sources.iter().any(|one| one == path))
            else {
                continue;
            };
            let ours = format!("URIs: https://{}", address.server);
            let end = |rest: &str| rest.starts_with([':', '/']);
            if text.lines().filter_map(|line| line.strip_prefix(&ours)).any(end) {
                plan.notes.push(format!(
                    "{path}: {} does not give its suite to this host any more, and apt-get update \
                     fails on it; remove the file, if that is meant",
                    address.server
                ));
            }
        }
        plan.writes.sort_by_key(|file| file.path.starts_with(&begin));
        Ok(())
    }

    /// Adds the files of one suite; returns the path of its sources.
    fn suite(
        &self,
        plan: &mut Plan,
        address: &Address,
        facts: &SuiteFacts,
    ) -> Result<String, Failure> {
        let files = host::SuiteFiles::of(address, facts);
        let (suite, path) = (&facts.spec.name, files.sources.path.clone());
        let package = host::client_package(&address.server, suite).ok();
        let package = package.as_ref().map(ToString::to_string).unwrap_or_default();
        let is_packaged = self.root.has(format!("{PACKAGES}/{package}.list"));
        let is_there = self.read(&path)?.is_some();
        if !is_there && !self.force && (is_packaged || self.written.has(&path)) {
            plan.notes.push(format!(
                "suite {suite} was removed from this host ({path}) and stays so; with --force it is \
                 written again"
            ));
            return Ok(path);
        }
        if is_packaged && is_there {
            // dpkg puts them there, and the next client package exchanges them.
            for file in files.into_all() {
                plan.known.extend(self.read(&file.path)?.map(|text| (file.path, text)));
            }
            return Ok(path);
        }
        self.keys(plan, files.keys, (suite, &package), is_there)?;
        self.judge(plan, files.connection, |text| {
            let modes = [ErrorMode::Any, ErrorMode::PersistentFailure];
            modes.into_iter().any(|error_mode| {
                let address = Address { error_mode, ..address.clone() };
                host::SuiteFiles::of(&address, facts).connection.content == text
                    || host::earlier_connection(&address, facts) == text
            })
        })?;
        self.judge(plan, files.preferences, |text| {
            // Of a suite that owns no names, whichever names it had then.
            let names = facts.spec.owns.is_empty().then(|| host::pinned_names(text)).flatten();
            let facts = SuiteFacts { names: names.unwrap_or_default(), ..facts.clone() };
            host::SuiteFiles::of(address, &facts).preferences.content == text
                || host::earlier_preferences(&address.server, &facts).iter().any(|one| one == text)
        })?;
        self.judge(plan, files.sources, |_| false)?;
        Ok(path)
    }

    /// The keys of a suite are written when the host has never had it. A new key for a suite that
    /// it has comes by the signed client package alone.
    fn keys(
        &self,
        plan: &mut Plan,
        keys: HostFile,
        (suite, package): (&SuiteName, &str),
        is_there: bool,
    ) -> Result<(), Failure> {
        match self.read(&keys.path)? {
            None if !is_there || self.force => {
                plan.new_suites.push(suite.clone());
                plan.writes.push(keys);
            }
            None => plan.notes.push(format!(
                "{} is not there, so apt believes nothing of suite {suite}; with --force the keys \
                 that the server names now are written",
                keys.path
            )),
            Some(text) => {
                let of = |text: &str| read_public_keys(text).map(|keys| keys.fingerprints);
                let (held, named) = (of(&text).unwrap_or_default(), of(&keys.content));
                let known = |one: &&String| held.contains(*one);
                let named = named.unwrap_or_default();
                match named.iter().filter(known).count() {
                    all if all == named.len() => {}
                    // Not even the package that brings the new ones is believed.
                    0 => plan.notes.push(format!(
                        "this host has none of the keys by which suite {suite} is signed now, so its apt \
                         believes nothing of it; `repoctl host setup`, typed by an operator, writes its files \
                         with the new ones"
                    )),
                    _ => plan.notes.push(format!(
                        "suite {suite} is signed by a key that this host does not have; it comes \
                         with the client package: apt-get install {package}"
                    )),
                }
            }
        }
        Ok(())
    }

    /// Adds the files that are not of one server: the script that upgrades, and the service that
    /// runs this.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be read.
    pub fn machine(
        &self,
        plan: &mut Plan,
        identity: &crate::domain::Identity,
    ) -> Result<(), Failure> {
        let script = HostFile {
            path: host::UPGRADE_SCRIPT.into(),
            mode: "0755",
            owner: "root",
            content: host::upgrade_script(identity),
        };
        let marks = ["@HOST@", "@URL@"];
        let of_ours = |text: &str| {
            let all = [UPGRADE_SCRIPT, LAST_SCRIPT, EARLIER_SCRIPT];
            all.iter().any(|one| is_made_from(one, &marks, text))
        };
        self.judge(plan, script, of_ours)?;
        let Some(found) = self.read(units::RENEW_SERVICE)? else { return Ok(()) };
        // Wherever it has this program from.
        if is_made_from(units::SERVICE, &[units::USUAL_PROGRAM], &found) {
            plan.known.push((units::RENEW_SERVICE.into(), found));
            return Ok(());
        }
        let service = HostFile {
            path: units::RENEW_SERVICE.into(),
            mode: "0644",
            owner: "root",
            content: units::renewal_unit(self.root),
        };
        let of_ours =
            |text: &str| is_made_from(units::EARLIER_SERVICE, &[units::USUAL_PROGRAM], text);
        let before = plan.writes.len();
        self.judge(plan, service, of_ours)?;
        if plan.writes.len() > before {
            plan.notes
                .push("for the service to be as it is written: systemctl daemon-reload".into());
        }
        Ok(())
    }

    fn judge(
        &self,
        plan: &mut Plan,
        file: HostFile,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        let path = &file.path;
        match self.read(path)? {
            None if self.written.has(path) && !self.force => plan.notes.push(format!(
                "{path} was removed from this host and stays so; with --force it is written again"
            )),
            None => plan.writes.push(file),
            Some(text) if text == file.content => plan.known.push((file.path, text)),
            Some(text)
                if self.force || self.written.is_own(path, text.as_bytes()) || is_ours(&text) =>
            {
                plan.writes.push(file);
            }
            Some(_) => plan.notes.push(format!(
                "{path} is not as repoctl wrote it, and is left alone; with --force it is written \
                 anew"
            )),
        }
        Ok(())
    }
}

/// Whether a text is a template with something plain in place of each mark.
fn is_made_from(template: &str, marks: &[&str], text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+:/[]".contains(c);
    let (mut template, mut text) = (template, text);
    loop {
        let next = marks.iter().filter_map(|mark| template.split_once(mark));
        let Some((before, after)) = next.min_by_key(|(before, _)| before.len()) else {
            return text == template;
        };
        let Some(rest) = text.strip_prefix(before) else { return false };
        text = rest.trim_start_matches(plain);
        template = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_recognised_by_its_template() {
        let marks = ["@HOST@", "@URL@"];
        let made = EARLIER_SCRIPT
            .replace("@HOST@", "web-01.example.org")
            .replace("@URL@", "https://repo.example.org:8443/");
        assert!(is_made_from(EARLIER_SCRIPT, &marks, &made));
        assert!(!is_made_from(UPGRADE_SCRIPT, &marks, &made));
        for (from, to) in [("600", "60"), ("set -eu", "set -e"), ("-01.", "-01'."), ("upgrade", "")]
        {
            assert!(!is_made_from(EARLIER_SCRIPT, &marks, &made.replacen(from, to, 1)), "{from}");
        }
        assert!(!is_made_from(EARLIER_SCRIPT, &marks, &format!("{made}more\n")));
        assert!(!is_made_from(EARLIER_SCRIPT, &marks, ""));
        let service = units::SERVICE.replace(units::USUAL_PROGRAM, "/opt/bin/repoctl");
        assert!(is_made_from(units::SERVICE, &[units::USUAL_PROGRAM], &service));
    }
}
