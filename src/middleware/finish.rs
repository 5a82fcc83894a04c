//! The end of a request: what became of its session goes into the answer.

use std::sync::atomic::Ordering;

use http::header::{CACHE_CONTROL, Entry, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::event::SessionEvent;
use super::slot::{Change, Fate, Slot};
use crate::carrier::{Carrier, TooLarge};
use crate::session::Verified;
use crate::tokens::{IssueError, Issued, RenewError, Renewal};

/// The answer with its session; or a 500, where the session cannot be carried.
pub(super) fn finish<R: Default>(slot: &Slot, mut response: Response<R>) -> Response<R> {
    let failed = response.status().is_server_error();
    let headers = response.headers_mut();
    let written = match slot.fate() {
        Fate::Destroyed(last) => {
            destroy(slot, last.as_deref(), headers);
            Ok(())
        }
        // What a handler that failed has changed is as far as it got.
        _ if failed => Ok(()),
        Fate::Changed(change) => changed(slot, *change, headers),
        Fate::Kept => {
            kept(slot, headers);
            Ok(())
        }
    };
    if written.is_err() {
        return failure(StatusCode::INTERNAL_SERVER_ERROR);
    }
    if slot.was_asked() {
        vary(slot, headers);
    }
    if slot.was_handed_out() {
        keep_out_of_caches(headers);
    }
    response
}

/// An answer without a body, which no cache keeps.
pub(super) fn failure<R: Default>(status: StatusCode) -> Response<R> {
    let mut response = Response::new(R::default());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The session could not be carried: the answer is a 500.
struct Failed;

fn changed(slot: &Slot, change: Change, headers: &mut HeaderMap) -> Result<(), Failed> {
    let Change { new, base, issued, difference } = change;
    let Some(carrier) = carrier(slot, new) else {
        // Handed out is what the application asked for; what came after it, and all where nothing was, is lost.
        if difference.is_some() {
            tracing::warn!(
                "a session changed that came by a carrier which no answer can use: the change is lost"
            );
            slot.tell(SessionEvent::NotCarried);
        }
        return Ok(());
    };
    let issued = match difference {
        None => issued.ok_or(Failed)?,
        Some(difference) => match slot.issue(base.as_deref(), difference) {
            Ok(issued) => issued,
            Err(RenewError::Ended { ends_at }) => {
                tracing::info!(%ends_at, "a session changed that has ended: the change is lost");
                slot.tell(SessionEvent::NotRenewed);
                return Ok(());
            }
            // Its key was revoked, or it expired, while the handler ran: an answer is owed, and the session is over.
            Err(RenewError::Refused(refused)) => {
                tracing::info!(%refused, "a session changed that is no longer good: the change is lost");
                slot.tell(SessionEvent::NotRenewed);
                return Ok(());
            }
            Err(error) => return Err(not_issued(slot, &error)),
        },
    };
    write(slot, carrier, &issued, new, headers)?;
    // Somebody's session became another's, or one with other rights: an answer that is still under way must not bring
    // the old one back. One that was nobody's gives no rights, and its cart may be wanted.
    let came = slot.came.as_ref().map(|came| &*came.verified);
    let left = came.filter(|came| came.subject().is_some() && came.info().id != issued.info.id);
    bury(slot, left.into_iter(), headers);
    Ok(())
}

/// A session in use is renewed when that is due; if it cannot be, it is good until it ends.
fn kept(slot: &Slot, headers: &mut HeaderMap) {
    let Some(came) = &slot.came else {
        if slot.broken {
            slot.config
                .carriers
                .iter()
                .for_each(|carrier| carrier.clear(slot.cookies.as_slice(), headers));
        }
        return;
    };
    let now = slot.config.now();
    let Some(carrier) =
        carrier(slot, false).filter(|_| slot.tokens().renewal_is_due_at(&came.verified, now))
    else {
        return;
    };
    let renewed = slot.tokens().renew_at(&came.verified, Renewal::keep(), now);
    let written = renewed
        .map_err(|error| tracing::debug!(%error, "not renewed"))
        .and_then(|issued| write(slot, carrier, &issued, false, headers).map_err(|Failed| ()));
    if written.is_err() {
        slot.tell(SessionEvent::NotRenewed);
    }
}

/// Clears every carrier, and leaves a mark for answers that are still under way.
fn destroy(slot: &Slot, last: Option<&Verified>, headers: &mut HeaderMap) {
    slot.config.carriers.iter().for_each(|carrier| carrier.clear(slot.cookies.as_slice(), headers));
    let came = slot.came.as_ref().map(|came| &*came.verified);
    bury(slot, came.into_iter().chain(last), headers);
    keep_out_of_caches(headers);
    slot.tell(SessionEvent::Destroyed);
}

/// Marks sessions as ended, in every cookie that may come back with one.
fn bury<'a>(slot: &Slot, ended: impl Iterator<Item = &'a Verified>, headers: &mut HeaderMap) {
    let mut ids: Vec<String> = Vec::new();
    let mut lifetime = 0;
    for session in ended {
        let info = session.info();
        let id = info.id.to_string();
        // No renewal makes a token of a session that lives longer.
        lifetime = lifetime.max(info.expires_at.since(info.issued_at));
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return;
    }
    for cookie in slot.config.carriers.iter().filter_map(Carrier::as_cookie) {
        cookie.bury(&ids, lifetime, slot.cookies.as_slice(), headers);
    }
}

/// Where a token goes: back to where one came from; a new one, to the first carrier that an answer can use.
///
/// A token that came in an address is never put into a cookie: a link would then sign its reader in.
fn carrier(slot: &Slot, new: bool) -> Option<&Carrier> {
    let carriers = &slot.config.carriers;
    match &slot.came {
        Some(came) if !new => carriers.get(came.carrier).filter(|carrier| carrier.answers()),
        _ => carriers.iter().find(|carrier| carrier.answers()),
    }
}

fn write(
    slot: &Slot,
    carrier: &Carrier,
    issued: &Issued,
    is_new: bool,
    headers: &mut HeaderMap,
) -> Result<(), Failed> {
    let length = issued.token.len();
    if length > LONG && !slot.config.warned.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            length,
            "a session's token has more than {LONG} characters, which every request carries; said once"
        );
    }
    let seconds = issued.info.expires_at.since(slot.config.now());
    if let Err(TooLarge { length, most }) =
        carrier.write(&issued.token, seconds, slot.cookies.as_slice(), headers)
    {
        tracing::error!(length, most, "a session is too large for its carrier: bytes with names");
        slot.tell(SessionEvent::TooLarge { length, most });
        return Err(Failed);
    }
    slot.tell(match is_new {
        true => SessionEvent::Issued { length },
        false => SessionEvent::Renewed { length },
    });
    vary(slot, headers);
    keep_out_of_caches(headers);
    Ok(())
}

