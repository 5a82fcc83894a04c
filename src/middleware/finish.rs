//! The end of a request: what became of its session goes into the answer.

use http::header::{CACHE_CONTROL, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::event::SessionEvent;
use super::slot::{Change, Fate, Slot};
use crate::carrier::{Carrier, TooLarge};
use crate::session::Verified;
use crate::size::{Heaviest, heaviest};
use crate::tokens::{IssueError, Issued, RenewError};

/// The answer with its session; or a 500, where the session cannot be carried.
pub(super) fn finish<R: Default>(slot: &Slot, mut response: Response<R>) -> Response<R> {
    let failed = response.status().is_server_error();
    let written = match slot.fate() {
        Fate::Destroyed(last) => {
            let end = destroy(slot, last.as_deref());
            Ends::add(end, &mut response);
            Ok(())
        }
        // What a handler that failed has changed is as far as it got.
        _ if failed => Ok(()),
        Fate::Changed(change) => changed(slot, *change, response.headers_mut()),
        Fate::Kept => {
            kept(slot, response.headers_mut());
            Ok(())
        }
    };
    if written.is_err() {
        return failed_after(response);
    }
    if slot.was_asked() {
        vary(slot, response.headers_mut());
    }
    if slot.was_handed_out() {
        keep_out_of_caches(response.headers_mut());
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

/// The same in place of an answer that ended sessions of layers further in: an end is an end.
fn failed_after<R: Default>(mut answer: Response<R>) -> Response<R> {
    let mut failure = failure(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(Ends(ends)) = answer.extensions_mut().remove() {
        Ends::add(ends, &mut failure);
    }
    failure
}

/// The headers by which an answer clears the carriers of sessions that ended, kept in its extensions for a layer further
/// out.
#[derive(Clone, Default)]
struct Ends(HeaderMap);

impl Ends {
    fn add<R>(end: HeaderMap, answer: &mut Response<R>) {
        let Self(all) = answer.extensions_mut().get_or_insert_default();
        for (name, value) in &end {
            all.append(name, value.clone());
        }
        let headers = answer.headers_mut();
        for (name, value) in &end {
            if name == SET_COOKIE {
                headers.append(name, value.clone());
            } else {
                headers.insert(name, value.clone());
            }
        }
        keep_out_of_caches(headers);
    }
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
    write(slot, carrier, &issued, new, headers)
        .map_err(|too_large| not_carried(slot, &issued, too_large))?;
    // Somebody's session became another's, or one with other rights: an answer that is still under way must not bring
    // the old one back. One that was nobody's gives no rights, and its cart may be wanted.
    let came = slot.came.as_ref().map(|came| &*came.verified);
    let left = came.filter(|came| came.subject().is_some() && came.info().id != issued.info.id);
    if let Some(left) = left {
        leave(slot, left, &issued, headers);
    }
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
            // Or a cache would clear the session of everybody whom it serves.
            vary(slot, headers);
            keep_out_of_caches(headers);
        }
        return;
    };
    let Some(carrier) = carrier(slot, false) else {
        return;
    };
    if let Some(issued) = slot.renewed(&came.verified)
        && let Err(too_large) = write(slot, carrier, &issued, false, headers)
    {
        slot.not_renewed(&too_large);
    }
}

/// Clears every carrier, and leaves a mark for answers that are still under way.
fn destroy(slot: &Slot, last: Option<&Verified>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let cookies = slot.cookies.as_slice();
    slot.config.carriers.iter().for_each(|carrier| carrier.clear(cookies, &mut headers));
    let came = slot.came.as_ref().map(|came| &*came.verified);
    bury(slot, came.into_iter().chain(last), &mut headers);
    slot.tell(SessionEvent::Destroyed);
    headers
}

/// Marks sessions as ended, in every cookie that may come back with one.
fn bury<'a>(slot: &Slot, ended: impl Iterator<Item = &'a Verified>, headers: &mut HeaderMap) {
    let mut ids: Vec<String> = Vec::new();
    let mut lifetime = 0;
    for session in ended {
        let id = session.info().id.to_string();
        lifetime = lifetime.max(life(session));
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

/// Marks a session as left for the one that was issued in its place, in the same way.
fn leave(slot: &Slot, left: &Verified, issued: &Issued, headers: &mut HeaderMap) {
    let [old, new] = [left.info().id, issued.info.id].map(|id| id.to_string());
    for cookie in slot.config.carriers.iter().filter_map(Carrier::as_cookie) {
        cookie.leave((&old, &new), life(left), slot.cookies.as_slice(), headers);
    }
}

/// Seconds that a token lives: no renewal makes one of its session that lives longer.
fn life(session: &Verified) -> u64 {
    let info = session.info();
    info.expires_at.since(info.issued_at)
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
) -> Result<(), TooLarge> {
    let length = issued.token.len();
    slot.warn_of_length(length);
    let seconds = issued.info.expires_at.since(slot.config.now());
    carrier.write(&issued.token, seconds, slot.cookies.as_slice(), headers)?;
    slot.tell(match is_new {
        true => SessionEvent::Issued { length },
        false => SessionEvent::Renewed { length },
    });
    vary(slot, headers);
    keep_out_of_caches(headers);
    Ok(())
}

fn not_carried(slot: &Slot, issued: &Issued, TooLarge { length, most }: TooLarge) -> Failed {
    let verified = slot.tokens().verify_at(&issued.token, slot.config.now());
    let heaviest = verified.map(|verified| heaviest(verified.state_cbor())).unwrap_or_default();
    tracing::error!(
        length,
        most,
        heaviest = %Heaviest(&heaviest),
        "a session is too large for its carrier: bytes with names"
    );
    slot.tell(SessionEvent::TooLarge { length, most });
    Failed
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
