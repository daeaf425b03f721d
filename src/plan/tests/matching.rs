//! Uses beside workloads: what is found under which name, and which digest it runs.

use super::*;
use crate::pipeline::cluster::{
    Cluster, Container, Pod, PodContainer, Release, Revision, Rollout, Workload, Writer,
};
use crate::plan::indexes::indexes_to_read;
use crate::plan::live::{LiveMatch, running, since, uses};
use proptest::prelude::*;

/// A workload as a controller would have it after a quiet day: one pod wanted, nothing said of
/// revisions and pods.
pub(super) fn workload(kind: &str, namespace: &str, name: &str) -> Workload {
    Workload {
        kind: WorkloadKind::new(kind),
        namespace: namespace.into(),
        name: name.into(),
        created: Some(at("2026-10-01T00:00:00Z")),
        release: None,
        controller: None,
        keel: BTreeMap::new(),
        replicas: Some(1).filter(|_| matches!(kind, "deployment" | "statefulset")),
        containers: Vec::new(),
        revisions: Vec::new(),
        rollout: Rollout {
            observed: true,
            complete: true,
            stuck: None,
            unavailable: None,
            halt: None,
            updated: 1,
            wanted: 1,
        },
        pods: Vec::new(),
    }
}

impl Workload {
    pub(super) fn has(mut self, name: &str, image: &str) -> Self {
        let container = Container {
            name: name.into(),
            init: false,
            image: image.into(),
            pull_policy: None,
            writers: Vec::new(),
        };
        self.containers.push(container);
        self
    }

    /// Who set the image of the last container, the latest first.
    pub(super) fn set_by(mut self, manager: &str, time: &str) -> Self {
        let writer = Writer {
            manager: manager.into(),
            at: Some(at(time)),
        };
        self.containers
            .last_mut()
            .expect("a container")
            .writers
            .push(writer);
        self
    }

    pub(super) fn parked(self) -> Self {
        Self {
            replicas: Some(0),
            ..self
        }
    }

    pub(super) fn released(self, name: &str, helm: bool) -> Self {
        Self {
            release: Some(Release {
                name: name.into(),
                helm,
            }),
            ..self
        }
    }

    pub(super) fn keel(mut self, key: &str, value: &str) -> Self {
        self.keel
            .insert(format!("keel.sh/{key}").into(), value.into());
        self
    }

    /// An older revision of the first container; later calls are older.
    pub(super) fn revision(
        mut self,
        number: i64,
        earlier: &[i64],
        image: &str,
        time: &str,
    ) -> Self {
        let name = self.containers[0].name.clone();
        self.revisions.push(Revision {
            name: format!("{}-{number}", self.name).into(),
            hash: number.to_string().into(),
            number,
            earlier: earlier.to_vec(),
            created: Some(at(time)),
            images: [(name, image.into())].into(),
        });
        self
    }

    /// A pod of a revision that tells the first container's digest.
    pub(super) fn pod(
        mut self,
        revision: Option<&str>,
        digest: Option<Digest>,
        time: &str,
    ) -> Self {
        let name = self.containers[0].name.clone();
        let status = PodContainer {
            name,
            digest,
            repository: None,
            ready: true,
            restarts: 0,
            exit: None,
            started: Some(at(time)),
            waiting: None,
        };
        let name = format!("{}-{}", self.name, self.pods.len());
        let (created, revision) = (Some(at(time)), revision.map(Into::into));
        self.pods.push(Pod {
            name: name.into(),
            revision,
            created,
            lost: None,
            unready: None,
            node: None,
            containers: vec![status],
        });
        self
    }
}

