//! What the source must not say, where no other test can see it: who draws random numbers, what compares
//! secrets, what may panic, where dependencies come from.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The code of both crates, by path: without tests, comments and documentation.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    let mut folders = vec![root.join("src"), root.join("keys/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                paths.push(path);
            }
        }
    }
    // Doors for cargo-fuzz are built by it alone.
    let is_test = |path: &PathBuf| {
        let parts = path.components().map(|part| part.as_os_str());
        parts.into_iter().any(|part| part == "tests" || part == "tests.rs" || part == "fuzzing.rs")
    };
    paths.retain(|path| !is_test(path));
    paths.sort();
    assert!(paths.len() > 100, "{}", paths.len());
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            // Tests are last in their files.
            let (code, tests) = text.split_once("\n#[cfg(test)]\n").unwrap_or((&text, "mod tests"));
            assert!(tests.contains("mod tests"), "{} goes on after its tests", path.display());
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (name, code.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// Signatures of functions that users of a crate may call.
fn public_functions(code: &str) -> impl Iterator<Item = &str> {
    ["pub fn ", "pub const fn ", "pub async fn "].into_iter().flat_map(move |start| {
        code.split(start).skip(1).map(|rest| rest.split(['{', ';']).next().unwrap())
    })
}

/// T11: who cannot pass a nonce cannot pass one twice.
#[test]
fn no_public_function_takes_a_nonce() {
    let mut seen = 0;
    for (path, code) in sources() {
        for signature in public_functions(&code) {
            seen += 1;
            let lower = signature.to_lowercase();
            let takes = ["nonce", "[u8; 24]", "iv:", "prefix: &[u8"];
            assert!(!takes.iter().any(|word| lower.contains(word)), "{path}: {signature}");
        }
    }
    assert!(seen > 100, "{seen}");
}

/// T14: a generator of the process's own repeats itself in a copy of the process.
#[test]
fn random_numbers_come_from_the_operating_system_alone() {
    let own = [
        "thread_rng",
        "ThreadRng",
        "rand::rng(",
        "rand::random",
        "StdRng",
        "SmallRng",
        "ChaCha",
        "seed_from_u64",
        "from_seed",
        "fastrand",
    ];
    let mut drawn_in = Vec::new();
    for (path, code) in sources() {
        for word in own {
            assert!(!code.contains(word), "{path} has {word}");
        }
        // Tokens are drawn for in one file; rings and credentials by the command line and the keys.
        if path.starts_with("src/token") && code.contains("SysRng") {
            drawn_in.push(path);
        }
    }
    assert_eq!(drawn_in, ["src/token/random.rs"]);
    // Before the C library, whose generator is the process's own from glibc 2.41 on.
    let random = include_str!("../src/token/random.rs");
    let place = |words: &str| random.find(words).unwrap();
    assert!(place("if !kernel_fills(&mut bytes)") < place("SysRng.try_fill_bytes"));
    assert!(random.contains("rustix::rand::{GetRandomFlags, getrandom}"));
}

/// T10: `==` ends at the first byte that differs. A `Secret` is compared by an `==` of its own, which is
/// `subtle`'s, and so are tags, or within their provider. The times themselves are another test's.
#[test]
fn nothing_secret_is_compared_by_its_first_difference() {
    let secret = ["tag", "mac", "signature", "expose()", "bearer", "password", "token"];
    let is_secret = |side: &str| {
        let word = side.trim_start_matches(['&', '*', '!', '(']).trim_end_matches([',', ';']);
        // What is made of a secret by a function is that function's.
        if word.contains('(') && !word.ends_with("expose()") {
            return false;
        }
        secret.iter().any(|secret| {
            word == *secret
                || word.ends_with(&format!(".{secret}"))
                || word.ends_with(&format!("_{secret}"))
        })
    };
    let mut compared = 0;
    for (path, code) in sources() {
        for line in code.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(3).filter(|pair| ["==", "!="].contains(&pair[1])) {
                compared += 1;
                assert!(!is_secret(pair[0]) && !is_secret(pair[2]), "{path}: {line}");
            }
        }
        for derived in code.split("#[derive(").skip(1) {
            let (traits, rest) = derived.split_once(")]").unwrap();
            let item = rest.trim_start().split(['{', ';']).next().unwrap();
            let holds = ["Secret(", "Secret {", "SignedKey", "SealedKey"];
            let is_secret = holds.iter().any(|name| item.contains(name));
            assert!(!(is_secret && traits.contains("PartialEq")), "{path}: {item}");
        }
    }
    assert!(compared > 50, "{compared}");
    for folder in ["src/token/", "keys/src/secret.rs"] {
        let constant =
            |(path, code): &(String, String)| path.starts_with(folder) && code.contains(".ct_eq(");
        assert!(sources().iter().any(constant), "{folder}");
    }
}

