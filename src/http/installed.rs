//! What every host has installed.

use std::collections::BTreeSet;

use axum::extract::State;

use crate::api::{
    FleetInstalled, HostInstalled, InstalledLine, InstalledQuery, MOST_ASKED_PACKAGES,
};
use crate::debian::PackageName;
use crate::domain::Right;
use crate::domain::inventory::Installed;
use crate::flow::inventory as fleet;
use crate::http::App;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Query};

/// `GET /fleet/installed`.
pub async fn installed(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<InstalledQuery>,
) -> Result<Json<FleetInstalled>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let packages = query.packages.map(|text| packages(&text)).transpose()?;
    let wanted = fleet::InstalledOf { packages, all: query.all };
    let found = fleet::installed(&app.repository, &admitted, wanted).await?;
    let host = |one: fleet::HostInventory| HostInstalled {
        host: one.host.to_string(),
        reported_at: one.at.0,
        os: one.facts.os,
        os_version: one.facts.os_version,
        os_codename: one.facts.os_codename,
        has: one.has,
    };
    Ok(Json(FleetInstalled {
        lines: found.lines.into_iter().map(line).collect(),
        hosts: found.hosts.into_iter().map(host).collect(),
        unreported: found.unreported.iter().map(ToString::to_string).collect(),
    }))
}

fn line(one: Installed) -> InstalledLine {
    InstalledLine {
        source: one.source.unwrap_or_else(|| one.name.clone()),
        source_version: one.source_version.unwrap_or_else(|| one.version.clone()),
        package: one.name,
        version: one.version,
    }
}

fn packages(text: &str) -> Result<BTreeSet<PackageName>, Failure> {
    let names: Vec<&str> = text.split(',').collect();
    if names.len() > MOST_ASKED_PACKAGES {
        let problem = format!("has {} names; at most {MOST_ASKED_PACKAGES}", names.len());
        return Err(Failure::invalid("packages", problem));
    }
    names.into_iter().map(|name| parse("packages", name)).collect()
}
