//! The certificates and keys of a control plane, made anew for each. Never reads one of the
//! machine's.

use std::fs::write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The names that the API server goes by; its clients here use the first.
const NAMES: [&str; 5] = [
    "127.0.0.1",
    "10.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default.svc",
];

/// Writes `ca.crt`, `apiserver.crt`, `apiserver.key`, `sa.key` and `sa.pub` into a folder. Returns
/// the authority as PEM.
pub fn write_to(folder: &Path) -> String {
    let key = || KeyPair::generate().expect("ring makes keys");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
        .distinguished_name
        .push(DnType::CommonName, "kube-test-ca");
    let authority_key = key();
    let ca = authority
        .self_signed(&authority_key)
        .expect("it signs itself")
        .pem();
    let issuer = Issuer::from_params(&authority, authority_key);

    let mut of_server =
        CertificateParams::new(NAMES.map(str::to_owned)).expect("names and addresses");
    of_server
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    of_server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (server_key, accounts) = (key(), key());
    let certificate = of_server
        .signed_by(&server_key, &issuer)
        .expect("the authority signs");
    for (name, text) in [
        ("ca.crt", ca.clone()),
        ("apiserver.crt", certificate.pem()),
        ("apiserver.key", server_key.serialize_pem()),
        ("sa.key", accounts.serialize_pem()),
        ("sa.pub", accounts.public_key_pem()),
    ] {
        write(folder.join(name), text).expect("its own folder");
    }
    ca
}

/// As a kubeconfig wants its certificates.
pub fn base64(text: &str) -> String {
    STANDARD.encode(text)
}
