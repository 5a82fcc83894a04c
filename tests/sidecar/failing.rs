//! A service that cannot be reached, breaks off, or takes too long.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::support::{Sidecar, Upstream, answer, saddlebag};

#[test]
fn a_service_that_is_not_there_is_a_502() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sidecar = Sidecar::start(&format!("http://{free}"), &[]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    let answer = sidecar.get("/", &token);
    assert_eq!((answer.status(), answer.code()), (502, "upstream_unreachable".to_owned()));
    assert_eq!(answer.all("server"), [""; 0]);
    let nowhere = Sidecar::start("unix:/nowhere/app.sock", &[]).ready();
    assert_eq!(nowhere.ask("GET /", &[]).code(), "upstream_unreachable");
}

#[test]
fn a_service_that_breaks_off_is_a_502_and_the_next_is_as_good_as_ever() {
    let upstream = Upstream::new(|request, stream| {
        let text: &[u8] = match request.first.split(' ').nth(1).unwrap() {
            "/nothing" => return false,
            "/nonsense" => b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "/half" => b"HTTP/1.1 200 OK\r\ncontent-le",
            "/folded" => b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n",
            "/101" => {
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
            }
            "/two-lengths" => {
                b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
            }
            _ => return answer(stream, "", "page"),
        };
        let _ = stream.write_all(text);
        false
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    for path in ["/nothing", "/nonsense", "/half", "/101", "/two-lengths"] {
        let answer = sidecar.ask(&format!("GET {path}"), &[]);
        assert_eq!((answer.status(), answer.code()), (502, "upstream_broken".to_owned()), "{path}");
        assert_eq!(sidecar.ask("GET /", &[]).text(), "page");
    }
}

#[test]
fn a_service_that_takes_too_long_is_a_504() {
    let upstream = Upstream::new(|request, stream| {
        if request.first.contains("/slow") {
            std::thread::sleep(Duration::from_secs(8));
        }
        answer(stream, "", "page")
    });
    let sidecar = Sidecar::before(&upstream, &["--upstream-timeout", "1s"]).ready();
    let answer = sidecar.ask("GET /slow", &[]);
    assert_eq!((answer.status(), answer.code()), (504, "upstream_timeout".to_owned()));
    assert_eq!(sidecar.ask("GET /", &[]).text(), "page");
    assert_eq!(
        sidecar.metric("saddlebag_sidecar_answers_total{outcome=\"upstream_timeout\"}"),
        1.0
    );
}

/// A connection that the service closed while it was idle is no reason for a 502.
#[test]
fn connections_that_the_service_closed_are_made_anew() {
    let upstream = Upstream::new(|_, stream| {
        answer(stream, "", "page");
        false
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    for _ in 0..50 {
        assert_eq!(client.ask("GET /", &[]).status(), 200);
    }
}

/// Nobody answers a connection there: its queue is full.
#[test]
fn a_service_that_takes_no_connection_in_time_is_a_504() {
    let (listener, _waiting) = full();
    let address = listener.local_addr().unwrap();
    let sidecar =
        Sidecar::start(&format!("http://{address}"), &["--connect-timeout", "1s"]).ready();
    let answer = sidecar.ask("GET /", &[]);
    assert_eq!((answer.status(), answer.code()), (504, "upstream_timeout".to_owned()));
}

/// A listener whose queue has no room, and what is in it.
fn full() -> (TcpListener, Vec<TcpStream>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(0).unwrap().into_std().unwrap()
    });
    let address = listener.local_addr().unwrap();
    let soon = Duration::from_millis(500);
    let waiting = std::iter::from_fn(|| TcpStream::connect_timeout(&address, soon).ok());
    let waiting = waiting.take(1_000).collect();
    (listener, waiting)
}

#[test]
fn an_answer_that_falls_silent_is_cut_off() {
    let upstream = Upstream::new(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // Slow is not silent.
        for _ in 0..6 {
            stream.write_all(b"1\r\na\r\n").unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        std::thread::sleep(Duration::from_secs(60));
        false
    });
    let sidecar = Sidecar::before(&upstream, &["--stream-timeout", "1s"]).ready();
    let mut client = sidecar.connect();
    client.send(crate::support::head("GET /", &[]).as_bytes());
    let began = std::time::Instant::now();
    let rest = client.rest();
    assert!(rest.starts_with("HTTP/1.1 200 OK") && !rest.contains("\r\n0\r\n"), "{rest}");
    assert_eq!(rest.matches("1\r\na\r\n").count(), 6, "{rest}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// A connection that breaks as a request is on it: what is safe is asked again, once, and nothing else is.
#[test]
fn a_get_is_asked_again_once_and_a_post_is_a_502() {
    let breaks = Arc::new(AtomicUsize::new(0));
    let left = Arc::clone(&breaks);
    let upstream = Upstream::new(move |_, stream| {
        let is_broken = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        !is_broken && answer(stream, "", "page")
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    for (first, broken, status, asked) in [
        ("GET /", 0, 200, 1),
        ("GET /", 1, 200, 2),
        ("GET /", 2, 502, 2),
        ("HEAD /", 2, 502, 2),
        ("POST /", 1, 502, 1),
        ("DELETE /", 1, 502, 1),
        ("POST /", 0, 200, 1),
    ] {
        let before = upstream.count();
        breaks.store(broken, SeqCst);
        let mut client = sidecar.connect();
        client.send(crate::support::head(first, &[("connection", "close")]).as_bytes());
        let answer = client.rest();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{first} {broken}: {answer}");
        assert_eq!(upstream.count() - before, asked, "{first} {broken}");
        breaks.store(0, SeqCst);
    }
    // One with a body is never sent twice.
    breaks.store(1, SeqCst);
    let before = upstream.count();
    let mut client = sidecar.connect();
    client.send((crate::support::head("GET /", &[("content-length", "3")]) + "abc").as_bytes());
    assert_eq!(crate::support::read(&mut client.0).unwrap().code(), "upstream_broken");
    assert_eq!(upstream.count() - before, 1);
}

#[test]
fn unix_sockets_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let (app, front) = (folder.path().join("app.sock"), folder.path().join("front.sock"));
    let listener = UnixListener::bind(&app).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 2_048];
            let length = std::io::Read::read(&mut stream, &mut bytes).unwrap();
            let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let text = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{asked}",
                asked.len()
            );
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    let listen = format!("unix:{}", front.display());
    let upstream = format!("unix:{}", app.display());
    let _sidecar = Sidecar::start(&upstream, &["--listen", &listen]).ready();
    let mut stream = std::os::unix::net::UnixStream::connect(&front).unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
    assert!(text.contains("GET /a HTTP/1.1") && text.contains("x-session-id: "), "{text}");
}

#[test]
fn wrong_flags_are_named() {
    for (arguments, told) in [
        (&["--upstream", "app:3000"][..], "\"app:3000\""),
        (&["--upstream", "http://a/b"], "has a path"),
        (&["--upstream", "http://a", "--api-listen", "127.0.0.1:0"], "--api-listen 127.0.0.1:0"),
        (&["--upstream", "http://a", "--api-listen", "unix:a.sock"], "--allow-uid"),
        (&["--upstream", "http://a", "--allow-uid", "0=verify"], "--api-listen"),
        (&["--upstream", "http://a", "--rules", "nowhere.toml"], "nowhere.toml"),
        (&["--upstream", "http://a", "--cookie", "a b"], "\"a b\""),
        (&["--upstream", "http://a", "--trust", "here"], "\"here\""),
        (&[], "--upstream"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let place = format!("file:{}", folder.path().join("ring.json").display());
        saddlebag().args(["keys", "init", "--ring", &place]).output().unwrap();
        let output =
            saddlebag().args(["sidecar", "--ring", &place]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(told), "{arguments:?}: {text}");
    }
}
