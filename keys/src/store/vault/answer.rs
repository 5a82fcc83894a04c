//! What an answer of Vault's means.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::Answer;
use crate::document;
use crate::ring::KeyRing;
use crate::store::StoreErrorKind;

/// A secret of version 2 of the KV engine.
pub(super) enum Secret {
    /// There never was one, or all of it was removed.
    Missing,
    /// Its last version was deleted or destroyed.
    Withdrawn(Version, &'static str),
    /// A ring.
    Ring(Version, KeyRing),
}

/// Which version of a secret, told apart from one of the same number in a mount that began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) created: jiff::Timestamp,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Kv2Secret<'a> {
    /// Read where it stands: nothing else holds the secrets.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Kv2Version,
}

#[derive(Deserialize)]
struct Kv2Version {
    version: u64,
    created_time: jiff::Timestamp,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// A secret read from version 2 of the engine; what is gone is told in the body of a 404.
pub(super) fn secret(answer: &Answer) -> Result<Secret, StoreErrorKind> {
    if !matches!(answer.status, 200 | 404) {
        return Err(refusal(answer));
    }
    let read: Result<Wrapped<Kv2Secret<'_>>, _> = serde_json::from_slice(&answer.body);
    let secret = match (answer.status, read) {
        (404, Err(_) | Ok(Wrapped { data: None })) => return missing(answer),
        (_, Ok(Wrapped { data: Some(secret) })) => secret,
        (_, Ok(Wrapped { data: None })) => return Err(nonsense("a secret without data")),
        (_, Err(error)) => return Err(nonsense(&told(&error))),
    };
    let Kv2Version { version, created_time, deletion_time, destroyed } = secret.metadata;
    let version = Version { number: version, created: created_time };
    if destroyed {
        return Ok(Secret::Withdrawn(version, "destroyed"));
    }
    match secret.data.filter(|data| data.get() != "null") {
        Some(data) => Ok(Secret::Ring(version, ring(data.get().as_bytes())?)),
        None if !deletion_time.is_empty() => Ok(Secret::Withdrawn(version, "deleted")),
        None => Err(nonsense("a version without data that was not deleted")),
    }
}

/// The ring in a secret of version 1 of the engine, `None` where there is none.
pub(super) fn secret_of_version_1(answer: &Answer) -> Result<Option<KeyRing>, StoreErrorKind> {
    #[derive(Deserialize)]
    struct Kv1<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    match answer.status {
        404 => missing(answer).map(|_| None),
        200 => {
            let secret: Kv1<'_> =
                serde_json::from_slice(&answer.body).map_err(|error| nonsense(&told(&error)))?;
            ring(secret.data.get().as_bytes()).map(Some)
        }
        _ => Err(refusal(answer)),
    }
}

fn ring(text: &[u8]) -> Result<KeyRing, StoreErrorKind> {
    document::parse(text).map_err(StoreErrorKind::Invalid)
}

/// A 404 of Vault's own, and not of something that stands before it.
fn missing(answer: &Answer) -> Result<Secret, StoreErrorKind> {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(rename = "errors")]
        _errors: Vec<String>,
    }
    match serde_json::from_slice::<Errors>(&answer.body) {
        Ok(_) => Ok(Secret::Missing),
        Err(_) => Err(nonsense("a 404, and not as Vault says it: is VAULT_ADDR a Vault?")),
    }
}

/// The last version that a secret's metadata tell of, and what became of it.
pub(super) fn last_version(
    answer: &Answer,
) -> Result<Option<(Version, Option<&'static str>)>, StoreErrorKind> {
    #[derive(Deserialize)]
    struct Metadata {
        current_version: u64,
        versions: std::collections::HashMap<String, Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        created_time: jiff::Timestamp,
        #[serde(default)]
        deletion_time: String,
        #[serde(default)]
        destroyed: bool,
    }
    match answer.status {
        404 => return missing(answer).map(|_| None),
        200 => {}
        _ => return Err(refusal(answer)),
    }
    let read: Result<Wrapped<Metadata>, _> = serde_json::from_slice(&answer.body);
    let metadata = read.map_err(|error| nonsense(&told(&error)))?.data;
    let metadata = metadata.ok_or_else(|| nonsense("metadata without data"))?;
    let number = metadata.current_version;
    // Metadata may be written before there is a version.
    if number == 0 {
        return Ok(None);
    }
    let entry = metadata.versions.get(&number.to_string());
    let entry = entry.ok_or_else(|| nonsense("metadata without their current version"))?;
    let gone = match (entry.destroyed, entry.deletion_time.is_empty()) {
        (true, _) => Some("destroyed"),
        (false, false) => Some("deleted"),
        (false, true) => None,
    };
    Ok(Some((Version { number, created: entry.created_time }, gone)))
}

