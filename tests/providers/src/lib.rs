//! jwt tokens in a build with both of jsonwebtoken's providers.

#[cfg(test)]
mod tests {
    use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
    use saddlebag::{JwtAlgorithm, NewSession, Protection, Renewal, Tokens};

    #[test]
    fn jwt_tokens_are_issued_verified_and_renewed_whatever_else_the_build_selects() {
        // Both are on, and none is the default: jsonwebtoken by itself would panic.
        let alone = std::panic::catch_unwind(|| {
            let key = jsonwebtoken::EncodingKey::from_secret(b"x");
            jsonwebtoken::encode(&jsonwebtoken::Header::default(), &0, &key)
        });
        assert!(alone.is_err(), "this build is not the one that is to be tested");

        let now = UnixTime::now();
        let plan = rotation::init("both", Policy::default(), now, &mut rand::rngs::SysRng).unwrap();
        for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
            let tokens = Tokens::builder(KeyRingHandle::fixed(plan.ring.clone()))
                .jwt(algorithm)
                .protection(Protection::Jwt)
                .build()
                .unwrap();
            let issued = tokens.issue(NewSession::of(&["apples"]).subject("alice")).unwrap();
            let verified = tokens.verify(&issued.token).unwrap();
            assert_eq!(verified.state::<Vec<&str>>().unwrap(), ["apples"]);
            let renewed = tokens.renew(&verified, Renewal::keep()).unwrap();
            assert_eq!(tokens.verify(&renewed.token).unwrap().info().revision, 1);
        }
    }
}
