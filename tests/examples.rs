//! The examples, run as their first lines say, each on a free port, and used.
//!
//! `cargo test` builds them; `cargo test --test examples` takes what was built before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use saddlebag::keys::{FileStore, Policy, Store, UnixTime, rotation};

#[test]
fn the_counter_counts_each_visitor() {
    let counter = Example::start("counter", None);
    let (mut alice, mut bob) = (Visitor::default(), Visitor::default());
    for visit in 1..=3 {
        let text = format!("visit {visit}, process {}\n", counter.child.id());
        assert_eq!(alice.get(&counter, "/"), (200, text));
    }
    assert!(bob.get(&counter, "/").1.starts_with("visit 1,"));
    assert_eq!(alice.cookies.keys().collect::<Vec<_>>(), ["__Host-session"]);
}

#[test]
fn two_counters_with_one_ring_file_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("ring.json");
    let (now, mut rng) = (UnixTime::now(), rand::rngs::SysRng);
    let plan = rotation::init("nodes", Policy::default(), now, &mut rng).unwrap();
    FileStore::new(&ring).save(&plan.ring, None).unwrap();
    let nodes = [Example::start("counter", Some(&ring)), Example::start("counter", Some(&ring))];
    let mut visitor = Visitor::default();
    for (visit, node) in (1..=6).zip(nodes.iter().cycle()) {
        let text = format!("visit {visit}, process {}\n", node.child.id());
        assert_eq!(visitor.get(node, "/"), (200, text));
    }
}

#[test]
fn a_counter_that_is_told_to_stop_ends_by_itself_while_a_browser_holds_its_connection() {
    let mut counter = Example::start("counter", None);
    // The agent keeps its connection open.
    let mut visitor = Visitor::default();
    visitor.get(&counter, "/");
    assert!(counter.terminated().success());
    drop(visitor);
}

#[test]
fn a_cart_outlives_the_login_beside_it() {
    let shop = Example::start("cart", None);
    let mut visitor = Visitor::default();
    assert_eq!(visitor.get(&shop, "/"), (200, "nobody has []\n".to_owned()));
    assert_eq!(visitor.cookies.len(), 0);
    assert_eq!(visitor.post(&shop, "/cart/apples"), (200, "1 in the cart\n".to_owned()));
    // Both sessions are required here, and one is there.
    assert_eq!(visitor.post(&shop, "/checkout"), (401, "no session\n".to_owned()));
    assert_eq!(visitor.post(&shop, "/login/alice"), (200, "hello alice\n".to_owned()));
    assert_eq!(visitor.cookies.keys().collect::<Vec<_>>(), ["__Host-cart", "__Host-login"]);
    assert_eq!(visitor.get(&shop, "/"), (200, "alice has [\"apples\"]\n".to_owned()));

    // T43: the token of one is no token of the other.
    let mut swapped = Visitor::default();
    swapped.cookies.insert("__Host-login".to_owned(), visitor.cookies["__Host-cart"].clone());
    swapped.cookies.insert("__Host-cart".to_owned(), visitor.cookies["__Host-login"].clone());
    assert_eq!(swapped.get(&shop, "/"), (200, "nobody has []\n".to_owned()));

    assert_eq!(visitor.post(&shop, "/logout"), (200, "goodbye\n".to_owned()));
    assert_eq!(visitor.get(&shop, "/"), (200, "nobody has [\"apples\"]\n".to_owned()));
    visitor.post(&shop, "/login/bob");
    assert_eq!(visitor.post(&shop, "/checkout"), (200, "bob bought [\"apples\"]\n".to_owned()));
    assert_eq!(visitor.get(&shop, "/"), (200, "bob has []\n".to_owned()));
}

