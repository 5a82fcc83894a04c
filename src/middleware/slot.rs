//! What lies in a request's extensions between the layer and a handler: the session as it came, and what became of it.

use std::any::type_name;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use saddlebag_keys::UnixTime;

use super::event::SessionEvent;
use super::incoming::Incoming;
use super::layer::Config;
use super::rejection::SessionRejection;
use crate::carrier::{Carrier, Found};
use crate::session::{RawState, Verified};
use crate::token::state::StateError;
use crate::tokens::{IssueError, Issued, NewSession, RenewError, Renewal, Tokens};

/// The slot of one session of one request.
pub(super) struct Slot {
    pub(super) config: Arc<Config>,
    /// When the request came.
    began: UnixTime,
    /// The layer's, bound to what the request is bound to, where it is.
    bound: Option<Tokens>,
    pub(super) came: Option<Came>,
    /// Something came that was no one's session, and is to be cleared.
    pub(super) broken: bool,
    /// The request's `Cookie` headers, by which an answer knows what there is to clear.
    pub(super) cookies: Cookies,
    asked: AtomicBool,
    taken: AtomicBool,
    handed_out: AtomicBool,
    /// `None` once the answer is on its way.
    fate: Mutex<Option<Fate>>,
}

/// `Cookie` headers: of HTTP/1.1 requests there is one, for which nothing is allocated.
#[derive(Default)]
pub(super) enum Cookies {
    #[default]
    None,
    One(HeaderValue),
    Several(Vec<HeaderValue>),
}

impl Cookies {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(COOKIE).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(one), None) => Self::One(one.clone()),
            (Some(one), Some(two)) => {
                Self::Several([one, two].into_iter().chain(values).cloned().collect())
            }
        }
    }

    pub(super) fn as_slice(&self) -> &[HeaderValue] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(all) => all,
        }
    }
}

/// The session that a request came with.
pub(super) struct Came {
    pub(super) verified: Arc<Verified>,
    /// The token as it came, where the cookies do not have it.
    pub(super) text: Option<Box<str>>,
    /// Which of the layer's carriers it came by.
    pub(super) carrier: usize,
}

/// What became of a session.
pub(super) enum Fate {
    /// Nobody changed it.
    Kept,
    Changed(Box<Change>),
    /// It ended: the one that it was last, where it had been issued.
    Destroyed(Option<Arc<Verified>>),
}

/// A session with another state, subject or id; or a new one.
pub(super) struct Change {
    /// Nothing that came is continued.
    pub(super) new: bool,
    /// What it continues: the session that came, or one that was issued in this request.
    pub(super) base: Option<Arc<Verified>>,
    /// A token that was issued in this request, and handed out.
    pub(super) issued: Option<Issued>,
    /// What differs from `base`, or from nothing; `None` where `issued` says it all.
    pub(super) difference: Option<Difference>,
}

pub(super) struct Difference {
    pub(super) state: Result<RawState, StateError>,
    pub(super) subject: Option<String>,
    pub(super) rotate_id: bool,
}

impl Slot {
    pub(super) fn new(
        config: Arc<Config>,
        began: UnixTime,
        bound: Option<Tokens>,
        cookies: Cookies,
        came: Option<Came>,
        broken: bool,
    ) -> Self {
        let [asked, taken, handed_out] = [const { AtomicBool::new(false) }; 3];
        let fate = Mutex::new(Some(Fate::Kept));
        Self { config, began, bound, came, broken, cookies, asked, taken, handed_out, fate }
    }

    /// The tokens of this request's session.
    pub(super) fn tokens(&self) -> &Tokens {
        self.bound.as_ref().unwrap_or(&self.config.tokens)
    }

    /// What came, for those who pass it on, where the layer was asked to give it.
    pub(super) fn incoming(&self) -> Option<Incoming> {
        let came = self.came.as_ref().filter(|_| self.config.propagating)?;
        Some(Incoming::new(&self.text()?, Arc::clone(&came.verified)))
    }

    /// The token that came.
    pub(super) fn text(&self) -> Option<String> {
        let came = self.came.as_ref()?;
        if let Some(text) = &came.text {
            return Some(text.to_string());
        }
        // Rarely asked for: it is looked for again rather than kept for each request.
        let cookie = self.config.carriers.get(came.carrier)?.as_cookie()?;
        match cookie.token(self.cookies.as_slice()) {
            (Found::Text(text), _) => Some(text.as_str().to_owned()),
            _ => None,
        }
    }

