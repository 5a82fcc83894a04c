//! The layer for clients: what is passed on to whom.

use std::sync::Arc;

use http::HeaderName;
use tower_layer::Layer;

use super::hosts::Hosts;
use super::pass::{Pass, What};
use super::service::PropagateService;
use crate::tokens::{Child, Tokens};

/// Passes the session of the request that is served on to the services that are called for it. A layer for any
/// client that is a tower service over `http::Request`; with the feature `reqwest` also a
/// [middleware](#impl-Middleware-for-PropagateLayer) of `reqwest-middleware`.
///
/// The session is the [`Incoming`](crate::Incoming) in the extensions of the request that goes out, or else the
/// [current](crate::Incoming::current) one of the task, where the layer of the server provides it. Without one, the
/// request goes out as it is; so it does to a host that is not among [`Hosts`].
///
/// - A header that is there already stays: what a caller sets, counts. The one exception is the very token that a
///   [`child`](Self::child) stands for, which is replaced, so that a handler may copy the headers of its request. It
///   is not looked for in any other header: who copies cookies too, copies what is in them.
/// - Every call gets a child of its own. A layer that retries belongs around this one, so that each attempt has a
///   fresh token.
/// - Tokens are marked as sensitive: they are in no `Debug` of a request's headers.
///
/// ```
/// use saddlebag::{Child, Hosts, PropagateLayer};
/// use tower::ServiceBuilder;
/// # use saddlebag::Tokens;
/// # use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let plan = rotation::init("doc", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng)?;
/// # let tokens = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("front").build()?;
/// # let client = tower::service_fn(|_: http::Request<String>| async {
/// #     Ok::<_, std::io::Error>(http::Response::new(()))
/// # });
/// // Keys of the audience `cart` alone, in a scoped ring, are enough.
/// let cart = tokens.for_audience("cart")?;
/// let layer = PropagateLayer::child(
///     cart,
///     Child::empty().fields(["locale", "currency"]),
///     Hosts::only(["cart.internal:8080"])?,
/// );
/// let client = ServiceBuilder::new().layer(layer).service(client);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PropagateLayer {
    pub(super) pass: Arc<Pass>,
}

impl PropagateLayer {
    /// Passes on a child for the next audience, so that the service that is called never sees the token that came
    /// in: the same session, for a minute, with the fields that it needs. See [`Tokens::child`].
    ///
    /// A child that cannot be made is an error of the call ([`PropagateError`](super::PropagateError)); the token
    /// that came in is never sent in its place.
    pub fn child(next: Tokens, child: Child<'static>, hosts: Hosts) -> Self {
        Self::of(What::Child(next, child), hosts)
    }

    /// Passes on the token that came in, as it came.
    ///
    /// The service that is called must be of the same audience, sees all of the state, and can do whatever the
    /// token's owner can for as long as it lives: [`child`](Self::child) is better where there are keys for it.
    pub fn forward(hosts: Hosts) -> Self {
        Self::of(What::Token, hosts)
    }

    /// Passes it on in this header, alone, in place of `Authorization: Bearer`.
    ///
    /// A client that follows redirects knows that `Authorization` is not for another host. It does not know that of
    /// a header of one's own, and will send it wherever it is redirected to: turn redirects off, or, for a client of
    /// reqwest, take `PropagateLayer::redirects_at_home()`.
    pub fn header(mut self, name: HeaderName) -> Self {
        Arc::make_mut(&mut self.pass).header = Some(name);
        self
    }

    fn of(what: What, hosts: Hosts) -> Self {
        Self { pass: Arc::new(Pass { what, hosts, header: None }) }
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = PropagateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PropagateService { inner, pass: Arc::clone(&self.pass) }
    }
}
