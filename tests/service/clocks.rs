//! T61: a wall clock that is set while the service runs, by libfaketime; the other clock runs on, as it does in
//! truth.

use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::{FileStore, Policy, Store, UnixTime};
use serde_json::{Value, json};

use crate::faketime::Clock;
use crate::support::{Caller, Ring, Server, eventually, saddlebag};

const DAY: u64 = 86_400;
const HOUR: i64 = 3_600;
const TEN_YEARS: i64 = 3_652 * 86_400;

fn now() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap()
}

/// A ring of one key that has been active for a day.
fn ring() -> Ring {
    let ring = Ring::missing();
    let now = UnixTime::now();
    let key = ChosenKey {
        secret: std::array::from_fn(|i| (i as u8).wrapping_mul(89) ^ 0x5a),
        id: None,
        created_at: now.saturating_sub(2 * DAY),
        activates_at: now.saturating_sub(DAY),
        drains_until: None,
        revoked_at: None,
    };
    let made = insecure::ring("clocks", 1, Policy::default(), &[key]).unwrap();
    FileStore::new(ring.path()).save(&made, None).unwrap();
    ring
}

fn seconds(session: &Value, name: &str) -> i64 {
    session[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

/// The seconds since the last good look, as the server's wall clock has them.
fn age(server: &Server) -> f64 {
    let metrics = server.admin().get("/metrics").text;
    let line =
        metrics.lines().find(|line| line.starts_with("saddlebag_ring_age_seconds{")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn generation(server: &Server) -> f64 {
    let metrics = server.admin().get("/metrics").text;
    let line = metrics.lines().find(|line| line.starts_with("saddlebag_ring_generation{")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Issues and renews, and looks at each time that is told.
fn sessions(caller: &Caller, ahead: i64) -> String {
    let body = json!({"subject": "alice", "lifetime": 600, "session_lifetime": 1_200});
    let answer = caller.post("/v1/sessions", &body);
    assert_eq!(answer.status, 201, "{ahead}: {answer:?}");
    let answer = answer.json();
    let session = &answer["session"];
    let issued = seconds(session, "issued_at");
    assert!((issued - now() - ahead).abs() < 120, "{ahead}: it lives by its clock: {session}");
    assert_eq!(seconds(session, "expires_at"), issued + 600);
    assert_eq!(seconds(session, "ends_at"), issued + 1_200);
    let token = answer["token"].as_str().unwrap().to_owned();
    let renewed = caller.post("/v1/sessions/renew", &json!({"token": token})).json();
    let session = &renewed["session"];
    assert!(seconds(session, "expires_at") <= seconds(session, "issued_at") + 600);
    assert_eq!(seconds(session, "ends_at"), issued + 1_200, "no renewal moves the end");
    token
}

/// T61.
#[test]
fn a_clock_that_is_set_while_it_runs_breaks_nothing() {
    let ring = ring();
    let clock = Clock::new(ring.folder.path());
    let credential = ring.credential(&["--role", "issue", "--role", "verify", "--lifetime", "30d"]);
    // Made when the clock was an hour behind: so that callers are known at each step but the last.
    let issue = ["credential", "issue", "--ring", &ring.place(), "--role", "issue,verify"];
    let mut early = saddlebag();
    early.args(issue);
    clock.set(-2 * HOUR);
    clock.of(&mut early);
    let early = early.output().unwrap();
    assert!(early.status.success(), "{early:?}");
    let early = String::from_utf8(early.stdout).unwrap().trim().to_owned();
    clock.set(0);
    let place = ring.place();
    let mut server = Server::start(&["--ring", &place], |command| clock.of(command)).ready();
    let caller = server.caller(&early);
    let token = sessions(&caller, 0);
    assert_eq!(caller.verify(&token)["active"], true);

    for (ahead, active) in [(-HOUR, false), (HOUR, false), (0, true)] {
        clock.set(ahead);
        let other = sessions(&caller, ahead);
        assert_eq!(caller.verify(&other)["active"], true, "{ahead}");
        // From the future, or ended: either way none.
        assert_eq!(caller.verify(&token)["active"], active, "{ahead}");
        // An hour more than before, until the timer's next look.
        eventually("it goes on looking at the ring", || age(&server) < 10.0);
    }

    // Before the ring was made: nobody is known, and nothing is issued.
    clock.set(-TEN_YEARS);
    let refused = caller.post("/v1/sessions", &json!({}));
    assert_eq!(refused.problem(), (401, "unauthenticated".into()));
    let verb = |arguments: &[&str]| {
        let mut verb = saddlebag();
        verb.args(arguments).args(["--ring", &place]);
        clock.of(&mut verb);
        verb.output().unwrap()
    };
    let issued = verb(&["token", "issue"]);
    assert_eq!(issued.status.code(), Some(1), "{issued:?}");
    assert!(String::from_utf8_lossy(&issued.stderr).contains("clock"), "{issued:?}");
    for ahead in [-TEN_YEARS, TEN_YEARS] {
        clock.set(ahead);
        for verbs in [
            &["keys", "show"][..],
            &["keys", "plan"],
            &["keys", "check"],
            &["keys", "rotate", "--dry-run"],
            &["keys", "prune", "--dry-run"],
            &["credential", "issue", "--role", "issue"],
        ] {
            let output = verb(verbs);
            assert!(
                [0, 1].contains(&output.status.code().unwrap()),
                "{ahead} {verbs:?} {output:?}"
            );
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!told.contains("a bug at") && !told.contains("panicked"), "{told}");
        }
    }

    // And back: what was good is good, and a new ring is found.
    clock.set(0);
    assert_eq!(caller.verify(&token)["active"], true);
    let before = generation(&server);
    let (code, _, stderr) = crate::support::run(&["keys", "stage", "--ring", &place], "");
    assert_eq!(code, 0, "{stderr}");
    eventually("the next generation is in use", || generation(&server) == before + 1.0);
    assert_eq!(server.caller(&credential).post("/v1/sessions", &json!({})).status, 201);
    let log = server.read_log();
    assert!(!log.contains("a bug") && !log.contains("panicked"), "{log}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}
