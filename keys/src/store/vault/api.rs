//! What is asked of Vault: `vaultrs`'s requests, and one of our own.

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use vaultrs::api::EndpointMiddleware;
use zeroize::Zeroize;

pub(super) use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
pub(super) use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
pub(super) use vaultrs::api::kv1::requests as kv1;
pub(super) use vaultrs::api::kv2::requests as kv2;
pub(super) use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest};

/// A request as it is sent, with a token where there is one yet.
pub(super) fn request(
    endpoint: impl Endpoint,
    base: &str,
    token: Option<&str>,
    namespace: Option<&str>,
) -> Result<http::Request<Vec<u8>>, String> {
    let mut middleware = EndpointMiddleware {
        token: token.unwrap_or_default().to_owned(),
        version: "v1".to_owned(),
        wrap: None,
        namespace: namespace.map(ToOwned::to_owned),
    };
    let request = endpoint.with_middleware(&middleware).request(base);
    middleware.token.zeroize();
    request.map_err(|error| error.to_string())
}

/// Which engine has a secret, and of which version it is: what Vault's own command line asks before it reads one.
/// Everybody who may do anything with the secret may ask.
pub(super) struct MountOf(pub(super) String);

impl Endpoint for MountOf {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("sys/internal/ui/mounts/{}", self.0)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
