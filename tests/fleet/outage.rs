//! A verification waits for nothing of Vault's: it is as fast while Vault stands still.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::alone;
use crate::peers::DevVault;
use crate::support::{Server, eventually, saddlebag};

const PLACE: &str = "vault:secret/shop/ring";
/// Verifications whose 99th in a hundred is one measurement.
const ROUND: usize = 300;
/// As the promise has it.
const MOST: f64 = 1.2;

/// The least of many 99th percentiles, by turns with Vault up and down in one run: what this machine does meanwhile
/// lengthens some of either, and a verification that waited for a look at Vault would lengthen all of one.
#[test]
fn the_99th_verification_is_as_fast_while_vault_is_down() {
    let _alone = alone();
    let vault = DevVault::start();
    let to_vault = |command: &mut std::process::Command| {
        command.env("VAULT_ADDR", vault.address()).env("VAULT_TOKEN", vault.root_token());
        command.env("VAULT_CLIENT_TIMEOUT", "2");
    };
    let run = |arguments: &[&str]| {
        let mut command = saddlebag();
        to_vault(command.args(arguments).args(["--ring", PLACE]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["keys", "init"]);
    let roles = ["--role", "issue", "--role", "verify", "--role", "admin"];
    let credential = run(&[&["credential", "issue"], &roles[..]].concat());
    let server = Server::start(&["--ring", PLACE, "--refresh-every", "1s"], to_vault).ready();
    let caller = server.caller(credential.trim_end());
    let token = caller.issue(&json!({ "state": { "cart": 7 } }));
    let last_error = || caller.get("/v1/keys").json()["last_error"].clone();

    let round = || {
        let mut times: Vec<Duration> = (0..ROUND)
            .map(|_| {
                let begin = Instant::now();
                assert_eq!(caller.verify(&token)["active"], true);
                begin.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[ROUND * 99 / 100]
    };
    let (mut up, mut down) = (Duration::MAX, Duration::MAX);
    let ratio = |up: Duration, down: Duration| down.as_secs_f64() / up.as_secs_f64();
    for turn in 1..=30 {
        up = up.min(round());
        vault.freeze();
        eventually("a look at Vault fails", || !last_error().is_null());
        down = down.min(round());
        vault.thaw();
        eventually("it is read again", || last_error().is_null());
        if turn >= 5 && ratio(up, down) <= MOST {
            break;
        }
    }
    eprintln!("p99 of {ROUND}: {up:?} with Vault, {down:?} without, {:.2} times", ratio(up, down));
    assert!(ratio(up, down) <= MOST, "{up:?} with Vault, {down:?} without");
}
