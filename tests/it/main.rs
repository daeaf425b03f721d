//! The one integration binary: the built program and the library against servers that hold state.
//! `tests/run` builds those servers; a test that misses one fails and says so, it is never skipped.

mod alerts;
mod branches;
mod cli;
mod cluster;
mod comments;
mod cluster_watch;
mod conformance;
mod demo;
mod faults;
mod forge_kills;
mod forge_run;
mod forge_server;
mod forgejo_client;
mod fuzz_smoke;
mod generated;
mod git_remote;
mod kills;
mod kube_conformance;
mod kube_server;
mod quoting;
mod pull_requests;
mod races;
mod registry_conformance;
mod release_notes;
mod rendered;
mod repos;
mod run;
mod scan_testdata;
mod secrets_stay;
mod servers;
mod support;
mod sync;
mod tidy;
mod waits;
