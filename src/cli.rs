//! The command line: words and help texts. No logic; every value is checked where it is used.
#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "clap prints these texts as they are"
)]

mod common;

pub use common::{
    AlertArgs, CloneArgs, ClusterArgs, NoticeArgs, OutputArgs, OutputFormat, PassArgs,
    RegistryArgs, RemoteArgs, RepoArgs, SigningArgs, TargetArgs,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const AFTER: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 an outside system failed and trying again may help,
10 plan --exit-code found something to write.
Data goes to standard output, everything else to standard error.";

/// Keeps the container images of a Terraform-run cluster at latest and declared, as commits.
#[derive(Debug, Parser)]
#[command(name = "pintle", version, after_help = AFTER, max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub general: GeneralArgs,
    #[command(subcommand)]
    pub command: CliCommand,
}

#[derive(Debug, Args)]
pub struct GeneralArgs {
    /// Run as if pintle was started in this folder
    #[arg(
        short = 'C',
        long = "directory",
        global = true,
        value_name = "DIR",
        value_hint = clap::ValueHint::DirPath,
        help_heading = "General"
    )]
    pub directory: Option<PathBuf>,
    /// Log more to standard error (-v info, -vv debug)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "General")]
    pub verbose: u8,
    /// How log lines are written
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = LogFormat::Text,
        env = "PINTLE_LOG_FORMAT",
        hide_env_values = true,
        help_heading = "General"
    )]
    pub log_format: LogFormat,
    /// When to colour the output; NO_COLOR in the environment counts as never
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "General")]
    pub color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Find every image of the repo at the literal that decides it
    Scan(ScanArgs),
    /// Compare what is declared with what the registries serve; show what a sync would write
    Plan(PlanArgs),
    /// Plan, commit and push, once
    Sync(SyncArgs),
    /// Sync continuously: at an interval, when a webhook arrives, and when something changes in the
    /// cluster
    Run(RunArgs),
    /// List what is behind, by stack: since when, and what holds it back
    Worklist(WorklistArgs),
    /// Show everything known about an image, workload or literal, and why it is or is not updated
    Explain(ExplainArgs),
    /// Show what runs in the cluster, since when and why, and what waits
    Status(StatusArgs),
    /// List the pins that pintle committed, newest first
    Log(LogArgs),
    /// List the tags of an image, and show which one a policy chooses
    Tags(TagsArgs),
    /// Check or describe pintle.toml
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check that the forge is set up as pintle needs it, and create what is missing
    Setup(SetupArgs),
    /// Send a test message to the receivers that [[notice]] in pintle.toml names
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// Show what pintle does on a made-up repo, registry, cache and cluster: no server, no network
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page of pintle or of a command
    Man(ManArgs),
    /// Print what this program is made of, as CycloneDX in JSON
    Sbom,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command the page is about, such as sync or config check [default: pintle itself]
    #[arg(conflicts_with = "output_dir")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder instead
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ScanArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub repo: RepoArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// List only the sites, without component, dead, orphan and unpinnable literals
    #[arg(long)]
    pub sites_only: bool,
    /// List what looks like an image and is not followed, instead of the literals that are
    #[arg(long, conflicts_with = "sites_only")]
    pub unfollowed: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub repo: RepoArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Show the commits that would be written, as unified diffs
    #[arg(long, conflicts_with = "output")]
    pub diff: bool,
    /// Show the sites that are in sync too
    #[arg(long)]
    pub all: bool,
    /// Exit with 10 when there is something to write
    #[arg(long)]
    pub exit_code: bool,
}

#[derive(Debug, Args)]
pub struct WorklistArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub repo: RepoArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = WorklistFormat::Table)]
    pub output: WorklistFormat,
    /// Compare with Diun: a file with the output of `diun image list --raw`; - is standard input
    #[arg(long, value_name = "FILE")]
    pub diun: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorklistFormat {
    Table,
    Json,
    Csv,
    Markdown,
}

