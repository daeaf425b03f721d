//! What the integration tests share: the program in a clean environment, git remotes, real
//! registries, a real forge, the oracle. Nothing here decides whether a test passes.

pub mod alertmanager;
pub mod cmd;
#[allow(dead_code, reason = "the tests of the forge use it")]
pub mod forge_line;
pub mod forge_proxy;
pub mod forge_repo;
pub mod daemon;
#[allow(dead_code, reason = "the benches use the rest")]
pub mod generate;
pub mod git;
pub mod git_host;
pub mod gitea;
pub mod guard;
pub mod http;
pub mod images;
pub mod incoming;
pub mod kube;
pub mod line;
pub mod nginx;
pub mod receiver;
pub mod registry;
pub mod secrets;
pub mod tofu;
pub mod tcp_proxy;
pub mod token_server;
