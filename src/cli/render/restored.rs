//! The restoration of an earlier state.

use crate::api::{RestoredView, UploadView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::time::Moment;

/// When what was restored, and what that left open.
pub fn restored(view: &RestoredView, sheet: &Sheet) -> String {
    let state = match view.taken_at {
        Some(at) => format!("The state of {}", Moment(at).iso()),
        None => "An earlier state".to_owned(),
    };
    let mut text = format!("{state} was restored at {}.\n", Moment(view.at).iso());
    if let Some(at) = view.acknowledged_at {
        text.push_str(&format!("Acknowledged at {}.\n", Moment(at).iso()));
        return text;
    }
    text.push_str(match view.complete {
        true => "What was accepted and revoked after it is known.\n",
        false => {
            "What was accepted and revoked after it is not known: revoke again what was revoked.\n"
        }
    });
    text.push_str(&uploads(
        "Accepted after that state, not listed; upload again:",
        &view.lost,
        sheet,
    ));
    let doubt = "Accepted since; hosts may have other bytes of the same version:";
    text.push_str(&uploads(doubt, &view.doubtful, sheet));
    text.push_str("Once all is well: repoctl restored acknowledge -m WHY\n");
    text
}

fn uploads(title: &str, uploads: &[UploadView], sheet: &Sheet) -> String {
    if uploads.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["PACKAGE", "VERSION", "ARCHITECTURE", "SUITE", "WHEN", "BY"]);
    for one in uploads {
        let at = if one.at == 0 { String::new() } else { Moment(one.at).iso() };
        table.row([
            one.package.clone(),
            one.version.clone(),
            one.architecture.clone(),
            one.suite.clone(),
            at,
            one.by.clone(),
        ]);
    }
    format!("{title}\n{}", table.lines(2, sheet))
}
