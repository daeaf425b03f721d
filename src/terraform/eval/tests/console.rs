//! Evaluates a single expression against a few declarations, as `terraform console` does.

use super::super::{Context, Input, InputPlace, Scope, Step, eval};
use crate::terraform::files::{Entry, Files, RepoPath};
use crate::terraform::hcl::Source;
use crate::terraform::value::{Value, WhyKind};
use hcl_edit::expr::Expression;

/// What an expression sees: declarations and files.
#[derive(Debug)]
pub struct ExpressionContext {
    source: Option<Source>,
    files: Files,
    cwd: RepoPath,
}

impl ExpressionContext {
    /// Makes a context of HCL text with `locals` and `variable` blocks, and of files by their path.
    ///
    /// # Errors
    ///
    /// A sentence when `declarations` is not HCL or a path leaves the folder.
    pub fn new(declarations: &str, files: &[(&str, &[u8])]) -> Result<Self, String> {
        let path = RepoPath::new("main.tf").ok_or("no path")?;
        let source = Source::parse(path, declarations.as_bytes().into())
            .map_err(|error| error.to_string())?;
        let mut all = Files::default();
        for (path, bytes) in files {
            let path =
                RepoPath::new(path).ok_or_else(|| format!("{path} is outside the folder"))?;
            all.insert(path, Entry::Text((*bytes).into()));
        }
        Ok(Self {
            source: Some(source),
            files: all,
            cwd: RepoPath::default(),
        })
    }

    fn attribute<'a>(
        &'a self,
        block: &'a str,
        label: Option<&str>,
        name: &str,
    ) -> Option<&'a Expression> {
        let body = &self.source.as_ref()?.body;
        let matches = |b: &&hcl_edit::structure::Block| {
            label.is_none_or(|label| b.labels.first().is_some_and(|l| l.as_str() == label))
        };
        body.get_blocks(block)
            .filter(matches)
            .find_map(|b| b.body.get_attribute(name))
            .map(|attribute| &attribute.value)
    }
}

impl Scope for ExpressionContext {
    fn resolve(&self, name: &str, steps: &[Step<'_>]) -> (Value, usize) {
        let missing = |what: String| (Value::unknown(WhyKind::NotDeclared, what), 0);
        let (Some(Step::Attr(first)), Some(source)) = (steps.first(), &self.source) else {
            return missing(name.to_owned());
        };
        let found = match name {
            "local" => self.attribute("locals", None, first),
            "var" => self.attribute("variable", Some(first), "default"),
            "path" => return (Value::text("."), 1),
            _ => None,
        };
        match found {
            Some(expr) => (eval(expr, source, self), 1),
            None => missing(format!("{name}.{first}")),
        }
    }

    fn files(&self) -> &Files {
        &self.files
    }

    fn cwd(&self) -> &RepoPath {
        &self.cwd
    }
}

/// Returns the value of an expression given as text.
pub fn evaluate_expression(context: &ExpressionContext, expression: &str) -> Value {
    let path = RepoPath::default();
    match hcl_edit::parser::parse_expr(expression) {
        Ok(expr) => {
            let input = Input {
                text: expression,
                place: InputPlace::File {
                    path: &path,
                    offset: 0,
                },
            };
            Context {
                input,
                scope: context,
            }
            .eval(&expr)
        }
        Err(error) => Value::unknown(
            WhyKind::Invalid,
            format!("a syntax error: {}", error.message()),
        ),
    }
}
