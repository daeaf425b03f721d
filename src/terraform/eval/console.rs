//! Evaluates a single expression against a few declarations, as `console` does, and prints values as JSON.

use super::super::files::{Entry, Files, RepoPath};
use super::super::hcl::Source;
use super::super::scope::{Scope, Step};
use super::super::value::{Number, Value, Why, WhyKind};
use super::convert::{self, limit};
use super::{Context, Input, Place, eval, number};
use hcl_edit::expr::Expression;
use std::sync::Arc;

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
        let source = Source::parse(path, declarations.as_bytes().into()).map_err(|error| error.to_string())?;
        let mut all = Files::default();
        for (path, bytes) in files {
            let path = RepoPath::new(path).ok_or_else(|| format!("{path} is outside the folder"))?;
            all.insert(path, Entry::Text((*bytes).into()));
        }
        Ok(Self { source: Some(source), files: all, cwd: RepoPath::default() })
    }

    fn attribute<'a>(&'a self, block: &'a str, label: Option<&str>, name: &str) -> Option<&'a Expression> {
        let body = &self.source.as_ref()?.body;
        let matches = |b: &&hcl_edit::structure::Block| label.is_none_or(|label| b.labels.first().is_some_and(|l| l.as_str() == label));
        body.get_blocks(block).filter(matches).find_map(|b| b.body.get_attribute(name)).map(|attribute| &attribute.value)
    }
}

impl Scope for ExpressionContext {
    fn resolve(&self, name: &str, steps: &[Step]) -> (Value, usize) {
        let missing = |what: String| (Value::unknown(WhyKind::NotDeclared, what), 0);
        let (Some(Step::Attr(first)), Some(source)) = (steps.first(), &self.source) else { return missing(name.to_owned()) };
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
            let input = Input { text: expression, place: Place::File { path: &path, offset: 0 } };
            Context { input, scope: context }.eval(&expr)
        }
        Err(error) => Value::unknown(WhyKind::Invalid, format!("a syntax error: {}", error.message())),
    }
}

/// Returns a value as JSON.
///
/// # Errors
///
/// The reason of the first part that is not known.
pub fn to_json(value: &Value) -> Result<serde_json::Value, Why> {
    use serde_json::Value as Json;
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Number(number, _) => number_to_json(*number)?,
        Value::Text(text) => Json::String(convert::known(text)?),
        Value::List(items) | Value::Set(items) => Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.to_string(), to_json(value)?)));
            Json::Object(entries.collect::<Result<_, Why>>()?)
        }
        Value::Unknown(why) => return Err(why.clone()),
    })
}

fn number_to_json(value: Number) -> Result<serde_json::Value, Why> {
    let printed = number::print(value).ok_or_else(|| limit("a number of more than 15 digits"))?;
    let json = match value {
        Number::Int(int) => i64::try_from(int).ok().map(serde_json::Number::from),
        Number::Float(float) => serde_json::Number::from_f64(float),
    };
    json.map(serde_json::Value::Number).ok_or_else(|| limit(Arc::<str>::from(format!("the number {printed}"))))
}