#[derive(Debug, Args)]
pub struct SyncArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub repo: RemoteArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub pass: PassArgs,
    #[command(flatten)]
    pub signing: SigningArgs,
    #[command(flatten)]
    pub notices: NoticeArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Do everything but the push, and show the commits as unified diffs
    #[arg(long)]
    pub dry_run: bool,
    /// Follow the statuses of what was pushed to their end; exit with 3 when one is red, or none
    /// comes or ends within the `timeout` of
    /// [pipeline] in pintle.toml
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub repo: RemoteArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub pass: PassArgs,
    #[command(flatten)]
    pub signing: SigningArgs,
    #[command(flatten)]
    pub notices: NoticeArgs,
    /// How long to wait after a pass before the next: 90s, 5m, 1h30m
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5m",
        env = "PINTLE_EVERY",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub every: String,
    /// Where to answer probes and webhooks; off for nowhere
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "PINTLE_LISTEN",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub listen: String,
    /// A file with the secret that webhooks are signed with (or the secret itself in
    /// PINTLE_WEBHOOK_SECRET)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_WEBHOOK_SECRET_FILE",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub webhook_secret_file: Option<PathBuf>,
    /// A file with the token that Alertmanager's webhooks carry (or the token itself in
    /// PINTLE_ALERT_HOOK_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_ALERT_HOOK_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub alert_hook_token_file: Option<PathBuf>,
    /// The Lease that one replica at a time holds, which alone makes passes [default: the Lease
    /// pintle in the namespace of the pod, with --in-cluster]
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        env = "PINTLE_LEASE",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub lease: Option<String>,
    /// Make passes without a Lease
    #[arg(
        long,
        env = "PINTLE_NO_LEASE",
        hide_env_values = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new(),
        help_heading = "Run"
    )]
    pub no_lease: bool,
    /// A file with the token that webhooks of registries and Diun prove themselves with (or the
    /// token itself in PINTLE_REGISTRY_HOOK_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_REGISTRY_HOOK_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub registry_hook_token_file: Option<PathBuf>,
    /// How long a write in progress may take after SIGTERM
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "25s",
        env = "PINTLE_GRACE",
        hide_env_values = true,
        help_heading = "Run"
    )]
    pub grace: String,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub repo: RepoArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Read the repo alone: ask no registry, cache, forge, cluster or Alertmanager
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub repo: RepoArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Show only what does not run as the repo pins it, and what waits
    #[arg(long)]
    pub odd: bool,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    #[command(flatten)]
    pub repo: RepoArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Show at most this many pins
    #[arg(short = 'n', long, default_value_t = 50)]
    pub limit: usize,
    /// Only pins whose site, stack or image contains this text
    #[arg(long)]
    pub only: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TagsArgs {
    #[command(subcommand)]
    pub what: Option<TagsCommand>,
    /// An image with the tag that the repo declares: docker.io/library/postgres:16.4
    #[arg(required = true)]
    pub image: Option<String>,
    /// Show what this policy takes and what keeps each newer tag out: patch, minor, major, all,
    /// glob:PATTERN, regexp:PATTERN, force or never [default: list the tags]
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// A platform that the image has to be there for (repeatable)
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',')]
    pub platform: Vec<String>,
    #[command(flatten)]
    pub choice: ChoiceArgs,
    #[command(flatten)]
    pub registries: RegistryArgs,
    /// The pintle.toml to read registries from
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_CA_FILE",
        hide_env_values = true
    )]
    pub ca_file: Option<PathBuf>,
    /// Allow credentials over plain http:// to another machine
    #[arg(long)]
    pub insecure_http: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What a choice depends on besides policy and tags.
