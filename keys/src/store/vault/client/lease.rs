//! The token that Vault knows us by: got, renewed before it ends, got again after.

use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Client, Outcome};
use crate::store::StoreErrorKind;
use crate::store::vault::answer::{self, Auth};
use crate::store::vault::api::{
    LoginWithApproleRequest, LoginWithKubernetesRequest, LookupTokenSelfRequest,
    RenewTokenSelfRequest,
};
use crate::store::vault::login::{self, VaultLogin};

/// A token and its end.
pub(super) struct Lease {
    token: Zeroizing<String>,
    /// When something is to be done about its end: after two thirds of the time that was left.
    act_at: Option<Instant>,
    ends_at: Option<Instant>,
    renewable: bool,
}

impl Lease {
    /// `seconds` from now on; 0: it does not end.
    fn new(token: Zeroizing<String>, seconds: u64, renewable: bool) -> Self {
        let mut lease = Self { token, act_at: None, ends_at: None, renewable };
        lease.lasts(seconds);
        lease
    }

    fn lasts(&mut self, seconds: u64) {
        let now = Instant::now();
        let left = (seconds > 0).then(|| Duration::from_secs(seconds));
        self.ends_at = left.and_then(|left| now.checked_add(left));
        let two_thirds = left.map(|left| left.mul_f64(2.0 / 3.0).max(SHORTEST_PAUSE));
        self.act_at = two_thirds.and_then(|pause| now.checked_add(pause));
    }

    fn again_after(&mut self, pause: Duration) {
        self.act_at = Instant::now().checked_add(pause);
    }

    fn has_ended(&self) -> bool {
        self.ends_at.is_some_and(|end| end <= Instant::now())
    }
}

impl VaultLogin {
    /// Whether it gives another token than the one that was refused.
    pub(super) fn gives_another(&self) -> bool {
        !matches!(self, Self::Token(_))
    }
}

impl Client {
    /// How long until the token should be renewed.
    pub(in crate::store::vault) fn renewal_due_in(&self) -> Option<Duration> {
        let due = self.lease.as_ref()?.act_at?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// A token to ask with, and whether it was got just now.
    pub(super) async fn token(&mut self) -> Outcome<(Zeroizing<String>, bool)> {
        // Kept fresh by somebody else, who may have replaced it.
        if let VaultLogin::TokenFile(path) = &self.login {
            let token = login::read_secret(path).map_err(StoreErrorKind::Denied)?;
            return Ok((token, true));
        }
        if let Some(lease) = self.lease.as_ref()
            && !(lease.has_ended() && self.login.gives_another())
        {
            return Ok((lease.token.clone(), false));
        }
        let lease = self.log_in().await?;
        let token = lease.token.clone();
        self.lease = Some(lease);
        Ok((token, true))
    }

    /// Renews the token, or gets another, where its end is near.
    pub(in crate::store::vault) async fn renew_if_due(&mut self) {
        let Some(lease) = &self.lease else { return };
        if lease.act_at.is_none_or(|due| due > Instant::now()) {
            return;
        }
        let token = lease.token.clone();
        if lease.renewable {
            let sent = self.send(RenewTokenSelfRequest::default(), Some(&token)).await;
            let renewed = match sent {
                Ok(Ok(answer)) => answer::auth(&answer),
                Ok(Err(lost)) => Err(StoreErrorKind::Unavailable(lost.to_string())),
                Err(error) => Err(error),
            };
            let Some(lease) = &mut self.lease else { return };
            match renewed {
                Ok(auth) => {
                    lease.renewable = auth.renewable;
                    lease.lasts(auth.lease_duration);
                    // A token near its last end is renewed for less and less.
                    let near = lease.act_at.is_some_and(|due| {
                        due.saturating_duration_since(Instant::now()) <= SHORTEST_PAUSE
                    });
                    if !(near && self.login.gives_another()) {
                        return;
                    }
                }
                Err(error @ StoreErrorKind::Unavailable(_)) => {
                    tracing::warn!(%error, "the token of Vault was not renewed; this is tried again");
                    lease.again_after(RETRY_PAUSE);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the token of Vault cannot be renewed");
                    lease.renewable = false;
                }
            }
        }
        self.replace_token().await;
    }

    async fn replace_token(&mut self) {
        if !self.login.gives_another() {
            if let Some(lease) = &mut self.lease {
                tracing::warn!(
                    "the token of Vault ends soon, cannot be renewed, and there is no other"
                );
                lease.act_at = None;
            }
            return;
        }
        match self.log_in().await {
            Ok(lease) => self.lease = Some(lease),
            Err(error) => {
                tracing::warn!(%error, "no new token of Vault; this is tried again");
                if let Some(lease) = &mut self.lease {
                    lease.again_after(RETRY_PAUSE);
                }
            }
        }
    }

    async fn log_in(&mut self) -> Outcome<Lease> {
        let auth = match self.login.clone() {
            VaultLogin::Token(token) => return self.lease_of(token).await,
            VaultLogin::TokenFile(path) => {
                let token = login::read_secret(&path).map_err(StoreErrorKind::Denied)?;
                return Ok(Lease::new(token, 0, false));
            }
            VaultLogin::AppRole { mount, role_id, secret_id_file } => {
                let secret_id =
                    login::read_secret(&secret_id_file).map_err(StoreErrorKind::Denied)?;
                let secret_id = secret_id.to_string();
                self.send(LoginWithApproleRequest { mount, role_id, secret_id }, None).await?
            }
            VaultLogin::Kubernetes { mount, role, token_file } => {
                let jwt = login::read_secret(&token_file).map_err(StoreErrorKind::Denied)?;
                let jwt = jwt.to_string();
                self.send(LoginWithKubernetesRequest { mount, role, jwt }, None).await?
            }
        };
        let answer = auth.map_err(|lost| StoreErrorKind::Unavailable(lost.to_string()))?;
        let Auth { client_token, lease_duration, renewable } =
            answer::auth(&answer).map_err(|refused| match refused {
                StoreErrorKind::Denied(why) => {
                    StoreErrorKind::Denied(format!("{why}: look at {}", self.login.told()))
                }
                other => other,
            })?;
        if !login::is_header_safe(&client_token) {
            return Err(StoreErrorKind::Unavailable(
                "a login gave a token that is none".to_owned(),
            ));
        }
        tracing::debug!(login = self.login.told(), lease_duration, "logged in to Vault");
        Ok(Lease::new(client_token, lease_duration, renewable))
    }

    /// What Vault says of a token that somebody gave us; one that may not even be looked up is used as it is.
    async fn lease_of(&mut self, token: Zeroizing<String>) -> Outcome<Lease> {
        let sent = self.send(LookupTokenSelfRequest::default(), Some(&token)).await?;
        let answer = sent.map_err(|lost| StoreErrorKind::Unavailable(lost.to_string()))?;
        match answer::lookup(&answer) {
            Ok(looked) => Ok(Lease::new(token, looked.ttl, looked.renewable)),
            Err(StoreErrorKind::Denied(_)) => Ok(Lease::new(token, 0, false)),
            Err(error) => Err(error),
        }
    }
}

/// Between two looks at a token that is about to end.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// After a renewal that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
