//! Who is asking: taken from the connection, judged anew for every request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;

use crate::api::Code;
use crate::domain::{Admitted, Right};
use crate::flow::admit;
use crate::http::App;
use crate::http::answer::Failure;
use crate::http::listen::Peer;
use crate::trust::{self, Standing};

/// A request whose certificate stands.
pub struct Caller {
    /// The certificate's standing.
    pub standing: Arc<Standing>,
    /// The client, for another look while a long body is sent.
    pub peer: Arc<trust::Peer>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        Self::of(&parts.extensions, app)
    }
}

impl Caller {
    /// Whoever is at the other end of the connection that a request came on.
    ///
    /// # Errors
    /// [`Failure`] when its certificate does not stand.
    pub fn of(extensions: &Extensions, app: &App) -> Result<Self, Failure> {
        let (peer, judged) = peer_of(extensions)?;
        let standing = admit::identify(&app.repository, &judged);
        let standing = standing.map_err(|error| app.metrics.refuse(&peer, error))?;
        Ok(Self { standing, peer: judged })
    }

    /// The caller, if it has `right`.
    ///
    /// # Errors
    /// [`Failure`] with the reason.
    pub fn admit(&self, app: &App, right: Right<'_>) -> Result<Admitted, Failure> {
        Ok(admit::admit(&app.repository, &self.standing, right)?)
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
