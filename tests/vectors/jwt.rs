//! Section 8: jwt sessions, made by hand so that every member can be spoilt.

use ed25519_dalek::Signer;

use crate::claims::{Claims, START, State, marked};
use crate::keys::{Keys, fixed, hmac, root};
use crate::text::{base64url, quoted};
use crate::vector::{Case, RingKey, Vector};
use crate::{clock, jwt_forged, jwt_malformed};

#[derive(Clone, Copy, PartialEq)]
pub enum Alg {
    Hs256,
    EdDsa,
}

pub const BOTH: [Alg; 2] = [Alg::Hs256, Alg::EdDsa];

impl Alg {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub fn sign(self, keys: &Keys, input: &str) -> Vec<u8> {
        match self {
            Self::Hs256 => hmac(&keys.hs256, &[input.as_bytes()]).to_vec(),
            Self::EdDsa => keys.ed25519.sign(input.as_bytes()).to_bytes().to_vec(),
        }
    }
}

/// The members of a JSON object, each as name and JSON text, in the order in which they are written.
#[derive(Clone)]
pub struct Members(pub Vec<(String, String)>);

impl Members {
    fn new(list: &[(&str, String)]) -> Self {
        Self(list.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        let member = self.0.iter_mut().find(|member| member.0 == name).unwrap();
        member.1 = value.into();
        self
    }

    pub fn add(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|member| member.0 != name);
        self
    }

