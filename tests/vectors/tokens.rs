//! Sections 1 to 4: signed and sealed tokens, and the vectors that both kinds share.

use crate::claims::{Claims, START, State, marked};
use crate::keys::{Keys, fixed, hmac, nonce, root};
use crate::text::{base64url, hex};
use crate::vector::{Case, Vector};
use crate::{clock, frame, malformed, sealed, signed, xaes};

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Signed,
    Sealed,
}

impl Kind {
    pub fn bytes(self) -> [u8; 3] {
        match self {
            Self::Signed => [0xb1, 0xbd, 0x6c],
            Self::Sealed => [0xb1, 0xbd, 0x5e],
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Signed => Self::Sealed,
            Self::Sealed => Self::Signed,
        }
    }

    /// Bytes in front of the claims: header and, sealed, nonce.
    pub fn front(self) -> usize {
        match self {
            Self::Signed => 7,
            Self::Sealed => 31,
        }
    }

    pub fn shortest(self) -> usize {
        match self {
            Self::Signed => 59,
            Self::Sealed => 91,
        }
    }

    pub fn header(self, keys: &Keys) -> Vec<u8> {
        [&self.bytes()[..], &keys.id].concat()
    }

    /// The token's bytes. The nonce is unused where it is signed.
    pub fn make(self, keys: &Keys, binding: &[u8], nonce: &[u8; 24], claims: &[u8]) -> Vec<u8> {
        let header = self.header(keys);
        match self {
            Self::Signed => {
                let length = (binding.len() as u32).to_be_bytes();
                let tag = hmac(&keys.signed, &[&header, &length, binding, claims]);
                [&header, claims, &tag[..16]].concat()
            }
            Self::Sealed => {
                let aad = [&header, binding].concat();
                [&header, &nonce[..], &xaes::seal(&keys.sealed, nonce, claims, &aad)].concat()
            }
        }
    }
}

/// Makes the tokens of one vector, in the case's own terms.
#[derive(Clone)]
pub struct Mint {
    pub kind: Kind,
    pub case: Case,
    pub signer: [u8; 32],
    pub binding: Vec<u8>,
    pub audience: String,
}

impl Mint {
    pub fn new(kind: Kind, case: Case) -> Self {
        let nonce = (kind == Kind::Sealed).then(|| nonce(&case.name));
        let (binding, audience) = (case.binding.clone(), case.audience.clone());
        Self { kind, case: Case { nonce, ..case }, signer: root("A"), binding, audience }
    }

    pub fn named(kind: Kind, name: impl Into<String>) -> Self {
        Self::new(kind, Case::new(name))
    }

    /// Signs for another binding than the verifier has.
    pub fn bound_to(self, binding: &[u8]) -> Self {
        Self { binding: binding.into(), ..self }
    }

    /// Signs for another audience than the verifier has.
    pub fn aimed_at(self, audience: &str) -> Self {
        Self { audience: audience.into(), ..self }
    }

    pub fn signed_by(self, label: &str) -> Self {
        Self { signer: root(label), ..self }
    }

    pub fn nonce(self, nonce: [u8; 24]) -> Self {
        let nonce = (self.kind == Kind::Sealed).then_some(nonce);
        Self { case: Case { nonce, ..self.case }, ..self }
    }

    pub fn keys(&self) -> Keys {
        Keys::new(&self.signer, &self.audience)
    }

    pub fn bytes(&self, claims: &[u8]) -> Vec<u8> {
        let nonce = self.case.nonce.unwrap_or_default();
        self.kind.make(&self.keys(), &self.binding, &nonce, claims)
    }

    pub fn accept(self, claims: &Claims) -> Vector {
        let token = base64url(&self.bytes(&claims.encode()));
        self.case.accept(token, claims)
    }

    /// Refuses a token whose tag is right over these claims.
    pub fn refuse(self, reason: &'static str, claims: &[u8]) -> Vector {
        let token = base64url(&self.bytes(claims));
        self.case.refuse(reason, token)
    }

    /// Refuses what `spoil` makes out of a good token's bytes.
    pub fn spoil(self, reason: &'static str, spoil: impl Fn(&mut Vec<u8>)) -> Vector {
        let mut bytes = self.bytes(&Claims::default().encode());
        spoil(&mut bytes);
        self.case.refuse(reason, base64url(&bytes))
    }
}

pub fn signed() -> Vec<Vector> {
    let mut vectors = shared(Kind::Signed);
    vectors.extend(malformed::slots(Kind::Signed));
    vectors.extend(signed::wrong_tags());
    vectors
}

pub fn sealed() -> Vec<Vector> {
    let mut vectors = shared(Kind::Sealed);
    vectors.extend(sealed::nonces());
    vectors.extend(sealed::wrong_seals());
    vectors
}

