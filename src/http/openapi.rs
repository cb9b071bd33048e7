//! `openapi.json`: the API described for programs, made from the rows of the table. Source: OpenAPI
//! 3.1.
//!
//! OpenAPI 3.1 uses JSON Schema as it is, so the schemas are derived from the types.

use std::collections::{BTreeMap, BTreeSet};

use axum::Extension;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api::{BASE, Code, MessageQuery, PROBLEM_JSON, Problem};
use crate::debian::{Component, SuiteName};
use crate::digest::Digest;
use crate::http::admitted::Caller;
use crate::http::route::{Limit, Needs, Payload, Route, SchemaOf};

/// Where the document has the schemas of types.
const SCHEMAS: &str = "/components/schemas";

/// The description, made once.
#[derive(Clone)]
pub struct Document(Bytes);

impl Document {
    /// The description of these routes.
    pub fn of(routes: impl Iterator<Item = &'static Route>) -> Self {
        Self(format!("{}\n", describe(routes)).into())
    }
}

/// `GET /openapi.json`.
pub async fn show(
    _caller: Caller,
    Extension(Document(text)): Extension<Document>,
) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

/// The description of these routes, as JSON.
pub fn describe(routes: impl Iterator<Item = &'static Route>) -> Value {
    let mut writer = Writer::default();
    let mut paths = Map::new();
    for route in routes {
        let operation = writer.operation(route);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_ascii_lowercase(), operation);
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "repod",
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": "The words are explained in docs/API.md. Times are whole seconds since 1970. Answers may gain fields, and readers skip what they do not know.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": BASE }],
        "paths": paths,
        "components": {
            "schemas": writer.schemas(),
            "securitySchemes": { "certificate": {
                "type": "mutualTLS",
                "description": "A client certificate. The word that an operation lists is the least role that will do, for the suite named.",
            } },
        },
    });
    unlink(&mut document);
    document
}

/// Schemas of requests and of answers. They differ: a field that a request may leave out is in
/// every answer.
struct Writer {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
    /// Types whose fields are parameters of queries; they are no schemas of the document.
    queries: BTreeSet<String>,
}

impl Default for Writer {
    fn default() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
            settings
        };
        Self {
            sent: settings().into_generator(),
            answered: settings().for_serialize().into_generator(),
            queries: BTreeSet::new(),
        }
    }
}

impl Writer {
    fn operation(&mut self, route: &Route) -> Value {
        let mut operation = json!({
            "operationId": route.name,
            "summary": route.summary,
            "description": format!("Who may: {}.", route.who_may()),
            "parameters": self.parameters(route),
            "responses": self.responses(route),
            "security": security(route.needs),
            "x-audit-verb": route.verb,
        });
        let content = match route.takes {
            Payload::Nothing => None,
            Payload::Json(schema) => Some(json!({
                "application/json": { "schema": schema(&mut self.sent) }
            })),
            Payload::Bytes(media_type) => Some(json!({ media_type: {} })),
        };
        if let (Some(content), Some(fields)) = (content, operation.as_object_mut()) {
            let body = json!({ "required": true, "content": content, "description": at_most(route.limit) });
            fields.insert("requestBody".into(), body);
        }
        operation
    }

    fn parameters(&mut self, route: &Route) -> Vec<Value> {
        let mut parameters: Vec<_> = route
            .parameters()
            .map(|name| {
                let schema = path_schema(name)(&mut self.sent);
                json!({ "name": name, "in": "path", "required": true, "schema": schema })
            })
            .collect();
        if route.method == "DELETE" {
            parameters.push(json!({
                "name": "If-Match", "in": "header", "required": false,
                "description": "The last generation, in quotes: refuse when another came since.",
                "schema": { "type": "string", "pattern": "^\"[0-9]+\"$" },
            }));
        }
        let message: Option<SchemaOf> =
            (!route.reads()).then_some(SchemaGenerator::subschema_for::<MessageQuery>);
        if let Some(query) = route.query.or(message) {
            parameters.extend(self.query(query));
        }
        parameters
    }

