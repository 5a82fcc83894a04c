//! Certificates of the tests' own, for Vault and for its clients.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType,
};
use tempfile::TempDir;

/// A certificate authority, and the folder that its certificates go to.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// PEM files.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// The file for `VAULT_CACERT`; its folder, which has no other certificate at first, for `VAULT_CAPATH`.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A certificate for 127.0.0.1 and `localhost`.
    pub(crate) fn server(&self) -> Certificate {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        self.certificate("server", params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a server with this name, which may be one that it does not have.
    pub(crate) fn server_named(&self, name: &str) -> Certificate {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        self.certificate(name, params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client, for `VAULT_CLIENT_CERT` and `VAULT_CLIENT_KEY`.
    pub(crate) fn client(&self, name: &str) -> Certificate {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        self.certificate(name, params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn certificate(
        &self,
        name: &str,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Certificate {
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = &self.issuer;
        let signed = params.signed_by(&key, issuer).unwrap();
        let certificate = self.folder.path().join(format!("{name}.pem"));
        let private = self.folder.path().join(format!("{name}.key"));
        fs::write(&certificate, signed.pem()).unwrap();
        fs::write(&private, key.serialize_pem()).unwrap();
        Certificate { certificate, key: private }
    }
}
