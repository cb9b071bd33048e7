//! Dropped: what is said of a generation that retention dropped.

use crate::debian::SuiteName;
use crate::domain::GenerationRecord;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// How many runs of generations are named; of the rest, it is said that there are more.
const NAMED: usize = 8;

/// What to say of a generation that is asked for, where retention dropped it.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(in crate::flow) fn told(
    repository: &Repository,
    suite: &SuiteName,
    record: &GenerationRecord,
) -> Result<Option<String>, FlowError> {
    let Some(at) = record.dropped else { return Ok(None) };
    let kept = runs(&repository.catalogue.list_kept(suite)?);
    let number = record.generation;
    Ok(Some(format!(
        "generation {number} of suite {suite} any more: it was dropped at {} by what the suite keeps; kept are {kept}",
        at.iso()
    )))
}

/// Numbers with those that follow each other put together: `3, 7-9`.
fn runs(numbers: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut().filter(|(_, end)| end.checked_add(1) == Some(*number)) {
            Some((_, end)) => *end = *number,
            None => runs.push((*number, *number)),
        }
    }
    let text = |(from, to): &(u64, u64)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    // The newest are likelier to be asked for.
    let more = runs.len().saturating_sub(NAMED);
    let named: Vec<_> = runs.iter().skip(more).map(text).collect();
    let more = if more > 0 { "…, " } else { "" };
    format!("{more}{}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_put_together() {
        assert_eq!(runs(&[]), "");
        assert_eq!(runs(&[3, 7, 8, 9]), "3, 7-9");
        let many: Vec<u64> = (0..20).map(|number| number * 2).collect();
        assert_eq!(runs(&many), "…, 24, 26, 28, 30, 32, 34, 36, 38");
    }
}
