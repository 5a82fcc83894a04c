//! TLS: versions, reload, clients' certificates, and what is told of bad files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair};

use crate::support::{Ring, Server, eventually, raw, rest, run};

/// An authority of the tests' own.
pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(folder: &Path, name: &str) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("authority {name}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    pub fn ca(&self) -> String {
        self.folder.join("ca.pem").display().to_string()
    }

    /// A certificate for a name, and its key; good for so many days from yesterday on.
    pub fn certificate(&self, name: &str, days: i64) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let now = i64::try_from(saddlebag::keys::UnixTime::now().as_secs()).unwrap();
        let at =
            |days: i64| time::OffsetDateTime::from_unix_timestamp(now + days * 86_400).unwrap();
        (params.not_before, params.not_after) = (at(-2), at(days));
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = &self.issuer;
        let certificate = params.signed_by(&key, issuer).unwrap();
        let (pem, private) =
            (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")));
        std::fs::write(&pem, certificate.pem()).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        (pem.display().to_string(), private.display().to_string())
    }
}

/// Asks by curl; the status or its error code, and everything that it says.
fn curl(server: &Server, arguments: &[&str]) -> (String, String) {
    let port = server.api.rsplit(':').next().unwrap();
    let output = Command::new("curl")
        .args([
            "-sS",
            "-v",
            "--noproxy",
            "*",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version}",
        ])
        .args(["--resolve", &format!("node.test:{port}:127.0.0.1")])
        .args(arguments)
        .arg(format!("https://node.test:{port}/openapi.json"))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// T47.
