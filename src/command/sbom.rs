//! `pintle sbom`: what this program is made of, as CycloneDX. It reads the lock file and the
//! manifest that the program was built with, and nothing outside.

use super::ending::Completion;
use super::out;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const LOCK: &str = include_str!("../../Cargo.lock");
const MANIFEST: &str = include_str!("../../Cargo.toml");

#[derive(Deserialize)]
struct LockFile {
    package: Vec<LockedPackage>,
}

/// A package as Cargo.lock has it.
#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
    checksum: Option<String>,
    /// `serde`, or `serde 1.0.229` where there are several versions.
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct CargoManifest {
    dependencies: BTreeMap<String, toml::Value>,
}

pub fn run() -> Result<Completion> {
    out::json(&describe()?)?;
    Ok(Completion::Ok)
}

/// Returns every crate that the run-time dependencies lead to, for all platforms and features.
fn describe() -> Result<Value> {
    let unreadable = |e: toml::de::Error| {
        Error::failed("the lock file in the program cannot be read").because(e)
    };
    let lock: LockFile = toml::from_str(LOCK).map_err(unreadable)?;
    let manifest: CargoManifest = toml::from_str(MANIFEST).map_err(unreadable)?;
    let packages = Packages(&lock.package);
    let own = packages.find(env!("CARGO_PKG_NAME"));
    let own = own.ok_or_else(|| Error::failed("the lock file in the program lacks pintle"))?;
    let is_runtime = |name: &&LockedPackage| manifest.dependencies.contains_key(&name.name);
    let roots: Vec<&LockedPackage> = packages.below(own).filter(is_runtime).collect();
    let all = packages.reach(&roots);
    let components: Vec<Value> = all.values().map(|package| component(package)).collect();
    let dependencies = std::iter::once((own, roots))
        .chain(
            all.values()
                .map(|package| (*package, packages.below(package).collect())),
        )
        .map(|(package, below)| {
            let below: BTreeSet<String> = below.into_iter().map(purl).collect();
            json!({"ref": purl(package), "dependsOn": below})
        });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": purl(own), "name": own.name, "version": own.version,
            "purl": purl(own), "licenses": [{"license": {"id": env!("CARGO_PKG_LICENSE")}}],
        }},
        "components": components,
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

struct Packages<'a>(&'a [LockedPackage]);

impl<'a> Packages<'a> {
    /// Finds a package by its entry in a list of dependencies.
    fn find(&self, entry: &str) -> Option<&'a LockedPackage> {
        let (name, version) = entry.split_once(' ').unzip();
        let name = name.unwrap_or(entry);
        let is_one = |one: &&LockedPackage| {
            one.name == name && version.is_none_or(|version| one.version == version)
        };
        self.0.iter().find(is_one)
    }

    fn below(&self, package: &'a LockedPackage) -> impl Iterator<Item = &'a LockedPackage> {
        package
            .dependencies
            .iter()
            .filter_map(|entry| self.find(entry))
    }

    /// Returns the packages and all below them, by purl.
    fn reach(&self, roots: &[&'a LockedPackage]) -> BTreeMap<String, &'a LockedPackage> {
        let mut found = BTreeMap::new();
        let mut open = roots.to_vec();
        while let Some(package) = open.pop() {
            if found.insert(purl(package), package).is_none() {
                open.extend(self.below(package));
            }
        }
        found
    }
}

/// `pkg:cargo/serde@1.0.229`; `+` is a blank in a URL's query, so it is escaped.
fn purl(package: &LockedPackage) -> String {
    let version = package.version.replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", package.name)
}

fn component(package: &LockedPackage) -> Value {
    let hashes = package.checksum.iter();
    let hashes = hashes.map(|sum| json!({"alg": "SHA-256", "content": sum}));
    json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "hashes": hashes.collect::<Vec<_>>(),
    })
}
