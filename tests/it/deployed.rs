//! From the documented commands to the first pull request: the overlay of `docs/install.md` is
//! applied to a real API server, and the test plays the kubelet for the pod that its Deployment
//! makes. It runs the container in the root file system of its image, with the environment, files
//! and account of the pod, and reports what the probes answer.

use std::fs::{create_dir_all, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::cluster::deploy::example;
use crate::image::PulledImage;
use crate::support::daemon::probe;
use crate::support::forge_line::ForgeLine;
use crate::support::guard::Guard;
use crate::support::kube::{Kube, deploy};

const IMAGE: &str = "docker.io/library/nginx:latest";
const PODS: &str = "/api/v1/namespaces/pintle/pods";
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/pintle/leases/pintle";
/// What does not come in this time does not come.
const DEADLINE: Duration = Duration::from_secs(60);

/// Looks until there is what is looked for.
fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(25));
    }
}

fn put(image: &PulledImage, folder: &str, name: &str, bytes: &[u8]) {
    let folder = image.root().join(folder.trim_start_matches('/'));
    create_dir_all(&folder).expect("its own folder");
    let file = folder.join(name);
    write(&file, bytes).expect("its own folder");
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o440)).expect("its own file");
}

/// Mounts the volumes of the pod into the root file system, and the token of its account.
fn mount(kube: &Kube, image: &PulledImage, pod: &Value) {
    let api = kube.api("kubelet");
    let volumes = pod["spec"]["volumes"].as_array().expect("volumes");
    let mounts = &pod["spec"]["containers"][0]["volumeMounts"];
    for mount in mounts.as_array().expect("mounts") {
        let path = mount["mountPath"].as_str().expect("a path");
        let of = volumes.iter().find(|one| one["name"] == mount["name"]);
        let of = of.expect("a volume of that name");
        if let Some(name) = of["secret"]["secretName"].as_str() {
            let secret = api.get(&format!("/api/v1/namespaces/pintle/secrets/{name}"));
            for (key, value) in secret["data"].as_object().expect("data") {
                let value = STANDARD.decode(value.as_str().expect("a text"));
                put(image, path, key, &value.expect("base64"));
            }
        } else if of["emptyDir"].is_object() {
            let folder = image.root().join(path.trim_start_matches('/'));
            create_dir_all(folder).expect("its own folder");
        } else {
            // What the API server adds for the account: see below.
            assert_eq!((path, of["projected"].is_object()), (ACCOUNT, true));
            continue;
        }
        image.give(path);
    }
    let wanted = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3_600}});
    let account = pod["spec"]["serviceAccountName"].as_str().expect("a name");
    let path = format!("/api/v1/namespaces/pintle/serviceaccounts/{account}/token");
    let token = api.post(&path, &wanted)["status"]["token"].clone();
    let token = token.as_str().expect("a token");
    for (name, text) in [
        ("token", token),
        ("ca.crt", kube.ca()),
        ("namespace", "pintle"),
    ] {
        put(image, ACCOUNT, name, text.as_bytes());
    }
    image.give(ACCOUNT);
}

/// Starts the container of the pod. The port is the only thing that the test chooses: all pods of
/// this machine share one network.
fn start(kube: &Kube, image: &PulledImage, pod: &Value, log: &Path) -> Guard {
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["image"], image.reference.as_str());
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let given = container["env"].as_array().expect("an environment").iter();
    let mut environment: Vec<(String, String)> = given
        .map(|one| (word(&one["name"]), word(&one["value"])))
        .filter(|(name, _)| name != "PINTLE_LISTEN")
        .collect();
    let url = kube.url();
    let (_, address) = url.rsplit_once('/').expect("an address");
    let (host, port) = address.split_once(':').expect("a port");
    for (name, value) in [
        ("PINTLE_LISTEN", "127.0.0.1:0"),
        (
            "HOSTNAME",
            pod["metadata"]["name"].as_str().expect("a name"),
        ),
        ("KUBERNETES_SERVICE_HOST", host),
        ("KUBERNETES_SERVICE_PORT", port),
    ] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    let args = container["args"].as_array().expect("arguments").iter();
    let args: Vec<&str> = args.map(|arg| arg.as_str().expect("a text")).collect();
    Guard::start(image.command(&environment, &args), log)
}

