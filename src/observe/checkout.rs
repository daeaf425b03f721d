//! Reads the files of the repo: of a commit in the clone, or of a folder as it is. Follows no
//! symbolic link and writes nothing.

use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::remote::git::{self, Clone, Kind};
use crate::terraform::files::{Entry, Files, RepoPath};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// Extensions of text files that the scan may need.
const EXTENSIONS: &[&str] = &[
    "tf", "tfvars", "hcl", "json", "yaml", "yml", "tpl", "tmpl", "tftpl", "toml", "txt", "md",
    "conf", "sh", "env",
];
const MOST: u64 = 1 << 20;
/// For files without extension, which may be anything.
const MOST_UNNAMED: u64 = 64 << 10;
/// Folders that tools create in a checkout.
const SKIPPED: &[&str] = &[
    ".git",
    ".terraform",
    ".terragrunt-cache",
    "target",
    "node_modules",
];

const LINK: &str = "a symbolic link";
const TOO_LARGE: &str = "too large";
const NO_TEXT: &str = "not a kind of text that is scanned";
const UNREADABLE: &str = "cannot be read";

/// A folder's files, and what could not be read of them.
#[derive(Debug)]
pub struct FolderContents {
    pub files: Files,
    /// The commit that HEAD names, when the folder is in a git work tree.
    pub head: Option<CommitId>,
    /// Sentences for people.
    pub problems: Vec<(RepoPath, String)>,
}

/// Reads the tree of a commit.
pub fn read_commit(clone: &Clone, commit: &CommitId) -> Result<Files> {
    let mut files = Files::default();
    for item in clone.tree(commit)? {
        let Some(path) = item.path.as_deref().and_then(RepoPath::new) else {
            continue;
        };
        let entry = match item.kind {
            Kind::Link => Entry::NotRead(LINK),
            Kind::Submodule => Entry::NotRead("a submodule"),
            Kind::File | Kind::Executable => match size_limit(path.name()) {
                None => Entry::NotRead(NO_TEXT),
                Some(most) if clone.size(&item)? > most => Entry::NotRead(TOO_LARGE),
                Some(_) => text_entry(&path, clone.bytes(&item)?),
            },
        };
        files.insert(path, entry);
    }
    Ok(files)
}

/// Reads a folder as it is, committed or not.
pub fn read_folder(path: &Path) -> Result<FolderContents> {
    let unreadable = |why| {
        Error::failed(format!("cannot read the folder {}", path.display()))
            .because(why)
            .hint("is it a checkout?")
    };
    let listed = fs::read_dir(path).map_err(unreadable)?;
    let mut found = FolderContents {
        files: Files::default(),
        head: git::head_of(path),
        problems: Vec::new(),
    };
    found.read_entries(&RepoPath::default(), listed);
    found.problems.sort();
    Ok(found)
}

impl FolderContents {
    fn read_entries(&mut self, at: &RepoPath, listed: fs::ReadDir) {
        for entry in listed {
            let entry = match entry {
                Ok(entry) => entry,
                Err(why) => {
                    self.note_problem(at.clone(), &why);
                    continue;
                }
            };
            let name = entry.file_name();
            let Some(path) = name.to_str().and_then(|name| at.join(name)) else {
                self.problems.push((
                    at.clone(),
                    format!("a name in it is not UTF-8: {}", name.to_string_lossy()),
                ));
                continue;
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.read_subfolder(&path, &entry),
                Ok(kind) if kind.is_symlink() => self.files.insert(path, Entry::NotRead(LINK)),
                Ok(kind) if kind.is_file() => self.read_file(path, &entry),
                Ok(_) => self.files.insert(path, Entry::NotRead("not a file")),
                Err(why) => self.note_problem(path, &why),
            }
        }
    }

    fn read_subfolder(&mut self, path: &RepoPath, entry: &fs::DirEntry) {
        if SKIPPED.contains(&path.name()) {
            return;
        }
        match fs::read_dir(entry.path()) {
            Ok(listed) => self.read_entries(path, listed),
            Err(why) => self
                .problems
                .push((path.clone(), format!("the folder cannot be read: {why}"))),
        }
    }

    fn read_file(&mut self, path: RepoPath, entry: &fs::DirEntry) {
        let Some(most) = size_limit(path.name()) else {
            self.files.insert(path, Entry::NotRead(NO_TEXT));
            return;
        };
        match entry.metadata().map(|data| data.len() > most) {
            Ok(true) => self.files.insert(path, Entry::NotRead(TOO_LARGE)),
            Ok(false) => match fs::read(entry.path()) {
                Ok(bytes) => {
                    let entry = text_entry(&path, bytes);
                    self.files.insert(path, entry);
                }
                Err(why) => self.note_unread(path, &why),
            },
            Err(why) => self.note_unread(path, &why),
        }
    }

    fn note_unread(&mut self, path: RepoPath, why: &std::io::Error) {
        self.files.insert(path.clone(), Entry::NotRead(UNREADABLE));
        self.note_problem(path, why);
    }

    fn note_problem(&mut self, path: RepoPath, why: &std::io::Error) {
        self.problems.push((path, format!("cannot be read: {why}")));
    }
}

/// Returns up to how many bytes a file of that name is read; `None` if it is not read at all.
fn size_limit(name: &str) -> Option<u64> {
    match Path::new(name.trim_start_matches('.'))
        .extension()
        .and_then(OsStr::to_str)
    {
        Some(extension) => EXTENSIONS
            .contains(&extension.to_ascii_lowercase().as_str())
            .then_some(MOST),
        None if name == ".env" => Some(MOST),
        None => Some(MOST_UNNAMED),
    }
}

/// A file without extension is text if it is UTF-8 without NUL. Other files are what their
/// extension says.
fn text_entry(path: &RepoPath, bytes: Vec<u8>) -> Entry {
    let unnamed = size_limit(path.name()) == Some(MOST_UNNAMED);
    if unnamed && (bytes.contains(&0) || str::from_utf8(&bytes).is_err()) {
        return Entry::NotRead(NO_TEXT);
    }
    Entry::Text(bytes.into())
}

#[cfg(test)]
mod tests;
