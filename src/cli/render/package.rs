//! Packages and where they are.

use super::pairs;
use crate::api::{PlacementView, SuitePlacement};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, size, when};
use crate::time::Moment;

/// The packages of one suite, as a table; with their state when not all of them are live.
pub fn list(packages: &[PlacementView], sheet: &Sheet) -> String {
    let headings =
        ["PACKAGE", "VERSION", "ARCHITECTURE", "COMPONENT", "STATE", ">SIZE", "ACCEPTED", "BY"];
    let mut table = Table::new(&headings);
    for one in packages {
        table.row([
            one.package.to_string(),
            one.version.to_string(),
            one.architecture.to_string(),
            one.component.to_string(),
            one.state.as_str().into(),
            size(one.size_bytes),
            age(one.accepted_at, sheet.now),
            one.accepted_by.clone(),
        ]);
    }
    table.lines(0, sheet)
}

/// Packages of any suite, as a table.
pub fn search(found: &[SuitePlacement], sheet: &Sheet) -> String {
    let headings = ["PACKAGE", "VERSION", "ARCHITECTURE", "SUITE", "COMPONENT", "STATE", "SOURCE"];
    let mut table = Table::new(&headings);
    for SuitePlacement { suite, placement } in found {
        table.row([
            placement.package.to_string(),
            placement.version.to_string(),
            placement.architecture.to_string(),
            suite.to_string(),
            placement.component.to_string(),
            placement.state.as_str().into(),
            placement.source.to_string(),
        ]);
    }
    table.lines(0, sheet)
}

/// Everything about each of these packages.
pub fn show(found: &[SuitePlacement], now: Moment) -> String {
    let blocks: Vec<String> = found.iter().map(|one| block(one, now)).collect();
    blocks.join("\n")
}

fn block(one: &SuitePlacement, now: Moment) -> String {
    let placement = &one.placement;
    let by = &placement.accepted_by;
    let lines = [
        ("suite", format!("{} {}", one.suite, placement.component)),
        ("state", placement.state.as_str().to_owned()),
        ("source", format!("{} {}", placement.source, placement.source_version)),
        ("size", format!("{} ({} bytes)", size(placement.size_bytes), placement.size_bytes)),
        ("sha256", placement.digest.to_string()),
        ("accepted", format!("{} from {by}", when(placement.accepted_at, now))),
    ];
    let heading = format!("{} {} {}", placement.package, placement.version, placement.architecture);
    format!("{heading}\n{}", pairs(2, &lines))
}