/// The address that a run listens on, as its log has it.
fn address(run: &Guard) -> Option<String> {
    let log = run.log();
    let (_, rest) = log.split_once("listening on ")?;
    rest.split_once('"').map(|(address, _)| address.to_owned())
}

#[test]
fn the_documented_commands_lead_to_a_ready_pod_and_a_pull_request() {
    let line = ForgeLine::of_stacks(&[("web", IMAGE)], "");
    let (image, kube) = (PulledImage::new(), Kube::fresh());
    let overlay: String = example("# kustomization.yaml")
        .lines()
        .map(|line_of_page| match line_of_page.split_once("image: ") {
            Some((before, _)) => format!("{before}image: {}\n", image.reference),
            None => format!("{line_of_page}\n"),
        })
        .collect();
    let overlay = overlay.replace("https://forge.example.org/ops/infra", &line.forge());
    let folder = deploy::copy(&overlay);
    kube.kubectl(&["apply", "-k", &folder.path().display().to_string()]);
    for (name, text) in [
        ("token", line.bot.token.expose_secret()),
        ("webhook-secret", "s3cret-of-the-hooks"),
        ("docker-config.json", "{\"auths\": {}}"),
    ] {
        write(folder.path().join(name), text).expect("its own folder");
    }
    let from =
        |name: &str, key: &str| format!("--from-file={key}={}", folder.path().join(name).display());
    kube.kubectl(&[
        "--namespace",
        "pintle",
        "create",
        "secret",
        "generic",
        "pintle",
        &from("token", "git-token"),
        &from("webhook-secret", "webhook-secret"),
        &from("docker-config.json", "docker-config.json"),
    ]);

    let api = kube.api("kubelet");
    let pod = api.wait(PODS, |pods| match pods["items"].as_array()?.as_slice() {
        [pod] => Some(pod.clone()),
        _ => None,
    });
    mount(&kube, &image, &pod);
    let run = start(&kube, &image, &pod, &folder.path().join("pintle.log"));
    let pulls = until("a pull request", || {
        let open = line.repo.pulls("open");
        (!open.is_empty()).then_some(open)
    });
    assert_eq!(pulls.len(), 1, "{}", run.log());
    assert_eq!(pulls[0]["head"]["ref"], "pintle/web");

    // The probe of the pod is what makes the Deployment available.
    let address = address(&run).expect("it listens");
    let probed = pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"].clone();
    let probed = probed.as_str().expect("a path").to_owned();
    until("a good probe", || {
        (probe(&address, &probed).0 == 200).then_some(())
    });
    let name = pod["metadata"]["name"].as_str().expect("a name").to_owned();
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let status = json!({"status": {"phase": "Running", "conditions": ready}});
    api.merge(&format!("{PODS}/{name}/status"), &status);
    let deployment = "/apis/apps/v1/namespaces/pintle/deployments/pintle";
    api.wait(deployment, |live| {
        (live["status"]["availableReplicas"] == 1).then_some(())
    });
    let shown = kube.kubectl(&["--namespace", "pintle", "get", "deployment", "pintle"]);
    assert!(shown.contains("1/1"), "{shown}");

    // In a cluster it holds the Lease of its namespace without being asked to.
    let holder = api.get(LEASE)["spec"]["holderIdentity"].clone();
    let holder = holder.as_str().expect("a holder");
    assert!(holder.starts_with(&name), "{holder}");
    let log = run.log();
    assert!(!log.contains(line.bot.token.expose_secret()), "{log}");
    assert!(log.contains("\"cluster\":\"in-cluster\""), "{log}");
}