fn shared(kind: Kind) -> Vec<Vector> {
    let mut vectors = accepted(kind);
    vectors.extend(states(kind));
    vectors.extend(bindings(kind));
    vectors.extend(audiences(kind));
    vectors.extend(clock::cases().into_iter().map(|clocked| {
        let mint = Mint::new(kind, clocked.case).signed_by(clocked.signer);
        let token = base64url(&mint.bytes(&clocked.claims.encode()));
        mint.case.judge(clocked.reason, token, &clocked.claims)
    }));
    vectors.extend(lengths(kind));
    vectors.extend(frame::refused(kind));
    vectors.extend(malformed::whole(kind));
    vectors
}

fn accepted(kind: Kind) -> Vec<Vector> {
    let base = Claims::default;
    let far = (1 << 40) - 1 - START;
    let subject = |text: &str| Claims { subject: Some(text.into()), ..base() };
    let nothing = State::new("f6", "null");
    let list = [
        ("a session with a subject and a cart", base()),
        ("a session without subject and state", Claims { subject: None, state: nothing, ..base() }),
        ("a session renewed twice", Claims::renewed()),
        ("the last revision", Claims { revision: u32::MAX, ..base() }),
        ("expires_at equal to ends_at", Claims { expires: 86_400, ..base() }),
        ("ends_at at its maximum of 2^40 - 1", Claims { ends: far, ..base() }),
        ("a subject of one byte", subject("x")),
        ("a subject of 255 bytes", subject(&"s".repeat(255))),
        ("a subject that a decoder must not normalise", subject("e\u{301}\u{e9}\u{2000} A\0a")),
        (
            "a subject that begins and ends with a byte order mark",
            subject("\u{feff}user-17\u{feff}"),
        ),
        ("a subject that is a byte order mark", subject("\u{feff}")),
        ("a subject of 255 bytes in 85 characters", subject(&"\u{20ac}".repeat(85))),
    ];
    list.iter()
        .map(|(name, claims)| {
            Mint::new(kind, Case::new(*name).at(claims.issued_at() + 10, 60)).accept(claims)
        })
        .collect()
}

