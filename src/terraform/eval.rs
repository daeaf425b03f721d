//! Evaluates HCL expressions over the text of a repo, and remembers where each string came from.
//! Never guesses and never fails: what cannot be determined is `Value::Unknown` with its reason,
//! and only that part.

mod convert;
mod iteration;
pub(super) mod number;
mod operators;
#[cfg(test)]
mod tests;
mod traversal;
mod unify;

pub(super) mod support {
    pub use super::convert::*;
    pub(in super::super) use super::number;
    pub use super::operators::{compare, equal};
    pub use super::unify::Type;
}

pub(super) use convert::to_json;
pub(super) use iteration::LoopScope;
pub(super) use traversal::{at, pairs, pairs_and_rest};

use super::files::{Files, RepoPath};
use super::functions;
use super::hcl::Source;
use super::span::Span as FileSpan;
use super::template;
use super::text::{Form, Frame, Origin, Piece, Text};
use super::value::{
    Entries, Number, UNKNOWN_KEY, Value, Why, WhyKind, add_unknown_key, is_unknown_key,
};
use convert::{invalid, limit, to_bool, to_text};
use hcl_edit::Span;
use hcl_edit::expr::{Array, Conditional, Expression, Object, ObjectKey};
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use unify::Type;

/// Nested expressions, over all locals, modules and files that are evaluated for one another.
const MAX_DEPTH: usize = 256;
/// Expressions evaluated for one call from outside: loops over loops end here.
const MAX_STEPS: usize = 500_000;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Returns the value of an expression of `source`.
pub fn eval(expr: &Expression, source: &Source, scope: &dyn Scope) -> Value {
    let input = Input {
        text: &source.text,
        place: InputPlace::File {
            path: &source.path,
            offset: source.offset(),
        },
    };
    Context { input, scope }.eval(expr)
}

/// One step of a traversal after its first name, up to the first splat.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'e> {
    Attr(&'e str),
    Index(Value),
}

/// The names an expression sees.
pub trait Scope {
    /// Returns the value of `name` followed by the first `n` of `steps`, and that `n`: a scope
    /// takes as many steps as it needs to stay lazy (`local` takes one, a resource reference all).
    /// A name it does not know is `Unknown(NotDeclared)`.
    fn resolve(&self, name: &str, steps: &[Step<'_>]) -> (Value, usize);

    /// Calls a function that only this scope knows (Terragrunt's); asked before the built-in ones.
    fn call(&self, _name: &str, _args: &[Value]) -> Option<Value> {
        None
    }

    fn files(&self) -> &Files;

    /// The folder that relative paths of `file()` and its kin start from: where Terraform is run.
    fn cwd(&self) -> &RepoPath;
}

/// The text whose nodes are evaluated.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub text: &'a str,
    pub place: InputPlace<'a>,
}

/// Where that text is.
#[derive(Clone, Copy)]
pub(super) enum InputPlace<'a> {
    /// In a file, from this byte on.
    File { path: &'a RepoPath, offset: usize },
    /// It is itself a value.
    Inside(&'a Text),
}

impl Input<'_> {
    /// Appends bytes `range`, which stand for `text`.
    pub fn append(
        &self,
        out: &mut Text,
        range: Range<usize>,
        text: &str,
        content: &Range<usize>,
        form: Form,
    ) {
        match self.place {
            InputPlace::File { path, offset } => {
                let span = |r: &Range<usize>| FileSpan::new(r.start + offset, r.end + offset);
                let origin = Origin {
                    file: path.clone(),
                    span: span(&range),
                    literal: span(content),
                    form,
                };
                out.push(super::text::Piece::Known {
                    text: text.into(),
                    origin: Some(origin),
                });
            }
            InputPlace::Inside(whole) => {
                let verbatim = self.text.get(range.clone()) == Some(text);
                match whole.slice(range).filter(|_| verbatim) {
                    Some(part) => out.append(&part),
                    None => out.append(&Text::computed(text)),
                }
            }
        }
    }

    /// Returns the frame of a string or template whose content is `content`.
    pub fn frame(&self, content: &Range<usize>, form: Form) -> Option<Frame> {
        match self.place {
            InputPlace::File { path, offset } => Some(Frame {
                file: path.clone(),
                content: FileSpan::new(content.start + offset, content.end + offset),
                form,
            }),
            InputPlace::Inside(_) => None,
        }
    }
}

/// What evaluation needs to know: the text of the nodes and the names they see.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub input: Input<'a>,
    pub scope: &'a dyn Scope,
}