fn not_issued(slot: &Slot, error: &RenewError) -> Failed {
    tracing::error!(%error, "a changed session could not be issued");
    slot.tell(match error {
        RenewError::Issue(IssueError::TooLong { length, limit, .. }) => {
            SessionEvent::TooLarge { length: *length, most: *limit }
        }
        _ => SessionEvent::NotIssued,
    });
    Failed
}

/// The answer depends on what the carriers held (RFC 9110, section 12.5.5).
fn vary(slot: &Slot, headers: &mut HeaderMap) {
    for name in slot.config.carriers.iter().filter_map(Carrier::varies_by) {
        match headers.entry(VARY) {
            Entry::Vacant(vary) => {
                vary.insert(name.into());
            }
            Entry::Occupied(mut vary) => {
                let is_it =
                    |listed: &str| listed == "*" || listed.eq_ignore_ascii_case(name.as_str());
                if !lists(vary.iter(), is_it) {
                    vary.append(name.into());
                }
            }
        }
    }
}

/// An answer with a token in it is one reader's, and out of date at once.
fn keep_out_of_caches(headers: &mut HeaderMap) {
    let is_kept_out = |directive: &str| {
        ["no-store", "private"].iter().any(|private| directive.eq_ignore_ascii_case(private))
    };
    if !lists(headers.get_all(CACHE_CONTROL).into_iter(), is_kept_out) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn lists<'a>(values: impl Iterator<Item = &'a HeaderValue>, is_it: impl Fn(&str) -> bool) -> bool {
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| is_it(item.trim()))
}

/// Characters of a token that are worth a warning: it is sent with every request.
const LONG: usize = 2_048;
