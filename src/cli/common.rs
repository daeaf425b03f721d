//! What several commands have in common: where the repo, the registries, the cluster and its alerts
//! are, and how the output looks.

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A checkout as it is on disk, or a remote.
#[derive(Debug, Args)]
pub struct RepoArgs {
    /// The top of a checkout, read as it is on disk and never changed [default: the repo that the
    /// current folder is in]
    #[arg(
        long = "repo",
        value_name = "DIR",
        conflicts_with = "remote",
        help_heading = "Repo"
    )]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub clone: CloneArgs,
}

/// What of the repo a command is about.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// A stack, workload, image, file, Terraform address, site id or alias, or a folder on disk
    /// [default: everything, or the folder of the repo that pintle is started in]
    #[arg(value_name = "TARGET")]
    pub named: Vec<String>,
    /// The same as an option (repeatable)
    #[arg(long, value_name = "TARGET")]
    pub target: Vec<String>,
}

impl TargetArgs {
    /// Returns all that is named.
    pub fn all(&self) -> Vec<&str> {
        let all = self.named.iter().chain(&self.target);
        all.map(String::as_str).collect()
    }
}

/// A remote only.
#[derive(Debug, Args)]
pub struct RemoteArgs {
    #[command(flatten)]
    pub clone: CloneArgs,
}

#[derive(Debug, Default, Args)]
pub struct CloneArgs {
    /// The git remote: path, file://, https://, http://, ssh:// or user@host:path [env:
    /// PINTLE_REMOTE, where no folder is named]
    #[arg(long, value_name = "URL", help_heading = "Repo")]
    pub remote: Option<String>,
    /// The repo's page in Forgejo or Gitea, for pull requests and comments:
    /// https://forge.example.org/ops/infra; the remote too, where none is named [env: PINTLE_FORGE,
    /// where no folder is named]
    #[arg(long, value_name = "URL", help_heading = "Repo")]
    pub forge: Option<String>,
    /// The branch to read and to push to [default: the remote's default branch]
    #[arg(
        long,
        env = "PINTLE_BRANCH",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub branch: Option<String>,
    /// Where clones are kept; may be deleted at any time [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "PINTLE_CACHE_DIR",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub cache_dir: Option<PathBuf>,
    /// A file with the token for an http(s) remote and the forge (or the token itself in
    /// PINTLE_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub token_file: Option<PathBuf>,
    /// A file with the token for an http(s) remote on another host than the forge, which gets none
    /// of the forge's (or the token itself in PINTLE_REMOTE_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_REMOTE_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub remote_token_file: Option<PathBuf>,
    /// Allow tokens over plain http:// to another machine, or to an API server whose certificate is
    /// not verified
    #[arg(
        long,
        env = "PINTLE_INSECURE_HTTP",
        hide_env_values = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new(),
        help_heading = "Repo"
    )]
    pub insecure_http: bool,
    /// Certificates (PEM) to trust besides the system's, for the remote and the registries
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_CA_FILE",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub ca_file: Option<PathBuf>,
    /// The configuration to use [default: pintle.toml at the top of the repo, if there is one]
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_CONFIG",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Default, Args)]
pub struct RegistryArgs {
    /// A docker config.json with credentials for registries, read again when it changes
    /// (repeatable; with a comma between in the environment)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_DOCKER_CONFIG",
        hide_env_values = true,
        value_delimiter = ',',
        // Takes a variable that is set to nothing too; it names none.
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        value_hint = clap::ValueHint::AnyPath,
        help_heading = "Registries"
    )]
    pub docker_config: Vec<PathBuf>,
    /// Run the credential helpers that a docker config names (credHelpers, credsStore)
    #[arg(
        long,
        env = "PINTLE_CREDENTIAL_HELPERS",
        hide_env_values = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new(),
        help_heading = "Registries"
    )]
    pub credential_helpers: bool,
    /// Ask a registry at another address: docker.io=https://registry.example.org/hub (repeatable)
    #[arg(
        long,
        value_name = "HOST=URL",
        env = "PINTLE_REGISTRY",
        hide_env_values = true,
        value_delimiter = ',',
        help_heading = "Registries"
    )]
    pub registry: Vec<String>,
    /// The pull-through cache of a registry: docker.io=http://cache.example.org:5000 (repeatable)
    #[arg(
        long,
        value_name = "HOST=URL",
        env = "PINTLE_CACHE",
        hide_env_values = true,
        value_delimiter = ',',
        help_heading = "Registries"
    )]
    pub cache: Vec<String>,
    /// Where GitHub is asked what changed in an image: https://github.example.org/api/v3 for an
    /// Enterprise; off for nowhere
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://api.github.com",
        env = "PINTLE_GITHUB_API",
        hide_env_values = true,
        help_heading = "Registries"
    )]
    pub github_api: String,
    /// A file with a token for GitHub, which answers few questions without one (or the token itself
    /// in PINTLE_GITHUB_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_GITHUB_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Registries"
    )]
    pub github_token_file: Option<PathBuf>,
    /// Seconds one request to a registry may take
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 20,
        env = "PINTLE_REGISTRY_TIMEOUT",
        hide_env_values = true,
        help_heading = "Registries"
    )]
    pub registry_timeout: u64,
}