/// The state is authentic: good or bad inside, it never decides about the token.
fn states(kind: Kind) -> Vec<Vector> {
    let nested = |depth: usize| format!("{}80", "81".repeat(depth - 1));
    let deep_json = format!("{}{}", "[".repeat(32), "]".repeat(32));
    let list = [
        ("state with bytes", State::new("43 fbff00", r#""-_8A""#)),
        ("state with a float that is whole", State::new("f9 3c00", "1.0")),
        ("state with longer forms inside", State::new("9a00000001 1800", "[0]")),
        ("state with keys out of order", State::new("a2 6162 01 6161 02", r#"{"b":1,"a":2}"#)),
        ("state whose texts begin with a byte order mark", marked()),
        ("state with depth 32", State::new(&nested(32), &deep_json)),
        ("bad state: depth 33", State::bad(&nested(33))),
        ("bad state: a byte after its item", State::bad("00 00")),
        ("bad state: a second item, nine in all", State::bad("a0 f6")),
        ("bad state: a key twice", State::bad("a2 6161 01 6161 02")),
        ("bad state: a key twice, deep inside", State::bad("81 a1 6178 a2 6161 01 6161 02")),
        ("bad state: NaN", State::bad("f9 7e00")),
        ("bad state: an infinity", State::bad("f9 7c00")),
        ("bad state: a tag", State::bad("c1 00")),
        ("bad state: an indefinite array", State::bad("9f ff")),
        ("bad state: an indefinite text", State::bad("7f 6161 ff")),
        ("bad state: a key that is an integer", State::bad("a1 01 02")),
        ("bad state: undefined", State::bad("f7")),
        ("bad state: null in two bytes", State::bad("f8 16")),
        ("bad state: an integer below -2^63", State::bad("3b 8000000000000000")),
        ("bad state: text that is not UTF-8", State::bad("62 c080")),
        ("bad state: cut short", State::bad("82 00")),
        ("bad state: an array of 2^64 - 1 items", State::bad("9b ffffffffffffffff")),
        ("bad state: a break", State::bad("ff")),
    ];
    list.into_iter()
        .map(|(name, state)| Mint::named(kind, name).accept(&Claims { state, ..Claims::default() }))
        .collect()
}

fn bindings(kind: Kind) -> Vec<Vector> {
    let certificate = [b"x5t#S256:", &fixed("certificate")[..]].concat();
    let longest: Vec<u8> = fixed("binding").into_iter().cycle().take(1024).collect();
    let other = [b"x5t#S256:", &fixed("another certificate")[..]].concat();
    let longer = [&certificate[..], &[0]].concat();
    let claims = Claims::default();
    let mint = |name: &str, have: &[u8]| Mint::new(kind, Case::new(name).binding(have));
    let mut vectors: Vec<Vector> = [
        ("bound to a certificate", &certificate),
        ("bound to one zero byte", &vec![0]),
        ("bound to 1,024 bytes", &longest),
    ]
    .map(|(name, binding)| mint(name, binding).accept(&claims))
    .into();
    let none = Vec::new();
    for (name, have, made) in [
        ("bound, to a verifier without binding", &none, &certificate),
        ("not bound, to a verifier with binding", &certificate, &none),
        ("not bound, to a verifier bound to one zero byte", &vec![0], &none),
        ("bound to another certificate", &certificate, &other),
        ("bound to the verifier's binding and a zero byte", &certificate, &longer),
        ("bound to a prefix of the verifier's binding", &longer, &certificate),
    ] {
        vectors.push(mint(name, have).bound_to(made).refuse("bad_tag", &claims.encode()));
    }
    // What moves over the border between binding and claims must not fit again.
    let all = claims.encode();
    let moved = [&certificate[..], &all[..1]].concat();
    let mint = mint("the claims' first byte moved into the binding", &moved);
    let token = mint.clone().bound_to(&certificate).spoilt_border();
    vectors.push(mint.case.refuse("bad_tag", token));
    vectors
}

impl Mint {
    /// A token without its claims' first byte, which the verifier has in its binding.
    fn spoilt_border(&self) -> String {
        let mut bytes = self.bytes(&Claims::default().encode());
        bytes.remove(self.kind.front());
        base64url(&bytes)
    }
}

fn audiences(kind: Kind) -> Vec<Vector> {
    let claims = Claims::default();
    let for_audience = |name: &str, audience: &str| {
        Mint::new(kind, Case::new(name).audience(audience)).nonce(nonce("two audiences"))
    };
    let longest = "a1.b_c:d/e-".repeat(12)[..128].to_owned();
    let one = "the first of two audiences that share key id and nonce";
    let two = "the second of two audiences that share key id and nonce";
    let mut vectors = vec![
        for_audience(one, "shop").accept(&claims),
        for_audience(two, "shop/admin").accept(&claims),
        for_audience("an audience of one character", "-").accept(&claims),
        for_audience("an audience of 128 characters", &longest).accept(&claims),
    ];
    for (name, have, made) in [
        ("a token for another audience, with its key id and nonce", "shop", "shop/admin"),
        ("a token for an audience that this one starts with", "shop/admin", "shop"),
        ("a token for an audience spelled with capitals", "shop", "SHOP"),
        ("a token for an audience followed by a space", "shop", "shop "),
        ("a token for the empty audience", "shop", ""),
    ] {
        let mint = for_audience(name, have).aimed_at(made);
        vectors.push(mint.refuse("bad_tag", &claims.encode()));
    }
    vectors
}

fn lengths(kind: Kind) -> Vec<Vector> {
    let smallest = Claims::smallest();
    let at_zero = |name: &str| Mint::new(kind, Case::new(name).at(0, 0));
    let shortest = at_zero("the shortest token there is").accept(&smallest);
    assert_eq!(shortest.token.len(), kind.shortest());
    let mut items = smallest.items();
    items.state.clear();
    let below = at_zero("one byte below the shortest, with no state at all");
    let mut vectors = vec![shortest, below.refuse("malformed", &items.encode())];
    // Three lengths in a row give each number of unused last bits; four, six and nothing.
    for (name, length) in [("abcd", 4), ("abcde", 5), ("abcdef", 6)] {
        let claims = Claims { state: State::text(name), ..Claims::default() };
        let name = format!("a token with a state of {length} letters");
        vectors.push(Mint::named(kind, name).accept(&claims));
    }
    let header = "a header with nothing behind it";
    vectors.push(Mint::named(kind, header).spoil("malformed", |bytes| bytes.truncate(7)));
    let long = |mint: Mint, bytes: usize| {
        let state = State::text("");
        let empty = Claims { state, ..Claims::default() };
        let fixed = mint.bytes(&empty.encode()).len() + 2;
        let claims = Claims { state: State::text(&"a".repeat(bytes - fixed)), ..empty };
        (mint, claims)
    };
    if kind == Kind::Signed {
        let (mint, claims) = long(Mint::named(kind, "4,096 characters, the usual limit"), 3072);
        vectors.push(mint.accept(&claims));
        assert_eq!(vectors.last().unwrap().token.len(), 4096);
    }
    let (mint, claims) = long(Mint::named(kind, "4,098 characters, past the usual limit"), 3073);
    vectors.push(mint.refuse("too_long", &claims.encode()));
    let own = |name: &str, limit| Mint::new(kind, Case::new(name).max_length(limit));
    let claims = Claims::default();
    let length = base64url(&own("", 0).bytes(&claims.encode())).len();
    vectors.push(own("as long as the verifier's own limit", length).accept(&claims));
    let over = own("one character past the verifier's own limit", length - 1);
    vectors.push(over.refuse("too_long", &claims.encode()));
    let junk = Mint::named(kind, "4,100 characters that are no token").case;
    vectors.push(junk.refuse("too_long", "A".repeat(4100)));
    vectors
}

#[test]
fn the_sizes_printed_in_the_contract_hold() {
    let claims = Claims { subject: None, state: State::bad(""), ..Claims::default() };
    for (kind, bytes, characters) in [(Kind::Signed, 53, 71), (Kind::Sealed, 77, 103)] {
        let token = Mint::named(kind, "size").bytes(&claims.encode());
        assert_eq!((token.len(), base64url(&token).len()), (bytes, characters), "{}", hex(&token));
    }
}
