//! The extractors of axum.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::raw::RawSession;
use super::rejection::SessionRejection;
use super::session::{Session, SessionOrNew};
use super::slot::Typed;

impl<T, S> FromRequestParts<S> for Session<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    S: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Self::from_extensions(&parts.extensions)
    }
}

impl<T, S> OptionalFromRequestParts<S> for Session<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    S: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        Self::from_typed(Typed::of(&parts.extensions)?)
    }
}

impl<T, S> FromRequestParts<S> for SessionOrNew<T>
where
    T: Serialize + DeserializeOwned + Default + Send + 'static,
    S: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Self::from_extensions(&parts.extensions)
    }
}

impl<T, S> FromRequestParts<S> for RawSession<T>
where
    T: 'static,
    S: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Self::from_extensions(&parts.extensions)
    }
}

impl<T, S> OptionalFromRequestParts<S> for RawSession<T>
where
    T: 'static,
    S: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        Ok(Self::from_typed(Typed::of(&parts.extensions)?))
    }
}
