//! A small HTTP/1.1 proxy in front of Vault that does, at any request, what a network or a broken server may do,
//! and keeps what it was asked.
//!
//! One thread and one request a connection: every answer closes it. Bodies of requests have a length, as those
//! of every client here do; chunked ones are answered 411.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::faults::{Fault, Seen, Traffic, When, path_fits};

/// Listens until it is dropped.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: Mutex<String>,
    faults: Mutex<Vec<(When, Fault)>>,
    seen: Mutex<Log>,
    stopped: AtomicBool,
}

/// Requests by number; a number is used once, so that what a forgotten one still gets counts for no other.
#[derive(Default)]
struct Log {
    next: u64,
    seen: BTreeMap<u64, Seen>,
}

impl FaultProxy {
    /// In front of `upstream`, `http://127.0.0.1:PORT`; without a fault it passes everything on.
    pub(crate) fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::new(host(upstream)),
            faults: Mutex::default(),
            seen: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if served.stopped() {
                    return;
                }
                let served = Arc::clone(&served);
                // A client that leaves is no failure of the test.
                std::thread::spawn(move || connection.and_then(|client| served.serve(client)));
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on asks another upstream.
    pub(crate) fn retarget(&self, upstream: &str) {
        *self.shared.upstream.lock().unwrap() = host(upstream);
    }

    /// Adds a fault. Of those that fit a request the one added first is taken, so that faults for the next few
    /// requests come one after the other.
    pub(crate) fn fault(&self, when: When, fault: Fault) {
        self.shared.faults.lock().unwrap().push((when, fault));
    }

    /// Removes every fault. A request that is stalled stays so.
    pub(crate) fn clear(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Every request since the start or the last [`FaultProxy::forget`], in order, whatever became of it.
    /// A client may have its answer a moment before its bytes are counted.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().seen.values().cloned().collect()
    }

    pub(crate) fn forget(&self) {
        self.shared.seen.lock().unwrap().seen.clear();
    }

    /// How many requests of this method came for this path (as in [`When::path`]).
    pub(crate) fn requests(&self, method: &str, path: &str) -> usize {
        let log = self.shared.seen.lock().unwrap();
        let fits = |seen: &&Seen| seen.method == method && path_fits(path, &seen.target);
        log.seen.values().filter(fits).count()
    }

