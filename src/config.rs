//! `pintle.toml`: what a user may say, checked once into types that cannot be wrong. Reads text,
//! never a file; holds no secret.

mod check;
mod checked;
mod cluster;
mod parse_errors;
mod forge;
mod notice;
mod systems;
mod scan;
mod sections;
pub mod site_settings;
pub mod unmatched;
mod wire;

pub use notice::Receiver;
pub use sections::{
    Budget, Config, Defaults, Environment, ExtraFile, Group, HoldEntry, Match, Module,
    ModuleArguments, Rule, ScanConfig, VarFile,
};
pub use systems::{
    AlertConfig, Cache, ClusterConfig, Custom, ForgeConfig, Git, Graces, KeelConfig,
    PipelineConfig, RebaseMode, Registry,
};

use crate::error;
use crate::model::pattern::Glob;
use crate::model::reference::Reference;
use crate::terraform::files::RepoPath;

/// The name of the file, at the top of the repo.
pub const FILE: &str = "pintle.toml";

impl Config {
    /// Reads the text of a configuration; `file` names it in errors.
    ///
    /// # Errors
    /// A [`crate::error::Kind::Usage`] error with the place in the text.
    pub fn parse(text: &str, file: &str) -> error::Result<Self> {
        let errors = parse_errors::ParseErrors { file, text };
        let wire: wire::File = toml::from_str(text).map_err(|error| errors.toml(&error))?;
        check::config(wire).map_err(|wrong| errors.wrong(wrong))
    }

    /// Returns sentences about what is accepted but probably not meant.
    pub fn warnings(&self) -> Vec<String> {
        let rules = self
            .rules
            .iter()
            .map(|rule| (format!("[[rule]] {}", rule.number), &rule.settings.schedule));
        let all =
            std::iter::once(("[defaults]".into(), &self.defaults.settings.schedule)).chain(rules);
        all.filter_map(|(place, schedule)| {
            Some(format!("{place}: {}", schedule.as_ref()?.warning()?))
        })
        .collect()
    }
}

/// Returns where the file is in a repo.
pub fn path() -> RepoPath {
    RepoPath::new(FILE).unwrap_or_default()
}

/// Reads the bytes of the file.
///
/// # Errors
/// A sentence: they are no text, or no configuration.
pub fn read_bytes(bytes: &[u8]) -> Result<Config, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{FILE} would not be UTF-8"))?;
    Config::parse(text, FILE).map_err(|error| error.to_string())
}

/// Says whether two configurations are the same but for their `[[hold]]` entries.
pub fn differs_in_holds_only(before: &Config, after: &Config) -> bool {
    Config {
        holds: before.holds.clone(),
        ..after.clone()
    } == *before
}

/// Returns the JSON schema of the file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(wire::File).to_value()
}

/// Says whether one of the globs matches an image, however it is spelled: `alpine`,
/// `docker.io/library/alpine`, with or without its tag.
pub fn image_matches(globs: &[Glob], image: &Reference) -> bool {
    image
        .spellings()
        .iter()
        .any(|spelling| globs.iter().any(|glob| glob.matches(spelling)))
}

#[cfg(test)]
mod tests;
