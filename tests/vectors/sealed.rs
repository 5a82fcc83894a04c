//! Section 4: nonces, and seals that a sealed token must not have.

use crate::claims::Claims;
use crate::keys::{fixed, nonce};
use crate::text::base64url;
use crate::tokens::{Kind, Mint};
use crate::vector::{Case, Vector};
use crate::xaes;

/// Any nonce is as good as another to a verifier; one prefix has many of them.
pub fn nonces() -> Vec<Vector> {
    let prefix = nonce("one prefix");
    let mut suffix = prefix;
    suffix[12..].copy_from_slice(&nonce("another suffix")[12..]);
    [
        ("the first of two tokens of one prefix", prefix),
        ("the second of two tokens of one prefix", suffix),
        ("a nonce of zeros", [0; 24]),
        ("a nonce of ones", [0xff; 24]),
    ]
    .map(|(name, nonce)| Mint::named(Kind::Sealed, name).nonce(nonce).accept(&Claims::default()))
    .into()
}

pub fn wrong_seals() -> Vec<Vector> {
    let claims = Claims::default().encode();
    let binding = [b"x5t#S256:", &fixed("certificate")[..]].concat();
    let length = (binding.len() as u32).to_be_bytes();
    let mut vectors = Vec::new();
    type Seal<'a> = &'a dyn Fn(&[u8; 32], &[u8; 24], &[u8]) -> Vec<u8>;
    let mut seal = |name: &str, make: Seal| {
        let mint = Mint::new(Kind::Sealed, Case::new(name).binding(&binding));
        let (keys, nonce) = (mint.keys(), mint.case.nonce.unwrap());
        let header = Kind::Sealed.header(&keys);
        let token = [&header, &nonce[..], &make(&keys.sealed, &nonce, &header)].concat();
        vectors.push(mint.case.refuse("bad_tag", base64url(&token)));
    };
    let flipped = |nonce: &[u8; 24]| [&nonce[12..], &nonce[..12]].concat().try_into().unwrap();
    seal("plain AES-256-GCM with the nonce's first half", &|key, nonce, header| {
        xaes::aes_gcm(key, &nonce[..12], &claims, &[header, &binding].concat())
    });
    seal("plain AES-256-GCM with the nonce's second half", &|key, nonce, header| {
        xaes::aes_gcm(key, &nonce[12..], &claims, &[header, &binding].concat())
    });
    seal("the nonce's halves exchanged", &|key, nonce, header| {
        xaes::seal(key, &flipped(nonce), &claims, &[header, &binding].concat())
    });
    seal("the AAD leaves out the header", &|key, nonce, _| {
        xaes::seal(key, nonce, &claims, &binding)
    });
    seal("the AAD leaves out the binding", &|key, nonce, header| {
        xaes::seal(key, nonce, &claims, header)
    });
    seal("the AAD has the length of the binding, as in a signed token", &|key, nonce, header| {
        xaes::seal(key, nonce, &claims, &[header, &length, &binding].concat())
    });
    seal("the AAD has the nonce too", &|key, nonce, header| {
        xaes::seal(key, nonce, &claims, &[header, nonce, &binding].concat())
    });
    seal("the claims in the clear with a tag behind them", &|key, nonce, header| {
        let sealed = xaes::seal(key, nonce, &claims, &[header, &binding].concat());
        [&claims, &sealed[claims.len()..]].concat()
    });
    vectors
}
