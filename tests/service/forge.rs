//! Signed tokens that no service would issue, made from the format's text (sections 3 and 6).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::Mac;
use saddlebag::keys::{KeyId, Secret, derive};

/// A token over any claims, under a key's K_audience.
pub fn signed(id: KeyId, key: &Secret, claims: &[u8]) -> String {
    let header = [&[0xb1, 0xbd, 0x6c][..], &id.to_bytes()].concat();
    let mut mac = derive::hmac(&derive::signed(key));
    mac.update(&header);
    mac.update(&[0; 4]);
    mac.update(claims);
    let token = [&header, claims, &mac.finalize().into_bytes()[..16]].concat();
    BASE64_URL_SAFE_NO_PAD.encode(token)
}

/// Claims of a session that began at `started` and ends with its token 900 s later. The subject is short.
pub fn claims(started: u64, subject: Option<&str>, state: &[u8]) -> Vec<u8> {
    let mut claims = vec![0x88, 0x4c];
    claims.extend_from_slice(&[7; 12]);
    claims.push(0x1a);
    claims.extend_from_slice(&u32::try_from(started).unwrap().to_be_bytes());
    claims.extend_from_slice(&[0x00, 0x19, 0x03, 0x84, 0x19, 0x03, 0x84, 0x00]);
    match subject {
        Some(subject) => {
            claims.push(0x60 | u8::try_from(subject.len()).unwrap());
            claims.extend_from_slice(subject.as_bytes());
        }
        None => claims.push(0xf6),
    }
    claims.extend_from_slice(state);
    claims
}
