//! Session clustering: each session on a master and a backup node, both named in its id, and handed over when nodes come
//! and go. **A model** of the design that Zend Server had, written for this laboratory: there is no such crate to measure.
//!
//! Any node answers. It asks the session's master, and the backup where the master is gone; a change is written to both
//! before it is answered. A node that is gone is replaced by one that lives, and the id changes. Nodes do not watch each
//! other: one that is gone is noticed by the request that needs it.

mod peers;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Path, Query, State as Shared};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::node::{NAME, NO_SESSION, NO_STORE, Options, Served, body};
use crate::state::State;
use peers::Peers;

/// A session, as a node keeps it and as nodes send it to each other.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    /// Master and backup.
    holders: [u8; 2],
    version: u64,
    /// Seconds since 1970.
    expires: u64,
    state: State,
}

/// What the cookie says: who has the session, and its name.
struct SessionId {
    holders: [u8; 2],
    name: String,
}

struct Node {
    me: u8,
    peers: Peers,
    lifetime: u64,
    kept: Mutex<HashMap<String, Kept>>,
}

pub async fn served(options: &Options) -> Served {
    let peers = Peers::new(options.peers.clone().expect("--peers"));
    let node = Node { me: options.me, peers, lifetime: options.lifetime, kept: Mutex::default() };
    let node = Arc::new(node);
    node.fetch_own().await;
    let router = Router::new()
        .route("/", get(read))
        .route("/change", get(change))
        .route("/login/{bytes}", get(login))
        .route("/fill/{sessions}/{bytes}", get(fill))
        .route("/pairs", get(all_of))
        .route("/pairs/{name}", get(give).put(take))
        .with_state(Arc::clone(&node));
    Served { router, leave: Some(Leave(node)) }
}

/// What a node does before it goes.
pub struct Leave(Arc<Node>);

impl Leave {
    /// Gives what it has to the other holder of each session, or to anybody where that one is gone.
    pub async fn hand_over(self) {
        let Self(node) = self;
        let kept: Vec<_> =
            node.kept().iter().map(|(name, kept)| (name.clone(), kept.clone())).collect();
        for (name, kept) in kept {
            let other = kept.holders.into_iter().find(|holder| *holder != node.me);
            let given = match other {
                Some(other) => node.peers.put(other, &name, &kept).await,
                None => false,
            };
            for peer in node.peers.numbers().into_iter().filter(|peer| !given && *peer != node.me) {
                if node.peers.put(peer, &name, &kept).await {
                    break;
                }
            }
        }
    }
}

type Changed = ([(HeaderName, String); 1], String);

async fn read(
    Shared(node): Shared<Arc<Node>>,
    headers: HeaderMap,
) -> Result<(HeaderMap, String), StatusCode> {
    let id = SessionId::of(&headers).ok_or(NO_SESSION)?;
    let kept = node.load(&id).await?.ok_or(NO_SESSION)?;
    let mut answer = HeaderMap::new();
    if kept.holders != id.holders {
        let cookie = node.cookie(kept.holders, &id.name);
        answer.insert(SET_COOKIE, cookie.parse().map_err(|_| NO_STORE)?);
    }
    Ok((answer, body(kept.state.n)))
}

async fn change(
    Shared(node): Shared<Arc<Node>>,
    headers: HeaderMap,
) -> Result<Changed, StatusCode> {
    let id = SessionId::of(&headers).ok_or(NO_SESSION)?;
    let mut kept = node.load(&id).await?.ok_or(NO_SESSION)?;
    kept.state.n += 1;
    let n = kept.state.n;
    let holders = node.save(&id.name, kept).await;
    Ok(([(SET_COOKIE, node.cookie(holders, &id.name))], body(n)))
}

async fn login(Shared(node): Shared<Arc<Node>>, Path(bytes): Path<usize>) -> Changed {
    let (name, holders, n) = node.begin(bytes).await;
    ([(SET_COOKIE, node.cookie(holders, &name))], body(n))
}

async fn fill(
    Shared(node): Shared<Arc<Node>>,
    Path((sessions, bytes)): Path<(usize, usize)>,
) -> String {
    for _ in 0..sessions {
        node.begin(bytes).await;
    }
    format!("{sessions}\n")
}

#[derive(Deserialize)]
struct Of {
    holder: u8,
}

/// The sessions that a node should have, for it to fetch when it comes.
async fn all_of(
    Shared(node): Shared<Arc<Node>>,
    Query(of): Query<Of>,
) -> Json<Vec<(String, Kept)>> {
    let kept = node.kept();
    let of = kept.iter().filter(|(_, kept)| kept.holders.contains(&of.holder));
    Json(of.map(|(name, kept)| (name.clone(), kept.clone())).collect())
}

