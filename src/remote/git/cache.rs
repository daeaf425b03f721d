//! The folder of one clone below the cache folder: claimed by a lock that ends with the process,
//! filled beside its place and renamed, so that a kill at any point leaves nothing half. Knows
//! files, not git's protocol.

use super::address::Remote;
use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A file in a clone that says: make it anew.
const CONDEMNED: &str = "pintle-broken";
/// More packs than this slow reading down; a new clone has one. Each fetch that brings something
/// adds one.
const MOST_PACKS: usize = 100;

/// How often it is looked whether the lock is free.
const GLANCE: Duration = Duration::from_millis(100);

/// One clone's folder, claimed.
pub(super) struct Place {
    folder: PathBuf,
    /// Held, not read: the lock ends when it is closed.
    _lock: File,
}

impl Place {
    /// Waits until no other process uses the folder, at most `wait`; removes what a killed one left
    /// beside it.
    pub(super) fn claim(cache: &Path, remote: &Remote, wait: Duration) -> Result<Self> {
        fs::create_dir_all(cache).map_err(|why| unusable(cache, why))?;
        let folder = cache.join(remote.folder());
        let path = folder.with_extension("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|why| unusable(&path, why))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tracing::warn!(%remote, folder = %folder.display(), limit_seconds = wait.as_secs(), "another process uses the same clone: waiting for it");
                if !locked_within(&lock, wait).map_err(|why| unusable(&path, why))? {
                    return Err(in_use(&folder, wait));
                }
            }
            Err(TryLockError::Error(why)) => return Err(unusable(&path, why)),
        }
        let place = Self {
            folder,
            _lock: lock,
        };
        place.sweep().map_err(|why| unusable(cache, why))?;
        Ok(place)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Says whether there is a clone that nothing speaks against: not condemned, no lock files of a
    /// killed process, not too many packs.
    pub(super) fn usable(&self) -> bool {
        let head = fs::read_to_string(self.folder.join("HEAD")).unwrap_or_default();
        if !head.starts_with("ref: refs/") || self.folder.join(CONDEMNED).exists() {
            return false;
        }
        let packs = fs::read_dir(self.folder.join("objects/pack")).map_or(0, |all| {
            all.flatten().filter(|one| is_pack(&one.path())).count()
        });
        let locked = has_lock_files(&self.folder).unwrap_or(true);
        if locked {
            tracing::info!(folder = %self.folder.display(), "another process was killed while it wrote here; the clone is made anew");
        }
        !locked && packs <= MOST_PACKS
    }

    /// Lets the next opening make the clone anew.
    pub(super) fn condemn(&self) {
        if let Err(why) = File::create(self.folder.join(CONDEMNED)) {
            tracing::warn!(folder = %self.folder.display(), %why, "cannot mark the clone as broken");
        }
    }

    /// Lets `make` fill a new folder, and puts it in place of the old one. Returns the folder and
    /// what `make` returned.
    pub(super) fn fill<T>(&self, make: impl FnOnce(&Path) -> Result<T>) -> Result<(PathBuf, T)> {
        let temp = self.beside("new");
        fs::create_dir(&temp).map_err(|why| unusable(&temp, why))?;
        let made = make(&temp).inspect_err(|_| discard(&temp))?;
        if self.folder.exists() {
            let old = self.beside("old");
            fs::rename(&self.folder, &old).map_err(|why| unusable(&self.folder, why))?;
            discard(&old);
        }
        fs::rename(&temp, &self.folder).map_err(|why| unusable(&self.folder, why))?;
        Ok((self.folder.clone(), made))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{suffix}-{:08x}", fastrand::u32(..)));
        self.folder.with_file_name(name)
    }

    /// Removes folders that a killed process left beside; nobody else can be using them.
    fn sweep(&self) -> io::Result<()> {
        let name = self
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let cache = self.folder.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(cache)?.flatten() {
            let other = entry.file_name().to_string_lossy().into_owned();
            let rest = other.strip_prefix(&name).unwrap_or_default();
            if rest.starts_with(".new-") || rest.starts_with(".old-") {
                discard(&entry.path());
            }
        }
        Ok(())
    }
}

/// Tries to take the lock until `wait` is over.
fn locked_within(lock: &File, wait: Duration) -> io::Result<bool> {
    let end = Instant::now() + wait;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(GLANCE.min(wait)),
            Err(TryLockError::Error(why)) => return Err(why),
        }
    }
}

fn in_use(folder: &Path, wait: Duration) -> Error {
    Error::outside(format!(
        "another process has used the clone {} for {} s",
        folder.display(),
        wait.as_secs_f32()
    ))
    .hint("is another pintle running? give this one its own folder with --cache-dir")
}

fn is_pack(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("pack"))
}

/// Looks for `*.lock` outside the object store, where git keeps none.
fn has_lock_files(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension() == Some(OsStr::new("lock")) {
            return Ok(true);
        }
        if entry.file_type()?.is_dir() && entry.file_name() != "objects" && has_lock_files(&path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What cannot be removed is left over, and harmless: the next claim tries again.
fn discard(folder: &Path) {
    if let Err(why) = fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), %why, "cannot remove what is left of a clone");
    }
}

fn unusable(path: &Path, why: io::Error) -> Error {
    Error::failed(format!("cannot use {} for the clone", path.display()))
        .because(why)
        .hint("choose a cache folder that can be written")
}