    /// Requests and bytes by method and target.
    pub(crate) fn traffic(&self) -> BTreeMap<(String, String), Traffic> {
        let mut traffic: BTreeMap<_, Traffic> = BTreeMap::new();
        for seen in self.seen() {
            let sum = traffic.entry((seen.method, seen.target)).or_default();
            sum.requests += 1;
            sum.received += seen.received;
            sum.sent += seen.sent;
        }
        traffic
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(PATIENCE))?;
        let Some(request) = read_request(&mut client)? else {
            return answer(&mut client, 411, &[], b"").map(drop);
        };
        let (method, target) = (request.method.clone(), request.target.clone());
        let (body, headers) = (request.body.clone(), request.headers.clone());
        let number = {
            let mut log = self.seen.lock().unwrap();
            let number = log.next;
            log.next += 1;
            log.seen.insert(number, request);
            number
        };
        let mut back = Back { shared: self, client, number };
        match self.fault_for(&method, &target) {
            Some(Fault::Answer { status, headers, body }) => {
                answer(&mut back, status, &headers, &body)
            }
            Some(Fault::Oversize(length)) => {
                let filler = length.saturating_sub(OPEN.len() + CLOSE.len());
                let body = [OPEN, &b"a".repeat(filler), CLOSE].concat();
                answer(&mut back, 200, &[], &body)
            }
            Some(Fault::Endless) => self.never_end(&mut back),
            Some(Fault::HangUp) => Ok(()),
            Some(Fault::Stall) => self.stall(&mut back.client),
            fault => {
                let mut upstream = self.ask(&method, &target, &headers, &body)?;
                match fault {
                    Some(Fault::LoseAnswer) => io::copy(&mut upstream, &mut io::sink()).map(drop),
                    Some(Fault::Drip(pause)) => self.drip(&upstream, &mut back, pause),
                    _ => io::copy(&mut upstream, &mut back).map(drop),
                }
            }
        }?;
        back.client.shutdown(Shutdown::Both)
    }

    fn fault_for(&self, method: &str, target: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let (when, fault) = faults.iter_mut().find(|(when, _)| when.fits(method, target))?;
        when.count_down();
        Some(fault.clone())
    }

    /// Asks the upstream, which closes the connection where its answer ends.
    fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> io::Result<TcpStream> {
        let address = self.upstream.lock().unwrap().clone();
        let mut upstream = TcpStream::connect(address)?;
        let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers.iter().filter(|(name, _)| name != "connection") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        upstream.write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
        Ok(upstream)
    }

    fn never_end(&self, back: &mut impl Write) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        back.write_all(head.as_bytes())?;
        back.write_all(OPEN)?;
        while !self.stopped() {
            back.write_all(&[b'a'; 8192])?;
        }
        Ok(())
    }

    /// Until the client leaves, or the proxy is dropped.
    fn stall(&self, client: &mut TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(Duration::from_millis(50)))?;
        while !self.stopped() {
            match client.read(&mut [0; 64]) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn drip(&self, upstream: &TcpStream, back: &mut impl Write, pause: Duration) -> io::Result<()> {
        for byte in io::BufReader::new(upstream).bytes() {
            std::thread::sleep(pause);
            if self.stopped() {
                return Ok(());
            }
            back.write_all(&[byte?])?;
        }
        Ok(())
    }
}

/// The way back to a client, with its bytes counted.
struct Back<'a> {
    shared: &'a Shared,
    client: TcpStream,
    number: u64,
}

impl Write for Back<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.client.write(bytes)?;
        // Forgotten meanwhile, perhaps.
        if let Some(seen) = self.shared.seen.lock().unwrap().seen.get_mut(&self.number) {
            seen.sent += u64::try_from(written).unwrap();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.flush()
    }
}

/// The whole request; none where its body has no length.
fn read_request(client: &mut TcpStream) -> io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let (mut seen, head) = loop {
        let mut more = [0; 4096];
        let count = client.read(&mut more)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more[..count]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(head) = request.parse(&bytes).map_err(io::Error::other)? {
            let headers = request.headers.iter().map(|header| {
                let value = String::from_utf8_lossy(header.value).into_owned();
                (header.name.to_ascii_lowercase(), value)
            });
            let seen = Seen {
                method: request.method.unwrap().to_owned(),
                target: request.path.unwrap().to_owned(),
                headers: headers.collect(),
                body: Vec::new(),
                received: 0,
                sent: 0,
            };
            break (seen, head);
        }
    };
    if seen.header("transfer-encoding").is_some() {
        return Ok(None);
    }
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + length {
        let mut rest = vec![0; head + length - bytes.len()];
        client.read_exact(&mut rest)?;
        bytes.extend_from_slice(&rest);
    }
    seen.received = u64::try_from(bytes.len()).unwrap();
    seen.body = bytes.split_off(head);
    Ok(Some(seen))
}

fn answer(
    back: &mut impl Write,
    status: u16,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Fault\r\ncontent-type: application/json\r\n");
    head.push_str(&format!("connection: close\r\ncontent-length: {}\r\n", body.len()));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    back.write_all(&[head.as_bytes(), b"\r\n", body].concat())
}

fn host(upstream: &str) -> String {
    upstream.trim_start_matches("http://").to_owned()
}

/// Around the filler of a body whose size alone is wrong.
const OPEN: &[u8] = br#"{"data":""#;
const CLOSE: &[u8] = br#""}"#;
const PATIENCE: Duration = Duration::from_secs(60);