#[test]
fn tls_serves_both_versions_of_http_and_no_old_tls() {
    let ring = Ring::new();
    let authority = Authority::new(ring.folder.path(), "a");
    let (cert, key) = authority.certificate("node.test", 30);
    let server = ring.serve(&["--tls-cert", &cert, "--tls-key", &key]).ready();
    let ca = authority.ca();
    let (status, told) = curl(&server, &["--cacert", &ca]);
    assert_eq!(status, "200 2", "HTTP/2 by ALPN: {told}");
    assert_eq!(curl(&server, &["--cacert", &ca, "--http1.1"]).0, "200 1.1");
    assert_eq!(curl(&server, &["--cacert", &ca, "--tlsv1.3"]).0, "200 2");
    assert_eq!(curl(&server, &["--cacert", &ca, "--tls-max", "1.2"]).0, "200 2");
    // T47.
    let (status, told) =
        curl(&server, &["--cacert", &ca, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]);
    assert!(status.starts_with("000"), "{status}: {told}");
    let (status, told) = curl(&server, &[]);
    assert!(status.starts_with("000") && told.contains("certificate"), "{status}: {told}");
    let (_, told) = curl(&server, &["--cacert", &ca, "--http1.1"]);
    assert!(told.contains("strict-transport-security: max-age=31536000"), "{told}");
    // Plain HTTP on it is nothing; the probes stay plain.
    let mut plain = raw(&server.api);
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(!rest(&mut plain).starts_with("HTTP"));
    let probe = server.admin().get("/healthz");
    assert!(probe.header("strict-transport-security").is_none(), "{probe:?}");
    let metrics = server.admin().get("/metrics").text;
    assert!(metrics.contains("saddlebag_tls_certificate_not_after_timestamp_seconds"), "{metrics}");
    assert!(!metrics.contains(r#"handshakes_failed_total{reason="error"} 0"#), "{metrics}");
}

/// T47.
#[test]
fn a_new_certificate_is_taken_while_it_runs_and_a_bad_one_is_not() {
    let ring = Ring::new();
    let (old, new) =
        (Authority::new(ring.folder.path(), "old"), Authority::new(ring.folder.path(), "new"));
    let (cert, key) = old.certificate("node.test", 30);
    let server = ring.serve(&["--tls-cert", &cert, "--tls-key", &key]).ready();
    let trusts = |authority: &Authority| curl(&server, &["--cacert", &authority.ca()]).0 == "200 2";
    assert!(trusts(&old) && !trusts(&new));
    let (next_cert, next_key) = new.certificate("node.test", 60);
    // One of the two does not go with the other: between the two writes of a deployment.
    std::fs::copy(&next_cert, &cert).unwrap();
    eventually("the half is told", || server.read_log().contains("does not go with"));
    assert!(trusts(&old), "the last good one stays");
    std::fs::copy(&next_key, &key).unwrap();
    eventually("the new one is taken", || trusts(&new));
    assert!(!trusts(&old));
    std::fs::write(&cert, "no certificate").unwrap();
    eventually("the bad one is told", || server.read_log().contains("no certificate in PEM"));
    assert!(trusts(&new));
}

/// T37, T47.
#[test]
fn callers_need_a_certificate_of_the_authority_and_the_name() {
    let ring = Ring::new();
    let (ours, other) =
        (Authority::new(ring.folder.path(), "ours"), Authority::new(ring.folder.path(), "other"));
    let (cert, key) = ours.certificate("node.test", 30);
    let arguments = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ours.ca()];
    let names = ["--tls-client-name", "web.test", "--log-requests"];
    let server = ring.serve(&[&arguments[..], &names].concat()).ready();
    let ca = ours.ca();
    let ask = |(cert, key): &(String, String)| {
        curl(&server, &["--cacert", &ca, "--cert", cert, "--key", key]).0
    };
    assert_eq!(ask(&ours.certificate("web.test", 30)), "200 2");
    assert!(server.read_log().contains("127.0.0.1 (web.test)"), "{}", server.read_log());
    for (what, pair) in [
        ("another name", ours.certificate("mail.test", 30)),
        ("a longer name", ours.certificate("web.test.evil", 30)),
        ("a wildcard", ours.certificate("*.test", 30)),
        ("another authority", other.certificate("web.test", 30)),
        ("one that has ended", ours.certificate("web.test", -1)),
    ] {
        assert!(ask(&pair).starts_with("000"), "{what}");
    }
    assert!(curl(&server, &["--cacert", &ca]).0.starts_with("000"), "none at all");
    // Told a moment after the connection ended.
    eventually("all three names are counted", || {
        let metrics = server.admin().get("/metrics").text;
        metrics.contains(r#"handshakes_failed_total{reason="name"} 3"#)
    });
    assert!(server.read_log().contains("no name that is allowed"), "{}", server.read_log());
}

/// T44: half a handshake does not keep a seat.
#[test]
fn a_handshake_that_does_not_go_on_is_given_up() {
    let ring = Ring::new();
    let authority = Authority::new(ring.folder.path(), "a");
    let (cert, key) = authority.certificate("node.test", 30);
    let arguments = ["--tls-cert", &cert, "--tls-key", &key, "--handshake-timeout", "2s"];
    let server = ring.serve(&arguments).ready();
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let began = Instant::now();
        let mut stream = raw(&server.api);
        std::io::Write::write_all(&mut stream, start).unwrap();
        assert_eq!(rest(&mut stream), "");
        let took = began.elapsed();
        assert!(took > Duration::from_millis(1_800) && took < Duration::from_secs(22), "{took:?}");
    }
    // Told a moment after the connection ended.
    eventually("both are counted", || {
        let metrics = server.admin().get("/metrics").text;
        metrics.contains(r#"handshakes_failed_total{reason="timeout"} 2"#)
    });
}

#[test]
fn a_handshake_that_does_not_go_on_does_not_keep_the_server_from_ending() {
    let ring = Ring::new();
    let authority = Authority::new(ring.folder.path(), "a");
    let (cert, key) = authority.certificate("node.test", 30);
    let arguments = ["--tls-cert", &cert, "--tls-key", &key, "--handshake-timeout", "60s"];
    let mut server = ring.serve(&[&arguments[..], &["--drain", "60s"]].concat()).ready();
    let mut stream = raw(&server.api);
    std::io::Write::write_all(&mut stream, b"\x16\x03\x01").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(30), "{:?}", told.elapsed());
}

#[test]
fn bad_files_are_told_with_what_to_do() {
    let ring = Ring::new();
    let place = ring.place();
    let authority = Authority::new(ring.folder.path(), "a");
    let (cert, key) = authority.certificate("node.test", 30);
    let (_, other) = authority.certificate("other.test", 30);
    for (cert, key, ca, told) in [
        ("/no/such.pem", &*key, None, "/no/such.pem: No such file"),
        (&*cert, "/no/such.key", None, "/no/such.key: No such file"),
        (&*key, &*key, None, "holds no certificate in PEM"),
        (&*cert, &*cert, None, "holds no private key in PEM"),
        (&*cert, &*other, None, "does not go with"),
        (&*cert, &*key, Some(&*key), "holds no certificate in PEM"),
    ] {
        let mut arguments = vec![
            "serve",
            "--ring",
            &place,
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ];
        arguments.extend(["--tls-cert", cert, "--tls-key", key]);
        arguments.extend(ca.into_iter().flat_map(|ca| ["--tls-client-ca", ca]));
        let (code, _, stderr) = run(&arguments, "");
        assert_eq!(code, 1, "{told}: {stderr}");
        assert!(stderr.contains(told), "{told}: {stderr}");
        assert!(stderr.contains("help: --tls-cert takes the chain in PEM"), "{stderr}");
        assert!(!stderr.contains("PRIVATE KEY"), "{stderr}");
    }
    for (flags, told) in [
        (&["--tls-cert", &*cert][..], "--tls-key"),
        (&["--tls-key", &key], "--tls-cert"),
        (&["--tls-client-ca", &cert], "--tls-cert"),
        (&["--tls-cert", &cert, "--tls-key", &key, "--tls-client-name", "a"], "--tls-client-ca"),
    ] {
        let (code, _, stderr) = run(&[&["serve", "--ring", &place][..], flags].concat(), "");
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(told), "{flags:?}: {stderr}");
    }
}

/// T47.
#[test]
fn a_certificate_that_has_ended_is_told_at_the_start_and_by_a_check() {
    let ring = Ring::new();
    let authority = Authority::new(ring.folder.path(), "a");
    let (cert, key) = authority.certificate("node.test", -1);
    let server = ring.serve(&["--tls-cert", &cert, "--tls-key", &key]).ready();
    assert!(server.read_log().contains("the certificate ended at"), "{}", server.read_log());
    let arguments =
        ["serve", "--check", "--ring", &ring.place(), "--tls-cert", &cert, "--tls-key", &key];
    let (code, stdout, _) = run(&arguments, "");
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("certificate: for node.test, ends"), "{stdout}");
    assert!(stdout.contains("problem: the certificate ended at"), "{stdout}");
}
