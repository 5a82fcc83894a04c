//! XAES-256-GCM against what C2SP prints, and the table of derived ciphers.

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(bytes: [u8; 32]) -> SealedKey {
    SealedKey::numbered(&Secret::from_bytes(bytes), 1, &Arc::new(DerivedCiphers::new(64)))
}

/// Seals `text` under a nonce of the test's choosing, with the AAD that XAES's vectors have.
fn sealed(key: &SealedKey, nonce: &[u8; 24], text: &[u8], aad: &[u8]) -> Vec<u8> {
    let (prefix, rest) = nonce.split_first_chunk::<12>().unwrap();
    let rest: &[u8; 12] = rest.try_into().unwrap();
    let mut text = text.to_vec();
    let tag = key.derive(prefix).unwrap().seal(rest, aad, &mut text).unwrap();
    text.extend_from_slice(&tag);
    text
}

#[test]
fn the_printed_vectors_of_c2sp_hold() {
    let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
    for (bytes, aad, printed) in [
        ([1; 32], &b""[..], "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        // The first bit of L is set here.
        (
            [3; 32],
            b"c2sp.org/XAES-256-GCM",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        ),
    ] {
        assert_eq!(hex(&sealed(&key(bytes), nonce, b"XAES-256-GCM", aad)), printed);
    }
    assert_eq!(hex(&*key([1; 32]).k1), "e531954aca063d5b8d9c47a47d4cc6f0");
    assert_eq!(hex(&*key([3; 32]).k1), "23810ec50edb99f374409466ed1f4b7b");
}

#[test]
fn ten_thousand_accumulated_vectors_hold_and_equal_another_implementation() {
    let printed = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
    assert_eq!(accumulated(10_000), printed);
}

/// Six minutes unoptimized, and so on request: `SADDLEBAG_LONG_TESTS=1`.
#[test]
fn a_million_accumulated_vectors_hold_where_long_tests_are_asked_for() {
    let printed = "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15";
    if std::env::var_os("SADDLEBAG_LONG_TESTS").is_some_and(|value| value == "1") {
        assert_eq!(accumulated(1_000_000), printed);
    }
}

/// C2SP's accumulated test: everything is drawn from SHAKE-128, everything sealed goes into another.
fn accumulated(cases: usize) -> String {
    use shake::{ExtendableOutput, Shake128, Update, XofReader};
    use xaes_256_gcm::Xaes256Gcm;
    use xaes_256_gcm::aead::{Aead, KeyInit, Payload};

    let mut random = Shake128::default().finalize_xof();
    let mut all = Shake128::default();
    for case in 0..cases {
        let (mut bytes, mut nonce, mut length) = ([0; 32], [0; 24], [0]);
        random.read(&mut bytes);
        random.read(&mut nonce);
        let mut text = || {
            random.read(&mut length);
            let mut text = vec![0; usize::from(length[0])];
            random.read(&mut text);
            text
        };
        let (text, aad) = (text(), text());
        let ours = sealed(&key(bytes), &nonce, &text, &aad);
        let payload = Payload { msg: &text, aad: &aad };
        let theirs = Xaes256Gcm::new((&bytes).into()).encrypt((&nonce).into(), payload).unwrap();
        assert_eq!(ours, theirs, "case {case}");
        all.update(&ours);
    }
    let mut digest = [0; 32];
    all.finalize_xof().read(&mut digest);
    hex(&digest)
}

/// A whole token's bytes, sealed by `key` under this prefix.
fn token(key: &SealedKey, prefix: &Prefix, claims: &[u8]) -> Vec<u8> {
    let mut token = [&[0; HEADER_LEN][..], &NO_NONCE, claims].concat();
    seal(&key.derive(prefix).unwrap(), prefix, &[9; REST_LEN], &mut token, b"").unwrap();
    token
}

/// T17.
#[test]
fn a_cipher_is_kept_after_its_first_right_tag_and_not_before() {
    let derived = Arc::new(DerivedCiphers::new(64));
    let key = SealedKey::new(&Secret::from_bytes([5; 32]), &derived);
    for n in 0..1_000_u16 {
        let mut prefix = [0; PREFIX_LEN];
        prefix[..2].copy_from_slice(&n.to_be_bytes());
        let mut forged = token(&key, &prefix, b"claims");
        *forged.last_mut().unwrap() ^= 1;
        let before = forged.clone();
        assert_eq!(key.open(&mut forged, b""), None);
        // T17: one provider does not decrypt it, the other wipes what it decrypted.
        let (was, is) = (&before[CLAIMS_AT..][..6], &forged[CLAIMS_AT..][..6]);
        assert!(is == was || is == [0; 6], "a refused token is not decrypted: {is:?}");
    }
    assert_eq!(derived.len(), 0);
    let mut good = token(&key, &[1; 12], b"claims");
    assert_eq!(key.open(&mut good, b""), Some(()));
    assert_eq!(&good[CLAIMS_AT..][..6], b"claims");
    assert_eq!(derived.len(), 1);
}

#[test]
fn the_table_is_bounded_and_forgets_a_key_with_it() {
    let derived = Arc::new(DerivedCiphers::new(64));
    let (one, other) = (Secret::from_bytes([5; 32]), Secret::from_bytes([6; 32]));
    let (one, other) = (SealedKey::new(&one, &derived), SealedKey::new(&other, &derived));
    for n in 0..2_000_u16 {
        for key in [&one, &other] {
            let mut prefix = [0; PREFIX_LEN];
            prefix[..8].copy_from_slice(&u64::from(n).wrapping_mul(GOLDEN).to_be_bytes());
            assert_eq!(key.open(&mut token(key, &prefix, b"claims"), b""), Some(()));
        }
    }
    assert_eq!(derived.len(), 64);
    drop(one);
    assert!(derived.len() < 64 && derived.len() > 0);
    drop(other);
    assert_eq!(derived.len(), 0);
}

/// What is kept of an entry's prefix beside it is the first eight bytes: a prefix is compared whole.
#[test]
fn prefixes_that_differ_in_their_last_bytes_are_two() {
    let derived = Arc::new(DerivedCiphers::new(4));
    let key = SealedKey::new(&Secret::from_bytes([5; 32]), &derived);
    let (one, mut other) = ([3; PREFIX_LEN], [3; PREFIX_LEN]);
    other[PREFIX_LEN - 1] = 4;
    for prefix in [one, other, one, other] {
        assert_eq!(key.open(&mut token(&key, &prefix, b"claims"), b""), Some(()));
    }
    assert_eq!(derived.len(), 2);
    for prefix in [one, other] {
        assert!(derived.get(key.number, &prefix).is_some());
        assert!(derived.get(key.number + 1, &prefix).is_none());
    }
}

/// One is always replaced, whichever byte picks it: a cipher that is never kept is derived for each token.
#[test]
fn in_a_full_set_the_newest_cipher_is_kept() {
    let derived = Arc::new(DerivedCiphers::new(4));
    let key = SealedKey::new(&Secret::from_bytes([5; 32]), &derived);
    for last in 0..=255 {
        let mut prefix = [last; PREFIX_LEN];
        prefix[0] = 1;
        assert_eq!(key.open(&mut token(&key, &prefix, b"claims"), b""), Some(()));
        assert!(derived.get(key.number, &prefix).is_some(), "{last}");
        assert!(derived.len() <= 4);
    }
}

#[test]
fn random_prefixes_of_any_key_spread_over_the_whole_table() {
    for number in [1, 2, 3, 1_000] {
        let derived = Arc::new(DerivedCiphers::new(4_096));
        let secret = Secret::from_bytes([5; 32]);
        let key = SealedKey::numbered(&secret, number, &derived);
        for n in 0..1_000_u64 {
            let mut prefix = [0; PREFIX_LEN];
            prefix[..8].copy_from_slice(&n.wrapping_mul(GOLDEN).to_le_bytes());
            derived.keep(number, &prefix, key.derive(&prefix).unwrap());
        }
        assert!(derived.len() > 950, "{number}: {}", derived.len());
    }
}

/// T27, T43: two audiences of one process share key ids: what one derived must never open the other's tokens.
#[test]
fn a_cipher_planted_under_one_audience_is_never_used_for_another() {
    let derived = Arc::new(DerivedCiphers::new(4));
    let shop = SealedKey::new(&Secret::from_bytes([5; 32]), &derived);
    let admin = SealedKey::new(&Secret::from_bytes([6; 32]), &derived);
    let prefix = [3; PREFIX_LEN];
    let for_shop = token(&shop, &prefix, b"for the shop");
    let for_admin = token(&admin, &prefix, b"for the admin");
    for _ in 0..3 {
        // Whoever comes first plants the prefix; the other must not find it.
        assert_eq!(shop.open(&mut for_shop.clone(), b""), Some(()));
        assert_eq!(admin.open(&mut for_shop.clone(), b""), None);
        assert_eq!(admin.open(&mut for_admin.clone(), b""), Some(()));
        assert_eq!(shop.open(&mut for_admin.clone(), b""), None);
    }
    // And a cipher planted by hand under the shop's number is the shop's alone.
    derived.keep(shop.number, &prefix, admin.derive(&prefix).unwrap());
    derived.forget(shop.number);
    derived.keep(shop.number, &prefix, admin.derive(&prefix).unwrap());
    assert_eq!(admin.open(&mut for_admin.clone(), b""), Some(()));
    assert_eq!(shop.open(&mut for_admin.clone(), b""), Some(()), "the planted one, under the shop");
}

#[test]
fn a_binding_is_part_of_what_is_authenticated() {
    let key = key([5; 32]);
    let mut bound = [&[0; HEADER_LEN][..], &NO_NONCE, b"claims"].concat();
    let cipher = key.derive(&[1; PREFIX_LEN]).unwrap();
    seal(&cipher, &[1; PREFIX_LEN], &[9; REST_LEN], &mut bound, b"certificate").unwrap();
    for (binding, opens) in [(&b"certificate"[..], true), (b"", false), (b"certificatf", false)] {
        assert_eq!(key.open(&mut bound.clone(), binding).is_some(), opens);
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
