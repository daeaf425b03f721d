//! From arguments to what the pass is told: repo, configuration, registries, secrets from files.

use crate::cli;
use crate::error::{Error, Result};
use crate::observe::{COMMITS, Origin, Setup, Told};
use crate::remote::git::{Access, Remote};
use crate::remote::oci::docker_config::DockerConfig;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The variable that holds the remote's token itself.
const TOKEN: &str = "PINTLE_TOKEN";

/// A folder, or the remote when one is named.
pub fn setup(dir: &Path, clone: &cli::Clone, registries: &cli::Registries) -> Result<Setup> {
    let origin = match &clone.remote {
        Some(remote) => origin(remote, clone)?,
        None => Origin::Folder(dir.to_owned()),
    };
    told(origin, clone, registries)
}

/// The remote, which has to be named.
pub fn remote(clone: &cli::Clone, registries: &cli::Registries) -> Result<Setup> {
    let none = || {
        Error::usage("no remote is named")
            .hint("name the git remote to read and to push to: --remote URL, or PINTLE_REMOTE in the environment")
    };
    let remote = clone.remote.as_deref().ok_or_else(none)?;
    told(origin(remote, clone)?, clone, registries)
}

fn told(origin: Origin, clone: &cli::Clone, registries: &cli::Registries) -> Result<Setup> {
    let config = clone.config.as_deref().map(|path| Ok((path.display().to_string(), text(path, "the configuration")?))).transpose()?;
    let told = Told {
        docker_config: registries.docker_config.as_deref().map(docker_config).transpose()?,
        endpoints: registries.registry.iter().map(|pair| address(pair, "--registry")).collect::<Result<_>>()?,
        caches: registries.cache.iter().map(|pair| address(pair, "--cache")).collect::<Result<_>>()?,
        ca_pem: clone.ca_file.as_deref().map(certificates).transpose()?,
        timeout: Some(Duration::from_secs(registries.registry_timeout.max(1))),
    };
    Ok(Setup { origin, config, registries: told, commits: COMMITS, clock: jiff::Timestamp::now })
}

fn origin(remote: &str, clone: &cli::Clone) -> Result<Origin> {
    let access = Access {
        token: token(clone.token_file.as_deref())?,
        ca: clone.ca_file.as_deref().map(certificates).transpose()?,
        allow_insecure: clone.insecure_http,
        branch: clone.branch.clone(),
        ..Access::default()
    };
    Ok(Origin::Remote { remote: Remote::parse(remote)?, cache: cache_dir(clone)?, access: Box::new(access) })
}

/// A file speaks before the environment.
fn token(file: Option<&Path>) -> Result<Option<SecretString>> {
    let given = match file {
        Some(file) => Some(text(file, "the token")?),
        None => std::env::var(TOKEN).ok(),
    };
    let trimmed = given.map(|token| token.trim().to_owned());
    match trimmed {
        Some(token) if token.is_empty() => {
            Err(Error::usage("the token is empty").hint("put the token alone into the file, or leave the option out"))
        }
        other => Ok(other.map(SecretString::from)),
    }
}

fn cache_dir(clone: &cli::Clone) -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache"))).map(|cache| cache.join("pintle"));
    let none = || Error::usage("there is no folder for clones").hint("name one with --cache-dir; HOME is not set");
    clone.cache_dir.clone().or_else(usual).ok_or_else(none)
}

fn docker_config(path: &Path) -> Result<DockerConfig> {
    let bytes = bytes(path, "the docker config")?;
    DockerConfig::parse(&bytes).map_err(|e| Error::usage(format!("cannot use the docker config {}", path.display())).because(e))
}

fn certificates(path: &Path) -> Result<Vec<u8>> {
    bytes(path, "the certificates")
}

fn text(path: &Path, what: &str) -> Result<String> {
    String::from_utf8(bytes(path, what)?).map_err(|_| Error::usage(format!("{what} in {} is not UTF-8", path.display())))
}

fn bytes(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::usage(format!("cannot read {what} from {}", path.display())).because(e))
}

/// `docker.io=https://registry.example.org/hub`
fn address(pair: &str, option: &str) -> Result<(String, Url)> {
    let wrong = |why: &str| {
        Error::usage(format!("{option} {pair} is not HOST=URL"))
            .cause(why)
            .hint(format!("write {option} docker.io=https://registry.example.org"))
    };
    let (host, url) = pair.split_once('=').ok_or_else(|| wrong("there is no ="))?;
    let url = Url::parse(url).map_err(|e| wrong(&e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage(format!("the address of {host} holds a user or a password"))
            .hint("credentials go into the file of --docker-config"));
    }
    match url.scheme() {
        "http" | "https" if url.has_host() && !host.is_empty() => Ok((host.to_owned(), url)),
        _ => Err(wrong("the URL has to start with http:// or https://")),
    }
}
