//! `pintle scan`.

use super::ending::{Completion, on_runtime};
use super::explain::named_in_text;
use super::{out, source, table::table};
use crate::cli::{ClusterArgs, OutputFormat, RegistryArgs, ScanArgs};
use crate::error::{Excerpt, Result};
use crate::observe::RepoOrigin;
use crate::reconcile;
use crate::sites::json::{fate_word, to_json};
use crate::sites::{Fate, Literal, Problem, Scan, Unfollowed};
use crate::terraform::files::{Files, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

pub fn run(args: &ScanArgs) -> Result<Completion> {
    let mut session = source::setup(
        args.repo.dir.as_deref(),
        &args.repo.clone,
        &RegistryArgs::default(),
        &ClusterArgs::default(),
    )?;
    session.setup.commits = 0;
    let looked = on_runtime(reconcile::plan_offline(&session))?;
    let mut scan = (*looked.snapshot.scan).clone();
    source::has_terraform(&looked.snapshot.files)?;
    let folder = match (&args.repo.dir, &session.setup.origin) {
        (None, RepoOrigin::Folder(_)) => source::current_repo().1,
        _ => RepoPath::default(),
    };
    restrict(&mut scan, &folder);
    select(&mut scan, &args.target)?;
    if args.sites_only {
        scan.literals
            .retain(|literal| matches!(literal.fate, Fate::Site(_)));
    }
    match args.output.output {
        OutputFormat::Json => out::json(&to_json(&scan))?,
        OutputFormat::Table if args.unfollowed => {
            out::data(&table(
                ["place", "literal", "in"],
                scan.unfollowed.iter().map(|one| {
                    let place = format!("{}:{}", one.file, one.line);
                    [place, one.literal.clone(), one.inside.to_string()]
                }),
            ))?;
            out::say(
                &unfollowed(&scan.unfollowed)
                    .unwrap_or_else(|| "nothing that looks like an image is left over".to_owned()),
            );
        }
        OutputFormat::Table => {
            out::data(&table(
                ["place", "fate", "image", "used by"],
                scan.literals.iter().map(row),
            ))?;
            tell(&scan.problems, &looked.snapshot.files);
            advice(&scan).iter().for_each(|line| out::say(line));
            if let Some(left) = unfollowed(&scan.unfollowed) {
                out::say(&format!("{left}; `pintle scan --unfollowed` lists them"));
            }
            out::say(&summary(&scan.literals));
        }
    }
    Ok(Completion::Ok)
}

/// Leaves what the targets name; all where there are none.
fn select(scan: &mut Scan, targets: &[String]) -> Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let mut wanted: BTreeSet<(RepoPath, usize)> = BTreeSet::new();
    for target in targets {
        let found = named_in_text(scan, target)?;
        wanted.extend(found.iter().map(|one| (one.file.clone(), one.span.start)));
    }
    scan.literals
        .retain(|literal| wanted.contains(&(literal.file.clone(), literal.span.start)));
    let files: BTreeSet<&RepoPath> = wanted.iter().map(|(file, _)| file).collect();
    scan.problems
        .retain(|problem| files.contains(&problem.file));
    scan.unfollowed.retain(|one| files.contains(&one.file));
    scan.unnamed_var_files.clear();
    Ok(())
}

