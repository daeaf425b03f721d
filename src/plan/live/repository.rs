//! Whether what a container runs is of the repository that is declared, however it is spelled.
//! Reads the configuration only.

use crate::model::reference::{Reference, Repository};
use crate::pipeline::Snapshot;
use crate::pipeline::cluster::Container;
use crate::sites::Use;

/// Returns the image of another repository that a container has instead of the declared one.
pub(in crate::plan) fn foreign<'a>(
    snapshot: &Snapshot,
    used: &Use,
    container: &'a Container,
) -> Option<&'a str> {
    let declared = used.image.as_deref().and_then(Reference::parse)?;
    (!same(snapshot, &declared, &container.image)).then_some(&*container.image)
}

/// Says whether an image as the cluster has it is of the same repository as the declared one,
/// itself or through one of the configured caches.
pub(in crate::plan) fn same(snapshot: &Snapshot, declared: &Reference, live: &str) -> bool {
    let Some(live) = Reference::parse(live) else {
        return false;
    };
    let own = declared.repository();
    if live.repository() == own {
        return true;
    }
    let Repository {
        registry,
        path: repository,
    } = own;
    let through = snapshot
        .config
        .caches
        .iter()
        .filter(|cache| cache.registry == registry)
        .filter_map(|cache| {
            let host = cache.url.host_str()?;
            let port = cache
                .url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            Some(format!(
                "{host}{port}{}",
                cache.url.path().trim_end_matches('/')
            ))
        });
    let mut names = through.flat_map(|host| {
        let short = repository
            .strip_prefix("library/")
            .map(|short| format!("{host}/{short}"));
        std::iter::once(format!("{host}/{repository}")).chain(short)
    });
    names.any(|name| name == *live.name)
}

/// The image without its digest.
pub(in crate::plan) fn bare(image: &str) -> &str {
    image.split_once('@').map_or(image, |(image, _)| image)
}
