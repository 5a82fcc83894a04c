//! Credentials and roles, as whoever calls the service can time them: whole requests over a Unix socket, since
//! nothing of their checks is public. The program is `SADDLEBAG`, built by ./run.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use dudect_bencher::rand::{Rng, RngExt};
use dudect_bencher::{BenchRng, Class, CtRunner};

use crate::SAMPLES;

/// A server with a ring in a folder of its own, gone when it is dropped.
struct Server {
    child: Child,
    folder: PathBuf,
    stream: UnixStream,
}

fn program() -> Command {
    Command::new(std::env::var_os("SADDLEBAG").expect("SADDLEBAG names the program: use ./run"))
}

impl Server {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("saddlebag-timing-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let ring = format!("file:{}", folder.join("ring.json").display());
        assert!(
            program().args(["keys", "init", "--ring", &ring]).output().unwrap().status.success()
        );
        let socket = folder.join("socket");
        let listen = format!("unix:{}", socket.display());
        let mut child = program()
            .args(["serve", "--ring", &ring, "--listen", &listen, "--log", "error"])
            .args(["--admin-listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        let stream = UnixStream::connect(&socket).unwrap();
        Self { child, folder, stream }
    }

    fn credential(&self, arguments: &[&str]) -> String {
        let ring = format!("file:{}", self.folder.join("ring.json").display());
        let mut issue = program();
        issue.args(["credential", "issue", "--ring", &ring]).args(arguments);
        let output = issue.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Sends a request and waits for its answer, of which all of it comes at once.
    fn exchange(&self, request: &[u8], answer: &mut [u8]) -> usize {
        let mut stream = &self.stream;
        stream.write_all(request).unwrap();
        stream.read(answer).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn request(credential: &str) -> Vec<u8> {
    format!("GET /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\r\n").into()
}

/// Times requests with credentials that `make` gives for either class; all are answered by this status.
fn requests(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    server: &Server,
    status: &str,
    mut make: impl FnMut(bool, &mut BenchRng) -> String,
) {
    let start = format!("HTTP/1.1 {status}");
    let answer = std::cell::RefCell::new([0; 4_096]);
    let mut sent = Vec::with_capacity(1_024);
    for sample in 0..SAMPLES + WARM {
        let left = rng.random::<bool>();
        sent.clear();
        sent.extend_from_slice(&request(&make(left, rng)));
        if sample < WARM {
            let length = server.exchange(&sent, &mut *answer.borrow_mut());
            assert!(answer.borrow()[..length].starts_with(start.as_bytes()));
            continue;
        }
        let class = if left { Class::Left } else { Class::Right };
        runner.run_one(class, || server.exchange(&sent, &mut *answer.borrow_mut()));
    }
}

const WARM: usize = 5_000;

/// A credential that is right but for its last byte, beside one with a random tag.
pub(crate) fn a_credential(runner: &mut CtRunner, rng: &mut BenchRng) {
    let server = Server::start();
    let bytes = BASE64.decode(server.credential(&["--role", "admin"])).unwrap();
    let (body, tag) = bytes.split_at(bytes.len() - 16);
    requests(runner, rng, &server, "401", |nearly, rng| {
        let mut wrong = [0; 16];
        rng.fill_bytes(&mut wrong);
        let mut near = tag.to_vec();
        near[15] ^= wrong[15] | 1;
        BASE64.encode([body, if nearly { &near } else { &wrong[..] }].concat())
    });
}

/// Of two callers who lack the role, whose credentials are equally long: which roles they have instead.
pub(crate) fn a_role(runner: &mut CtRunner, rng: &mut BenchRng) {
    let server = Server::start();
    let issue = server.credential(&["--role", "issue", "--name", "ab"]);
    let verify = server.credential(&["--role", "verify", "--name", "a"]);
    assert_eq!(issue.len(), verify.len());
    requests(
        runner,
        rng,
        &server,
        "403",
        |left, _| {
            if left { issue.clone() } else { verify.clone() }
        },
    );
}
