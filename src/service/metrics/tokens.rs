//! What becomes of tokens, and of those who ask for it.

use prometheus::{Error, IntCounter};

use super::families::{Counters, Families, Histograms, Label};
use crate::token::format::Protection;
use crate::token::reason::Reason;
use crate::tokens::IssueError;

/// Tokens made, looked at and refused; callers refused.
pub(in crate::service) struct TokenMetrics {
    issued: Counters<Protection>,
    renewed: Counters<Protection>,
    not_issued: Counters<NotIssued>,
    verified: Counters<Verdict>,
    sizes: Histograms<Made>,
    callers_refused: Counters<CallerRefused>,
    callers_ending: IntCounter,
}

/// What became of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Verdict {
    Active,
    Refused(Reason),
    /// Authentic, with a state that does not decode.
    BadState,
    /// Good, and at its end: nothing may follow it.
    NotRenewable,
}

/// Why a caller was not served.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum CallerRefused {
    NoCredential,
    Credential(Reason),
    Role,
    Audience,
}

/// Issued anew, or renewed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Made {
    Issued,
    Renewed,
}

/// Why a token was not made.
#[derive(Clone, Copy, PartialEq, Eq)]
struct NotIssued(&'static str);

impl TokenMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        Ok(Self {
            issued: family.counters(
                "saddlebag_tokens_issued_total",
                "Sessions begun, by the protection of their token.",
            )?,
            renewed: family.counters(
                "saddlebag_tokens_renewed_total",
                "Tokens renewed, by their protection.",
            )?,
            not_issued: family.counters(
                "saddlebag_tokens_not_issued_total",
                "Tokens that were asked for and not made, by the reason.",
            )?,
            verified: family.counters(
                "saddlebag_tokens_verified_total",
                "Tokens looked at, by what became of them and why they were refused.",
            )?,
            sizes: family.histograms(
                "saddlebag_token_size_bytes",
                "Lengths of the tokens made; a character is a byte.",
                &SIZES,
            )?,
            callers_refused: family.counters(
                "saddlebag_callers_refused_total",
                "Requests refused for who sent them: no credential, a bad one, a role or an audience that it lacks.",
            )?,
            callers_ending: family.register(IntCounter::new(
                "saddlebag_callers_ending_total",
                "Requests whose caller's credential ends within 3 days.",
            ))?,
        })
    }

    pub(in crate::service) fn made(&self, made: Made, protection: Protection, token: &str) {
        match made {
            Made::Issued => self.issued.inc(protection),
            Made::Renewed => self.renewed.inc(protection),
        }
        // At most 65,536: exact in a binary64.
        #[allow(clippy::cast_precision_loss)]
        self.sizes.observe(made, token.len() as f64);
    }

    pub(in crate::service) fn not_made(&self, error: &IssueError) {
        self.not_issued.inc(NotIssued::of(error));
    }

    pub(in crate::service) fn verified(&self, verdict: Verdict) {
        self.verified.inc(verdict);
    }

    pub(in crate::service) fn caller_refused(&self, refused: CallerRefused) {
        self.callers_refused.inc(refused);
    }

    pub(in crate::service) fn caller_ending(&self) {
        self.callers_ending.inc();
    }
}

impl NotIssued {
    fn of(error: &IssueError) -> Self {
        Self(match error {
            IssueError::NoRing => "no_ring",
            IssueError::Stale { .. } => "stale",
            IssueError::Clock { .. } => "clock",
            IssueError::Lifetime { .. } => "lifetime",
            IssueError::TooLong { .. } => "too_long",
            IssueError::State(_) => "state",
            IssueError::Subject { .. } => "subject",
            IssueError::JwtNotConfigured | IssueError::JwtBinding | IssueError::JwtBytes => "jwt",
            IssueError::Randomness(_) => "internal",
        })
    }
}

impl Label for NotIssued {
    const NAMES: &'static [&'static str] = &["reason"];

    fn all() -> Vec<Self> {
        let all = [
            "no_ring", "stale", "clock", "lifetime", "too_long", "state", "subject", "jwt",
            "internal",
        ];
        all.map(Self).into()
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0]
    }
}

impl Label for Protection {
    const NAMES: &'static [&'static str] = &["protection"];

    fn all() -> Vec<Self> {
        vec![Self::Signed, Self::Sealed, Self::Jwt]
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Signed => "signed",
            Self::Sealed => "sealed",
            Self::Jwt => "jwt",
        }]
    }
}

impl Label for Made {
    const NAMES: &'static [&'static str] = &["operation"];

    fn all() -> Vec<Self> {
        vec![Self::Issued, Self::Renewed]
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Issued => "issue",
            Self::Renewed => "renew",
        }]
    }
}

impl Label for Verdict {
    const NAMES: &'static [&'static str] = &["outcome", "reason"];

    fn all() -> Vec<Self> {
        // Without a ring there is no answer to a token, and so no verdict.
        let reasons = Reason::ALL.into_iter().filter(|reason| *reason != Reason::NoRing);
        let others = [Self::Active, Self::BadState, Self::NotRenewable];
        reasons.map(Self::Refused).chain(others).collect()
    }

    fn values(self) -> Vec<&'static str> {
        match self {
            Self::Active => vec!["active", "none"],
            Self::Refused(reason) => vec!["refused", reason.code()],
            Self::BadState => vec!["refused", "bad_state"],
            Self::NotRenewable => vec!["refused", "not_renewable"],
        }
    }
}

impl Label for CallerRefused {
    const NAMES: &'static [&'static str] = &["reason"];

    fn all() -> Vec<Self> {
        let reasons = Reason::ALL.into_iter().map(Self::Credential);
        reasons.chain([Self::NoCredential, Self::Role, Self::Audience]).collect()
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::NoCredential => "missing",
            Self::Credential(reason) => reason.code(),
            Self::Role => "role",
            Self::Audience => "audience",
        }]
    }
}

const SIZES: [f64; 9] =
    [128.0, 256.0, 512.0, 1_024.0, 1_536.0, 2_048.0, 3_072.0, 4_096.0, 16_384.0];
