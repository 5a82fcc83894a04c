//! [`SessionService`]: opens the session of a request, calls what is inside, and finishes the answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::COOKIE;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower_service::Service;

use super::event::SessionEvent;
use super::finish::{failure, finish};
use super::forms::{Field, Forms};
use super::layer::{Config, SessionLayer};
use super::slot::{Came, Slot, Typed};
use crate::carrier::Found;

/// What a [`SessionLayer`] makes of a service.
pub struct SessionService<S, T, F> {
    inner: S,
    layer: SessionLayer<T, F>,
}

impl<S, T, F> SessionService<S, T, F> {
    pub(super) fn new(inner: S, layer: SessionLayer<T, F>) -> Self {
        Self { inner, layer }
    }
}

impl<S, T, F, B, R> Service<Request<B>> for SessionService<S, T, F>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    T: 'static,
    F: Forms<B>,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready; its clone need not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (request, field) = match layer.forms.read(request).await {
                Ok(read) => read,
                Err(status) => return Ok(failure(status)),
            };
            let (mut parts, body) = request.into_parts();
            let Some(slot) = open(layer.config, &parts, &field) else {
                return Ok(failure(StatusCode::INTERNAL_SERVER_ERROR));
            };
            let slot = Arc::new(slot);
            let typed = Typed::<T> { slot: Arc::clone(&slot), migrate: layer.migrate };
            if parts.extensions.insert(typed).is_some() {
                tracing::error!(
                    state = std::any::type_name::<T>(),
                    "two SessionLayers of one state are around the handler"
                );
                return Ok(failure(StatusCode::INTERNAL_SERVER_ERROR));
            }
            let incoming = slot.incoming();
            if let Some(incoming) = incoming.clone() {
                parts.extensions.insert(incoming);
            }
            let request = Request::from_parts(parts, body);
            let answer = async move { inner.call(request).await };
            #[cfg(feature = "propagate")]
            let response = match incoming {
                Some(incoming) => incoming.scope(answer).await?,
                None => answer.await?,
            };
            #[cfg(not(feature = "propagate"))]
            let response = answer.await?;
            Ok(finish(&slot, response))
        })
    }
}

/// The session of a request; `None` where it cannot be bound to what the application says.
fn open(config: Arc<Config>, parts: &Parts, field: &Field) -> Option<Slot> {
    let bound = config.binding.as_ref().and_then(|binding| binding(parts));
    let tokens = match bound {
        None => config.tokens.clone(),
        Some(binding) => match config.tokens.bound_to(&binding) {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::error!(%error, "the request's binding cannot be used");
                return None;
            }
        },
    };
    let has_cookies = config.carriers.iter().any(|carrier| carrier.as_cookie().is_some());
    let cookies = parts.headers.get_all(COOKIE).iter().filter(|_| has_cookies).cloned().collect();
    let mut slot = Slot::new(config, tokens, cookies);
    let event = match verify(&slot, parts, field) {
        Ok(came) => {
            slot.came = Some(came);
            SessionEvent::Verified
        }
        Err(event) => {
            slot.broken = event == SessionEvent::BrokenSet;
            event
        }
    };
    if slot.came.is_none() {
        tracing::debug!(reason = event.code(), "no session");
    }
    slot.tell(event);
    Some(slot)
}

/// The token of the first carrier that holds one, if it is valid.
fn verify(slot: &Slot, parts: &Parts, field: &Field) -> Result<Came, SessionEvent> {
    let found = slot.config.carriers.iter().enumerate().find_map(|(carrier, place)| {
        match place.read(parts, field.0.as_ref()) {
            Found::Nothing => None,
            found => Some((carrier, place, found)),
        }
    });
    let (carrier, place, text) = match found {
        None => return Err(SessionEvent::Absent),
        Some((_, _, Found::Unread(why))) => return Err(why.into()),
        Some((carrier, place, Found::Text(text))) => (carrier, place, text),
        Some((_, _, Found::Nothing)) => return Err(SessionEvent::Absent),
    };
    let verified = slot.tokens.verify_at(text.as_str(), slot.config.now());
    let verified = verified.map_err(|refused| SessionEvent::Refused(refused.reason()))?;
    let mut ended =
        place.as_cookie().map(|cookie| cookie.ended(&slot.cookies)).into_iter().flatten();
    if ended.any(|id| id == verified.info().id.to_string()) {
        return Err(SessionEvent::Ended);
    }
    Ok(Came { verified: Arc::new(verified), text, carrier })
}

impl<S: Clone, T, F: Clone> Clone for SessionService<S, T, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, T, F> fmt::Debug for SessionService<S, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}
