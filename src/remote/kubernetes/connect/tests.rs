use super::super::object::Words;
use super::super::{Kind as Of, read};
use super::{Options, Place, client, config};
use super::{client_within, own_variables};
use crate::error::Kind;
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;

const TOKEN: &str = "s3cret-token";

fn kubeconfig(server: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: one\nclusters:\n- name: c\n  cluster:\n    server: {server}\n    {more}\n\
         users:\n- name: u\n  user:\n    token: {TOKEN}\ncontexts:\n- name: one\n  context: {{cluster: c, user: u}}\n- name: two\n  context: {{cluster: gone, user: u}}\n"
    )
}

/// What comes of a kubeconfig: nothing, or the error with its hint.
fn told(text: &str, context: Option<&str>, told: &Options) -> Result<kube::Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, text).unwrap();
    let place = Place::Kubeconfig {
        file: file.clone(),
        context: context.map(str::to_owned),
    };
    config(&place, told).map_err(|error| {
        assert_eq!(error.kind, Kind::Usage);
        let said = format!("{error}; {}", error.hint.as_deref().unwrap_or(""))
            .replace(&file.display().to_string(), "FILE");
        assert!(!said.contains(TOKEN), "{said}");
        said
    })
}

#[test]
fn credentials_go_only_where_they_are_safe() {
    let usual = Options::default();
    let loose = Options {
        allow_insecure: true,
        ..Options::default()
    };
    for (server, more, strict) in [
        ("https://kube.example.org:6443", "", true),
        ("http://127.0.0.1:8001", "", true),
        ("http://[::1]:8001", "", true),
        ("http://localhost:8001", "", true),
        ("http://kube.example.org:8001", "", false),
        (
            "https://kube.example.org",
            "insecure-skip-tls-verify: true",
            false,
        ),
        (
            "https://127.0.0.1:6443",
            "insecure-skip-tls-verify: true",
            true,
        ),
    ] {
        let text = kubeconfig(server, more);
        assert_eq!(told(&text, None, &usual).is_ok(), strict, "{server} {more}");
        assert!(told(&text, None, &loose).is_ok(), "{server} {more}");
    }
    let open = told(
        &kubeconfig("http://kube.example.org:8001", ""),
        None,
        &usual,
    )
    .unwrap_err();
    assert!(
        open.starts_with(
            "the API server http://kube.example.org:8001/ would be asked without encryption; "
        ),
        "{open}"
    );
}

#[test]
fn what_is_wrong_with_a_kubeconfig_is_said_without_its_text() {
    let usual = Options::default();
    let good = kubeconfig("https://kube.example.org", "");
    let wrong = |text: &str, context: Option<&str>| told(text, context, &usual).unwrap_err();
    assert_eq!(
        wrong(&good, Some("three")),
        "cannot use the kubeconfig FILE: it has no context three; its contexts: one, two; name one with --kube-context"
    );
    assert_eq!(
        wrong(&good, Some("two")),
        "cannot use the kubeconfig FILE: it has no cluster gone, which the context names; "
    );
    assert_eq!(
        wrong(&good.replace("current-context: one\n", ""), None)
            .split(';')
            .next(),
        Some("cannot use the kubeconfig FILE: it has no current context")
    );
    assert_eq!(
        wrong(&format!("users: [token: {TOKEN}"), None),
        "cannot read the kubeconfig FILE: it is no kubeconfig in YAML; "
    );
    assert_eq!(
        wrong(
            &kubeconfig(
                "https://kube.example.org",
                "certificate-authority: /nowhere"
            ),
            None
        ),
        "cannot use the kubeconfig FILE: its certificate authority cannot be read; "
    );
    let proxied = wrong(
        &kubeconfig(
            "https://kube.example.org",
            "proxy-url: socks5://proxy.example.org",
        ),
        None,
    );
    assert!(
        proxied.starts_with("the cluster c of the kubeconfig FILE is reached through a proxy: "),
        "{proxied}"
    );
    let missing = config(
        &Place::Kubeconfig {
            file: "/nowhere/config".into(),
            context: None,
        },
        &usual,
    )
    .unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("cannot read the kubeconfig /nowhere/config: No such file"),
        "{missing}"
    );
}

