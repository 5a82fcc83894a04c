//! TLS as flags.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::service::{Tls, TlsFiles};

/// TLS for the API's listener.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(in crate::cli) struct TlsArgs {
    /// The API speaks TLS with this certificate: PEM, with those between it and a root; read again when
    /// it changes
    #[arg(long, env = "SADDLEBAG_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key: PEM
    #[arg(long, env = "SADDLEBAG_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Callers need a certificate, too, of one of these authorities: PEM
    #[arg(long, env = "SADDLEBAG_TLS_CLIENT_CA", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,

    /// Of which one DNS name is this one, to the letter; give it again for more [default: any name]
    #[arg(long, env = "SADDLEBAG_TLS_CLIENT_NAME", value_name = "NAME", value_delimiter = ',')]
    tls_client_name: Vec<String>,
}

impl TlsArgs {
    pub(in crate::cli) fn is_on(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// What one of them needs of the others; told here and not by clap, which does not know the file's yet.
    pub(in crate::cli) fn incomplete(&self) -> Option<Failure> {
        let (cert, key) = (self.tls_cert.is_some(), self.tls_key.is_some());
        let (given, missing) = match () {
            () if cert && !key => ("--tls-cert", "--tls-key"),
            () if key && !cert => ("--tls-key", "--tls-cert"),
            () if self.tls_client_ca.is_some() && !cert => ("--tls-client-ca", "--tls-cert"),
            () if !self.tls_client_name.is_empty() && self.tls_client_ca.is_none() => {
                ("--tls-client-name", "--tls-client-ca")
            }
            () => return None,
        };
        Some(Failure::usage(format!("{given} without {missing}"), format!("add {missing} FILE")))
    }

    /// TLS, where it is asked for.
    pub(in crate::cli) fn load(&self) -> Result<Option<Tls>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let files = TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: self.tls_client_ca.clone(),
            client_names: self.tls_client_name.clone(),
        };
        Tls::load(files).map(Some).map_err(|error| {
            Failure::refused(
                error.to_string(),
                "--tls-cert takes the chain in PEM, the server's own certificate first, and --tls-key the \
                 PEM key that it was made with; this user must be able to read both",
            )
        })
    }
}