impl Snapshot {
    /// The cluster has these.
    pub(super) fn running(mut self, mut workloads: Vec<Workload>) -> Self {
        workloads.sort_by(|a, b| {
            (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name))
        });
        self.cluster = Seen::Known(Cluster {
            workloads,
            ..Cluster::default()
        });
        self
    }

    pub(super) fn unread(mut self, kind: &str) -> Self {
        if let Seen::Known(cluster) = &mut self.cluster {
            cluster
                .unread
                .insert(WorkloadKind::new(kind), "it is forbidden".into());
        }
        self
    }

    fn told(&self) -> Seen<Option<Digest>> {
        let (literal, site) = self.scan.sites().next().expect("a site");
        running(self, &uses(self, literal), site.image.channel().as_ref())
    }

    /// What is found of the uses of the first literal, in words.
    fn found(&self) -> Vec<String> {
        let literal = &self.scan.literals[0];
        let said = |found: LiveMatch| match found {
            LiveMatch::Here {
                workload,
                container,
            } => format!("{}/{}:{}", workload.kind, workload.name, container.name),
            LiveMatch::Swapped {
                container, with, ..
            } => format!("{} swapped with {}", container.name, with.name),
            LiveMatch::Missing => "missing".into(),
            LiveMatch::NoContainer(workload) => format!("no container in {}", workload.name),
            LiveMatch::NotExpected => "not expected".into(),
            LiveMatch::Elsewhere => "elsewhere".into(),
            LiveMatch::Unknown(why) => why,
        };
        uses(self, literal)
            .expect("a cluster")
            .into_iter()
            .map(|live| said(live.found))
            .collect()
    }
}

/// Changes the only use of a literal.
fn used(mut literal: Literal, change: impl FnOnce(&mut Use)) -> Literal {
    change(&mut literal.uses[0]);
    literal
}

fn web() -> Workload {
    workload("deployment", "web", "nginx").has("nginx", "nginx:stable")
}

fn known(c: char) -> Seen<Option<Digest>> {
    Seen::Known(Some(digest(c)))
}

#[test]
fn a_workload_is_found_by_its_names_and_a_container_by_its_own() {
    let one = || site("web", 1, "nginx:stable");
    let nameless = |init| Holder::Container { name: None, init };
    let cases = [
        (one(), web(), "deployment/nginx:nginx"),
        (
            one(),
            workload("deployment", "web", "nginx")
                .has("istio-proxy", "istio/proxy:1")
                .has("nginx", "nginx:stable"),
            "deployment/nginx:nginx",
        ),
        (
            one(),
            workload("deployment", "web", "other").has("nginx", "nginx:stable"),
            "missing",
        ),
        (
            one(),
            workload("statefulset", "web", "nginx").has("nginx", "nginx:stable"),
            "missing",
        ),
        (
            one(),
            workload("deployment", "web", "nginx").has("app", "nginx:stable"),
            "no container in nginx",
        ),
        (
            used(one(), |used| used.instances = Some(0)),
            web(),
            "not expected",
        ),
        (
            used(one(), |used| used.name = None),
            web(),
            "its name is not known from the text",
        ),
        (
            used(one(), |used| used.namespace = None),
            web(),
            "its name is not known from the text",
        ),
        (
            used(one(), |used| used.holder = nameless(false)),
            web(),
            "the container's name is not known from the text",
        ),
        (
            used(one(), |used| used.holder = nameless(true)),
            web(),
            "the container's name is not known from the text",
        ),
        (
            used(one(), |used| used.holder = Holder::Path("nginx".into())),
            web(),
            "elsewhere",
        ),
        (
            used(one(), |used| used.holder = Holder::Env("nginx".into())),
            web(),
            "elsewhere",
        ),
        (
            used(one(), |used| used.kind = WorkloadKind::new("configmap")),
            web(),
            "elsewhere",
        ),
        (
            used(one(), |used| used.kind = WorkloadKind::Module),
            web(),
            "elsewhere",
        ),
        (
            used(one(), |used| used.kind = WorkloadKind::CronJob),
            workload("cronjob", "web", "nginx").has("nginx", "nginx:stable"),
            "cronjob/nginx:nginx",
        ),
    ];
    for (literal, workload, expected) in cases {
        let all = snapshot(vec![literal.clone()]).running(vec![workload]);
        assert_eq!(all.found(), [expected], "{:?}", literal.uses);
    }
}

