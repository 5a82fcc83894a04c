//! The routes as metrics, logs and gates tell them apart: a closed set, whatever paths are asked for.

/// A path of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Issue,
    Verify,
    VerifyBatch,
    Renew,
    Introspect,
    Keys,
    Jwks,
    OpenApi,
    /// The page, and what it is made of.
    Docs,
    /// None of them.
    Other,
}

impl Route {
    pub(super) const ALL: [Self; 10] = [
        Self::Issue,
        Self::Verify,
        Self::VerifyBatch,
        Self::Renew,
        Self::Introspect,
        Self::Keys,
        Self::Jwks,
        Self::OpenApi,
        Self::Docs,
        Self::Other,
    ];

    /// The route of the path that was asked for.
    pub(super) fn of(path: &str) -> Self {
        let is_file = |file: &str| !file.is_empty() && !file.contains('/');
        if path.strip_prefix("/docs/").is_some_and(is_file) {
            return Self::Docs;
        }
        Self::ALL.into_iter().find(|route| route.as_str() == path).unwrap_or(Self::Other)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "/v1/sessions",
            Self::Verify => "/v1/sessions/verify",
            Self::VerifyBatch => "/v1/sessions/verify-batch",
            Self::Renew => "/v1/sessions/renew",
            Self::Introspect => "/v1/introspect",
            Self::Keys => "/v1/keys",
            Self::Jwks => "/.well-known/jwks.json",
            Self::OpenApi => "/openapi.json",
            Self::Docs => "/docs",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::service::Service;

    /// A route that is forgotten here would be counted as none.
    #[test]
    fn every_path_of_the_contract_is_a_route() {
        let document = Service::api_routes().into_openapi();
        let mut routes = BTreeSet::new();
        for path in document.paths.paths.keys() {
            let route = Route::of(path);
            assert_ne!(route, Route::Other, "{path}");
            routes.insert(route.as_str());
        }
        assert_eq!(routes.len() + 1, Route::ALL.len(), "a route of no path: {routes:?}");
        for path in ["/v1/x", "/v1/sessions/", "/docs/", "/docs/../v1", "/%00", "/metrics", ""] {
            assert_eq!(Route::of(path), Route::Other, "{path}");
        }
    }
}
