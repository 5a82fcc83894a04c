//! One secret of Vault as a ring: when it is read, what is news, and how a save is known to have happened.

use std::sync::Arc;
use std::time::Duration;

use rustify::endpoint::Endpoint;

use super::Permissions;
use super::answer::{self, Mount, Secret, Version};
use super::api::{self, kv1, kv2};
use super::http::{Answer, Http, Lost};
use super::login::VaultLogin;
use super::place::VaultPlace;
use super::settings::{InvalidVaultSettings, VaultSettings};
use crate::document;
use crate::ring::KeyRing;
use crate::store::StoreErrorKind;

mod lease;

use lease::Lease;

type Outcome<T> = Result<T, StoreErrorKind>;

/// What the store's thread knows of its Vault.
pub(super) struct Client {
    http: Http,
    login: VaultLogin,
    namespace: Option<String>,
    place: VaultPlace,
    permissions: Permissions,
    lease: Option<Lease>,
    mount: Option<Mount>,
    /// The newest version that was given to whoever watches, and its ring.
    seen: Option<(Version, Arc<KeyRing>)>,
    /// The generation and the version that were read last: what a save is guarded by.
    read: Option<(u64, u64)>,
}

impl Client {
    pub(super) fn new(
        place: VaultPlace,
        settings: VaultSettings,
        permissions: Permissions,
    ) -> Result<Self, InvalidVaultSettings> {
        let http = Http::new(&settings)?;
        let VaultSettings { login, namespace, .. } = settings;
        Ok(Self {
            http,
            login,
            namespace,
            place,
            permissions,
            lease: None,
            mount: None,
            seen: None,
            read: None,
        })
    }

    /// The ring that is there now.
    pub(super) async fn load(&mut self) -> Outcome<KeyRing> {
        match self.current().await? {
            Secret::Ring(_, ring) => Ok(ring),
            Secret::Missing => Err(StoreErrorKind::NotFound),
            Secret::Withdrawn(version, how) => Err(withdrawn(version, how)),
        }
    }

    /// The ring, read where the secret's version moved; `None` where what answers is behind what was seen.
    pub(super) async fn look(&mut self) -> Outcome<Option<KeyRing>> {
        let mount = self.mount().await?;
        if mount.version == 1 {
            return self.load().await.map(Some);
        }
        if let Some((seen, ring)) = self.seen.clone() {
            let Mount { mount, path, .. } = mount;
            let answer = self
                .ask(|| kv2::ReadSecretMetadataRequest { mount: mount.clone(), path: path.clone() })
                .await?;
            let (version, gone) = answer::last_version(&answer)?.ok_or(StoreErrorKind::NotFound)?;
            if !self.is_news(seen, version)? {
                return Ok(None);
            }
            if let Some(how) = gone {
                return Err(withdrawn(version, how));
            }
            if version == seen {
                return Ok(Some(KeyRing::clone(&ring)));
            }
        }
        let (version, ring) = match self.current().await? {
            Secret::Ring(version, ring) => (version, ring),
            Secret::Missing => return Err(StoreErrorKind::NotFound),
            Secret::Withdrawn(version, how) => return Err(withdrawn(version, how)),
        };
        // Another node of Vault may have answered this time.
        if let Some((seen, _)) = self.seen
            && !self.is_news(seen, version)?
        {
            return Ok(None);
        }
        self.seen = Some((version, Arc::new(ring.clone())));
        Ok(Some(ring))
    }

    /// Whether `version` is the one seen or a later one. An earlier one is what a standby may still have; but one
    /// that was made after the one seen shows that the secret's versions began anew.
    fn is_news(&self, seen: Version, version: Version) -> Outcome<bool> {
        if version.number > seen.number || version == seen || self.permissions.rollback {
            return Ok(true);
        }
        if version.created <= seen.created {
            return Ok(false);
        }
        Err(StoreErrorKind::Withdrawn(format!(
            "the secret began anew: its version {}, made {}, is newer than version {} of {}, which is in use here",
            version.number, version.created, seen.number, seen.created
        )))
    }

