//! [`Session<T>`]: what a handler holds. What it changes is sent with the answer.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event::SessionEvent;
use super::rejection::SessionRejection;
use super::slot::{Change, Difference, Fate, Slot, Typed};
use crate::session::{RawState, SessionId, SessionInfo, Verified};
use crate::token::state::StateError;
use crate::tokens::{Issued, RenewError};

/// A request's session, with its state read. It dereferences to the state; whatever changes there, or here, is in
/// the token that the answer carries.
///
/// As an extractor of axum it answers 401 where there is no session; `Option<Session<T>>` and [`SessionOrNew<T>`] do
/// not. It is no `Clone`, and a request has one of it: two would each answer with a token that lacks the other's
/// changes.
///
/// What it changes is sent if the handler lets go of it before it answers, which it does unless it gives it to a
/// task or a body of its own; and unless the answer's status is 5xx, which takes nothing along but an end. A handler that
/// is cancelled lets go of it too, with what it had changed so far: put a timeout around the layer, not inside.
///
/// ```
/// # use saddlebag::Session;
/// # struct Cart { items: Vec<String> }
/// async fn add(mut session: Session<Cart>) -> String {
///     session.items.push("apples".to_owned());
///     format!("{} items", session.items.len())
/// }
/// ```
///
/// ```compile_fail
/// # use saddlebag::Session;
/// fn two(session: Session<u8>) -> [Session<u8>; 2] {
///     [Clone::clone(&session), session]
/// }
/// ```
pub struct Session<T> {
    state: T,
    slot: Arc<Slot>,
    /// It began with this request: nothing that came is continued.
    new: bool,
    /// What it continues: what came, or what was issued in this request.
    base: Option<Arc<Verified>>,
    /// The token that was issued in this request, if one was.
    issued: Option<Issued>,
    subject: Option<String>,
    touched: bool,
    forced: bool,
    rotate_id: bool,
    destroyed: bool,
    encode: Encode<T>,
}

/// How a state becomes a token's.
type Encode<T> = fn(&T) -> Result<RawState, StateError>;

impl<T: Serialize + DeserializeOwned + 'static> Session<T> {
    /// The session of a request that a [`SessionLayer`](super::SessionLayer) has seen, for services without
    /// extractors: by the request's extensions.
    ///
    /// # Errors
    ///
    /// [`SessionRejection`]: there is none, or another has it.
    pub fn from_extensions(extensions: &http::Extensions) -> Result<Self, SessionRejection> {
        let typed = Typed::<T>::of(extensions)?;
        Self::from_typed(typed)?.ok_or_else(|| typed.absent())
    }

    pub(super) fn from_typed(typed: &Typed<T>) -> Result<Option<Self>, SessionRejection> {
        let slot = &typed.slot;
        let Some(came) = &slot.came else {
            return Ok(None);
        };
        // A state that was migrated differs from what came, and is sent like any change.
        let (state, touched) = match came.verified.state::<T>() {
            Ok(state) => (state, false),
            Err(error) => {
                match typed.migrate.as_ref().and_then(|migrate| migrate(&came.verified)) {
                    Some(state) => (state, true),
                    None => {
                        slot.tell(SessionEvent::State);
                        tracing::debug!(%error, reason = SessionEvent::State.code(), "no session");
                        return Ok(None);
                    }
                }
            }
        };
        slot.take()?;
        let mut session = Self::begin(state, slot, RawState::of::<T>).continuing(&came.verified);
        session.touched = touched;
        Ok(Some(session))
    }
}

impl Session<RawState> {
    /// A request's session with its state as it stands, or a new one without: for who passes states on, and reads none.
    #[cfg(feature = "server")]
    pub(crate) fn undecoded(extensions: &http::Extensions) -> Result<Self, SessionRejection> {
        let slot = &Typed::<RawState>::of(extensions)?.slot;
        slot.take()?;
        let came = slot.came.as_ref().map(|came| &came.verified);
        // A state that breaks the format is no session's.
        let came = came.and_then(|came| Some((came, came.raw_state().ok()?)));
        let begin = |state| Self::begin(state, slot, |state| Ok(state.clone()));
        Ok(match came {
            Some((came, state)) => begin(state).continuing(came),
            None => begin(RawState::none()),
        })
    }
}

impl<T> Session<T> {
    /// A session that continues nothing.
    fn begin(state: T, slot: &Arc<Slot>, encode: Encode<T>) -> Self {
        Self {
            state,
            slot: Arc::clone(slot),
            new: true,
            base: None,
            issued: None,
            subject: None,
            touched: false,
            forced: false,
            rotate_id: false,
            destroyed: false,
            encode,
        }
    }

    /// The same as one that goes on.
    fn continuing(mut self, came: &Arc<Verified>) -> Self {
        self.new = false;
        self.subject = came.subject().map(str::to_owned);
        self.base = Some(Arc::clone(came));
        self
    }

    /// Its name, which stays through every renewal; `None` before a new session has a token.
    pub fn id(&self) -> Option<SessionId> {
        self.info().map(|info| info.id)
    }

    /// Its name, its times and its revision, as its last token has them; `None` before a new session has one.
    ///
    /// Two requests at once both hold the same revision and both answer with the next: an application that keeps the
    /// last one that it saw can tell.
    pub fn info(&self) -> Option<&SessionInfo> {
        self.base.as_ref().map(|base| base.info())
    }

