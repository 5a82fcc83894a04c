//! Whom a store believes to be Vault: TLS by ring, the provider named, since a program may hold two.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::settings::{InvalidVaultSettings, VaultSettings};

pub(super) fn config(settings: &VaultSettings) -> Result<ClientConfig, InvalidVaultSettings> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|error| unusable(&error))?;
    let builder = match settings.verify {
        true => builder.with_root_certificates(roots(settings.ca_file.as_deref())?),
        false => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider)))
        }
    };
    match &settings.client_certificate {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| InvalidVaultSettings::file(key, &error))?;
            builder
                .with_client_auth_cert(certificates(chain)?, secret)
                .map_err(|error| InvalidVaultSettings::file(chain, &error))
        }
    }
}

/// Those of the file, or the machine's.
fn roots(file: Option<&Path>) -> Result<RootCertStore, InvalidVaultSettings> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| InvalidVaultSettings::file(path, &error))?;
            }
        }
        None => {
            // A machine without any is believed nobody, which the first request tells.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidVaultSettings> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|error| InvalidVaultSettings::file(path, &error))?;
    match certificates.is_empty() {
        true => Err(InvalidVaultSettings::file(path, &"it holds no certificate (PEM)")),
        false => Ok(certificates),
    }
}

fn unusable(error: &rustls::Error) -> InvalidVaultSettings {
    InvalidVaultSettings::client(error)
}

/// Takes every certificate: `VAULT_SKIP_VERIFY` under `--dev`. Who shows it must still hold its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
