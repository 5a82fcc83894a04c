//! Section 3: tags that a signed token must not have.

use crate::claims::Claims;
use crate::keys::{expand, fixed, hmac};
use crate::text::base64url;
use crate::tokens::{Kind, Mint};
use crate::vector::{Case, Vector};

pub fn wrong_tags() -> Vec<Vector> {
    let claims = Claims::default().encode();
    let binding = [b"x5t#S256:", &fixed("certificate")[..]].concat();
    let mut vectors = Vec::new();
    let mut tag = |name: &str, make: &dyn Fn(&Mint, &[u8]) -> Vec<u8>| {
        let mint = Mint::new(Kind::Signed, Case::new(name).binding(&binding));
        let header = Kind::Signed.header(&mint.keys());
        let token = [&header[..], &claims, &make(&mint, &header)].concat();
        vectors.push(mint.case.refuse("bad_tag", base64url(&token)));
    };
    let whole = |mint: &Mint, header: &[u8]| {
        let length = (binding.len() as u32).to_be_bytes();
        hmac(&mint.keys().signed, &[header, &length, &binding, &claims])
    };
    let first = |tag: [u8; 32]| tag[..16].to_vec();
    tag("all 32 bytes of the HMAC", &|mint, header| whole(mint, header).to_vec());
    tag("the last 16 bytes of the HMAC", &|mint, header| whole(mint, header)[16..].to_vec());
    tag("the tag leaves out the header", &|mint, _| {
        let length = (binding.len() as u32).to_be_bytes();
        first(hmac(&mint.keys().signed, &[&length, &binding, &claims]))
    });
    tag("the tag leaves out the length of the binding", &|mint, header| {
        first(hmac(&mint.keys().signed, &[header, &binding, &claims]))
    });
    tag("the length of the binding is little-endian", &|mint, header| {
        let length = (binding.len() as u32).to_le_bytes();
        first(hmac(&mint.keys().signed, &[header, &length, &binding, &claims]))
    });
    tag("the length of the binding has eight bytes", &|mint, header| {
        let length = (binding.len() as u64).to_be_bytes();
        first(hmac(&mint.keys().signed, &[header, &length, &binding, &claims]))
    });
    tag("the binding comes after the claims", &|mint, header| {
        let length = (binding.len() as u32).to_be_bytes();
        first(hmac(&mint.keys().signed, &[header, &claims, &length, &binding]))
    });
    tag("the label of the key has a terminator", &|mint, header| {
        let length = (binding.len() as u32).to_be_bytes();
        let key = expand(&mint.keys().audience, &["saddlebag/1 signed\0"]);
        first(hmac(&key, &[header, &length, &binding, &claims]))
    });
    vectors
}
