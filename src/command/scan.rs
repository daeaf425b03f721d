//! `pintle scan`.

use super::ending::{Completion, on_runtime};
use super::{out, source, table::table};
use crate::cli::{ClusterArgs, OutputFormat, RegistryArgs, ScanArgs};
use crate::error::{Excerpt, Result};
use crate::reconcile;
use crate::sites::json::{fate_word, to_json};
use crate::sites::{Fate, Literal, Problem};
use crate::terraform::files::Files;

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
    if args.sites_only {
        scan.literals
            .retain(|literal| matches!(literal.fate, Fate::Site(_)));
    }
    match args.output.output {
        OutputFormat::Json => out::json(&to_json(&scan))?,
        OutputFormat::Table => {
            out::data(&table(
                ["place", "fate", "image", "used by"],
                scan.literals.iter().map(row),
            ))?;
            tell(&scan.problems, &looked.snapshot.files);
            out::say(&summary(&scan.literals));
        }
    }
    Ok(Completion::Ok)
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
