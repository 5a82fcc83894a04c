//! What a token shows without a key: its parts and their weight, and the claims that anyone can read.
//!
//! Nothing here is verified. It is kept apart from every path that verifies, for the people who look at
//! tokens and budget their characters.

use std::collections::BTreeMap;

use saddlebag_keys::KeyId;
use serde_json::value::RawValue;

use super::cbor::head_len;
use super::claims::{Claims, ClaimsError};
use super::format::{self, HEADER_LEN, Protection, TAG_LEN};
use super::jwt::{Jws, JwtAlgorithm};
use super::sealed::CLAIMS_AT;
use super::state;

/// A token taken apart.
pub(crate) struct Anatomy {
    pub(crate) protection: Protection,
    pub(crate) characters: usize,
    pub(crate) key: KeyHint,
    pub(crate) parts: Vec<Part>,
    /// `None` where only the key's holder can read them.
    pub(crate) claims: Option<Result<Unverified, ClaimsError>>,
}

/// How a token names its key.
pub(crate) enum KeyHint {
    Id(KeyId),
    Jwt { algorithm: JwtAlgorithm, kid: String },
}

/// One part of a token.
pub(crate) struct Part {
    pub(crate) name: String,
    /// 0 for a part of the token, 1 for a part of its claims, 2 for a field of its state.
    pub(crate) level: usize,
    /// Before base64url.
    pub(crate) bytes: usize,
}

/// Claims that anybody may have written.
pub(crate) struct Unverified {
    /// A jwt says who it is for.
    pub(crate) audience: Option<String>,
    pub(crate) id: [u8; 12],
    pub(crate) started_at: u64,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) ends_at: u64,
    pub(crate) revision: u32,
    pub(crate) subject: Option<String>,
    /// As JSON, where it can be shown.
    pub(crate) state: Option<String>,
}

/// Takes a token apart; or says why it is none.
pub(crate) fn anatomy(token: &str) -> Result<Anatomy, String> {
    let protection = format::looks_like(token)
        .ok_or("it starts with neither sb1s nor sb1e, and is no three parts with dots")?;
    match protection {
        Protection::Signed => signed(token).ok_or_else(|| why_malformed(token, None)),
        Protection::Sealed => sealed(token).ok_or_else(|| why_malformed(token, None)),
        Protection::Jwt => jwt(token).ok_or_else(|| why_malformed(token, None)),
    }
}

fn signed(token: &str) -> Option<Anatomy> {
    let (bytes, key) = format::decode(token, format::SHORTEST_SIGNED, 0)?;
    let claims = bytes.get(HEADER_LEN..bytes.len().checked_sub(TAG_LEN)?)?;
    let parsed = Claims::parse(claims);
    let mut parts = vec![part(0, "header", HEADER_LEN), part(0, "claims", claims.len())];
    if let Ok(claims) = &parsed {
        let times = [claims.started, claims.issued, claims.expires, claims.ends];
        let times = times.into_iter().map(head_len).fold(0, usize::saturating_add);
        let revision = head_len(u64::from(claims.revision));
        let subject = claims
            .subject
            .map_or(1, |subject| head_len(subject.len() as u64).saturating_add(subject.len()));
        // The array's head goes with the id: both are there in every token.
        parts.push(part(1, "session id", 14));
        parts.push(part(1, "times", times));
        parts.push(part(1, "revision", revision));
        parts.push(part(1, "subject", subject));
        parts.push(part(1, "state", claims.state.len()));
        let fields = state::weights(claims.state);
        parts.extend(fields.into_iter().map(|(name, bytes)| part(2, name, bytes)));
    }
    parts.push(part(0, "tag", TAG_LEN));
    Some(Anatomy {
        protection: Protection::Signed,
        characters: token.len(),
        key: KeyHint::Id(key),
        parts,
        claims: Some(parsed.map(|claims| unverified(&claims, None))),
    })
}

fn sealed(token: &str) -> Option<Anatomy> {
    let (bytes, key) = format::decode(token, format::SHORTEST_SEALED, 0)?;
    let claims = bytes.len().checked_sub(CLAIMS_AT)?.checked_sub(TAG_LEN)?;
    let parts = vec![
        part(0, "header", HEADER_LEN),
        part(0, "nonce", CLAIMS_AT.saturating_sub(HEADER_LEN)),
        part(0, "claims", claims),
        part(0, "tag", TAG_LEN),
    ];
    Some(Anatomy {
        protection: Protection::Sealed,
        characters: token.len(),
        key: KeyHint::Id(key),
        parts,
        claims: None,
    })
}