struct Level;

impl Level {
    fn enter() -> Result<Self, Why> {
        let depth = DEPTH.get();
        if depth == 0 {
            STEPS.set(0);
        }
        STEPS.set(STEPS.get() + 1);
        if depth >= MAX_DEPTH {
            return Err(limit("an expression nested this deep"));
        }
        if STEPS.get() > MAX_STEPS {
            return Err(limit("an expression of this many steps"));
        }
        DEPTH.set(depth + 1);
        Ok(Self)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

/// Turns the inner form of a result into a value.
pub(super) fn settle(result: Result<Value, Why>) -> Value {
    result.unwrap_or_else(Value::Unknown)
}

impl<'a> Context<'a> {
    pub fn eval(&self, expr: &Expression) -> Value {
        match Level::enter() {
            Ok(_level) => self.eval_here(expr),
            Err(why) => Value::Unknown(why),
        }
    }

    fn eval_here(&self, expr: &Expression) -> Value {
        match expr {
            Expression::Null(_) => Value::Null,
            Expression::Bool(bool) => Value::Bool(*bool.value()),
            Expression::Number(_) => self.number(expr),
            Expression::String(string) => self.string(string.value(), expr.span()),
            Expression::Array(array) => self.array(array),
            Expression::Object(object) => settle(self.object(object)),
            Expression::StringTemplate(template) => template::quoted(self, template),
            Expression::HeredocTemplate(heredoc) => template::heredoc(self, heredoc, expr.span()),
            Expression::Parenthesis(inner) => self.eval(inner.inner()),
            Expression::Variable(name) => self.scope.resolve(name.as_str(), &[]).0,
            Expression::Conditional(conditional) => settle(self.conditional(conditional)),
            Expression::FuncCall(call) => functions::call(self, call),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(op) => settle(operators::unary(self, op)),
            Expression::BinaryOp(op) => settle(operators::binary(self, op)),
            Expression::ForExpr(expr) => settle(iteration::for_expr(self, expr)),
        }
    }

    /// Reads a number from its text: hcl-edit keeps large whole numbers as floats.
    fn number(&self, expr: &Expression) -> Value {
        let text = expr
            .span()
            .and_then(|range| self.input.text.get(range))
            .unwrap_or("");
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        match number::parse(&text) {
            Some(number) => Value::Number(number, None),
            None => Value::unknown(WhyKind::Limit, format!("the number {text}")),
        }
    }

    fn string(&self, value: &str, span: Option<Range<usize>>) -> Value {
        let content = span
            .filter(|range| range.len() >= 2)
            .map(|range| range.start + 1..range.end - 1);
        let Some(content) = content else {
            return Value::text(value);
        };
        if !self
            .input
            .text
            .get(content.start - 1..)
            .is_some_and(|text| text.starts_with('"'))
        {
            return Value::text(value);
        }
        let verbatim = self.input.text.get(content.clone()) == Some(value);
        match self.input.place {
            InputPlace::File { path, offset } if verbatim => {
                let span = FileSpan::new(content.start + offset, content.end + offset);
                Value::Text(Text::written(
                    value,
                    Origin {
                        file: path.clone(),
                        span,
                        literal: span,
                        form: Form::Quoted,
                    },
                ))
            }
            _ => template::literal(self, content),
        }
    }

    fn array(&self, array: &Array) -> Value {
        Value::List(Arc::new(array.iter().map(|item| self.eval(item)).collect()))
    }

    fn object(&self, object: &Object) -> Result<Value, Why> {
        let mut entries = Entries::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(ident) => Value::text(ident.as_str()),
                ObjectKey::Expression(Expression::Null(_)) => Value::text("null"),
                ObjectKey::Expression(expr) => self.eval(expr),
            };
            insert(&mut entries, &key, self.eval(value.expr()))?;
        }
        Ok(Value::Map(Arc::new(entries)))
    }

