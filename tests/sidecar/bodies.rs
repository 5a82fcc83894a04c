//! Bodies: both ways as they come, with an end to their length and to their slowness.

use std::io::Write;
use std::time::Duration;

use crate::support::{Sidecar, Upstream, answer, eventually, head, read};

#[test]
fn bodies_stream_both_ways() {
    // The service answers a piece as soon as it has the head, and the next once it has the body.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let mut first = [0; 2_048];
            let _ = std::io::Read::read(&mut stream, &mut first);
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n5\r\nearly\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            let mut rest = vec![0; 2_048];
            let mut got = 0;
            while got < 3 {
                got += std::io::Read::read(&mut stream, &mut rest).unwrap();
            }
            stream.write_all(b"4\r\nlate\r\n0\r\nx-sum: 1\r\nx-session-set: 1\r\n\r\n").unwrap();
        }
    });
    let sidecar = Sidecar::start(&format!("http://{address}"), &[]).ready();
    let mut client = sidecar.connect();
    client.send(head("POST /", &[("content-length", "3")]).as_bytes());
    let mut seen = String::new();
    while !seen.contains("early") {
        let mut bytes = [0; 512];
        let length = std::io::Read::read(&mut client.0, &mut bytes).unwrap();
        assert!(length > 0, "{seen}");
        seen.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    client.send(b"abc");
    while !seen.contains("0\r\n") || !seen.ends_with("\r\n\r\n") {
        let mut bytes = [0; 512];
        let length = std::io::Read::read(&mut client.0, &mut bytes).unwrap();
        assert!(length > 0, "{seen}");
        seen.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    assert!(seen.contains("late"), "{seen}");
    assert!(!seen.contains("x-session"), "{seen}");
}

/// Found by the cases of `smuggling`: the body of a GET was dropped where its length was not told.
#[test]
fn a_body_of_a_get_arrives_however_it_is_framed() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    for method in ["GET", "DELETE", "POST", "OPTIONS"] {
        for (headers, body) in [
            (("content-length", "3"), "abc"),
            (("transfer-encoding", "chunked"), "3\r\nabc\r\n0\r\n\r\n"),
        ] {
            client.send((head(&format!("{method} /"), &[headers]) + body).as_bytes());
            assert_eq!(read(&mut client.0).unwrap().status(), 200);
            let request = upstream.last();
            assert_eq!(request.body, b"abc", "{method} {headers:?}");
            assert!(request.first.starts_with(method));
        }
        // And none where there was none.
        assert_eq!(client.ask(&format!("{method} /"), &[]).status(), 200);
        assert_eq!(upstream.last().all("transfer-encoding"), [""; 0], "{method}");
    }
}

#[test]
fn a_body_has_a_longest() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--max-body-bytes", "1000"]).ready();
    let fits = "a".repeat(1_000);
    for (headers, body, status) in [
        (("content-length", "1000"), fits.clone(), 200),
        (("content-length", "1001"), fits.clone() + "a", 413),
        (("transfer-encoding", "chunked"), format!("3e8\r\n{fits}\r\n0\r\n\r\n"), 200),
        (("transfer-encoding", "chunked"), format!("3e8\r\n{fits}\r\n1\r\na\r\n0\r\n\r\n"), 413),
    ] {
        let mut client = sidecar.connect();
        client.send((head("POST /", &[headers]) + &body).as_bytes());
        let answer = read(&mut client.0).unwrap();
        assert_eq!(answer.status(), status, "{headers:?}");
        if status == 413 {
            assert_eq!(answer.code(), "body_too_large");
        }
    }
    assert!(sidecar.metric("saddlebag_sidecar_answers_total{outcome=\"body_too_large\"}") >= 2.0);
}

/// T44: a byte now and then holds nothing for long.
#[test]
fn a_body_that_drips_is_given_up() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--body-timeout", "2s"]).ready();
    let mut client = sidecar.connect();
    client.send(head("POST /", &[("content-length", "1000")]).as_bytes());
    let mut writer = client.0.get_ref().try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        while writer.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let answer = read(&mut client.0).unwrap();
    assert_eq!((answer.status(), answer.code()), (408, "body_too_slow".to_owned()));
    drop(client);
    drip.join().unwrap();
}

#[test]
fn a_client_that_goes_away_frees_the_service() {
    let upstream = Upstream::new(|_, stream| {
        // For ever, until nobody listens.
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        while stream.write_all(b"1\r\na\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    client.send(head("GET /", &[]).as_bytes());
    let mut some = [0; 16];
    std::io::Read::read_exact(&mut client.0, &mut some).unwrap();
    assert_eq!(sidecar.metric("saddlebag_http_requests_in_flight"), 1.0);
    drop(client);
    eventually("nothing is under way", || {
        sidecar.metric("saddlebag_http_requests_in_flight") == 0.0
    });
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let upstream = Upstream::new(|_, stream| answer(stream, "", &"a".repeat(50_000_000)));
    let sidecar = Sidecar::before(&upstream, &["--head-timeout", "2s"]).ready();
    let mut client = sidecar.connect();
    client.send(head("GET /", &[]).as_bytes());
    eventually("it is under way", || sidecar.metric("saddlebag_http_requests_in_flight") == 1.0);
    eventually("it was cut off", || sidecar.metric("saddlebag_http_requests_in_flight") == 0.0);
}

#[test]
fn what_is_under_way_is_finished_at_the_end() {
    let upstream = Upstream::new(|_, stream| {
        std::thread::sleep(Duration::from_millis(800));
        answer(stream, "", "late")
    });
    let mut sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    client.send(head("GET /", &[]).as_bytes());
    eventually("it is under way", || upstream.count() == 1);
    sidecar.signal("TERM");
    assert_eq!(read(&mut client.0).unwrap().text(), "late");
    assert_eq!(sidecar.wait(), Some(0));
}
