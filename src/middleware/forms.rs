//! Whether posted forms are looked at for a token, which takes reading bodies.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::carrier::{FORM_LIMIT, Found, field};

/// What a form had; part of how a layer works.
#[derive(Debug)]
pub struct Field(pub(super) Option<Found<'static>>);

/// How a layer treats bodies of type `B`: [`NoForms`] or [`ReadForms`].
pub trait Forms<B>: sealed::Sealed + Clone + Send + Sync + 'static {
    /// Whether there is a form to be read first.
    #[doc(hidden)]
    fn wants(&self, request: &Request<B>) -> bool;

    /// Reads the form, if there is one, and gives the request back whole; or the status to answer with.
    #[doc(hidden)]
    fn read(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Result<(Request<B>, Field), StatusCode>> + Send;
}

/// Bodies are left alone: any type will do.
#[derive(Clone, Copy, Debug)]
pub struct NoForms;

/// Forms are read, and a body is made anew of what was read.
#[derive(Clone, Debug)]
pub struct ReadForms {
    field: Arc<str>,
}

impl ReadForms {
    pub(super) fn new(field: String) -> Self {
        Self { field: field.into() }
    }
}

impl<B: Send> Forms<B> for NoForms {
    fn wants(&self, _: &Request<B>) -> bool {
        false
    }

    async fn read(&self, request: Request<B>) -> Result<(Request<B>, Field), StatusCode> {
        Ok((request, Field(None)))
    }
}

impl<B> Forms<B> for ReadForms
where
    B: Body + From<Bytes> + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn wants(&self, request: &Request<B>) -> bool {
        is_form(request.method(), request.headers())
    }

    async fn read(&self, request: Request<B>) -> Result<(Request<B>, Field), StatusCode> {
        if !self.wants(&request) {
            return Ok((request, Field(None)));
        }
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, FORM_LIMIT).collect().await.map_err(|error| {
            match error.is::<LengthLimitError>() {
                true => StatusCode::PAYLOAD_TOO_LARGE,
                // The client broke off, or what it sent is no body.
                false => StatusCode::BAD_REQUEST,
            }
        })?;
        let body = body.to_bytes();
        let field = field(&body, &self.field);
        Ok((Request::from_parts(parts, body.into()), Field(Some(field))))
    }
}

/// A posted form, whatever its parameters.
fn is_form(method: &Method, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind).trim();
    let is_sent = *method != Method::GET && *method != Method::HEAD;
    is_sent && kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoForms {}
    impl Sealed for super::ReadForms {}
}
