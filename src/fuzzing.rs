//! The program for fuzz targets: thin functions over what is private, compiled under `cfg(fuzzing)` alone.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use saddlebag_keys::{KeyRingHandle, UnixTime};

use crate::credential::{Caller, Credentials, Role};
use crate::service::{Application, Limits, Service, Settings};
use crate::session::RawState;
use crate::tokens::{NewSession, Tokens};

/// The service's API without a listener.
#[allow(missing_debug_implementations)]
pub struct Api {
    application: Application,
    runtime: tokio::runtime::Runtime,
}

/// An answer: its status, its headers in their order, and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Api {
    /// The API over tokens of the default audience, whose ring checks callers too.
    ///
    /// # Panics
    ///
    /// Where there is no service over such a ring.
    #[allow(clippy::expect_used)]
    pub fn new(tokens: Tokens) -> Self {
        let settings = Settings {
            limits: Limits::DEFAULT,
            local_users: Vec::new(),
            tls: None,
            gateway: None,
            sidecar: None,
            request_log: false,
            traced: false,
            rotates: false,
        };
        let service = Service::new(tokens, None, settings);
        let service = Arc::new(service.expect("a service"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        Self { application: Application::api(&service), runtime: runtime.expect("a runtime") }
    }

    /// Answers one request; `None` where no HTTP server would hand such a request on.
    pub fn post(&self, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Answer> {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).ok()?;
        self.runtime.block_on(async move {
            let response = self.application.answer_alone(request).await;
            let (head, body) = response.into_parts();
            let body = body.collect().await.ok()?.to_bytes().to_vec();
            let headers = head.headers.iter();
            let headers = headers
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect();
            Some(Answer { status: head.status.as_u16(), headers, body })
        })
    }
}

/// A credential that says what `state` says, whether or not anybody would issue it.
pub fn credential(ring: KeyRingHandle, state: RawState, now: UnixTime) -> Option<String> {
    let tokens = Tokens::of_credentials(ring).ok()?;
    Some(tokens.issue_at(NewSession::raw(state), now).ok()?.token)
}

/// Who a credential is taken for: a name, roles, and audiences, where it lists some.
pub type Known = (String, Vec<String>, Option<Vec<String>>);

/// Who presents a credential, if it is good.
pub fn check(ring: KeyRingHandle, credential: &str, now: UnixTime) -> Option<Known> {
    let checked = Credentials::new(ring).ok()?.check(credential, now).ok()?;
    let Caller { name, roles, audiences } = checked.caller;
    Some((name, roles.iter().map(ToString::to_string).collect(), audiences))
}

/// The credential that the program makes for somebody with these roles.
pub fn issue(ring: KeyRingHandle, known: &Known, now: UnixTime) -> Option<String> {
    let (name, roles, audiences) = known.clone();
    let roles: Result<Vec<Role>, String> = roles.iter().map(|role| role.parse()).collect();
    let caller = Caller { name, roles: roles.ok()?, audiences };
    Some(Credentials::new(ring).ok()?.issue(&caller, None, now).ok()?.token)
}

/// What the program answers to arguments and standard input: its exit code, standard output, and standard
/// error. `serve` is not run: its answer is what would be in force.
pub fn run(arguments: &[&str], input: &[u8]) -> (u8, Vec<u8>, String) {
    crate::cli::fuzzing::run(arguments, input)
}
