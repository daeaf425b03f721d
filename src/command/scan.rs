//! `pintle scan`.

use super::ending::{Completion, on_runtime};
use super::{out, source, table::table};
use crate::cli::{ClusterArgs, OutputFormat, RegistryArgs, ScanArgs};
use crate::error::{Excerpt, Result};
use crate::reconcile;
use crate::report::config_draft::environment_entry;
use crate::sites::json::{fate_word, to_json};
use crate::sites::targets::Targets;
use crate::sites::{Fate, Literal, Problem, Scan, Unfollowed};
use crate::terraform::files::{Files, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

pub fn run(args: &ScanArgs) -> Result<Completion> {
    let mut session = source::setup_about(
        &args.repo,
        &args.targets.all(),
        &RegistryArgs::default(),
        &ClusterArgs::default(),
    )?;
    session.setup.commits = 0;
    let looked = on_runtime(reconcile::plan_offline(&session))?;
    let mut scan = (*looked.snapshot.scan).clone();
    source::has_terraform(&looked.snapshot.files)?;
    restrict(&mut scan, session.targets())?;
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
fn restrict(scan: &mut Scan, targets: &Targets) -> Result<()> {
    if targets.is_everything() {
        return Ok(());
    }
    let found = targets.find_literals(scan)?;
    let wanted: BTreeSet<(RepoPath, usize)> = found
        .iter()
        .map(|one| (one.file.clone(), one.span.start))
        .collect();
    let files: BTreeSet<RepoPath> = match targets.names.is_empty() {
        true => BTreeSet::new(),
        false => wanted.iter().map(|(file, _)| file.clone()).collect(),
    };
    let is_meant = |file: &RepoPath| targets.is_in_folder(file) || files.contains(file);
    scan.literals
        .retain(|literal| wanted.contains(&(literal.file.clone(), literal.span.start)));
    scan.problems.retain(|problem| is_meant(&problem.file));
    scan.unfollowed.retain(|one| is_meant(&one.file));
    scan.unnamed_var_files
        .retain(|root, _| targets.is_in_folder(root));
    Ok(())
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
        let entries = files.iter().take(NAMED);
        let entries = entries.map(|file| environment_entry(root, file));
        lines.extend(entries.map(|entry| indent(&entry)));
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

fn indent(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
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
