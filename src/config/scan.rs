//! What the configuration says to the scan, in the scan's own words.

use super::{Config, Environment, ExtraFile, ModuleArguments, VarFile};
use crate::sites::settings::{self, Arguments, RemoteModule, ScanSettings};
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::sources;
use std::collections::BTreeSet;

impl Config {
    /// Returns the scan's settings for a repo; globs over roots are matched against its folders.
    pub fn scan_settings(&self, files: &Files) -> ScanSettings {
        let folders: BTreeSet<RepoPath> =
            files.iter().filter_map(|(path, _)| path.parent()).collect();
        let environments = self
            .environments
            .iter()
            .flat_map(|one| environments(one, &folders))
            .collect();
        let forced = folders.iter().filter(|dir| {
            self.scan
                .roots
                .iter()
                .any(|glob| glob.matches(dir.display()))
        });
        let project = sources::RunSettings {
            exclude: self
                .scan
                .exclude
                .iter()
                .map(|glob| glob.as_str().to_owned())
                .collect(),
            var_files: self.scan.var_files.iter().map(VarFile::run_path).collect(),
            environments,
            roots: forced.cloned().collect(),
        };
        ScanSettings {
            project,
            modules: self.modules.iter().map(remote_module).collect(),
            extras: self.extras.iter().map(extra).collect(),
            without_images: self.scan.without_images.clone(),
        }
    }
}

fn environments<'a>(
    one: &'a Environment,
    folders: &'a BTreeSet<RepoPath>,
) -> impl Iterator<Item = sources::RootEnvironment> + 'a {
    folders
        .iter()
        .filter(|dir| one.root.matches(dir.display()))
        .map(|dir| sources::RootEnvironment {
            root: dir.clone(),
            name: one.name.to_string(),
            var_files: one.var_files.iter().map(VarFile::run_path).collect(),
            workspace: one.workspace.as_ref().map(ToString::to_string),
        })
}

fn remote_module(one: &super::Module) -> RemoteModule {
    let arguments = match &one.arguments {
        ModuleArguments::Reference(name) => Arguments::Reference(name.clone()),
        ModuleArguments::Parts {
            registry,
            repository,
            tag,
            digest,
        } => Arguments::Parts {
            registry: registry.clone(),
            repository: repository.clone(),
            tag: tag.clone(),
            digest: digest.clone(),
        },
        ModuleArguments::Values(names) => Arguments::Values(names.clone()),
    };
    RemoteModule {
        source: one.source.clone(),
        arguments,
    }
}

fn extra(one: &ExtraFile) -> settings::Extra {
    match one {
        ExtraFile::Env { resource, env } => settings::Extra::Env {
            resource: resource.clone(),
            names: env.clone(),
        },
        ExtraFile::File { file, path } => settings::Extra::File {
            file: file.clone(),
            path: path.clone(),
        },
    }
}
