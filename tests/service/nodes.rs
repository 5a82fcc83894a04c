//! Nodes that are asked for the ring they have: `keys show --nodes`, `keys activate --wait`, `keys revoke --wait`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::faketime::Clock;
use crate::support::{Ring, Server, eventually, replace, run, saddlebag};
use crate::tls::Authority;

/// A keeper's ring, three nodes with copies of it, and the file that lists them.
struct Fleet {
    keeper: Ring,
    copies: Vec<Ring>,
    servers: Vec<Server>,
    credential: String,
    clock: Clock,
}

impl Fleet {
    /// The third node has a clock of its own.
    fn start() -> Self {
        let keeper = Ring::with(&["--name", "shop"]);
        let credential = keeper.credential(&["--role", "admin"]);
        let clock = Clock::new(keeper.folder.path());
        let mut fleet = Self { keeper, copies: vec![], servers: vec![], credential, clock };
        for n in 0..3 {
            let copy = Ring::missing();
            fleet.bring(&copy);
            let place = copy.place();
            let server = Server::start(&["--ring", &place], |command| {
                if n == 2 {
                    fleet.clock.of(command);
                }
            });
            fleet.copies.push(copy);
            fleet.servers.push(server.ready());
        }
        fleet
    }

    /// Brings the keeper's ring to a node.
    fn bring(&self, copy: &Ring) {
        replace(&copy.path(), &std::fs::read(self.keeper.path()).unwrap());
    }

    fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("http://{}", server.api)).collect()
    }

    /// Writes the file of nodes.
    fn list(&self, nodes: &[String]) -> String {
        let folder = self.keeper.folder.path();
        let secret = folder.join("ops.credential");
        std::fs::write(&secret, format!("{}\n", self.credential)).unwrap();
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        let file = folder.join("nodes.toml");
        let text = format!("credential_file = \"ops.credential\"\nnodes = {nodes:?}\n");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Runs a verb on the keeper's ring; whatever it prints, the credential is not in it.
    fn keys(&self, arguments: &[&str]) -> (i32, String, String) {
        let place = self.keeper.place();
        let ended = run(&[&["keys"], arguments, &["--ring", &place]].concat(), "");
        let told = format!("{}{}", ended.1, ended.2);
        assert!(!told.contains(&self.credential[4..24]), "{told}");
        ended
    }

    fn show(&self, nodes: &[String]) -> (i32, Vec<Value>) {
        let file = self.list(nodes);
        let (code, stdout, stderr) = self.keys(&["show", "--json", "--nodes", &file]);
        let answer: Value = serde_json::from_str(&stdout).expect(&stderr);
        (code, answer["nodes"].as_array().unwrap().clone())
    }
}

/// Answers every request with these bytes, and keeps what was asked.
fn stub(answer: Vec<u8>) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).unwrap_or(0);
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..length]));
            // Whoever has heard enough hangs up.
            let _ = stream.write_all(&answer);
        }
    });
    (url, asked)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn reason(entry: &Value) -> String {
    entry["reasons"].to_string()
}

#[test]
fn each_node_is_listed_and_laggards_are_named() {
    let fleet = Fleet::start();
    let (code, nodes) = fleet.show(&fleet.urls());
    assert_eq!(code, 0, "{nodes:?}");
    for node in &nodes {
        assert_eq!((&node["generation"], &node["laggard"]), (&1.into(), &false.into()), "{node}");
        assert!(node["clock_offset"].as_i64().unwrap().abs() <= 5, "{node}");
    }
    let (code, _, stderr) = fleet.keys(&["stage"]);
    assert_eq!(code, 0, "{stderr}");
    fleet.bring(&fleet.copies[0]);
    fleet.bring(&fleet.copies[2]);
    fleet.clock.set(600);
    eventually("the first and the third have it, and the clock is seen", || {
        let (_, nodes) = fleet.show(&fleet.urls());
        nodes[0]["laggard"] == false
            && nodes[2]["generation"] == 2
            && nodes[2]["clock_offset"].as_i64().unwrap() > 500
    });
    let (code, nodes) = fleet.show(&fleet.urls());
    assert_eq!(code, 1);
    assert!(reason(&nodes[1]).contains("it has generation 1, not 2"), "{nodes:?}");
    assert!(reason(&nodes[2]).contains("s ahead, and 60 s are allowed"), "{nodes:?}");
    let file = fleet.list(&fleet.urls());
    let (code, stdout, _) = fleet.keys(&["show", "--nodes", &file]);
    assert_eq!(code, 1);
    let last = stdout.lines().last().unwrap();
    assert_eq!(
        last,
        format!("3 nodes, and 2 to look after: {}, {}", fleet.urls()[1], fleet.urls()[2])
    );
}

