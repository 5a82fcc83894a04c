//! What is answered to who needs a session and has none.

use http::header::{ACCEPT, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Rules;

/// 401; for a browser that looks at a page the way to the login besides, by 302 where redirects are of use.
pub(crate) fn unauthenticated(
    rules: &Rules,
    asked: &HeaderMap,
    bearer: bool,
    redirect: bool,
) -> (StatusCode, HeaderMap) {
    let (mut status, mut headers) = (StatusCode::UNAUTHORIZED, HeaderMap::new());
    if bearer {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let login = rules.login().filter(|_| is_navigation(asked));
    // Checked when the rules were read.
    if let Some(login) = login.and_then(|login| HeaderValue::from_str(login).ok()) {
        headers.insert(LOCATION, login);
        if redirect {
            status = StatusCode::FOUND;
        }
    }
    (status, headers)
}

/// Whether somebody looks at a page who can be sent elsewhere, as far as the request tells.
fn is_navigation(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let accepts = text(&ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    text(&FETCH_MODE).map_or(accepts, |mode| mode == "navigate")
}

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
