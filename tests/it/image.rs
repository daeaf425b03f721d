//! The image of `deploy/Dockerfile`, built without an engine: the root file system of its last
//! stage as a layer, pushed to a real registry, pulled again by digest, and the program run in what
//! came back. The bases of the Dockerfile are not pulled: libc and the certificate authorities come
//! from this machine.

use std::collections::BTreeSet;
use std::fs::{create_dir_all, read, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{Reply, ask};
use crate::support::images::{ACCEPT, Pusher, digest};
use crate::support::registry::{Registry, Role, Version};

const REPOSITORY: &str = "ops/pintle";
const TAG: &str = "test";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Where Debian and distroless have the certificate authorities.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What the last stage of the Dockerfile says.
struct Stage {
    /// Where the program is: `/usr/local/bin/pintle`.
    program: String,
    /// `10001:10001`
    user: String,
    entrypoint: Vec<String>,
}

fn dockerfile() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/Dockerfile");
    read_to_string(file).expect("the Dockerfile is there")
}

/// The instructions of a stage, by the name after `AS`.
fn instructions(stage: &str) -> Vec<(String, String)> {
    let text = dockerfile().replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut found = Vec::new();
    let mut is_in = false;
    for line in lines {
        let (word, rest) = line.split_once(' ').expect("an instruction and its rest");
        if word == "FROM" {
            is_in = rest.ends_with(&format!(" AS {stage}"));
        }
        if is_in {
            found.push((word.to_owned(), rest.to_owned()));
        }
    }
    found
}

fn stage(name: &str) -> Stage {
    let all = instructions(name);
    let only = |word: &str| {
        let mut found = all.iter().filter(|(one, _)| one == word);
        let (_, rest) = found
            .next()
            .unwrap_or_else(|| panic!("no {word} in {name}"));
        rest.clone()
    };
    let copy = only("COPY");
    let program = copy
        .strip_prefix("--from=build /pintle ")
        .expect("it copies the program alone");
    Stage {
        program: program.to_owned(),
        user: only("USER"),
        entrypoint: serde_json::from_str(&only("ENTRYPOINT")).expect("a list in JSON"),
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    output
}

fn copy_to(root: &Path, from: &Path, to: &str) {
    let to = root.join(to.trim_start_matches('/'));
    create_dir_all(to.parent().expect("it is in a folder")).expect("its own folder");
    std::fs::copy(from, to).unwrap_or_else(|why| panic!("{}: {why}", from.display()));
}

/// The shared libraries of a program, and the loader, where they are on this machine.
fn libraries(program: &Path) -> BTreeSet<PathBuf> {
    let output = succeed(Command::new("ldd").arg(program));
    let text = String::from_utf8(output.stdout).expect("ldd writes UTF-8");
    text.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// The root file system of the image as a layer. Returns its bytes, and those of the tar in it.
fn layer(stage: &Stage, folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let root = folder.join("built");
    let built = folder.join("pintle");
    succeed(
        Command::new("strip")
            .arg("-o")
            .arg(&built)
            .arg(env!("CARGO_BIN_EXE_pintle")),
    );
    copy_to(&root, &built, &stage.program);
    for library in libraries(&built) {
        copy_to(&root, &library, &library.display().to_string());
    }
    copy_to(&root, Path::new(AUTHORITIES), AUTHORITIES);
    let (tar, zipped) = (folder.join("layer.tar"), folder.join("layer.tar.gz"));
    // The same bytes for the same files.
    succeed(
        Command::new("tar")
            .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0"])
            .args(["--numeric-owner", "--mode=u+rwX,go=rX", "-cf"])
            .arg(&tar)
            .arg("-C")
            .arg(&root)
            .arg("."),
    );
    let output = succeed(Command::new("gzip").args(["-n", "-c"]).arg(&tar));
    write(&zipped, &output.stdout).expect("its own folder");
    (output.stdout, read(&tar).expect("it was written"))
}

/// Writes the image as an OCI layout in a tar, and returns its manifest.
fn layout(stage: &Stage, folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (zipped, tar) = layer(stage, folder);
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"User": stage.user, "Entrypoint": stage.entrypoint, "ExposedPorts": {"8080/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]},
    });
    let config = config.to_string().into_bytes();
    let describe = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": describe(CONFIG, &config), "layers": [describe(LAYER, &zipped)],
    });
    let manifest = manifest.to_string().into_bytes();
    let files = folder.join("layout");
    let index = json!({"schemaVersion": 2, "manifests": [describe(MANIFEST, &manifest)]});
    let blobs = files.join("blobs/sha256");
    create_dir_all(&blobs).expect("its own folder");
    for bytes in [&zipped, &config, &manifest] {
        let name = digest(bytes).replace("sha256:", "");
        write(blobs.join(name), bytes).expect("its own folder");
    }
    write(files.join("index.json"), index.to_string()).expect("its own folder");
    write(
        files.join("oci-layout"),
        "{\"imageLayoutVersion\":\"1.0.0\"}",
    )
    .expect("its own folder");
    succeed(
        Command::new("tar")
            .arg("-cf")
            .arg(folder.join("pintle.oci.tar"))
            .arg("-C")
            .arg(&files)
            .arg("."),
    );
    (zipped, config, manifest)
}