#[test]
fn what_is_no_node_is_told_and_gets_no_second_host_the_credential() {
    let mut fleet = Fleet::start();
    let (elsewhere, heard) = stub(answer("200 OK", b"{}"));
    let (moved, asked) = stub(answer(&format!("307 Moved\r\nlocation: {elsewhere}/v1/keys"), b""));
    let (nonsense, _) = stub(answer("200 OK", b"<html>"));
    let (endless, _) = stub(answer("200 OK", &vec![b' '; 300_000]));
    let echo = format!(r#"{{"name":"{}","generation":9,"issuing":true}}"#, fleet.credential);
    let (echo, _) = stub(answer("200 OK", echo.as_bytes()));
    let urls = fleet.urls();
    fleet.servers[1].kill();
    let nodes = [&urls[..2], &[moved, nonsense, endless, echo]].concat();
    let (code, nodes) = fleet.show(&nodes);
    assert_eq!(code, 1);
    assert_eq!(nodes[0]["laggard"], false, "{nodes:?}");
    for (node, expected) in nodes[1..].iter().zip([
        "cannot be reached",
        "leads elsewhere, which is not followed (307)",
        "the answer is not that of a node",
        "an answer of more than 262144 bytes",
        "it has another ring, [a token]",
    ]) {
        assert!(reason(node).contains(expected), "{node}");
    }
    assert!(asked.lock().unwrap().contains("GET /v1/keys "));
    assert_eq!(*heard.lock().unwrap(), "", "a redirect was followed");
    // Another ring's credential.
    fleet.credential = Ring::new().credential(&["--role", "admin"]);
    let (code, nodes) = fleet.show(&urls[..1]);
    assert_eq!(code, 1);
    assert!(reason(&nodes[0]).contains("refuses the credential (401)"), "{nodes:?}");
}

#[test]
fn nodes_are_asked_over_tls_and_by_unix_sockets() {
    let mut fleet = Fleet::start();
    let folder = fleet.keeper.folder.path();
    let authority = Authority::new(folder, "authority");
    let (cert, key) = authority.certificate("127.0.0.1", 30);
    let socket = format!("unix:{}", folder.join("api.sock").display());
    let over_tls = fleet.keeper.serve(&["--tls-cert", &cert, "--tls-key", &key]).ready();
    let local = fleet.keeper.serve(&["--listen", &socket]).ready();
    let nodes = [format!("https://{}", over_tls.api), socket];
    // Nobody on this machine knows that authority.
    let (code, told) = fleet.show(&nodes);
    assert_eq!(code, 1);
    assert!(reason(&told[0]).contains("invalid peer certificate"), "{told:?}");
    assert_eq!((&told[1]["generation"], &told[1]["laggard"]), (&1.into(), &false.into()));
    let file = fleet.list(&nodes);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("ca_file = \"authority/ca.pem\"\n{text}")).unwrap();
    // By its variable; and the nodes' paths are from the file's folder, not this one.
    let place = fleet.keeper.place();
    let mut show = saddlebag();
    show.args(["keys", "show", "--ring", &place]).env("SADDLEBAG_NODES", &file);
    let shown = show.output().unwrap();
    let told = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{told}");
    assert!(told.ends_with("2 nodes, and every one has generation 1\n"), "{told}");
    assert_eq!(shown.stderr, b"", "nothing goes in clear");
    drop((over_tls, local));
    fleet.servers.clear();
}

