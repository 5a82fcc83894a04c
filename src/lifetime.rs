//! How long sessions and their tokens live: pure decisions on times, in whole seconds.

use saddlebag_keys::{KeyState, Policy, UnixTime};

/// How long a new session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds until its token ends, unless it is renewed: the longest that it may lie idle. A request
    /// that comes before the [renewal](RenewalRule) is due extends nothing, so that a session may also
    /// end up to a quarter of this sooner.
    pub idle: u64,
    /// Seconds until it ends for good, which no renewal passes.
    pub absolute: u64,
}

impl Lifetime {
    /// 15 minutes idle, 24 hours in all (NIST SP 800-63B, AAL2).
    pub const DEFAULT: Self = Self { idle: 15 * MINUTE, absolute: DAY };
    /// "Remember me": 7 days idle, 30 days in all (AAL1).
    pub const REMEMBER_ME: Self = Self { idle: 7 * DAY, absolute: 30 * DAY };
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When the token of a session in use is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalRule {
    /// Due after this part of the token's `expires` has passed: one in so many.
    pub after_one_in: u64,
    /// But not before so many seconds, or half of `expires` where that is less.
    pub not_before: u64,
}

/// After a quarter, and at least a minute.
impl Default for RenewalRule {
    fn default() -> Self {
        Self { after_one_in: 4, not_before: MINUTE }
    }
}

/// A lifetime as somebody asked for it, or as it was left to the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Typed: refused where the policy does not allow it.
    Asked(u64),
    /// Not typed: shortened to the policy.
    Default(u64),
}

/// A lifetime that the policy, or reason, does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) what: &'static str,
    pub(crate) asked: u64,
    pub(crate) most: u64,
}

/// `expires` and `ends` of a new session, in seconds from now.
pub(crate) fn of_new(idle: Wish, absolute: Wish, policy: &Policy) -> Result<(u64, u64), Refused> {
    let idle = within("lifetime", idle, policy.max_token_lifetime)?;
    let absolute = within("session_lifetime", absolute, policy.max_session_lifetime)?;
    Ok((idle.min(absolute), absolute))
}

/// The longest that a child may live, in seconds.
pub(crate) fn of_child(lifetime: Wish, policy: &Policy) -> Result<u64, Refused> {
    within("lifetime", lifetime, policy.max_token_lifetime)
}

fn within(what: &'static str, wish: Wish, most: u64) -> Result<u64, Refused> {
    match wish {
        Wish::Asked(asked) if asked == 0 || asked > most => Err(Refused { what, asked, most }),
        Wish::Asked(asked) => Ok(asked),
        Wish::Default(usual) => Ok(usual.clamp(1, most.max(1))),
    }
}

/// The times of a token that decide on its renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) started: u64,
    pub(crate) issued_at: u64,
    pub(crate) expires: u64,
    pub(crate) ends_at: u64,
}

/// `issued` and `expires` of the token that renews one with these times; `None` where the session has
/// ended.
pub(crate) fn of_renewal(times: &Times, policy: &Policy, now: UnixTime) -> Option<(u64, u64)> {
    of_next(times, times.expires.min(policy.max_token_lifetime), now)
}

/// `issued` and `expires` of a token that follows one with these times in its session, where it may live so
/// many seconds; `None` where the session has ended.
pub(crate) fn of_next(times: &Times, lifetime: u64, now: UnixTime) -> Option<(u64, u64)> {
    if now.as_secs() >= times.ends_at {
        return None;
    }
    // A clock behind the issuer's must not make the next token begin before the one that it follows.
    let issued_at = now.as_secs().max(times.issued_at);
    let left = times.ends_at.checked_sub(issued_at).filter(|left| *left > 0)?;
    let issued = issued_at.checked_sub(times.started)?;
    Some((issued, lifetime.min(left)))
}

/// Whether a token with these times, under a key in this state, should be renewed when it is used.
pub(crate) fn renewal_is_due(
    times: &Times,
    key: KeyState,
    rule: &RenewalRule,
    now: UnixTime,
) -> bool {
    let expires_at = times.issued_at.saturating_add(times.expires);
    // A renewal could not end later, or not be had any more; and the active key here may be one that the
    // token's issuer has left behind already.
    let last = expires_at >= times.ends_at || now.as_secs() >= times.ends_at;
    if last || key == KeyState::Staged {
        return false;
    }
    let part = times.expires.checked_div(rule.after_one_in).unwrap_or(times.expires);
    let half = times.expires.checked_div(2).unwrap_or_default();
    let due_after = part.max(rule.not_before.min(half));
    key == KeyState::Draining || now.as_secs() >= times.issued_at.saturating_add(due_after)
}

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests;
