use super::*;

fn read(vars: &[(&str, &str)]) -> Result<VaultSettings, InvalidVaultSettings> {
    VaultSettings::from_env(lookup(vars))
}

fn lookup(vars: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn what_every_client_knows_is_read() {
    let settings = read(&[
        ("VAULT_ADDR", "https://vault.example:8200"),
        ("SADDLEBAG_VAULT_ALSO", "https://two.example:8200, https://vault.example:8200"),
        ("VAULT_TOKEN", "hvs.canary"),
        ("VAULT_NAMESPACE", "shop/eu"),
        ("VAULT_CACERT", "/ca.pem"),
        ("VAULT_CLIENT_CERT", "/cert.pem"),
        ("VAULT_CLIENT_KEY", "/key.pem"),
        ("VAULT_CLIENT_TIMEOUT", "3s"),
        ("VAULT_SKIP_VERIFY", ""),
    ])
    .unwrap();
    assert_eq!(settings.hosts.len(), 2);
    assert_eq!(settings.namespace.as_deref(), Some("shop/eu"));
    assert_eq!(settings.ca_file, Some("/ca.pem".into()));
    assert_eq!(settings.client_certificate, Some(("/cert.pem".into(), "/key.pem".into())));
    assert_eq!(settings.timeout, Duration::from_secs(3));
    // An empty VAULT_SKIP_VERIFY is none.
    assert!(settings.verify);
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn an_unverified_vault_is_for_dev_alone() {
    for value in ["1", "true", "T"] {
        let vars = [("VAULT_TOKEN", "t"), ("VAULT_SKIP_VERIFY", value)];
        let refused = read(&vars).unwrap_err().to_string();
        assert!(refused.contains("VAULT_SKIP_VERIFY"), "{refused}");
        assert!(!VaultSettings::from_env_in_dev(lookup(&vars)).unwrap().verify);
    }
    for value in ["0", "false", "F", ""] {
        let vars = [("VAULT_TOKEN", "t"), ("VAULT_SKIP_VERIFY", value)];
        assert!(VaultSettings::from_env_in_dev(lookup(&vars)).unwrap().verify);
    }
}

#[test]
fn one_way_to_log_in_is_chosen() {
    let approle = [
        ("SADDLEBAG_VAULT_ROLE_ID", "r"),
        ("SADDLEBAG_VAULT_SECRET_ID_FILE", "/secret-id"),
        // Left from a shell: the login that was configured on purpose wins.
        ("VAULT_TOKEN", "t"),
    ];
    assert!(matches!(
        read(&approle).unwrap().login,
        VaultLogin::AppRole { mount, role_id, .. } if mount == "approle" && role_id == "r"
    ));
    let kubernetes =
        [("SADDLEBAG_VAULT_KUBERNETES_ROLE", "shop"), ("SADDLEBAG_VAULT_AUTH_MOUNT", "k8s/eu")];
    assert!(matches!(
        read(&kubernetes).unwrap().login,
        VaultLogin::Kubernetes { mount, .. } if mount == "k8s/eu"
    ));
    let home = read(&[("HOME", "/home/op")]).unwrap().login;
    assert!(
        matches!(home, VaultLogin::TokenFile(path) if path.as_os_str() == "/home/op/.vault-token")
    );
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (vars, named) in [
        (&[("VAULT_ADDR", "vault.example:8200")][..], "VAULT_ADDR"),
        (&[("VAULT_ADDR", "ftp://vault.example")], "VAULT_ADDR"),
        (&[("VAULT_ADDR", "https://")], "VAULT_ADDR"),
        (&[("VAULT_ADDR", "https://vault.example/v1")], "VAULT_ADDR"),
        (&[("SADDLEBAG_VAULT_ALSO", "nonsense")], "SADDLEBAG_VAULT_ALSO"),
        (&[("VAULT_NAMESPACE", "a b")], "VAULT_NAMESPACE"),
        (&[("VAULT_CLIENT_CERT", "/cert.pem")], "VAULT_CLIENT_KEY"),
        (&[("VAULT_CLIENT_TIMEOUT", "0")], "VAULT_CLIENT_TIMEOUT"),
        (&[("VAULT_CLIENT_TIMEOUT", "soon")], "VAULT_CLIENT_TIMEOUT"),
        (&[("VAULT_SKIP_VERIFY", "perhaps")], "VAULT_SKIP_VERIFY"),
        (&[("SADDLEBAG_VAULT_ROLE_ID", "r")], "SADDLEBAG_VAULT_SECRET_ID_FILE"),
        (
            &[("SADDLEBAG_VAULT_TOKEN_FILE", "/t"), ("SADDLEBAG_VAULT_KUBERNETES_ROLE", "r")],
            "two ways",
        ),
        (
            &[("SADDLEBAG_VAULT_KUBERNETES_ROLE", "r"), ("SADDLEBAG_VAULT_AUTH_MOUNT", "../sys")],
            "SADDLEBAG_VAULT_AUTH_MOUNT",
        ),
    ] {
        let mut vars = vars.to_vec();
        vars.push(("VAULT_TOKEN", "t"));
        let refused = read(&vars).unwrap_err().to_string();
        assert!(refused.contains(named), "{vars:?}: {refused}");
    }
    let refused = read(&[]).unwrap_err().to_string();
    assert!(refused.contains("VAULT_TOKEN"), "{refused}");
    let refused =
        read(&[("VAULT_ADDR", "https://user:canary@vault.example"), ("VAULT_TOKEN", "t")]);
    assert!(!refused.unwrap_err().to_string().contains("canary"));
    let refused = read(&[("VAULT_TOKEN", "canary\n")]).unwrap_err().to_string();
    assert!(!refused.contains("canary"), "{refused}");
}
