//! Claims that are accepted are the one encoding of what they say; and a renewal keeps its laws. A refusal shows none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag::Verified;
use saddlebag_fuzz::{HS256, is_told_by_its_reason, now, renewal_keeps_its_laws, signed};

fuzz_target!(|claims: &[u8]| {
    let verified = match HS256.verify_at(&signed(claims), now()) {
        Ok(verified) => verified,
        Err(refused) => return is_told_by_its_reason(&refused),
    };
    assert_eq!(encoded(&verified), claims);
    renewal_keeps_its_laws(&HS256, &verified);
});

/// The claims again, by the table of the format's section 6.
fn encoded(verified: &Verified) -> Vec<u8> {
    let info = verified.info();
    let mut out = vec![0x88, 0x4c];
    out.extend_from_slice(&info.id.to_bytes());
    for number in [
        info.started_at.as_secs(),
        info.issued_at.since(info.started_at),
        info.expires_at.since(info.issued_at),
        info.ends_at.since(info.started_at),
        info.revision.into(),
    ] {
        head(&mut out, 0, number);
    }
    match verified.subject() {
        Some(subject) => {
            head(&mut out, 3, subject.len() as u64);
            out.extend_from_slice(subject.as_bytes());
        }
        None => out.push(0xf6),
    }
    out.extend_from_slice(verified.state_cbor());
    out
}

fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    match argument {
        0..24 => out.push(major << 5 | bytes[7]),
        24..0x100 => out.extend_from_slice(&[major << 5 | 24, bytes[7]]),
        0x100..0x1_0000 => {
            out.push(major << 5 | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major << 5 | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major << 5 | 27);
            out.extend_from_slice(&bytes);
        }
    }
}