/// The bytes of an answer, which have this digest.
fn verified(reply: Reply, wanted: &str) -> Vec<u8> {
    assert_eq!(reply.status, 200, "{wanted}");
    assert_eq!(digest(&reply.body), wanted);
    reply.body
}

/// Pulls an image by tag, and unpacks its layers into a folder. Returns its config.
fn pull(address: &str, root: &Path) -> Value {
    let accept = [("Accept", ACCEPT)];
    let tagged = format!("/v2/{REPOSITORY}/manifests/{TAG}");
    let head = ask(address, "HEAD", &tagged, &accept);
    let wanted = head.header("docker-content-digest").expect("a digest");
    let by_digest = format!("/v2/{REPOSITORY}/manifests/{wanted}");
    let manifest = verified(ask(address, "GET", &by_digest, &accept), wanted);
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let blob = |descriptor: &Value| {
        let wanted = descriptor["digest"].as_str().expect("a digest");
        let path = format!("/v2/{REPOSITORY}/blobs/{wanted}");
        verified(ask(address, "GET", &path, &[]), wanted)
    };
    create_dir_all(root).expect("its own folder");
    for layer in manifest["layers"].as_array().expect("layers") {
        let file = root.with_extension("layer");
        write(&file, blob(layer)).expect("its own folder");
        succeed(
            Command::new("tar")
                .arg("-xzf")
                .arg(&file)
                .arg("-C")
                .arg(root),
        );
    }
    serde_json::from_slice(&blob(&manifest["config"])).expect("JSON")
}

/// The image after it was built, pushed to a registry and pulled again.
pub struct PulledImage {
    pub config: Value,
    /// `127.0.0.1:5000/ops/pintle:test@sha256:…`
    pub reference: String,
    folder: TempDir,
}

impl PulledImage {
    pub fn new() -> PulledImage {
        let folder = TempDir::new().expect("a temporary folder");
        // The user of the image has to reach it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("its own folder");
        let (layer, config, manifest) = layout(&stage("pintle"), folder.path());
        let registry = Registry::start(Version::Three, &Role::Plain);
        let pusher = Pusher {
            address: registry.address(),
            authorization: None,
        };
        pusher.blob(REPOSITORY, &layer);
        pusher.blob(REPOSITORY, &config);
        let pushed = pusher.put(REPOSITORY, TAG, &manifest, MANIFEST);
        assert_eq!(pushed, digest(&manifest));
        let config = pull(&registry.address(), &folder.path().join("pulled"));
        PulledImage {
            config,
            reference: format!("{}/{REPOSITORY}:{TAG}@{pushed}", registry.address()),
            folder,
        }
    }

