//! A sidecar, a service behind it that answers as a test says, and clients that speak HTTP/1.1 by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// A request as the service got it, or an answer as a client did.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// `GET /a HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub first: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// Every value of a header, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(header, _)| header == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header that is there once.
    pub fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {self:?}");
        all[0]
    }

    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(self.one("content-type"), "application/problem+json");
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The session's token that an answer sets; `None` where it sets none.
    pub fn token(&self) -> Option<String> {
        let lines = self.all("set-cookie");
        let line = lines.iter().find_map(|line| line.strip_prefix("__Host-session="))?;
        Some(line.split(';').next().unwrap().to_owned())
    }
}

/// Reads one message; `None` where the connection ends before it. Of bodies it knows lengths and chunks.
pub fn read(stream: &mut impl BufRead) -> Option<Message> {
    let mut message = Message { first: line(stream)?, ..Message::default() };
    while let Some(line) = line(stream).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        message.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if message.all("transfer-encoding").iter().any(|coding| coding.contains("chunked")) {
        loop {
            let size = line(stream)?;
            let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
            if size == 0 {
                while let Some(trailer) = line(stream).filter(|line| !line.is_empty()) {
                    let (name, value) = trailer.split_once(':').unwrap();
                    message.headers.push((format!("trailer {name}"), value.trim().to_owned()));
                }
                return Some(message);
            }
            let start = message.body.len();
            message.body.resize(start + size, 0);
            stream.read_exact(&mut message.body[start..]).ok()?;
            line(stream)?;
        }
    }
    let length = message.all("content-length").first().map_or(0, |length| length.parse().unwrap());
    message.body.resize(length, 0);
    stream.read_exact(&mut message.body).ok()?;
    Some(message)
}

fn line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// How a test's service answers: bytes, and whether its connection goes on.
pub type Answers = dyn Fn(&Message, &mut TcpStream) -> bool + Send + Sync;

/// A service that remembers what it was asked.
pub struct Upstream {
    pub address: String,
    pub seen: Arc<Mutex<Vec<Message>>>,
    pub connections: Arc<AtomicUsize>,
}

