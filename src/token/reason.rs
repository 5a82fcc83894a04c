//! Why a token is refused: a closed set with stable codes, for logs and metrics and nobody else.

/// The check that a token failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Longer than the verifier's limit.
    TooLong,
    /// Neither `sb1s` nor `sb1e`, nor a jwt.
    NotAToken,
    /// The right start, and then too short, not strict base64url, or a jwt of another shape.
    Malformed,
    /// A jwt, where none is accepted.
    JwtNotAccepted,
    /// No key of the ring has its key id.
    UnknownKey,
    /// Its key has drained.
    KeyRetired,
    /// Its key is revoked.
    KeyRevoked,
    /// Forged, changed, for another audience or with another binding: nobody can tell which.
    BadTag,
    /// Authentic, and its claims are not what the format allows.
    BadClaims,
    /// It has ended.
    Expired,
    /// It was issued in this verifier's future.
    NotYetValid,
    /// The verifier has no ring.
    NoRing,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::TooLong,
        Self::NotAToken,
        Self::Malformed,
        Self::JwtNotAccepted,
        Self::UnknownKey,
        Self::KeyRetired,
        Self::KeyRevoked,
        Self::BadTag,
        Self::BadClaims,
        Self::Expired,
        Self::NotYetValid,
        Self::NoRing,
    ];

    /// The code, which never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotAToken => "not_a_token",
            Self::Malformed => "malformed",
            Self::JwtNotAccepted => "jwt_not_accepted",
            Self::UnknownKey => "unknown_key",
            Self::KeyRetired => "key_retired",
            Self::KeyRevoked => "key_revoked",
            Self::BadTag => "bad_tag",
            Self::BadClaims => "bad_claims",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::NoRing => "no_ring",
        }
    }
}
