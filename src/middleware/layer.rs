//! [`SessionLayer`]: what sessions of one kind are told, once.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::request::Parts;
use saddlebag_keys::UnixTime;
use tower_layer::Layer;

use super::event::SessionEvent;
use super::forms::{NoForms, ReadForms};
use super::service::SessionService;
use super::slot::Migrate;
use crate::carrier::{Carrier, Cookie};
use crate::session::Verified;
use crate::tokens::Tokens;

/// Sessions for the services inside it: a layer for axum, tower, hyper and tonic.
///
/// `T` is the sessions' state, and the name by which [`Session<T>`](super::Session) finds them: two layers with two
/// states are two independent sessions side by side, each with an audience and a cookie of its own.
///
/// ```
/// use saddlebag::{Cookie, SessionLayer, Tokens};
/// # struct Cart;
/// # struct Login;
/// # fn layers(tokens: Tokens) -> Result<(), Box<dyn std::error::Error>> {
/// // One session, in the cookie `__Host-session`.
/// let layer = SessionLayer::<Cart>::new(tokens.clone());
///
/// // Two, for one router.
/// let cart = SessionLayer::<Cart>::new(tokens.for_audience("cart")?).cookie(Cookie::new("cart")?);
/// let login = SessionLayer::<Login>::new(tokens.for_audience("login")?).cookie(Cookie::new("login")?.strict());
/// # Ok(())
/// # }
/// ```
pub struct SessionLayer<T, F = NoForms> {
    pub(super) config: Arc<Config>,
    pub(super) migrate: Option<Migrate<T>>,
    pub(super) forms: F,
    state: PhantomData<fn() -> T>,
}

/// What does not depend on the state's type.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) tokens: Tokens,
    pub(super) carriers: Vec<Carrier>,
    pub(super) binding: Option<Binding>,
    pub(super) propagating: bool,
    events: Option<Arc<dyn Fn(SessionEvent) + Send + Sync>>,
    clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    /// A token has been warned of for its length.
    pub(super) warned: Arc<AtomicBool>,
}

type Binding = Arc<dyn Fn(&Parts) -> Option<Vec<u8>> + Send + Sync>;

impl<T> SessionLayer<T> {
    /// Sessions of these tokens, in the cookie `__Host-session`.
    pub fn new(tokens: Tokens) -> Self {
        let config = Config {
            tokens,
            carriers: vec![Carrier::cookie()],
            binding: None,
            propagating: false,
            events: None,
            clock: Arc::new(UnixTime::now),
            warned: Arc::default(),
        };
        Self { config: Arc::new(config), migrate: None, forms: NoForms, state: PhantomData }
    }

    /// Takes a field of a posted form (`application/x-www-form-urlencoded`) as a token too, after all other carriers.
    /// The body, up to 2 MiB, is then read before the service is called; a longer one is answered with 413.
    pub fn form(mut self, field: impl Into<String>) -> SessionLayer<T, ReadForms> {
        self.change().carriers.push(Carrier::form());
        let forms = ReadForms::new(field.into());
        SessionLayer { config: self.config, migrate: self.migrate, forms, state: PhantomData }
    }
}

impl<T, F> SessionLayer<T, F> {
    /// Takes tokens from these carriers and no others. The first that holds anything decides: what the others hold
    /// is not looked at, even where the first's is no valid token. A new session goes to the first that an answer can
    /// use; one that came stays where it came from.
    #[must_use]
    pub fn carriers(mut self, carriers: impl IntoIterator<Item = Carrier>) -> Self {
        let config = self.change();
        let forms = std::mem::take(&mut config.carriers).into_iter().filter(Carrier::is_form);
        config.carriers = carriers.into_iter().chain(forms).collect();
        self
    }

    /// Takes tokens from this cookie and nothing else.
    #[must_use]
    pub fn cookie(self, cookie: impl Into<Cookie>) -> Self {
        self.carriers([cookie.into().into()])
    }

    /// Reads a state that is not of type `T`, of an older version of the application say. What it makes is sent as a
    /// token of the new state with the answer. Without it, and where it gives `None`, such a session is none.
    ///
    /// ```
    /// # use saddlebag::{SessionLayer, Tokens};
    /// # #[derive(serde::Deserialize)] struct CartV1 { items: Vec<String> }
    /// # struct Cart { items: Vec<(String, u32)> }
    /// # fn layer(tokens: Tokens) -> SessionLayer<Cart> {
    /// SessionLayer::<Cart>::new(tokens).migrate(|old| {
    ///     let CartV1 { items } = old.state().ok()?;
    ///     Some(Cart { items: items.into_iter().map(|item| (item, 1)).collect() })
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn migrate(self, migrate: impl Fn(&Verified) -> Option<T> + Send + Sync + 'static) -> Self {
        Self { migrate: Some(Arc::new(migrate)), ..self }
    }

    /// Binds sessions to something that both sides know and that travels another way: up to 1,024 bytes that this
    /// reads from a request. A token from a request with other bytes is refused.
    ///
    /// A client certificate's hash is such a thing. An IP address is not: it changes under people who move from Wi-Fi
    /// to a mobile network, and is shared by everybody behind one NAT.
    ///
    /// ```
    /// # use saddlebag::{SessionLayer, Tokens};
    /// # struct Cart;
    /// /// What the TLS acceptor put into each request: SHA-256 of the client's certificate.
    /// #[derive(Clone)]
    /// struct ClientCertificate([u8; 32]);
    ///
    /// # fn layer(tokens: Tokens) -> SessionLayer<Cart> {
    /// SessionLayer::<Cart>::new(tokens).binding(|request| {
    ///     let ClientCertificate(hash) = request.extensions.get()?;
    ///     Some([b"x5t#S256:".as_slice(), hash].concat())
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn binding(
        mut self,
        binding: impl Fn(&Parts) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        self.change().binding = Some(Arc::new(binding));
        self
    }

    /// Tells of what happens to sessions, for metrics. It is called on the request's path: it should count, and return.
    #[must_use]
    pub fn on_event(mut self, events: impl Fn(SessionEvent) + Send + Sync + 'static) -> Self {
        self.change().events = Some(Arc::new(events));
        self
    }

    /// Gives what is inside the session that came as an [`Incoming`](super::Incoming), to be passed on to other services:
    /// in the request's extensions, and with the feature `propagate` also as the current one of the task that serves
    /// the request.
    #[must_use]
    pub fn propagating(mut self) -> Self {
        self.change().propagating = true;
        self
    }

    /// Takes the time from here instead of from the machine's clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.change().clock = Arc::new(clock);
        self
    }

    fn change(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.config)
    }
}

impl Config {
    pub(super) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    pub(super) fn tell(&self, event: SessionEvent) {
        if let Some(events) = &self.events {
            events(event);
        }
    }
}

impl<T, F: Clone> Clone for SessionLayer<T, F> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            migrate: self.migrate.clone(),
            forms: self.forms.clone(),
            state: PhantomData,
        }
    }
}

impl<S, T, F: Clone> Layer<S> for SessionLayer<T, F> {
    type Service = SessionService<S, T, F>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.clone())
    }
}

impl<T, F> fmt::Debug for SessionLayer<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("state", &type_name::<T>())
            .field("tokens", &self.config.tokens)
            .field("carriers", &self.config.carriers)
            .finish_non_exhaustive()
    }
}