#[test]
fn what_is_applied_to_another_cluster_is_not_looked_for_in_this_one() {
    let at = |root: &str, environment: Option<&str>| {
        used(site("web", 1, "nginx:stable"), |used| {
            used.root = RepoPath::new(root).expect("a path");
            used.environment = environment.map(Into::into);
        })
    };
    let (here, elsewhere) = ("deployment/nginx:nginx", "elsewhere");
    for (config, root, environment, expected) in [
        ("", "live/dev/web", Some("dev"), here),
        ("roots = ['live/prod/**']", "live/prod/web", None, here),
        ("roots = ['live/prod/**']", "live/dev/web", None, elsewhere),
        ("environments = ['prod', 'eu-*']", "web", Some("eu-1"), here),
        (
            "environments = ['prod', 'eu-*']",
            "web",
            Some("dev"),
            elsewhere,
        ),
        ("environments = ['prod', 'eu-*']", "web", None, here),
        (
            "roots = ['web']\nenvironments = ['prod']",
            "api",
            Some("prod"),
            elsewhere,
        ),
    ] {
        let all = snapshot(vec![at(root, environment)])
            .running(vec![web()])
            .configured(&format!("[cluster]\n{config}\n"));
        assert_eq!(all.found(), [expected], "{config}: {root} {environment:?}");
        let dark = Snapshot {
            cluster: Seen::Unknown("no route".into()),
            ..all
        };
        assert_eq!(
            uses(&dark, &dark.scan.literals[0]).is_err(),
            expected == here,
            "{config}: {root} {environment:?}"
        );
    }
}

#[test]
fn a_kind_that_cannot_be_read_is_not_known_and_says_nothing_of_others() {
    let all = snapshot(vec![site("web", 1, "nginx:stable")]).running(vec![web()]);
    assert_eq!(
        all.clone().unread("deployment").found(),
        ["deployments could not be read: it is forbidden"]
    );
    assert_eq!(all.unread("cronjob").found(), ["deployment/nginx:nginx"]);
}

#[test]
fn without_a_cluster_nothing_is_told() {
    let mut all = snapshot(vec![site("web", 1, "nginx:stable")]);
    assert_eq!(all.found(), [] as [String; 0]);
    assert_eq!(all.told(), Seen::NotAsked);
    all.cluster = Seen::Unknown("connection refused".into());
    assert_eq!(
        all.told(),
        Seen::Unknown("the cluster could not be asked: connection refused".into())
    );
}

#[test]
fn for_each_makes_many_workloads_of_one_literal_and_all_have_to_agree() {
    let mut literal = site("web", 1, "nginx:stable");
    let blue = Use {
        name: Some("blue".into()),
        ..literal.uses[0].clone()
    };
    let green = Use {
        name: Some("green".into()),
        ..blue.clone()
    };
    literal.uses = vec![blue, green];
    let of = |name: &str, c: char| {
        workload("deployment", "web", name).has("nginx", &pinned("nginx:stable", c))
    };
    let all = snapshot(vec![literal]);
    let same = all.clone().running(vec![of("blue", 'a'), of("green", 'a')]);
    assert_eq!(
        same.found(),
        ["deployment/blue:nginx", "deployment/green:nginx"]
    );
    assert_eq!(same.told(), known('a'));
    let other = all.clone().running(vec![of("blue", 'a'), of("green", 'b')]);
    assert_eq!(
        other.told(),
        Seen::Unknown("its uses run 2 different digests".into())
    );
    let half = all.running(vec![of("green", 'b')]);
    assert_eq!(half.found(), ["missing", "deployment/green:nginx"]);
    assert_eq!(half.told(), known('b'));
}

fn chart(image: Option<&str>) -> Literal {
    used(
        site("monitoring", 1, "quay.io/prometheus/prometheus:v3"),
        |used| {
            used.kind = WorkloadKind::HelmRelease;
            used.name = Some("prom".into());
            used.holder = Holder::Path("server.image".into());
            used.image = image.map(Into::into);
        },
    )
}

#[test]
fn a_release_is_found_by_its_name_and_the_repository() {
    let image = "quay.io/prometheus/prometheus:v3";
    let server = || {
        workload("statefulset", "monitoring", "prom-server")
            .released("prom", true)
            .has("server", image)
            .has("reload", "quay.io/x/reload:1")
    };
    let replica = || {
        workload("deployment", "monitoring", "prom-replica")
            .released("prom", true)
            .has("main", &pinned(image, 'a'))
    };
    let other = || {
        workload("deployment", "monitoring", "prom2")
            .released("prom2", true)
            .has("server", image)
    };
    let elsewhere = || {
        workload("deployment", "web", "prom")
            .released("prom", true)
            .has("server", image)
    };
    let all = snapshot(vec![chart(Some(image))]);
    let here = all
        .clone()
        .running(vec![server(), replica(), other(), elsewhere()]);
    assert_eq!(
        here.found(),
        [
            "deployment/prom-replica:main",
            "statefulset/prom-server:server"
        ]
    );
    assert_eq!(
        all.clone().running(vec![other(), elsewhere()]).found(),
        ["missing"]
    );
    let unread = all.clone().running(vec![other()]).unread("daemonset");
    assert_eq!(
        unread.found(),
        ["daemonsets could not be read: it is forbidden"]
    );
    let sidecar = workload("deployment", "monitoring", "prom")
        .released("prom", true)
        .has("reload", "quay.io/x/reload:1");
    assert_eq!(all.running(vec![sidecar]).found(), ["no container in prom"]);
    let half = snapshot(vec![chart(None)]).running(vec![server()]);
    assert_eq!(half.found(), ["the chart chooses a part of the image"]);
}

