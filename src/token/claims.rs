//! The claims of a token: who, since when, until when, and the application's state as raw bytes.
//!
//! This is what every verification reads, so it allocates nothing, follows the table of
//! `docs/token-format.md` §6 to the letter, and leaves `state` undecoded.

use std::fmt;

use super::cbor::{CborError, Cursor, Head, Major, write_head, write_integers, write_short_head};

/// One session's claims, borrowed from the token they were read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claims<'a> {
    /// Random; stays the same through every renewal of the session.
    pub(crate) id: [u8; 12],
    /// Unix seconds at which the session began.
    pub(crate) started: u64,
    /// Seconds from `started` to this token's issue.
    pub(crate) issued: u64,
    /// Seconds from this token's issue to its end; never 0.
    pub(crate) expires: u64,
    /// Seconds from `started` to the end of the whole session.
    pub(crate) ends: u64,
    /// 0 for the first token of a session, one more at every renewal.
    pub(crate) revision: u32,
    /// Who the session belongs to: 1 to 255 bytes.
    pub(crate) subject: Option<&'a str>,
    /// The application's own data: the raw rest of the bytes, one or more, not decoded.
    pub(crate) state: &'a [u8],
}

impl<'a> Claims<'a> {
    /// Reads claims; whatever this accepts encodes to the same bytes again.
    ///
    /// # Errors
    ///
    /// Where the bytes are not exactly what §6 allows.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, ClaimsError> {
        let mut cursor = Cursor::new(bytes);
        if expect(&mut cursor, Major::Array)? != ITEMS {
            return Err(ClaimsError::ItemCount);
        }
        let claims = Self {
            id: read_id(&mut cursor)?,
            started: unsigned(&mut cursor)?,
            issued: unsigned(&mut cursor)?,
            expires: unsigned(&mut cursor)?,
            ends: unsigned(&mut cursor)?,
            revision: u32::try_from(unsigned(&mut cursor)?).map_err(|_| ClaimsError::Revision)?,
            subject: read_subject(&mut cursor)?,
            state: cursor.rest(),
        };
        claims.validate()?;
        Ok(claims)
    }

    /// Checks what the types do not hold already: the order of times, and lengths.
    ///
    /// # Errors
    ///
    /// Where a token with these claims would be refused.
    pub(crate) fn validate(&self) -> Result<(), ClaimsError> {
        if self.expires == 0 {
            return Err(ClaimsError::NeverValid);
        }
        let issued_at = self.started.checked_add(self.issued).ok_or(ClaimsError::Overflow)?;
        let expires_at = issued_at.checked_add(self.expires).ok_or(ClaimsError::Overflow)?;
        let ends_at = self.started.checked_add(self.ends).ok_or(ClaimsError::Overflow)?;
        if expires_at > ends_at {
            return Err(ClaimsError::OutlivesSession);
        }
        if ends_at >= TIME_LIMIT {
            return Err(ClaimsError::TimeLimit);
        }
        if self.subject.is_some_and(|subject| !SUBJECT_BYTES.contains(&subject.len())) {
            return Err(ClaimsError::SubjectLength);
        }
        if self.state.is_empty() {
            return Err(ClaimsError::NoState);
        }
        Ok(())
    }

    /// Unix seconds at which this token was issued.
    // These three sums cannot overflow once `validate` has passed; saturating is for the lint.
    pub(crate) fn issued_at(&self) -> u64 {
        self.started.saturating_add(self.issued)
    }

    /// Unix seconds at which this token ends.
    pub(crate) fn expires_at(&self) -> u64 {
        self.issued_at().saturating_add(self.expires)
    }

    /// Unix seconds at which the whole session ends, which no renewal passes.
    pub(crate) fn ends_at(&self) -> u64 {
        self.started.saturating_add(self.ends)
    }

    /// Appends the claims in their one encoding. Call [`validate`](Self::validate) first.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        write_short_head(out, Major::Array, ITEMS);
        write_short_head(out, Major::Bytes, ID_BYTES);
        out.extend_from_slice(&self.id);
        write_integers(out, [self.started, self.issued, self.expires]);
        write_integers(out, [self.ends, u64::from(self.revision)]);
        match self.subject {
            Some(subject) => {
                write_head(out, Major::Text, subject.len() as u64);
                out.extend_from_slice(subject.as_bytes());
            }
            None => write_short_head(out, Major::Simple, NULL),
        }
        out.extend_from_slice(self.state);
    }

    /// Bytes that [`encode_into`](Self::encode_into) appends at most.
    pub(crate) fn most_len(&self) -> usize {
        let subject = self.subject.map_or(0, str::len);
        MOST_BESIDE.saturating_add(subject).saturating_add(self.state.len())
    }
}

