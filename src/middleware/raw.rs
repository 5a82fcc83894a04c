//! [`RawSession<T>`]: a session whose state nobody reads.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::rejection::SessionRejection;
use super::slot::Typed;
use crate::session::Verified;

/// A request's session with nothing decoded: who it is and until when, and the state as bytes for who wants them. It
/// changes nothing, and a request may have any number of it, beside a [`Session<T>`](super::Session) too; `T` says
/// which of several sessions is meant.
///
/// ```
/// # use saddlebag::RawSession;
/// # struct Cart;
/// async fn who(session: RawSession<Cart>) -> String {
///     session.subject().unwrap_or("nobody").to_owned()
/// }
/// ```
pub struct RawSession<T> {
    verified: Arc<Verified>,
    state: PhantomData<fn() -> T>,
}

impl<T: 'static> RawSession<T> {
    /// As [`Session::from_extensions`](super::Session::from_extensions).
    ///
    /// # Errors
    ///
    /// [`SessionRejection`]: there is no session, or no layer.
    pub fn from_extensions(extensions: &http::Extensions) -> Result<Self, SessionRejection> {
        let typed = Typed::<T>::of(extensions)?;
        Self::from_typed(typed).ok_or_else(|| typed.absent())
    }

    pub(super) fn from_typed(typed: &Typed<T>) -> Option<Self> {
        let came = typed.slot.came.as_ref()?;
        Some(Self { verified: Arc::clone(&came.verified), state: PhantomData })
    }
}

impl<T> Deref for RawSession<T> {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.verified
    }
}

impl<T> fmt::Debug for RawSession<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawSession").field(&self.verified).finish()
    }
}