/// T29: what may panic, or wrap, is denied in all code that is no test, and nobody excuses himself.
#[test]
fn what_may_panic_is_denied_everywhere() {
    let read =
        |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let lints = [
        "unwrap_used",
        "expect_used",
        "panic",
        "indexing_slicing",
        "string_slice",
        "arithmetic_side_effects",
    ];
    let manifest = read("Cargo.toml");
    for lint in lints {
        assert!(manifest.contains(&format!("\n{lint} = \"warn\"\n")), "{lint}");
    }
    assert!(manifest.contains("\nunsafe_code = \"forbid\"\n"));
    assert!(manifest.contains("\noverflow-checks = true\n"));
    for manifest in [&manifest, &read("keys/Cargo.toml")] {
        assert!(manifest.contains("[lints]\nworkspace = true"));
    }
    let run = read("tests/run");
    assert!(
        run.lines()
            .filter(|line| line.contains("clippy "))
            .all(|line| { !line.contains("cargo clippy") || line.ends_with("-- -D warnings") })
    );
    for (path, code) in sources() {
        let code = code.replace("cfg_attr(test, allow(", "");
        let excuses = code.split("allow(").skip(1).filter_map(|rest| rest.split(')').next());
        for excuse in excuses {
            for lint in lints {
                assert!(!excuse.contains(lint), "{path} allows {lint}");
            }
        }
    }
}

/// T67: a build takes what is locked, from the registry, by its checksum; and the checks of dependencies
/// are part of the one run of all checks. That two builds give one file is the release's to show.
#[test]
fn dependencies_are_locked_by_checksum_and_checked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let lock = read("Cargo.lock");
    let (mut ours, mut theirs) = (0, 0);
    for package in lock.split("[[package]]").skip(1) {
        let value = |name: &str| {
            let start = format!("\n{name} = \"");
            let (_, rest) = package.split_once(&start)?;
            Some(rest.split('"').next().unwrap().to_owned())
        };
        let name = value("name").unwrap();
        let Some(source) = value("source") else {
            ours += 1;
            assert!(name.starts_with("saddlebag"), "{name}");
            continue;
        };
        theirs += 1;
        assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
        assert_eq!(value("checksum").map(|sum| sum.len()), Some(64), "{name}");
    }
    assert!(ours == 2 && theirs > 100, "{ours} {theirs}");
    let run = read("tests/run");
    for line in run.lines().map(str::trim) {
        let Some((_, command)) = line.split_once("cargo ") else { continue };
        let resolves = ["clippy", "doc", "nextest run", "test", "build", "check", "bench"];
        let resolves = resolves.iter().any(|verb| command.starts_with(&format!("{verb} ")));
        assert!(!resolves || line.starts_with('#') || command.contains("--locked"), "{line}");
    }
    assert!(run.contains("\ntests/tools/deny\n"));
    assert!(read("tests/tools/deny").contains("cargo deny --locked "));
    let deny = read("deny.toml");
    for rule in ["unknown-registry = \"deny\"", "unknown-git = \"deny\"", "wildcards = \"deny\""] {
        assert!(deny.contains(rule), "{rule}");
    }
}
