//! No circle between the files of one top module: who reads a file can read what it names first,
//! and come to an end. Resolves names as far as `use` and `mod` lines tell; knows no types, so that
//! a method or a field is no reference. What a file hands on with `pub use` counts for the file it
//! stands in.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Import, Mention, definitions, named, tokens, without_tests};
use super::{is_test, module_path, rust_files};

/// Files that call each other by nature: expressions call functions, functions expand templates,
/// templates hold expressions. Each names a file and all below its folder; together they count as
/// one.
const EVALUATOR: &[&str] = &[
    "src/terraform/eval",
    "src/terraform/functions",
    "src/terraform/template",
];

/// How many names are followed from `use` to `use`.
const HOPS: usize = 16;

/// What a file defines and names.
struct SourceFile {
    path: String,
    /// `write`, `commit`.
    module: Vec<String>,
    defines: BTreeSet<String>,
    imports: Vec<Import>,
    mentions: Vec<Mention>,
}

/// What a name leads to: a file, by its index, or a whole module.
enum Target {
    Item(usize),
    Module,
}

/// One file names something of another: the line, and the path as it is written.
type References = BTreeMap<(usize, usize), (usize, String)>;

/// The files of the crate by their module.
struct Crate {
    sources: Vec<SourceFile>,
    by_module: BTreeMap<Vec<String>, usize>,
}

impl SourceFile {
    fn read(path: &str, text: &str) -> Self {
        let tokens = without_tests(tokens(text));
        let (imports, mentions) = named(&tokens);
        let defines = definitions(&tokens)
            .into_iter()
            .filter(|item| item.top && item.keyword != "mod")
            .map(|item| item.name);
        let module = module_path(path).into_iter().map(str::to_owned).collect();
        Self {
            path: path.to_owned(),
            module,
            defines: defines.collect(),
            imports,
            mentions,
        }
    }
}

impl Crate {
    fn read(files: &[(String, String)]) -> Self {
        let texts = files
            .iter()
            .filter(|(path, _)| path != "src/main.rs" && !is_test(&module_path(path)));
        let sources: Vec<SourceFile> = texts
            .map(|(path, text)| SourceFile::read(path, text))
            .collect();
        let by_module = sources
            .iter()
            .enumerate()
            .map(|(at, source)| (source.module.clone(), at))
            .collect();
        Self { sources, by_module }
    }

    /// Returns every reference between two files of one top module.
    fn references(&self) -> References {
        let mut references = References::new();
        for (from, source) in self.sources.iter().enumerate() {
            let taken = source
                .imports
                .iter()
                .filter(|import| !import.public)
                .map(|import| (import.line, &import.path));
            let mentioned = source
                .mentions
                .iter()
                .filter(|mention| counts(source, mention))
                .map(|mention| (mention.line, &mention.path));
            for (line, path) in taken.chain(mentioned) {
                let Some(Target::Item(to)) = self.lead(from, path, HOPS) else {
                    continue;
                };
                if to != from && self.sources[to].module.first() == source.module.first() {
                    references
                        .entry((from, to))
                        .or_insert_with(|| (line, path.join("::")));
                }
            }
        }
        references
    }

    /// Where a path leads that is written in a file; `None` for another crate, and for what is
    /// known in the file alone.
    fn lead(&self, from: usize, path: &[String], hops: usize) -> Option<Target> {
        let module = &self.sources[from].module;
        let supers = path.iter().take_while(|word| *word == "super").count();
        let (base, rest) = match path.first().map(String::as_str)? {
            "crate" => (&module[..0], &path[1..]),
            "self" if path.len() > 1 => (&module[..], &path[1..]),
            "super" => (
                &module[..module.len().saturating_sub(supers)],
                &path[supers..],
            ),
            "self" | "Self" => return None,
            _ => (&module[..], path),
        };
        self.walk(base, rest, hops)
    }

    /// Follows a path from a module.
    fn walk(&self, base: &[String], path: &[String], hops: usize) -> Option<Target> {
        let hops = hops.checked_sub(1)?;
        let [name, rest @ ..] = path else {
            return Some(Target::Module);
        };
        let child = [base, std::slice::from_ref(name)].concat();
        if self.by_module.contains_key(&child) {
            return self.walk(&child, rest, hops);
        }
        let at = *self.by_module.get(base)?;
        let source = &self.sources[at];
        if source.defines.contains(name) || name == "*" {
            return Some(Target::Item(at));
        }
        let mut named = source.imports.iter().filter(|import| import.name == *name);
        if let Some(import) = named.next() {
            return self.lead(at, &[&import.path[..], rest].concat(), hops);
        }
        let mut all = source.imports.iter().filter(|import| import.name == "*");
        all.find_map(|import| {
            self.lead(
                at,
                &[&import.path[..import.path.len() - 1], path].concat(),
                hops,
            )
        })
    }
}