impl Upstream {
    pub fn new(answer: impl Fn(&Message, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (seen, connections) =
            (Arc::<Mutex<Vec<Message>>>::default(), Arc::<AtomicUsize>::default());
        let (answer, noted, counted): (Arc<Answers>, _, _) =
            (Arc::new(answer), Arc::clone(&seen), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                std::thread::spawn(move || {
                    let mut writer = stream.try_clone().unwrap();
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = read(&mut reader) {
                        noted.lock().unwrap().push(request.clone());
                        if !answer(&request, &mut writer) {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, seen, connections }
    }

    /// One that answers each request with these lines of a head, and its own target as the body.
    pub fn saying(lines: &'static str) -> Self {
        Self::new(move |request, stream| {
            let target = request.first.split(' ').nth(1).unwrap();
            answer(stream, lines, target)
        })
    }

    pub fn last(&self) -> Message {
        self.seen.lock().unwrap().last().cloned().expect("the service was asked")
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// Writes a 200 with these lines of a head.
pub fn answer(stream: &mut TcpStream, lines: &str, body: &str) -> bool {
    let length = body.len();
    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{lines}\r\n{body}");
    stream.write_all(text.as_bytes()).is_ok()
}

/// A sidecar, stopped when it is dropped.
pub struct Sidecar {
    child: Child,
    lines: Receiver<String>,
    pub front: String,
    pub admin: String,
    pub folder: TempDir,
}

impl Sidecar {
    pub fn before(upstream: &Upstream, arguments: &[&str]) -> Self {
        Self::start(&format!("http://{}", upstream.address), arguments)
    }

    pub fn start(upstream: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = format!("file:{}", folder.path().join("ring.json").display());
        let made = saddlebag().args(["keys", "init", "--ring", &place]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        Self::over(&place, folder, upstream, arguments)
    }

    /// One with a ring of the test's own.
    pub fn with_ring(ring: &std::path::Path, upstream: &Upstream, arguments: &[&str]) -> Self {
        let upstream = format!("http://{}", upstream.address);
        let place = format!("file:{}", ring.display());
        Self::over(&place, tempfile::tempdir().unwrap(), &upstream, arguments)
    }

    /// One with all that a file says, and a ring beside it.
    pub fn configured(config: &std::path::Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = ["keys", "init", "--ring", "file:ring.json"];
        let made = saddlebag().current_dir(folder.path()).args(made).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let mut command = saddlebag();
        command.current_dir(folder.path()).arg("sidecar").arg("--config").arg(config);
        Self::run(command, folder)
    }

    fn over(place: &str, folder: TempDir, upstream: &str, arguments: &[&str]) -> Self {
        std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
        let mut command = saddlebag();
        command.args(["sidecar", "--ring", place, "--upstream", upstream]);
        command.current_dir(folder.path()).args(arguments);
        for flag in ["--listen", "--admin-listen"] {
            if !arguments.contains(&flag) {
                command.args([flag, "127.0.0.1:0"]);
            }
        }
        Self::run(command, folder)
    }

    fn run(mut command: Command, folder: TempDir) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (front, admin) = (String::new(), String::new());
        let mut sidecar = Self { child, lines, front, admin, folder };
        sidecar.front = sidecar.line("front listening on ");
        sidecar.admin = sidecar.line("admin listening on ");
        sidecar
    }

    /// Waits for a line with this start, and gives its rest.
    pub fn line(&self, start: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(start) {
                        return rest.to_owned();
                    }
                }
                Err(_) => panic!("no line {start:?}; log:\n{}", self.log()),
            }
        }
    }

    pub fn ready(self) -> Self {
        self.line("ready");
        self
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.process().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Waits for the end; the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// A token of its ring.
    pub fn issue(&self, subject: &str, state: &str, more: &[&str]) -> String {
        std::fs::write(self.folder.path().join("state.json"), state).unwrap();
        let mut command = saddlebag();
        command.current_dir(self.folder.path()).args([
            "token",
            "issue",
            "--ring",
            "file:ring.json",
        ]);
        command.args(["--subject", subject, "--state", "state.json"]).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn connect(&self) -> Client {
        Client::to(&self.front)
    }

    /// Asks on a connection of its own.
    pub fn ask(&self, first: &str, headers: &[(&str, &str)]) -> Message {
        self.connect().ask(first, headers)
    }

    /// Asks for a page with a session.
    pub fn get(&self, path: &str, token: &str) -> Message {
        self.ask(&format!("GET {path}"), &[("cookie", &format!("__Host-session={token}"))])
    }

    /// The value of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let answer = Client::to(&self.admin).ask("GET /metrics", &[]);
        let line = answer.text().lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no metric {name}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection, by hand.
pub struct Client(pub BufReader<TcpStream>);

impl Client {
    pub fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends bytes; an end that closes before all of them is told by what is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// `first` is `METHOD target`.
    pub fn ask(&mut self, first: &str, headers: &[(&str, &str)]) -> Message {
        self.send(head(first, headers).as_bytes());
        read(&mut self.0).expect("an answer")
    }

    /// Everything until the other end closes.
    pub fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4_096];
        while let Ok(length @ 1..) = self.0.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..length]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The head of a request; `Host` is there unless it is given.
pub fn head(first: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{first} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("host: shop.example\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// Tries until it is so, for a minute: what is waited for has no bound of its own.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never: {what}");
}

pub fn saddlebag() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saddlebag"));
    command.env_remove("SADDLEBAG_RING").stdin(Stdio::null());
    command
}

pub const RULES: &str = r#"
default = "optional"
login = "/login"
rule = [
    { path = "/public/**", session = "public" },
    { path = "/login", session = "public" },
    { path = "/orders/**", session = "required" },
    { path = "/admin/**", role = "admin" },
]
"#;
