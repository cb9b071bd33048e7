//! Who is asking: taken from the connection, judged anew for every request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, Method};

use crate::api::{Code, MessageQuery};
use crate::domain::{Admitted, Right};
use crate::flow::access::crl;
use crate::flow::admit;
use crate::flow::change::submit::one_line;
use crate::http::App;
use crate::http::answer::Failure;
use crate::http::extract::Query;
use crate::http::listen::Peer;
use crate::trust::{self, Standing};

/// A request whose certificate stands.
#[derive(Clone)]
pub struct Caller {
    /// The certificate's standing.
    pub standing: Arc<Standing>,
    /// The client, for another look while a long body is sent.
    pub peer: Arc<trust::Peer>,
    /// Why they ask, as the query or the body says.
    why: String,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        // The gate has judged it, where the path is in the table.
        let known = parts.extensions.get::<Self>().cloned();
        let caller = known.map_or_else(|| Self::of(&parts.extensions, app), Ok)?;
        caller.saying(&said(parts).await?)
    }
}

/// Why somebody asks for something to be altered, as the query of the request says: every such request may
/// say it there, and nothing else.
///
/// # Errors
/// [`Failure`] naming what the query holds besides.
pub async fn said(parts: &mut Parts) -> Result<String, Failure> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(String::new());
    }
    let Query(query) = Query::<MessageQuery>::from_request_parts(parts, &()).await?;
    Ok(query.message)
}

impl Caller {
    /// The same, for this reason. An empty text leaves the one that was given before.
    ///
    /// # Errors
    /// [`Failure`] for what does not fit in one line.
    pub fn saying(self, why: &str) -> Result<Self, Failure> {
        let why = one_line(why)?;
        Ok(if why.is_empty() { self } else { Self { why, ..self } })
    }

    /// Whoever is at the other end of the connection that a request came on.
    ///
    /// # Errors
    /// [`Failure`] when its certificate does not stand.
    pub fn of(extensions: &Extensions, app: &App) -> Result<Self, Failure> {
        let (peer, judged) = peer_of(extensions)?;
        let standing = admit::identify(&app.repository, &judged);
        let standing = standing.map_err(|error| app.metrics.refuse(&peer, error))?;
        Ok(Self { standing, peer: judged, why: String::new() })
    }

    /// The same, of a certificate that is good but for the age of the revocation lists.
    ///
    /// # Errors
    /// [`Failure`] when it is not.
    pub fn with_stale_lists(extensions: &Extensions, app: &App) -> Result<Self, Failure> {
        let (peer, judged) = peer_of(extensions)?;
        let standing = crl::identify_for_repair(&app.repository, &judged);
        let standing = standing.map_err(|error| app.metrics.refuse(&peer, error))?;
        Ok(Self { standing, peer: judged, why: String::new() })
    }

    /// The caller, if it has `right`.
    ///
    /// # Errors
    /// [`Failure`] with the reason.
    pub fn admit(&self, app: &App, right: Right<'_>) -> Result<Admitted, Failure> {
        Ok(admit::admit(&app.repository, &self.standing, right)?.because(&self.why))
    }

    /// The caller, if it still stands and has `right` now that a body is there, which may have taken long.
    ///
    /// # Errors
    /// [`Failure`] with the reason.
    pub fn admit_again(&self, app: &App, right: Right<'_>) -> Result<Admitted, Failure> {
        let standing = admit::identify(&app.repository, &self.peer)?;
        Ok(admit::admit(&app.repository, &standing, right)?.because(&self.why))
    }
}

/// The other end of the connection, and the verdict on it that the connection keeps.
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

/// Nothing of the API has that path.
pub async fn no_route(_caller: Caller) -> Failure {
    Failure::new(
        Code::Missing,
        "there is nothing at this path; the API is described in docs/API.md",
    )
}

/// The path is there, but not for this method.
pub async fn no_method(_caller: Caller) -> Failure {
    Failure::new(Code::MethodRefused, "this path does not answer to that method")
}