async fn give(
    Shared(node): Shared<Arc<Node>>,
    Path(name): Path<String>,
) -> Result<Json<Kept>, StatusCode> {
    node.kept().get(&name).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn take(Shared(node): Shared<Arc<Node>>, Path(name): Path<String>, Json(kept): Json<Kept>) {
    node.keep(name, kept);
}

impl Node {
    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().expect("no panic")
    }

    /// Keeps a session, unless what is here is newer.
    fn keep(&self, name: String, kept: Kept) {
        let mut all = self.kept();
        if all.get(&name).is_none_or(|here| here.version <= kept.version) {
            all.insert(name, kept);
        }
    }

    /// What others kept for this node while it was away.
    async fn fetch_own(&self) {
        for peer in self.peers.numbers().into_iter().filter(|peer| *peer != self.me) {
            for (name, kept) in self.peers.all_of(peer, self.me).await {
                self.keep(name, kept);
            }
        }
    }

    async fn begin(&self, bytes: usize) -> (String, [u8; 2], u32) {
        let others: Vec<u8> =
            self.peers.numbers().into_iter().filter(|peer| *peer != self.me).collect();
        let backup =
            others.get(rand::random_range(0..others.len().max(1))).copied().unwrap_or(self.me);
        let name = format!("{:032x}", rand::random::<u128>());
        let state = State::of(bytes);
        let n = state.n;
        let kept = Kept { holders: [self.me, backup], version: 0, expires: 0, state };
        let holders = self.save(&name, kept).await;
        (name, holders, n)
    }

    /// The session, from its master or else from its backup. A holder that does not have it gets it again; one that is
    /// gone is replaced.
    async fn load(&self, id: &SessionId) -> Result<Option<Kept>, StatusCode> {
        let mut lacking = false;
        for holder in id.holders {
            let found = if holder == self.me {
                Ok(self.kept().get(&id.name).cloned())
            } else {
                self.peers.get(holder, &id.name).await
            };
            let Ok(Some(mut kept)) = found else {
                lacking = true;
                continue;
            };
            if kept.expires <= now() {
                return Ok(None);
            }
            if lacking {
                kept.holders = self.save(&id.name, kept.clone()).await;
            }
            return Ok(Some(kept));
        }
        Ok(None)
    }

    /// Writes a session to both of its holders, and says who they are now.
    async fn save(&self, name: &str, mut kept: Kept) -> [u8; 2] {
        kept.version += 1;
        kept.expires = now() + self.lifetime;
        let mut good = Vec::with_capacity(2);
        let others = self.peers.numbers();
        let mut candidates: Vec<u8> = kept.holders.to_vec();
        candidates.extend(others.into_iter().filter(|other| !kept.holders.contains(other)));
        candidates.dedup();
        let named = kept.holders;
        for holder in candidates {
            if good.len() == 2 {
                break;
            }
            // Whom it is sent to must know the pair; where a holder is replaced, both are told again below.
            if holder == self.me || self.peers.put(holder, name, &kept).await {
                good.push(holder);
            }
        }
        let holders = match *good {
            [one, two] => [one, two],
            [one] => [one, named.into_iter().find(|holder| *holder != one).unwrap_or(one)],
            _ => named,
        };
        kept.holders = holders;
        if holders != named {
            for holder in good.into_iter().filter(|holder| *holder != self.me) {
                self.peers.put(holder, name, &kept).await;
            }
        }
        if holders.contains(&self.me) {
            self.keep(name.to_owned(), kept);
        }
        holders
    }

    fn cookie(&self, holders: [u8; 2], name: &str) -> String {
        let id = SessionId { holders, name: name.to_owned() };
        format!("{NAME}={id}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}", self.lifetime)
    }
}

impl SessionId {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get(COOKIE)?.to_str().ok()?;
        let mut cookies = cookie::Cookie::split_parse(cookies).filter_map(Result::ok);
        cookies.find(|cookie| cookie.name() == NAME)?.value().parse().ok()
    }
}

impl FromStr for SessionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let mut holder = || parts.next().and_then(|part| part.parse().ok()).ok_or(());
        let holders = [holder()?, holder()?];
        Ok(Self { holders, name: parts.next().ok_or(())?.to_owned() })
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holders: [master, backup], name } = self;
        write!(f, "{master}.{backup}.{name}")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
