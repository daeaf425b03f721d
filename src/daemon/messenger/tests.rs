use super::*;
use crate::config::Config;
use crate::model::message::MessageLevel;
use crate::pipeline::message::MessageEntry;
use crate::remote::receiver::Options;
use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;

/// A message for `name`, which is a webhook.
fn message(name: &str, text: &str) -> Message {
    let toml = format!("[[notice]]\nname = \"{name}\"\nkind = \"webhook\"\n");
    let to = Config::parse(&toml, "pintle.toml").unwrap().receivers[0].clone();
    Message {
        to,
        id: "0".repeat(32),
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
        repo: "ops/infra".into(),
        level: MessageLevel::Warning,
        entries: vec![MessageEntry {
            key: text.into(),
            level: MessageLevel::Warning,
            kind: "blocked",
            site: None,
            image: None,
            from: None,
            to: None,
            cause: None,
            commit: None,
            url: None,
            text: text.into(),
        }],
    }
}

/// A server with one receiver that never answers and one that hands on what it got.
async fn receivers() -> (Arc<AddressBook>, mpsc::UnboundedReceiver<String>) {
    let (got, all) = mpsc::unbounded_channel();
    let routes = Router::new()
        .route("/hang", post(std::future::pending::<()>))
        .route(
            "/fine",
            post(move |body: String| async move { got.send(body).unwrap() }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    let variable = |name: &str| {
        let upper = name.to_uppercase();
        (
            format!("PINTLE_NOTICE_{upper}_URL"),
            format!("{base}/{name}"),
        )
    };
    let variables = [variable("hang"), variable("fine")].into_iter();
    let book = AddressBook::new(None, variables, Options::default());
    (Arc::new(book), all)
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other_and_fills_no_memory() {
    let (addresses, mut got) = receivers().await;
    let (queue, task) = messenger(addresses);
    let task = tokio::spawn(task.run());
    // Far more than any queue holds: handing them over waits for nobody.
    for _ in 0..10 * (QUEUE + WAITING) {
        queue.send(vec![message("hang", "lost")]);
        tokio::task::yield_now().await;
    }
    for text in ["first", "second"] {
        queue.send(vec![message("fine", text)]);
        let body = got.recv().await.unwrap();
        assert!(body.contains(text), "{body}");
    }
    task.abort();
}

#[tokio::test]
async fn what_was_handed_over_is_sent_before_the_task_ends() {
    let (addresses, mut got) = receivers().await;
    let (queue, task) = messenger(addresses);
    queue.send(vec![
        message("fine", "a"),
        message("fine", "b"),
        message("none", "c"),
    ]);
    drop(queue);
    let counts = task.run().await.unwrap();
    assert_eq!(counts, DeliveryCounts { sent: 2, failed: 1 });
    assert!(got.recv().await.unwrap().contains("\"a\""));
    assert!(got.recv().await.unwrap().contains("\"b\""));
}

#[tokio::test]
async fn a_full_queue_drops_and_does_not_wait() {
    let (addresses, _got) = receivers().await;
    let (queue, task) = messenger(addresses);
    queue.send(vec![message("fine", "x"); QUEUE + 10]);
    drop(queue);
    let counts = task.run().await.unwrap();
    assert!(counts.sent <= QUEUE && counts.failed == 0, "{counts:?}");
}