#[derive(Debug, Default, Args)]
pub struct ClusterArgs {
    /// Read what runs in the cluster of this kubeconfig, and never change it; without it, and
    /// without --in-cluster, no cluster is asked
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_KUBECONFIG",
        hide_env_values = true,
        // Takes a variable that is set to nothing too; it names none.
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        value_hint = clap::ValueHint::AnyPath,
        help_heading = "Cluster"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(
        long,
        value_name = "NAME",
        env = "PINTLE_KUBE_CONTEXT",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub kube_context: Option<String>,
    /// Read the cluster that pintle runs in, as the service account of its pod
    #[arg(
        long,
        env = "PINTLE_IN_CLUSTER",
        hide_env_values = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new(),
        help_heading = "Cluster"
    )]
    pub in_cluster: bool,
    #[command(flatten)]
    pub alerts: AlertArgs,
}

#[derive(Debug, Default, Args)]
pub struct AlertArgs {
    /// The Alertmanager whose alerts may ask for a rollback: https://alertmanager.example.org
    #[arg(
        long,
        value_name = "URL",
        env = "PINTLE_ALERTMANAGER",
        hide_env_values = true,
        help_heading = "Alerts"
    )]
    pub alertmanager: Option<String>,
    /// A file with a bearer token for Alertmanager, if it needs one (or the token itself in
    /// PINTLE_ALERTMANAGER_TOKEN)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_ALERTMANAGER_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Alerts"
    )]
    pub alertmanager_token_file: Option<PathBuf>,
}

#[derive(Debug, Default, Args)]
pub struct SigningArgs {
    /// A file with the SSH key (Ed25519, without a passphrase) that commits are signed with (or the
    /// key itself in PINTLE_SIGNING_KEY)
    #[arg(
        long,
        value_name = "FILE",
        env = "PINTLE_SIGNING_KEY_FILE",
        hide_env_values = true,
        help_heading = "Repo"
    )]
    pub signing_key_file: Option<PathBuf>,
}

#[derive(Debug, Default, Args)]
pub struct NoticeArgs {
    /// A folder with the addresses of the receivers that [[notice]] in pintle.toml names: NAME.url,
    /// and NAME.token or NAME.secret if needed (or PINTLE_NOTICE_<NAME>_URL and so on)
    #[arg(
        long,
        value_name = "DIR",
        env = "PINTLE_NOTICE_DIR",
        hide_env_values = true,
        help_heading = "Notices"
    )]
    pub notice_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PassArgs {
    /// How long one pass may take before it is given up; a write in progress is finished first
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10m",
        env = "PINTLE_PASS_TIMEOUT",
        hide_env_values = true,
        help_heading = "Pass"
    )]
    pub pass_timeout: String,
}

#[derive(Debug, Args)]
pub struct OutputArgs {
    /// What to print
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Table)]
    pub output: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Table,
    Json,
}
