//! First timings: issue and verify, signed and sealed, at four realistic states, beside the bare primitives.
//!
//! `cargo bench --bench tokens` prints criterion's report, then a table of medians and of ratios to the
//! floor of the same run, which it writes to `docs/benchmarks/first-timings.md` with the machine's name.
//! The floor is what no token can go below: AES-256-GCM (or HMAC-SHA-256) under a kept key over as many
//! bytes, and base64. Peers come with a package of their own.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use criterion::{BenchmarkId, Criterion};
use hmac::{Hmac, Mac};
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use saddlebag::{NewSession, Protection, RawState, Tokens};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const PAYLOADS: [(&str, &str); 4] = [
    ("33 B", include_str!("payloads/p32.json")),
    ("256 B", include_str!("payloads/p256.json")),
    ("1,024 B", include_str!("payloads/p1k.json")),
    ("3,134 B", include_str!("payloads/p3k.json")),
];

/// The payloads' shape, as an application would type it.
#[derive(Serialize, Deserialize)]
struct State {
    locale: String,
    csrf: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flags: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cart: Option<Cart>,
}

#[derive(Serialize, Deserialize)]
struct Cart {
    currency: String,
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    sku: String,
    qty: u32,
    price: f64,
    title: String,
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let now = UnixTime::now();
    let plan = rotation::init("bench", Policy::default(), now, &mut rand::rngs::SysRng).unwrap();
    let tokens = Tokens::builder(KeyRingHandle::fixed(plan.ring)).build().unwrap();
    let mut rows = Vec::new();
    for protection in [Protection::Signed, Protection::Sealed] {
        for (size, json) in PAYLOADS {
            rows.push(measure(&mut criterion, &tokens, protection, size, json, now));
        }
    }
    criterion.final_summary();
    // With `--test` everything runs once and nothing is measured; what an earlier run wrote is not reported anew.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    if let Some(report) = report(&rows) {
        println!("{report}");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks");
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(format!("{folder}/first-timings.md"), report).unwrap();
    }
}

struct Row {
    protection: Protection,
    size: &'static str,
    characters: usize,
}

fn measure(
    criterion: &mut Criterion,
    tokens: &Tokens,
    protection: Protection,
    size: &'static str,
    json: &str,
    now: UnixTime,
) -> Row {
    let typed: State = serde_json::from_str(json).unwrap();
    let raw = RawState::from_json(json.as_bytes()).unwrap();
    let new = || NewSession::raw(raw.clone()).protection(protection);
    let token = tokens.issue_at(new(), now).unwrap().token;
    let mut group = criterion.benchmark_group(protection.as_str());
    group.bench_function(BenchmarkId::new("issue raw", size), |bench| {
        bench.iter(|| tokens.issue_at(new(), now).unwrap());
    });
    group.bench_function(BenchmarkId::new("issue typed", size), |bench| {
        bench.iter(|| tokens.issue_at(NewSession::of(&typed).protection(protection), now).unwrap());
    });
    group.bench_function(BenchmarkId::new("verify", size), |bench| {
        bench.iter(|| tokens.verify_at(black_box(&token), now).unwrap());
    });
    group.bench_function(BenchmarkId::new("verify typed", size), |bench| {
        bench.iter(|| tokens.verify_at(black_box(&token), now).unwrap().state::<State>().unwrap());
    });
    group.bench_function(BenchmarkId::new("floor", size), |bench| match protection {
        Protection::Signed => {
            let key = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
            bench.iter(|| {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(black_box(&token)).unwrap();
                let mut mac = key.clone();
                mac.update(&bytes);
                (bytes, mac.finalize())
            });
        }
        _ => {
            let cipher = Aes256Gcm::new(&[7; 32].into());
            let nonce = [9; 12];
            let mut sealed = vec![0; token.len() * 3 / 4 - 16];
            let tag =
                cipher.encrypt_inout_detached((&nonce).into(), b"", sealed.as_mut_slice().into());
            sealed.extend_from_slice(&tag.unwrap());
            let text = BASE64_URL_SAFE_NO_PAD.encode(&sealed);
            bench.iter(|| {
                let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(black_box(&text)).unwrap();
                let (body, tag) = bytes.split_last_chunk_mut::<16>().unwrap();
                let tag = (&*tag).into();
                cipher.decrypt_inout_detached((&nonce).into(), b"", body.into(), tag).unwrap();
                bytes
            });
        }
    });
    group.finish();
    Row { protection, size, characters: token.len() }
}

fn report(rows: &[Row]) -> Option<String> {
    let mut text = String::from("# First timings\n\n");
    let _ = writeln!(text, "{}, {}.\n", command("date", &["-u", "+%Y-%m-%d %H:%M UTC"]), machine());
    let _ = writeln!(
        text,
        "Medians in ns, and in brackets the ratio to the floor of the same run: the bare primitive under a \
         kept key\nover as many bytes, and base64. Made by `cargo bench --bench tokens`; the machine is shared, \
         so trust the ratios.\n"
    );
    let _ = writeln!(
        text,
        "| token | state | characters | floor | verify | verify typed | issue raw | issue typed |"
    );
    let _ = writeln!(text, "|---|---|---|---|---|---|---|---|");
    for Row { protection, size, characters } in rows {
        let floor = median(*protection, "floor", size)?;
        let _ = write!(text, "| {protection} | {size} | {characters} | {floor:.0} |");
        for what in ["verify", "verify typed", "issue raw", "issue typed"] {
            let time = median(*protection, what, size)?;
            let _ = write!(text, " {time:.0} ({:.2}) |", time / floor);
        }
        text.push('\n');
    }
    Some(text)
}

/// The median that criterion wrote, in nanoseconds.
fn median(protection: Protection, what: &str, size: &str) -> Option<f64> {
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/target").to_owned());
    let path = format!("{target}/criterion/{protection}/{what}/{size}/new/estimates.json");
    let estimates: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = env!("CARGO_PKG_VERSION");
    format!("{cores} cores of {model}, {}, saddlebag {version}", command("rustc", &["--version"]))
}

fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
