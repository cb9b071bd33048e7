//! The caller: taken from the connection, and judged again for every request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, Method};

use crate::api::{Code, MessageQuery};
use crate::debian::SuiteName;
use crate::domain::{Admitted, Right};
use crate::flow::access::crl;
use crate::flow::admit;
use crate::flow::change::submit::one_line;
use crate::http::App;
use crate::http::answer::Failure;
use crate::http::extract::Query;
use crate::http::listen::Peer;
use crate::trust::{self, Standing};

/// The client of a request, with a valid certificate.
#[derive(Clone)]
pub struct Caller {
    /// The verified certificate.
    pub standing: Arc<Standing>,
    /// The client, to be judged again while a long body is sent.
    pub peer: Arc<trust::Peer>,
    /// The reason for the request, from the query or the body.
    why: String,
    /// Revocation lists may be out of date.
    repairs: bool,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        // The gate has judged the caller already, where the path is in the table.
        let known = parts.extensions.get::<Self>().cloned();
        let caller = known.map_or_else(|| Self::of(&parts.extensions, app), Ok)?;
        caller.saying(&said(parts).await?)
    }
}

/// The reason for a change, as the query has it. Every request that changes something may have it
/// there, and nothing else.
///
/// # Errors
/// [`Failure`] naming anything else in the query.
pub async fn said(parts: &mut Parts) -> Result<String, Failure> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(String::new());
    }
    let Query(query) = Query::<MessageQuery>::from_request_parts(parts, &()).await?;
    Ok(query.message)
}

impl Caller {
    /// The caller with this reason. An empty text keeps the earlier one.
    ///
    /// # Errors
    /// [`Failure`] for a reason that is not one line.
    pub fn saying(self, why: &str) -> Result<Self, Failure> {
        let why = one_line(why)?;
        Ok(if why.is_empty() { self } else { Self { why, ..self } })
    }

    /// The client at the other end of the request's connection.
    ///
    /// # Errors
    /// [`Failure`] when its certificate is not valid.
    pub fn of(extensions: &Extensions, app: &App) -> Result<Self, Failure> {
        let (peer, judged) = peer_of(extensions)?;
        let standing = admit::identify(&app.repository, &judged);
        let standing = standing.map_err(|error| app.metrics.refuse(&peer, error))?;
        peer.slot.vouch();
        Ok(Self { standing, peer: judged, why: String::new(), repairs: false })
    }

    /// The same for a certificate that is valid except for the age of the revocation lists.
    ///
    /// # Errors
    /// [`Failure`] when it is not valid.
    pub fn with_stale_lists(extensions: &Extensions, app: &App) -> Result<Self, Failure> {
        let (peer, judged) = peer_of(extensions)?;
        let standing = crl::identify_for_repair(&app.repository, &judged);
        let standing = standing.map_err(|error| app.metrics.refuse(&peer, error))?;
        Ok(Self { standing, peer: judged, why: String::new(), repairs: true })
    }

    /// The suite that the path names, by its name or its alias.
    ///
    /// # Errors
    /// [`Failure`] for what cannot be the name of a suite.
    pub fn suite(&self, app: &App, named: &str) -> Result<SuiteName, Failure> {
        Ok(admit::meant(&app.repository, &self.standing, parse("suite", named)?))
    }

    /// The caller, if it has `right`.
    ///
    /// # Errors
    /// [`Failure`] with the reason.
    pub fn admit(&self, app: &App, right: Right<'_>) -> Result<Admitted, Failure> {
        Ok(admit::admit(&app.repository, &self.standing, right)?.because(&self.why))
    }

    /// The caller, if its certificate is still valid and it still has `right` after the body was
    /// read, which may have taken long.
    ///
    /// # Errors
    /// [`Failure`] with the reason.
    pub fn admit_again(&self, app: &App, right: Right<'_>) -> Result<Admitted, Failure> {
        let standing = match self.repairs {
            true => crl::identify_for_repair(&app.repository, &self.peer)?,
            false => admit::identify(&app.repository, &self.peer)?,
        };
        Ok(admit::admit(&app.repository, &standing, right)?.because(&self.why))
    }
}

/// The other end of the connection, and the verdict on it that is stored with the connection.
///
/// # Errors
/// [`Failure`], ours: there is no connection.
pub fn peer_of(extensions: &Extensions) -> Result<(Peer, Arc<trust::Peer>), Failure> {
    let Some(peer) = extensions.get::<Peer>() else {
        return Err(Failure::new(Code::Internal, "the connection is unknown"));
    };
    let judged = peer.slot.find::<trust::Peer>().unwrap_or_else(|| {
        let judged = Arc::new(trust::Peer::sharing(Arc::clone(&peer.chain)));
        peer.slot.keep(Arc::clone(&judged));
        judged
    });
    Ok((peer.clone(), judged))
}

/// A value of the path, read by its own parser.
///
/// # Errors
/// [`Failure`] naming the field.
pub fn parse<T>(field: &str, text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr,
    T::Err: ToString,
{
    text.parse().map_err(|error: T::Err| Failure::invalid(field, error.to_string()))
}

/// The API has no such path.
pub async fn no_route(_caller: Caller) -> Failure {
    Failure::new(
        Code::Missing,
        "there is nothing at this path; the API is described in docs/API.md",
    )
}

/// The path exists, but not for this method.
pub async fn no_method(_caller: Caller) -> Failure {
    Failure::new(Code::MethodRefused, "this path does not answer to that method")
}
