use super::*;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

const SECRET: &str = "s3cret";
const LIMIT: Duration = Duration::from_secs(10);

/// A server that answers every connection with `answer` and hands on what it was asked.
fn serve(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (asked, all) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut buffer = vec![0; 16 << 10];
            let count = stream.read(&mut buffer).unwrap_or(0);
            let _ = stream.write_all(answer.as_bytes());
            if asked
                .send(String::from_utf8_lossy(&buffer[..count]).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    (at, all)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn bound(to: &Url) -> OriginClient {
    crate::remote::install_tls();
    OriginClient::new(Reach::new(to, LIMIT), secret("Bearer", &SECRET.into())).unwrap()
}

#[test]
fn loopback_is_known() {
    let is = |text: &str| is_loopback(&url(text));
    assert!(
        is("http://127.0.0.1:3/a/b")
            && is("http://[::1]:3/a/b")
            && is("http://localhost/a/b")
            && is("http://x.localhost/a/b")
    );
    assert!(
        !is("http://10.0.0.1/a/b")
            && !is("http://localhost.example.org/a/b")
            && !is("http://forge.example.org/a/b")
    );
}

#[test]
fn a_secret_is_private_over_tls_on_this_machine_or_where_it_is_allowed() {
    let reach = Reach::new(&url("http://forge.example.org"), LIMIT);
    assert!(reach.check_private("the forge").is_err());
    assert!(!reach.is_private(&url("http://10.0.0.1/")));
    assert!(reach.is_private(&url("https://10.0.0.1/")));
    assert!(reach.is_private(&url("http://127.0.0.1:3000/")));
    let allowed = Reach {
        allow_insecure: true,
        ..reach
    };
    assert!(allowed.check_private("the forge").is_ok());
}

#[tokio::test]
async fn a_secret_goes_to_its_own_host_and_to_no_other() {
    let (own, asked) = serve(OK);
    let (other, elsewhere) = serve(OK);
    let to = url(&format!("http://{own}/"));
    let client = bound(&to);
    client
        .send(client.request(Method::GET, to.clone()))
        .await
        .unwrap();
    let text = asked.recv().unwrap().to_lowercase();
    assert!(text.contains("authorization: bearer s3cret"), "{text}");
    assert!(
        text.contains(&format!("user-agent: {USER_AGENT}")),
        "{text}"
    );

    // `localhost` is another host than `127.0.0.1`, although it is this machine too.
    let there = url(&format!("http://localhost:{}/", other.port()));
    let asked_there = client.request(Method::GET, there.clone());
    client.send(asked_there).await.unwrap();
    let text = elsewhere.recv().unwrap().to_lowercase();
    assert!(!text.contains("authorization"), "{text}");

    let named = client.request(Method::GET, there.clone());
    client
        .send(named.header(AUTHORIZATION, "Basic s3cret"))
        .await
        .unwrap();
    let text = elsewhere.recv().unwrap();
    assert!(!text.contains(SECRET), "{text}");

    client.trust("localhost");
    let named = client.request(Method::GET, there);
    client
        .send(named.header(AUTHORIZATION, "Basic s3cret"))
        .await
        .unwrap();
    assert!(elsewhere.recv().unwrap().contains(SECRET));
}

#[tokio::test]
async fn requests_are_counted_by_host() {
    let (own, _asked) = serve(OK);
    let to = url(&format!("http://{own}/"));
    let client = bound(&to);
    let count = || requests_by_host().get(&own.to_string()).copied();
    // Another test of this process may have had the port before.
    let before = count().unwrap_or_default();
    for _ in 0..3 {
        client
            .send(client.request(Method::GET, to.clone()))
            .await
            .unwrap();
    }
    assert_eq!(count(), Some(before + 3));
}

#[tokio::test]
async fn a_lent_client_follows_redirects_within_its_origin_only() {
    let (other, elsewhere) = serve(OK);
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{other}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let (own, asked) = serve(answer.leak());
    let to = url(&format!("http://{own}/"));
    crate::remote::install_tls();
    let client = Reach::new(&to, LIMIT)
        .lend(secret("Bearer", &SECRET.into()))
        .unwrap();
    let answer = client.get(to).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert!(asked.recv().unwrap().contains(SECRET));
    assert!(elsewhere.try_recv().is_err());
}

#[tokio::test]
async fn plain_http_where_tls_is_expected_is_said_so() {
    let (own, _asked) = serve(OK);
    let to = url(&format!("https://{own}/"));
    let client = bound(&to);
    let error = client
        .send(client.request(Method::GET, to))
        .await
        .unwrap_err();
    let fault = Fault::of(&error);
    assert_eq!(fault, Fault::PlainHttp, "{error:?}");
    assert_eq!(
        fault.cause("example.org:5000"),
        "example.org:5000 speaks plain http"
    );
}

#[tokio::test]
async fn a_refused_connection_reads_like_one() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let to = url(&format!("http://{at}/"));
    let client = bound(&to);
    let error = client
        .send(client.request(Method::GET, to))
        .await
        .unwrap_err();
    let fault = Fault::of(&error);
    assert_eq!(fault, Fault::Refused, "{error:?}");
    assert_eq!(fault.cause("a.example"), "a.example refused the connection");
}