    /// Names are written as they are, so that one can be given in escapes.
    pub fn json(&self) -> String {
        let members: Vec<String> = self.0.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The parts of a jwt, before it is signed.
#[derive(Clone)]
pub struct Jwt {
    pub alg: Alg,
    pub keys: Keys,
    pub header: Members,
    pub payload: Members,
}

impl Jwt {
    pub fn new(alg: Alg, keys: &Keys, audience: &str, claims: &Claims) -> Self {
        let (name, kid) = (quoted(alg.name()), quoted(&keys.kid));
        let header = Members::new(&[("alg", name), ("kid", kid), ("typ", quoted("JWT"))]);
        let mut payload = Members::new(&[
            ("aud", quoted(audience)),
            ("iat", claims.issued_at().to_string()),
            ("exp", claims.expires_at().to_string()),
            ("auth_time", claims.started.to_string()),
            ("ends", claims.ends_at().to_string()),
            ("rev", claims.revision.to_string()),
            ("jti", quoted(&base64url(&claims.id))),
            ("state", claims.state.json.clone().unwrap()),
        ]);
        if let Some(subject) = &claims.subject {
            payload = payload.add("sub", &quoted(subject));
        }
        Self { alg, keys: keys.clone(), header, payload }
    }

    /// Root A's usual session for `shop`.
    pub fn usual(alg: Alg) -> Self {
        Self::new(alg, &Keys::new(&root("A"), "shop"), "shop", &Claims::default())
    }

    pub fn header(self, edit: impl Fn(Members) -> Members) -> Self {
        Self { header: edit(self.header), ..self }
    }

    pub fn payload(self, edit: impl Fn(Members) -> Members) -> Self {
        Self { payload: edit(self.payload), ..self }
    }

    pub fn token(&self) -> String {
        self.token_of(self.header.json().as_bytes(), self.payload.json().as_bytes())
    }

    /// Signs whatever stands for the header and the payload.
    pub fn token_of(&self, header: &[u8], payload: &[u8]) -> String {
        self.token_of_texts(&base64url(header), &base64url(payload))
    }

    pub fn token_of_texts(&self, header: &str, payload: &str) -> String {
        let input = format!("{header}.{payload}");
        format!("{input}.{}", base64url(&self.alg.sign(&self.keys, &input)))
    }
}

/// A verifier that is pinned to this algorithm.
pub fn pinned(alg: Alg, name: impl Into<String>) -> Case {
    let name = format!("{}: {}", alg.name(), name.into());
    Case::new(name).alg(Some(alg.name()))
}

pub fn vectors() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for alg in BOTH {
        vectors.extend(accepted(alg));
        vectors.extend(spellings(alg));
        vectors.extend(audiences(alg));
        let every = if alg == Alg::Hs256 { 1 } else { 3 };
        vectors
            .extend(clock::cases().into_iter().step_by(every).map(|clocked| timed(alg, clocked)));
        vectors.extend(not_accepted(alg));
        vectors.extend(jwt_forged::vectors(alg));
    }
    vectors.extend(jwt_malformed::vectors());
    vectors
}

fn timed(alg: Alg, clocked: clock::Clocked) -> Vector {
    let keys = Keys::new(&root(clocked.signer), "shop");
    let token = Jwt::new(alg, &keys, "shop", &clocked.claims).token();
    let name = format!("{}: {}", alg.name(), clocked.case.name);
    let case = Case { name, ..clocked.case }.alg(Some(alg.name()));
    case.judge(clocked.reason, token, &clocked.claims)
}

fn accepted(alg: Alg) -> Vec<Vector> {
    let base = Claims::default;
    let far = (1 << 40) - 1 - START;
    let subject = |text: &str| Claims { subject: Some(text.into()), ..base() };
    let state = |cbor: &str, json: &str| Claims { state: State::new(cbor, json), ..base() };
    let deep = format!("{}{}", "[".repeat(32), "]".repeat(32));
    let list = [
        ("a session with a subject and a cart", base()),
        ("a session without subject", Claims { subject: None, ..base() }),
        ("a session without state", state("f6", "null")),
        ("a session renewed twice", Claims::renewed()),
        ("the last revision", Claims { revision: u32::MAX, ..base() }),
        ("expires_at equal to ends_at", Claims { expires: 86_400, ..base() }),
        ("ends_at at its maximum of 2^40 - 1", Claims { ends: far, ..base() }),
        ("a subject of 255 bytes", subject(&"s".repeat(255))),
        ("a subject that a decoder must not normalise", subject("e\u{301}\u{e9}\u{2000} A\0a")),
        (
            "a subject that begins and ends with a byte order mark",
            subject("\u{feff}user-17\u{feff}"),
        ),
        ("state whose texts begin with a byte order mark", Claims { state: marked(), ..base() }),
        ("state that is a scalar", state("1b ffffffffffffffff", "18446744073709551615")),
        ("state with a float that is whole", state("81 f9 3c00", "[1.0]")),
        ("state with an exponent", state("f9 63d0", "1e3")),
        ("state with depth 32", state(&format!("{}80", "81".repeat(31)), &deep)),
        ("state with a name in different cases", state("a2 6141 01 6161 02", r#"{"A":1,"a":2}"#)),
        ("state with the names of claims", state("a1 63737562 01", r#"{"sub":1}"#)),
        ("state with an escaped pair of surrogates", state("64 f09f9880", r#""\ud83d\ude00""#)),
    ];
    let keys = Keys::new(&root("A"), "shop");
    list.iter()
        .map(|(name, claims)| {
            pinned(alg, *name)
                .at(claims.issued_at() + 10, 60)
                .accept(Jwt::new(alg, &keys, "shop", claims).token(), claims)
        })
        .collect()
}

/// Other JSON texts of one session are as good, as long as they are signed.
fn spellings(alg: Alg) -> Vec<Vector> {
    let usual = Jwt::usual(alg);
    let keys = &usual.keys;
    let header = usual.header.json();
    let payload = usual.payload.json();
    let reversed = |members: &Members| Members(members.0.iter().rev().cloned().collect()).json();
    let spaced = |text: &str| format!(" {} \r\n", text.replace(",\"", " ,\n\t\""));
    let mut escaped = usual.payload.clone().set("aud", r#""sh\u006fp""#);
    escaped.0.last_mut().unwrap().0 = r"s\u0075b".into();
    let escaped_header = header.replace("\"typ\"", "\"t\\u0079p\"").replace("JWT", "\\u004aWT");
    let mut vectors = Vec::new();
    for (name, header, payload) in [
        ("members of the payload in another order", header.clone(), reversed(&usual.payload)),
        ("members of the header in another order", reversed(&usual.header), payload.clone()),
        ("white space in the payload", header.clone(), spaced(&payload)),
        ("white space in the header", spaced(&header), payload.clone()),
        ("escapes in the payload", header.clone(), escaped.json()),
        ("escapes in the header", escaped_header, payload.clone()),
    ] {
        let token = usual.token_of(header.as_bytes(), payload.as_bytes());
        vectors.push(pinned(alg, name).accept(token, &Claims::default()));
    }
    let two = [RingKey::new("A", START - 86_400), RingKey::new("B", START - 3_600)];
    let b = Jwt::new(alg, &Keys::new(&root("B"), "shop"), "shop", &Claims::default());
    let case = |name: &str| pinned(alg, name).roots(&two);
    vectors.push(case("the older of two keys").accept(usual.token(), &Claims::default()));
    vectors.push(case("the newer of two keys").accept(b.token(), &Claims::default()));
    let kid = quoted(&keys.kid);
    let mixed = b.header(|header| header.set("kid", &kid)).token();
    vectors.push(case("the kid of the other key").refuse("bad_tag", mixed));
    vectors
}

fn audiences(alg: Alg) -> Vec<Vector> {
    let claims = Claims::default();
    let a = root("A");
    let admin = Keys::new(&a, "shop/admin");
    let for_admin = Jwt::new(alg, &admin, "shop/admin", &claims);
    let shop = Keys::new(&a, "shop");
    let case = |name: &str| pinned(alg, name);
    let kid = quoted(&shop.kid);
    vec![
        case("another audience of the same root")
            .audience("shop/admin")
            .accept(for_admin.token(), &claims),
        case("the kid of another audience of the same root")
            .refuse("unknown_key", for_admin.token()),
        case("the kid of another audience, with this audience in `aud`")
            .refuse("unknown_key", Jwt::new(alg, &admin, "shop", &claims).token()),
        case("another audience's key under this audience's kid").refuse(
            "bad_tag",
            Jwt::new(alg, &admin, "shop", &claims).header(|h| h.set("kid", &kid)).token(),
        ),
        case("a key that the ring does not have").refuse(
            "unknown_key",
            Jwt::new(alg, &Keys::new(&root("B"), "shop"), "shop", &claims).token(),
        ),
    ]
}

/// A jwt where the verifier takes none: without the option, or with a binding.
fn not_accepted(alg: Alg) -> Vec<Vector> {
    let token = Jwt::usual(alg).token();
    let off = pinned(alg, "a verifier that takes no jwt").alg(None);
    let certificate = [b"x5t#S256:", &fixed("certificate")[..]].concat();
    let bound = pinned(alg, "a verifier with a binding").binding(&certificate);
    let limit = token.len();
    let exact = pinned(alg, "as long as the verifier's own limit").max_length(limit);
    let over = pinned(alg, "one character past the verifier's own limit").max_length(limit - 1);
    let state = State::text(&"a".repeat(2900));
    let keys = Keys::new(&root("A"), "shop");
    let long = Jwt::new(alg, &keys, "shop", &Claims { state, ..Claims::default() }).token();
    vec![
        off.refuse("jwt_not_accepted", token.clone()).or("not_a_token"),
        bound.refuse("jwt_not_accepted", token.clone()),
        exact.accept(token.clone(), &Claims::default()),
        over.refuse("too_long", token),
        pinned(alg, "past the usual limit").refuse("too_long", long),
        pinned(alg, "4,100 dots").refuse("too_long", ".".repeat(4100)),
    ]
}
