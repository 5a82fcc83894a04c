//! How a request travels: to which hosts, how long, how much of an answer is read, which redirects are followed.

use std::fmt;

use reqwest::{Method, Url, redirect};
use zeroize::Zeroizing;

use super::settings::{InvalidVaultSettings, VaultSettings};
use super::tls;

/// Sends requests to the hosts of one Vault, and to no others.
pub(super) struct Http {
    client: reqwest::Client,
    hosts: Vec<Url>,
    /// Where the last answer came from: asked first.
    current: usize,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// No answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// No host took the request: nothing happened there.
    Unsent(String),
    /// It went out; what came of it is not known.
    Unanswered(String),
}

impl Lost {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Unsent(text) | Self::Unanswered(text) => text,
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Http {
    pub(super) fn new(settings: &VaultSettings) -> Result<Self, InvalidVaultSettings> {
        // All hosts together take no longer than one may: a look that outlasts the pause after it would be a node
        // that learns of keys too late.
        let hosts = u32::try_from(settings.hosts.len()).unwrap_or(u32::MAX);
        let timeout = settings.timeout.checked_div(hosts).unwrap_or(settings.timeout);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(settings)?)
            // It would carry the token along, to any host.
            .redirect(redirect::Policy::none())
            // A secret goes to the hosts that were named, by no way round.
            .no_proxy()
            .connect_timeout(timeout.min(CONNECT_TIMEOUT))
            .timeout(timeout)
            // A request a minute is not worth a connection that may have died meanwhile.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| InvalidVaultSettings::client(&error))?;
        Ok(Self { client, hosts: settings.hosts.clone(), current: 0 })
    }

    /// What requests are built for; the host is replaced where they are sent.
    pub(super) fn base(&self) -> &str {
        self.hosts.first().map_or("", Url::as_str)
    }

    /// Sends the request to the host that answered last, and to the others in turn while none takes it.
    pub(super) async fn send(
        &mut self,
        request: &::http::Request<Vec<u8>>,
    ) -> Result<Answer, Lost> {
        let mut refused = Vec::new();
        for turn in 0..self.hosts.len() {
            let index = self.current.wrapping_add(turn).checked_rem(self.hosts.len()).unwrap_or(0);
            let Some(host) = self.hosts.get(index) else { continue };
            match self.send_to(host, request).await {
                Err(Lost::Unsent(why)) => refused.push(why),
                // A sealed node's neighbours may be open.
                Ok(answer) if answer.status == SEALED && !self.was_last(turn) => {
                    refused.push(format!("{}: Vault is sealed", told(host)));
                }
                answered => {
                    self.current = index;
                    return answered;
                }
            }
        }
        Err(Lost::Unsent(refused.join("; ")))
    }

    fn was_last(&self, turn: usize) -> bool {
        turn.saturating_add(1) == self.hosts.len()
    }

    async fn send_to(
        &self,
        host: &Url,
        request: &::http::Request<Vec<u8>>,
    ) -> Result<Answer, Lost> {
        let mut url = host.clone();
        url.set_path(request.uri().path());
        url.set_query(request.uri().query());
        for _ in 0..=MOST_REDIRECTS {
            let method = Method::from_bytes(request.method().as_str().as_bytes());
            let method = method.map_err(|error| Lost::Unsent(error.to_string()))?;
            let sent = self
                .client
                .request(method, url.clone())
                .headers(request.headers().clone())
                .body(request.body().clone())
                .send()
                .await;
            let response = sent.map_err(|error| lost(&url, error))?;
            match self.redirect(&url, &response)? {
                Some(next) => url = next,
                None => return read(&url, response).await,
            }
        }
        Err(Lost::Unsent(format!("{}: more than {MOST_REDIRECTS} redirects", told(&url))))
    }

    /// Where an answer sends us: only to a host that was named, by the scheme that it was named with.
    fn redirect(&self, from: &Url, response: &reqwest::Response) -> Result<Option<Url>, Lost> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        // Vault redirects before it acts: nothing happened.
        let refused = |why: &str| Lost::Unsent(format!("{}: {why}", told(from)));
        let location = response.headers().get(reqwest::header::LOCATION);
        let next = location.and_then(|next| from.join(next.to_str().ok()?).ok());
        let next = next.ok_or_else(|| refused("a redirect to nowhere"))?;
        let named = |host: &Url| {
            (host.scheme(), host.host(), host.port_or_known_default())
                == (next.scheme(), next.host(), next.port_or_known_default())
        };
        if !self.hosts.iter().any(named) {
            let told = told(&next);
            return Err(refused(&format!(
                "a redirect to {told}, which is no host of this Vault as it was configured (SADDLEBAG_VAULT_ALSO)"
            )));
        }
        if next.path() != from.path() {
            return Err(refused("a redirect to another path"));
        }
        Ok(Some(next))
    }
}

/// Reads an answer, up to a size that no ring comes near.
async fn read(url: &Url, mut response: reqwest::Response) -> Result<Answer, Lost> {
    let status = response.status().as_u16();
    // At once as long as it gets: one that grows leaves pieces of a secret behind.
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok());
    let capacity = expected.unwrap_or(USUAL_ANSWER).min(LONGEST_ANSWER);
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(url, error))? {
        if body.len().saturating_add(chunk.len()) > LONGEST_ANSWER {
            return Err(Lost::Unanswered(format!(
                "{}: an answer of more than {LONGEST_ANSWER} bytes",
                told(url)
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

fn lost(url: &Url, error: reqwest::Error) -> Lost {
    match error.is_connect() || error.is_builder() {
        true => Lost::Unsent(cause(url, error)),
        false => unanswered(url, error),
    }
}

fn unanswered(url: &Url, error: reqwest::Error) -> Lost {
    Lost::Unanswered(cause(url, error))
}

/// The error to its root, which alone says what happened.
fn cause(url: &Url, error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("{}: no answer in time", told(url));
    }
    let error = error.without_url();
    let mut root: &dyn std::error::Error = &error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    format!("{}: {root}", told(url))
}

/// The host, without what is asked of it.
fn told(url: &Url) -> String {
    url.origin().ascii_serialization()
}

const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);
const MOST_REDIRECTS: u32 = 3;
/// A ring is at most 64 KiB; the metadata of a secret grows with the versions that Vault keeps of it.
const LONGEST_ANSWER: usize = 1024 * 1024;
const USUAL_ANSWER: usize = 128 * 1024;
const SEALED: u16 = 503;
