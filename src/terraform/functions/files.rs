//! Functions that read files of the repo, and paths.

use super::super::eval::support::*;
use super::super::eval::{Context, Scope, Step, settle};
use super::super::files::{Entry, Files, RepoPath};
use super::super::hcl::is_encrypted;
use super::super::span::Span;
use super::super::template;
use super::super::text::{Form, Origin, Text};
use super::super::value::{Entries, Value, Why, WhyKind};
use super::Computed;
use super::arguments::Args;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use globset::GlobBuilder;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::sync::Arc;

pub fn call(context: &Context, name: &str, args: Args) -> Option<Computed> {
    let scope = context.scope;
    Some(match name {
        "file" => read(scope, args).and_then(|(path, bytes)| text(&path, bytes)),
        "filebase64" => hashed(scope, args, |bytes| STANDARD.encode(bytes)),
        "filesha256" => hashed(scope, args, |bytes| hex::encode(Sha256::digest(bytes))),
        "filesha512" => hashed(scope, args, |bytes| hex::encode(Sha512::digest(bytes))),
        "filesha1" => hashed(scope, args, |bytes| hex::encode(Sha1::digest(bytes))),
        "filemd5" => hashed(scope, args, |bytes| hex::encode(Md5::digest(bytes))),
        "abspath" => absolute(scope, args),
        "pathexpand" => expanded(args),
        "filebase64sha256" => hashed(scope, args, |bytes| STANDARD.encode(Sha256::digest(bytes))),
        "filebase64sha512" => hashed(scope, args, |bytes| STANDARD.encode(Sha512::digest(bytes))),
        "fileexists" => exists(scope, args),
        "fileset" => file_set(scope, args),
        "templatefile" => template_file(scope, args),
        "templatestring" => template_string(scope, args),
        "basename" => base_name(args),
        "dirname" => dir_name(args),
        _ => return None,
    })
}

/// Finds a path relative to where Terraform is run, or below Terragrunt's `get_repo_root()`.
fn locate(scope: &dyn Scope, args: Args, at: usize) -> Result<RepoPath, Why> {
    let path = args.string(at)?;
    RepoPath::from_absolute(&path)
        .or_else(|| scope.cwd().join(&path))
        .ok_or_else(|| Why::new(WhyKind::File, format!("{path}, which is outside the repo,")))
}

fn read<'a>(scope: &'a dyn Scope, args: Args) -> Result<(RepoPath, &'a Arc<[u8]>), Why> {
    open(scope, locate(scope, args.count(1, 1)?, 0)?)
}

fn open(scope: &dyn Scope, path: RepoPath) -> Result<(RepoPath, &Arc<[u8]>), Why> {
    let why = |what: String| Why::new(WhyKind::File, what);
    match scope.files().follow(&path) {
        Some((target, Entry::Text(bytes))) => match is_encrypted(bytes) {
            Some(tool) => Err(why(format!("{path}, encrypted with {tool},"))),
            None => Ok((target, bytes)),
        },
        Some((_, Entry::NotRead(reason))) => Err(why(format!("{path} ({reason})"))),
        Some((_, Entry::Link(_))) | None => Err(Why::new(WhyKind::Missing, path.to_string())),
    }
}

fn text(path: &RepoPath, bytes: &[u8]) -> Computed {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Why::new(WhyKind::File, format!("{path}, which is not UTF-8 text,")))?;
    let span = Span::new(0, bytes.len());
    Ok(Value::Text(Text::written(
        text,
        Origin {
            file: path.clone(),
            span,
            literal: span,
            form: Form::Raw,
        },
    )))
}

fn hashed(scope: &dyn Scope, args: Args, compute: impl FnOnce(&[u8]) -> String) -> Computed {
    Ok(Value::text(compute(read(scope, args)?.1)))
}

fn exists(scope: &dyn Scope, args: Args) -> Computed {
    let path = locate(scope, args.count(1, 1)?, 0)?;
    Ok(Value::Bool(scope.files().get(&path).is_some()))
}

/// Returns the files below a folder whose relative path matches a pattern.
fn file_set(scope: &dyn Scope, args: Args) -> Computed {
    let folder = locate(scope, args.count(2, 2)?, 0)?;
    let pattern = args.string(1)?;
    let glob = GlobBuilder::new(&pattern)
        .literal_separator(true)
        .build()
        .map_err(|_| invalid("a bad file pattern"))?;
    let matcher = glob.compile_matcher();
    let start = if folder.as_str().is_empty() {
        0
    } else {
        folder.as_str().len() + 1
    };
    let names = scope
        .files()
        .below(&folder)
        .filter_map(|(path, _)| path.as_str().get(start..));
    let found: Vec<Value> = names
        .filter(|name| matcher.is_match(name))
        .map(Value::text)
        .collect();
    super::sets::to_set(&list(found))
}

