//! From arguments to the settings of a pass: repo, configuration, registries, secrets from files.

use super::out;
use crate::cli;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::observe::{
    COMMITS, ClusterAccess, ForgeAccess, GithubAccess, RegistrySettings, RepoOrigin, Session,
    SessionSettings,
};
use crate::remote::alertmanager;
use crate::remote::forgejo::{self, Place};
use crate::remote::git::{Access, CommitSigner, Remote};
use crate::remote::kubernetes;
use crate::remote::oci::Keychain;
use crate::remote::receiver::{self, AddressBook};
use crate::sites::targets::Targets;
use crate::terraform::files::{Files, RepoPath};
use secrecy::SecretString;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The variable that names the remote where the command line names neither remote nor folder.
const REMOTE: &str = "PINTLE_REMOTE";
/// The variable that names the repo's page in the forge.
const FORGE: &str = "PINTLE_FORGE";
/// The variable that holds the remote's token itself.
const TOKEN: &str = "PINTLE_TOKEN";
/// The variable that holds the token for a remote on another host than the forge.
const REMOTE_TOKEN: &str = "PINTLE_REMOTE_TOKEN";
/// The variable that holds the token for GitHub itself.
const GITHUB_TOKEN: &str = "PINTLE_GITHUB_TOKEN";
/// The variable that holds the token for Alertmanager itself.
const ALERTMANAGER_TOKEN: &str = "PINTLE_ALERTMANAGER_TOKEN";

/// The remote or the folder that the command line names, else the remote of the environment, else
/// the repo that the current folder is in; and what the command is about.
pub fn setup_about(
    repo: &cli::RepoArgs,
    named: &[&str],
    registries: &cli::RegistryArgs,
    cluster: &cli::ClusterArgs,
) -> Result<Session> {
    let (session, targets) = setup_beside(repo, named, registries, cluster)?;
    Ok(session.with_targets(targets))
}

/// The same, for a command that plans for the whole repo and shows a part of it.
pub fn setup_beside(
    repo: &cli::RepoArgs,
    named: &[&str],
    registries: &cli::RegistryArgs,
    cluster: &cli::ClusterArgs,
) -> Result<(Session, Targets)> {
    let clone = &repo.clone;
    let is_on_disk = repo.dir.is_some() || named.iter().any(|name| Path::new(name).is_dir());
    let is_remote = |value: &Option<String>, variable| {
        value.is_some() || (!is_on_disk && environment(variable).is_some())
    };
    let (dir, targets) = if is_remote(&clone.remote, REMOTE) || is_remote(&clone.forge, FORGE) {
        (None, targets_of_remote(named)?)
    } else {
        let (dir, targets) = targets_on_disk(repo.dir.as_deref(), named)?;
        (Some(dir), targets)
    };
    Ok((setup(dir.as_deref(), clone, registries, cluster)?, targets))
}

fn targets_of_remote(named: &[&str]) -> Result<Targets> {
    if let Some(path) = named.iter().find(|name| is_path(name)) {
        return Err(
            Error::usage(format!("the folder {path} cannot be used with a remote"))
                .hint("name a stack or file by its path in the repo"),
        );
    }
    Ok(Targets {
        names: named.iter().map(ToString::to_string).collect(),
        folders: Vec::new(),
    })
}

