//! Views: what the flows know, as the API says it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::{
    CertificateView, ChangeOutcome, GenerationView, HoldView, HostSeen, IdentityView, ItemOutcome,
    ItemState, PinView, PlacementState, PlacementView, ScrubPass, ScrubStatus, SightingView, Stuck,
    StuckRelation, SuiteChoice, SuiteView,
};
use crate::debian::{Component, SuiteName};
use crate::domain::Outcome;
use crate::domain::add::{Added, Cure, Standing};
use crate::domain::installable::Trouble;
use crate::domain::promotion;
use crate::domain::{
    AccessGrant, Entitled, Hold, Lack, Limits, Move, Origin, Pin, PinKind, Role, SuitePattern,
    SuiteScope,
};
use crate::flow::ScrubReport;
use crate::flow::report::history::GenerationReport;
use crate::flow::report::identities::IdentityReport;
use crate::flow::report::reports::{PlacementReport, PlacementStanding, SuiteReport};
use crate::http::App;

const DAY_SECONDS: i64 = 86_400;

/// What came of a change.
pub fn outcome(suite: &SuiteName, made: Outcome, hosts: Vec<HostSeen>) -> ChangeOutcome {
    let mut items: Vec<_> = made.added.iter().map(item).collect();
    items.sort_by(|a, b| {
        (&a.package, &a.version, &a.architecture).cmp(&(&b.package, &b.version, &b.architecture))
    });
    ChangeOutcome {
        suite: suite.clone(),
        generation: made.generation,
        dry_run: made.dry_run,
        items,
        moves: made.moves.iter().map(moved).collect(),
        rolled: made.is_rolled,
        pins: made.pinned.iter().map(|one| pin(suite, one)).collect(),
        ended: made.ended.iter().map(|one| pin(suite, one)).collect(),
        beyond: made.beyond,
        stuck: made.lacks.iter().map(stuck).collect(),
        hosts,
        notes: made.notes,
    }
}

fn stuck(lack: &Lack) -> Stuck {
    Stuck {
        package: lack.package.name.clone(),
        version: lack.package.version.clone(),
        architecture: lack.architecture.clone(),
        hosts: lack.hosts.clone(),
        brings: lack.brings.as_ref().map(|(package, _)| package.name.clone()),
        relation: match lack.trouble {
            Trouble::Needs => StuckRelation::Needs,
            Trouble::Recommends => StuckRelation::Recommends,
            Trouble::Avoids => StuckRelation::Avoids,
        },
        needs: lack.needed(),
        finds: lack.finds.clone(),
    }
}

fn item(added: &Added) -> ItemOutcome {
    ItemOutcome {
        package: added.package.name.clone(),
        version: added.package.version.clone(),
        architecture: added.package.architecture.clone(),
        component: added.component.clone(),
        state: match added.standing {
            Standing::Published => ItemState::Published,
            Standing::RollingOut => ItemState::RollingOut,
            Standing::Already => ItemState::Already,
            Standing::Waiting => ItemState::Waiting,
            Standing::Withdrawn => ItemState::Withdrawn,
        },
        note: added.note.clone(),
        cure: match &added.cure {
            Cure::Command(command) => command.clone(),
            Cure::None | Cure::Unknown => String::new(),
        },
        cure_unknown: added.cure == Cure::Unknown,
    }
}

/// One place that changes.
pub fn moved(one: &Move) -> crate::api::Move {
    let (component, package, architecture) = one.place.clone();
    crate::api::Move {
        package,
        architecture,
        component,
        from: one.from.as_ref().map(|package| package.version.clone()),
        to: one.to.as_ref().map(|package| package.version.clone()),
    }
}

/// One pin.
pub fn pin(suite: &SuiteName, pin: &Pin) -> PinView {
    PinView {
        suite: suite.clone(),
        package: pin.target.name.clone(),
        kind: match pin.target.kind {
            PinKind::Source => crate::api::PinKind::Source,
            PinKind::Binary => crate::api::PinKind::Binary,
        },
        version: pin.version.clone(),
        author: pin.author.to_string(),
        message: pin.message.clone(),
        at: pin.at.0,
        until: pin.until.map(|until| until.0),
    }
}

/// A hold, and how many packages are held back.
pub fn hold((hold, held_back): &(Hold, u64)) -> HoldView {
    let Hold { author, message, at } = hold;
    let (author, message) = (author.to_string(), message.clone());
    HoldView { author, message, at: at.0, held_back: *held_back }
}

