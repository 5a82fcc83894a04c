//! T62: a watch over Vault while it is sealed, stands still, dies and comes back. The last good ring stays in use.

use saddlebag_keys::{
    FileStore, KeyRingHandle, RingCache, SystemClock, UnixTime, Watch, WatchError, WatchOptions,
};

use super::*;
use crate::common::{ring, ring_of};
use crate::peers::{DevVault, Fault, FaultProxy, FileVault, RaftCluster, When, eventually};

fn options() -> WatchOptions {
    WatchOptions { refresh_every: Duration::from_millis(200), ..WatchOptions::default() }
}

fn generation(handle: &KeyRingHandle) -> Option<u64> {
    handle.load().as_ref().map(|ring| ring.generation())
}

fn error(handle: &KeyRingHandle) -> String {
    handle.freshness(UnixTime::now()).last_error.unwrap_or_default()
}

#[test]
fn a_sealed_vault_and_a_frozen_one_leave_the_ring_in_use() {
    let vault = DevVault::start();
    let writer = store(vault.address(), vault.root_token());
    writer.save(&ring(1), None).unwrap();
    let handle = Watch::new(store(vault.address(), vault.root_token()), options()).start().unwrap();
    vault.seal();
    eventually("it notices", || error(&handle).contains("sealed"));
    assert_eq!(generation(&handle), Some(1));
    assert!(handle.may_issue(UnixTime::now()));
    vault.unseal();
    eventually("it reads again", || error(&handle).is_empty());
    vault.freeze();
    eventually("it gives up on an answer", || error(&handle).contains("no answer in time"));
    assert_eq!(generation(&handle), Some(1));
    vault.thaw();
    eventually("it reads again", || error(&handle).is_empty());
    writer.save(&ring(2), Some(1)).unwrap();
    eventually("it follows", || generation(&handle) == Some(2));
}

/// T50, hot.
#[test]
fn a_watch_never_goes_back() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let writer = store(vault.address(), vault.root_token());
    writer.save(&ring(7), None).unwrap();
    let handle =
        Watch::new(store(&proxy.address(), vault.root_token()), options()).start().unwrap();
    // A bad push: an older generation as a newer version.
    writer.save(&ring(6), Some(7)).unwrap();
    eventually("it is refused", || error(&handle).contains("generation 6 is older"));
    writer.save(&ring_of("other", 7), Some(6)).unwrap();
    eventually("it is refused too", || error(&handle).contains("another content"));
    assert_eq!(generation(&handle), Some(7));
    // The secret begins anew.
    vault.must("DELETE", "secret/metadata/shop/ring", None);
    eventually("it is missed", || error(&handle).contains("there is no ring"));
    store(vault.address(), vault.root_token()).save(&ring(9), None).unwrap();
    eventually("it is refused as well", || error(&handle).contains("began anew"));
    assert_eq!(generation(&handle), Some(7));
    // A look at what lags behind is not a failure, and not fresh either.
    let failures = || handle.freshness(UnixTime::now()).failures;
    let before = failures();
    let behind = r#"{"data":{"current_version":1,"versions":{"1":{"created_time":"2001-01-01T00:00:00Z","deletion_time":"","destroyed":false}}}}"#;
    proxy.fault(When::always().path("/v1/secret/metadata/*"), Fault::answer(200, behind));
    proxy.forget();
    eventually("some looks pass", || proxy.requests("GET", "/v1/secret/metadata/*") >= 5);
    assert!(failures() <= before + 1, "only one that was under way");
    assert_eq!(generation(&handle), Some(7));
}

#[test]
fn a_node_starts_with_its_copy_while_vault_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.json");
    let with_copy = || WatchOptions { cache: Some(RingCache::new(&copy)), ..options() };
    let mut vault = FileVault::start();
    vault.mount_kv("secret", 2);
    let writer = store(vault.address(), vault.root_token());
    writer.save(&ring(1), None).unwrap();
    let (address, token) = (vault.address().to_owned(), vault.root_token().to_owned());
    let reader = || store(&address, &token);
    let handle = Watch::new(reader(), with_copy()).start().unwrap();
    writer.save(&ring(2), Some(1)).unwrap();
    eventually("it follows", || generation(&handle) == Some(2));
    drop(handle);
    eventually("the copy follows", || FileStore::new(&copy).load().unwrap().generation() == 2);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    vault.kill();

    let (handle, first) = Watch::new(reader(), with_copy()).start_waiting();
    assert!(matches!(first, Err(WatchError::Store(_))), "{first:?}");
    assert_eq!(generation(&handle), Some(2));
    assert!(handle.may_issue(UnixTime::now()), "the copy is seconds old");
    assert!(error(&handle).contains("http://127.0.0.1"), "{}", error(&handle));
    // A node that is started later than its copy may issue only verifies.
    let publish_ahead = ring(2).policy().publish_ahead;
    let late = UnixTime::now().saturating_add(publish_ahead + 60);
    assert!(!handle.may_issue(late));
    drop(handle);
    let later = crate::common::SetClock::at(late.as_secs());
    let (handle, _) = Watch::with_clock(reader(), with_copy(), later).start_waiting();
    assert_eq!(generation(&handle), Some(2));
    assert!(!handle.may_issue(late));
    drop(handle);
    // Without one there is nothing to start with.
    let (handle, _) = Watch::with_clock(reader(), options(), SystemClock).start_waiting();
    assert_eq!(generation(&handle), None);
    drop(handle);

    let (handle, _) = Watch::new(reader(), with_copy()).start_waiting();
    vault.restart();
    eventually("it reads Vault again", || error(&handle).is_empty());
    writer.save(&ring(3), Some(2)).unwrap();
    eventually("and follows", || generation(&handle) == Some(3));
}

#[test]
fn readers_and_writers_outlive_the_leader_of_a_cluster() {
    let mut cluster = RaftCluster::start(3);
    let addresses = cluster.addresses();
    let leader = cluster.wait_for_leader();
    let root = cluster.node(leader).root_token().to_owned();
    cluster.node(leader).mount_kv("secret", 2);
    let to_all = || {
        let mut all = settings(&addresses[leader], &root);
        for address in &addresses {
            all = all.also_at(address).unwrap();
        }
        VaultStore::new(PLACE.parse().unwrap(), all).unwrap()
    };
    let writer = to_all();
    writer.save(&ring(1), None).unwrap();
    let handle = Watch::new(to_all(), options()).start().unwrap();
    cluster.kill(leader);
    assert_eq!(generation(&handle), Some(1));
    // Like `keys watch`: reads, plans, saves, until it is done; one generation a save, whatever got lost.
    let mut saved = 1;
    let mut tries = 0;
    while saved < 4 {
        tries += 1;
        assert!(tries < 500, "no new leader was ever good enough");
        let Ok(found) = writer.load() else {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        };
        assert_eq!(found.generation(), saved, "no save was repeated or lost");
        if writer.save(&ring(saved + 1), Some(saved)).is_ok() {
            saved += 1;
        }
    }
    eventually("the reader follows", || generation(&handle) == Some(4));
    cluster.restart(leader);
    eventually("and is content", || error(&handle).is_empty());
}