/// Shows ids and times; whose session it is and its state stay out of logs.
impl fmt::Debug for Claims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("id", &self.id)
            .field("started", &self.started)
            .field("issued", &self.issued)
            .field("expires", &self.expires)
            .field("ends", &self.ends)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Why bytes or values are not the claims of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimsError {
    /// Not well-formed CBOR of definite length, or text that is not UTF-8.
    Cbor(CborError),
    /// An item of another type than the table's; a tag is one of those.
    Type,
    /// An integer or a length that could have been shorter.
    NotShortest,
    /// Not eight items.
    ItemCount,
    /// An id that is not 12 bytes.
    IdLength,
    /// A revision of 2^32 or above.
    Revision,
    /// A subject of no bytes or more than 255.
    SubjectLength,
    /// A token that ends when it is issued.
    NeverValid,
    /// A token that ends after its session.
    OutlivesSession,
    /// A session that ends at 2^40 or later.
    TimeLimit,
    /// A sum of times that does not fit 64 bits.
    Overflow,
    /// No state.
    NoState,
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cbor(CborError::End) => "claims end inside an item",
            Self::Cbor(CborError::Reserved) => "claims use a reserved encoding",
            Self::Cbor(CborError::Indefinite) => "claims use an indefinite length",
            Self::Cbor(CborError::Utf8) => "subject is not utf-8",
            Self::Type => "a claim has another type than its own",
            Self::NotShortest => "a claim is not in its shortest form",
            Self::ItemCount => "claims are not eight items",
            Self::IdLength => "id is not 12 bytes",
            Self::Revision => "revision is not below 2^32",
            Self::SubjectLength => "subject is not 1 to 255 bytes",
            Self::NeverValid => "expires is 0",
            Self::OutlivesSession => "token ends after its session",
            Self::TimeLimit => "session ends at 2^40 or later",
            Self::Overflow => "times overflow",
            Self::NoState => "state is empty",
        })
    }
}

impl std::error::Error for ClaimsError {}

impl From<CborError> for ClaimsError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

#[inline(always)]
fn read_id(cursor: &mut Cursor<'_>) -> Result<[u8; 12], ClaimsError> {
    let length = expect(cursor, Major::Bytes)?;
    if length != ID_BYTES {
        return Err(ClaimsError::IdLength);
    }
    <[u8; 12]>::try_from(cursor.bytes(length)?).map_err(|_| ClaimsError::IdLength)
}

#[inline(always)]
fn read_subject<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a str>, ClaimsError> {
    match cursor.head() {
        Ok(Head { major: Major::Simple, argument: NULL, width: 0 }) => Ok(None),
        Ok(Head { major: Major::Text, argument, .. }) if argument > MAX_SUBJECT => {
            Err(ClaimsError::SubjectLength)
        }
        Ok(head) if head.major == Major::Text && head.is_shortest() => {
            cursor.text(head.argument).map(Some).map_err(ClaimsError::from)
        }
        Ok(Head { major: Major::Text, .. }) => Err(ClaimsError::NotShortest),
        Ok(_) => Err(ClaimsError::Type),
        Err(error) => Err(error.into()),
    }
}

#[inline(always)]
fn unsigned(cursor: &mut Cursor<'_>) -> Result<u64, ClaimsError> {
    match cursor.shortest_unsigned() {
        Some(value) => Ok(value),
        None => expect(cursor, Major::Unsigned),
    }
}

// Always: a head that comes back through memory costs more than reading it.
#[inline(always)]
fn expect(cursor: &mut Cursor<'_>, major: Major) -> Result<u64, ClaimsError> {
    match cursor.head() {
        Ok(head) if head.major == major && head.is_shortest() => Ok(head.argument),
        Ok(head) => {
            Err(if head.major == major { ClaimsError::NotShortest } else { ClaimsError::Type })
        }
        Err(error) => Err(error.into()),
    }
}

const ITEMS: u64 = 8;
const ID_BYTES: u64 = 12;
const MAX_SUBJECT: u64 = 255;
const SUBJECT_BYTES: std::ops::RangeInclusive<usize> = 1..=MAX_SUBJECT as usize;
/// Bytes beside subject and state: the heads of the array and of the id, the id, four times, a revision, the subject's head.
const MOST_BESIDE: usize = 1 + 1 + 12 + 4 * 9 + 5 + 3;
/// Sums of times below this stay far from every integer type's end, in any language.
const TIME_LIMIT: u64 = 1 << 40;
/// The simple value `null`.
const NULL: u64 = 22;

#[cfg(test)]
mod tests;
