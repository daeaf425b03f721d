//! Where a registry is asked, and where it may send a question on to.

use super::*;

fn told(host: &str, endpoint: Option<&str>) -> RegistryOptions {
    RegistryOptions {
        endpoint: endpoint.map(|url| url.parse().unwrap()),
        ..RegistryOptions::new(host)
    }
}

fn made(told: RegistryOptions) -> Result<Arc<Registry>, OciError> {
    crate::remote::install_tls();
    Registry::new(&Options::default(), told, true).map(Arc::new)
}

fn place(told: RegistryOptions) -> Place {
    Place {
        registry: made(told).unwrap(),
        repository: "a/b".into(),
        part: Part::Manifest,
        reference: "1".into(),
        unless: None,
    }
}

fn url(told: RegistryOptions) -> String {
    let place = place(told);
    place.registry.url(&place).unwrap().to_string()
}

#[test]
fn a_registry_is_asked_where_it_is() {
    assert_eq!(
        url(told("docker.io", None)),
        "https://registry-1.docker.io/v2/a/b/manifests/1"
    );
    assert_eq!(
        url(told("ghcr.io", None)),
        "https://ghcr.io/v2/a/b/manifests/1"
    );
    assert_eq!(
        url(told("r.example.com:5000", None)),
        "https://r.example.com:5000/v2/a/b/manifests/1"
    );
    assert_eq!(
        url(RegistryOptions {
            plain_http: true,
            ..told("r.example.com:5000", None)
        }),
        "http://r.example.com:5000/v2/a/b/manifests/1"
    );
    assert_eq!(
        url(told("docker.io", Some("http://127.0.0.1:5000"))),
        "http://127.0.0.1:5000/v2/a/b/manifests/1"
    );
    assert_eq!(
        url(told("docker.io", Some("http://127.0.0.1:5000/docker.io"))),
        "http://127.0.0.1:5000/docker.io/v2/a/b/manifests/1"
    );
    assert_eq!(
        url(told("docker.io", Some("http://127.0.0.1:5000/x/y/"))),
        "http://127.0.0.1:5000/x/y/v2/a/b/manifests/1"
    );
    let prefixed = RegistryOptions {
        repository_prefix: Some("/hub/".into()),
        ..told("docker.io", Some("https://cache.example.com"))
    };
    assert_eq!(
        url(prefixed),
        "https://cache.example.com/v2/hub/a/b/manifests/1"
    );
}

#[test]
fn an_endpoint_that_cannot_be_used_is_told() {
    for endpoint in [
        "ftp://r.example.com",
        "https://u:p@r.example.com",
        "https://r.example.com/?x=1",
        "https://r.example.com/#x",
    ] {
        let why = made(told("docker.io", Some(endpoint)))
            .err()
            .unwrap()
            .to_string();
        assert_eq!(
            why,
            "cannot ask docker.io: its endpoint is not an http or https URL without credentials and query"
        );
    }
    for pem in [
        "",
        "nothing",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let why = made(RegistryOptions {
            ca_pem: Some(pem.into()),
            ..told("docker.io", None)
        })
        .err()
        .map(|why| why.to_string());
        assert!(
            why.is_some_and(|why| why.starts_with("cannot ask docker.io: ")),
            "{pem}"
        );
    }
}

fn sent_on(host: &str, location: &str) -> Result<String, String> {
    sent_on_from(told(host, None), location)
}

fn sent_on_from(told: RegistryOptions, location: &str) -> Result<String, String> {
    let place = place(told);
    let headers = [(LOCATION, HeaderValue::try_from(location).unwrap())]
        .into_iter()
        .collect();
    let reply = Reply {
        status: StatusCode::TEMPORARY_REDIRECT,
        headers,
        body: Bytes::new(),
    };
    match place.registry.follow_redirect(&reply, &place) {
        Ok(Answer::Elsewhere {
            host,
            repository,
            reference,
            ..
        }) => Ok(format!("{host} {repository} {reference}")),
        Ok(Answer::Reply(_)) => unreachable!("it is a redirect"),
        Err(OciError::Redirect { to, why, .. }) => Err(format!("{to}: {why}")),
        Err(other) => Err(other.to_string()),
    }
}