#[test]
fn a_custom_resource_is_found_when_its_kind_is_configured() {
    let literal = used(
        site("db", 1, "ghcr.io/cloudnative-pg/postgresql:16"),
        |used| {
            used.kind = WorkloadKind::new("cluster");
            used.name = Some("db".into());
            used.holder = Holder::Path("spec.imageName".into());
        },
    );
    let named = |path: &str| {
        workload("cluster", "db", "db").has(path, "ghcr.io/cloudnative-pg/postgresql:16")
    };
    let custom = "[[cluster.custom]]\ngroup = \"postgresql.cnpg.io\"\nversion = \"v1\"\nkind = \"Cluster\"\nplural = \"clusters\"\nimage = \"spec.imageName\"\n";
    let all = snapshot(vec![literal]);
    assert_eq!(
        all.clone().running(vec![named("spec.imageName")]).found(),
        ["elsewhere"]
    );
    let all = all.configured(custom);
    assert_eq!(
        all.clone().running(vec![named("spec.imageName")]).found(),
        ["cluster/db:spec.imageName"]
    );
    // The only image of that repository is the one, whatever its place is called.
    assert_eq!(
        all.clone().running(vec![named("imageName")]).found(),
        ["cluster/db:imageName"]
    );
    assert_eq!(all.clone().running(vec![]).found(), ["missing"]);
    let nothing = workload("cluster", "db", "db");
    assert_eq!(
        all.clone().running(vec![nothing.clone()]).found(),
        ["no container in db"]
    );
    // The repo says the path as people write it, and may say images in places that are not looked
    // at.
    let place = |path: &str| {
        let mut all = all.clone();
        let mut scan = (*all.scan).clone();
        scan.literals[0].uses[0].holder = Holder::Path(path.into());
        all.scan = scan.into();
        all.configured(&custom.replace("spec.imageName", "spec.parts[*].image"))
    };
    let listed = nothing
        .has("spec.parts.0.image", "ghcr.io/a/b:1")
        .has("spec.parts.1.image", "ghcr.io/cloudnative-pg/postgresql:16");
    assert_eq!(
        place("spec.parts[1].image")
            .running(vec![listed.clone()])
            .found(),
        ["cluster/db:spec.parts.1.image"]
    );
    assert_eq!(
        place("spec.parts[2].image")
            .running(vec![listed.clone()])
            .found(),
        ["no container in db"]
    );
    assert_eq!(
        place("spec.imageName")
            .running(vec![listed.clone()])
            .found(),
        ["elsewhere"]
    );
    assert_eq!(
        place("metrics").running(vec![listed]).found(),
        ["no container in db"]
    );
    assert_eq!(
        all.running(vec![]).unread("cluster").found(),
        ["clusters could not be read: it is forbidden"]
    );
}

