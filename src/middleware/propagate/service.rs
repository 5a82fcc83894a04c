//! A client that passes sessions on.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use saddlebag_keys::UnixTime;
use tower_service::Service;

use super::future::{BoxError, PropagateFuture};
use super::pass::Pass;
use crate::middleware::Incoming;

/// What [`PropagateLayer`](super::PropagateLayer) makes of a client.
#[derive(Clone, Debug)]
pub struct PropagateService<S> {
    pub(super) inner: S,
    pub(super) pass: Arc<Pass>,
}

impl<S, B> Service<Request<B>> for PropagateService<S>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = PropagateFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let own = parts.extensions.get::<Incoming>().cloned();
        match self.pass.on((&parts.uri).into(), &mut parts.headers, own, UnixTime::now()) {
            Ok(()) => PropagateFuture::of(self.inner.call(Request::from_parts(parts, body))),
            Err(error) => PropagateFuture::refused(error),
        }
    }
}
