//! A person's own folder beside a copy of `deploy`, for kustomize, which reads nothing above it.

use std::fs::{copy as copy_file, create_dir_all, read_dir, write};
use std::path::Path;

use tempfile::TempDir;

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

/// A folder with this `kustomization.yaml` and the copy `pintle/deploy`.
pub fn copy(kustomization: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy_folder(Path::new(DEPLOY), &folder.path().join("pintle/deploy"));
    write(folder.path().join("kustomization.yaml"), kustomization).expect("its own folder");
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    create_dir_all(to).expect("its own folder");
    for entry in read_dir(from).expect("a folder of the repo") {
        let path = entry.expect("a folder of the repo").path();
        let to = to.join(path.file_name().expect("it has a name"));
        match path.is_dir() {
            true => copy_folder(&path, &to),
            false => drop(copy_file(&path, &to).expect("a file of the repo")),
        }
    }
}