/// A suite, for a caller who operates it or not.
pub fn suite(report: SuiteReport, operates: bool) -> SuiteView {
    let spec = report.spec;
    SuiteView {
        name: spec.name,
        alias: spec.alias,
        origin: spec.origin,
        label: spec.label,
        description: spec.description,
        owns: spec.owns,
        allows: spec.allows,
        components: spec.components,
        architectures: spec.architectures,
        valid_days: u32::try_from(spec.valid_seconds / DAY_SECONDS).unwrap_or(0),
        not_automatic: spec.not_automatic,
        but_automatic_upgrades: spec.but_automatic_upgrades,
        changelogs: spec.changelogs,
        snapshots: spec.snapshots,
        contents: spec.contents,
        pdiffs: spec.pdiffs,
        translations: spec.translations,
        versions: spec.versions,
        namespace: spec.namespace,
        rings: crate::http::rollouts::rings_view(&spec.rings, operates),
        rollout: crate::http::policy::view(&spec.rollout),
        keep: crate::http::gc::keep(spec.keep),
        hold: report.hold.as_ref().map(hold),
        generation: report.generation,
        date: report.head.as_ref().map(|head| head.date.0),
        valid_until: report.head.as_ref().map(|head| head.valid_until.0),
        packages: report.packages,
        waiting: report.waiting,
        pins: report.pins,
        size_bytes: report.size_bytes,
    }
}

/// A generation; `live` is the one that is served, and `reads` says which suites the caller may know of.
pub fn generation(
    report: GenerationReport,
    live: Option<u64>,
    reads: &dyn Fn(&SuiteName) -> bool,
) -> GenerationView {
    let GenerationReport { record, moves, rolled } = report;
    GenerationView {
        moves: moves.iter().map(moved).collect(),
        rolled: rolled.into_iter().map(crate::http::rollouts::rolled).collect(),
        live: live == Some(record.generation),
        generation: record.generation,
        at: record.at.0,
        authors: record.authors.iter().map(ToString::to_string).collect(),
        message: promotion::message_for(&record.message, reads),
        same_as: record.same_as,
        entered: record.entered,
        left: record.left,
    }
}

/// A package in a suite.
pub fn placement(report: PlacementReport) -> (SuiteName, PlacementView) {
    let view = PlacementView {
        package: report.package.name,
        version: report.package.version,
        architecture: report.package.architecture,
        component: report.component,
        source: report.package.source,
        source_version: report.package.source_version,
        state: match report.standing {
            PlacementStanding::Live => PlacementState::Live,
            PlacementStanding::RollingOut => PlacementState::RollingOut,
            PlacementStanding::Waiting => PlacementState::Waiting,
            PlacementStanding::Superseded => PlacementState::Superseded,
            PlacementStanding::Withdrawn => PlacementState::Withdrawn,
        },
        size_bytes: report.package.size_bytes,
        digest: report.package.digest,
        accepted_by: report.accepted_by.to_string(),
        accepted_at: report.accepted_at.0,
    };
    (report.suite, view)
}

/// An identity with its certificates; of patterns, the suites that there are.
pub fn identity(app: &App, report: IdentityReport) -> IdentityView {
    let host = report.is_host();
    let certificates = report.certificates.into_iter().map(|certificate| CertificateView {
        serial: certificate.serial,
        not_after: certificate.not_after.0,
        revoked_at: certificate.revoked_at.map(|at| at.0),
        reason: certificate.reason,
    });
    let desks = app.repository.desks();
    let live = |suite: &SuiteName| desks.get(suite).and_then(|desk| desk.live());
    let behind = match &report.entitled {
        Some(entitled) if entitled.is_host() => {
            let offered = |suite: &SuiteName| {
                let seen = report.sightings.iter().filter(|sighting| sighting.suite == *suite);
                seen.map(|sighting| sighting.generation).max()
            };
            desks
                .keys()
                .filter(|suite| entitled.reads(suite) && offered(suite) < live(suite))
                .cloned()
                .collect()
        }
        _ => Vec::new(),
    };
    let sightings = report.sightings.into_iter().map(|sighting| SightingView {
        ring: desks
            .get(&sighting.suite)
            .and_then(|desk| app.repository.ring_name(desk, &sighting.identity)),
        live: live(&sighting.suite),
        suite: sighting.suite,
        at: sighting.at.0,
        generation: sighting.generation,
    });
    let own = report.entitled.iter().flat_map(|entitled| entitled.held());
    let own = own.filter(|held| held.origin == Origin::Own).map(|held| held.grant.limits()).next();
    let (components, packages) = limited(&own.unwrap_or_default());
    let limited = report.entitled.as_ref().map(|entitled| limits(entitled)).unwrap_or_default();
    IdentityView {
        limits: limited,
        components,
        packages,
        behind,
        host,
        identity: report.identity.to_string(),
        role: report.entitled.as_ref().map(|entitled| role(entitled.role())),
        suites: report
            .entitled
            .map_or(SuiteChoice::Named(Vec::new()), |entitled| held(app, &entitled)),
        certificates: certificates.collect(),
        sightings: sightings.collect(),
        token_ends: report.token.map(|token| token.ends_at.0),
    }
}

