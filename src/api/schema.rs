//! JSON Schemas that are written by hand: of names, versions and digests, which are texts on the
//! wire. The schemas of other types are derived from the types and their comments.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::SuiteChoice;
use crate::debian::{
    Architecture, Component, Namespace, PackageName, Privilege, SuiteName, Version, Versions,
};
use crate::digest::Digest;

/// A text with rules of its own.
fn text(description: &str, example: &str) -> Schema {
    json_schema!({ "type": "string", "description": description, "examples": [example] })
}

impl JsonSchema for SuiteName {
    fn schema_name() -> Cow<'static, str> {
        "SuiteName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "The name of a suite: its directory under dists/, its Suite and its Codename.",
            "stable",
        )
    }
}

impl JsonSchema for Namespace {
    fn schema_name() -> Cow<'static, str> {
        "Namespace".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "Within which a name, version and architecture mean one package; suites that name none share default.",
            "trixie",
        )
    }
}

impl JsonSchema for Component {
    fn schema_name() -> Cow<'static, str> {
        "Component".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A component of a suite.", "main")
    }
}

impl JsonSchema for Architecture {
    fn schema_name() -> Cow<'static, str> {
        "Architecture".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A Debian architecture. Debian Policy, section 5.6.8.", "amd64")
    }
}

impl JsonSchema for PackageName {
    fn schema_name() -> Cow<'static, str> {
        "PackageName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("The name of a package. Debian Policy, section 5.6.1.", "acme-web")
    }
}

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A version of a package. Debian Policy, section 5.6.12.", "1:2.0~rc1-1")
    }
}

impl JsonSchema for Versions {
    fn schema_name() -> Cow<'static, str> {
        "Versions".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How many versions of a name and architecture are listed at most.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": 65_535 },
                { "type": "string", "enum": ["all"] },
            ],
        })
    }
}

impl JsonSchema for Privilege {
    fn schema_name() -> Cow<'static, str> {
        "Privilege".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "What packages of a suite may do to all of its hosts.",
            "enum": Self::ALL.map(Self::as_str),
        })
    }
}

impl JsonSchema for Digest {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A SHA-256 in lower-case hexadecimal.",
            "pattern": "^[0-9a-f]{64}$",
        })
    }
}

impl JsonSchema for SuiteChoice {
    fn schema_name() -> Cow<'static, str> {
        "SuiteChoice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = generator.subschema_for::<Vec<SuiteName>>();
        json_schema!({
            "description": "Which suites: the word all, which has those made later in it, or a list of names.",
            "oneOf": [{ "const": "all" }, names],
        })
    }
}
