//! What the integration tests share: the program in a clean environment, git remotes, real registries, a real forge, the oracle.
//! Nothing here decides whether a test passes.

pub mod cmd;
pub mod forge_proxy;
pub mod forge_repo;
#[allow(dead_code, reason = "the benches use the rest")]
pub mod generate;
pub mod git;
pub mod git_host;
pub mod gitea;
pub mod guard;
pub mod http;
pub mod images;
pub mod incoming;
pub mod line;
pub mod nginx;
pub mod registry;
pub mod tofu;
pub mod token_server;