    /// Saves `ring` over generation `expected`, by check-and-set.
    pub(super) async fn save(&mut self, ring: &KeyRing, expected: Option<u64>) -> Outcome<()> {
        let mount = self.mount().await?;
        if mount.version == 1 {
            return self.save_unguarded(ring, expected).await;
        }
        let cas = match (self.read, expected) {
            (Some((generation, version)), Some(expected)) if generation == expected => version,
            _ => self.version_of(expected).await?,
        };
        let Ok(guard) = u32::try_from(cas) else {
            return Err(StoreErrorKind::Denied(format!(
                "the secret has version {cas}, above what a check-and-set can name: keep the ring at another path"
            )));
        };
        let data = as_value(ring)?;
        let Mount { mount, path, .. } = mount;
        let sent = self
            .try_ask(|| kv2::SetSecretRequest {
                mount: mount.clone(),
                path: path.clone(),
                data: data.clone(),
                options: Some(kv2::SetSecretRequestOptions { cas: guard }),
            })
            .await?;
        match sent {
            Ok(answer) if answer.status == 200 => {
                self.read = None;
                Ok(())
            }
            Ok(answer) if answer::lost_the_race(&answer) => Err(self.lost_the_race().await),
            Ok(answer) if answer.status < 500 => Err(self.why_refused(answer).await),
            Err(Lost::Unsent(why)) => Err(StoreErrorKind::Unavailable(why)),
            // It may have happened all the same.
            Ok(answer) => self.read_back(ring, cas, &told(&answer::refusal(&answer))).await,
            Err(Lost::Unanswered(why)) => self.read_back(ring, cas, &why).await,
        }
    }

    /// The version to guard a save over generation `expected` by.
    async fn version_of(&mut self, expected: Option<u64>) -> Outcome<u64> {
        let (found, version) = match self.current().await? {
            Secret::Ring(version, ring) => (Some(ring.generation()), version.number),
            Secret::Missing => (None, 0),
            // An `init` over it would bring a ring back to life under nodes that know the old one.
            Secret::Withdrawn(version, how) => return Err(withdrawn(version, how)),
        };
        match found == expected {
            true => Ok(version),
            false => Err(StoreErrorKind::Conflict { found }),
        }
    }

    async fn lost_the_race(&mut self) -> StoreErrorKind {
        match self.current().await {
            Ok(Secret::Ring(_, ring)) => {
                StoreErrorKind::Conflict { found: Some(ring.generation()) }
            }
            Ok(Secret::Missing) => StoreErrorKind::Conflict { found: None },
            Ok(Secret::Withdrawn(version, how)) => withdrawn(version, how),
            Err(error) => error,
        }
    }

    /// Finds out whether a save happened whose answer was lost. It is not sent again.
    async fn read_back(&mut self, ring: &KeyRing, cas: u64, why: &str) -> Outcome<()> {
        let digest = document::digest(ring);
        let mut last = None;
        for pause in READ_BACK_AFTER {
            tokio::time::sleep(pause).await;
            last = match self.current().await {
                Ok(Secret::Ring(_, found)) if document::digest(&found) == digest => {
                    tracing::warn!(why, "the answer to a save was lost; it was saved");
                    return Ok(());
                }
                Ok(Secret::Ring(version, found)) if version.number != cas => {
                    return Err(StoreErrorKind::Conflict { found: Some(found.generation()) });
                }
                // A write under way may still arrive.
                Ok(_) => Some("it was not saved as yet".to_owned()),
                Err(error) => Some(format!("nor could it be read back: {}", told(&error))),
            };
        }
        let last = last.unwrap_or_default();
        Err(StoreErrorKind::Unavailable(format!(
            "the answer to the save was lost ({why}), and {last}"
        )))
    }

    async fn save_unguarded(&mut self, ring: &KeyRing, expected: Option<u64>) -> Outcome<()> {
        if !self.permissions.unguarded_writes {
            return Err(StoreErrorKind::Unguarded(
                "version 1 of the KV engine has no check-and-set: two who save at once would lose a change, \
                 a revocation perhaps"
                    .to_owned(),
            ));
        }
        let found = match self.load().await {
            Ok(found) => Some(found.generation()),
            Err(StoreErrorKind::NotFound) => None,
            Err(error) => return Err(error),
        };
        if found != expected {
            return Err(StoreErrorKind::Conflict { found });
        }
        let Mount { mount, path, .. } = self.mount().await?;
        let data = document::to_json(ring);
        let answer = self
            .ask(|| kv1::SetSecretRequest {
                mount: mount.clone(),
                path: path.clone(),
                data: data.to_vec(),
            })
            .await?;
        match answer.status {
            200 | 204 => Ok(()),
            _ => Err(self.why_refused(answer).await),
        }
    }

