//! Every site of the hand-made repo: held, seen by the plan, let go, byte for byte as before.

use super::*;
use crate::observe::checkout::read_folder;
use std::collections::BTreeSet;
use std::path::Path;

fn testdata() -> Snapshot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata-repo");
    looked_at(read_folder(&root).expect("testdata-repo").files)
}

const ODD: &str = "waits; \"for\" it's # new \\ chart */ ${x}";

fn same_bytes(before: &Snapshot, after: &Snapshot) {
    for (path, entry) in after.files.iter() {
        assert!(
            before.files.get(path).is_none_or(|was| was == entry),
            "{path} is not as before"
        );
    }
    assert!(before.files.get(&config::path()).is_some() || text(after, "pintle.toml").is_empty());
}

#[test]
fn all_sites_at_once_are_held_each_by_its_own_hold_and_let_go_without_a_trace() {
    let snapshot = testdata();
    let free: Vec<_> = snapshot
        .scan
        .sites()
        .filter(|(_, site)| holds(&snapshot, &site.id.0).is_empty())
        .collect();
    assert!(free.len() > 140, "{}", free.len());
    let mut draft = Draft::new(&snapshot);
    let own = |site: &Site| {
        hold(
            "2026-12-01T08:30:00Z",
            "ana (7)",
            &format!("{ODD} {}", site.id),
        )
    };
    for (literal, site) in &free {
        draft
            .put(literal, site, &own(site))
            .unwrap_or_else(|why| panic!("{}: {why}", site.id));
    }
    let edits = draft.edits();
    let entries = edits
        .iter()
        .filter(|edit| edit.file == config::path())
        .flat_map(|edit| edit.put.split(|b| *b == b'\n'));
    assert_eq!(
        entries.filter(|line| line.starts_with(b"[[hold]]")).count(),
        10
    );
    let claims = |of: fn(&Site) -> Claim| free.iter().map(|(_, site)| of(site)).collect::<Vec<_>>();
    prove_changes(&snapshot, &[change(edits.clone(), claims(is_held))]).unwrap();
    let held = looked_at(edit_files(&snapshot.files, &edits).unwrap());
    for (_, site) in &free {
        assert_eq!(holds(&held, &site.id.0), [own(site)], "{}", site.id);
    }
    let sites: Vec<_> = free.iter().map(|(_, one)| site(&held, &one.id.0)).collect();
    let mut draft = Draft::new(&held);
    draft.lift(&sites, Which::Standing).unwrap();
    let edits = draft.edits();
    prove_changes(&held, &[change(edits.clone(), claims(is_released))]).unwrap();
    same_bytes(
        &snapshot,
        &looked_at(edit_files(&held.files, &edits).unwrap()),
    );
}

#[test]
fn one_site_of_each_shape_is_held_alone_and_let_go_without_a_trace() {
    let snapshot = testdata();
    let mut shapes = BTreeSet::new();
    for (literal, site) in snapshot.scan.sites() {
        let kind = literal.file.name().rsplit('.').next().unwrap_or_default();
        let stands = holds(&snapshot, &site.id.0).is_empty();
        if !stands
            || !shapes.insert((
                kind,
                site.pin.form,
                site.pin.prefix.as_str(),
                site.image.digest.is_some(),
            ))
        {
            continue;
        }
        let hold = hold("2026-12-01T00:00:00Z", "", ODD);
        let edits = put(&snapshot, literal, site, &hold).unwrap();
        let held = after(&snapshot, &edits, is_held(site))
            .unwrap_or_else(|why| panic!("{why}\n{edits:?}"));
        assert_eq!(holds(&held, &site.id.0), [hold]);
        let (literal, site) = self::site(&held, &site.id.0);
        let edits = lift(&held, literal, site, Which::Standing).unwrap();
        let free = after(&held, &edits, is_released(site))
            .unwrap_or_else(|why| panic!("{why}\n{edits:?}"));
        same_bytes(&snapshot, &free);
    }
    assert!(shapes.len() > 8, "{shapes:?}");
}
