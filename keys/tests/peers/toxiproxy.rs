//! Toxiproxy, for what happens to bytes between two parts: latency, bandwidth, stalls, slices, resets.
//!
//! Toxics and their attributes: `latency` (`latency` and `jitter`, milliseconds), `bandwidth` (`rate`, KB/s),
//! `slow_close` (`delay`), `timeout` (`timeout`: data stops, and the connection ends after so many
//! milliseconds, or with 0 never), `reset_peer` (`timeout`), `slicer` (`average_size`, `size_variation`,
//! `delay` in microseconds), `limit_data` (`bytes`).

use serde_json::{Value, json};
use tempfile::TempDir;

use super::ports::Port;
use super::process::{Process, program};

/// The server, at its first without a proxy.
pub(crate) struct Toxiproxy {
    _process: Process,
    address: String,
    _port: Port,
    _folder: TempDir,
}

/// Which way bytes go: to the upstream, or back from it.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Up,
    Down,
}

/// One address in front of another.
pub(crate) struct ProxyHandle {
    server: String,
    name: String,
    port: Port,
}

impl Toxiproxy {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::free();
        let module = include_str!("../../../tests/peers/toxiproxy/go.mod");
        let module = ("toxiproxy", module, "github.com/Shopify/toxiproxy/v2");
        let server = program("TOXIPROXY_BIN", &["toxiproxy-server"], module);
        let number = port.number.to_string();
        let arguments = ["-host", "127.0.0.1", "-port", &number];
        let mut process = Process::start(&server, "toxiproxy", folder.path(), &arguments, &[]);
        let address = format!("http://{}", port.address());
        process.wait_until("it answers", || {
            try_call(&address, "GET", "/version", None).is_ok_and(|(status, _)| status == 200)
        });
        Self { _process: process, address, _port: port, _folder: folder }
    }

    /// A proxy in front of `upstream`, `127.0.0.1:PORT`; an `http://` before it may stay.
    pub(crate) fn proxy(&self, upstream: &str) -> ProxyHandle {
        let upstream = upstream.trim_start_matches("http://").trim_start_matches("https://");
        let port = Port::free();
        let name = format!("proxy-{}", port.number);
        let proxy = json!({
            "name": name, "listen": port.address(), "upstream": upstream, "enabled": true,
        });
        call(&self.address, "POST", "/proxies", Some(proxy));
        ProxyHandle { server: self.address.clone(), name, port }
    }
}

impl ProxyHandle {
    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.port.address()
    }

    /// Adds a toxic for all connections, those that are open too.
    pub(crate) fn add_toxic(&self, kind: &str, attributes: &Value, stream: Stream) {
        let stream = match stream {
            Stream::Up => "upstream",
            Stream::Down => "downstream",
        };
        let toxic = json!({ "type": kind, "stream": stream, "attributes": attributes });
        call(&self.server, "POST", &format!("/proxies/{}/toxics", self.name), Some(toxic));
    }

    /// Removes every toxic.
    pub(crate) fn clear(&self) {
        let path = format!("/proxies/{}/toxics", self.name);
        for toxic in call(&self.server, "GET", &path, None).as_array().unwrap() {
            let name = toxic["name"].as_str().unwrap();
            call(&self.server, "DELETE", &format!("{path}/{name}"), None);
        }
    }

    /// Ends every connection, and refuses new ones.
    pub(crate) fn disable(&self) {
        self.set(false);
    }

    pub(crate) fn enable(&self) {
        self.set(true);
    }

    fn set(&self, enabled: bool) {
        let path = format!("/proxies/{}", self.name);
        call(&self.server, "POST", &path, Some(json!({ "enabled": enabled })));
    }
}

fn call(server: &str, method: &str, path: &str, body: Option<Value>) -> Value {
    let (status, text) = try_call(server, method, path, body).unwrap();
    assert!((200..300).contains(&status), "toxiproxy: {method} {path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

fn try_call(
    server: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<(u16, String), ureq::Error> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let request = ureq::http::Request::builder().method(method).uri(format!("{server}{path}"));
    let mut response = match body {
        Some(body) => agent.run(request.body(body.to_string()).unwrap())?,
        None => agent.run(request.body(()).unwrap())?,
    };
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}
