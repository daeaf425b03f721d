//! The first `pintle.toml` of a repo: what the scan found, as entries and comments. Decides
//! nothing: what only a person knows is a comment to complete.

use crate::sites::settings::SETS;
use crate::sites::{Fate, Literal, Scan};
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const HEADER: &str = "\
# The settings of pintle for this repo. docs/configuration.md explains every key, and
# `pintle config schema` prints them. `pintle config check` reports errors.
version = 1
";

const DEFAULTS: &str = "
[defaults]
# When pins may be updated. First pins and rollbacks do not wait for it.
# schedule = \"TZ=Europe/Berlin 0 3 * * 1-5\"
# How changes reach the branch: commit, pull-request or off. Without it: pull requests where a forge
# is named, otherwise commits.
# mode = { adopt = \"pull-request\", update = \"pull-request\", rollback = \"commit\" }
# How many commits with updates may be written in a period.
# budget = \"5 per 6h\"
";

/// Returns a configuration that can be used as it is.
pub fn draft_config(scan: &Scan) -> String {
    let mut text = HEADER.to_owned();
    text += &stack_comments(scan);
    text += &scan_section(scan);
    text += &environment_entries(scan);
    text += &module_comments(scan);
    text += DEFAULTS;
    if let Some(stack) = scan.stacks.ids().next() {
        let stack = quote(stack.0.display());
        let _ = write!(
            text,
            "\n# Stacks that pintle never changes.\n# [deny]\n# stacks = [{stack}]\n"
        );
    }
    text
}

/// How many images each stack has.
fn stack_comments(scan: &Scan) -> String {
    let mut counts: BTreeMap<&str, usize> = scan
        .stacks
        .ids()
        .map(|stack| (stack.0.display(), 0))
        .collect();
    for (_, site) in scan.sites() {
        for stack in &site.stacks {
            *counts.entry(stack.0.display()).or_default() += 1;
        }
    }
    let mut text = format!(
        "\n# {} that pintle can pin, in {}:\n",
        count(scan.sites().count(), "image"),
        count(counts.len(), "stack")
    );
    for (stack, images) in counts {
        let _ = writeln!(text, "#   {stack}: {}", count(images, "image"));
    }
    text
}

fn scan_section(scan: &Scan) -> String {
    let mut text =
        "\n[scan]\n# Paths that are not read.\n# exclude = [\"archive/**\"]\n".to_owned();
    let list = |of: BTreeSet<&str>| of.into_iter().map(quote).collect::<Vec<_>>().join(", ");
    let orphans: BTreeSet<RepoPath> = scan
        .literals
        .iter()
        .filter(|literal| matches!(literal.fate, Fate::Orphan(_)))
        .filter_map(|literal| literal.file.parent())
        .collect();
    if !orphans.is_empty() {
        let folders = list(orphans.iter().map(RepoPath::display).collect());
        let _ = writeln!(
            text,
            "# Nothing calls the modules in these folders. Keep those in which Terraform is run.\n# roots = [{folders}]"
        );
    }
    let encrypted: BTreeSet<&str> = scan
        .sites()
        .flat_map(|(_, site)| &site.unsure)
        .map(|(_, file)| file.display())
        .collect();
    if !encrypted.is_empty() {
        let files = list(encrypted);
        let _ = writeln!(
            text,
            "# These var-files cannot be read, and may set any variable. Keep those that set no image.\n# without_images = [{files}]"
        );
    }
    text
}

/// One entry for each var-file that nothing loads.
fn environment_entries(scan: &Scan) -> String {
    let mut text = String::new();
    for (root, files) in &scan.unnamed_var_files {
        let _ = writeln!(
            text,
            "\n# Nothing loads these var-files of {}. Each is taken for an environment that Terraform is\n# run in. Remove the others, and list their files in `exclude`.",
            root.display()
        );
        let mut taken = BTreeSet::new();
        for file in files {
            let name = environment_name(file);
            let name = match taken.insert(name.clone()) {
                true => name,
                false => file.display().replace('/', "-"),
            };
            text += &entry(root, file, &name);
        }
    }
    text
}

/// Returns the entry that says that a root is run with a var-file.
pub fn environment_entry(root: &RepoPath, file: &RepoPath) -> String {
    entry(root, file, &environment_name(file))
}

fn entry(root: &RepoPath, file: &RepoPath, name: &str) -> String {
    let path = file
        .as_str()
        .strip_prefix(root.as_str())
        .filter(|rest| root.as_str().is_empty() || rest.starts_with('/'))
        .map_or_else(
            || format!("/{file}"),
            |rest| rest.trim_start_matches('/').to_owned(),
        );
    format!(
        "[[environment]]\nroot = {}\nname = {}\nvar_files = [{}]\n",
        quote(root.display()),
        quote(name),
        quote(&path)
    )
}