/// The engine that has a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) mount: String,
    pub(super) path: String,
    pub(super) version: u8,
}

/// What Vault says of the engine that has the secret at `place`.
pub(super) fn mount(answer: &Answer, place: &str) -> Result<Mount, StoreErrorKind> {
    #[derive(Deserialize)]
    struct Found {
        path: String,
        #[serde(rename = "type")]
        kind: String,
        options: Option<Options>,
    }
    #[derive(Deserialize)]
    struct Options {
        version: Option<String>,
    }
    if answer.status != 200 {
        return Err(refusal(answer));
    }
    let read: Result<Wrapped<Found>, _> = serde_json::from_slice(&answer.body);
    let found = read.map_err(|error| nonsense(&told(&error)))?.data;
    let found = found.ok_or_else(|| nonsense("a mount without data"))?;
    if !matches!(&*found.kind, "kv" | "generic") {
        return Err(StoreErrorKind::Denied(format!(
            "the engine mounted at {} is {:?}, and a ring is kept in a KV engine",
            found.path, found.kind
        )));
    }
    let path = place.strip_prefix(&*found.path).filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| {
        StoreErrorKind::Denied(format!(
            "{} is the mount alone: a path must follow it",
            found.path.trim_end_matches('/')
        ))
    })?;
    let version = match found.options.and_then(|options| options.version).as_deref() {
        Some("2") => 2,
        Some("1") | None => 1,
        Some(other) => return Err(nonsense(&format!("version {other:?} of the KV engine"))),
    };
    Ok(Mount { mount: found.path.trim_end_matches('/').to_owned(), path: path.to_owned(), version })
}

/// A login's answer, or a renewal's: the token, and for how many seconds.
#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) client_token: zeroize::Zeroizing<String>,
    pub(super) lease_duration: u64,
    pub(super) renewable: bool,
}

pub(super) fn auth(answer: &Answer) -> Result<Auth, StoreErrorKind> {
    #[derive(Deserialize)]
    struct Login {
        auth: Option<Auth>,
    }
    if answer.status != 200 {
        return Err(refusal(answer));
    }
    let login: Login =
        serde_json::from_slice(&answer.body).map_err(|error| nonsense(&told(&error)))?;
    login.auth.ok_or_else(|| nonsense("a login without a token"))
}

/// What Vault tells of a token.
#[derive(Deserialize)]
pub(super) struct Looked {
    /// Seconds that are left; 0: it does not end.
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: bool,
    #[serde(default)]
    pub(super) policies: Vec<String>,
}

pub(super) fn lookup(answer: &Answer) -> Result<Looked, StoreErrorKind> {
    if answer.status != 200 {
        return Err(refusal(answer));
    }
    let read: Result<Wrapped<Looked>, _> = serde_json::from_slice(&answer.body);
    let looked = read.map_err(|error| nonsense(&told(&error)))?.data;
    looked.ok_or_else(|| nonsense("a token without data"))
}

/// Whether a save was refused since the secret has another version than the one that was read.
pub(super) fn lost_the_race(answer: &Answer) -> bool {
    answer.status == 400 && errors(answer).contains("check-and-set")
}

/// What a status says that is not the one hoped for.
pub(super) fn refusal(answer: &Answer) -> StoreErrorKind {
    let said = errors(answer);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let status = answer.status;
    let unavailable = |what: &str| StoreErrorKind::Unavailable(format!("{what} ({status}{said})"));
    match status {
        403 => StoreErrorKind::Denied(format!("Vault says no ({status}{said})")),
        400 | 405 => {
            StoreErrorKind::Denied(format!("Vault does not take the request ({status}{said})"))
        }
        404 => unavailable("nothing is there: is VAULT_ADDR a Vault?"),
        412 => unavailable("this node of Vault has not caught up"),
        429 => unavailable("Vault is asked too often, or this node is a standby"),
        472 | 473 => unavailable("this node of Vault is a standby"),
        501 => unavailable("Vault is not initialised"),
        503 => unavailable("Vault is sealed, or under maintenance"),
        500..=599 => unavailable("Vault has a fault, or what stands before it"),
        _ => unavailable("Vault answers what a ring is not made of"),
    }
}

fn nonsense(what: &str) -> StoreErrorKind {
    StoreErrorKind::Unavailable(format!("Vault's answer makes no sense: {what}"))
}

/// Where it is wrong, and not what stands there: it may be a secret.
fn told(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is not JSON",
        _ => "it has another shape than expected",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// What Vault says itself, shortened.
fn errors(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    let read: Result<Errors, _> = serde_json::from_slice(&answer.body);
    let said = read.map(|read| read.errors.join("; ")).unwrap_or_default();
    let one_line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect()
}

/// Characters of Vault's own words that are repeated.
const LONGEST_WORDS: usize = 200;
