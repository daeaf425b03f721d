//! Measures the poll of 1,000 references against a bare loop of HEADs with the same concurrency, at
//! the registry that is built in. Prints the ratio, what the registry counted, and the memory of
//! each. The registry shares the machine with both.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod common;

use common::{in_turns, is_bench, memory_arguments, peak, print_peak, ratio};
use futures_util::{StreamExt, stream};
use pintle::demo::registry::{DemoImage, DemoRegistry, PullAccess, RunningRegistry};
use pintle::model::reference::{Channel, Reference};
use pintle::observe::registry::poll_registries;
use pintle::pipeline::{Seen, Upstream};
use pintle::remote::oci::{Client, Options, RegistryOptions};
use std::collections::BTreeSet;
use tokio::runtime::{Builder, Runtime};

const HOST: &str = "registry.example.com";
const REPOSITORIES: usize = 100;
const TAGS: usize = 10;
const CONCURRENCY: usize = 8;
const RUNS: usize = 9;
/// The types pintle asks for.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

fn main() {
    if let Some(arguments) = memory_arguments() {
        return alone(&arguments);
    }
    let served = Served::start(PullAccess::Open);
    let runtime = runtime();
    if !is_bench() {
        return runtime.block_on(polled(&client(&served.endpoint)));
    }
    println!(
        "poll of {} references, {CONCURRENCY} at once",
        REPOSITORIES * TAGS
    );
    let urls = urls(&served.endpoint);
    let (ours, bare) = in_turns(
        RUNS,
        || runtime.block_on(polled(&client(&served.endpoint))),
        || runtime.block_on(bare(&urls)),
    );
    bare.print("bare HEADs");
    ours.print("poll");
    ratio("ratio", &ours, &bare, 1.2);
    peak("bare HEADs, process", &["bare", &served.endpoint]);
    peak("poll, process", &["poll", &served.endpoint]);
    counted(&runtime, "open", &served);
    counted(
        &runtime,
        "tokens",
        &Served::start(PullAccess::Token {
            expires_in: Some(300),
        }),
    );
}

/// What the registry counts in the first and the second poll of one client.
fn counted(runtime: &Runtime, name: &str, served: &Served) {
    let client = client(&served.endpoint);
    for round in ["first", "second"] {
        served.registry.reset_counts();
        runtime.block_on(polled(&client));
        let counts = served.registry.counts(HOST);
        let (tokens, most) = (
            counts.tokens.values().sum::<u64>(),
            counts.tokens.values().max().copied().unwrap_or(0),
        );
        println!(
            "  {:<28} {} HEADs ({} answered 401), {} GETs, {tokens} tokens, at most {most} a scope",
            format!("{name}, {round} poll"),
            counts.heads,
            counts.unauthorized,
            counts.gets
        );
    }
}

/// One side in a process of its own, for its memory.
fn alone(arguments: &[String]) {
    let [side, endpoint] = arguments else { return };
    match side.as_str() {
        "poll" => runtime().block_on(polled(&client(endpoint))),
        _ => runtime().block_on(bare(&urls(endpoint))),
    }
    print_peak();
}

/// The registry, on a thread of its own.
struct Served {
    registry: DemoRegistry,
    endpoint: String,
    _running: RunningRegistry,
    _runtime: Runtime,
}

impl Served {
    fn start(access: PullAccess) -> Self {
        let registry = DemoRegistry::new();
        for repository in 0..REPOSITORIES {
            for tag in 0..TAGS {
                registry.put_image(
                    HOST,
                    &DemoImage::new(
                        &repository_name(repository),
                        &format!("v1.{tag}"),
                        &format!("{repository}-{tag}"),
                    ),
                );
            }
        }
        registry.set_access(HOST, access);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let running = runtime
            .block_on(registry.start())
            .expect("a port on loopback");
        Self {
            endpoint: running.endpoint(HOST),
            registry,
            _running: running,
            _runtime: runtime,
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn repository_name(index: usize) -> String {
    format!("team-{}/app-{index}", index % 7)
}

/// As a fresh process would ask, but without a limit on the pace.
fn client(endpoint: &str) -> Client {
    let registry = RegistryOptions {
        endpoint: Some(endpoint.parse().expect("an address")),
        max_concurrency: CONCURRENCY,
        requests_per_second: 1_000_000.0,
        ..RegistryOptions::new(HOST)
    };
    Client::new(Options {
        registries: vec![registry],
        ..Options::default()
    })
}

fn channels() -> BTreeSet<Channel> {
    let one = |index: usize| {
        let written = format!(
            "{HOST}/{}:v1.{}",
            repository_name(index / TAGS),
            index % TAGS
        );
        Reference::parse(&written)
            .and_then(|reference| reference.channel())
            .expect("a reference")
    };
    (0..REPOSITORIES * TAGS).map(one).collect()
}

async fn polled(client: &Client) {
    let answers = poll_registries(client, channels(), &|_| {}).await;
    assert!(
        answers
            .values()
            .all(|seen| matches!(seen, Seen::Known(Upstream::Digest(_))))
    );
}

fn urls(endpoint: &str) -> Vec<String> {
    (0..REPOSITORIES * TAGS)
        .map(|index| {
            format!(
                "{endpoint}/v2/{}/manifests/v1.{}",
                repository_name(index / TAGS),
                index % TAGS
            )
        })
        .collect()
}

async fn bare(urls: &[String]) {
    pintle::remote::install_tls();
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(CONCURRENCY)
        .build()
        .expect("a client");
    let one = |url: &String| {
        client
            .head(url)
            .header(reqwest::header::ACCEPT, ACCEPT)
            .send()
    };
    let answers: Vec<_> = stream::iter(urls)
        .map(one)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let digest = |answer: reqwest::Result<reqwest::Response>| {
        answer.is_ok_and(|answer| answer.headers().contains_key("docker-content-digest"))
    };
    assert!(answers.into_iter().all(digest));
}