#[test]
fn what_an_operator_made_of_a_custom_resource_is_known_by_its_repository() {
    const IMAGE: &str = "ghcr.io/cloudnative-pg/postgresql:16";
    const CUSTOM: &str = "[[cluster.custom]]\ngroup = \"postgresql.cnpg.io\"\nversion = \"v1\"\nkind = \"Cluster\"\nplural = \"clusters\"\nimage = \"spec.imageName\"\n\
         [[cache]]\nregistry = \"ghcr.io\"\nurl = \"https://cache.example.com/gh\"\n";
    let literal = used(site("db", 1, IMAGE), |used| {
        used.kind = WorkloadKind::new("cluster");
        used.name = Some("db".into());
        used.holder = Holder::Path("spec.imageName".into());
    });
    let all = snapshot(vec![literal]).configured(CUSTOM);
    let status = |name: &str, repository: &str, c: char| PodContainer {
        name: name.into(),
        digest: Some(digest(c)),
        repository: Some(repository.into()),
        ready: true,
        restarts: 0,
        exit: None,
        started: None,
        waiting: None,
    };
    let live = |image: &str, runs: &[(&str, char)]| {
        let mut live = workload("cluster", "db", "db").has("spec.imageName", image);
        live.replicas = None;
        live.pods = Vec::new();
        for (number, (repository, c)) in runs.iter().enumerate() {
            let operator = status(
                "bootstrap-controller",
                "ghcr.io/cloudnative-pg/cloudnative-pg",
                'e',
            );
            let containers = vec![operator, status("postgres", repository, *c)];
            live.pods.push(Pod {
                name: format!("db-{number}").into(),
                revision: None,
                created: None,
                lost: None,
                unready: None,
                node: None,
                containers,
            });
        }
        live
    };
    let (own, cached) = (
        "ghcr.io/cloudnative-pg/postgresql",
        "cache.example.com/gh/cloudnative-pg/postgresql",
    );
    let told = |live| all.clone().running(vec![live]).told();
    assert_eq!(told(live(IMAGE, &[])), Seen::Known(None));
    assert_eq!(told(live(IMAGE, &[(own, 'a'), (cached, 'a')])), known('a'));
    assert_eq!(
        told(live(IMAGE, &[(own, 'a'), (own, 'b')])),
        Seen::Unknown("cluster db/db: its pods run 2 different digests".into())
    );
    assert_eq!(
        told(live(&pinned(IMAGE, 'c'), &[(own, 'a')])),
        known('c'),
        "the spec counts first"
    );
    let mut two = live(IMAGE, &[(own, 'a')]);
    two.pods[0].containers.push(status("metrics", own, 'b'));
    assert_eq!(
        told(two.clone()),
        Seen::Unknown("cluster db/db: its pods run 2 different digests".into())
    );
    two.pods[0].containers[2].name = "spec.imageName".into();
    assert_eq!(told(two), known('b'));
    let unread = |live| all.clone().running(vec![live]).unread("statefulset").told();
    let why = "cluster db/db: statefulsets could not be read: it is forbidden";
    assert_eq!(
        (unread(live(IMAGE, &[])), unread(live(IMAGE, &[(own, 'a')]))),
        (Seen::Unknown(why.into()), known('a'))
    );
}

/// Two containers of one deployment.
fn pair(server: &str, worker: &str) -> Vec<Literal> {
    let named = |line: usize, name: &str, image: &str| {
        used(site("app", line, image), |used| {
            used.name = Some("app".into());
            used.holder = Holder::Container {
                name: Some(name.into()),
                init: false,
            };
        })
    };
    vec![named(1, "server", server), named(2, "worker", worker)]
}

#[test]
fn containers_that_exchanged_their_images_are_seen() {
    let live = |server: &str, worker: &str| {
        workload("deployment", "app", "app")
            .has("server", server)
            .has("worker", worker)
    };
    let (server, worker) = ("ghcr.io/a/server:v1", "ghcr.io/a/worker:v1");
    let all = snapshot(pair(server, worker));
    // The order of the containers says nothing.
    let turned = workload("deployment", "app", "app")
        .has("worker", worker)
        .has("server", server);
    assert_eq!(
        all.clone().running(vec![turned]).found(),
        ["deployment/app:server"]
    );
    assert_eq!(
        all.clone()
            .running(vec![live("ghcr.io/a/server:v0", worker)])
            .found(),
        ["deployment/app:server"]
    );
    let swapped = all.clone().running(vec![live(
        &pinned(worker, 'b'),
        &pinned("ghcr.io/a/server:v0", 'a'),
    )]);
    assert_eq!(swapped.found(), ["server swapped with worker"]);
    let why = "deployment app/app: the containers server and worker have exchanged their images";
    assert_eq!(swapped.told(), Seen::Unknown(why.into()));
    // One repository: the tags tell.
    let (old, new) = ("ghcr.io/a/app:1", "ghcr.io/a/app:2");
    let all = snapshot(pair(old, new));
    assert_eq!(
        all.clone().running(vec![live(new, old)]).found(),
        ["server swapped with worker"]
    );
    assert_eq!(
        all.clone().running(vec![live(old, old)]).found(),
        ["deployment/app:server"]
    );
    assert_eq!(
        all.running(vec![live(new, new)]).found(),
        ["deployment/app:server"]
    );
}