/// Who cannot read its ring again lags behind before anything has changed.
#[test]
fn a_node_that_is_stale_or_has_another_content_is_named() {
    let fleet = Fleet::start();
    let (cut_off, forked) = (Ring::missing(), Ring::missing());
    fleet.bring(&cut_off);
    let stale = cut_off.serve(&["--stale-after", "3s"]).ready();
    std::fs::remove_file(cut_off.path()).unwrap();
    fleet.bring(&forked);
    for place in [forked.place(), fleet.keeper.place()] {
        let (code, _, stderr) = run(&["keys", "stage", "--ring", &place], "");
        assert_eq!(code, 0, "{stderr}");
    }
    let forked = forked.serve(&[]).ready();
    fleet.bring(&fleet.copies[0]);
    let nodes = [&stale, &forked, &fleet.servers[0]].map(|node| format!("http://{}", node.api));
    eventually("it is stale, and the new generation is read", || {
        let (_, told) = fleet.show(&nodes);
        told[0]["issuing"] == false && told[2]["generation"] == 2
    });
    let (code, told) = fleet.show(&nodes);
    assert_eq!(code, 1);
    assert!(reason(&told[0]).contains("its ring is stale, and it issues nothing: "), "{told:?}");
    let other = "it has another generation 2, of other content";
    assert!(reason(&told[1]).contains(other), "{told:?}");
    assert_eq!(told[2]["laggard"], false, "{told:?}");
}

#[test]
fn a_change_waits_until_every_node_has_it() {
    let fleet = Fleet::start();
    let file = fleet.list(&fleet.urls());
    let revoke = ["revoke", "--all", "--yes", "--nodes", &file];
    // Without an end in sight, this would wait for its 2 minutes.
    let (code, stdout, stderr) = fleet.keys(&[&revoke[..], &["--wait", "--dry-run"]].concat());
    assert_eq!((code, stdout.contains("nothing was saved")), (0, true), "{stderr}");
    let (code, stdout, stderr) = std::thread::scope(|scope| {
        let place = fleet.keeper.place();
        let all =
            move || run(&[&["keys"], &revoke[..], &["--wait", "--ring", &place]].concat(), "");
        let waits = scope.spawn(all);
        eventually("it is saved", || {
            std::fs::read_to_string(fleet.keeper.path()).unwrap().contains("\"generation\": 2")
        });
        fleet.copies.iter().for_each(|copy| fleet.bring(copy));
        waits.join().unwrap()
    });
    // The credential's key was revoked with all others: who refuses it has read that.
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("3 nodes with generation 2, in "), "{stdout}");
}

#[test]
fn who_has_it_is_told_and_who_does_not_is_named() {
    let fleet = Fleet::start();
    let file = fleet.list(&fleet.urls());
    let key = || {
        let (_, stdout, _) = fleet.keys(&["show", "--json"]);
        let ring: Value = serde_json::from_str(&stdout).unwrap();
        ring["standby"].as_str().unwrap().to_owned()
    };
    let place = fleet.keeper.place();
    let activate = |id: &str, wait: &str| {
        let id = format!("--nodes={file} --force --yes {wait} -- {id}");
        let arguments: Vec<_> = id.split(' ').collect();
        run(&[&["keys", "activate", "--ring", &place], &arguments[..]].concat(), "")
    };
    let saved = |generation: u64| {
        eventually("it is saved", || {
            let text = std::fs::read_to_string(fleet.keeper.path()).unwrap();
            text.contains(&format!("\"generation\": {generation}"))
        });
    };
    let (code, stdout, stderr) = std::thread::scope(|scope| {
        let id = key();
        let activate = &activate;
        let waits = scope.spawn(move || activate(&id, "--wait"));
        saved(2);
        fleet.copies.iter().for_each(|copy| fleet.bring(copy));
        waits.join().unwrap()
    });
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("3 nodes with generation 2, in "), "{stdout}");
    for url in fleet.urls() {
        assert!(stderr.contains(&format!("{url} has generation 2, after ")), "{stderr}");
    }
    let (code, stdout, stderr) = std::thread::scope(|scope| {
        let id = key();
        let activate = &activate;
        let waits = scope.spawn(move || activate(&id, "--wait=8s --json"));
        saved(3);
        fleet.bring(&fleet.copies[1]);
        waits.join().unwrap()
    });
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stderr.contains("2 of 3 nodes do not have generation 3 after "), "{stderr}");
    assert!(stderr.contains("generation 3 is saved all the same"), "{stderr}");
    let answer: Value = serde_json::from_str(stdout.lines().nth(1).unwrap()).unwrap();
    let arrived = |entry: &&Value| entry["arrived"] == true;
    assert_eq!(answer["nodes"].as_array().unwrap().iter().filter(arrived).count(), 1);
}
