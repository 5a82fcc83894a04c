//! A store of tower-sessions in memcached, which has none of its own: records as JSON, as Redis' store would as
//! MessagePack.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_memcached::{AsciiProtocol, Client};
use async_trait::async_trait;
use axum::Router;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::node::Options;

pub fn served(options: &Options) -> Router {
    let address = format!("tcp://{}", options.store.as_ref().expect("--store"));
    super::stores::served(Memcached { address: address.into(), idle: Arc::default() }, options)
}

#[derive(Clone)]
struct Memcached {
    address: Arc<str>,
    /// Connections that nobody uses; one that broke never comes back.
    idle: Arc<Mutex<Vec<Client>>>,
}

impl Memcached {
    async fn take(&self) -> Result<Client> {
        let idle = self.idle.lock().expect("no panic").pop();
        match idle {
            Some(client) => Ok(client),
            None => Client::new(&self.address).await.map_err(failed),
        }
    }

    /// Keeps the connection of an answer; where there was none, no other is trusted either.
    fn answered<T>(
        &self,
        client: Client,
        answer: std::result::Result<T, async_memcached::Error>,
    ) -> Result<T> {
        let mut idle = self.idle.lock().expect("no panic");
        match &answer {
            Ok(_) => idle.push(client),
            Err(_) => idle.clear(),
        }
        answer.map_err(failed)
    }
}

#[async_trait]
impl SessionStore for Memcached {
    async fn create(&self, record: &mut Record) -> Result<()> {
        self.save(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let value = serde_json::to_vec(record).map_err(|error| Error::Encode(error.to_string()))?;
        let seconds = (record.expiry_date - OffsetDateTime::now_utc()).whole_seconds().max(1);
        let mut client = self.take().await?;
        let answer = client.set(record.id.to_string(), value.as_slice(), Some(seconds), None).await;
        self.answered(client, answer)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let mut client = self.take().await?;
        let answer = client.get(id.to_string()).await;
        let value = self.answered(client, answer)?.and_then(|value| value.data);
        let record = value.map(|value| serde_json::from_slice::<Record>(&value)).transpose();
        Ok(record
            .map_err(|error| Error::Decode(error.to_string()))?
            .filter(|record| record.expiry_date > OffsetDateTime::now_utc()))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut client = self.take().await?;
        let answer = client.delete(id.to_string()).await;
        self.answered(client, answer)
    }
}

fn failed(error: async_memcached::Error) -> Error {
    Error::Backend(error.to_string())
}

impl fmt::Debug for Memcached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memcached").field("address", &self.address).finish_non_exhaustive()
    }
}
