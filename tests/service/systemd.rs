//! Sockets that systemd hands over, and what it is told.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::{Ring, Server, run};

/// Runs the server with a socket as its file 3, as systemd does.
fn handing_over(socket: OwnedFd, name: &str) -> impl FnOnce(&mut Command) {
    move |command| {
        let mut handing = Command::new("sh");
        // `$$` stays the process's own: `exec` makes no other.
        let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
        handing.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
        handing.env_remove("SADDLEBAG_RING").env("LISTEN_FDNAMES", name);
        handing.stdin(Stdio::from(socket)).stdout(Stdio::piped()).stderr(Stdio::inherit());
        *command = handing;
    }
}

#[test]
fn a_socket_that_systemd_hands_over_is_served() {
    let ring = Ring::new();
    let place = ring.place();
    let credential = ring.credential(&["--role", "issue"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let arguments = ["--ring", &place, "--listen", "systemd:api"];
    let server = Server::start(&arguments, handing_over(listener.into(), "api")).ready();
    assert_eq!(server.api, address);
    assert_eq!(server.caller(&credential).post("/v1/sessions", &json!({})).status, 201);
    drop(server);

    let path = ring.folder.path().join("handed.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let uid = Command::new("id").arg("-u").output().unwrap().stdout;
    let grant = format!("{}=issue", String::from_utf8(uid).unwrap().trim());
    let arguments = ["--ring", &place, "--listen", "systemd:api", "--allow-uid", &grant];
    let mut server = Server::start(&arguments, handing_over(listener.into(), "api")).ready();
    assert_eq!(server.api, format!("unix:{}", path.display()));
    let output = Command::new("curl")
        .args(["-sS", "--unix-socket"])
        .arg(&path)
        .args(["-d", "{}", "-H", "content-type: application/json", "http://x/v1/sessions"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"token\""), "{output:?}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(path.exists(), "systemd's socket is not ours to take away");
}

/// The second listener found nothing: the variables are gone once they are read.
#[test]
fn two_sockets_that_systemd_hands_over_are_both_served() {
    let ring = Ring::new();
    let place = ring.place();
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (api, admin) = (bind(), bind());
    let addresses = [&api, &admin].map(|socket| socket.local_addr().unwrap().to_string());
    let arguments =
        ["--ring", &place, "--listen", "systemd:api", "--admin-listen", "systemd:admin"];
    let server = Server::start(&arguments, |command| {
        let mut handing = Command::new("sh");
        let script =
            "exec 3<&0 4<&2 0</dev/null 2>/dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
        handing.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
        handing.env_remove("SADDLEBAG_RING").env("LISTEN_FDNAMES", "api:admin");
        handing.stdin(OwnedFd::from(api)).stderr(OwnedFd::from(admin)).stdout(Stdio::piped());
        *command = handing;
    })
    .ready();
    assert_eq!([server.api.clone(), server.admin.clone()], addresses);
    assert_eq!(server.admin().get("/readyz").status, 200);
}

/// T37, T47: What is said of a Unix socket holds for one that is handed over, and of TCP likewise: TLS and the
/// certificates that callers need vanished without a word.
#[test]
fn a_socket_of_the_wrong_kind_is_refused_whoever_made_it() {
    let ring = Ring::new();
    let place = ring.place();
    let path = ring.folder.path().join("handed.sock");
    let refused = |socket: OwnedFd, arguments: &[&str]| {
        let mut command = crate::support::saddlebag();
        command.args(["serve", "--ring", &place, "--listen", "systemd:api"]).args(arguments);
        command.args(["--admin-listen", "127.0.0.1:0"]);
        handing_over(socket, "api")(&mut command);
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["node.test".to_owned()]).unwrap();
    let files = ["cert.pem", "key.pem"].map(|name| ring.folder.path().join(name));
    std::fs::write(&files[0], params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&files[1], key.serialize_pem()).unwrap();
    let [cert, key] = files.map(|path| path.display().to_string());
    let unix = UnixListener::bind(&path).unwrap();
    let told = refused(unix.into(), &["--tls-cert", &cert, "--tls-key", &key]);
    assert!(told.contains("is a Unix socket, which needs no TLS"), "{told}");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = refused(tcp.into(), &["--allow-uid", "0=issue"]);
    assert!(told.contains("is no Unix socket"), "{told}");
}

#[test]
fn a_name_that_systemd_did_not_hand_over_is_told() {
    let ring = Ring::new();
    let place = ring.place();
    let (code, _, stderr) = run(&["serve", "--ring", &place, "--listen", "systemd:api"], "");
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("no socket of the name \"api\""), "{stderr}");
    assert!(stderr.contains("help: start it by its .socket unit"), "{stderr}");
    let both = ["--listen", "systemd:api", "--admin-listen", "systemd:api"];
    let (code, _, stderr) = run(&[&["serve", "--ring", &place][..], &both].concat(), "");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("are both systemd:api"), "{stderr}");
}

#[test]
fn systemd_is_told_of_readiness_life_and_end() {
    let ring = Ring::missing();
    let other = Ring::new();
    let notify = ring.folder.path().join("notify");
    let told = UnixDatagram::bind(&notify).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let next = || {
        let mut bytes = [0; 1_024];
        let length = told.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut server = Server::start(&["--ring", &ring.place()], |command| {
        command.env("NOTIFY_SOCKET", &notify).env("WATCHDOG_USEC", "400000");
    });
    let mut seen = Vec::new();
    let mut until = |what: &str| loop {
        let message = next();
        seen.push(message.clone());
        if message.contains(what) {
            return seen.clone();
        }
        assert!(seen.len() < 1_000, "{what}: {seen:?}");
    };
    let before = until("STATUS=waiting for the key ring");
    assert!(!before.iter().any(|message| message.contains("READY=1")), "{before:?}");
    until("WATCHDOG=1");
    crate::support::replace(&ring.path(), &std::fs::read(other.path()).unwrap());
    until("READY=1\n");
    until("WATCHDOG=1");
    server.signal("TERM");
    until("STOPPING=1");
    assert_eq!(server.wait(), Some(0));
}
