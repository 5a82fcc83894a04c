//! `POST /v1/introspect`: token introspection as OAuth's software speaks it (RFC 7662).

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Schemes;
use super::contract::{self, Refusals};
use super::problem::Problem;
use super::{Shared, body, limits};
use crate::answer::{Always, AnyJson, Inactive, JsonText};
use crate::credential::{Caller, Role};
use crate::session::Verified;

/// The form. What is not named here is ignored, as OAuth has it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = IntrospectRequest)]
pub(super) struct Asked<'a> {
    /// The token.
    token: Cow<'a, str>,
    /// Who it must be for. Where it is absent: the caller's audience, if its credential lists exactly one,
    /// or else the service's own.
    #[schema(value_type = Option<contract::AudienceName>, nullable = false)]
    audience: Option<Cow<'a, str>>,
    /// What both sides know and the token does not carry: base64url of at most 1,024 bytes.
    #[schema(value_type = Option<contract::Binding>, nullable = false)]
    binding: Option<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    /// Reads the form; no parameter may be there twice (RFC 6749, section 3.2).
    fn parse(form: &'a [u8]) -> Result<Self, Problem> {
        let (mut token, mut audience, mut binding) = (None, None, None);
        for (name, value) in form_urlencoded::parse(form) {
            let member = match &*name {
                "token" => &mut token,
                "audience" => &mut audience,
                "binding" => &mut binding,
                _ => continue,
            };
            if member.replace(value).is_some() {
                return Err(Problem::invalid_member(&name, &"the parameter is there twice"));
            }
        }
        let token =
            token.ok_or_else(|| Problem::invalid_member("token", &"the parameter is missing"))?;
        Ok(Self { token, audience, binding })
    }

    fn audience(&'a self, caller: &'a Caller) -> Option<&'a str> {
        match (self.audience.as_deref(), caller.audiences.as_deref()) {
            (None, Some([only])) => Some(only),
            (named, _) => named,
        }
    }
}

/// Either of two shapes.
#[derive(Serialize, ToSchema)]
#[schema(as = IntrospectAnswer)]
#[serde(untagged)]
pub(super) enum Answer<'a> {
    Active(Active<'a>),
    Inactive(Inactive),
}

/// A session in the terms of RFC 7662 and of a jwt's payload.
#[derive(Serialize, ToSchema)]
#[schema(as = IntrospectedSession)]
pub(super) struct Active<'a> {
    /// It is a session's token.
    active: Always<true>,
    /// Whose session it is, where somebody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sub: Option<&'a str>,
    /// Who the token is for.
    aud: &'a str,
    /// When it was issued, in Unix seconds.
    iat: u64,
    /// When it ends.
    exp: u64,
    /// When the session began.
    auth_time: u64,
    /// When the session ends, renewed or not.
    ends: u64,
    /// How often it was renewed.
    rev: u32,
    /// The session's id.
    jti: String,
    /// The application's own data.
    #[schema(value_type = AnyJson)]
    state: &'a JsonText,
}

impl<'a> Active<'a> {
    fn of(verified: &'a Verified, state: &'a JsonText) -> Self {
        let info = verified.info();
        Self {
            active: Always,
            sub: verified.subject(),
            aud: verified.audience(),
            iat: info.issued_at.as_secs(),
            exp: info.expires_at.as_secs(),
            auth_time: info.started_at.as_secs(),
            ends: info.ends_at.as_secs(),
            rev: info.revision,
            jti: info.id.to_string(),
            state,
        }
    }
}

/// Introspects a token (RFC 7662)
///
/// For software that speaks OAuth. Parameters that are not named here are ignored. The credential is a
/// bearer token, or the password of Basic under any name. Takes the role `verify`.
#[utoipa::path(
    post,
    path = "/v1/introspect",
    tag = "sessions",
    request_body(
        content = Asked,
        content_type = "application/x-www-form-urlencoded",
        example = json!({"token": contract::TOKEN})
    ),
    responses((status = 200, description = "The session, or that there is none.", body = Answer), Refusals),
    security(("bearer" = []), ("basic" = []))
)]
pub(super) async fn introspect(
    State(service): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let now = UnixTime::now();
    let caller = service.caller(&request, Role::Verify, Schemes::BearerOrBasic, now)?;
    let form = body::read_form(request, limits::BODY, service.limits.body_within).await?;
    let asked = Asked::parse(&form).map_err(Problem::of_form)?;
    let tokens = service.tokens(asked.audience(&caller), &caller, asked.binding.as_deref());
    let tokens = tokens.map_err(Problem::of_form)?;
    let opened = service.opened(&tokens, &asked.token, UnixTime::now())?;
    let answer = match &opened {
        Some((verified, state)) => Answer::Active(Active::of(verified, state)),
        None => Answer::Inactive(Inactive::default()),
    };
    Ok(body::answer(StatusCode::OK, &answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_token_once_and_anything_else() {
        let asked = Asked::parse(b"x=1&token=a%2Bb&token_type_hint=jwt&token_type_hint=x").unwrap();
        assert_eq!((&*asked.token, asked.audience), ("a+b", None));
        for form in ["", "Token=a", "token=a&token=a", "token=a&audience=b&%61udience=b"] {
            assert!(Asked::parse(form.as_bytes()).is_err(), "{form}");
        }
    }
}
