//! The one TLS implementation of the process: rustls with ring. Never OpenSSL, never a second provider.

/// Makes ring the process-wide provider; every place that builds a client calls it, only the first call does something.
pub fn install() {
    // It fails when a provider is already there, and then there is nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