fn jwt(token: &str) -> Option<Anatomy> {
    let (algorithm, kid, jws) = parse_jwt(token)?;
    // A segment's text, back to the bytes it spells.
    let mut segments =
        token.split('.').map(|segment| segment.len().saturating_mul(3).div_euclid(4));
    let (header, payload, signature) = (segments.next()?, segments.next()?, segments.next()?);
    let mut parts = vec![part(0, "header", header), part(0, "payload", payload)];
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(jws.payload()).ok()?;
    let mut members: Vec<(String, usize)> = members
        .into_iter()
        // Two quotes, a colon and a comma.
        .map(|(name, value)| (name.len().saturating_add(value.get().len()).saturating_add(4), name))
        .map(|(bytes, name)| (name, bytes))
        .collect();
    members.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    parts.extend(members.into_iter().map(|(name, bytes)| part(1, name, bytes)));
    parts.push(part(0, "signature", signature));
    let claims = jws.unverified().and_then(|(audience, claims)| {
        Claims::parse(&claims).ok().map(|claims| unverified(&claims, Some(audience)))
    });
    Some(Anatomy {
        protection: Protection::Jwt,
        characters: token.len(),
        key: KeyHint::Jwt { algorithm, kid },
        parts,
        claims: Some(claims.ok_or(ClaimsError::Type)),
    })
}

/// What looks like a jwt, with the algorithm and the kid of its header.
fn parse_jwt(token: &str) -> Option<(JwtAlgorithm, String, Jws<'_>)> {
    let jws = Jws::parse(token)?;
    let (algorithm, kid) = [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa]
        .into_iter()
        .find_map(|algorithm| Some((algorithm, jws.kid(algorithm)?.into_owned())))?;
    Some((algorithm, kid, jws))
}

fn unverified(claims: &Claims<'_>, audience: Option<String>) -> Unverified {
    let mut state = Vec::new();
    let shown = state::to_json(claims.state, &mut state).is_ok();
    Unverified {
        audience,
        id: claims.id,
        started_at: claims.started,
        issued_at: claims.issued_at(),
        expires_at: claims.expires_at(),
        ends_at: claims.ends_at(),
        revision: claims.revision,
        subject: claims.subject.map(str::to_owned),
        state: String::from_utf8(state).ok().filter(|_| shown),
    }
}

fn part(level: usize, name: impl Into<String>, bytes: usize) -> Part {
    Part { name: name.into(), level, bytes }
}

/// The kid of what looks like a jwt.
pub(crate) fn jwt_kid(token: &str) -> Option<String> {
    parse_jwt(token).map(|(_, kid, _)| kid)
}

/// Why a text with a token's start is none. Shows one character of it at most.
pub(crate) fn why_malformed(token: &str, jwt: Option<JwtAlgorithm>) -> String {
    let length = token.len();
    let (kind, shortest) = match format::looks_like(token) {
        Some(Protection::Signed) => ("a signed", format::SHORTEST_SIGNED),
        Some(Protection::Sealed) => ("a sealed", format::SHORTEST_SEALED),
        _ => return why_no_jwt(token, jwt),
    };
    if length < shortest {
        return format!("it has {length} characters, and {kind} token has at least {shortest}");
    }
    if let Some(foreign) = first_foreign(token) {
        return foreign;
    }
    if length.checked_rem(4) == Some(1) {
        return format!(
            "no bytes are spelled with {length} characters: some are missing or too many"
        );
    }
    "its last character is not the one that ends these bytes".to_owned()
}

fn why_no_jwt(token: &str, accepted: Option<JwtAlgorithm>) -> String {
    if let (Some((found, ..)), Some(accepted)) = (parse_jwt(token), accepted) {
        return format!(
            "its algorithm is {}, and {} is accepted",
            found.as_str(),
            accepted.as_str()
        );
    }
    let foreign = token.split('.').find_map(first_foreign);
    foreign.unwrap_or_else(|| {
        "its three parts are not a jwt whose header has alg HS256 or EdDSA, kid and typ JWT alone".to_owned()
    })
}

fn first_foreign(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (at, c) = text.chars().enumerate().find(|(_, c)| !allowed(*c))?;
    let nth = at.saturating_add(1);
    Some(format!("character {nth}, {c:?}, is not of base64url without padding"))
}

