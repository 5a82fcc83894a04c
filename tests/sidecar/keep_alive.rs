//! Many users over few connections: nobody gets another's answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Client, Sidecar, Upstream, answer};

/// T41. `SADDLEBAG_LONG_TESTS=1` asks the 100,000 times of the issue.
#[test]
fn answers_of_many_users_over_the_same_connections_are_never_mixed_up() {
    let long = std::env::var_os("SADDLEBAG_LONG_TESTS").is_some();
    let requests = if long { 100_000 } else { 10_000 };
    let upstream = Upstream::new(|request, stream| {
        let target = request.first.split(' ').nth(1).unwrap();
        let text = format!("{} {target} {}", request.one("x-session-subject"), request.body.len());
        // Some change their session, and some end the connection.
        let ends = request.body.len() % 101 == 100;
        let mut lines = if ends { "connection: close\r\n" } else { "" }.to_owned();
        if request.body.len() % 3 == 0 {
            lines.push_str(&format!("x-session-set: \"{target}\"\r\n"));
        }
        answer(stream, &lines, &text) && !ends
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let tokens: Vec<String> =
        (0..16).map(|n| sidecar.issue(&format!("user-{n}"), "null", LONG)).collect();
    let (tokens, done) = (Arc::new(tokens), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (front, tokens, done) = (&sidecar.front, Arc::clone(&tokens), Arc::clone(&done));
            scope.spawn(move || {
                let mut client = Client::to(front);
                let mut number = thread;
                while done.fetch_add(1, Ordering::Relaxed) < requests {
                    number = number.wrapping_mul(31).wrapping_add(7) % 1_009;
                    let (user, length) = (number % tokens.len(), number % 211);
                    let cookie = format!("__Host-session={}", tokens[user]);
                    let headers = [("cookie", &*cookie), ("content-length", &*length.to_string())];
                    let head = crate::support::head(&format!("POST /{thread}/{number}"), &headers);
                    client.send((head + &"b".repeat(length)).as_bytes());
                    let answer = crate::support::read(&mut client.0).expect("an answer");
                    assert_eq!(answer.text(), format!("user-{user} /{thread}/{number} {length}"));
                    assert_eq!(answer.token().is_some(), length % 3 == 0);
                }
            });
        }
    });
    assert!(upstream.count() >= requests, "{}", upstream.count());
    // They were kept, and not made for each request.
    assert!(upstream.connections.load(Ordering::SeqCst) < requests / 10);
}

/// No token is renewed while the test runs: what is changed alone is sent.
const LONG: &[&str] = &["--lifetime", "10h"];