/// A word alone may be a variable or a field: in small letters it counts where it is called.
fn counts(source: &SourceFile, mention: &Mention) -> bool {
    let small = |word: &String| word.starts_with(|c: char| c.is_lowercase());
    match mention.path.as_slice() {
        [word] => {
            !mention.own && !source.defines.contains(word) && (mention.called || !small(word))
        }
        _ => !mention.own,
    }
}

/// The references that lie on a circle, with those of the evaluator taken as one.
fn circles(sources: &[SourceFile], references: &References) -> BTreeSet<(usize, usize)> {
    let one = sources.iter().position(|source| is_evaluator(&source.path));
    let room = |at: usize| {
        one.filter(|_| is_evaluator(&sources[at].path))
            .unwrap_or(at)
    };
    let mut next: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in references.keys() {
        next.entry(room(*from)).or_default().insert(room(*to));
    }
    let reaches = |from: usize, to: usize| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from]);
        while let Some(at) = waiting.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                waiting.extend(next.get(&at).into_iter().flatten());
            }
        }
        false
    };
    let closes =
        |(from, to): &&(usize, usize)| room(*from) != room(*to) && reaches(room(*to), room(*from));
    references.keys().filter(closes).copied().collect()
}

fn is_evaluator(path: &str) -> bool {
    let below = |start: &&str| {
        path.strip_prefix(*start)
            .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    EVALUATOR.iter().any(below)
}

/// The circles that are not known, reference by reference, and the known references that close
/// none.
fn against_circles(files: &[(String, String)], known: &[(&str, &str)]) -> Vec<String> {
    let all = Crate::read(files);
    let references = all.references();
    let names = |(from, to): &(usize, usize)| {
        (
            all.sources[*from].path.as_str(),
            all.sources[*to].path.as_str(),
        )
    };
    let closing: BTreeSet<(&str, &str)> = circles(&all.sources, &references)
        .iter()
        .map(names)
        .collect();
    let needless = known
        .iter()
        .filter(|reference| !closing.contains(reference))
        .map(|(from, to)| format!("{from} closes no circle with {to} any more"));
    let left: References = references
        .iter()
        .filter(|(reference, _)| !known.contains(&names(reference)))
        .map(|(reference, how)| (*reference, how.clone()))
        .collect();
    let circles = circles(&all.sources, &left).into_iter().map(|reference| {
        let ((from, to), (line, path)) = (names(&reference), &left[&reference]);
        format!("{from}:{line}: {path} of {to} closes a circle")
    });
    circles.chain(needless).collect()
}

#[test]
fn files_of_a_module_name_each_other_in_no_circle() {
    assert_eq!(against_circles(&rust_files("src/"), &[]), [] as [String; 0]);
}

fn found(files: &[(&str, &str)], known: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    against_circles(&files, known)
}

#[test]
fn a_circle_is_seen_reference_by_reference() {
    let files = [
        ("src/write.rs", "mod commit;\nmod lease;\nmod reply;"),
        (
            "src/write/commit.rs",
            "use super::lease::Lease;\npub struct Commit(Lease);",
        ),
        (
            "src/write/lease.rs",
            "\npub struct Lease(super::reply::Reply);",
        ),
        (
            "src/write/reply.rs",
            "use crate::write::commit;\npub struct Reply(commit::Commit);",
        ),
    ];
    let expected = [
        "src/write/commit.rs:1: super::lease::Lease of src/write/lease.rs closes a circle",
        "src/write/lease.rs:2: super::reply::Reply of src/write/reply.rs closes a circle",
        "src/write/reply.rs:2: commit::Commit of src/write/commit.rs closes a circle",
    ];
    assert_eq!(found(&files, &[]), expected);
    assert_eq!(
        found(&files, &[("src/write/reply.rs", "src/write/commit.rs")]),
        [] as [String; 0]
    );
    let needless = [
        ("src/write/reply.rs", "src/write/commit.rs"),
        ("src/write.rs", "src/write/lease.rs"),
    ];
    assert_eq!(
        found(&files, &needless),
        ["src/write.rs closes no circle with src/write/lease.rs any more"]
    );
}

#[test]
fn circles_are_seen_however_they_are_written() {
    let circle = |a: &str, b: &str, rest: &[(&str, &str)]| {
        let files = [
            &[
                ("src/write.rs", "mod a; mod b;"),
                ("src/write/a.rs", a),
                ("src/write/b.rs", b),
            ],
            rest,
        ]
        .concat();
        assert!(!found(&files, &[]).is_empty(), "{a} | {b}");
    };
    let a = "pub struct A; pub fn a() {}";
    let b = |text: &str| format!("pub struct B; {text}");
    circle(
        &format!("{a} use super::b::B;"),
        &b("use super::a::{self as other}; fn f() { other::a() }"),
        &[],
    );
    circle(
        &format!("{a} use super::{{b::{{B}}}};"),
        &b("fn f() -> crate::write::a::A {}"),
        &[],
    );
    circle(
        &format!("{a} use super::b::B;"),
        &b("use super::a::*;"),
        &[],
    );
    circle(
        &format!("{a} pub use super::b::B; const C: B = B;"),
        &b("use super::a::A;"),
        &[],
    );
    // What a parent hands on counts for the file it stands in.
    circle(
        &format!("{a} use super::B;"),
        &b("use super::A;"),
        &[(
            "src/write.rs",
            "mod a; mod b; pub use a::A; pub(crate) use b::*;",
        )],
    );
    circle(
        "mod b; use super::a::b::f; pub fn g() { b::f() }",
        "",
        &[("src/write/a/b.rs", "pub fn f() { super::g() }")],
    );
    circle(
        "mod b; pub struct A(b::B);",
        "",
        &[("src/write/a/b.rs", "use super::A; pub struct B;")],
    );
}

#[test]
fn what_goes_one_way_is_no_circle() {
    let fine =
        |files: &[(&str, &str)]| assert_eq!(found(files, &[]), [] as [String; 0], "{files:?}");
    let child = (
        "src/write/a.rs",
        "use super::Shared; pub struct A; pub fn commit() {}",
    );
    fine(&[
        (
            "src/write.rs",
            "mod a; pub use a::{A, commit}; pub struct Shared;",
        ),
        child,
    ]);
    fine(&[
        (
            "src/write.rs",
            "mod a; pub use a::commit; pub struct Shared { commit: u8 } fn f(x: X, commit: u8) { x.commit(commit) }",
        ),
        child,
    ]);
    fine(&[
        (
            "src/write.rs",
            "mod a; pub struct Shared; // a::A\nconst T: &str = \"a::A\"; #[cfg(test)] use a::A;",
        ),
        child,
    ]);
    fine(&[
        (
            "src/write.rs",
            "mod a; mod b; pub use b::Shared; fn f() -> a::A {}",
        ),
        child,
        ("src/write/b.rs", "pub struct Shared;"),
    ]);
    fine(&[
        ("src/write.rs", "mod a; mod tests; pub struct Shared;"),
        child,
        ("src/write/tests.rs", "use super::a::A; use super::Shared;"),
    ]);
    // Which module names which is another check.
    fine(&[
        ("src/write.rs", "use crate::plan::Plan; pub struct Write;"),
        ("src/plan.rs", "use crate::write::Write; pub struct Plan;"),
    ]);
}

#[test]
fn the_evaluator_counts_as_one() {
    let eval = (
        "src/terraform/eval.rs",
        "use super::functions::call; use super::scope::Scope; pub fn eval() {}",
    );
    let functions = (
        "src/terraform/functions.rs",
        "mod text; pub fn call() { text::call(); super::eval::eval() }",
    );
    let text = (
        "src/terraform/functions/text.rs",
        "use crate::terraform::eval::eval; pub fn call() {}",
    );
    let scope = ("src/terraform/scope.rs", "pub struct Scope;");
    assert_eq!(
        found(&[eval, functions, text, scope], &[]),
        [] as [String; 0]
    );
    let back = (
        "src/terraform/scope.rs",
        "use super::functions::call; pub struct Scope;",
    );
    let closed = found(&[eval, functions, text, back], &[]);
    assert_eq!(closed.len(), 2, "{closed:?}");
}
