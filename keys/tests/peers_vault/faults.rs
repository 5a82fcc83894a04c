//! Every fault of both proxies, as a plain HTTP client sees it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::peers::{Client, DevVault, Fault, FaultProxy, Stream, Toxiproxy, When, eventually};

const RING: &str = "/v1/secret/data/ring";

/// A Vault that holds a version of `secret/ring`, a proxy in front of it, and a client of the proxy.
fn behind_a_proxy() -> (DevVault, FaultProxy, Client) {
    let vault = DevVault::start();
    write(&vault, 0).unwrap();
    let proxy = FaultProxy::start(vault.address());
    let client = vault.at(&proxy.address());
    (vault, proxy, client)
}

fn read(client: &Client) -> Result<(u16, Value), ureq::Error> {
    client.try_api(&[("x-vault-token", client.root_token())], "GET", "secret/data/ring", None)
}

fn write(client: &Client, cas: u64) -> Result<(u16, Value), ureq::Error> {
    let body = json!({ "options": { "cas": cas }, "data": { "x": cas } });
    let token = [("x-vault-token", client.root_token())];
    client.try_api(&token, "POST", "secret/data/ring", Some(body))
}

fn version(client: &Client) -> Value {
    client.must("GET", "secret/metadata/ring", None)["data"]["current_version"].clone()
}

#[test]
fn without_a_fault_everything_passes_and_is_counted() {
    let (vault, proxy, client) = behind_a_proxy();
    assert_eq!(read(&client).unwrap().1["data"], read(&vault).unwrap().1["data"]);
    assert_eq!(write(&client, 1).unwrap().0, 200);
    assert_eq!(write(&client, 1).unwrap().0, 400);
    assert_eq!((proxy.requests("GET", RING), proxy.requests("POST", RING)), (1, 2));
    assert_eq!((proxy.requests("GET", "/v1/secret/*"), proxy.requests("GET", "/v1/*")), (1, 1));
    assert_eq!(proxy.requests("GET", "/v1/secret/metadata/ring"), 0);
    let seen = proxy.seen();
    assert_eq!(seen[0].header("x-vault-token"), Some(vault.root_token()));
    assert_eq!(serde_json::from_slice::<Value>(&seen[1].body).unwrap()["options"]["cas"], 1);
    eventually("bytes are counted", || {
        let traffic = proxy.traffic();
        let of = |method: &str| traffic[&(method.to_owned(), RING.to_owned())];
        of("POST").requests == 2 && of("POST").received > 100 && of("GET").sent > 300
    });
    proxy.forget();
    assert!(proxy.seen().is_empty());
}

#[test]
fn an_answer_of_any_status_comes_instead_of_vaults() {
    let (vault, proxy, client) = behind_a_proxy();
    for status in [403, 404, 412, 429, 500, 503] {
        proxy.fault(When::next(1), Fault::status(status));
        assert_eq!(write(&client, 1).unwrap(), (status, json!({ "errors": [] })));
        assert_eq!(read(&client).unwrap().0, 200);
    }
    assert_eq!(version(&vault), 1);
    proxy.fault(When::next(1), Fault::malformed());
    assert_eq!(read(&client).unwrap(), (200, "{\"data\": {".into()));
}

#[test]
fn faults_are_for_the_requests_that_were_meant_and_for_as_many_as_were_meant() {
    let (_vault, proxy, client) = behind_a_proxy();
    proxy.fault(When::always().method("POST").path("/v1/secret/*"), Fault::status(500));
    proxy.fault(When::next(2).path(RING), Fault::status(503));
    proxy.fault(When::next(1).path(RING), Fault::status(429));
    let status = |query: &str| client.api("GET", &format!("secret/data/ring{query}"), None).0;
    assert_eq!([status(""), status("?version=1"), status(""), status("")], [503, 503, 429, 200]);
    assert_eq!(client.api("GET", "secret/metadata/ring", None).0, 200);
    assert_eq!([write(&client, 1).unwrap().0, write(&client, 1).unwrap().0], [500, 500]);
    proxy.clear();
    assert_eq!(write(&client, 1).unwrap().0, 200);
}

#[test]
fn a_redirect_names_the_url_that_it_was_given() {
    let (vault, proxy, client) = behind_a_proxy();
    let there = format!("{}{RING}", vault.address());
    proxy.fault(When::always(), Fault::redirect(&there));
    assert_eq!(read(&client).unwrap().0, 307);
    let followed = ureq::get(format!("{}{RING}", proxy.address()))
        .header("x-vault-token", vault.root_token())
        .call();
    // A client that follows takes the token along, whoever is there.
    assert_eq!(followed.unwrap().status(), 200);
}

