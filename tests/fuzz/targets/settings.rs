//! What operators write: the configuration, the file of `repoctl apply`; and the statement of a checkpoint.

use repod::cli::Manifest;
use repod::config::Config;
use repod::domain::audit::Statement;
use repod::time::Moment;

/// A `repod.toml`.
pub fn configuration(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    let config = match Config::parse(text) {
        Ok(config) => config,
        Err(problem) => return assert!(!problem.to_string().is_empty()),
    };
    assert_eq!(Config::parse(text).ok().as_ref(), Some(&config));
    let host = config.host().expect("a configuration that is accepted has a host");
    assert!(!host.is_empty() && !host.contains(['/', '@', ' ', '?', '#']), "{host:?}");
    assert!(config.listen.local.iter().all(|address| address.ip().is_loopback()));
    assert!(!config.listen.addresses.is_empty());
    assert!(config.listen.proxy_protocol.is_empty() || !config.listen.proxies.is_empty());
    assert!((1..=3650).contains(&config.certificates.crl_days));
}

/// A file for `repoctl apply`.
pub fn manifest(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    match Manifest::parse(text) {
        Ok(read) => {
            assert_eq!(Manifest::parse(text).as_ref(), Ok(&read));
            let lines = text.matches('\n').count() + 1;
            for (line, grant) in read.grants() {
                assert!((1..=lines).contains(&line), "{line} of {lines}");
                assert!(grant.suites.is_sorted() && grant.packages.is_sorted());
            }
        }
        Err(fault) => {
            let told = fault.told("repo.toml");
            assert!(told.starts_with("repo.toml:") && !told.ends_with('\n'), "{told:?}");
        }
    }
}

/// The text of a checkpoint of the audit log, and the times in it: each has one form.
pub fn statement(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    if let Some(read) = Statement::parse(text) {
        assert_eq!(read.write(), text);
    }
    if let Some(at) = Moment::parse_stamp(text) {
        assert_eq!(at.stamp(), text);
    }
    if let Some(at) = Moment::parse_http_date(text) {
        assert_eq!(Moment::parse_http_date(&at.http_date()), Some(at), "{text:?}");
    }
}
