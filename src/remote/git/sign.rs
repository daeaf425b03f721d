//! Signs commits with an SSH key, as `git commit -S` does with `gpg.format = ssh`. Shows no key, and
//! makes the same signature for the same commit, so that a commit that is made again has the same
//! id.

use crate::error::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};
use std::fmt;

/// What git signs as (`ssh-keygen -Y sign -n git`).
const NAMESPACE: &str = "git";

/// A key that signs commits.
pub struct CommitSigner(PrivateKey);

impl CommitSigner {
    /// Reads a private key in OpenSSH's format. Refuses one with a passphrase, and any but Ed25519:
    /// other signatures are another one each time. No error shows the text.
    pub fn parse(text: &SecretString) -> Result<Self> {
        let hint = "make one for pintle: ssh-keygen -t ed25519 -N '' -f signing-key";
        let key = PrivateKey::from_openssh(text.expose_secret().trim()).map_err(|_| {
            Error::usage("the signing key cannot be read")
                .cause("it is no Ed25519 key in OpenSSH's format")
                .hint(hint)
        })?;
        if key.is_encrypted() {
            return Err(Error::usage("the signing key has a passphrase").hint(hint));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            let algorithm = key.algorithm();
            return Err(
                Error::usage(format!("the signing key is {algorithm}, not ssh-ed25519")).hint(hint),
            );
        }
        Ok(Self(key))
    }

    /// Returns the signature of a commit's text, for its header `gpgsig`.
    pub(super) fn sign(&self, commit: &[u8]) -> std::result::Result<String, String> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, commit);
        let text = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
        text.map_err(|error| error.to_string())
    }
}

impl fmt::Debug for CommitSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitSigner({})", self.0.fingerprint(HashAlg::Sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn key(kind: &str, passphrase: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", passphrase, "-C", "pintle", "-f"])
            .arg(&file)
            .status();
        assert!(made.unwrap().success());
        std::fs::read_to_string(file).unwrap()
    }

    #[test]
    fn the_same_commit_has_the_same_signature() {
        let signer = CommitSigner::parse(&key("ed25519", "").into()).unwrap();
        let first = signer.sign(b"tree 1\n").unwrap();
        assert!(
            first.starts_with("-----BEGIN SSH SIGNATURE-----\n"),
            "{first}"
        );
        assert_eq!(signer.sign(b"tree 1\n").unwrap(), first);
        assert_ne!(signer.sign(b"tree 2\n").unwrap(), first);
    }

    #[test]
    fn a_key_that_cannot_sign_so_is_refused_and_not_shown() {
        let (rsa, ecdsa) = (key("rsa", ""), key("ecdsa", ""));
        let locked = key("ed25519", "a passphrase");
        for (text, why) in [
            (&*rsa, "not ssh-ed25519"),
            (&ecdsa, "cannot be read"),
            (&locked, "passphrase"),
            ("s3cret", "cannot be read"),
        ] {
            let error = CommitSigner::parse(&text.into()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(why), "{shown}");
            let line = text.lines().nth(1).unwrap_or(text);
            assert!(!shown.contains(line), "{shown}");
        }
    }
}