/// What the file is called, or its folder where that says nothing: `config/prod.tfvars` and
/// `prod/terraform.tfvars` are both `prod`.
fn environment_name(file: &RepoPath) -> String {
    let name = file.name();
    let name = name.strip_suffix(".json").unwrap_or(name);
    let name = name.strip_suffix(".tfvars").unwrap_or(name);
    let name = name.strip_suffix(".auto").unwrap_or(name);
    match name {
        "terraform" | "" => file
            .parent()
            .map_or_else(String::new, |folder| folder.name().to_owned()),
        name => name.to_owned(),
    }
}

/// What one `[[module]]` entry says: its keys with their arguments.
type ModuleEntry<'a> = BTreeMap<&'static str, BTreeSet<&'a str>>;

/// The calls of modules whose text is not in the repo, with the arguments that look like images.
fn module_comments(scan: &Scan) -> String {
    let mut entries: BTreeMap<(&str, &str), ModuleEntry> = BTreeMap::new();
    for call in scan.literals.iter().flat_map(|one| find_calls(scan, one)) {
        let Some((stem, key)) = split_argument(&call) else {
            continue;
        };
        let entry = entries.entry((call.source, stem)).or_default();
        entry.entry(key).or_default().insert(call.argument);
    }
    if entries.is_empty() {
        return String::new();
    }
    let mut text = "
# The text of these modules is not in the repo, and their arguments look like images: `reference` is
# the one that holds a whole image, `repository` and `tag` hold its components, and `values` holds
# the values of a chart.
"
    .to_owned();
    for ((source, _), keys) in entries {
        let _ = writeln!(text, "# [[module]]\n# source = {}", quote(source));
        for (key, arguments) in keys {
            let _ = writeln!(text, "# {key} = {}", quote_all(key, arguments));
        }
    }
    text
}

/// An image-like text in a call of a module whose text is not in the repo.
struct ModuleCall<'a> {
    source: &'a str,
    /// `image_tag`, `addon.values`
    argument: &'a str,
    /// Whether the text is in something that the argument holds.
    is_inside: bool,
}

/// Returns what the arguments of one image have in common, and the key that an argument belongs to:
/// `exporter_image_tag` is the `tag` of `exporter_image`.
/// `None` for what no entry can say.
fn split_argument<'a>(call: &ModuleCall<'a>) -> Option<(&'a str, &'static str)> {
    let argument = call.argument;
    if call.is_inside {
        let (before, last) = argument.rsplit_once('.').unwrap_or(("", argument));
        let is_known = last == "values" || SETS.contains(&last);
        return is_known.then_some((before, "values"));
    }
    let parts = [
        ("tag", "tag"),
        ("Tag", "tag"),
        ("version", "tag"),
        ("Version", "tag"),
        ("repository", "repository"),
        ("Repository", "repository"),
        ("digest", "digest"),
        ("Digest", "digest"),
    ];
    let part = parts
        .iter()
        .find_map(|(end, key)| Some((argument.strip_suffix(end)?, *key)));
    Some(match part {
        Some((stem, key)) => (stem.trim_end_matches('_'), key),
        None => (argument, "reference"),
    })
}

/// One argument, or several in the order in which they are applied: what is set goes last.
fn quote_all(key: &str, arguments: BTreeSet<&str>) -> String {
    let mut arguments: Vec<&str> = arguments.into_iter().collect();
    arguments.sort_by_key(|argument| !argument.ends_with("values"));
    let quoted: Vec<String> = arguments.into_iter().map(quote).collect();
    match key {
        "values" => format!("[{}]", quoted.join(", ")),
        _ => quoted.concat(),
    }
}

/// Returns the calls that an unpinnable literal is a part of.
fn find_calls<'a>(scan: &'a Scan, literal: &'a Literal) -> Vec<ModuleCall<'a>> {
    let Fate::Unpinnable(why) = &literal.fate else {
        return Vec::new();
    };
    let paths = literal.uses.iter().filter_map(|one| one.holder.name());
    let calls = paths.flat_map(|path| {
        let sources = scan.remote_modules.iter();
        sources.filter_map(move |source| {
            let is_it = |argument: &&str| {
                why.contains(&format!("the argument {argument} of the module {source},"))
            };
            let argument = arguments_of(path).find(is_it)?;
            Some(ModuleCall {
                source,
                argument,
                is_inside: argument.len() < path.len(),
            })
        })
    });
    calls.collect()
}

/// What a path may be in, the longest first: `addon.values.image` is in `addon.values` and in
/// `addon`.
fn arguments_of(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| Some(path.rsplit_once('.')?.0))
}

/// A text as TOML writes it.
fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
