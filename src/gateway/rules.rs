//! Which requests need a session: rules by path and method, from a TOML file. The first that fits decides.
//!
//! ```toml
//! default = "required"            # where no rule fits: public, optional or required
//! roles = "roles"                 # the field of the state with a person's roles: a text, or a list of them
//! login = "/login"                # where browsers without a session are sent
//!
//! [[rule]]
//! path = "/assets/**"             # * is one segment, ** at the end any number of them
//! session = "public"              # nobody looks
//!
//! [[rule]]
//! path = "/admin/**"
//! role = "admin"                  # a session whose state has this role
//!
//! [[rule]]
//! path = "/orders/*"
//! methods = ["POST", "DELETE"]    # all, unless named; no other method, so that GET does not say HEAD
//! role = "clerk"
//! ```

use std::fmt;

use http::Method;
use serde::Deserialize;

use super::path::{self, Ambiguous};
use crate::session::Verified;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need<'a> {
    /// Nothing: nobody is asked who they are.
    Public,
    /// Nothing; and who they are is told.
    Optional,
    /// A session, with this role where one is named.
    Required { role: Option<&'a str> },
}

/// The rules of a file, checked.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    default: Kind,
    roles: String,
    login: Option<String>,
    rules: Vec<Rule>,
}

impl Rules {
    /// One need for all requests.
    pub(crate) fn all_required() -> Self {
        Self { default: Kind::Required, roles: usual_roles(), login: None, rules: Vec::new() }
    }

    /// The same: none needs a session, and each is told of its own.
    pub(crate) fn all_optional() -> Self {
        Self { default: Kind::Optional, ..Self::all_required() }
    }

