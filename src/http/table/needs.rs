//! Needs: the least rights that rows name, and what several rows may be answered with.

use schemars::{JsonSchema, SchemaGenerator};

use crate::api::Code;
use crate::domain::Right;
use crate::http::repository;
use crate::http::route::{Needs, SchemaOf};

pub(super) const HOST: Needs = Needs::Right(Right::Introspect);
pub(super) const FILE_READER: Needs = Needs::Right(repository::READ);
pub(super) const UPLOADER: Needs = Needs::Right(Right::Stage);
/// Whoever is operator of anything may read the audit log of that.
pub(super) const OPERATOR: Needs = Needs::Right(Right::Audit);
/// An operator of whole suites.
pub(super) const ISSUER: Needs = Needs::Right(Right::IssueHosts);
pub(super) const ADMIN: Needs = Needs::Right(Right::Administer);

/// What a change may be answered with.
pub(super) const CHANGES: &[Code] = &[
    Code::Missing,
    Code::VersionConflict,
    Code::GenerationMoved,
    Code::NotInstallable,
    Code::ChangeRefused,
    Code::Busy,
    Code::ClockBehind,
    Code::OutOfSpace,
];
pub(super) const MISSING: &[Code] = &[Code::Missing];

pub(super) const fn of<T: JsonSchema>() -> SchemaOf {
    SchemaGenerator::subschema_for::<T>
}
