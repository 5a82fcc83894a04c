//! The same for clients of reqwest.

use async_trait::async_trait;
use http::Extensions;
use reqwest_middleware::reqwest::{Request, Response, redirect};
use reqwest_middleware::{Error, Middleware, Next, Result};
use saddlebag_keys::UnixTime;

use super::hosts::Destination;
use super::layer::PropagateLayer;
use crate::middleware::Incoming;

/// For clients of reqwest. The session is the one that `with_extension` gave the request, or else that of the task.
///
/// ```
/// use reqwest_middleware::reqwest::{Client, redirect};
/// use reqwest_middleware::ClientBuilder;
/// use saddlebag::{Child, Hosts, PropagateLayer};
/// # use saddlebag::Tokens;
/// # use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let plan = rotation::init("doc", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng)?;
/// # let cart = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("cart").build()?;
/// let layer = PropagateLayer::child(cart, Child::empty(), Hosts::only(["cart.internal:8080"])?);
/// let client = Client::builder().redirect(redirect::Policy::none()).build()?;
/// let client = ClientBuilder::new(client).with(layer).build();
/// # Ok(())
/// # }
/// ```
///
/// # Redirects
///
/// reqwest follows redirects below its middleware, which sees the first request alone. On the way it drops
/// `Authorization` as soon as scheme, host or port change, and so a listed host that redirects to another one gives
/// no session away, though it may keep one that should have followed. It drops no header of another
/// [name](PropagateLayer::header): a client that has one takes [`redirects_at_home`](PropagateLayer::redirects_at_home).
/// Services that call each other seldom need redirects: `redirect::Policy::none()`.
#[async_trait]
impl Middleware for PropagateLayer {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let url = request.url().clone();
        let to = Destination {
            scheme: Some(url.scheme()),
            host: url.host_str(),
            port: url.port_or_known_default(),
        };
        let own = extensions.get::<Incoming>().cloned();
        let passed = self.pass.on(to, request.headers_mut(), own, UnixTime::now());
        passed.map_err(Error::middleware)?;
        next.run(request, extensions).await
    }
}

impl PropagateLayer {
    /// For a client of reqwest that follows redirects: those that stay at the same scheme, host and port, ten at most.
    /// A redirect to anywhere else is the answer itself, and the caller's to judge.
    ///
    /// With it a session goes nowhere by a redirect, whatever [header](Self::header) it is in.
    pub fn redirects_at_home() -> redirect::Policy {
        redirect::Policy::custom(|attempt| {
            let home = attempt.previous().last().map(|url| url.origin());
            if home != Some(attempt.url().origin()) {
                return attempt.stop();
            }
            redirect::Policy::default().redirect(attempt)
        })
    }
}