#[test]
fn another_repository_is_not_what_is_declared_except_through_a_cache() {
    let all = snapshot(vec![site("web", 1, "nginx:stable")]);
    let runs =
        |image: &str| workload("deployment", "web", "nginx").has("nginx", &pinned(image, 'a'));
    for same in [
        "nginx:stable",
        "docker.io/library/nginx:stable",
        "index.docker.io/nginx:1.0",
    ] {
        assert_eq!(
            all.clone().running(vec![runs(same)]).told(),
            known('a'),
            "{same}"
        );
    }
    let why = |image: &str| {
        let image = pinned(image, 'a');
        Seen::Unknown(format!(
            "deployment web/nginx: the container nginx has the image {image} of another repository"
        ))
    };
    let mirrored = "cache.example.com:5000/hub/library/nginx:stable";
    for other in ["ghcr.io/library/nginx:stable", mirrored] {
        assert_eq!(all.clone().running(vec![runs(other)]).told(), why(other));
    }
    let all = all.configured(
        "[[cache]]\nregistry = \"docker.io\"\nurl = \"https://cache.example.com:5000/hub\"\n",
    );
    assert_eq!(all.clone().running(vec![runs(mirrored)]).told(), known('a'));
    assert_eq!(
        all.running(vec![runs("ghcr.io/library/nginx:stable")])
            .told(),
        why("ghcr.io/library/nginx:stable")
    );
}

#[test]
fn the_spec_counts_before_the_pods_and_only_pods_of_the_newest_revision() {
    let all = snapshot(vec![site("web", 1, "nginx:stable")]);
    let spec = workload("deployment", "web", "nginx")
        .has("nginx", &pinned("nginx:stable", 'a'))
        .pod(None, Some(digest('b')), NOW);
    assert_eq!(
        all.clone().running(vec![spec]).unread("pod").told(),
        known('a')
    );
    let rolling = || {
        let two = web()
            .revision(2, &[], "nginx:stable", NOW)
            .revision(1, &[], "nginx:stable", NOW);
        two.pod(Some("2"), Some(digest('b')), NOW)
            .pod(Some("1"), Some(digest('a')), NOW)
            .pod(Some("2"), None, NOW)
    };
    assert_eq!(all.clone().running(vec![rolling()]).told(), known('b'));
    let disagreeing = rolling().pod(Some("2"), Some(digest('c')), NOW);
    let why = "deployment web/nginx: its pods run 2 different digests";
    assert_eq!(
        all.clone().running(vec![disagreeing]).told(),
        Seen::Unknown(why.into())
    );
    let why = "deployment web/nginx: the pods could not be read: it is forbidden";
    assert_eq!(
        all.clone().running(vec![rolling()]).unread("pod").told(),
        Seen::Unknown(why.into())
    );
    assert_eq!(
        all.clone().running(vec![web().parked()]).told(),
        Seen::Known(None)
    );
    assert_eq!(all.running(vec![]).told(), Seen::Known(None));
}

#[test]
fn pods_tell_nothing_of_a_spec_that_is_newer_than_their_revision() {
    // Somebody set 1.3, and the ReplicaSets that were read are those before: the pods run what 1.2
    // means.
    let all = snapshot(vec![site("web", 1, "nginx:1.3")])
        .says("nginx:1.3", 'c')
        .configured("[defaults]\nmode = 'commit'\npolicy = 'force'");
    let newer = || workload("deployment", "web", "nginx").has("nginx", "nginx:1.3");
    let pods = |workload: Workload| {
        workload
            .revision(1, &[], "nginx:1.2", NOW)
            .pod(Some("1"), Some(digest('a')), NOW)
    };
    let agrees = newer()
        .revision(1, &[], "nginx:1.3", NOW)
        .pod(Some("1"), Some(digest('a')), NOW);
    let world = all.clone().running(vec![pods(newer())]);
    assert_eq!(
        (world.plan().changes.len(), world.decided().verdict),
        (0, crate::pipeline::Verdict::Unknown)
    );
    let why = "deployment web/nginx: no revision of its newest spec is known yet";
    assert_eq!(
        world.decided().reasons[0],
        Reason::RunningUnknown { why: why.into() }
    );
    assert_eq!(
        world.told(),
        Seen::Known(Some(digest('a'))),
        "the pods run it"
    );
    assert_eq!(
        all.clone().running(vec![agrees]).plan().changes[0].pins[0].to,
        Some(digest('a'))
    );
    // Its new pods have still to start.
    let rolling = newer()
        .revision(2, &[], "nginx:1.3", NOW)
        .revision(1, &[], "nginx:1.2", NOW)
        .pod(Some("1"), Some(digest('a')), NOW);
    let mut rolling = rolling.pod(Some("2"), None, NOW);
    rolling.pods[1].containers[0].started = None;
    let world = all.running(vec![rolling]);
    assert_eq!(
        (world.plan().changes.len(), world.decided().verdict),
        (0, crate::pipeline::Verdict::Waiting)
    );
    assert_eq!(
        world.decided().reasons[0],
        Reason::RolloutUnfinished {
            workload: "deployment web/nginx".into()
        }
    );
}