    /// The fields of a type, each as a parameter of the query.
    fn query(&mut self, query: SchemaOf) -> Vec<Value> {
        let named = query(&mut self.sent);
        let reference = named.get("$ref").and_then(Value::as_str).unwrap_or_default();
        let name = reference.rsplit('/').next().unwrap_or_default();
        let Some(shape) = self.sent.definitions().get(name).cloned() else { return Vec::new() };
        self.queries.insert(name.to_owned());
        let required = shape.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let fields = shape.get("properties").and_then(Value::as_object).cloned();
        let parameter = |(name, mut schema): (String, Value)| {
            let own = schema.as_object_mut().and_then(|own| own.remove("description"));
            json!({
                "name": name, "in": "query", "required": required.contains(&json!(name)),
                "description": own.unwrap_or_default(), "schema": present(schema),
            })
        };
        fields.unwrap_or_default().into_iter().map(parameter).collect()
    }

    fn responses(&mut self, route: &Route) -> Value {
        let mut responses = Map::new();
        let (status, done) = match route.gives {
            Payload::Nothing => ("204", json!({ "description": "Done." })),
            Payload::Json(schema) => {
                let content =
                    json!({ "application/json": { "schema": schema(&mut self.answered) } });
                ("200", json!({ "description": "Done.", "content": content }))
            }
            Payload::Bytes(kind) => {
                ("200", json!({ "description": "Done.", "content": { kind: {} } }))
            }
        };
        if let Some(when) = route.accepts {
            let accepted = json!({ "description": when, "content": done.get("content") });
            responses.insert("202".into(), accepted);
        }
        responses.insert(status.into(), done);
        let problem = self.answered.subschema_for::<Problem>();
        for (status, codes) in problems(route) {
            let codes: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
            let content = json!({ PROBLEM_JSON: { "schema": problem } });
            let response = json!({ "description": codes.join(", "), "content": content });
            responses.insert(status.to_string(), response);
        }
        Value::Object(responses)
    }

    /// The schemas of all types that were named. A type that is both sent and answered is described
    /// as it is sent.
    fn schemas(mut self) -> Map<String, Value> {
        let mut schemas = self.sent.take_definitions(false);
        schemas.retain(|name, _| !self.queries.contains(name));
        for (name, schema) in self.answered.take_definitions(false) {
            schemas.entry(name).or_insert(schema);
        }
        schemas
    }
}

/// The schema of a value that is present: an optional field of a query is never null.
fn present(mut schema: Value) -> Value {
    let is_null = |one: &Value| *one == json!("null") || *one == json!({ "type": "null" });
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let there = choices.iter().find(|one| !is_null(one)).cloned();
        return there.unwrap_or(schema);
    }
    if let Some(kind) = schema.get_mut("type")
        && let Some(there) =
            kind.as_array().and_then(|kinds| kinds.iter().find(|one| !is_null(one)))
    {
        *kind = there.clone();
    }
    schema
}

/// Comments of types have links as rustdoc writes them; here they become plain text.
fn unlink(document: &mut Value) {
    each_text(document, &mut |key, text| {
        if key == "description" {
            *text = text.replace("[`super::", "`").replace("[`", "`").replace("`]", "`");
        }
    });
}

/// Calls `act` with every text of a value and its key.
fn each_text(value: &mut Value, act: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match value {
                    Value::String(text) => act(key, text),
                    other => each_text(other, act),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, act)),
        _ => {}
    }
}

/// The certificate with the least role; empty where none is needed.
fn security(needs: Needs) -> Value {
    match needs {
        Needs::Nothing => json!([]),
        _ => {
            let role: Vec<_> = needs.role().map(|role| role.as_str()).into_iter().collect();
            json!([{ "certificate": role }])
        }
    }
}

fn at_most(limit: Limit) -> String {
    match limit {
        Limit::Unread => "It is not read.".into(),
        Limit::Bytes(bytes) => format!("At most {bytes} bytes."),
        Limit::Package => "At most `limits.package_bytes` of the server's configuration.".into(),
    }
}

