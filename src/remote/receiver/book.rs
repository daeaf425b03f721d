//! The addresses of receivers, by name: files of a folder, read each time so that a changed secret
//! counts at once, and variables of the environment, as of the start. Shows no address.

use super::{Address, Client, Options};
use crate::error::{Error, Result};
use crate::model::message::ReceiverKind;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a variable of the environment is named before the receiver's name.
const VARIABLE: &str = "PINTLE_NOTICE_";

/// Where the addresses of receivers are.
#[derive(Clone, Default)]
pub struct AddressBook {
    folder: Option<PathBuf>,
    /// By the name in capitals and the part: `OPS_URL`.
    variables: BTreeMap<String, SecretString>,
    options: Options,
}

impl AddressBook {
    /// `environment` is all of it: only variables `PINTLE_NOTICE_<NAME>_<PART>` are kept.
    pub fn new(
        folder: Option<PathBuf>,
        environment: impl Iterator<Item = (String, String)>,
        options: Options,
    ) -> Self {
        let own = environment.filter_map(|(name, value)| {
            let name = name.strip_prefix(VARIABLE)?;
            let value = value.trim();
            (!value.is_empty()).then(|| (name.to_owned(), value.into()))
        });
        Self {
            folder,
            variables: own.collect(),
            options,
        }
    }

    /// Returns the names of these receivers that have an address.
    pub fn reachable<'a>(&self, names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
        let has = |name: &&str| matches!(self.part(name, "url"), Ok(Some(_)));
        names.filter(has).map(str::to_owned).collect()
    }

    /// Returns a client for a receiver. Fails if it has no address, or one that cannot be used.
    pub fn client(&self, name: &str, kind: ReceiverKind) -> Result<Client> {
        let none = || {
            Error::usage(format!("the receiver {name} has no address")).hint(format!(
                "put it into {name}.url in the folder of --notice-dir, or into {}",
                variable(name, "url")
            ))
        };
        let address = Address {
            url: self.part(name, "url")?.ok_or_else(none)?,
            token: self.part(name, "token")?,
            secret: self.part(name, "secret")?,
        };
        Client::new(name, kind, &address, &self.options)
    }

    /// Returns a part of an address: the file's text, else the variable's.
    fn part(&self, name: &str, part: &str) -> Result<Option<SecretString>> {
        if let Some(folder) = &self.folder {
            let file = folder.join(format!("{name}.{part}"));
            match std::fs::read_to_string(&file) {
                Ok(text) if !text.trim().is_empty() => return Ok(Some(text.trim().into())),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(
                        Error::usage(format!("cannot read {}", file.display())).because(error)
                    );
                }
            }
        }
        let name = variable(name, part);
        Ok(self.variables.get(&name[VARIABLE.len()..]).cloned())
    }
}

/// `PINTLE_NOTICE_OPS_URL`
fn variable(name: &str, part: &str) -> String {
    let word = |text: &str| text.to_uppercase().replace('-', "_");
    format!("{VARIABLE}{}_{}", word(name), word(part))
}