#[derive(Debug, Args)]
pub struct ChoiceArgs {
    /// The tag that runs, if it is another one
    #[arg(long, value_name = "TAG")]
    pub running: Option<String>,
    /// Keep releases from being bumped to pre-releases, and channels such as -nightly as they are
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    pub match_pre_release: bool,
    /// Take the next minor (or major) version instead of the newest
    #[arg(long)]
    pub step: bool,
    /// A regular expression; tags that it matches are no candidates (repeatable)
    #[arg(long, value_name = "REGEXP")]
    pub exclude: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum TagsCommand {
    /// Try a policy on a list of tags: which one it chooses, and what keeps each other one out
    Try(TagsTryArgs),
}

#[derive(Debug, Args)]
pub struct TagsTryArgs {
    /// patch, minor, major, all, glob:PATTERN, regexp:PATTERN, force or never
    #[arg(long, value_name = "POLICY")]
    pub policy: String,
    /// The tag that the repo declares
    #[arg(long, value_name = "TAG")]
    pub current: String,
    /// A platform that the image has to be there for (repeatable)
    #[arg(long, value_name = "OS/ARCH", num_args = 1.., value_delimiter = ',')]
    pub platform: Vec<String>,
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// A file with the tags to choose from, as JSON; - for standard input:
    /// `[{"tag": "1.2.4", "created": "2026-01-02T03:04:05Z", "platforms": ["linux/amd64"]}]`
    #[arg(long, value_name = "FILE")]
    pub available: PathBuf,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write a first pintle.toml with what a scan finds: stacks, var-files, environments
    Init {
        /// Replace a pintle.toml that exists already
        #[arg(long)]
        force: bool,
        /// Print it instead
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the JSON schema of pintle.toml
    Schema,
    /// Report errors in pintle.toml, and its entries that match nothing in the repo
    Check {
        /// The file, or a checkout of the repo. A pintle.toml beside Terraform is checked against
        /// the whole folder
        #[arg(default_value = "pintle.toml")]
        path: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum NoticeCommand {
    /// Send a test message to each receiver, or to those that are named
    Test(NoticeTestArgs),
}

#[derive(Debug, Args)]
pub struct NoticeTestArgs {
    /// The name of a receiver [default: all]
    pub name: Vec<String>,
    /// The pintle.toml that names the receivers
    #[arg(
        long,
        value_name = "FILE",
        default_value = "pintle.toml",
        env = "PINTLE_CONFIG",
        hide_env_values = true
    )]
    pub config: PathBuf,
    #[command(flatten)]
    pub notices: NoticeArgs,
    /// Certificates (PEM) to trust besides the system's
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_CA_FILE",
        hide_env_values = true
    )]
    pub ca_file: Option<PathBuf>,
    /// Allow messages over plain http:// to another machine
    #[arg(long)]
    pub insecure_http: bool,
}

#[derive(Debug, Args)]
pub struct SetupArgs {
    #[command(subcommand)]
    pub what: SetupCommand,
}

#[derive(Debug, Subcommand)]
pub enum SetupCommand {
    /// Check version, token, rights and branch protection of a repo in Forgejo or Gitea; create
    /// labels and the webhook
    Forgejo(SetupForgejoArgs),
    /// Show what to enter at a registry or in Diun, so that a push starts a pass at once
    RegistryHook(SetupRegistryHookArgs),
}

#[derive(Debug, Args)]
pub struct SetupRegistryHookArgs {
    /// Who sends the webhook: distribution, dockerhub, harbor, quay, ghcr or diun
    pub kind: String,
    /// Where `pintle run` listens, as the sender reaches it: https://pintle.example.org
    #[arg(long, value_name = "URL")]
    pub base_url: String,
    /// A file with the token of registries' webhooks (or the token itself in
    /// PINTLE_REGISTRY_HOOK_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_REGISTRY_HOOK_TOKEN_FILE",
        hide_env_values = true
    )]
    pub registry_hook_token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SetupForgejoArgs {
    #[command(flatten)]
    pub clone: CloneArgs,
    /// Where `pintle run` receives webhooks: https://pintle.example.org/hooks/forgejo; without it
    /// no webhook is created
    #[arg(long, value_name = "URL")]
    pub hook_url: Option<String>,
    /// A file with the secret that webhooks are signed with (or the secret itself in
    /// PINTLE_WEBHOOK_SECRET)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_WEBHOOK_SECRET_FILE",
        hide_env_values = true
    )]
    pub webhook_secret_file: Option<PathBuf>,
    /// Replace a webhook that exists already, with this secret
    #[arg(long, requires = "hook_url")]
    pub replace_hook: bool,
    /// Only check, and show what would be created
    #[arg(long)]
    pub dry_run: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(subcommand)]
    pub what: Option<DemoCommand>,
    /// Make the demo's folder here instead of in the system's temporary folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

#[cfg(feature = "demo")]
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Start the registry, the cache and the cluster of an earlier demo again, until interrupted
    Serve {
        /// The folder the demo left
        dir: PathBuf,
    },
    /// Push a new image under a tag of an earlier demo's registry, while it is not served
    Push {
        /// The folder the demo left
        dir: PathBuf,
        /// The tag to push, perhaps a new one: ghcr.io/immich-app/immich-server:release
        image: String,
    },
}
