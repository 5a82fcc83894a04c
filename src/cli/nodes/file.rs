//! The file of `--nodes`: where nodes are, and the credential that they are asked with. Strict TOML.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use reqwest::Url;
use rustix::fs::OFlags;
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::mask::{holds_token, without_tokens};

/// What a file of nodes says.
pub(super) struct Nodes {
    pub(super) addresses: Vec<Address>,
    pub(super) credential: Zeroizing<String>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    credential_file: PathBuf,
    ca_file: Option<PathBuf>,
    nodes: Spanned<Vec<Spanned<String>>>,
}

/// Where a node's API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `http://…` or `https://…`, the origin alone.
    Http(Url),
    /// `unix:PATH`, on this machine.
    Unix(PathBuf),
}

impl Address {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match Path::new(path).is_absolute() {
                true => Ok(Self::Unix(path.into())),
                false => Err("a Unix socket is unix: and an absolute path"),
            };
        }
        let url = Url::parse(text).map_err(|_| WHERE)?;
        let plain = url.username().is_empty() && url.password().is_none();
        let origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        match (url.scheme(), plain, origin) {
            ("http" | "https", true, true) => Ok(Self::Http(url)),
            ("http" | "https", false, _) => Err("the credential comes from credential_file alone"),
            ("http" | "https", _, false) => Err("an address has no path: http://HOST:PORT"),
            _ => Err(WHERE),
        }
    }

    /// Whether others may read what is sent there.
    pub(super) fn in_clear(&self) -> bool {
        let Self::Http(url) = self else { return false };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let here = match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost",
        };
        url.scheme() == "http" && !here
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(&url.origin().ascii_serialization()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Reads a file of nodes, and the credential that it names.
pub(super) fn read(path: &Path) -> Result<Nodes, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| wrong(path, &format!(": {error}")))?;
    let at = |start: usize, told: &str| {
        let before = text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        wrong(path, &format!(", line {}: {told}", before.saturating_add(1)))
    };
    let written: Written = toml::from_str(&text).map_err(|error| match error.span() {
        Some(span) => at(span.start, error.message()),
        None => wrong(path, &format!(": {}", error.message())),
    })?;
    let mut addresses = Vec::new();
    for node in written.nodes.get_ref() {
        let shown = shown(node.get_ref());
        let address = Address::parse(node.get_ref())
            .map_err(|why| at(node.span().start, &format!("{shown:?}: {why}")))?;
        if addresses.contains(&address) {
            return Err(at(node.span().start, &format!("{shown:?} is there twice")));
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(at(written.nodes.span().start, "nodes lists none"));
    }
    // Whoever moves the folder moves what the file names.
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(Nodes {
        addresses,
        credential: credential(&folder.join(written.credential_file))?,
        ca_file: written.ca_file.map(|file| folder.join(file)),
    })
}

/// An address as errors tell it. A password that was put into one is repeated nowhere.
fn shown(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, host)) => format!("[a user]@{}", without_tokens(host)),
        None => without_tokens(address),
    }
}

/// The credential of a file that nobody else can read.
fn credential(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |why: String, help: &str| {
        Failure::unavailable(format!("credential_file {}: {why}", path.display()), help)
    };
    let unread = |error: std::io::Error| failed(error.to_string(), MAKE_ONE);
    // Of a pipe without a writer, the opening would wait for one.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unread)?;
    let found = file.metadata().map_err(unread)?;
    if !found.is_file() {
        return Err(failed("it is not a regular file".to_owned(), MAKE_ONE));
    }
    let mode = found.mode() & 0o777;
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user && found.uid() != 0 {
        let why = format!("it belongs to user {}, not to this one or root", found.uid());
        return Err(failed(why, MAKE_ONE));
    }
    if mode & 0o027 != 0 || (mode & 0o040 != 0 && found.uid() != 0) {
        return Err(failed(
            format!("mode {mode:04o} lets others read or write it"),
            "chmod 600 it; where others may have read it, revoke the key it was made under",
        ));
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    file.take(limit).read_to_string(&mut text).map_err(unread)?;
    let only = text.trim_end();
    if !holds_token(only) || only.contains(|c: char| !c.is_ascii_graphic()) {
        return Err(failed("it holds no credential".to_owned(), MAKE_ONE));
    }
    Ok(Zeroizing::new(only.to_owned()))
}

fn wrong(path: &Path, told: &str) -> Failure {
    Failure::usage(
        format!("--nodes {}{told}", path.display()),
        "credential_file = \"ops.credential\", nodes = [\"https://node1:7443\", …], and ca_file where it is needed",
    )
}

const WHERE: &str = "an address is http://HOST:PORT, https://HOST:PORT or unix:PATH";
const MAKE_ONE: &str =
    "make one: saddlebag credential issue --role admin --out FILE, by the user who runs this";
/// Above every token.
const LONGEST: usize = 8_192;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn told(text: &str, mode: u32) -> String {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("ops");
        std::fs::write(&secret, format!("sb1e{}\n", "A-_9".repeat(30))).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        let path = folder.path().join("nodes.toml");
        std::fs::write(&path, text).unwrap();
        match read(&path) {
            Ok(nodes) => nodes.addresses.iter().map(|a| format!("{a} ")).collect(),
            Err(failure) => format!("{} {}", failure.error(), failure.help()),
        }
    }

    #[test]
    fn a_file_of_nodes_is_strict_and_tells_where_it_is_wrong() {
        let good = "credential_file = 'ops'\nnodes = ['http://a:1', 'https://b', 'unix:/s']\n";
        assert_eq!(told(good, 0o600), "http://a:1 https://b unix:/s ");
        let nodes = |list: &str| format!("credential_file = 'ops'\nnodes = [\n{list}]\n");
        for (text, expected) in [
            (format!("{good}colour = 1\n"), "line 3: unknown field `colour`"),
            ("nodes = ['http://a']".to_owned(), "missing field `credential_file`"),
            (nodes("3"), "line 3: invalid type: integer `3`"),
            (nodes(""), "line 2: nodes lists none"),
            (nodes("'ftp://a'"), "line 3: \"ftp://a\": an address is"),
            (nodes("'http://a/v1'"), "an address has no path"),
            (
                nodes("'http://me:pw@a'"),
                "\"[a user]@a\": the credential comes from credential_file alone",
            ),
            (nodes("'unix:s'"), "absolute path"),
            (nodes("'http://a', 'http://a/'"), "is there twice"),
        ] {
            let told = told(&text, 0o600);
            assert!(told.contains(expected) && told.contains("nodes.toml"), "{text}: {told}");
        }
        for secret in ["http://me:canary@a", "ftp://me:can@canary@a/b", "canary@"] {
            let told = told(&nodes(&format!("'{secret}'")), 0o600);
            assert!(told.contains("[a user]@") && !told.contains("canary"), "{told}");
        }
        for mode in [0o644, 0o660, 0o620, 0o602] {
            assert!(told(good, mode).contains("lets others"), "{mode:o}");
        }
        // A mounted secret: the group reads it where root owns it.
        let roots = rustix::process::geteuid().is_root();
        assert_eq!(told(good, 0o640).contains("lets others"), !roots);
    }

    #[test]
    fn what_leaves_this_machine_in_clear_is_known() {
        for (text, clear) in [
            ("http://127.0.0.1:7070", false),
            ("http://[::1]:7070", false),
            ("http://localhost", false),
            ("http://10.0.0.1", true),
            ("http://localhost.example", true),
            ("https://10.0.0.1", false),
            ("unix:/s", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().in_clear(), clear, "{text}");
        }
    }
}
