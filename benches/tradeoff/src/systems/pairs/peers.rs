//! The other nodes, and the calls to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Kept;

/// A node that has not answered for so long is gone.
const PATIENCE: Duration = Duration::from_millis(300);

pub struct Peers {
    file: PathBuf,
    known: Mutex<Known>,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Default)]
struct Known {
    /// When the file last changed.
    at: Option<SystemTime>,
    addresses: BTreeMap<u8, String>,
}

/// The node does not answer.
pub struct Gone;

impl Peers {
    pub fn new(file: PathBuf) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { file, known: Mutex::default(), client }
    }

    /// Every node, this one too.
    pub fn numbers(&self) -> Vec<u8> {
        self.addresses(|addresses| addresses.keys().copied().collect())
    }

    /// A session of a node's, where it has it.
    pub async fn get(&self, node: u8, name: &str) -> Result<Option<Kept>, Gone> {
        let (status, body) =
            self.call(node, "GET", &format!("/pairs/{name}"), Bytes::new()).await?;
        if status != StatusCode::OK {
            return Ok(None);
        }
        serde_json::from_slice(&body).map(Some).map_err(|_| Gone)
    }

    /// Gives a node a session, and says whether it has it.
    pub async fn put(&self, node: u8, name: &str, kept: &Kept) -> bool {
        let body = serde_json::to_vec(kept).expect("a session");
        let called = self.call(node, "PUT", &format!("/pairs/{name}"), body.into()).await;
        matches!(called, Ok((StatusCode::OK, _)))
    }

    /// What a node keeps for another.
    pub async fn all_of(&self, node: u8, holder: u8) -> Vec<(String, Kept)> {
        match self.call(node, "GET", &format!("/pairs?holder={holder}"), Bytes::new()).await {
            Ok((StatusCode::OK, body)) => serde_json::from_slice(&body).expect("sessions"),
            _ => Vec::new(),
        }
    }

    async fn call(
        &self,
        node: u8,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Gone> {
        let address = self.addresses(|addresses| addresses.get(&node).cloned()).ok_or(Gone)?;
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .expect("a request");
        let answered = async {
            let answer = self.client.request(request).await.map_err(|_| Gone)?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|_| Gone)?.to_bytes();
            Ok((status, body))
        };
        tokio::time::timeout(PATIENCE, answered).await.map_err(|_| Gone)?
    }

    fn addresses<T>(&self, read: impl FnOnce(&BTreeMap<u8, String>) -> T) -> T {
        let mut known = self.known.lock().expect("no panic");
        let at = std::fs::metadata(&self.file).and_then(|file| file.modified()).ok();
        if known.at != at {
            let text = std::fs::read_to_string(&self.file).unwrap_or_default();
            let lines = text.lines().filter_map(|line| line.split_once(' '));
            known.addresses = lines
                .filter_map(|(node, address)| Some((node.parse().ok()?, address.to_owned())))
                .collect();
            known.at = at;
        }
        read(&known.addresses)
    }
}