/// Leaves what is about a folder: what is written in it, and what a stack in it uses.
fn restrict(scan: &mut Scan, folder: &RepoPath) {
    if folder.as_str().is_empty() {
        return;
    }
    let is_in = |path: &RepoPath| {
        let rest = path.as_str().strip_prefix(folder.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    scan.literals.retain(|literal| {
        is_in(&literal.file) || literal.uses.iter().any(|used| is_in(&used.root))
    });
    scan.problems.retain(|problem| is_in(&problem.file));
    scan.unfollowed.retain(|one| is_in(&one.file));
    scan.unnamed_var_files.retain(|root, _| is_in(root));
    out::say(&format!(
        "note: this is about {folder} alone; `pintle scan {}` is about the whole repo",
        "../"
            .repeat(folder.as_str().split('/').count())
            .trim_end_matches('/')
    ));
}

fn row(literal: &Literal) -> [String; 4] {
    let (fate, reason) = fate_word(&literal.fate);
    let image = short(literal.reference.as_ref().unwrap_or(&literal.literal));
    let last = match (reason, literal.uses.as_slice()) {
        (Some(reason), _) => reason.to_owned(),
        (None, []) => String::new(),
        (None, [one]) => one.to_string(),
        (None, [one, rest @ ..]) => format!("{} and {} more", one, rest.len()),
    };
    [
        format!("{}:{}", literal.file, literal.line),
        fate.to_owned(),
        image,
        last,
    ]
}

/// An image with the first digits of its digest.
fn short(image: &str) -> String {
    match image
        .split_once("@sha256:")
        .map(|(name, digest)| (name, digest.get(..12)))
    {
        Some((name, Some(digits))) => format!("{name}@{digits}"),
        _ => image.to_owned(),
    }
}

/// Says what could not be read or understood; a file that does not parse with the line where the
/// parser stopped.
pub fn tell(problems: &[Problem], files: &Files) {
    for problem in problems {
        out::say(&note(problem));
        if let Some(excerpt) = problem
            .line
            .filter(|_| problem.what.contains("parse"))
            .and_then(|line| excerpt(problem, line, files))
        {
            out::say(out::excerpt(&excerpt).trim_end());
        }
    }
}

/// `note: stacks/app/main.tf:3: …`
pub fn note(problem: &Problem) -> String {
    let line = problem
        .line
        .map(|line| format!(":{line}"))
        .unwrap_or_default();
    format!("note: {}{line}: {}", problem.file, problem.what)
}

fn excerpt(problem: &Problem, line: usize, files: &Files) -> Option<Excerpt> {
    let text = String::from_utf8(files.bytes(&problem.file)?.to_vec()).ok()?;
    let start: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let content = text[start..].lines().next()?;
    let indent = content.len() - content.trim_start().len();
    let span = start + indent..start + content.trim_end().len().max(indent);
    Some(Excerpt {
        file: problem.file.to_string(),
        text,
        span,
        label: "here".into(),
    })
}

/// What the reader can do about what was found, a line each.
fn advice(scan: &Scan) -> Vec<String> {
    let mut lines = Vec::new();
    let orphans = scan
        .literals
        .iter()
        .filter(|literal| matches!(literal.fate, Fate::Orphan(_)));
    let folders: BTreeSet<String> = orphans
        .filter_map(|literal| literal.file.parent())
        .map(|dir| format!("{:?}", dir.display()))
        .collect();
    if !folders.is_empty() {
        let some: Vec<&str> = folders.iter().take(NAMED).map(String::as_str).collect();
        let more = if folders.len() > NAMED { ", …" } else { "" };
        lines.push(format!(
            "nothing calls the modules of orphan literals; if Terraform runs there, name the folders: `[scan] roots = [{}{more}]`",
            some.join(", ")
        ));
    }
    for (root, files) in scan.unnamed_var_files.iter().take(NAMED) {
        lines.push(
            "if Terraform is run with one of the var-files that nothing loads, paste:".to_owned(),
        );
        lines.extend(files.iter().take(NAMED).map(|file| environment(root, file)));
    }
    if scan.literals.is_empty() && scan.unfollowed.is_empty() && scan.problems.is_empty() {
        lines.push(
            "no image was found: pintle looks at workloads, manifests and helm releases of Kubernetes (docs/finding-images.md)"
                .to_owned(),
        );
    }
    lines
}

/// How many folders, roots and files are named.
const NAMED: usize = 3;

/// The entry of the configuration that says that a root is run with a var-file.
fn environment(root: &RepoPath, file: &RepoPath) -> String {
    let stem = |path: &RepoPath| {
        let name = path.name();
        let name = name.strip_suffix(".json").unwrap_or(name);
        let name = name.strip_suffix(".tfvars").unwrap_or(name);
        name.strip_suffix(".auto").unwrap_or(name).to_owned()
    };
    let name = match stem(file) {
        name if name == "terraform" || name.is_empty() => file
            .parent()
            .map_or_else(String::new, |dir| dir.name().to_owned()),
        name => name,
    };
    let path = file
        .as_str()
        .strip_prefix(root.as_str())
        .map_or(file.as_str(), |rest| rest.trim_start_matches('/'));
    format!(
        "  [[environment]]\n  root = {:?}\n  name = {name:?}\n  var_files = [{path:?}]",
        root.display()
    )
}

/// `23 image-like literals are not followed: 12 in docker_container, 11 in nomad_job`; `None` where
/// there are none.
fn unfollowed(all: &[Unfollowed]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(&one.inside).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(inside, count)| (std::cmp::Reverse(*count), *inside));
    let listed: Vec<String> = counts
        .iter()
        .take(5)
        .map(|(inside, count)| format!("{count} in {inside}"))
        .collect();
    let more = match counts.get(5..) {
        Some(rest @ [_, ..]) => {
            let rest: usize = rest.iter().map(|(_, count)| count).sum();
            format!(", {rest} elsewhere")
        }
        _ => String::new(),
    };
    let (literals, are) = match all.len() {
        0 => return None,
        1 => ("1 image-like literal".to_owned(), "is"),
        count => (format!("{count} image-like literals"), "are"),
    };
    Some(format!(
        "{literals} {are} not followed: {}{more}",
        listed.join(", ")
    ))
}

fn summary(literals: &[Literal]) -> String {
    let count = |word: &str| {
        literals
            .iter()
            .filter(|literal| fate_word(&literal.fate).0 == word)
            .count()
    };
    let words =
        ["component", "unpinnable", "dead", "orphan"].map(|word| format!("{} {word}", count(word)));
    format!("{}, {}", out::many(count("site"), "site"), words.join(", "))
}
