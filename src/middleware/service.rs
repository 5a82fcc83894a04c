//! [`SessionService`]: opens the session of a request, calls what is inside, and finishes the answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use saddlebag_keys::UnixTime;
use tower_service::Service;

use super::event::SessionEvent;
use super::finish::{failure, finish};
use super::forms::{Field, Forms};
use super::layer::{Config, SessionLayer};
use super::slot::{Came, Cookies, Slot, Typed};
use crate::carrier::{Carrier, Found};
use crate::token::reason::Reason;
use crate::tokens::Tokens;

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
    type Future = SessionFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let layer = &self.layer;
        let Config { binding, propagating, .. } = &*layer.config;
        if binding.is_some() || *propagating || layer.forms.wants(&request) {
            return self.call_later(request);
        }
        // Nothing is to be awaited before the service is called: it is called here, so that neither it nor the request
        // is kept for later.
        let Some(slot) = begin(layer, &mut request, None, &Field(None)) else {
            return SessionFuture { serving: Serving::Over };
        };
        SessionFuture { serving: Serving::Now { slot, answer: Box::pin(self.inner.call(request)) } }
    }
}

impl<S, T: 'static, F> SessionService<S, T, F> {
    /// The same for a request whose form is read first, which is bound to something, or which is served with its session
    /// at hand.
    fn call_later<B, R>(&mut self, request: Request<B>) -> SessionFuture<S::Future, R, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        F: Forms<B>,
        B: Send + 'static,
        R: Default,
    {
        // The one that is ready; its clone need not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        let answer: Answer<R, S::Error> = Box::pin(async move {
            let (request, field) = match layer.forms.read(request).await {
                Ok(read) => read,
                Err(status) => return Ok(failure(status)),
            };
            let (mut request, bound) = bind(&layer.config, request);
            let Some(slot) = begin(&layer, &mut request, bound, &field) else {
                return Ok(failure(StatusCode::INTERNAL_SERVER_ERROR));
            };
            let incoming = slot.incoming();
            if let Some(incoming) = incoming.clone() {
                request.extensions_mut().insert(incoming);
            }
            let answer = async move { inner.call(request).await };
            #[cfg(feature = "propagate")]
            let response = match incoming {
                Some(incoming) => incoming.scope(answer).await?,
                None => answer.await?,
            };
            #[cfg(not(feature = "propagate"))]
            let response = answer.await?;
            Ok(finish(&slot, response))
        });
        SessionFuture { serving: Serving::Later { answer } }
    }
}

/// The answer of a [`SessionService`]: that of the service inside, with what became of the session.
pub struct SessionFuture<A, R, E> {
    serving: Serving<A, R, E>,
}

enum Serving<A, R, E> {
    /// In a box: axum's has the whole request in it, and is moved by each service that is around.
    Now { slot: Arc<Slot>, answer: Pin<Box<A>> },
    /// What is awaited before the service is called, too.
    Later { answer: Answer<R, E> },
    /// Answered; or never served, for the application is set up wrongly.
    Over,
}

type Answer<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

impl<A, R, E> Future for SessionFuture<A, R, E>
where
    A: Future<Output = Result<Response<R>, E>>,
    R: Default,
{
    type Output = Result<Response<R>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.serving {
            Serving::Now { slot, answer } => {
                let response = ready!(answer.as_mut().poll(context));
                let slot = Arc::clone(slot);
                // A session that the service's future holds says what became of it when it goes: before the end.
                self.serving = Serving::Over;
                Poll::Ready(Ok(finish(&slot, response?)))
            }
            Serving::Later { answer } => answer.as_mut().poll(context),
            Serving::Over => Poll::Ready(Ok(failure(StatusCode::INTERNAL_SERVER_ERROR))),
        }
    }
}

impl<A, R, E> fmt::Debug for SessionFuture<A, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").finish_non_exhaustive()
    }
}

/// A request, and what it is bound to.
fn bind<B>(config: &Config, request: Request<B>) -> (Request<B>, Option<Vec<u8>>) {
    let Some(binding) = &config.binding else {
        return (request, None);
    };
    let (parts, body) = request.into_parts();
    let bound = binding(&parts);
    (Request::from_parts(parts, body), bound)
}