#[test]
fn a_body_may_be_as_long_as_wanted_or_endless() {
    let (_vault, proxy, client) = behind_a_proxy();
    proxy.fault(When::next(1), Fault::Oversize(1_000_000));
    let (status, body) = read(&client).unwrap();
    let length = body["data"].as_str().unwrap().len();
    assert_eq!((status, length), (200, 1_000_000 - r#"{"data":""}"#.len()));
    proxy.fault(When::next(1), Fault::Endless);
    let ended = read(&client);
    // Its own limit ends it, of 10 MiB.
    assert!(matches!(ended, Err(ureq::Error::BodyExceedsLimit(_))), "{ended:?}");
    eventually("bytes are counted", || proxy.seen()[1].sent > 10 << 20);
}

#[test]
fn an_answer_is_lost_after_the_write_or_the_request_before_it() {
    let (vault, proxy, client) = behind_a_proxy();
    proxy.fault(When::next(1), Fault::HangUp);
    assert!(write(&client, 1).is_err());
    assert_eq!(version(&vault), 1);
    proxy.fault(When::next(1), Fault::LoseAnswer);
    assert!(write(&client, 1).is_err());
    assert_eq!(version(&vault), 2);
    assert_eq!(proxy.requests("POST", RING), 2);
}

#[test]
fn an_answer_never_comes() {
    let (vault, proxy, client) = behind_a_proxy();
    proxy.fault(When::next(1), Fault::Stall);
    let stalled = write(&client.within(Duration::from_millis(300)), 1);
    assert!(matches!(stalled, Err(ureq::Error::Timeout(_))), "{stalled:?}");
    assert_eq!((version(&vault), proxy.requests("POST", RING)), (1.into(), 1));
}

#[test]
fn an_answer_comes_a_byte_at_a_time() {
    let (vault, proxy, client) = behind_a_proxy();
    let pause = Duration::from_millis(1);
    proxy.fault(When::always(), Fault::Drip(pause));
    let start = Instant::now();
    assert_eq!(read(&client).unwrap().1["data"], read(&vault).unwrap().1["data"]);
    eventually("bytes are counted", || proxy.seen()[0].sent > 300);
    assert!(start.elapsed() > 300 * pause);
    // Each byte is soon there, and all of them never are.
    proxy.clear();
    proxy.fault(When::always(), Fault::Drip(Duration::from_millis(50)));
    let ended = read(&client.within(Duration::from_millis(500)));
    assert!(matches!(ended, Err(ureq::Error::Timeout(_))), "{ended:?}");
}

#[test]
fn a_proxy_asks_another_upstream_once_it_is_told_to() {
    let (_vault, proxy, _) = behind_a_proxy();
    let other = DevVault::start();
    proxy.retarget(other.address());
    assert_eq!(read(&other.at(&proxy.address())).unwrap().0, 404);
}

#[test]
fn toxics_hold_bytes_up_cut_them_off_and_go() {
    let vault = DevVault::start();
    write(&vault, 0).unwrap();
    let toxiproxy = Toxiproxy::start();
    let proxy = toxiproxy.proxy(vault.address());
    let client = vault.at(&format!("http://{}", proxy.address()));
    assert_eq!(read(&client).unwrap().0, 200);

    proxy.add_toxic("latency", &json!({ "latency": 300 }), Stream::Down);
    let start = Instant::now();
    assert_eq!(read(&client).unwrap().0, 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
    proxy.clear();

    // Written, and the answer is held up for ever.
    proxy.add_toxic("timeout", &json!({ "timeout": 0 }), Stream::Down);
    let stalled = write(&client.within(Duration::from_millis(500)), 1);
    assert!(matches!(stalled, Err(ureq::Error::Timeout(_))), "{stalled:?}");
    assert_eq!(version(&vault), 2);
    proxy.clear();

    proxy.add_toxic("reset_peer", &json!({ "timeout": 0 }), Stream::Down);
    assert!(read(&client).is_err());
    proxy.clear();

    proxy.add_toxic("limit_data", &json!({ "bytes": 200 }), Stream::Down);
    assert!(read(&client).is_err());
    proxy.clear();
    assert_eq!(read(&client).unwrap().0, 200);

    proxy.disable();
    assert!(read(&client).is_err());
    proxy.enable();
    assert_eq!(read(&client).unwrap().0, 200);
}