#[test]
fn authorities_of_the_command_line_count_where_the_kubeconfig_has_none() {
    let made = rcgen::generate_simple_self_signed(["kube.example.org".to_owned()]).unwrap();
    let with = Options {
        ca: Some(made.cert.pem().into_bytes()),
        ..Options::default()
    };
    let roots = told(&kubeconfig("https://kube.example.org", ""), None, &with)
        .unwrap()
        .root_cert
        .unwrap();
    assert_eq!(roots.last().unwrap(), &made.cert.der().to_vec());
    let none = Options {
        ca: Some(b"no certificate".to_vec()),
        ..Options::default()
    };
    assert!(
        told(&kubeconfig("https://kube.example.org", ""), None, &none)
            .unwrap_err()
            .starts_with("the certificate authorities' file")
    );
}

#[test]
fn an_address_is_shown_without_what_may_be_secret_in_it() {
    let said = told(
        &kubeconfig(&format!("http://robot:{TOKEN}@kube.example.org:8001/k"), ""),
        None,
        &Options::default(),
    )
    .unwrap_err();
    assert!(
        said.starts_with(
            "the API server http://kube.example.org:8001/k would be asked without encryption; "
        ),
        "{said}"
    );
    let bare = told(&kubeconfig("127.0.0.1:6443", ""), None, &Options::default())
        .map(drop)
        .unwrap_err();
    assert!(bare.starts_with("cannot use the kubeconfig FILE: the server of the cluster does not begin with https://; "), "{bare}");
}

/// A kubeconfig whose user is what a plugin says.
fn plugged(command: &str, args: &[&str]) -> kube::Config {
    let env = json!([{"name": "PLUGIN_PASSWORD", "value": TOKEN}]);
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": args, "env": env, "interactiveMode": "Never"});
    let text = json!({"current-context": "a", "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {"exec": exec}}], "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    told(&text.to_string(), None, &Options::default()).unwrap()
}

/// What becomes of a first connection, and what of a question after the plugin has changed its
/// mind.
#[tokio::test]
async fn a_plugin_that_fails_is_told_without_its_words() {
    crate::remote::install_tls();
    let refused = |config: &kube::Config| client(config).map(drop).unwrap_err();
    let missing = refused(&plugged("/nowhere/plugin", &[]));
    assert_eq!(missing.kind, Kind::Usage);
    assert!(
        missing.to_string().starts_with("the credentials for the API server https://127.0.0.1:1/ cannot be used: the credential plugin of the kubeconfig cannot be started: No such file"),
        "{missing}"
    );
    let fails = refused(&plugged("sh", &["-c", &format!("echo {TOKEN}; exit 7")]));
    assert_eq!(
        fails.to_string(),
        "the credentials for the API server https://127.0.0.1:1/ cannot be used: the credential plugin of the kubeconfig ended with exit status: 7"
    );
    let nonsense = refused(&plugged("echo", &[TOKEN])).to_string();
    assert!(
        nonsense.ends_with(": the credential plugin of the kubeconfig gave no credentials")
            && !nonsense.contains(TOKEN),
        "{nonsense}"
    );

    let folder = tempfile::tempdir().unwrap();
    let over = folder.path().join("over");
    let status = json!({"kind": "ExecCredential", "status": {"token": "short", "expirationTimestamp": "2026-01-01T00:00:00Z"}});
    let script = format!(
        "test -e {} && echo {TOKEN} >&2 && exit 9; echo '{status}'",
        over.display()
    );
    let connected = client(&plugged("sh", &["-c", &script])).unwrap();
    std::fs::write(&over, "").unwrap();
    let asked = read::list(
        &connected,
        &Of::Pod,
        &Mutex::new(Words::default()),
        Duration::from_secs(20),
    )
    .await;
    let said = asked.map(drop).unwrap_err().sentence().to_owned();
    assert_eq!(
        said,
        "the pods could not be read: the credential plugin of the kubeconfig ended with exit status: 9"
    );
}

/// Nothing is left of the environment that pintle's own settings are in, and a plugin that does not
/// answer is not waited for for ever.
#[tokio::test]
async fn a_plugin_gets_none_of_our_variables_and_a_deadline() {
    crate::remote::install_tls();
    let config = plugged("sh", &["-c", "sleep 5"]);
    let plugin = config.auth_info.exec.as_ref().unwrap();
    assert_eq!(plugin.drop_env.as_deref(), Some(own_variables().as_slice()));
    let error = client_within(&config, Duration::from_millis(100))
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind, Kind::Outside);
    assert!(
        error.to_string().contains("did not answer within 0.1 s"),
        "{error}"
    );
}