    /// Reads a file's text.
    pub(crate) fn parse(text: &str) -> Result<Self, RulesError> {
        let file: File = toml::from_str(text).map_err(|error| RulesError(error.to_string()))?;
        if let Some(login) = &file.login {
            let is_fine = login.starts_with('/') || login.starts_with("https://");
            if !is_fine || !login.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(RulesError(format!(
                    "login is {login:?}: it is a path, or an address with https://"
                )));
            }
        }
        let rules: Result<Vec<Rule>, RulesError> = file.rule.into_iter().map(Rule::new).collect();
        Ok(Self { default: file.default, roles: file.roles, login: file.login, rules: rules? })
    }

    /// What a request for a target (path and query) needs.
    pub(crate) fn need(&self, method: &Method, target: &str) -> Result<Need<'_>, Ambiguous> {
        let segments = path::segments(target)?;
        let rule = self.rules.iter().find(|rule| rule.fits(method, &segments));
        Ok(match rule {
            Some(Rule { role: Some(role), .. }) => Need::Required { role: Some(role) },
            Some(rule) => rule.kind.need(),
            None => self.default.need(),
        })
    }

    /// Whether there is a rule at all, for which a request's target has to be known.
    pub(crate) fn look_at_targets(&self) -> bool {
        !self.rules.is_empty()
    }

    /// What is needed where no rule fits.
    pub(crate) fn default_need(&self) -> Need<'_> {
        self.default.need()
    }

    /// Where browsers without a session are sent.
    pub(crate) fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// Whether a session's state has a role.
    pub(crate) fn has_role(&self, session: &Verified, role: &str) -> bool {
        let Ok(serde_json::Value::Object(mut state)) = session.state() else {
            return false;
        };
        match state.remove(&self.roles) {
            Some(serde_json::Value::String(one)) => one == role,
            Some(serde_json::Value::Array(roles)) => roles.iter().any(|one| one == role),
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
struct Rule {
    /// Segments; `None` is any one.
    path: Vec<Option<String>>,
    /// Whatever follows them is below it too.
    below: bool,
    methods: Vec<Method>,
    kind: Kind,
    role: Option<String>,
}

impl Rule {
    fn new(row: Row) -> Result<Self, RulesError> {
        let Row { path, methods, session, role } = row;
        let wrong = |why: &str| RulesError(format!("the rule for {path:?}: {why}"));
        let (pattern, below) = match path.strip_suffix("/**") {
            Some(base) => (if base.is_empty() { "/" } else { base }, true),
            None => (path.as_str(), false),
        };
        let segments = path::segments(pattern).map_err(|error| wrong(&error.to_string()))?;
        if segments.iter().any(|segment| segment != "*" && segment.contains('*')) {
            return Err(wrong("* is a whole segment, and ** the last one"));
        }
        let kind = match (session, &role) {
            (Some(Kind::Public | Kind::Optional), Some(_)) => {
                return Err(wrong("a role needs a session: leave session out, or say required"));
            }
            (None, None) => return Err(wrong("it says neither session nor role")),
            (None, Some(_)) => Kind::Required,
            (Some(kind), _) => kind,
        };
        if role.as_ref().is_some_and(String::is_empty) {
            return Err(wrong("its role is empty"));
        }
        let methods: Result<Vec<Method>, RulesError> = methods
            .iter()
            .map(|method| match Method::from_bytes(method.as_bytes()) {
                Ok(known) if *method == method.to_ascii_uppercase() => Ok(known),
                _ => Err(wrong(&format!("{method:?} is no method"))),
            })
            .collect();
        let path = segments.into_iter().map(|segment| Some(segment).filter(|text| text != "*"));
        Ok(Self { path: path.collect(), below, methods: methods?, kind, role })
    }

    fn fits(&self, method: &Method, segments: &[String]) -> bool {
        let long_enough = match self.below {
            true => segments.len() >= self.path.len(),
            false => segments.len() == self.path.len(),
        };
        let each = |(pattern, segment): (&Option<String>, &String)| {
            pattern.as_ref().is_none_or(|pattern| pattern == segment)
        };
        (self.methods.is_empty() || self.methods.contains(method))
            && long_enough
            && self.path.iter().zip(segments).all(each)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Public,
    Optional,
    #[default]
    Required,
}

impl Kind {
    fn need(self) -> Need<'static> {
        match self {
            Self::Public => Need::Public,
            Self::Optional => Need::Optional,
            Self::Required => Need::Required { role: None },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    default: Kind,
    #[serde(default = "usual_roles")]
    roles: String,
    #[serde(default)]
    login: Option<String>,
    #[serde(default)]
    rule: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: String,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    session: Option<Kind>,
    #[serde(default)]
    role: Option<String>,
}

fn usual_roles() -> String {
    "roles".to_owned()
}

/// Rules that are none; its text names what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RulesError(String);

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        default = "optional"
        login = "/login"
        rule = [
            { path = "/", session = "public" },
            { path = "/assets/**", session = "public" },
            { path = "/admin/login", session = "public" },
            { path = "/admin/**", role = "admin" },
            { path = "/orders/*/print", methods = ["GET"], session = "required" },
            { path = "/orders/*", methods = ["POST", "DELETE"], role = "clerk" },
        ]
    "#;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = Rules::parse(RULES).unwrap();
        let required = Need::Required { role: None };
        let admin = Need::Required { role: Some("admin") };
        let clerk = Need::Required { role: Some("clerk") };
        for (method, target, need) in [
            (Method::GET, "/", Need::Public),
            (Method::GET, "/?a=b", Need::Public),
            (Method::GET, "/assets", Need::Public),
            (Method::GET, "/assets/a/b", Need::Public),
            (Method::GET, "/asset", Need::Optional),
            (Method::GET, "/admin", admin),
            (Method::GET, "/admin/", admin),
            (Method::DELETE, "/admin/a/b", admin),
            (Method::GET, "/%61dmin/a", admin),
            (Method::GET, "/admin/login", Need::Public),
            (Method::GET, "/Admin", Need::Optional),
            (Method::GET, "/orders/1/print", required),
            (Method::POST, "/orders/1/print", Need::Optional),
            (Method::HEAD, "/orders/1/print", Need::Optional),
            (Method::POST, "/orders/1", clerk),
            (Method::GET, "/orders/1", Need::Optional),
            (Method::POST, "/orders", Need::Optional),
        ] {
            assert_eq!(rules.need(&method, target), Ok(need), "{method} {target}");
        }
        assert_eq!(rules.login(), Some("/login"));
        assert!(rules.need(&Method::GET, "/assets/../admin").is_err());
        let all = Rules::all_required();
        assert_eq!(all.need(&Method::GET, "/x"), Ok(required));
        assert!(!all.look_at_targets() && rules.look_at_targets());
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_named() {
        for (text, told) in [
            ("defualt = \"public\"", "defualt"),
            ("default = \"open\"", "open"),
            ("login = \"login\"", "\"login\""),
            ("login = \"http://x\"", "http://x"),
            ("login = \"/a b\"", "/a b"),
            ("[[rule]]\npath = \"/a\"", "neither session nor role"),
            ("[[rule]]\npath = \"a\"\nsession = \"public\"", "\"a\""),
            ("[[rule]]\npath = \"/a/../b\"\nsession = \"public\"", "dot segment"),
            ("[[rule]]\npath = \"/a*\"\nsession = \"public\"", "whole segment"),
            ("[[rule]]\npath = \"/**/a\"\nsession = \"public\"", "whole segment"),
            ("[[rule]]\npath = \"/a\"\nsession = \"public\"\nrole = \"x\"", "needs a session"),
            ("[[rule]]\npath = \"/a\"\nrole = \"\"", "empty"),
            ("[[rule]]\npath = \"/a\"\nrole = \"x\"\nmethods = [\"get\"]", "\"get\""),
            ("[[rule]]\npath = \"/a\"\nrole = \"x\"\nmethod = \"GET\"", "method"),
        ] {
            let error = Rules::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
