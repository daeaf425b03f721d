//! The one cryptography that every TLS connection uses. Never decides whom to trust.

/// Makes ring the process's default, once; a second call changes nothing.
pub fn install() {
    // The error means that a default is there already.
    let _already = rustls::crypto::ring::default_provider().install_default();
}
