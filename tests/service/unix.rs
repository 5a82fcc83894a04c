//! Local users on a Unix socket: who the kernel says they are, and what they were granted.

use std::io::Write;
use std::os::unix::net::UnixStream;

use crate::support::{Ring, rest, run};

fn ask(path: &std::path::Path, request: &str, authorization: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}");
    stream.write_all(request.as_bytes()).unwrap();
    rest(&mut stream)
}

const ISSUE: &str = "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// T37.
#[test]
fn a_local_user_has_the_roles_that_were_granted_and_no_other() {
    let ring = Ring::new();
    let path = ring.folder.path().join("api.sock");
    let address = format!("unix:{}", path.display());
    let uid = own_uid();
    let grant = format!("{uid}=issue,verify");
    let arguments = ["--listen", &address, "--allow-uid", "4242424=admin", "--allow-uid", &grant];
    let log = ["--log-requests", "--log-format", "json"];
    let server = ring.serve(&[&arguments[..], &log].concat()).ready();
    let issued = ask(&path, "POST /v1/sessions", ISSUE);
    assert!(issued.starts_with("HTTP/1.1 201"), "{issued}");
    let keys = ask(&path, "GET /v1/keys", "\r\n");
    assert!(keys.starts_with("HTTP/1.1 403") && keys.contains("role_required"), "{keys}");
    // Who presents a credential is who it says, or nobody.
    let wrong = ask(&path, "POST /v1/sessions", &format!("authorization: Bearer x\r\n{ISSUE}"));
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    let admin = ring.credential(&["--role", "admin"]);
    let keys = ask(&path, "GET /v1/keys", &format!("authorization: Bearer {admin}\r\n\r\n"));
    assert!(keys.starts_with("HTTP/1.1 200"), "{keys}");
    let log = server.read_log();
    assert!(log.contains(&format!("\"caller\":\"uid:{uid}\"")), "{log}");
    assert!(log.contains(&format!("\"peer\":\"uid:{uid}\"")), "{log}");
}

/// T37: A grant for another user was worth nothing: the socket let its owner in alone.
#[test]
fn a_grant_lets_another_user_in_by_the_socket() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    assert_eq!(own_uid(), 0, "only root becomes another user: run it as root, in a container, say");
    let ring = Ring::new();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(ring.folder.path(), open).unwrap();
    let path = ring.folder.path().join("api.sock");
    let address = format!("unix:{}", path.display());
    // Two grants of one user are both good.
    let users = "65534=verify;65534=issue";
    let _server = ring.serve(&["--listen", &address, "--allow-uid", users]).ready();
    let asked = |uid| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket"]).arg(&path);
        curl.args(["-d", "{}", "-H", "content-type: application/json", "http://x/v1/sessions"]);
        let output = curl.uid(uid).gid(uid).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(asked(65_534), "201");
    assert_eq!(asked(65_533), "401", "who may connect is still asked who they are");
}

/// T37.
#[test]
fn a_user_who_was_granted_nothing_needs_a_credential() {
    let ring = Ring::new();
    let path = ring.folder.path().join("api.sock");
    let address = format!("unix:{}", path.display());
    let other = format!("{}=issue", own_uid() + 1);
    let _server = ring.serve(&["--listen", &address, "--allow-uid", &other]).ready();
    let answer = ask(&path, "POST /v1/sessions", ISSUE);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[test]
fn grants_are_for_unix_sockets_alone() {
    let ring = Ring::new();
    let place = ring.place();
    for (arguments, told) in [
        (&["--allow-uid", "0=issue"][..], "is no Unix socket"),
        (&["--listen", "unix:/tmp/x", "--allow-uid", "root=issue"], "\"root\" is no user id"),
        (&["--listen", "unix:/tmp/x", "--allow-uid", "0=root"], "\"root\" is no role"),
        (&["--listen", "unix:/tmp/x", "--allow-uid", "0"], "UID=ROLE"),
        (&["--listen", "unix:/tmp/x", "--tls-cert", "a", "--tls-key", "b"], "needs no TLS"),
    ] {
        let all = [&["serve", "--ring", &place], arguments].concat();
        let (code, _, stderr) = run(&all, "");
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
}

fn own_uid() -> u32 {
    let output = std::process::Command::new("id").arg("-u").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
