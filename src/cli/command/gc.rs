//! `repoctl gc`.

use super::Session;
use crate::cli::args::GcArgs;
use crate::cli::consent::Question;
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::text::{count, size};

/// Shows what suites do not keep, or removes it.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer is no.
pub async fn gc(session: &mut Session<'_>, args: &GcArgs) -> Result<(), Failure> {
    if args.dry_run {
        let plan = session.client.plan_gc().await?;
        session.show(&plan, |sheet| render::gc::plan(&plan, sheet));
        return Ok(());
    }
    let mut question =
        Question::because("what goes cannot be gone back to, and its bytes are freed");
    if session.may_ask() && !session.said_yes() {
        let plan = session.client.plan_gc().await?;
        question.shown = render::gc::plan(&plan, &session.sheet());
        question.because = vec![format!(
            "{} of {} can never be gone back to",
            count(plan.packages, "package"),
            size(plan.size_bytes)
        )];
    }
    session.settle(&question)?;
    let done = session.client.run_gc().await?;
    session.show(&done, |sheet| render::gc::done(&done, sheet));
    Ok(())
}