    /// Reads the secret's last version.
    async fn current(&mut self) -> Outcome<Secret> {
        let Mount { mount, path, version } = self.mount().await?;
        if version == 1 {
            let answer = self
                .ask(|| kv1::GetSecretRequest { mount: mount.clone(), path: path.clone() })
                .await?;
            let ring = answer::secret_of_version_1(&answer)?;
            // It has no versions to tell.
            let version = Version { number: 0, created: jiff::Timestamp::UNIX_EPOCH };
            return Ok(ring.map_or(Secret::Missing, |ring| Secret::Ring(version, ring)));
        }
        let answer = self
            .ask(|| kv2::ReadSecretRequest {
                mount: mount.clone(),
                path: path.clone(),
                version: None,
            })
            .await?;
        let secret = answer::secret(&answer)?;
        if let Secret::Ring(version, ring) = &secret {
            self.read = Some((ring.generation(), version.number));
        }
        Ok(secret)
    }

    /// The engine, asked once.
    async fn mount(&mut self) -> Outcome<Mount> {
        if let Some(mount) = &self.mount {
            return Ok(mount.clone());
        }
        let place = self.place.as_str().to_owned();
        // Nothing is guessed: version 1 takes a save that was meant for version 2, and checks nothing.
        let answer = self.ask(|| api::MountOf(place.clone())).await?;
        let mount = answer::mount(&answer, &place)?;
        self.mount = Some(mount.clone());
        Ok(mount)
    }

    /// Asks, and gives what Vault answers; a refusal of the token as a reason.
    async fn ask<E: Endpoint>(&mut self, make: impl Fn() -> E) -> Outcome<Answer> {
        let answer = self.try_ask(make).await?;
        let answer = answer.map_err(|lost| StoreErrorKind::Unavailable(lost.to_string()))?;
        match answer.status {
            403 => Err(self.why_refused(answer).await),
            _ => Ok(answer),
        }
    }

    /// Asks with a token; where Vault does not take one that can be replaced, with a new one.
    async fn try_ask<E: Endpoint>(
        &mut self,
        make: impl Fn() -> E,
    ) -> Outcome<Result<Answer, Lost>> {
        let (token, fresh) = self.token().await?;
        let sent = self.send(make(), Some(&token)).await?;
        match &sent {
            Ok(answer) if answer.status == 403 && !fresh && self.login.gives_another() => {
                self.lease = None;
                let (token, _) = self.token().await?;
                self.send(make(), Some(&token)).await
            }
            _ => Ok(sent),
        }
    }

    async fn send(
        &mut self,
        endpoint: impl Endpoint,
        token: Option<&str>,
    ) -> Outcome<Result<Answer, Lost>> {
        let request = api::request(endpoint, self.http.base(), token, self.namespace.as_deref());
        let request = request.map_err(StoreErrorKind::Unavailable)?;
        Ok(self.http.send(&request).await)
    }

    /// A 403 does not tell a token that has ended from one that may not: the token itself is asked about.
    async fn why_refused(&mut self, answer: Answer) -> StoreErrorKind {
        let refusal = answer::refusal(&answer);
        if answer.status != 403 {
            return refusal;
        }
        let said = told(&refusal);
        let Ok((token, _)) = self.token().await else {
            return refusal;
        };
        let looked = self.send(api::LookupTokenSelfRequest::default(), Some(&token)).await;
        StoreErrorKind::Denied(match looked {
            Ok(Ok(looked)) if looked.status == 403 => format!(
                "{said}; Vault does not know the token, or it has ended: look at {}",
                self.login.told()
            ),
            Ok(Ok(looked)) => match answer::lookup(&looked) {
                Ok(looked) => format!(
                    "{said}; the token is good, and its policies ({}) do not allow this: look at them",
                    looked.policies.join(", ")
                ),
                Err(_) => said,
            },
            _ => said,
        })
    }
}

fn withdrawn(version: Version, how: &str) -> StoreErrorKind {
    StoreErrorKind::Withdrawn(format!("version {} of the secret was {how}", version.number))
}

fn told(kind: &StoreErrorKind) -> String {
    kind.to_string()
}

/// The document as the KV engine takes it. The copies that JSON values and the HTTP client make are not wiped.
fn as_value(ring: &KeyRing) -> Outcome<serde_json::Value> {
    serde_json::from_slice(&document::to_json(ring))
        .map_err(|error| StoreErrorKind::Unavailable(format!("the ring is not JSON: {error}")))
}

/// When a save whose answer was lost is looked for.
const READ_BACK_AFTER: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
