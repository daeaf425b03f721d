//! `run` in front of a real forge: its webhooks, its absence, several replicas, the end in the middle of a write.