/// Says whether a name can only be a place on disk.
fn is_path(name: &str) -> bool {
    matches!(name, "." | "..")
        || ["/", "./", "../"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Returns the top of the repo, and what is named in it: files and folders on disk by their path
/// from there. Without any name it is the current folder.
fn targets_on_disk(dir: Option<&Path>, named: &[&str]) -> Result<(PathBuf, Targets)> {
    let top = match dir {
        Some(dir) => dir.to_owned(),
        None => match named.iter().find(|name| Path::new(name).is_dir()) {
            Some(folder) => top_of(Path::new(folder)),
            None => top_of(Path::new(".")),
        },
    };
    let mut targets = Targets::default();
    if named.is_empty() && dir.is_none() {
        let folder = path_below(&top, Path::new("."));
        targets.folders.extend(folder.inspect(note_folder));
    }
    for name in named {
        let (path, line) = match name.rsplit_once(':') {
            Some((path, line)) if line.parse::<usize>().is_ok() => (path, Some(line)),
            _ => (*name, None),
        };
        let at = Path::new(path);
        if is_path(path)
            && let Err(error) = at.metadata()
        {
            return Err(Error::failed(format!("cannot read the folder {path}"))
                .because(error)
                .hint("name a folder or file that exists, or a stack, workload or image"));
        }
        let below = path_below(&top, at);
        match (below, line) {
            (Some(below), None) if at.is_dir() => targets.folders.push(below),
            (None, None) if at.is_dir() => {
                return Err(Error::usage(format!("{name} is not in {}", top.display()))
                    .hint("name folders of one repo"));
            }
            (Some(below), line) if at.is_file() => targets.names.push(match line {
                Some(line) => format!("{below}:{line}"),
                None => below.to_string(),
            }),
            _ => targets.names.push((*name).to_owned()),
        }
    }
    // The top restricts nothing.
    targets.folders.retain(|one| !one.as_str().is_empty());
    Ok((top, targets))
}

/// Says that the answer is not about the whole repo.
fn note_folder(folder: &RepoPath) {
    if !folder.as_str().is_empty() {
        let up = vec![".."; folder.as_str().split('/').count()].join("/");
        out::say(&format!(
            "note: this is about {folder} alone; `-C {up}` is about the whole repo"
        ));
    }
}

/// Returns the path of something on disk from the top of a repo; `None` if it is not in it.
fn path_below(top: &Path, path: &Path) -> Option<RepoPath> {
    let (top, path) = (top.canonicalize().ok()?, path.canonicalize().ok()?);
    RepoPath::new(path.strip_prefix(top).ok()?.to_str()?)
}

/// The remote or the folder that the command line names, else the remote of the environment, else
/// the repo that the current folder is in.
pub fn setup(
    dir: Option<&Path>,
    clone: &cli::CloneArgs,
    registries: &cli::RegistryArgs,
    cluster: &cli::ClusterArgs,
) -> Result<Session> {
    let forge = clone
        .forge
        .clone()
        .or_else(|| environment(FORGE).filter(|_| dir.is_none()))
        .map(|url| Place::parse(&url))
        .transpose()?;
    let remote = clone
        .remote
        .clone()
        .or_else(|| environment(REMOTE).filter(|_| dir.is_none()));
    let origin = match (remote.or_else(|| forge.as_ref().map(Place::clone_url)), dir) {
        (Some(remote), None) => origin(&remote, forge.as_ref(), clone)?,
        (Some(_), Some(_)) => {
            return Err(
                Error::usage("a folder has no forge").hint("leave the folder out, or --forge")
            );
        }
        (None, Some(dir)) => RepoOrigin::Folder(dir.to_owned()),
        (None, None) => RepoOrigin::Folder(top_of(Path::new("."))),
    };
    told(origin, forge, clone, registries, cluster)
}

/// Returns the top of the repo that a folder is in, as git finds it. A folder with a configuration
/// is a top too. Where there is none, the folder itself is taken.
pub fn top_of(folder: &Path) -> PathBuf {
    let Ok(whole) = folder.canonicalize() else {
        return folder.to_owned();
    };
    let is_top =
        |folder: &&Path| folder.join(".git").exists() || folder.join(crate::config::FILE).is_file();
    match whole.ancestors().find(is_top) {
        Some(top) if *top != *whole => top.to_owned(),
        _ => folder.to_owned(),
    }
}

/// The remote, which has to be named, and what the command is about.
pub fn remote_about(
    clone: &cli::CloneArgs,
    named: &[&str],
    registries: &cli::RegistryArgs,
    cluster: &cli::ClusterArgs,
) -> Result<Session> {
    Ok(remote(clone, registries, cluster)?.with_targets(targets_of_remote(named)?))
}

/// The remote, which has to be named.
pub fn remote(
    clone: &cli::CloneArgs,
    registries: &cli::RegistryArgs,
    cluster: &cli::ClusterArgs,
) -> Result<Session> {
    let none = || {
        Error::usage("no remote is named").hint(
            "name the git remote to read and to push to: --remote URL, or PINTLE_REMOTE in the environment; or the repo's page in the forge: --forge URL",
        )
    };
    let forge = forge(clone)?;
    let remote = clone
        .remote
        .clone()
        .or_else(|| environment(REMOTE))
        .or_else(|| forge.as_ref().map(Place::clone_url))
        .ok_or_else(none)?;
    let origin = origin(&remote, forge.as_ref(), clone)?;
    told(origin, forge, clone, registries, cluster)
}

/// The repo's page in the forge, where one is named.
pub fn forge(clone: &cli::CloneArgs) -> Result<Option<Place>> {
    clone
        .forge
        .clone()
        .or_else(|| environment(FORGE))
        .map(|url| Place::parse(&url))
        .transpose()
}

/// A variable that is set to nothing is not set.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Refuses a repo in which nothing can be found, so that a wrong folder is not taken for one that
/// is in order.
pub fn has_terraform(files: &Files) -> Result<()> {
    let with = |ends: &[&str]| {
        let is_one = |path: &RepoPath| ends.iter().any(|end| path.name().ends_with(end));
        files.iter().filter(|(path, _)| is_one(path)).count()
    };
    if with(&[".tf", ".tofu", ".hcl"]) > 0 {
        return Ok(());
    }
    match with(&[".tf.json", ".tofu.json"]) {
        0 => Err(Error::failed("there is no Terraform here: not one .tf, .tofu or .hcl file")
            .hint("name the infra repo: its top folder (pintle scan path/to/repo), or its git remote and branch")),
        count => Err(Error::failed(format!(
            "there is no Terraform here that pintle reads: {}",
            if count == 1 {
                "1 file is written as JSON (.tf.json), and is not read".to_owned()
            } else {
                format!("{count} files are written as JSON (.tf.json), and are not read")
            }
        ))
        .hint("pintle follows images in .tf and .tofu files; write the images there")),
    }
}

/// How the forge is asked.
pub fn forge_told(clone: &cli::CloneArgs) -> Result<forgejo::Options> {
    Ok(forgejo::Options {
        token: token(clone.token_file.as_deref())?,
        ca: clone.ca_file.as_deref().map(certificates).transpose()?,
        allow_insecure: clone.insecure_http,
        ..forgejo::Options::default()
    })
}

/// The configuration that the command line names, else what holds without one.
pub fn config(clone: &cli::CloneArgs) -> Result<Config> {
    match &clone.config {
        Some(path) => Config::parse(
            &text(path, "the configuration")?,
            &path.display().to_string(),
        ),
        None => Ok(Config::default()),
    }
}

fn told(
    origin: RepoOrigin,
    forge: Option<Place>,
    clone: &cli::CloneArgs,
    registries: &cli::RegistryArgs,
    cluster: &cli::ClusterArgs,
) -> Result<Session> {
    let config = clone
        .config
        .as_deref()
        .map(|path| Ok((path.display().to_string(), text(path, "the configuration")?)))
        .transpose()?;
    let told = registry_settings(clone, registries)?;
    let forge = forge
        .map(|place| {
            Ok::<_, Error>(ForgeAccess {
                place,
                options: forge_told(clone)?,
            })
        })
        .transpose()?;
    let alertmanager = alertmanager(&cluster.alerts, clone)?;
    let (github, cluster) = (github(registries)?, cluster_at(cluster, clone)?);
    let session = Session::new(SessionSettings {
        origin,
        config,
        registries: told,
        forge,
        github,
        cluster,
        commits: COMMITS,
        clock: jiff::Timestamp::now,
    })?;
    Ok(session.with_alertmanager(alertmanager))
}

/// How registries are asked.
pub fn registry_settings(
    clone: &cli::CloneArgs,
    registries: &cli::RegistryArgs,
) -> Result<RegistrySettings> {
    Ok(RegistrySettings {
        keychain: keychain(registries)?,
        allow_insecure: clone.insecure_http,
        endpoints: registries
            .registry
            .iter()
            .map(|pair| address(pair, "--registry"))
            .collect::<Result<_>>()?,
        caches: registries
            .cache
            .iter()
            .map(|pair| address(pair, "--cache"))
            .collect::<Result<_>>()?,
        ca_pem: clone.ca_file.as_deref().map(certificates).transpose()?,
        timeout: Some(Duration::from_secs(registries.registry_timeout.max(1))),
    })
}

fn origin(remote: &str, forge: Option<&Place>, clone: &cli::CloneArgs) -> Result<RepoOrigin> {
    let remote = Remote::parse(remote)?;
    let access = Access {
        token: remote_token(&remote, forge, clone)?,
        ca: clone.ca_file.as_deref().map(certificates).transpose()?,
        allow_insecure: clone.insecure_http,
        branch: clone.branch.clone().filter(|branch| !branch.is_empty()),
        ..Access::default()
    };
    Ok(RepoOrigin::Remote {
        remote,
        cache: cache_dir(clone)?,
        access: Box::new(access),
    })
}

/// The token for the remote: its own, else the forge's where both are on one host.
fn remote_token(
    remote: &Remote,
    forge: Option<&Place>,
    clone: &cli::CloneArgs,
) -> Result<Option<SecretString>> {
    let file = clone.remote_token_file.as_deref();
    if let Some(own) = secret(file, REMOTE_TOKEN, "the token for the remote")? {
        return Ok(Some(own));
    }
    let shared = token(clone.token_file.as_deref())?;
    let named = forge.and_then(|forge| forge.base().host_str());
    let (Some(forge), Some(host)) = (named, remote.host_name()) else {
        return Ok(shared);
    };
    if forge == host {
        return Ok(shared);
    }
    if shared.is_some() {
        out::say(&format!(
            "note: the token goes to the forge at {forge} alone, not to the remote at {host}; give the remote its own with --remote-token-file"
        ));
    }
    Ok(None)
}

/// Where GitHub is asked, if anywhere.
fn github(registries: &cli::RegistryArgs) -> Result<Option<GithubAccess>> {
    if matches!(registries.github_api.as_str(), "" | "off") {
        return Ok(None);
    }
    let wrong = |e| {
        Error::usage("the address of --github-api cannot be read")
            .because(e)
            .hint("for example https://api.github.com, or off")
    };
    let api = Url::parse(&registries.github_api).map_err(wrong)?;
    Ok(Some(GithubAccess {
        api,
        token: secret(
            registries.github_token_file.as_deref(),
            GITHUB_TOKEN,
            "the token for GitHub",
        )?,
    }))
}

/// Where alerts are asked for, if anywhere.
fn alertmanager(
    alerts: &cli::AlertArgs,
    clone: &cli::CloneArgs,
) -> Result<Option<alertmanager::Client>> {
    let Some(base) = alerts
        .alertmanager
        .as_deref()
        .filter(|base| !base.is_empty())
    else {
        return Ok(None);
    };
    let told = alertmanager::Options {
        token: secret(
            alerts.alertmanager_token_file.as_deref(),
            ALERTMANAGER_TOKEN,
            "the token for Alertmanager",
        )?,
        token_file: alerts.alertmanager_token_file.clone(),
        ca: clone.ca_file.as_deref().map(certificates).transpose()?,
        allow_insecure: clone.insecure_http,
        ..alertmanager::Options::default()
    };
    alertmanager::Client::new(base, &told).map(Some)
}

/// Makes a session sign its commits, if there is a key.
pub fn sign_commits(session: Session, signing: &cli::SigningArgs) -> Result<Session> {
    let file = signing.signing_key_file.as_deref();
    let key = secret(file, "PINTLE_SIGNING_KEY", "the signing key")?;
    let signer = key.map(|key| CommitSigner::parse(&key)).transpose()?;
    Ok(match signer {
        Some(signer) => session.with_signer(signer),
        None => session,
    })
}

/// Where the receivers of messages are.
pub fn addresses(
    notices: &cli::NoticeArgs,
    ca_file: Option<&Path>,
    allow_insecure: bool,
) -> Result<AddressBook> {
    let options = receiver::Options {
        ca: ca_file.map(certificates).transpose()?,
        allow_insecure,
        ..receiver::Options::default()
    };
    let folder = notices.notice_dir.clone();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    // A variable that is no text names no address.
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    Ok(AddressBook::new(
        folder,
        std::env::vars_os().filter_map(text),
        options,
    ))
}

/// Receivers that the configuration names and that have no address: a sentence each.
pub fn unreachable(session: &Session, config: &Config) -> Vec<String> {
    let names = || config.receivers.iter().map(|receiver| &*receiver.name);
    let Some(addresses) = session.addresses() else {
        return Vec::new();
    };
    let reachable = addresses.reachable(names());
    let rest = names().filter(|name| !reachable.contains(*name));
    rest.map(|name| format!("[[notice]] {name} has no address: see --notice-dir"))
        .collect()
}

/// The token that Alertmanager's webhooks carry.
pub fn alert_hook_token(file: Option<&Path>) -> Result<Option<SecretString>> {
    secret(
        file,
        "PINTLE_ALERT_HOOK_TOKEN",
        "the token of Alertmanager's webhooks",
    )
}

/// The token that webhooks of registries prove themselves with.
pub fn registry_hook_token(file: Option<&Path>) -> Result<Option<SecretString>> {
    secret(
        file,
        "PINTLE_REGISTRY_HOOK_TOKEN",
        "the token of registries' webhooks",
    )
}

/// Which cluster is read, if any: never one that nobody named.
fn cluster_at(cluster: &cli::ClusterArgs, clone: &cli::CloneArgs) -> Result<Option<ClusterAccess>> {
    let file = cluster
        .kubeconfig
        .clone()
        .filter(|file| !file.as_os_str().is_empty());
    let context = cluster
        .kube_context
        .clone()
        .filter(|context| !context.is_empty());
    // Not left to the command line's parser, for which a variable is set that says no or nothing.
    let place = match (file, context, cluster.in_cluster) {
        (Some(_), _, true) => {
            return Err(
                Error::usage("--kubeconfig cannot be used with --in-cluster")
                    .hint("name one cluster (PINTLE_KUBECONFIG, PINTLE_IN_CLUSTER)"),
            );
        }
        (None, Some(context), _) => {
            return Err(Error::usage(format!(
                "--kube-context {context} is the context of no kubeconfig"
            ))
            .hint("name the file with --kubeconfig"));
        }
        (Some(file), context, false) => kubernetes::Place::Kubeconfig { file, context },
        (None, None, true) => kubernetes::Place::InCluster,
        (None, None, false) => return Ok(None),
    };
    let ca = clone.ca_file.as_deref().map(certificates).transpose()?;
    Ok(Some(ClusterAccess {
        place,
        options: kubernetes::Options {
            ca,
            allow_insecure: clone.insecure_http,
            ..kubernetes::Options::default()
        },
    }))
}

/// The secret that webhooks are signed with.
pub fn webhook_secret(file: Option<&Path>) -> Result<Option<SecretString>> {
    secret(file, "PINTLE_WEBHOOK_SECRET", "the webhook secret")
}

/// A file speaks before the environment.
fn token(file: Option<&Path>) -> Result<Option<SecretString>> {
    secret(file, TOKEN, "the token")
}

fn secret(file: Option<&Path>, variable: &str, what: &str) -> Result<Option<SecretString>> {
    let given = match file {
        Some(file) => Some(text(file, what)?),
        None => environment(variable),
    };
    let trimmed = given.map(|secret| secret.trim().to_owned());
    match trimmed {
        Some(secret) if secret.is_empty() => Err(Error::usage(format!("{what} is empty"))
            .hint("put it alone into the file, or leave the option out")),
        other => Ok(other.map(SecretString::from)),
    }
}

fn cache_dir(clone: &cli::CloneArgs) -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let usual = || {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("pintle"))
    };
    let none = || {
        Error::usage("there is no folder for clones")
            .hint("name one with --cache-dir; HOME is not set")
    };
    clone.cache_dir.clone().or_else(usual).ok_or_else(none)
}

