//! A place where Terraform or Terragrunt is run, in one environment. Plain values: what is one is
//! decided in `project`.

use super::files::RepoPath;
use super::sources::{RootEnvironment, RunSettings};
use super::unnamed::UnnamedVarFile;

/// What kind of place a root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    Terragrunt,
    Terraform,
    /// A module that nothing calls, evaluated with its defaults.
    Orphan,
}

/// The module that a root runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootModule {
    Folder(RepoPath),
    /// The folder named by a unit's `source`, with the unit's own files copied over it.
    Overlaid(RepoPath),
    /// The text is not in the repo.
    Remote,
}

/// A folder in which Terraform or Terragrunt is run, in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub dir: RepoPath,
    pub environment: Option<String>,
    pub workspace: Option<String>,
    pub kind: RootKind,
    pub module: RootModule,
    /// Those of the settings, then those of the environment: the last one is strongest.
    pub(super) var_files: Vec<String>,
}

impl Root {
    /// Returns the folder of the root module: where Terraform is run.
    pub fn module_dir(&self) -> &RepoPath {
        match &self.module {
            RootModule::Folder(dir) | RootModule::Overlaid(dir) => dir,
            RootModule::Remote => &self.dir,
        }
    }

    /// Says whether a var-file that nothing names could be passed to the root. Where the settings
    /// name its environments they say what is passed.
    pub(super) fn may_be_given(&self, file: &UnnamedVarFile) -> bool {
        self.kind != RootKind::Orphan
            && self.environment.is_none()
            && (file.may_be_for(&self.dir) || file.may_be_for(self.module_dir()))
    }

    /// Returns a root for each environment that the settings name for its folder, in their order;
    /// one without an environment where they name none.
    pub(super) fn in_environments(
        settings: &RunSettings,
        dir: &RepoPath,
        kind: RootKind,
        module: &RootModule,
    ) -> Vec<Self> {
        let root = |environment: Option<&RootEnvironment>| {
            let own = environment
                .map(|environment| &environment.var_files)
                .into_iter()
                .flatten();
            Self {
                dir: dir.clone(),
                environment: environment.map(|environment| environment.name.clone()),
                workspace: environment.and_then(|environment| environment.workspace.clone()),
                kind,
                module: module.clone(),
                var_files: if kind == RootKind::Orphan {
                    Vec::new()
                } else {
                    settings.var_files.iter().chain(own).cloned().collect()
                },
            }
        };
        let named = settings
            .environments
            .iter()
            .filter(|environment| environment.root == *dir);
        let named: Vec<Self> = named.map(|environment| root(Some(environment))).collect();
        if named.is_empty() {
            vec![root(None)]
        } else {
            named
        }
    }
}
