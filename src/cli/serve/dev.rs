//! `serve --dev`: a ring and a credential made on the spot, and lines to paste.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rand::rngs::SysRng;
use saddlebag_keys::rotation::{self, Due};
use saddlebag_keys::{KeyRingHandle, Policy, Store, StoreErrorKind, UnixTime};

use crate::cli::failure::Failure;
use crate::cli::ring::RingLocation;
use crate::cli::secret_file;
use crate::credential::{Caller, Credentials, Role};

/// What was made.
pub(super) struct Dev {
    folder: PathBuf,
    ring: RingLocation,
}

/// Makes what is missing: a ring, unless one was named, and a credential that may do everything.
pub(super) fn prepare(named: Option<&RingLocation>) -> Result<Dev, Failure> {
    let folder = folder()?;
    let mut maker = std::fs::DirBuilder::new();
    let made = maker.recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| unusable(&folder, &error))?;
    let ring = named.cloned().unwrap_or_else(|| RingLocation::file(folder.join("ring.json")));
    let now = UnixTime::now();
    let handle = KeyRingHandle::fixed(prepare_ring(&ring, now)?);
    let everything = Caller { name: "dev".to_owned(), roles: Role::ALL.to_vec(), audiences: None };
    let credentials = Credentials::new(handle).map_err(|error| Failure::config(&error))?;
    let credential = credentials.issue(&everything, None, now).map_err(|error| {
        Failure::refused(
            format!("no credential was made: {error}"),
            "name another ring with --ring",
        )
    })?;
    // As a header, so that curl reads it from the file and no process list shows it.
    let header = format!("Authorization: Bearer {}\n", credential.token);
    secret_file::replace(&header_path(&folder), &header)?;
    Ok(Dev { folder, ring })
}

/// The ring there, rotated if that is due; a new one where there is none.
fn prepare_ring(place: &RingLocation, now: UnixTime) -> Result<saddlebag_keys::KeyRing, Failure> {
    let store = place.store(false)?;
    let store_error = |error| Failure::store(&error, place);
    let refused = |error| Failure::rotation(&error, place);
    match store.load() {
        Ok(ring) => match rotation::rotate(&ring, now, &mut SysRng).map_err(refused)? {
            Due::At(_) => Ok(ring),
            Due::Now(plan) => {
                store.save(&plan.ring, Some(ring.generation())).map_err(store_error)?;
                Ok(plan.ring)
            }
        },
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound) => {
            let plan =
                rotation::init("dev", Policy::default(), now, &mut SysRng).map_err(refused)?;
            store.save(&plan.ring, None).map_err(store_error)?;
            Ok(plan.ring)
        }
        Err(error) => Err(store_error(error)),
    }
}

/// `$XDG_STATE_HOME/saddlebag/dev`, by default below `~/.local/state`.
fn folder() -> Result<PathBuf, Failure> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    state.map(|state| state.join("saddlebag/dev")).ok_or_else(|| {
        Failure::usage("no state folder: neither XDG_STATE_HOME nor HOME is set", "set HOME")
    })
}

fn header_path(folder: &Path) -> PathBuf {
    folder.join("authorization.header")
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unavailable(
        format!("{} cannot be made: {error}", path.display()),
        "set XDG_STATE_HOME to a folder that you can write",
    )
}

impl Dev {
    pub(super) fn ring(&self) -> &RingLocation {
        &self.ring
    }

    /// Lines that work when pasted into another shell.
    pub(super) fn lines(&self, api: &str, tls: bool) -> String {
        let (socket, url) = match api.strip_prefix("unix:") {
            Some(path) => {
                (format!("--unix-socket {} ", quoted(path)), "http://localhost".to_owned())
            }
            // Whose certificate it is, is for whoever gave it to know.
            None if tls => ("-k ".to_owned(), format!("https://{api}")),
            None => (String::new(), format!("http://{api}")),
        };
        let header = header_path(&self.folder);
        let header = quoted(&format!("@{}", header.display()));
        let curl = format!("curl -sS {socket}-H {header} -H 'content-type: application/json'");
        format!(
            r#"
For development only. Ring and credential are in {folder}.
Paste into another shell:

# issue a session, and keep its token
TOKEN=$({curl} {url}/v1/sessions -d '{{"subject":"alice","state":{{"cart":["apples"]}}}}' | sed 's/^{{"token":"\([^"]*\)".*/\1/'); echo "$TOKEN"

# verify it: who is it, until when, and what is in the cart?
{curl} {url}/v1/sessions/verify -d "{{\"token\":\"$TOKEN\"}}"; echo

# renew it with another cart
{curl} {url}/v1/sessions/renew -d "{{\"token\":\"$TOKEN\",\"state\":{{\"cart\":[\"apples\",\"pears\"]}}}}"; echo

# what each key may do
{curl} {url}/v1/keys; echo

# or try it in a browser (credentials are in authorization.header, behind "Bearer ")
# {url}/docs
"#,
            folder = self.folder.display(),
        )
    }
}

/// One word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_and_quotes_is_one_word_of_the_shell() {
        assert_eq!(quoted("/home/o'neil/my state"), r"'/home/o'\''neil/my state'");
    }
}