#[test]
fn a_login_is_asked_for_where_one_is_needed() {
    let shop = Example::start("login", None);
    let mut visitor = Visitor::default();
    let (status, page) = visitor.get(&shop, "/");
    assert!(status == 200 && page.contains("<form"), "{status} {page}");
    assert_eq!(visitor.get(&shop, "/account").0, 401);
    visitor.form(&shop, "/note", "text=milk");
    assert_eq!(visitor.get(&shop, "/account"), (401, "log in first\n".to_owned()));
    assert_eq!(visitor.form(&shop, "/login", "name=alice&password=open+sesame").0, 303);
    let text = "alice, admin: false, notes: [\"milk\"]\n".to_owned();
    assert_eq!(visitor.get(&shop, "/account"), (200, text));
    assert_eq!(visitor.form(&shop, "/logout", "").0, 303);
    assert_eq!(visitor.get(&shop, "/account").0, 401);
}

#[test]
fn a_service_without_a_framework_has_sessions() {
    let mut service = Example::start("tower_only", None);
    let mut visitor = Visitor::default();
    assert_eq!(visitor.get(&service, "/end"), (401, "no session\n".to_owned()));
    assert_eq!(visitor.get(&service, "/"), (200, "visit 1\n".to_owned()));
    assert_eq!(visitor.get(&service, "/"), (200, "visit 2\n".to_owned()));
    assert_eq!(visitor.get(&service, "/elsewhere").0, 404);
    assert_eq!(visitor.get(&service, "/end"), (200, "goodbye after 2 visits\n".to_owned()));
    assert_eq!(visitor.get(&service, "/"), (200, "visit 1\n".to_owned()));
    assert!(service.terminated().success());
}

#[test]
fn a_grpc_client_carries_its_session_in_the_metadata() {
    let output = Command::new(program("tonic")).env_remove("SADDLEBAG_RING").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        told,
        "without a token: Unauthenticated, no session\nalice: 1\nalice: 2\nalice: 3\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}

/// A running example, which ends with the value.
struct Example {
    child: Child,
    address: String,
}

impl Example {
    fn start(name: &str, ring: Option<&Path>) -> Self {
        let mut command = Command::new(program(name));
        command.arg("0").stdin(Stdio::null()).stdout(Stdio::piped()).env_remove("SADDLEBAG_RING");
        if let Some(ring) = ring {
            command.env("SADDLEBAG_RING", ring);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let address = address.unwrap_or_else(|| panic!("{name} said {line:?}"));
        Self { child, address: address.trim_end_matches('/').to_owned() }
    }

    /// How it ended after a SIGTERM, by itself and soon.
    fn terminated(&mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        for _ in 0..200 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("it was told to stop 10 s ago, and runs");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client with a jar of cookies, which follows no redirect.
struct Visitor {
    agent: ureq::Agent,
    cookies: BTreeMap<String, String>,
}

impl Default for Visitor {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Self { agent: config.into(), cookies: BTreeMap::new() }
    }
}

impl Visitor {
    fn get(&mut self, example: &Example, path: &str) -> (u16, String) {
        let request = self.agent.get(format!("{}{path}", example.address));
        let answer = request.header("cookie", self.header()).call().unwrap();
        self.read(answer)
    }

    fn post(&mut self, example: &Example, path: &str) -> (u16, String) {
        self.form(example, path, "")
    }

    /// As a form of the application's own page.
    fn form(&mut self, example: &Example, path: &str, form: &str) -> (u16, String) {
        let request = self.agent.post(format!("{}{path}", example.address));
        let request = request.header("origin", &example.address).header("cookie", self.header());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send(form).unwrap();
        self.read(answer)
    }

    fn header(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn read(&mut self, mut answer: ureq::http::Response<ureq::Body>) -> (u16, String) {
        for line in answer.headers().get_all("set-cookie") {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let mut text = String::new();
        answer.body_mut().as_reader().read_to_string(&mut text).unwrap();
        (answer.status().as_u16(), text)
    }
}

/// An example that was built: beside the folder of this test's own program.
fn program(name: &str) -> PathBuf {
    let own = env::current_exe().unwrap();
    let program = own.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    program
}
