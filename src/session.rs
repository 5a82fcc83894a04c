//! What a token says of its session: identity, times, and state that is read when somebody asks for it.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use saddlebag_keys::{KeyId, UnixTime};
use serde::Serialize;

use crate::token::format::{self, Protection};
use crate::token::state::{self, StateError};

/// The name of a session: 96 random bits, the same through every renewal. Shown as 16 characters of
/// base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) [u8; 12]);

impl SessionId {
    /// The bytes.
    pub const fn to_bytes(self) -> [u8; 12] {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format::encode(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// What every token says of its session, apart from whose it is and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's name.
    pub id: SessionId,
    /// When the session began.
    pub started_at: UnixTime,
    /// When this token was issued.
    pub issued_at: UnixTime,
    /// When this token ends, unless it is renewed.
    pub expires_at: UnixTime,
    /// When the session ends, which no renewal passes.
    pub ends_at: UnixTime,
    /// 0 for the first token, one more at every renewal.
    pub revision: u32,
}

/// State that is passed through untouched: one CBOR item under the rules of the format.
#[derive(Clone, PartialEq, Eq)]
pub struct RawState(Vec<u8>);

impl RawState {
    /// No state: null.
    pub fn none() -> Self {
        Self(vec![NULL])
    }

    /// Encodes a value; any type that `serde` takes is a state.
    ///
    /// # Errors
    ///
    /// [`StateError`] names the place and the rule: NaN, map keys that are no text, more than 32 levels.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, StateError> {
        let mut cbor = Vec::with_capacity(ROOM.get());
        state::encode(value, &mut cbor)?;
        // An eighth more: the next one may be a little longer.
        ROOM.set(cbor.len().saturating_add(cbor.len() >> 3).clamp(LEAST_ROOM, MOST_ROOM));
        Ok(Self(cbor))
    }

    /// Takes a CBOR item as it stands.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it breaks a rule of the format.
    pub fn from_cbor(cbor: Vec<u8>) -> Result<Self, StateError> {
        state::check(&cbor)?;
        Ok(Self(cbor))
    }

    /// Turns JSON text into CBOR, without building a value in between.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it is no JSON, repeats a name, or nests deeper than 32 levels.
    pub fn from_json(text: &[u8]) -> Result<Self, StateError> {
        // At once: `serde_json` would look at each string for itself.
        Self::from_json_text(std::str::from_utf8(text).map_err(StateError::no_text)?)
    }

    pub(crate) fn from_json_text(text: &str) -> Result<Self, StateError> {
        let mut cbor = Vec::with_capacity(text.len());
        state::from_json(text, &mut cbor)?;
        Ok(Self(cbor))
    }

    /// The state as JSON text; byte strings become base64url.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it breaks a rule of the format.
    pub fn to_json(&self) -> Result<String, StateError> {
        json(&self.0)
    }

    /// The CBOR item.
    pub fn as_cbor(&self) -> &[u8] {
        &self.0
    }
}

/// State may be secret: only its size is shown.
impl fmt::Debug for RawState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawState({} bytes)", self.0.len())
    }
}

/// A token that was verified. Nothing but verification makes one, and claims are reached through it
/// alone.
///
/// ```compile_fail
/// # use saddlebag::{SessionInfo, Verified};
/// fn forged(info: SessionInfo, other: Verified) -> Verified {
///     Verified { info, ..other }
/// }
/// ```
///
/// ```compile_fail
/// # use saddlebag::Verified;
/// fn default() -> Verified {
///     Default::default()
/// }
/// ```
///
/// ```compile_fail
/// # use saddlebag::Verified;
/// fn read(json: &str) -> Option<Verified> {
///     serde_json::from_str(json).ok()
/// }
/// ```
pub struct Verified {
    pub(crate) info: SessionInfo,
    pub(crate) key: KeyId,
    pub(crate) protection: Protection,
    /// What was decoded, the claims in plain text somewhere in it; then the audience; then the binding, or of a jwt,
    /// which has none, the state as it was written.
    pub(crate) bytes: Vec<u8>,
    pub(crate) audience: Part,
    pub(crate) subject: Option<Part>,
    pub(crate) state: Part,
}