#[test]
fn a_cron_jobs_pod_from_before_its_image_was_set_tells_nothing() {
    let literal = used(site("web", 1, "nginx:1.3"), |used| {
        used.kind = WorkloadKind::CronJob
    });
    let cron = workload("cronjob", "web", "nginx")
        .has("nginx", "nginx:1.3")
        .set_by("Terraform", "2026-11-22T10:30:00Z");
    let cron = cron.pod(None, Some(digest('a')), "2026-11-22T10:00:00Z");
    let all = snapshot(vec![literal]);
    assert_eq!(
        all.clone().running(vec![cron.clone()]).told(),
        Seen::Known(None)
    );
    assert_eq!(
        all.running(vec![cron.pod(
            None,
            Some(digest('b')),
            "2026-11-22T11:00:00Z"
        )])
        .told(),
        known('b')
    );
}

#[test]
fn of_a_cron_job_the_newest_pod_counts() {
    let literal = used(site("web", 1, "nginx:stable"), |used| {
        used.kind = WorkloadKind::CronJob
    });
    let cron = workload("cronjob", "web", "nginx").has("nginx", "nginx:stable");
    let cron = cron
        .pod(None, Some(digest('b')), "2026-11-22T11:00:00Z")
        .pod(None, Some(digest('a')), "2026-11-22T10:00:00Z");
    assert_eq!(
        snapshot(vec![literal])
            .running(vec![cron.pod(None, None, NOW)])
            .told(),
        known('b')
    );
}

#[test]
fn the_digest_of_a_platform_counts_as_its_index() {
    let image = pinned("nginx:stable", 'a');
    let two = web()
        .pod(None, Some(digest('1')), NOW)
        .pod(None, Some(digest('2')), NOW);
    let mut all = snapshot(vec![site("web", 1, &image)])
        .says("nginx:stable", 'b')
        .running(vec![two]);
    let wanted = |all: &Snapshot| {
        indexes_to_read(all)
            .into_iter()
            .map(|(_, digest)| digest)
            .collect::<Vec<_>>()
    };
    assert_eq!(wanted(&all), [digest('a'), digest('b')]);
    assert_eq!(
        all.told(),
        Seen::Unknown("deployment web/nginx: its pods run 2 different digests".into())
    );
    all.children
        .insert((channel("nginx:stable"), digest('b')), vec![digest('3')]);
    all.children.insert(
        (channel("nginx:stable"), digest('a')),
        vec![digest('1'), digest('2')],
    );
    assert_eq!(all.told(), known('a'));
    // Nothing has to be asked where the pods tell an index themselves, or the spec does.
    let told = |workload: Workload| {
        snapshot(vec![site("web", 1, &image)])
            .says("nginx:stable", 'b')
            .running(vec![workload])
    };
    assert_eq!(wanted(&told(web().pod(None, Some(digest('b')), NOW))), []);
    assert_eq!(
        wanted(&told(
            workload("deployment", "web", "nginx").has("nginx", &image)
        )),
        []
    );
    assert_eq!(wanted(&told(web())), []);
    // An earlier pin's index may be the one that still runs.
    let earlier =
        told(web().pod(None, Some(digest('1')), NOW)).wrote("nginx:stable", Some('c'), 'a', NOW);
    assert_eq!(wanted(&earlier), [digest('a'), digest('b'), digest('c')]);
}