/// Opens the session of a request, and leaves it there for extractors; `None` where the application is set up wrongly.
fn begin<T: 'static, F, B>(
    layer: &SessionLayer<T, F>,
    request: &mut Request<B>,
    bound: Option<Vec<u8>>,
    field: &Field,
) -> Option<Arc<Slot>> {
    let slot = open(&layer.config, request.headers(), request.uri(), bound, field)?;
    let typed = Typed::<T> { slot: Arc::clone(&slot), migrate: layer.migrate.clone() };
    if request.extensions_mut().insert(typed).is_some() {
        tracing::error!(
            state = std::any::type_name::<T>(),
            "two SessionLayers of one state are around the handler"
        );
        return None;
    }
    Some(slot)
}

/// The session of a request; `None` where it cannot be bound to what the application says.
fn open(
    config: &Arc<Config>,
    headers: &HeaderMap,
    uri: &Uri,
    bound: Option<Vec<u8>>,
    field: &Field,
) -> Option<Arc<Slot>> {
    let bound = match bound {
        None => None,
        Some(binding) => match config.tokens.bound_to(&binding) {
            Ok(tokens) => Some(tokens),
            Err(error) => {
                tracing::error!(%error, "the request's binding cannot be used");
                return None;
            }
        },
    };
    let has_cookies = config.carriers.iter().any(|carrier| carrier.as_cookie().is_some());
    let cookies = match has_cookies {
        true => Cookies::of(headers),
        false => Cookies::default(),
    };
    let tokens = bound.as_ref().unwrap_or(&config.tokens);
    let began = config.now();
    let verified = verify(config, tokens, cookies.as_slice(), headers, uri, field, began);
    let (came, event) = match verified {
        Ok(came) => (Some(came), SessionEvent::Verified),
        Err(event) => {
            tracing::debug!(reason = event.code(), "no session");
            (None, event)
        }
    };
    config.tell(event);
    let broken = event == SessionEvent::BrokenSet;
    Some(Arc::new(Slot::new(Arc::clone(config), began, bound, cookies, came, broken)))
}

/// The token of the first carrier that holds one, if it is valid.
fn verify(
    config: &Config,
    tokens: &Tokens,
    cookies: &[HeaderValue],
    headers: &HeaderMap,
    uri: &Uri,
    field: &Field,
    now: UnixTime,
) -> Result<Came, SessionEvent> {
    let read = |place: &Carrier| match place.as_cookie() {
        Some(cookie) => {
            let (found, marks) = cookie.token(cookies);
            (found, Some(marks))
        }
        None => (place.read(headers, uri, field.0.as_ref()), None),
    };
    let mut found = config.carriers.iter().map(read).enumerate();
    let found = found.find(|(_, (found, _))| !matches!(found, Found::Nothing));
    let (carrier, text, marks) = match found {
        None | Some((_, (Found::Nothing, _))) => return Err(SessionEvent::Absent),
        Some((_, (Found::Unread(why), _))) => return Err(why.into()),
        Some((carrier, (Found::Text(text), marks))) => (carrier, text, marks),
    };
    let verified = match tokens.verify_ascii_at(text.as_bytes(), now) {
        Ok(verified) => Arc::new(verified),
        // No UTF-8, or nothing at all.
        Err(_) if text.as_str().is_empty() => return Err(SessionEvent::Refused(Reason::NotAToken)),
        Err(refused) => return Err(SessionEvent::Refused(refused.reason())),
    };
    let id = verified.info().id;
    let is_over = match marks {
        Some(marks) => marks.are_of(id),
        // The marks of a logout are in the cookies that came beside it.
        None => {
            let mut beside = config.carriers.iter().filter_map(Carrier::as_cookie);
            beside.any(|cookie| cookie.marks(cookies).are_of(id))
        }
    };
    if is_over {
        return Err(SessionEvent::Ended);
    }
    let text = marks.is_none().then(|| text.as_str().into());
    Ok(Came { verified, text, carrier })
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