/// Where a part of a token's bytes is. They are few: in half of what a range takes, a verified token is small enough to be
/// moved without a call.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    start: u32,
    end: u32,
}

impl Part {
    fn of(self, bytes: &[u8]) -> &[u8] {
        let [start, end] =
            [self.start, self.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        bytes.get(start..end).unwrap_or_default()
    }

    fn behind(self, bytes: &[u8]) -> &[u8] {
        bytes.get(usize::try_from(self.end).unwrap_or(usize::MAX)..).unwrap_or_default()
    }
}

impl From<Range<usize>> for Part {
    fn from(range: Range<usize>) -> Self {
        let [start, end] = [range.start, range.end].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        Self { start, end }
    }
}

impl Verified {
    /// The session's name and times.
    pub fn info(&self) -> &SessionInfo {
        &self.info
    }

    /// Who the token is for.
    pub fn audience(&self) -> &str {
        // Copied from a text.
        std::str::from_utf8(self.audience.of(&self.bytes)).unwrap_or_default()
    }

    /// What it was bound to; empty where it was not.
    pub(crate) fn binding(&self) -> &[u8] {
        if self.protection == Protection::Jwt { &[] } else { self.behind_audience() }
    }

    /// A jwt's state as it was written.
    pub(crate) fn state_as_written(&self) -> Option<&str> {
        // Copied from a text.
        let is_jwt = self.protection == Protection::Jwt;
        is_jwt.then(|| std::str::from_utf8(self.behind_audience()).ok())?
    }

    fn behind_audience(&self) -> &[u8] {
        self.audience.behind(&self.bytes)
    }

    /// Whose session it is, where somebody is.
    pub fn subject(&self) -> Option<&str> {
        // Checked when the claims were read.
        std::str::from_utf8(self.subject?.of(&self.bytes)).ok()
    }

    /// The key that verified it.
    pub fn key_id(&self) -> KeyId {
        self.key
    }

    /// How it was protected.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Reads the state; it may borrow from this token.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it is not of this type, or breaks a rule of the format: a service that hands
    /// state out treats such a token as invalid.
    pub fn state<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, StateError> {
        state::decode(self.state_cbor())
    }

    /// The state as the one CBOR item that was issued, not checked inside.
    pub fn state_cbor(&self) -> &[u8] {
        self.state.of(&self.bytes)
    }

    /// The state as JSON text, made without a value in between; byte strings become base64url.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it breaks a rule of the format.
    pub fn state_json(&self) -> Result<String, StateError> {
        json(self.state_cbor())
    }

    /// The state, to be kept or passed through untouched, to the byte; what can be had this way can be issued again.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it breaks a rule of the format.
    pub fn raw_state(&self) -> Result<RawState, StateError> {
        RawState::from_cbor(self.state_cbor().to_vec())
    }
}

/// Shows name, times and key; whose it is and what it holds stay out of logs.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("info", &self.info)
            .field("audience", &self.audience())
            .field("key", &self.key)
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

fn json(cbor: &[u8]) -> Result<String, StateError> {
    let mut text = Vec::with_capacity(cbor.len().saturating_mul(2));
    state::to_json(cbor, &mut text)?;
    // Written by us, from text that was checked: it is UTF-8.
    Ok(String::from_utf8(text).unwrap_or_default())
}

const NULL: u8 = 0xf6;
thread_local! {
    /// Bytes that the next state will probably fit in: an application's are mostly alike, and growing costs more than what
    /// is left over for the moment.
    static ROOM: Cell<usize> = const { Cell::new(LEAST_ROOM) };
}
/// What the C library's allocator still gives from its quick lists; what is larger takes it three times as long.
const LEAST_ROOM: usize = 1_000;
/// Beyond what a token in a cookie has room for.
const MOST_ROOM: usize = 8_000;