#[test]
fn since_when_is_the_first_of_the_same_image_and_after_an_undo_when_it_was_set() {
    let (old, new) = (pinned("nginx:stable", 'a'), pinned("nginx:stable", 'b'));
    let [one, two, three] = [
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
        "2026-11-03T00:00:00Z",
    ];
    let of = |image: &str| workload("deployment", "web", "nginx").has("nginx", image);
    let told = |workload: &Workload| since(workload, &workload.containers[0]);
    // A restart at `three`.
    let restarted = of(&new)
        .revision(3, &[], &new, three)
        .revision(2, &[], &new, two)
        .revision(1, &[], &old, one);
    assert_eq!(told(&restarted), Some(at(two)));
    let undone = of(&old)
        .set_by("kubectl-rollout", three)
        .revision(3, &[1], &old, one)
        .revision(2, &[], &new, two);
    assert_eq!(told(&undone), Some(at(three)));
    let unwritten = of(&old)
        .revision(3, &[1], &old, one)
        .revision(2, &[], &new, two);
    assert_eq!(told(&unwritten), None);
    assert_eq!(told(&of(&old).set_by("Terraform", two)), Some(at(two)));
    // A tag alone: the pods tell.
    let floating = web()
        .revision(1, &[], "nginx:stable", one)
        .pod(Some("1"), Some(digest('a')), three)
        .pod(Some("1"), Some(digest('a')), two);
    assert_eq!(told(&floating), Some(at(two)));
}

/// Workloads in all sorts of states, some of them where the sites' uses are.
fn any_workload() -> impl Strategy<Value = Workload> {
    let kind = prop::sample::select(vec!["deployment", "cronjob", "statefulset"]);
    let names = (
        prop::sample::select(vec!["web", "app"]),
        prop::sample::select(vec!["nginx", "redis", "keel"]),
    );
    let image = prop::sample::select(vec![
        "nginx:stable",
        "redis:7",
        "docker.io/keelhq/keel:1",
        "Not An Image",
    ]);
    let digests = prop::collection::vec(
        prop::option::of(prop::sample::select(vec!['a', 'b', 'c'])),
        1..3,
    );
    let manager = prop::sample::select(vec![
        "Terraform",
        "kubectl-rollout",
        "keel",
        "drone",
        "helm",
    ]);
    let odd = (
        any::<bool>(),
        any::<bool>(),
        prop::option::of(prop::sample::select(vec!["never", "force"])),
        prop::option::of(0..3u32),
    );
    (kind, names, image, digests, manager, odd).prop_map(
        |(kind, (namespace, name), image, digests, manager, odd)| {
            let (released, operated, policy, replicas) = odd;
            let text = digests[0].map_or(image.to_owned(), |c| pinned(image, c));
            let mut one = workload(kind, namespace, name)
                .has(name, &text)
                .set_by(manager, NOW)
                .has("sidecar", image);
            for c in &digests {
                one = one.pod(None, c.map(digest), NOW);
            }
            if released {
                one = one.released(name, true);
            }
            if let Some(policy) = policy {
                one = one.keel("policy", policy);
            }
            Workload {
                controller: operated.then(|| "cluster/x".into()),
                replicas,
                ..one
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_runs_the_plan_is_made_and_made_again(
        workloads in prop::collection::vec(any_workload(), 0..6),
        unread in prop::option::of(prop::sample::select(vec!["deployment", "pod", "cronjob", "replicaset"])),
        (pin, ignored) in (prop::option::of(prop::sample::select(vec!['a', 'b'])), any::<bool>()),
    ) {
        let image = pin.map_or("nginx:stable".to_owned(), |pin| pinned("nginx:stable", pin));
        let own = used(site("web", 1, &image), |used| used.ignored = Some(ignored));
        let all = snapshot(vec![own, site("app", 2, &pinned("redis:7", 'a')), chart(None)]);
        let all = all.says("nginx:stable", 'b').says("redis:7", 'a').configured("[defaults]\nsettle = '0'\n").running(workloads);
        let all = unread.into_iter().fold(all, |all, kind| all.unread(kind));
        let plan = all.plan();
        prop_assert_eq!(&plan, &all.plan());
        prop_assert_eq!(plan.decisions.len(), 3);
        let status = crate::plan::report_status(&all, &plan, None);
        prop_assert!(status.rows.len() >= 3);
        let ids = plan.decisions.iter().map(|decision| Some(&decision.site));
        prop_assert!(ids.into_iter().all(|id| status.rows.iter().any(|row| row.site.as_ref() == id)));
        for row in &status.rows {
            prop_assert!(row.why.iter().all(|why| !why.is_empty() && !why.ends_with('.')), "{row:?}");
        }
    }
}
