//! The settings of a site: what one source says, and what holds after all sources were asked. Every
//! setting is listed once, in this file.

use super::pattern::TagPatterns;
use super::policy::Policy;
use super::reference::Tag;
use super::schedule::Schedule;
use jiff::SignedDuration;
use std::sync::Arc;

/// How a change reaches the followed branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Commit,
    PullRequest,
    Off,
}

impl Mode {
    /// Returns the word in the configuration: `pull-request`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::PullRequest => "pull-request",
            Self::Off => "off",
        }
    }
}

/// What happens to an image that somebody set in the cluster by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// It is reported.
    Report,
    /// The repo takes it over.
    Adopt,
    /// The repo stays as it is; the next apply sets the pin again.
    Overwrite,
}

/// A value and who set it: `[[rule]] 2`, `[defaults]`, `the directive at stacks/web/main.tf:7`,
/// `built in`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting<T> {
    pub value: T,
    pub source: Arc<str>,
}

impl<T> Setting<T> {
    pub fn built_in(value: T) -> Self {
        Self {
            value,
            source: "built in".into(),
        }
    }
}

/// What one source says, and its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    pub source: Arc<str>,
    /// It was read in the cluster: nobody wrote it in the repo.
    pub is_live: bool,
    pub settings: Settings,
}

macro_rules! settings {
    (
        always { $($(#[$always_doc:meta])* $always:ident: $always_type:ty = $built_in:expr,)* }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)* }
    ) => {
        /// What one source says of a site; `None` leaves a setting to the next source.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Settings {
            $($(#[$always_doc])* pub $always: Option<$always_type>,)*
            $($(#[$optional_doc])* pub $optional: Option<$optional_type>,)*
        }

        /// What holds for a site: for each setting the first source that says something.
        #[derive(Clone, Debug, PartialEq)]
        pub struct ResolvedSettings {
            $($(#[$always_doc])* pub $always: Setting<$always_type>,)*
            $($(#[$optional_doc])* pub $optional: Option<Setting<$optional_type>>,)*
        }

        impl ResolvedSettings {
            /// Asks the layers in their order; what none of them says is built in, or nothing.
            pub fn resolve(layers: &[Layer]) -> Self {
                Self {
                    $($always: first(layers, |settings| settings.$always.clone()).unwrap_or_else(|| Setting::built_in($built_in)),)*
                    $($optional: first(layers, |settings| settings.$optional.clone()),)*
                }
            }

            /// Returns the values without who set them, for comparing.
            pub fn values(&self) -> Settings {
                Settings {
                    $($always: Some(self.$always.value.clone()),)*
                    $($optional: self.$optional.as_ref().map(|setting| setting.value.clone()),)*
                }
            }
        }
    };
}

settings! {
    always {
        /// How first pins are written.
        adopt: Mode = Mode::Commit,
        /// How pins that follow their channel are written.
        update: Mode = Mode::Commit,
        /// How pins under a newer tag are written.
        bump: Mode = Mode::PullRequest,
        /// How rollbacks that pintle makes by itself are written.
        rollback: Mode = Mode::Commit,
        /// Whether pintle merges its own pull requests when their time has come.
        automerge: bool = false,
        /// How long a digest must have been known before its pull request is merged by pintle.
        soak: SignedDuration = SignedDuration::ZERO,
        /// How long upstream must be quiet before a pin is updated.
        settle: SignedDuration = SignedDuration::from_mins(10),
        /// How long after a digest went live its failure counts against it. Zero: never.
        watch: SignedDuration = SignedDuration::from_mins(15),
        auto_rollback: bool = true,
        drift: Drift = Drift::Report,
        /// Whether a policy takes the next minor (or major) version instead of the newest.
        step: bool = false,
        /// Keel's `matchPreRelease`: `false` allows pre-releases behind a release.
        match_pre_release: bool = true,
    }
    optional {
        policy: Policy,
        /// Tags that a policy never chooses.
        exclude: TagPatterns,
        /// The tag to follow, for a reference that has a digest only.
        channel: Tag,
        schedule: Schedule,
        /// Sites that are updated together or not at all.
        group: Arc<str>,
        /// Accounts that a pull request is assigned to.
        assignees: Arc<[Arc<str>]>,
        /// Accounts that are asked for a review of a pull request.
        reviewers: Arc<[Arc<str>]>,
    }
}

fn first<T>(layers: &[Layer], get: impl Fn(&Settings) -> Option<T>) -> Option<Setting<T>> {
    layers.iter().find_map(|layer| {
        Some(Setting {
            value: get(&layer.settings)?,
            source: layer.source.clone(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(source: &str, settings: Settings) -> Layer {
        Layer {
            source: source.into(),
            is_live: false,
            settings,
        }
    }

    #[test]
    fn the_first_source_decides_each_setting_on_its_own() {
        let rule = Settings {
            soak: Some(SignedDuration::from_hours(1)),
            ..Settings::default()
        };
        let defaults = Settings {
            soak: Some(SignedDuration::from_hours(2)),
            settle: Some(SignedDuration::from_mins(10)),
            ..Settings::default()
        };
        let resolved =
            ResolvedSettings::resolve(&[layer("[[rule]] 1", rule), layer("[defaults]", defaults)]);
        assert_eq!(
            (resolved.soak.value, &*resolved.soak.source),
            (SignedDuration::from_hours(1), "[[rule]] 1")
        );
        assert_eq!(
            &*resolved.settle.source, "[defaults]",
            "the built-in value, and the file says it"
        );
        assert_eq!(
            (resolved.watch.value, &*resolved.watch.source),
            (SignedDuration::from_mins(15), "built in")
        );
        assert_eq!(resolved.policy, None);
    }

    #[test]
    fn values_are_compared_without_their_sources() {
        let said = Settings {
            drift: Some(Drift::Report),
            ..Settings::default()
        };
        let (one, two) = (
            ResolvedSettings::resolve(&[layer("a", said)]),
            ResolvedSettings::resolve(&[]),
        );
        assert_ne!(one, two);
        assert_eq!(one.values(), two.values());
    }
}
