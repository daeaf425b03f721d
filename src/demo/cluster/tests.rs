//! The made-up cluster as a client sees it over HTTP, and what its controllers make of a change.

use super::*;
use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const REPLICA_SETS: &str = "/apis/apps/v1/replicasets";
const REVISIONS: &str = "/apis/apps/v1/controllerrevisions";
const PODS: &str = "/api/v1/pods";

fn workload(kind: DemoKind, name: &str, image: &str) -> DemoWorkload {
    let container = DemoContainer {
        name: name.to_owned(),
        init: false,
        image: image.to_owned(),
    };
    DemoWorkload {
        kind,
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        containers: vec![container],
        ignored: Vec::new(),
    }
}

/// Gets whatever is asked for: the digest is the image's name.
fn pull(image: &str) -> Option<String> {
    (!image.contains("absent"))
        .then(|| format!("sha256:of-{}", image.rsplit(':').next().unwrap_or(image)))
}

fn hand(manager: &str, seconds: i64) -> DemoActor<'_> {
    DemoActor {
        manager,
        at: Timestamp::from_second(seconds).unwrap(),
        pull: &pull,
    }
}

fn client() -> reqwest::Client {
    crate::remote::install_tls();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn get(running: &RunningCluster, path: &str) -> (u16, Value) {
    let answer = client()
        .get(format!("http://{}{path}", running.addr()))
        .send()
        .await
        .unwrap();
    (
        answer.status().as_u16(),
        serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    )
}

async fn items(running: &RunningCluster, path: &str) -> Vec<Value> {
    let (status, list) = get(running, path).await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().unwrap().clone()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

/// `(number, earlier numbers, image)` of the revisions, by number.
async fn revisions(running: &RunningCluster, path: &str) -> Vec<(String, Value, String)> {
    let mut all: Vec<_> = items(running, path).await.iter().map(revision).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn revision(object: &Value) -> (String, Value, String) {
    let annotations = &object["metadata"]["annotations"];
    let number = &annotations["deployment.kubernetes.io/revision"];
    let number = number
        .as_str()
        .map_or_else(|| object["revision"].to_string(), str::to_owned);
    let spec = if object["data"].is_object() {
        &object["data"]["spec"]
    } else {
        &object["spec"]
    };
    let image = spec["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned();
    (
        number,
        annotations["deployment.kubernetes.io/revision-history"].clone(),
        image,
    )
}

/// A watch whose events are read one after another.
struct Events {
    stream:
        std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    read: Vec<u8>,
}

impl Events {
    async fn of(running: &RunningCluster, query: &str) -> Self {
        let answer = client()
            .get(format!("http://{}{query}", running.addr()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        Self {
            stream: Box::pin(answer.bytes_stream()),
            read: Vec::new(),
        }
    }

    /// The next event's type and object; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).unwrap();
                return Some((
                    event["type"].as_str().unwrap().to_owned(),
                    event["object"].clone(),
                ));
            }
            self.read
                .extend_from_slice(&self.stream.next().await?.unwrap());
        }
    }
}

#[tokio::test]
async fn a_workload_is_made_changed_and_undone() {
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    let (one, two) = (
        workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:1"),
        workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:2"),
    );
    assert!(cluster.apply(&one, hand("HashiCorp", 1_000)));
    assert!(
        !cluster.apply(&one, hand("HashiCorp", 1_001)),
        "nothing is different"
    );
    assert!(cluster.apply(&two, hand("HashiCorp", 1_002)));
    cluster
        .undo(DemoKind::Deployment, "shop", "cart", hand("kubectl", 1_003))
        .unwrap();

    let image = |number: u8| format!("quay.io/shop/cart:{number}");
    assert_eq!(
        revisions(&running, REPLICA_SETS).await,
        [
            ("2".to_owned(), Value::Null, image(2)),
            ("3".to_owned(), json!("1"), image(1))
        ]
    );
    let [deployment] = &items(&running, DEPLOYMENTS).await[..] else {
        panic!()
    };
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "3"
    );
    assert_eq!(
        (
            &deployment["metadata"]["generation"],
            &deployment["status"]["observedGeneration"]
        ),
        (&json!(3), &json!(3))
    );
    let managed = deployment["metadata"]["managedFields"].as_array().unwrap();
    let of = |entry: &Value| {
        let container = &entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"cart\"}"];
        (
            entry["manager"].as_str().unwrap().to_owned(),
            container["f:image"].is_object(),
            entry["time"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        managed.iter().map(of).collect::<Vec<_>>(),
        [
            (
                "HashiCorp".to_owned(),
                false,
                "1970-01-01T00:16:42Z".to_owned()
            ),
            (
                "kubectl".to_owned(),
                true,
                "1970-01-01T00:16:43Z".to_owned()
            )
        ]
    );
    let [pod] = &items(&running, PODS).await[..] else {
        panic!()
    };
    assert_eq!(
        pod["status"]["containerStatuses"][0]["imageID"],
        "quay.io/shop/cart@sha256:of-1"
    );

    cluster.apply(&two, hand("HashiCorp", 1_004));
    cluster
        .undo(DemoKind::Deployment, "shop", "cart", hand("kubectl", 1_005))
        .unwrap();
    assert_eq!(
        revisions(&running, REPLICA_SETS).await,
        [
            ("4".to_owned(), json!("2"), image(2)),
            ("5".to_owned(), json!("1,3"), image(1))
        ]
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn sets_keep_controller_revisions() {
    for kind in [DemoKind::StatefulSet, DemoKind::DaemonSet] {
        let cluster = DemoCluster::new();
        let running = cluster.start().await.unwrap();
        cluster.apply(
            &workload(kind, "db", "quay.io/shop/db:1"),
            hand("HashiCorp", 1_000),
        );
        cluster.apply(
            &workload(kind, "db", "quay.io/shop/db:2"),
            hand("HashiCorp", 1_001),
        );
        cluster
            .undo(kind, "shop", "db", hand("kubectl", 1_002))
            .unwrap();
        let image = |number: u8| format!("quay.io/shop/db:{number}");
        assert_eq!(
            revisions(&running, REVISIONS).await,
            [
                ("2".to_owned(), Value::Null, image(2)),
                ("3".to_owned(), Value::Null, image(1))
            ]
        );
        let [pod] = &items(&running, PODS).await[..] else {
            panic!()
        };
        assert_eq!(
            pod["status"]["containerStatuses"][0]["imageID"],
            "quay.io/shop/db@sha256:of-1"
        );
    }
}

#[tokio::test]
async fn what_was_never_another_cannot_be_undone() {
    let cluster = DemoCluster::new();
    cluster.apply(
        &workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:1"),
        hand("HashiCorp", 1_000),
    );
    let said = |name| {
        cluster
            .undo(DemoKind::Deployment, "shop", name, hand("kubectl", 1_001))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        said("cart"),
        "cannot undo deployment/shop/cart: no rollout history found"
    );
    assert_eq!(
        said("basket"),
        "cannot undo deployment/shop/basket: there is no such workload"
    );
}

#[tokio::test]
async fn what_cannot_be_pulled_does_not_run() {
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    cluster.apply(
        &workload(DemoKind::Deployment, "cart", "quay.io/shop/absent:1"),
        hand("HashiCorp", 1_000),
    );
    let [pod] = &items(&running, PODS).await[..] else {
        panic!()
    };
    assert_eq!(
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
        "ImagePullBackOff"
    );
    let [deployment] = &items(&running, DEPLOYMENTS).await[..] else {
        panic!()
    };
    assert_eq!(
        (
            &deployment["status"]["readyReplicas"],
            &deployment["status"]["conditions"][0]["status"]
        ),
        (&json!(0), &json!("False"))
    );
}

#[tokio::test]
async fn a_list_is_of_one_version_though_it_comes_in_pages() {
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    for name in ["a", "b", "c", "d"] {
        cluster.apply(
            &workload(DemoKind::CronJob, name, "quay.io/shop/job:1"),
            hand("HashiCorp", 1_000),
        );
    }
    let path = "/apis/batch/v1/cronjobs?limit=3";
    let (_, first) = get(&running, path).await;
    assert_eq!(
        (names(&first), &first["metadata"]["remainingItemCount"]),
        (vec!["a", "b", "c"], &json!(1))
    );
    let rest = format!(
        "{path}&continue={}",
        first["metadata"]["continue"].as_str().unwrap()
    );
    for name in ["cc", "e"] {
        cluster.apply(
            &workload(DemoKind::CronJob, name, "quay.io/shop/job:1"),
            hand("HashiCorp", 1_001),
        );
    }
    let (_, second) = get(&running, &rest).await;
    assert_eq!(
        (names(&second), &second["metadata"]["resourceVersion"]),
        (vec!["d"], &first["metadata"]["resourceVersion"])
    );
    assert!(second["metadata"]["continue"].is_null());
    cluster.compact();
    let (status, gone) = get(&running, &rest).await;
    assert_eq!(
        (status, &gone["reason"], &gone["code"]),
        (410, &json!("Expired"), &json!(410))
    );
    assert_eq!(
        get(&running, "/apis/batch/v1/cronjobs?continue=x").await.0,
        400
    );
}

#[tokio::test]
async fn a_watch_tells_what_came_after_its_version() {
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    cluster.apply(
        &workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:1"),
        hand("HashiCorp", 1_000),
    );
    let (_, list) = get(&running, PODS).await;
    let (version, old) = (
        list["metadata"]["resourceVersion"].as_str().unwrap(),
        names(&list)[0],
    );
    let mut pods = Events::of(
        &running,
        &format!("{PODS}?watch=true&resourceVersion={version}"),
    )
    .await;
    let mut all = Events::of(&running, &format!("{DEPLOYMENTS}?watch=1")).await;
    assert_eq!(
        all.next().await.unwrap().0,
        "ADDED",
        "without a version it begins with what there is"
    );
    cluster.apply(
        &workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:2"),
        hand("HashiCorp", 1_001),
    );
    let (what, gone) = pods.next().await.unwrap();
    assert_eq!(
        (what.as_str(), gone["metadata"]["name"].as_str().unwrap()),
        ("DELETED", old)
    );
    assert!(gone["metadata"]["resourceVersion"].as_str() > Some(version));
    let (what, new) = pods.next().await.unwrap();
    assert_eq!((what.as_str(), &new["kind"]), ("ADDED", &json!("Pod")));
    assert_eq!(all.next().await.unwrap().0, "MODIFIED");

    cluster.compact();
    let mut late = Events::of(
        &running,
        &format!("{PODS}?watch=true&resourceVersion={version}"),
    )
    .await;
    let (what, status) = late.next().await.unwrap();
    assert_eq!(
        (what.as_str(), &status["code"], &status["reason"]),
        ("ERROR", &json!(410), &json!("Expired"))
    );
    assert_eq!(late.next().await, None);
    let ended = tokio::time::timeout(Duration::from_secs(30), running.stop()).await;
    ended.expect("open watches end with it").unwrap();
    while all.next().await.is_some() {}
}

#[tokio::test]
async fn a_watch_ends_in_time_with_a_bookmark() {
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    cluster.apply(
        &workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:1"),
        hand("HashiCorp", 1_000),
    );
    let query = format!(
        "{DEPLOYMENTS}?watch=true&resourceVersion=1&timeoutSeconds=1&allowWatchBookmarks=true"
    );
    let mut events = Events::of(&running, &query).await;
    let mut told = Vec::new();
    while let Some((what, object)) = events.next().await {
        told.push((
            what,
            object["metadata"]["resourceVersion"]
                .as_str()
                .unwrap()
                .to_owned(),
        ));
    }
    let (_, list) = get(&running, DEPLOYMENTS).await;
    let (what, version) = told.pop().unwrap();
    assert_eq!(
        (what.as_str(), version.as_str()),
        (
            "BOOKMARK",
            list["metadata"]["resourceVersion"].as_str().unwrap()
        )
    );
    assert!(told.iter().all(|(what, _)| what != "BOOKMARK"));
}

#[tokio::test]
async fn it_can_only_be_read() {
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    let client = client();
    for (method, path, verb) in [
        (
            "POST",
            "/apis/apps/v1/namespaces/shop/deployments",
            "create",
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/cart",
            "patch",
        ),
        (
            "PUT",
            "/apis/apps/v1/namespaces/shop/deployments/cart/scale",
            "update",
        ),
        ("DELETE", "/api/v1/namespaces/shop/pods/cart-0", "delete"),
        ("DELETE", "/api/v1/namespaces/shop", "delete"),
    ] {
        let answer = client
            .request(
                method.parse().unwrap(),
                format!("http://{}{path}", running.addr()),
            )
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{method} {path}");
        let status: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert!(
            status["message"]
                .as_str()
                .unwrap()
                .contains(&format!("cannot {verb} resource")),
            "{status}"
        );
    }
    for path in [
        "/",
        "/api/v1/secrets",
        "/apis/apps/v1/namespaces/shop/deployments/cart",
        "/api/v1/podsecurity",
        "/apis/v1/pods",
    ] {
        assert_eq!(get(&running, path).await.0, 404, "{path}");
    }
    for kind in DemoKind::ALL {
        let path = if kind.version() == "v1" {
            "api"
        } else {
            "apis"
        };
        assert_eq!(
            get(
                &running,
                &format!("/{path}/{}/{}", kind.version(), kind.plural())
            )
            .await
            .0,
            200
        );
    }
}

#[tokio::test]
async fn it_comes_back_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.json");
    let cluster = DemoCluster::new();
    let running = cluster.start().await.unwrap();
    cluster.apply(
        &workload(DemoKind::Deployment, "cart", "quay.io/shop/cart:1"),
        hand("HashiCorp", 1_000),
    );
    let (addr, before) = (running.addr(), get(&running, PODS).await);
    running.stop().await.unwrap();
    cluster.save(&file).unwrap();
    let again = DemoCluster::load(&file).unwrap().start().await.unwrap();
    assert_eq!((again.addr(), get(&again, PODS).await), (addr, before));
    assert!(
        again
            .kubeconfig()
            .contains(&format!("server: http://{addr}\n"))
    );
}