/// Credentials for registries, if any are named.
fn keychain(registries: &cli::RegistryArgs) -> Result<Option<Arc<Keychain>>> {
    let named = registries.docker_config.iter();
    let files: Vec<PathBuf> = named
        .filter(|file| !file.as_os_str().is_empty())
        .cloned()
        .collect();
    if files.is_empty() {
        return Ok(None);
    }
    let keychain = Keychain::read(&files, registries.credential_helpers)?;
    for (file, name) in keychain.unused_helpers() {
        out::say(&format!(
            "note: {} names the credential helper {name}, which is not run without --credential-helpers",
            file.display()
        ));
    }
    Ok(Some(Arc::new(keychain)))
}

fn certificates(path: &Path) -> Result<Vec<u8>> {
    bytes(path, "the certificates")
}

fn text(path: &Path, what: &str) -> Result<String> {
    String::from_utf8(bytes(path, what)?)
        .map_err(|_| Error::usage(format!("{what} in {} is not UTF-8", path.display())))
}

fn bytes(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|e| Error::usage(format!("cannot read {what} from {}", path.display())).because(e))
}

/// `docker.io=https://registry.example.org/hub`
fn address(pair: &str, option: &str) -> Result<(String, Url)> {
    let wrong = |why: &str| {
        Error::usage(format!("{option} {pair} is not HOST=URL"))
            .cause(why)
            .hint(format!(
                "write {option} docker.io=https://registry.example.org"
            ))
    };
    let (host, url) = pair.split_once('=').ok_or_else(|| wrong("there is no ="))?;
    let url = Url::parse(url).map_err(|e| wrong(&e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            Error::usage(format!("the address of {host} holds a user or a password"))
                .hint("credentials go into the file of --docker-config"),
        );
    }
    match url.scheme() {
        "http" | "https" if url.has_host() && !host.is_empty() => Ok((host.to_owned(), url)),
        _ => Err(wrong("the URL has to start with http:// or https://")),
    }
}