    /// Its root file system.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("pulled")
    }

    /// Its entry point in its root file system, with this environment and no other, as the user of
    /// the image where that is allowed.
    pub fn command(&self, environment: &[(String, String)], args: &[&str]) -> Command {
        let entrypoint = &self.config["config"]["Entrypoint"][0];
        let user = self.config["config"]["User"].as_str().expect("a user");
        let mut command = Command::new("env");
        // chroot is not where others than root look.
        command.args([
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]);
        command.args(
            environment
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        if is_root() {
            command.args(["chroot", &format!("--userspec={user}")]);
            command.arg(self.root());
        } else {
            command.args(["unshare", "--user", "--map-root-user"]);
            command.arg(format!("--root={}", self.root().display()));
        }
        command.arg(entrypoint.as_str().expect("a path")).args(args);
        command
    }

    /// Gives a folder of the root file system to the user of the image.
    pub fn give(&self, path: &str) {
        if is_root() {
            let user = self.config["config"]["User"].as_str().expect("a user");
            let folder = self.root().join(path.trim_start_matches('/'));
            succeed(Command::new("chown").args(["-R", user]).arg(folder));
        }
    }
}

fn is_root() -> bool {
    succeed(Command::new("id").arg("-u")).stdout == b"0\n"
}

#[test]
fn the_image_is_pushed_pulled_and_runs_from_its_own_root() {
    let image = PulledImage::new();
    assert_eq!(image.config["config"]["User"], "10001:10001");
    assert!(!image.root().join("bin/sh").exists(), "there is no shell");
    let run = |args: &[&str]| image.command(&[], args).output().expect("it starts");
    let version = run(&["--version"]);
    let said = String::from_utf8_lossy(&version.stdout);
    assert_eq!(
        said,
        concat!("pintle ", env!("CARGO_PKG_VERSION"), "\n"),
        "{version:?}"
    );
    // It starts as in a cluster, and complains of what it was not told, not of a missing file.
    let ended = run(&["run", "--listen", "off"]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.code() == Some(2) && said.contains("no remote is named"),
        "{ended:?}"
    );
}

#[test]
fn both_stages_of_the_dockerfile_run_the_program_as_the_same_user() {
    let [plain, git] = ["pintle", "git"].map(stage);
    for one in [&plain, &git] {
        assert_eq!(one.entrypoint, std::slice::from_ref(&one.program));
        assert_eq!(one.user, "10001:10001");
    }
    let last = dockerfile();
    let last = last.lines().rfind(|line| line.starts_with("FROM"));
    assert!(
        last.expect("a stage").ends_with(" AS pintle"),
        "built by default"
    );
    let installs = instructions("git")
        .into_iter()
        .find(|(word, _)| word == "RUN");
    let (_, installs) = installs.expect("it installs programs");
    assert!(installs.contains(" git ") && installs.contains(" openssh-client"));
    let manifest =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kustomize/base/deployment.yaml");
    let manifest = read_to_string(manifest).expect("the Deployment is there");
    assert!(manifest.contains("runAsUser: 10001\n") && manifest.contains("runAsGroup: 10001\n"));
}

/// Cargo reads the package from what the Dockerfile copies, and the ignore file lets that through.
#[test]
fn the_dockerfile_copies_what_cargo_needs() {
    let repo = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a temporary folder");
    let ignored = read_to_string(repo.join("deploy/Dockerfile.dockerignore"));
    let ignored = ignored.expect("it is there");
    let copies = instructions("build");
    let copies = copies.iter().filter(|(word, _)| word == "COPY");
    for source in copies.flat_map(|(_, rest)| {
        let words: Vec<&str> = rest.split(' ').collect();
        words[..words.len() - 1].to_vec()
    }) {
        assert!(
            ignored.lines().any(|line| line == format!("!{source}")),
            "{source}"
        );
        succeed(
            Command::new("cp")
                .arg("-R")
                .arg(repo.join(source))
                .arg(folder.path()),
        );
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--locked"]);
    cargo.args(["--format-version", "1"]);
    succeed(cargo.current_dir(folder.path()));
    for needed in ["src/main.rs", "src/lib.rs", "testdata-repo"] {
        assert!(folder.path().join(needed).exists(), "{needed}");
    }
}
