//! State in all directions, by topic.

use super::*;
use crate::token::cbor::hex;

mod decoding;
mod encoding;
mod json;
mod laws;
mod picking;
mod refusals;

fn encoded<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    out
}

fn cbor(json: &str) -> Result<Vec<u8>, StateError> {
    let mut out = b"before".to_vec();
    let written = from_json(json, &mut out);
    assert!(out.starts_with(b"before"));
    match written {
        Ok(()) => Ok(out.split_off(6)),
        Err(error) => {
            assert_eq!(out, b"before", "a refusal leaves nothing behind");
            Err(error)
        }
    }
}

/// Of state that is accepted.
fn has_bytes(cbor: &[u8]) -> bool {
    to_json(cbor, &mut Vec::new()).unwrap()
}

fn json(cbor: &[u8]) -> Result<String, StateError> {
    let mut out = b"before".to_vec();
    let written = to_json(cbor, &mut out);
    match written {
        Ok(_) => Ok(String::from_utf8(out.split_off(6)).unwrap()),
        Err(error) => {
            assert_eq!(out, b"before", "a refusal leaves nothing behind");
            Err(error)
        }
    }
}
