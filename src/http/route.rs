//! A row of the table of routes: the form of a request, who may make it, and its description.

use axum::routing::{MethodFilter, MethodRouter};
use schemars::{Schema, SchemaGenerator};

use crate::api::Code;
use crate::debian::SuiteName;
use crate::domain::{Right, Role};
use crate::http::App;

/// A method of a path, with its requirements and its description. The handler checks what is
/// limited to a suite, to packages or to components.
pub struct Route {
    /// `GET`, `POST`, …; a route for `GET` answers `HEAD` as well.
    pub method: &'static str,
    filter: MethodFilter,
    /// Below the root of its table, as the router reads it: `/suites/{suite}`.
    pub path: &'static str,
    /// The name of the operation: `view_suite`.
    pub name: &'static str,
    handler: Handler,
    /// The least that a caller must have; checked before any of the body is read.
    pub needs: Needs,
    who: Option<&'static str>,
    /// The verb of a refusal in the audit log.
    pub verb: &'static str,
    /// How much of a body is read.
    pub limit: Limit,
    /// One line for people.
    pub summary: &'static str,
    /// The fields of the query.
    pub query: Option<SchemaOf>,
    /// The body of the request.
    pub takes: Payload,
    /// The body of the answer.
    pub gives: Payload,
    /// When it is answered with 202 and the same body.
    pub accepts: Option<&'static str>,
    /// The problems that it may be answered with, besides those that follow from the rest of the
    /// row.
    pub problems: &'static [Code],
}

/// Names the schema of a type: [`SchemaGenerator::subschema_for`].
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A handler, put behind the method of its row.
pub type Handler = fn(MethodFilter) -> MethodRouter<App>;

/// The least that a caller must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// No certificate: the listener is local, or the handler checks something else.
    Nothing,
    /// A valid client certificate, whatever its rights.
    Certificate,
    /// A valid client certificate with a right, in any suite.
    Right(Right<'static>),
    /// The same for a certificate that is valid except for the age of the revocation lists.
    RightWithStaleLists(Right<'static>),
}

impl Needs {
    /// The least role that is enough, if a role is needed.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Nothing | Self::Certificate => None,
            Self::Right(right) | Self::RightWithStaleLists(right) => Some(right.least_role()),
        }
    }
}

/// How much of a body is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// None of it.
    Unread,
    /// At most this many bytes; more is `too-large`.
    Bytes(usize),
    /// A package of at most `limits.package_bytes`; the flow counts its bytes.
    Package,
}

/// A body.
#[derive(Clone, Copy)]
pub enum Payload {
    /// None.
    Nothing,
    /// JSON of this shape.
    Json(SchemaOf),
    /// Bytes of this media type.
    Bytes(&'static str),
}

impl Route {
    /// A route that changes nothing.
    pub const fn get(path: &'static str, name: &'static str, handler: Handler) -> Self {
        Self::new("GET", MethodFilter::GET, path, name, handler).verb(READ)
    }

    /// A `POST`.
    pub const fn post(path: &'static str, name: &'static str, handler: Handler) -> Self {
        Self::new("POST", MethodFilter::POST, path, name, handler)
    }

    /// A `PUT`.
    pub const fn put(path: &'static str, name: &'static str, handler: Handler) -> Self {
        Self::new("PUT", MethodFilter::PUT, path, name, handler)
    }

    /// A `PATCH`.
    pub const fn patch(path: &'static str, name: &'static str, handler: Handler) -> Self {
        Self::new("PATCH", MethodFilter::PATCH, path, name, handler)
    }

    /// A `DELETE`.
    pub const fn delete(path: &'static str, name: &'static str, handler: Handler) -> Self {
        Self::new("DELETE", MethodFilter::DELETE, path, name, handler)
    }

    const fn new(
        method: &'static str,
        filter: MethodFilter,
        path: &'static str,
        name: &'static str,
        handler: Handler,
    ) -> Self {
        Self {
            method,
            filter,
            path,
            name,
            handler,
            // A row without its own requirement is denied to everybody but admins.
            needs: Needs::Right(Right::Administer),
            who: None,
            verb: OTHER,
            limit: Limit::Unread,
            summary: "",
            query: None,
            takes: Payload::Nothing,
            gives: Payload::Nothing,
            accepts: None,
            problems: &[],
        }
    }

    /// Sets the least that a caller must have.
    pub const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Sets in words who may, where a role does not say everything.
    pub const fn who(mut self, who: &'static str) -> Self {
        self.who = Some(who);
        self
    }

    /// Sets the verb of a refusal.
    pub const fn verb(mut self, verb: &'static str) -> Self {
        self.verb = verb;
        self
    }

    /// Sets the line for people.
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Sets the fields of the query.
    pub const fn query(mut self, query: SchemaOf) -> Self {
        self.query = Some(query);
        self
    }

    /// Sets the JSON of the request.
    pub const fn takes(mut self, body: SchemaOf) -> Self {
        self.takes = Payload::Json(body);
        self.limit = Limit::Bytes(JSON_BYTES);
        self
    }

    /// Sets the media type and limit of the request's bytes.
    pub const fn takes_bytes(mut self, media_type: &'static str, limit: Limit) -> Self {
        self.takes = Payload::Bytes(media_type);
        self.limit = limit;
        self
    }

    /// Sets the limit of the body. Unit: bytes.
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.limit = Limit::Bytes(bytes);
        self
    }

    /// Sets the JSON of the answer.
    pub const fn gives(mut self, answer: SchemaOf) -> Self {
        self.gives = Payload::Json(answer);
        self
    }

    /// Sets the media type of the answer's bytes.
    pub const fn gives_bytes(mut self, media_type: &'static str) -> Self {
        self.gives = Payload::Bytes(media_type);
        self
    }

    /// Sets when the answer is 202.
    pub const fn accepts(mut self, when: &'static str) -> Self {
        self.accepts = Some(when);
        self
    }

    /// Sets the problems of its own.
    pub const fn problems(mut self, problems: &'static [Code]) -> Self {
        self.problems = problems;
        self
    }

    /// Who may, for people: the least role, or the words of the row.
    pub fn who_may(&self) -> &'static str {
        self.who.or(self.needs.role().map(Role::as_str)).unwrap_or("whoever has a certificate")
    }

    /// The handler, for its method only.
    pub fn handler(&self) -> MethodRouter<App> {
        (self.handler)(self.filter)
    }

    /// The names of the path's parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether it changes nothing.
    pub fn reads(&self) -> bool {
        self.method == "GET"
    }
}

/// Which row of the table a request came to, and for which suite; an extension of the response.
#[derive(Clone)]
pub struct Matched {
    /// The verb of its refusal in the audit log.
    pub verb: &'static str,
    /// The suite, if the path has a valid name of one, so that no caller puts other text into the
    /// log.
    pub suite: String,
}

impl Matched {
    /// A request that came to `route`, with what its path has for the suite.
    pub fn of(route: &Route, suite: &str) -> Self {
        let suite = if SuiteName::parse(suite).is_ok() { suite } else { "" };
        Self { verb: route.verb, suite: suite.to_owned() }
    }
}

/// The verb of requests that only read.
pub const READ: &str = "read";
/// The verb of refusals that have no other.
pub const OTHER: &str = "other";

/// The limit of a JSON body where the row has no other. Unit: bytes.
const JSON_BYTES: usize = 64 << 10;