#[test]
fn public_hosts_are_followed_to_over_https_and_nothing_else() {
    let google =
        "https://europe-west4-docker.pkg.dev/v2/k8s-artifacts-prod/images/pause/manifests/3.9";
    assert_eq!(
        sent_on("registry.k8s.io", google),
        Ok("europe-west4-docker.pkg.dev k8s-artifacts-prod/images/pause 3.9".to_owned())
    );
    assert_eq!(
        sent_on("ghcr.io", google),
        Ok("europe-west4-docker.pkg.dev k8s-artifacts-prod/images/pause 3.9".to_owned()),
        "any public host over https"
    );
    for (to, host, why) in [
        (
            "http://europe-west4-docker.pkg.dev/v2/a/manifests/1",
            "europe-west4-docker.pkg.dev",
            "it is not encrypted",
        ),
        (
            "https://x.pkg.dev/login",
            "x.pkg.dev",
            "it is not a manifest's address",
        ),
        (
            "http://ghcr.io/v2/a/b/manifests/1",
            "ghcr.io",
            "it is not encrypted",
        ),
        (
            "https://u:p@x.example.com/v2/a/manifests/1",
            "x.example.com",
            "it has credentials in its address",
        ),
    ] {
        assert_eq!(sent_on("ghcr.io", to), Err(format!("{host}: {why}")));
    }
    for host in [
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "localhost",
        "intranet",
    ] {
        assert_eq!(
            sent_on("ghcr.io", &format!("https://{host}/v2/a/manifests/1")),
            Err(format!(
                "{host}: it is not a public host; `[[registry]] redirects` can allow it"
            ))
        );
    }
}

#[test]
fn a_host_that_is_named_is_followed_to_though_it_is_not_public() {
    let mut told = told("ghcr.io", None);
    told.redirects_to = vec!["intranet".to_owned()];
    assert_eq!(
        sent_on_from(told, "https://intranet/v2/a/manifests/1"),
        Ok("intranet a 1".to_owned())
    );
}

#[test]
fn a_place_reads_as_an_image_does() {
    let tagged = place(told("ghcr.io", None));
    assert_eq!(tagged.to_string(), "ghcr.io/a/b:1");
    let digest = format!("sha256:{}", "0".repeat(64));
    let place = Place {
        reference: digest.as_str().into(),
        ..tagged
    };
    assert_eq!(place.to_string(), format!("ghcr.io/a/b@{digest}"));
}

/// One https server that answers each connection's first request with a digest, until it is asked
/// once.
fn encrypted() -> (std::net::SocketAddr, std::thread::JoinHandle<()>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    crate::remote::install_tls();
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("testdata/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server.key")).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let config = Arc::new(config);
    let serving = std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            if answer(rustls::StreamOwned::new(connection, stream.unwrap())).is_ok() {
                return;
            }
        }
    });
    (addr, serving)
}

/// Fails when the client does not trust the certificate.
fn answer(
    mut stream: rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>,
) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let digest = format!("sha256:{}", "7".repeat(64));
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.index.v1+json\r\nDocker-Content-Digest: {digest}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    )?;
    stream.flush()
}

#[tokio::test]
async fn an_own_authority_is_trusted_where_it_is_named_and_nowhere_else() {
    use crate::model::reference::Channel;
    let (addr, serving) = encrypted();
    let channel = Channel::parse("r.example.com/a/b:1").expect("a channel");
    let ask = async |ca_pem: Option<&[u8]>| {
        let endpoint = format!("https://{addr}");
        let told = RegistryOptions {
            ca_pem: ca_pem.map(<[u8]>::to_vec),
            ..told("r.example.com", Some(&endpoint))
        };
        super::super::Client::new(Options {
            registries: vec![told],
            ..Options::default()
        })
        .head(&channel)
        .await
    };
    let refused = ask(None).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("cannot reach r.example.com: "),
        "{refused}"
    );
    let digest = ask(Some(include_bytes!("testdata/authority.pem")))
        .await
        .unwrap();
    assert_eq!(digest.as_str(), format!("sha256:{}", "7".repeat(64)));
    serving.join().unwrap();
}
