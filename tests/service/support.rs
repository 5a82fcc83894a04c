//! A folder with a ring, servers over it, and callers with credentials.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A stream that speaks HTTP/1.1 by hand.
pub fn raw(address: &str) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Everything until the other end closes; an end that was no end is as good.
pub fn rest(stream: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn saddlebag() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saddlebag"));
    command.env_remove("SADDLEBAG_RING").stdin(Stdio::null());
    command
}

/// Runs the program with `input` on standard input; its exit code, standard output and standard error.
pub fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = saddlebag()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A ring in a folder of its own.
pub struct Ring {
    pub folder: TempDir,
}

impl Ring {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A ring made with more arguments of `keys init`.
    pub fn with(policy: &[&str]) -> Self {
        let ring = Self::missing();
        let (code, _, stderr) =
            run(&[&["keys", "init", "--ring", &ring.place()], policy].concat(), "");
        assert_eq!(code, 0, "{stderr}");
        ring
    }

    /// A place for a ring, and none there.
    pub fn missing() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ring.json")
    }

    pub fn place(&self) -> String {
        format!("file:{}", self.path().display())
    }

    pub fn credential(&self, arguments: &[&str]) -> String {
        let place = self.place();
        let all = [&["credential", "issue", "--ring", &place], arguments].concat();
        let (code, stdout, stderr) = run(&all, "");
        assert_eq!(code, 0, "{stderr}");
        stdout.trim_end().to_owned()
    }

    pub fn serve(&self, arguments: &[&str]) -> Server {
        Server::start(&[&["--ring", &self.place()], arguments].concat(), |_| {})
    }
}

/// A server, stopped when it is dropped.
pub struct Server {
    child: Option<Child>,
    pub api: String,
    pub admin: String,
    lines: Receiver<String>,
    pub log: PathBuf,
    _folder: TempDir,
}

impl Server {
    /// Bytes of memory that are its own, as its metrics have them.
    pub fn resident(&self) -> f64 {
        let metrics = self.admin().get("/metrics").text;
        let gauge = "process_resident_memory_bytes ";
        let line = metrics.lines().find(|line| line.starts_with(gauge)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Starts `saddlebag serve` on free ports, unless `arguments` name others, and waits for both listeners.
    pub fn start(arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = saddlebag();
        command.arg("serve").args(arguments);
        for flag in ["--listen", "--admin-listen"] {
            if !arguments.contains(&flag) {
                command.args([flag, "127.0.0.1:0"]);
            }
        }
        command.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (api, admin) = (String::new(), String::new());
        let mut server = Self { child: Some(child), api, admin, lines, log, _folder: folder };
        server.api = server.line("api listening on ");
        server.admin = server.line("admin listening on ");
        server
    }

    /// Waits for a line with this start, and gives its rest.
    pub fn line(&mut self, start: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(start) {
                        return rest.to_owned();
                    }
                }
                Err(_) => panic!("no line {start:?}; log:\n{}", self.read_log()),
            }
        }
    }

    pub fn ready(mut self) -> Self {
        self.line("ready");
        self
    }

    /// The lines that have come so far.
    pub fn printed(&self, wait: Duration) -> Vec<String> {
        std::iter::from_fn(|| self.lines.recv_timeout(wait).ok()).collect()
    }

    pub fn read_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.process().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Its process, for whoever ends it otherwise.
    pub fn take(&mut self) -> Child {
        self.child.take().unwrap()
    }

    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for the end; the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    pub fn caller(&self, credential: &str) -> Caller {
        Caller { url: format!("http://{}", self.api), credential: Some(credential.to_owned()) }
    }

    pub fn admin(&self) -> Caller {
        Caller { url: format!("http://{}", self.admin), credential: None }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Somebody who calls the service.
#[derive(Clone)]
pub struct Caller {
    pub url: String,
    pub credential: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Status and code of a problem, which must have the shape that all have.
    pub fn problem(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(json["status"], self.status);
        assert!(json["title"].is_string(), "{json}");
        let code = json["code"].as_str().unwrap().to_owned();
        assert_eq!(json["type"], format!("urn:saddlebag:problem:{code}"));
        (self.status, code)
    }
}

impl Caller {
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some("application/json"), body.to_string().as_bytes())
    }

    pub fn form(&self, path: &str, form: &str) -> Answer {
        self.send("POST", path, Some("application/x-www-form-urlencoded"), form.as_bytes())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, b"")
    }

    pub fn send(&self, method: &str, path: &str, kind: Option<&str>, body: &[u8]) -> Answer {
        self.try_send(method, path, kind, body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        kind: Option<&str>,
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(credential) = &self.credential {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let mut response = agent.run(request.body(body).unwrap())?;
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        Ok(Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: response.body_mut().read_to_string()?,
        })
    }

    /// Issues a session, and gives its token.
    pub fn issue(&self, body: &Value) -> String {
        let answer = self.post("/v1/sessions", body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub fn verify(&self, token: &str) -> Value {
        let answer = self.post("/v1/sessions/verify", &serde_json::json!({ "token": token }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
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

/// Replaces a file as a deployment does.
pub fn replace(path: &Path, text: &[u8]) {
    use std::os::unix::fs::OpenOptionsExt;
    let temporary = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&temporary).unwrap();
    file.write_all(text).unwrap();
    std::fs::rename(temporary, path).unwrap();
}
