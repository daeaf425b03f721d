//! Reads the files of the repo: of a commit in the clone, or of a folder as it is. Follows no
//! symbolic link out of it and writes nothing.

mod links;

use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::remote::git::{self, Clone, Kind};
use crate::terraform::files::{Entry, Files, RepoPath};
use links::Links;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// Extensions of text files that the scan may need, and that may be large.
const EXTENSIONS: &[&str] = &[
    "tf", "tofu", "tfvars", "hcl", "json", "yaml", "yml", "tpl", "tmpl", "tftpl", "toml", "txt",
    "md", "conf", "sh", "env",
];
const MOST: u64 = 8 << 20;
/// For files without extension, which may be anything.
const MOST_UNNAMED: u64 = 64 << 10;
/// For files of any other kind, of which `file` reads those that are text.
const MOST_OTHER: u64 = 256 << 10;
/// Extensions of files that are no text.
const NO_TEXTS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "ico", "pdf", "zip", "gz", "tgz", "xz", "bz2", "zst",
    "tar", "jar", "woff", "woff2", "ttf", "eot", "otf", "mp3", "mp4", "webm", "mov", "exe", "dll",
    "so", "bin", "iso", "img", "qcow2", "db", "sqlite", "p12", "pfx", "jks", "gpg", "class", "pyc",
];
/// Folders that tools create in a checkout.
const SKIPPED: &[&str] = &[
    ".git",
    ".terraform",
    ".terragrunt-cache",
    "target",
    "node_modules",
];

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
    let mut links = Links::default();
    for item in clone.tree(commit)? {
        let Some(path) = item.path.as_deref().and_then(RepoPath::new) else {
            continue;
        };
        let entry = match item.kind {
            Kind::Link => {
                let target = String::from_utf8_lossy(&clone.bytes(&item)?).into_owned();
                links.insert(path, target);
                continue;
            }
            Kind::Submodule => Entry::NotRead("a submodule".into()),
            Kind::File | Kind::Executable => match size_limit(path.name()) {
                None => Entry::NotRead(NO_TEXT.into()),
                Some(most) => match clone.size(&item)? {
                    size if size > most => too_large(path.name(), size),
                    _ => text_entry(&path, clone.bytes(&item)?),
                },
            },
        };
        files.insert(path, entry);
    }
    links.resolve(&mut files);
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
    let mut links = Links::default();
    found.read_entries(&RepoPath::default(), listed, &mut links);
    links.resolve(&mut found.files);
    found.problems.sort();
    Ok(found)
}

impl FolderContents {
    fn read_entries(&mut self, at: &RepoPath, listed: fs::ReadDir, links: &mut Links) {
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
                Ok(kind) if kind.is_dir() => self.read_subfolder(&path, &entry, links),
                Ok(kind) if kind.is_symlink() => match fs::read_link(entry.path()) {
                    Ok(target) => links.insert(path, target.to_string_lossy().into_owned()),
                    Err(why) => self.note_unread(path, &why),
                },
                Ok(kind) if kind.is_file() => self.read_file(path, &entry),
                Ok(_) => self.files.insert(path, Entry::NotRead("not a file".into())),
                Err(why) => self.note_problem(path, &why),
            }
        }
    }

    fn read_subfolder(&mut self, path: &RepoPath, entry: &fs::DirEntry, links: &mut Links) {
        if SKIPPED.contains(&path.name()) {
            return;
        }
        match fs::read_dir(entry.path()) {
            Ok(listed) => self.read_entries(path, listed, links),
            Err(why) => self
                .problems
                .push((path.clone(), format!("the folder cannot be read: {why}"))),
        }
    }

    fn read_file(&mut self, path: RepoPath, entry: &fs::DirEntry) {
        let Some(most) = size_limit(path.name()) else {
            self.files.insert(path, Entry::NotRead(NO_TEXT.into()));
            return;
        };
        match entry.metadata().map(|data| data.len()) {
            Ok(size) if size > most => {
                let entry = too_large(path.name(), size);
                self.files.insert(path, entry);
            }
            Ok(_) => match fs::read(entry.path()) {
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
        self.files
            .insert(path.clone(), Entry::NotRead(UNREADABLE.into()));
        self.note_problem(path, why);
    }

    fn note_problem(&mut self, path: RepoPath, why: &std::io::Error) {
        self.problems.push((path, format!("cannot be read: {why}")));
    }
}

/// Returns up to how many bytes a file of that name is read; `None` if it is not read at all.
fn size_limit(name: &str) -> Option<u64> {
    let extension = Path::new(name.trim_start_matches('.'))
        .extension()
        .and_then(OsStr::to_str)
        .map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some(extension) if EXTENSIONS.contains(&extension) => Some(MOST),
        Some(extension) => (!NO_TEXTS.contains(&extension)).then_some(MOST_OTHER),
        None if name == ".env" => Some(MOST),
        None => Some(MOST_UNNAMED),
    }
}

/// A file that is larger than what is read of its kind. Of those that may be anything only text is
/// worth a word about its size.
fn too_large(name: &str, size: u64) -> Entry {
    if size_limit(name) != Some(MOST) {
        return Entry::NotRead(NO_TEXT.into());
    }
    let mebibytes = size as f64 / f64::from(1 << 20);
    Entry::NotRead(
        format!(
            "{mebibytes:.1} MiB, and at most {} MiB are read",
            MOST >> 20
        )
        .into(),
    )
}

/// A file whose name does not say that it is text is one if it is UTF-8 without NUL.
fn text_entry(path: &RepoPath, bytes: Vec<u8>) -> Entry {
    let is_named = size_limit(path.name()) == Some(MOST);
    if !is_named && (bytes.contains(&0) || str::from_utf8(&bytes).is_err()) {
        return Entry::NotRead(NO_TEXT.into());
    }
    Entry::Text(bytes.into())
}

#[cfg(test)]
mod tests;