    /// Whether it began with this request: what came, if anything did, was no session.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// Whose it is, where somebody is.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Says whose it is from now on: 1 to 255 bytes. Another subject makes it another session, with a new id and a
    /// new start, so that a login never keeps an id that somebody planted. The same subject again changes nothing: a login
    /// calls [`rotate_id`](Self::rotate_id) as well.
    pub fn set_subject(&mut self, subject: Option<&str>) {
        self.subject = subject.map(str::to_owned);
    }

    /// Makes it another session, with a new id and a new start: at every change of privilege. Its absolute end starts
    /// anew too, so that a handler that does this on every request leaves none.
    pub fn rotate_id(&mut self) {
        self.rotate_id = true;
    }

    /// Sends a token with the answer even where nothing has changed.
    pub fn save(&mut self) {
        self.forced = true;
    }

    /// Ends it in this browser: the answer clears its carriers.
    ///
    /// A token that somebody has copied is good until it ends: see the threat model.
    pub fn destroy(mut self) {
        self.destroyed = true;
    }

    /// A copy of the state, to answer with.
    pub fn to_owned_state(&self) -> T
    where
        T: Clone,
    {
        self.state.clone()
    }

    /// The token of the session as it is now, for a link, a form or the body of an answer. Whoever has the text is in
    /// the session.
    ///
    /// What has changed so far is issued; so is a new session, and one whose renewal is due. Changes after it are not in
    /// this text.
    ///
    /// # Errors
    ///
    /// [`RenewError`].
    pub fn token(&mut self) -> Result<String, RenewError> {
        self.slot.hand_out();
        if self.base.is_none() {
            self.forced = true;
        }
        let issued = match self.difference() {
            Some(difference) => Some(self.slot.issue(self.base.as_deref(), difference)?),
            None => self.base.as_deref().and_then(|base| self.slot.renewed(base)),
        };
        if let Some(issued) = issued {
            let verified = self.slot.tokens().verify_at(&issued.token, self.slot.config.now());
            self.base = Some(Arc::new(verified.map_err(RenewError::Refused)?));
            self.slot.warn_of_length(issued.token.len());
            self.issued = Some(issued);
            (self.touched, self.forced, self.rotate_id) = (false, false, false);
        }
        let issued = self.issued.as_ref().map(|issued| issued.token.clone());
        Ok(issued.or_else(|| self.slot.text()).unwrap_or_default())
    }

    /// What is to be issued, if anything is.
    fn difference(&self) -> Option<Difference> {
        let subject_changed =
            self.base.as_ref().is_some_and(|base| base.subject() != self.subject());
        let renamed = self.rotate_id || subject_changed || self.forced;
        let begun = self.base.is_none() && self.subject.is_some();
        if !(self.touched || renamed || begun) {
            return None;
        }
        let state = (self.encode)(&self.state);
        let same = match (&state, &self.base) {
            (Ok(state), Some(base)) => state.as_cbor() == base.state_cbor(),
            _ => false,
        };
        (renamed || !same).then(|| Difference {
            state,
            subject: self.subject.clone(),
            rotate_id: self.rotate_id,
        })
    }
}

impl<T> Deref for Session<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state
    }
}

/// A state that was touched is compared with what came, and sent where it differs.
impl<T> DerefMut for Session<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.touched = true;
        &mut self.state
    }
}

impl<T> Drop for Session<T> {
    fn drop(&mut self) {
        // A handler that fell over has decided nothing.
        if thread::panicking() {
            return;
        }
        if self.destroyed {
            return self.slot.settle(Fate::Destroyed(self.base.take()));
        }
        let difference = self.difference();
        if difference.is_none() && self.issued.is_none() {
            return self.slot.give_back();
        }
        let (base, issued) = (self.base.take(), self.issued.take());
        let change = Change { new: self.new, base, issued, difference };
        self.slot.settle(Fate::Changed(Box::new(change)));
    }
}

/// Shows name and times; whose it is and what it holds stay out of logs.
impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("info", &self.info()).finish_non_exhaustive()
    }
}

/// A request's session, or a new one with the default state. A new one is sent once something in it was touched, so
/// that visitors who do nothing get no cookie.
///
/// ```
/// # use saddlebag::SessionOrNew;
/// # #[derive(Default, serde::Serialize, serde::Deserialize)]
/// # struct Visits { count: u64 }
/// async fn page(SessionOrNew(mut visits): SessionOrNew<Visits>) -> String {
///     visits.count += 1;
///     format!("visit {}", visits.count)
/// }
/// ```
#[derive(Debug)]
pub struct SessionOrNew<T>(pub Session<T>);

impl<T: Serialize + DeserializeOwned + Default + 'static> SessionOrNew<T> {
    /// As [`Session::from_extensions`].
    ///
    /// # Errors
    ///
    /// [`SessionRejection`]: no layer, or another has it.
    pub fn from_extensions(extensions: &http::Extensions) -> Result<Self, SessionRejection> {
        let typed = Typed::<T>::of(extensions)?;
        if let Some(session) = Session::from_typed(typed)? {
            return Ok(Self(session));
        }
        typed.slot.take()?;
        Ok(Self(Session::begin(T::default(), &typed.slot, RawState::of::<T>)))
    }
}