/// What is wrong with the claims of a signed token.
pub(crate) fn why_bad_claims(token: &str) -> Option<String> {
    match signed(token)?.claims? {
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use saddlebag_keys::{KeyRingHandle, Policy, UnixTime, rotation};
    use serde::Serialize;

    use super::*;
    use crate::tokens::{NewSession, Tokens, TokensBuilder};

    /// In the order of the bytes that they take.
    #[derive(Serialize)]
    struct Cart<'a> {
        n: u8,
        items: &'a [&'a str],
    }

    const CART: Cart<'_> = Cart { n: 1, items: &["tea", "bread"] };
    const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

    fn issued(of: impl Fn(TokensBuilder) -> TokensBuilder) -> (Tokens, String) {
        let policy = Policy::default();
        let plan = rotation::init("test", policy, NOW, &mut rand::rngs::SysRng).unwrap();
        let builder = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("shop");
        let tokens = of(builder).build().unwrap();
        let token = tokens.issue_at(NewSession::of(&CART).subject("alice"), NOW).unwrap().token;
        (tokens, token)
    }

    fn parts(anatomy: &Anatomy, level: usize) -> Vec<(&str, usize)> {
        let of_level = anatomy.parts.iter().filter(|part| part.level == level);
        of_level.map(|part| (part.name.as_str(), part.bytes)).collect()
    }

    fn sum(parts: &[(&str, usize)]) -> usize {
        parts.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The claims are what a holder of the key reads.
    fn told(anatomy: &Anatomy, tokens: &Tokens, token: &str) {
        let verified = tokens.verify_at(token, NOW).unwrap();
        let info = verified.info();
        let Some(Ok(claims)) = &anatomy.claims else { panic!("no claims") };
        assert_eq!(claims.id, info.id.to_bytes());
        let times = [claims.started_at, claims.issued_at, claims.expires_at, claims.ends_at];
        let known = [info.started_at, info.issued_at, info.expires_at, info.ends_at];
        assert_eq!(times, known.map(UnixTime::as_secs));
        assert!(claims.issued_at < claims.expires_at && claims.expires_at < claims.ends_at);
        assert_eq!((claims.revision, claims.subject.as_deref()), (info.revision, Some("alice")));
        assert_eq!(claims.state.as_deref(), Some(r#"{"n":1,"items":["tea","bread"]}"#));
    }

    #[test]
    fn a_signed_token_shows_its_claims_and_what_each_of_them_weighs() {
        let (tokens, token) = issued(|builder| builder.protection(Protection::Signed));
        let anatomy = anatomy(&token).unwrap();
        assert_eq!((anatomy.protection, anatomy.characters), (Protection::Signed, token.len()));
        let key = tokens.verify_at(&token, NOW).unwrap().key_id();
        assert!(matches!(anatomy.key, KeyHint::Id(id) if id == key));
        told(&anatomy, &tokens, &token);
        // A map of two: "n" and a number; "items" and an array of two texts.
        let state = 1 + (2 + 1) + (6 + 1 + 4 + 6);
        let all = parts(&anatomy, 0);
        let claims = all[1].1;
        assert_eq!(all, [("header", 7), ("claims", claims), ("tag", 16)]);
        assert_eq!(token.len(), (sum(&all) * 4).div_ceil(3));
        let some = parts(&anatomy, 1);
        // Of the array's head and the id; 4 times of 5 bytes, 2 of which are differences of 3.
        let names = some.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(names, ["session id", "times", "revision", "subject", "state"]);
        assert_eq!([some[0].1, some[2].1, some[3].1, some[4].1], [14, 1, 6, state]);
        assert_eq!(sum(&some), claims);
        assert_eq!(parts(&anatomy, 2), [("items", 17), ("n", 3)]);
        assert_eq!(why_bad_claims(&token), None);
    }

    #[test]
    fn a_subject_that_nobody_has_weighs_one_byte() {
        let (tokens, _) = issued(|builder| builder.protection(Protection::Signed));
        let token = tokens.issue_at(NewSession::empty(), NOW).unwrap().token;
        let anatomy = anatomy(&token).unwrap();
        assert!(parts(&anatomy, 1).contains(&("subject", 1)));
        let Some(Ok(claims)) = anatomy.claims else { panic!("no claims") };
        assert_eq!((claims.subject, claims.state.as_deref()), (None, Some("null")));
    }

    #[test]
    fn a_sealed_token_shows_its_sizes_alone() {
        let (tokens, token) = issued(|builder| builder);
        let anatomy = anatomy(&token).unwrap();
        assert_eq!((anatomy.protection, anatomy.characters), (Protection::Sealed, token.len()));
        let key = tokens.verify_at(&token, NOW).unwrap().key_id();
        assert!(matches!(anatomy.key, KeyHint::Id(id) if id == key));
        assert!(anatomy.claims.is_none());
        let all = parts(&anatomy, 0);
        let (signed, _) = issued(|builder| builder.protection(Protection::Signed));
        let same = signed.issue_at(NewSession::of(&CART).subject("alice"), NOW).unwrap().token;
        let same = super::anatomy(&same).unwrap();
        let claims = parts(&same, 0)[1];
        assert_eq!(all, [("header", 7), ("nonce", 24), claims, ("tag", 16)]);
        assert_eq!(token.len(), (sum(&all) * 4).div_ceil(3));
        assert_eq!(parts(&anatomy, 1), []);
    }

    #[test]
    fn a_jwt_shows_what_its_members_weigh_and_who_it_is_for() {
        for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
            let (tokens, token) =
                issued(|builder| builder.protection(Protection::Jwt).jwt(algorithm));
            let anatomy = anatomy(&token).unwrap();
            assert_eq!((anatomy.protection, anatomy.characters), (Protection::Jwt, token.len()));
            let KeyHint::Jwt { algorithm: found, kid } = &anatomy.key else { panic!("no kid") };
            assert_eq!((*found, jwt_kid(&token).as_ref()), (algorithm, Some(kid)));
            told(&anatomy, &tokens, &token);
            let Some(Ok(claims)) = &anatomy.claims else { panic!("no claims") };
            assert_eq!(claims.audience.as_deref(), Some("shop"));
            let all = parts(&anatomy, 0);
            let spelled = token.split('.').map(|text| text.len() * 3 / 4).collect::<Vec<_>>();
            let names = ["header", "payload", "signature"].into_iter();
            assert_eq!(all, names.zip(spelled).collect::<Vec<_>>());
            let some = parts(&anatomy, 1);
            // Without the comma behind the last, and the braces.
            assert_eq!(sum(&some) - 1 + 2, all[1].1);
            assert!(some.contains(&("aud", r#""aud":"shop","#.len())), "{some:?}");
            assert!(some.is_sorted_by(|one, next| one.1 >= next.1), "{some:?}");
            let other = [JwtAlgorithm::EdDsa, JwtAlgorithm::Hs256];
            let other = other.into_iter().find(|other| *other != algorithm);
            let accepted = other.map(JwtAlgorithm::as_str).unwrap();
            let why =
                format!("its algorithm is {}, and {accepted} is accepted", algorithm.as_str());
            assert_eq!(why_malformed(&token, other), why);
        }
    }

    #[test]
    fn claims_that_are_none_are_told_by_what_is_wrong_with_them() {
        let (_, token) = issued(|builder| builder.protection(Protection::Signed));
        let (bytes, key) = format::decode(&token, format::SHORTEST_SIGNED, 0).unwrap();
        let header = format::header(bytes[..3].try_into().unwrap(), key);
        let mut wrong = [&header[..], &[0xa0], &[0; 40]].concat();
        wrong.truncate(bytes.len());
        let wrong = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&wrong);
        let found = anatomy(&wrong).unwrap();
        assert!(matches!(found.claims, Some(Err(_))) && parts(&found, 1).is_empty());
        assert!(why_bad_claims(&wrong).is_some_and(|why| !why.is_empty()));
        assert!(anatomy("sb1sAAAA").is_err() && anatomy("a.b.c").is_err());
        assert!(anatomy("neither").is_err_and(|why| why.starts_with("it starts with neither")));
    }

    #[test]
    fn a_malformed_token_is_told_by_what_is_wrong_with_it() {
        let body = "A".repeat(88);
        for (token, why) in [
            ("sb1sAAAA".to_owned(), "8 characters, and a signed token has at least 59"),
            // As long as the shortest.
            (format!("sb1s{}!", &body[..54]), "character 59, '!'"),
            (format!("sb1e{body}="), "character 93, '=', is not of base64url"),
            (format!("sb1e{body}\n"), "character 93, '\\n', is not of base64url"),
            (format!("sb1e{body}A"), "no bytes are spelled with 93 characters"),
            (format!("sb1e{body}AB"), "its last character"),
            ("a.b.c".to_owned(), "its three parts are not a jwt"),
            ("a.b!.c".to_owned(), "character 2, '!'"),
            ("a.-_!.c".to_owned(), "character 3, '!'"),
        ] {
            let told = why_malformed(&token, None);
            assert!(told.contains(why), "{told}");
        }
    }
}
