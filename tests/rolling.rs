//! A rolling deploy: processes of three versions of one application, side by side, over one ring file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, process};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use saddlebag::keys::{FileStore, Policy, Store, UnixTime, rotation};
use saddlebag::{SessionLayer, SessionOrNew, Tokens};
use serde::{Deserialize, Serialize};

/// The first version.
#[derive(Default, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

/// The second has a field more.
#[derive(Default, Serialize, Deserialize)]
struct WithCoupon {
    items: Vec<String>,
    #[serde(default)]
    coupon: u32,
}

/// The third counts, and reads what came before.
#[derive(Default, Serialize, Deserialize)]
struct Counted {
    items: Vec<(String, u32)>,
}

async fn first(SessionOrNew(mut cart): SessionOrNew<Cart>, Path(item): Path<String>) -> String {
    cart.items.push(item);
    cart.items.join(",")
}

async fn second(
    SessionOrNew(mut cart): SessionOrNew<WithCoupon>,
    Path(item): Path<String>,
) -> String {
    cart.items.push(item);
    cart.coupon += 1;
    format!("{} {}", cart.items.join(","), cart.coupon)
}

async fn third(SessionOrNew(mut cart): SessionOrNew<Counted>, Path(item): Path<String>) -> String {
    cart.items.push((item, 1));
    cart.items.iter().map(|(item, count)| format!("{item}{count}")).collect::<Vec<_>>().join(",")
}

fn app(version: &str, tokens: Tokens) -> Router {
    let router = Router::new();
    match version {
        "1" => router.route("/{item}", get(first)).layer(SessionLayer::<Cart>::new(tokens)),
        "2" => router.route("/{item}", get(second)).layer(SessionLayer::<WithCoupon>::new(tokens)),
        "3" => {
            let layer = SessionLayer::<Counted>::new(tokens).migrate(|old| {
                let Cart { items } = old.state().ok()?;
                Some(Counted { items: items.into_iter().map(|item| (item, 1)).collect() })
            });
            router.route("/{item}", get(third)).layer(layer)
        }
        other => panic!("no version {other}"),
    }
}

const VERSION: &str = "ROLLING_VERSION";
const RING: &str = "ROLLING_RING";

#[tokio::test]
#[ignore = "a server of one version, which the other test starts"]
async fn serves_one_version() {
    let (Ok(version), Ok(ring)) = (env::var(VERSION), env::var(RING)) else {
        return;
    };
    let tokens = Tokens::from_file(ring).audience("shop").build().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\nlistening on {}", listener.local_addr().unwrap());
    axum::serve(listener, app(&version, tokens)).await.unwrap();
}

/// A process of one version.
struct Node {
    child: Child,
    address: String,
}

impl Node {
    fn of(version: &str, ring: &std::path::Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "serves_one_version", "--nocapture"])
            .envs([(VERSION, version.as_ref()), (RING, ring.as_os_str())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("it listens");
        Self { child, address }
    }

    /// Adds an item as a browser with this cookie, and keeps the cookie that comes back.
    fn add(&self, item: &str, cookie: &mut Option<String>) -> String {
        let mut request = ureq::get(format!("http://{}/{item}", self.address));
        if let Some(cookie) = cookie {
            request = request.header("cookie", &**cookie);
        }
        let mut response = request.call().unwrap();
        if let Some(set) = response.headers().get("set-cookie") {
            *cookie = set.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        response.body_mut().read_to_string().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn old_and_new_processes_read_each_others_sessions_by_a_rule() {
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join(format!("ring-{}.json", process::id()));
    let plan =
        rotation::init("rolling", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng);
    FileStore::new(&ring).save(&plan.unwrap().ring, None).unwrap();
    let [first, second, third] = ["1", "2", "3"].map(|version| Node::of(version, &ring));

    // A new field with a default: back and forth without a loss, but for what the old code does not know.
    let cookie = &mut None;
    assert_eq!(first.add("a", cookie), "a");
    assert_eq!(second.add("b", cookie), "a,b 1");
    assert_eq!(second.add("c", cookie), "a,b,c 2");
    assert_eq!(first.add("d", cookie), "a,b,c,d");
    assert_eq!(second.add("e", cookie), "a,b,c,d,e 1");

    // Another shape: migrated once, the same session in the new shape from then on.
    assert_eq!(third.add("f", cookie), "a1,b1,c1,d1,e1,f1");
    assert_eq!(third.add("g", cookie), "a1,b1,c1,d1,e1,f1,g1");

    // The old code has no session of it, and begins one; the new code reads that too.
    assert_eq!(first.add("h", cookie), "h");
    assert_eq!(third.add("i", cookie), "h1,i1");
}
