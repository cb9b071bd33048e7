//! The policy of rollouts, as it is sent.

use crate::api;
use crate::domain::policy::{Abort, Advance, Freeze, PolicyEdit, RolloutPolicy, Start};
use crate::http::answer::Failure;

/// An edit of a policy, as a request has it.
pub fn edit(sent: api::RolloutPolicy) -> Result<PolicyEdit, Failure> {
    Ok(PolicyEdit {
        start: word("start", sent.start, &Start::ALL)?,
        advance: word("advance", sent.advance, &Advance::ALL)?,
        soak: sent.soak,
        installed_percent: sent.installed,
        silent_percent: sent.silent,
        failures: sent.failures,
        failures_percent: sent.failures_percent,
        deadline: sent.deadline,
        abort: word("abort", sent.abort, &Abort::ALL)?,
        freezes: sent.freezes.map(freezes).transpose()?,
    })
}

fn freezes(sent: Vec<api::Freeze>) -> Result<Vec<Freeze>, Failure> {
    let freeze = |one: api::Freeze| {
        let name = one.name.parse();
        let wrong = |error| Failure::invalid("rollout", format!("freeze {:?}: {error}", one.name));
        Ok(Freeze { name: name.map_err(wrong)?, when: one.when })
    };
    sent.into_iter().map(freeze).collect()
}

fn word<T: Copy>(
    name: &str,
    given: Option<String>,
    all: &[(T, &'static str)],
) -> Result<Option<T>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let found = all.iter().find(|(_, word)| *word == given).map(|(one, _)| *one);
    let words = || all.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ");
    let wrong = || Failure::invalid("rollout", format!("{name} is one of {}", words()));
    found.map(Some).ok_or_else(wrong)
}

/// A policy as it is sent, with every setting.
pub fn view(policy: &RolloutPolicy) -> api::RolloutPolicy {
    let start = Start::ALL.iter().find(|(one, _)| *one == policy.start);
    let freeze = |one: &Freeze| api::Freeze { name: one.name.to_string(), when: one.when.clone() };
    let advance = Advance::ALL.iter().find(|(one, _)| *one == policy.advance);
    let abort = Abort::ALL.iter().find(|(one, _)| *one == policy.abort);
    api::RolloutPolicy {
        start: start.map(|(_, word)| (*word).to_owned()),
        advance: advance.map(|(_, word)| (*word).to_owned()),
        soak: Some(policy.soak),
        installed: Some(policy.installed_percent),
        silent: Some(policy.silent_percent),
        failures: Some(policy.failures),
        failures_percent: Some(policy.failures_percent),
        deadline: Some(policy.deadline),
        abort: abort.map(|(_, word)| (*word).to_owned()),
        freezes: Some(policy.freezes.iter().map(freeze).collect()),
    }
}
