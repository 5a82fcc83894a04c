//! TLS for the API's listener: certificate, key and the CA of callers, from files that are read again
//! when they change. What cannot be used does not replace what is.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use saddlebag_keys::UnixTime;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// PEM: the server's certificate, then those between it and a root.
    pub(crate) certificate: PathBuf,
    /// PEM: its private key.
    pub(crate) key: PathBuf,
    /// PEM: callers need a certificate of one of these authorities.
    pub(crate) client_ca: Option<PathBuf>,
    /// Of which one DNS name must be among these, where there are any; compared byte for byte.
    pub(crate) client_names: Vec<String>,
}

/// TLS as it is in use.
pub(crate) struct Tls {
    files: TlsFiles,
    loaded: ArcSwap<Loaded>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    certificate: CertificateFacts,
    /// Of what the files held.
    digest: [u8; 32],
}

/// What the server's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    pub(crate) names: Vec<String>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl CertificateFacts {
    /// What is wrong with its times, where something is.
    pub(crate) fn complaint(&self, now: UnixTime) -> Option<String> {
        if now > self.not_after {
            Some(format!("the certificate ended at {}", self.not_after))
        } else if now < self.not_before {
            let before = self.not_before;
            Some(format!("the certificate begins at {before}, and this clock shows {now}"))
        } else {
            None
        }
    }
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let loaded = ArcSwap::from_pointee(Loaded::from(&files)?);
        let tls = Self { files, loaded };
        tls.tell();
        Ok(tls)
    }

    pub(crate) fn certificate(&self) -> CertificateFacts {
        self.loaded.load().certificate.clone()
    }

    /// Reads the files again and again, and takes what is new in them; never ends.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let mut last_error = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let tls = Arc::clone(&self);
            // Files may be on a network.
            let Ok(looked) = tokio::task::spawn_blocking(move || tls.look()).await else {
                continue;
            };
            let error = looked.err().map(|error| error.to_string());
            if let Some(error) = error.as_ref().filter(|_| error != last_error) {
                tracing::error!(%error, "the new certificate is not used; the last good one stays");
            }
            last_error = error;
        }
    }

    fn look(&self) -> Result<(), TlsError> {
        let loaded = Loaded::from(&self.files)?;
        if loaded.digest != self.loaded.load().digest {
            self.loaded.store(Arc::new(loaded));
            self.tell();
        }
        Ok(())
    }

    fn tell(&self) {
        let CertificateFacts { names, not_after, .. } = &self.certificate();
        tracing::info!(names = names.join(" "), %not_after, "certificate taken");
        if let Some(complaint) = self.certificate().complaint(UnixTime::now()) {
            tracing::error!("{complaint}: clients will refuse it");
        }
    }

    /// Shakes hands, within a time; with the name of the other end's certificate, where one is asked for.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        within: Duration,
    ) -> Result<(TlsStream<S>, Option<String>), NoHandshake> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.loaded.load().config));
        let stream = match tokio::time::timeout(within, acceptor.accept(stream)).await {
            Err(_) => return Err(NoHandshake::TooSlow),
            Ok(Err(error)) => return Err(NoHandshake::Failed(error)),
            Ok(Ok(stream)) => stream,
        };
        let (_, session) = stream.get_ref();
        let Some(certificate) = session.peer_certificates().and_then(<[_]>::first) else {
            return Ok((stream, None));
        };
        let names = facts(certificate).map(|facts| facts.names).unwrap_or_default();
        let wanted = &self.files.client_names;
        let name = names.iter().find(|name| wanted.is_empty() || wanted.contains(name)).cloned();
        if name.is_none() && !wanted.is_empty() {
            return Err(NoHandshake::OtherName(names));
        }
        Ok((stream, name))
    }
}

/// Why there is no session of TLS.
pub(super) enum NoHandshake {
    TooSlow,
    Failed(io::Error),
    /// A good certificate of somebody else's.
    OtherName(Vec<String>),
}

impl Loaded {
    fn from(files: &TlsFiles) -> Result<Self, TlsError> {
        let mut digest = Sha256::new();
        let mut read = |path: &Path| -> Result<Zeroizing<Vec<u8>>, TlsError> {
            let bytes =
                Zeroizing::new(std::fs::read(path).map_err(|error| TlsError::new(path, error))?);
            digest.update(Sha256::digest(&bytes));
            Ok(bytes)
        };
        let chain = certificates(&files.certificate, &read(&files.certificate)?)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
            .map_err(|_| TlsError::new(&files.key, "it holds no private key in PEM"))?;
        let roots = match &files.client_ca {
            Some(path) => Some((path, certificates(path, &read(path)?)?)),
            None => None,
        };
        let certificate = chain.first().and_then(facts);
        let certificate = certificate
            .ok_or_else(|| TlsError::new(&files.certificate, "its first certificate is none"))?;

        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(&files.certificate, error))?;
        let builder = match roots {
            None => builder.with_no_client_auth(),
            Some((path, authorities)) => {
                let mut roots = RootCertStore::empty();
                for authority in authorities {
                    roots.add(authority).map_err(|error| TlsError::new(path, error))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| TlsError::new(path, error))?,
                )
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            let reason = format!("it does not go with {}: {error}", files.certificate.display());
            TlsError::new(&files.key, reason)
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), certificate, digest: digest.finalize().into() })
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::new(path, "it holds no certificate in PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::new(path, format!("it is not PEM: {error}"))),
    }
}

fn facts(certificate: &CertificateDer<'_>) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let dns = |name: &GeneralName<'_>| match name {
        // An authority may sign anything; a name with a line of the log in it is none.
        GeneralName::DNSName(name) if !name.contains(char::is_control) => Some((*name).to_owned()),
        _ => None,
    };
    let time = |seconds: i64| UnixTime::from_secs(u64::try_from(seconds).unwrap_or_default());
    Some(CertificateFacts {
        names: names.iter().filter_map(dns).collect(),
        not_before: time(certificate.validity().not_before.timestamp()),
        not_after: time(certificate.validity().not_after.timestamp()),
    })
}

/// A file that TLS cannot work with.
#[derive(Clone, Debug)]
pub(crate) struct TlsError {
    path: PathBuf,
    reason: String,
}

impl TlsError {
    fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for TlsError {}

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(2);
