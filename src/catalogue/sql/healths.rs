//! The health of hosts: what others say of them, and who is left out of the count.

use super::rows::{damaged, moment, parse};
use super::{Answer, Row, Store, all, audit};
use crate::catalogue::{Healths, HostCheck};
use crate::domain::health::CheckResult;
use crate::domain::{Event, Identity};
use crate::time::Moment;

const RECORD: &str = "\
    INSERT INTO host_check (host, suite, name, reporter, line, at) VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (host, suite, name, reporter) DO UPDATE SET line = excluded.line, at = excluded.at";
const FORGET: &str = "DELETE FROM host_check WHERE at < $1";
const CHECKS: &str = "SELECT host, suite, reporter, line, at FROM host_check";
const CHECKS_OF: &str = "SELECT host, suite, reporter, line, at FROM host_check WHERE host = $1";

const IGNORE: &str = "\
    INSERT INTO health_ignored (host, until) VALUES ($1, $2) \
    ON CONFLICT (host) DO UPDATE SET until = excluded.until WHERE until <> excluded.until";
const COUNT_AGAIN: &str = "DELETE FROM health_ignored WHERE host = $1";
const IGNORED: &str = "SELECT host, until FROM health_ignored ORDER BY host";

impl<S: Store> Healths for S {
    fn record_check(&self, check: &HostCheck, forget_before: Moment) -> Answer<()> {
        let check = check.clone();
        self.write(move |tx| {
            tx.exec(FORGET, &[forget_before.0.into()])?;
            let values = [
                check.host.as_str().into(),
                check.suite.as_str().into(),
                check.result.name.as_str().into(),
                check.reporter.as_str().into(),
                check.result.to_string().into(),
                check.at.0.into(),
            ];
            tx.exec(RECORD, &values).map(drop)
        })
    }

    fn list_checks(&self, host: Option<&Identity>) -> Answer<Vec<HostCheck>> {
        self.read(|tx| match host {
            None => all(tx, CHECKS, &[], check),
            Some(host) => all(tx, CHECKS_OF, &[host.as_str().into()], check),
        })
    }

    fn record_ignored(
        &self,
        host: &Identity,
        until: Option<Moment>,
        event: &Event,
    ) -> Answer<bool> {
        let (host, event) = (host.clone(), event.clone());
        self.write(move |tx| {
            let changed = match until {
                Some(until) => tx.exec(IGNORE, &[host.as_str().into(), until.0.into()])?,
                None => tx.exec(COUNT_AGAIN, &[host.as_str().into()])?,
            };
            if changed > 0 {
                audit::add(tx, &[event])?;
            }
            Ok(changed > 0)
        })
    }

    fn list_ignored(&self) -> Answer<Vec<(Identity, Moment)>> {
        self.read(|tx| all(tx, IGNORED, &[], |row| Ok((parse(row, 0)?, moment(row, 1)?))))
    }
}

fn check(row: &dyn Row) -> Answer<HostCheck> {
    Ok(HostCheck {
        host: parse(row, 0)?,
        suite: parse(row, 1)?,
        reporter: parse(row, 2)?,
        result: CheckResult::parse(row.text(3)?).map_err(damaged)?,
        at: moment(row, 4)?,
    })
}
