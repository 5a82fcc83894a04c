//! Children: short-lived tokens for the next audience, made of the one that a request came with.
//!
//! ```text
//!   parent   started ──────── issued ──────────── expires ─────────────────────── ends
//!   child    started ─────────────────── issued ── expires = ends
//! ```

use std::borrow::Cow;
use std::fmt;

use saddlebag_keys::{Policy, UnixTime};
use serde::Serialize;

use super::Tokens;
use super::issue::{IssueError, Issued, random_error};
use super::renew::times;
use crate::lifetime::{self, Wish};
use crate::session::{RawState, SessionInfo, Verified};
use crate::token::claims::Claims;
use crate::token::random::draw;
use crate::token::sealed::FreshNonce;
use crate::token::state::{self, StateError};

/// What a child is given; no state and 60 seconds, unless told.
///
/// Of [`fields`](Self::fields), [`state`](Self::state) and [`raw_state`](Self::raw_state) the last one counts.
#[derive(Clone)]
pub struct Child<'a> {
    state: Given<'a>,
    lifetime: Option<u64>,
}

#[derive(Clone)]
enum Given<'a> {
    State(Result<RawState, StateError>),
    /// Of the parent's state.
    Fields(Vec<Cow<'a, str>>),
}

impl<'a> Child<'a> {
    /// A child without state: who, in which session, and no more.
    pub fn empty() -> Self {
        Self { state: Given::State(Ok(RawState::none())), lifetime: None }
    }

    /// Gives it these fields of its parent's state, each to the byte, and no other. A field that is not there is
    /// left out; of a state that is null, which is none, null is given.
    #[must_use]
    pub fn fields<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'a, str>>,
    {
        Self { state: Given::Fields(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// Gives it a state of its own.
    #[must_use]
    pub fn state<T: Serialize + ?Sized>(self, state: &T) -> Self {
        Self { state: Given::State(RawState::of(state)), ..self }
    }

    /// Gives it a state of its own that is encoded already.
    #[must_use]
    pub fn raw_state(self, state: RawState) -> Self {
        Self { state: Given::State(Ok(state)), ..self }
    }

    /// Ends it after so many seconds, or with its parent's session where that ends sooner; at most the policy's
    /// `max_token_lifetime`. 60, unless told: a child lives for a call, not for a visit.
    #[must_use]
    pub fn lifetime(self, seconds: u64) -> Self {
        Self { lifetime: Some(seconds), ..self }
    }

    fn state_of(&self, parent: &Verified) -> Result<Cow<'_, [u8]>, StateError> {
        match &self.state {
            Given::State(Ok(state)) => Ok(state.as_cbor().into()),
            Given::State(Err(error)) => Err(error.clone()),
            Given::Fields(names) => {
                let mut picked = Vec::new();
                let is_wanted = |name: &str| names.iter().any(|wanted| wanted == name);
                state::pick(parent.state_cbor(), is_wanted, &mut picked)?;
                Ok(picked.into())
            }
        }
    }
}

impl Default for Child<'_> {
    fn default() -> Self {
        Self::empty()
    }
}

/// What it holds stays out of logs.
impl fmt::Debug for Child<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Child");
        match &self.state {
            Given::State(state) => shown.field("state", state),
            Given::Fields(names) => shown.field("fields", names),
        };
        shown.field("lifetime", &self.lifetime).finish()
    }
}

impl Tokens {
    /// Makes a child of a verified token, at the machine's time: these tokens' audience gets the same session (id,
    /// subject, start and revision), and of its state no more than it was [given](Child).
    ///
    /// So a service calls the next one without showing it the token that it was called with. The child ends for
    /// good when it expires, and no renewal makes it longer. It is protected as these tokens usually are, and
    /// bound to what they are bound to, whatever its parent was.
    ///
    /// The parent may be of any audience and any ring, and is not verified again: that its key was revoked since,
    /// or that it expired before its session ended, is not seen here.
    ///
    /// ```
    /// use saddlebag::Child;
    /// # use saddlebag::{NewSession, Tokens};
    /// # use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let plan = rotation::init("doc", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng)?;
    /// # let front = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("front").build()?;
    /// # let cart = front.for_audience("cart")?;
    /// # let state = serde_json::json!({"locale": "de", "csrf": "c2VjcmV0"});
    /// # let token = front.issue(NewSession::of(&state).subject("alice"))?.token;
    /// let verified = front.verify(&token)?;
    /// let child = cart.child(&verified, Child::empty().fields(["locale"]))?;
    ///
    /// let called = cart.verify(&child.token)?;
    /// assert_eq!(called.info().id, verified.info().id);
    /// assert_eq!(called.subject(), Some("alice"));
    /// assert_eq!(called.state_json()?, r#"{"locale":"de"}"#);
    /// assert!(front.verify(&child.token).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ChildError`].
    pub fn child(&self, parent: &Verified, child: Child<'_>) -> Result<Issued, ChildError> {
        self.child_at(parent, child, UnixTime::now())
    }

    /// [`child`](Self::child) at a time of the caller's.
    ///
    /// # Errors
    ///
    /// [`ChildError`].
    pub fn child_at(
        &self,
        parent: &Verified,
        child: Child<'_>,
        now: UnixTime,
    ) -> Result<Issued, ChildError> {
        self.mint_at(parent, &child, now)
    }

    /// The same of a pattern that is used again.
    pub(crate) fn mint_at(
        &self,
        parent: &Verified,
        child: &Child<'_>,
        now: UnixTime,
    ) -> Result<Issued, ChildError> {
        let keys = self.keys();
        let keys = keys.as_deref().ok_or(IssueError::NoRing)?;
        let (issued, expires) =
            child_times(keys.ring().policy(), &parent.info, child.lifetime, now)?;
        let state = child.state_of(parent).map_err(IssueError::State)?;
        let nonce = FreshNonce::drawn(draw().map_err(random_error)?);
        let claims = Claims {
            id: parent.info.id.to_bytes(),
            started: parent.info.started_at.as_secs(),
            issued,
            expires,
            // Nobody extends it.
            ends: issued.checked_add(expires).ok_or(IssueError::Clock { now })?,
            revision: parent.info.revision,
            subject: parent.subject(),
            state: &state,
        };
        let protection = self.shared.config.protection;
        Ok(self.seal_claims(keys, &claims, protection, self.binding(), None, nonce, now)?)
    }
}

/// `issued` and `expires`, in seconds, under a ring's policy.
fn child_times(
    policy: &Policy,
    parent: &SessionInfo,
    lifetime: Option<u64>,
    now: UnixTime,
) -> Result<(u64, u64), ChildError> {
    let wish = lifetime.map_or(Wish::Default(LIFETIME), Wish::Asked);
    let lifetime = lifetime::of_child(wish, policy).map_err(IssueError::from)?;
    lifetime::of_next(&times(parent), lifetime, now)
        .ok_or(ChildError::Ended { ends_at: parent.ends_at })
}

/// A child that was not made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChildError {
    /// The parent's session has ended; nothing follows it.
    Ended {
        /// When it did.
        ends_at: UnixTime,
    },
    /// It could not be issued: its lifetime, its state, or the next audience's keys.
    Issue(IssueError),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { ends_at } => write!(f, "the session ended at {ends_at}"),
            Self::Issue(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ended { .. } => None,
            Self::Issue(error) => Some(error),
        }
    }
}

impl From<IssueError> for ChildError {
    fn from(error: IssueError) -> Self {
        Self::Issue(error)
    }
}

/// Seconds that a child lives, unless told: a call downstream, and the clocks' differences.
const LIFETIME: u64 = 60;