    /// Marks the session as taken by an extractor.
    pub(super) fn take(&self) -> Result<(), SessionRejection> {
        if self.taken.swap(true, Ordering::AcqRel) {
            tracing::error!("two extractors of one session in one request: the second was refused");
            return Err(SessionRejection::Twice);
        }
        Ok(())
    }

    /// The extractor is gone, and has changed nothing: another may come.
    pub(super) fn give_back(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// The extractor is gone, and this is what it leaves.
    pub(super) fn settle(&self, fate: Fate) {
        match &mut *self.fate.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(known) => *known = fate,
            None => {
                tracing::warn!(
                    "a session was changed after the answer had begun: the change is lost"
                );
                self.tell(SessionEvent::NotCarried);
            }
        }
    }

    /// What the answer takes along. Whatever comes after is too late.
    pub(super) fn fate(&self) -> Fate {
        let mut fate = self.fate.lock().unwrap_or_else(PoisonError::into_inner);
        fate.take().unwrap_or(Fate::Kept)
    }

    /// Somebody has the text of the token, and may put it into the answer.
    pub(super) fn hand_out(&self) {
        self.handed_out.store(true, Ordering::Release);
    }

    pub(super) fn was_handed_out(&self) -> bool {
        self.handed_out.load(Ordering::Acquire)
    }

    /// Whether the answer may depend on the session.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// The next token of a session that nobody changed, where its renewal is due and can be had.
    pub(super) fn renewed(&self, session: &Verified) -> Option<Issued> {
        // A look at the clock costs as much as all else here, and most sessions are not due.
        if !self.tokens().renewal_is_due_at(session, self.began) {
            return None;
        }
        let renewed = self.tokens().renew_at(session, Renewal::keep(), self.config.now());
        renewed.inspect_err(|error| self.not_renewed(error)).ok()
    }

    /// A renewal that nobody asked for was left out: the session is good until it ends.
    pub(super) fn not_renewed(&self, why: &dyn fmt::Display) {
        tracing::debug!(%why, "not renewed");
        self.tell(SessionEvent::NotRenewed);
    }

    /// Warns of a token that is long, once: it is sent with every request.
    pub(super) fn warn_of_length(&self, length: usize) {
        if length > LONG && !self.config.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                length,
                "a session's token has more than {LONG} characters, which every request carries; said once"
            );
        }
    }

    pub(super) fn tell(&self, event: SessionEvent) {
        self.config.tell(event);
    }

    /// The token of what continues `base`, or of a new session.
    pub(super) fn issue(
        &self,
        base: Option<&Verified>,
        difference: Difference,
    ) -> Result<Issued, RenewError> {
        let now = self.config.now();
        let Difference { state, subject, rotate_id } = difference;
        let state = state.map_err(|error| RenewError::Issue(IssueError::State(error)))?;
        let Some(base) = base else {
            let session = NewSession::raw(state);
            let session = match &subject {
                Some(subject) => session.subject(subject),
                None => session,
            };
            return self.tokens().issue_at(session, now).map_err(RenewError::Issue);
        };
        let renewal = Renewal::keep().raw_state(state).subject(subject.as_deref());
        let renewal = if rotate_id { renewal.rotate_id() } else { renewal };
        self.tokens().renew_at(base, renewal, now)
    }
}

/// The slot under its state's type, by which an extractor finds its own among several.
pub(super) struct Typed<T> {
    pub(super) slot: Arc<Slot>,
    pub(super) migrate: Option<Migrate<T>>,
}

/// Makes a state of this type of one that is not.
pub(super) type Migrate<T> = Arc<dyn Fn(&Verified) -> Option<T> + Send + Sync>;

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot), migrate: self.migrate.clone() }
    }
}

impl<T: 'static> Typed<T> {
    /// The slot that a layer put there.
    pub(super) fn of(extensions: &http::Extensions) -> Result<&Self, SessionRejection> {
        let found = extensions.get::<Self>().ok_or_else(|| {
            tracing::error!(
                state = type_name::<T>(),
                "no SessionLayer of this state is around the handler"
            );
            SessionRejection::NoLayer
        })?;
        found.slot.asked.store(true, Ordering::Release);
        Ok(found)
    }

    pub(super) fn absent(&self) -> SessionRejection {
        let bearer = self.slot.config.carriers.iter().any(Carrier::is_bearer);
        SessionRejection::NoSession { bearer }
    }
}

impl<T> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed").field("state", &type_name::<T>()).finish_non_exhaustive()
    }
}

/// Characters of a token that are worth a warning.
const LONG: usize = 2_048;
