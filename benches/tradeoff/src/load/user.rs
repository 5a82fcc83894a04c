//! One user: a jar, and what the counter must be.

use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use hyper::{Request, StatusCode};

use super::Options;
use super::outcome::Seen;
use super::wire::{Answer, Body, Wire};
use crate::node::HEADER;
use crate::state::FIRST;

/// Bytes of name and value that browsers take (RFC 6265bis, section 5.5).
const LONGEST_COOKIE: usize = 4_096;

pub struct User {
    options: Options,
    /// Names and values.
    jar: Vec<(String, String)>,
    token: Option<HeaderValue>,
    refused: Option<usize>,
    logged_in: bool,
    counter: u32,
    /// A change was not answered: it may have been made.
    unsure: bool,
    asked: usize,
}

impl User {
    pub fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            jar: Vec::new(),
            token: None,
            refused: None,
            logged_in: false,
            counter: FIRST,
            unsure: false,
            asked: 0,
        }
    }

    /// Logs in and asks once, so that it is known whether the session is carried.
    pub async fn begin(&mut self, wire: &mut Wire) -> Result<(), String> {
        self.log_in(wire).await?;
        if let Some(bytes) = self.refused {
            return Err(format!("a cookie of {bytes} bytes, which no browser keeps"));
        }
        // Read, changed, and read again.
        for path in ["/", "/change", "/"] {
            match self.request(wire, path, true).await {
                Seen::Right => {}
                Seen::Lost => return Err("the session does not come back".to_owned()),
                Seen::Wrong => return Err("the session comes back with another counter".to_owned()),
                Seen::Failed(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// The next request of this user.
    pub async fn ask(&mut self, wire: &mut Wire) -> Seen {
        if !self.logged_in
            && let Err(why) = self.log_in(wire).await
        {
            return Seen::Failed(why);
        }
        self.asked += 1;
        if !self.asked.is_multiple_of(self.options.one_of) {
            return self.request(wire, "/plain", !self.options.header).await;
        }
        let needed = self.asked / self.options.one_of;
        // One of all requests, not of those that need the session.
        let every = (self.options.change / self.options.one_of).max(1);
        let path =
            if self.options.change > 0 && needed.is_multiple_of(every) { "/change" } else { "/" };
        self.request(wire, path, true).await
    }

    async fn log_in(&mut self, wire: &mut Wire) -> Result<(), String> {
        let request = self.prepared(&format!("/login/{}", self.options.bytes), false);
        let answer = wire.send(request).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("login: {}", answer.status.as_u16()));
        }
        self.jar.clear();
        self.token = None;
        self.keep(&answer.headers);
        (self.logged_in, self.counter, self.unsure) = (true, FIRST, false);
        Ok(())
    }

    async fn request(&mut self, wire: &mut Wire, path: &str, with_session: bool) -> Seen {
        let change = path == "/change";
        let request = self.prepared(path, with_session);
        let Answer { status, headers, body } = match wire.send(request).await {
            Ok(answer) => answer,
            Err(why) => {
                self.unsure |= change;
                return Seen::Failed(why);
            }
        };
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                self.logged_in = false;
                return Seen::Lost;
            }
            other => {
                self.unsure |= change;
                return Seen::Failed(other.as_u16().to_string());
            }
        }
        self.keep(&headers);
        if path == "/plain" {
            return Seen::Right;
        }
        let Some(told) =
            body.get(..7).and_then(|text| std::str::from_utf8(text).ok()?.parse::<u32>().ok())
        else {
            return Seen::Wrong;
        };
        let expected = self.counter + u32::from(change);
        let right = told == expected || (self.unsure && told == expected + 1);
        (self.counter, self.unsure) = (told, false);
        if right { Seen::Right } else { Seen::Wrong }
    }

    fn prepared(&self, path: &str, with_session: bool) -> Request<Body> {
        let scheme = if self.options.http2 { "http://lab.test" } else { "" };
        let mut request =
            Request::get(format!("{scheme}{path}")).body(Body::new()).expect("a request");
        let headers = request.headers_mut();
        if !self.options.http2 {
            headers.insert("host", HeaderValue::from_static("lab.test"));
        }
        if !self.jar.is_empty() {
            let cookies: Vec<String> =
                self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(COOKIE, cookies.join("; ").parse().expect("a cookie"));
        }
        if let Some(token) = self.token.as_ref().filter(|_| with_session) {
            headers.insert(HeaderName::from_static(HEADER), token.clone());
        }
        request
    }

    /// Takes what an answer says of the session, as a browser or a client of the API does.
    fn keep(&mut self, headers: &HeaderMap) {
        if let Some(token) = headers.get(HEADER) {
            self.token = Some(token.clone());
        }
        for said in headers.get_all(SET_COOKIE) {
            let Some(cookie) = said.to_str().ok().and_then(|text| cookie::Cookie::parse(text).ok())
            else {
                continue;
            };
            let (name, value) = cookie.name_value();
            if name.len() + value.len() > LONGEST_COOKIE {
                self.refused = Some(name.len() + value.len());
                continue;
            }
            self.jar.retain(|(kept, _)| kept != name);
            if cookie.max_age().is_none_or(|age| age.is_positive()) {
                self.jar.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}