/// How far the scrub is.
pub fn scrub(report: &ScrubReport, days: u32) -> ScrubStatus {
    let present = report.present.map(|pass| ScrubPass {
        began_at: pass.began_at.0,
        ended_at: None,
        read_bytes: pass.read_bytes,
        // What came while it was under way is read as well.
        expected_bytes: Some(pass.expected_bytes.max(pass.read_bytes)),
        findings: pass.findings,
    });
    let last = report.last.map(|pass| ScrubPass {
        began_at: pass.began_at.0,
        ended_at: Some(pass.ended_at.0),
        read_bytes: pass.read_bytes,
        expected_bytes: None,
        findings: pass.findings,
    });
    ScrubStatus { days, present, last }
}

/// A role on the wire.
pub fn role(role: Role) -> crate::api::Role {
    match role {
        Role::Host => crate::api::Role::Host,
        Role::Uploader => crate::api::Role::Uploader,
        Role::Operator => crate::api::Role::Operator,
        Role::Admin => crate::api::Role::Admin,
    }
}

/// A role from the wire.
pub fn role_of(role: crate::api::Role) -> Role {
    match role {
        crate::api::Role::Host => Role::Host,
        crate::api::Role::Uploader => Role::Uploader,
        crate::api::Role::Operator => Role::Operator,
        crate::api::Role::Admin => Role::Admin,
    }
}

/// The limits of a grant on the wire: components, and patterns of packages.
pub fn limited(limits: &Limits) -> (Vec<Component>, Vec<String>) {
    let packages = limits.packages.iter().map(ToString::to_string);
    (limits.components.iter().cloned().collect(), packages.collect())
}

/// Suites on the wire.
pub fn choice(scope: &SuiteScope) -> SuiteChoice {
    match scope {
        SuiteScope::All => SuiteChoice::All,
        SuiteScope::Named(names) => SuiteChoice::Named(names.iter().cloned().collect()),
    }
}

/// Suites from the wire.
pub fn scope(choice: SuiteChoice) -> SuiteScope {
    match choice {
        SuiteChoice::All => SuiteScope::All,
        SuiteChoice::Named(names) => SuiteScope::Named(names.into_iter().collect()),
    }
}

/// All suites that somebody may read: of patterns, those that there are.
pub fn held(app: &App, entitled: &Entitled) -> SuiteChoice {
    let patterns = || entitled.held().iter().flat_map(|held| &held.grant.suites);
    if patterns().any(|pattern| *pattern == SuitePattern::any()) {
        return SuiteChoice::All;
    }
    let mut names: BTreeSet<SuiteName> =
        patterns().filter_map(|pattern| pattern.as_str().parse().ok()).collect();
    let desks = app.repository.desks();
    names.extend(desks.keys().filter(|suite| entitled.reads(suite)).cloned());
    SuiteChoice::Named(names.into_iter().collect())
}

/// The hosts that may read a suite, with when they last did.
pub fn hosts_of(suite: &SuiteName, reports: Vec<IdentityReport>) -> Vec<HostSeen> {
    let reads = |report: &IdentityReport| {
        let reads = |held: &Arc<Entitled>| held.is_host() && held.reads(suite);
        report.entitled.as_ref().is_some_and(reads)
    };
    let seen = |report: IdentityReport| {
        let sighting = report.sightings.into_iter().find(|sighting| sighting.suite == *suite);
        HostSeen {
            identity: report.identity.to_string(),
            last_seen_at: sighting.as_ref().map(|sighting| sighting.at.0),
            generation: sighting.map(|sighting| sighting.generation),
        }
    };
    reports.into_iter().filter(reads).map(seen).collect()
}

/// A grant on the wire.
pub fn grant(grant: &AccessGrant) -> crate::api::AccessGrant {
    crate::api::AccessGrant {
        to: grant.to.to_string(),
        role: role(grant.role),
        suites: grant.suites.iter().map(ToString::to_string).collect(),
        components: grant.components.iter().cloned().collect(),
        packages: grant.packages.iter().map(ToString::to_string).collect(),
    }
}

/// The grants that limit the uploads of somebody, as if each were its own: by which group it has them is nothing that
/// it is told.
pub fn limits(entitled: &Entitled) -> Vec<crate::api::AccessGrant> {
    let own =
        |limited| crate::api::AccessGrant { to: entitled.identity().to_string(), ..grant(limited) };
    crate::domain::limited::uploads(entitled).into_iter().map(own).collect()
}
