//! Limits: whether those of a grant can match anything in its suites.

use crate::debian::Component;
use crate::domain::patterns::PackagePattern;
use crate::domain::{Grant, SuiteScope, SuiteSpec};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::nearest::or_nearest;

/// Checks that the role may have these limits, and that each of them can match something in the suites
/// that the grant names. Of all suites, also those made later, nothing is known.
///
/// # Errors
/// [`FlowError::Invalid`] with the field and what to write there.
pub(super) fn verify(repository: &Repository, grant: &Grant) -> Result<(), FlowError> {
    let wrong = |error: crate::domain::GrantError| FlowError::Invalid {
        field: error.field,
        problem: error.problem,
    };
    grant.limits.verify(grant.role).map_err(wrong)?;
    let SuiteScope::Named(names) = &grant.suites else { return Ok(()) };
    let desks = names.iter().filter_map(|name| repository.desk(name));
    let states: Vec<_> = desks.map(|desk| desk.state()).collect();
    let specs: Vec<_> = states.iter().map(|state| &state.spec).collect();
    for component in &grant.limits.components {
        if !specs.iter().any(|spec| spec.components.contains(component)) {
            return Err(no_component(&specs, component));
        }
    }
    for pattern in &grant.limits.packages {
        let takes = |spec: &&SuiteSpec| {
            spec.owns.is_empty()
                || spec.owns.iter().any(|owned| pattern.overlaps(owned))
                || spec.takes_name(pattern.as_str())
        };
        if !specs.iter().any(takes) {
            return Err(not_owned(&specs, pattern));
        }
    }
    Ok(())
}

fn no_component(specs: &[&SuiteSpec], component: &Component) -> FlowError {
    let known = || specs.iter().flat_map(|spec| &spec.components).map(Component::as_str);
    let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let suites = names.join(", ");
    let mut have: Vec<_> = known().collect();
    have.sort_unstable();
    have.dedup();
    let otherwise = format!("; there are {}", have.join(", "));
    let near = or_nearest(component.as_str(), known(), &otherwise);
    let problem = format!("{component} is no component of {suites}{near}");
    FlowError::Invalid { field: "components", problem }
}

fn not_owned(specs: &[&SuiteSpec], pattern: &PackagePattern) -> FlowError {
    let owns = specs.iter().map(|spec| format!("{} owns only {}", spec.name, spec.owns.join(" ")));
    let owns = owns.collect::<Vec<_>>().join(", ");
    let first = specs.first().map(|spec| spec.name.as_str()).unwrap_or_default();
    let problem = format!(
        "{pattern} can match nothing there: {owns}; write a pattern within that, or name what the suite \
         owns anew with `repoctl suite edit {first} --owns`"
    );
    FlowError::Invalid { field: "packages", problem }
}