fn path_schema(name: &str) -> SchemaOf {
    match name {
        "suite" => SchemaGenerator::subschema_for::<SuiteName>,
        "component" => SchemaGenerator::subschema_for::<Component>,
        "digest" => SchemaGenerator::subschema_for::<Digest>,
        _ => String::json_schema,
    }
}

/// The problems of a row by status: its own, and those that follow from its requirements.
fn problems(route: &Route) -> BTreeMap<u16, BTreeSet<Code>> {
    let mut codes: Vec<Code> = vec![Code::Internal, Code::TooManyRequests];
    if route.needs != Needs::Nothing {
        codes.extend([Code::CertificateMissing, Code::CertificateRefused]);
        codes.extend([Code::CertificateRevoked, Code::CertificateExpired, Code::TrustStale]);
    }
    codes.extend(route.needs.role().map(|_| Code::Denied));
    let asks = route.query.is_some() || route.parameters().next().is_some();
    codes.extend((asks || !route.reads()).then_some(Code::InvalidRequest));
    codes.extend(matches!(route.limit, Limit::Bytes(_)).then_some(Code::TooLarge));
    let mut by_status: BTreeMap<u16, BTreeSet<Code>> = BTreeMap::new();
    for code in codes.iter().chain(route.problems) {
        by_status.entry(code.status()).or_default().insert(*code);
    }
    by_status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::table;

    /// Every place that a value refers to.
    fn references(value: &Value) -> Vec<String> {
        match value {
            Value::Object(fields) => {
                let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
                own.into_iter().chain(fields.values().flat_map(references)).collect()
            }
            Value::Array(items) => items.iter().flat_map(references).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_description_is_whole() {
        let document = describe(table::api());
        let referred: BTreeSet<_> = references(&document).into_iter().collect();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let named: BTreeSet<_> = schemas.keys().map(|name| format!("#{SCHEMAS}/{name}")).collect();
        assert_eq!(referred, named, "each that is referred to is there, and none for nothing");
        assert!(!document.to_string().contains("[`"), "links of comments are plain");

        let names: BTreeSet<_> = table::api().map(|route| route.name).collect();
        assert_eq!(names.len(), table::api().count(), "an operation has a name of its own");
        let operations = document["paths"].as_object().unwrap().values();
        let count: usize = operations.map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(count, names.len());
    }

    #[test]
    fn an_operation_says_what_its_row_says() {
        let document = describe(table::api());
        let change = &document["paths"]["/suites/{suite}/changes"]["post"];
        assert_eq!(change["operationId"], "change");
        assert_eq!(change["security"], json!([{ "certificate": ["uploader"] }]));
        assert_eq!(change["x-audit-verb"], "change");
        let sent = &change["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(sent, &json!({ "$ref": "#/components/schemas/ChangeRequest" }));
        let conflict = change["responses"]["409"]["description"].as_str().unwrap();
        assert!(conflict.contains("`not-installable`"), "{conflict}");
        let enroll = &document["paths"]["/enroll"]["post"];
        assert_eq!(enroll["security"], json!([]));
        let own = &document["paths"]["/openapi.json"]["get"];
        assert_eq!(own["security"], json!([{ "certificate": [] }]));

        let diff = &document["paths"]["/suites/{suite}/diff"]["get"]["parameters"];
        let parameter = |name: &str| {
            let all = diff.as_array().unwrap();
            all.iter().find(|one| one["name"] == name).unwrap().clone()
        };
        assert_eq!(parameter("suite")["in"], "path");
        assert_eq!(
            (&parameter("from")["in"], &parameter("from")["required"]),
            (&json!("query"), &json!(true))
        );
        // A field that a request may leave out is in every answer.
        let schemas = &document["components"]["schemas"];
        let required = |name: &str| schemas[name]["required"].as_array().unwrap().len();
        assert_eq!(required("ChangeRequest"), 1);
        assert_eq!(schemas["ChangeRequest"]["additionalProperties"], false);
        assert!(
            required("ChangeOutcome") > 5
                && schemas["ChangeOutcome"]["additionalProperties"].is_null()
        );
    }
}