/// Returns the text of a file, as `file` does.
pub fn read_text(scope: &dyn Scope, path: &Value) -> Value {
    let args = [path.clone()];
    settle(read(scope, Args(&args)).and_then(|(path, bytes)| text(&path, bytes)))
}

/// Returns the files that a pattern matches, relative to where Terraform is run; sorted.
pub fn glob_files(scope: &dyn Scope, pattern: &str) -> Vec<RepoPath> {
    let start = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    let folder = pattern[..start]
        .rfind('/')
        .map_or("", |end| &pattern[..end]);
    let folder = RepoPath::from_absolute(folder).or_else(|| scope.cwd().join(folder));
    let rest = pattern[pattern[..start].rfind('/').map_or(0, |end| end + 1)..].to_owned();
    let glob = GlobBuilder::new(&rest).literal_separator(true).build();
    let (Some(folder), Ok(glob)) = (folder, glob) else {
        return Vec::new();
    };
    let matcher = glob.compile_matcher();
    let skip = match folder.as_str().len() {
        0 => 0,
        length => length + 1,
    };
    let is_match = |path: &&RepoPath| {
        path.as_str()
            .get(skip..)
            .is_some_and(|name| matcher.is_match(name))
    };
    scope
        .files()
        .below(&folder)
        .map(|(path, _)| path)
        .filter(is_match)
        .cloned()
        .collect()
}

/// Renders a file as `templatefile` does.
pub fn render_template_file(scope: &dyn Scope, path: &RepoPath, variables: &Arc<Entries>) -> Value {
    settle(open(scope, path.clone()).map(|(path, bytes)| {
        let variables = Variables {
            variables: variables.clone(),
            outer: scope,
        };
        template::render_file(bytes, &path, &variables)
    }))
}

/// Renders a text as `templatestring` does.
pub fn render_template(scope: &dyn Scope, template: &Text, variables: &Arc<Entries>) -> Value {
    let variables = Variables {
        variables: variables.clone(),
        outer: scope,
    };
    template::render_text(template, &variables)
}

/// The variables of a template, and nothing else.
struct Variables<'a> {
    variables: Arc<Entries>,
    outer: &'a dyn Scope,
}

impl Scope for Variables<'_> {
    fn resolve(&self, name: &str, _steps: &[Step<'_>]) -> (Value, usize) {
        let missing = || {
            Value::unknown(
                WhyKind::Invalid,
                format!("a template without a value for {name}"),
            )
        };
        (self.variables.get(name).cloned().unwrap_or_else(missing), 0)
    }

    fn files(&self) -> &Files {
        self.outer.files()
    }

    fn cwd(&self) -> &RepoPath {
        self.outer.cwd()
    }
}

fn template_file(scope: &dyn Scope, args: Args) -> Computed {
    let (path, bytes) = open(scope, locate(scope, args.count(2, 2)?, 0)?)?;
    let variables = Variables {
        variables: args.map(1)?,
        outer: scope,
    };
    Ok(template::render_file(bytes, &path, &variables))
}

fn template_string(scope: &dyn Scope, args: Args) -> Computed {
    let text = args.count(2, 2)?.text(0)?;
    let variables = Variables {
        variables: args.map(1)?,
        outer: scope,
    };
    Ok(template::render_text(&text, &variables))
}

/// Returns the absolute path, of which the top of the repo is the one that `get_repo_root()` gives.
fn absolute(scope: &dyn Scope, args: Args) -> Computed {
    let path = args.count(1, 1)?.string(0)?;
    if path.starts_with('/') {
        return Ok(Value::text(clean(&path)));
    }
    let cwd = scope.cwd().to_absolute();
    Ok(Value::text(clean(&format!("{cwd}/{path}"))))
}

/// `~` is the home folder of who runs Terraform.
fn expanded(args: Args) -> Computed {
    let path = args.count(1, 1)?.string(0)?;
    match path.starts_with('~') {
        true => Err(Why::new(WhyKind::RunTime, format!("the path {path}"))),
        false => Ok(Value::text(path)),
    }
}

/// Returns the last part of a path, by the rules of Go's `filepath.Base`.
fn base_name(args: Args) -> Computed {
    let text = args.count(1, 1)?.text(0)?;
    let string = known(&text)?;
    let trimmed = string.trim_end_matches('/');
    match (string.is_empty(), trimmed.is_empty()) {
        (true, _) => Ok(Value::text(".")),
        (_, true) => Ok(Value::text("/")),
        _ => super::strings::cut(
            &text,
            trimmed.rfind('/').map_or(0, |at| at + 1)..trimmed.len(),
        ),
    }
}

/// Returns all but the last part of a path, by the rules of Go's `filepath.Dir`.
fn dir_name(args: Args) -> Computed {
    let string = args.count(1, 1)?.string(0)?;
    let Some(end) = string.rfind('/') else {
        return Ok(Value::text("."));
    };
    Ok(Value::text(clean(&string[..=end])))
}

/// Makes a path shortest, as Go's `filepath.Clean` does.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}