    /// Evaluates the chosen branch; the other one only where its type decides the type of the
    /// result.
    fn conditional(&self, conditional: &Conditional) -> Result<Value, Why> {
        let (chosen, other) = match to_bool(&self.eval(&conditional.cond_expr)) {
            Ok(true) => (&conditional.true_expr, &conditional.false_expr),
            Ok(false) => (&conditional.false_expr, &conditional.true_expr),
            Err(why) if why.kind == WhyKind::Invalid => return Err(why),
            Err(why) => {
                let (yes, no) = (&conditional.true_expr, &conditional.false_expr);
                return Ok(either(&self.eval(yes), &self.eval(no), &why));
            }
        };
        let value = self.eval(chosen);
        if !unify::may_change(&value) {
            return Ok(value);
        }
        Type::of(&value)
            .with(Type::of(&self.eval(other)))
            .convert(value)
    }
}

/// Adds an entry. One whose key is unknown may take the place of any that its known parts fit.
///
/// # Errors
///
/// For a key that cannot be one.
pub(super) fn insert(entries: &mut Entries, key: &Value, value: Value) -> Result<(), Why> {
    let text = match key {
        Value::Null => return Err(invalid("null as the key of an object")),
        Value::Text(text) => text.clone(),
        other => to_text(other.clone())?,
    };
    if let Some(known) = text.known() {
        entries.insert(known.into(), value);
        return Ok(());
    }
    let why = text
        .why_unknown()
        .cloned()
        .unwrap_or_else(|| limit("a key"));
    let known = |piece: Option<&Piece>| match piece {
        Some(Piece::Known { text, .. }) => text.to_string(),
        _ => String::new(),
    };
    let (start, end) = (known(text.pieces().first()), known(text.pieces().last()));
    for (other, replaced) in entries.iter_mut() {
        if other.starts_with(&start) && other.ends_with(&end) && !is_unknown_key(other) {
            *replaced = replaced.unsure(&why);
        }
    }
    if start.is_empty() && end.is_empty() {
        add_unknown_key(entries, &why, value);
    } else {
        entries.insert(format!("{start}{UNKNOWN_KEY}{end}").into(), value);
    }
    Ok(())
}

/// Returns as much as is known of a value that is one of two, if it is unknown which. What both
/// have alike is known.
fn either(yes: &Value, no: &Value, why: &Why) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Text(text) => text.pieces().is_empty(),
        Value::List(items) | Value::Set(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    };
    match (yes, no) {
        _ if yes == no => yes.clone(),
        (Value::Map(a), Value::Map(b)) if !is_nothing(yes) && !is_nothing(no) => {
            let mut all: Entries = a
                .iter()
                .map(|(key, value)| {
                    let value = b
                        .get(key)
                        .map_or_else(|| value.unsure(why), |other| either(value, other, why));
                    (key.clone(), value)
                })
                .collect();
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                all.insert(key.clone(), value.unsure(why));
            }
            if !a.keys().eq(b.keys()) {
                add_unknown_key(&mut all, why, Value::Unknown(why.clone()));
            }
            Value::Map(Arc::new(all))
        }
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b.iter());
            convert::list(pairs.map(|(a, b)| either(a, b, why)).collect())
        }
        (Value::List(items), _) if is_nothing(no) => perhaps(items, why),
        (_, Value::List(items)) if is_nothing(yes) => perhaps(items, why),
        (Value::List(items), Value::List(_)) => perhaps(items, why),
        (Value::Map(entries), _) if is_nothing(no) => some_of(entries, why),
        (_, Value::Map(entries)) if is_nothing(yes) => some_of(entries, why),
        _ if is_nothing(yes) => no.unsure(why),
        _ if is_nothing(no) => yes.unsure(why),
        (Value::Map(_) | Value::Text(_), _) => yes.unsure(why),
        (_, Value::Map(_) | Value::Text(_)) => no.unsure(why),
        _ => Value::Unknown(why.clone()),
    }
}

/// A map whose entries may be there or not.
fn some_of(entries: &Entries, why: &Why) -> Value {
    let unsure = entries
        .iter()
        .map(|(key, value)| (key.clone(), value.unsure(why)));
    let mut all: Entries = unsure.collect();
    add_unknown_key(&mut all, why, Value::Unknown(why.clone()));
    Value::Map(Arc::new(all))
}

/// A list whose elements may be there or not.
fn perhaps(items: &[Value], why: &Why) -> Value {
    let mut all = vec![Value::elements(why)];
    all.extend(items.iter().map(|item| item.unsure(why)));
    convert::list(all)
}

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        Self::Int(count as i128)
    }
}
