//! How a node is asked: to which host the credential goes, how long it may take, how much is read.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect};
use saddlebag_keys::UnixTime;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use zeroize::Zeroizing;

use super::file::{Address, Nodes};
use crate::cli::failure::Failure;
use crate::mask::without_tokens;

/// A node, and what it is asked with.
pub(super) struct Asker {
    address: Address,
    url: String,
    client: Client,
    credential: HeaderValue,
}

/// What a node says of its ring. A newer node may say more.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) generation: u64,
    pub(super) audience: Option<String>,
    pub(super) age: Option<u64>,
    pub(super) issuing: bool,
    pub(super) last_error: Option<String>,
    /// Older nodes say neither.
    digest: Option<String>,
    now: Option<String>,
}

/// What came of a question.
pub(super) type Answer = Result<Answered, Unanswered>;

/// Why a node told nothing of its ring.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// It refuses the credential.
    Credential,
    /// Anything else, as it is told.
    Otherwise(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential => f.write_str("refuses the credential (401)"),
            Self::Otherwise(why) => f.write_str(why),
        }
    }
}

impl From<String> for Unanswered {
    fn from(why: String) -> Self {
        Self::Otherwise(why)
    }
}

/// An answer, and what it tells of the node's clock.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) told: Told,
    pub(super) clock: Option<Offset>,
}

impl Told {
    pub(super) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

/// By how many seconds a clock is ahead of this one, and how many that may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) seconds: i64,
    pub(super) within: u64,
}

impl Offset {
    /// A clock that showed `theirs` some time between `sent` and `received`, by this one. All three are whole
    /// seconds, rounded down: what is left out is the second of uncertainty.
    fn measured(theirs: UnixTime, sent: UnixTime, received: UnixTime) -> Self {
        let took = received.since(sent);
        let half = took.checked_div(2).unwrap_or_default();
        let ours = sent.saturating_add(half);
        let ahead = i64::try_from(theirs.since(ours)).unwrap_or(i64::MAX);
        let behind = i64::try_from(ours.since(theirs)).unwrap_or(i64::MAX);
        let within = took.saturating_sub(half).saturating_add(1);
        Self { seconds: ahead.saturating_sub(behind), within }
    }
}

impl Asker {
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Asks once, when it is this node's turn.
    pub(super) async fn ask(&self, permits: &Semaphore) -> Answer {
        // The semaphore is never closed.
        let _permit = permits.acquire().await;
        let sent = UnixTime::now();
        let request = self.client.get(&self.url).header(AUTHORIZATION, self.credential.clone());
        let response = request.send().await.map_err(cause)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(Unanswered::Credential);
        }
        if let Some(refusal) = refusal(response.status()) {
            return Err(refusal.into());
        }
        let body = read(response).await?;
        let received = UnixTime::now();
        let mut told: Told = serde_json::from_slice(&body)
            .map_err(|_| "the answer is not that of a node".to_owned())?;
        told.name = shown(&told.name);
        told.last_error = told.last_error.as_deref().map(shown);
        let theirs = told.now.as_deref().and_then(|now| now.parse().ok());
        let clock = theirs.map(|theirs| Offset::measured(theirs, sent, received));
        Ok(Answered { told, clock })
    }
}

/// How many nodes are asked at a time.
pub(super) fn permits() -> Semaphore {
    Semaphore::new(MOST_AT_A_TIME)
}

/// A client for each node.
pub(super) fn askers(nodes: &Nodes) -> Result<Vec<Asker>, Failure> {
    let tls = tls(nodes.ca_file.as_deref())?;
    let bearer = Zeroizing::new(format!("Bearer {}", nodes.credential.as_str()));
    let credential = HeaderValue::from_str(&bearer).map(|mut value| {
        value.set_sensitive(true);
        value
    });
    let credential = credential.map_err(|_| {
        Failure::unavailable("credential_file holds no credential", "saddlebag credential issue")
    })?;
    let asker = |address: Address| {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            // It would carry the credential along, to a host that nobody listed.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1);
        let (client, origin) = match &address {
            Address::Http(url) => (client, url.origin().ascii_serialization()),
            Address::Unix(path) => {
                (client.unix_socket(path.clone()), "http://localhost".to_owned())
            }
        };
        let client = client.build().map_err(|error| unusable(&error))?;
        let url = format!("{origin}/v1/keys");
        Ok(Asker { address, url, client, credential: credential.clone() })
    };
    nodes.addresses.iter().cloned().map(asker).collect()
}

/// Those of the file are believed, or the machine's.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| {
                let error = format!("ca_file {}: {error}", path.display());
                Failure::usage(error, "it holds the authorities of the nodes' certificates, in PEM")
            };
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            let found: Vec<_> = read.map_err(|error| wrong(&error))?;
            if found.is_empty() {
                return Err(wrong(&"it holds no certificate"));
            }
            for certificate in found {
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| unusable(&error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn unusable(error: &dyn std::fmt::Display) -> Failure {
    Failure::unavailable(format!("nodes cannot be asked: {error}"), "report this, with the error")
}

fn refusal(status: StatusCode) -> Option<String> {
    let why = match status.as_u16() {
        200 => return None,
        300..=399 => "leads elsewhere, which is not followed",
        403 => "the credential lacks the role admin",
        503 => "has no ring, or no room",
        _ => "does not answer as a node",
    };
    Some(format!("{why} ({})", status.as_u16()))
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if body.len().saturating_add(chunk.len()) > LONGEST_ANSWER {
            return Err(format!("an answer of more than {LONGEST_ANSWER} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Text of a node's. One that repeats what it was sent does not bring it to a terminal, nor fill that.
fn shown(text: &str) -> String {
    let text = without_tokens(text);
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The error to its root, which alone says what happened.
fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let connect = error.is_connect();
    let error = error.without_url();
    let mut root: &dyn std::error::Error = &error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    let root = without_tokens(&root.to_string());
    if connect { format!("cannot be reached: {root}") } else { format!("no answer: {root}") }
}

const TIMEOUT: Duration = Duration::from_secs(5);
const MOST_AT_A_TIME: usize = 64;
/// 32 keys take about 8 KiB.
const LONGEST_ANSWER: usize = 256 * 1024;
/// Characters; a ring's name has 128 at most.
const LONGEST_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_node_is_short_and_repeats_no_token() {
        assert_eq!(shown(&"é".repeat(256)), "é".repeat(256));
        assert_eq!(shown(&"é".repeat(257)), format!("{}…", "é".repeat(256)));
        let echo = format!("{} sb1e{}", "a".repeat(250), "A-_9".repeat(30));
        assert!(!shown(&echo).contains("sb1e"), "{}", shown(&echo));
    }

    #[test]
    fn an_offset_is_from_halfway_between_question_and_answer() {
        let at = UnixTime::from_secs;
        for (theirs, sent, received, seconds, within) in [
            (100, 100, 100, 0, 1),
            (103, 100, 104, 1, 3),
            (101, 100, 103, 0, 3),
            (40, 100, 100, -60, 1),
            (400, 100, 101, 300, 2),
        ] {
            let offset = Offset::measured(at(theirs), at(sent), at(received));
            assert_eq!(offset, Offset { seconds, within }, "{theirs} {sent} {received}");
        }
    }
}
