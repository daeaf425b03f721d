//! `for` expressions, and the names they bind.

use super::super::files::{Files, RepoPath};
use super::super::value::{Value, Why};
use super::convert::{self, invalid, list, to_bool};
use super::{Context, Scope, Step, traversal};
use hcl_edit::expr::ForExpr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A scope with the names of a loop in front.
pub struct LoopScope<'a> {
    pub outer: &'a dyn Scope,
    pub key: Option<(&'a str, Value)>,
    pub value: (&'a str, Value),
}

impl Scope for LoopScope<'_> {
    fn resolve(&self, name: &str, steps: &[Step<'_>]) -> (Value, usize) {
        if name == self.value.0 {
            return (self.value.1.clone(), 0);
        }
        match &self.key {
            Some((key, value)) if *key == name => (value.clone(), 0),
            _ => self.outer.resolve(name, steps),
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Value> {
        self.outer.call(name, args)
    }

    fn files(&self) -> &Files {
        self.outer.files()
    }

    fn cwd(&self) -> &RepoPath {
        self.outer.cwd()
    }
}

pub fn for_expr(context: &Context, expr: &ForExpr) -> Result<Value, Why> {
    let intro = &expr.intro;
    let collection = context.eval(&intro.collection_expr);
    let mut items = Vec::new();
    let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut groups: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, value) in traversal::pairs(&collection)? {
        let key = intro.key_var.as_ref().map(|name| (name.as_str(), key));
        let scope = LoopScope {
            outer: context.scope,
            key,
            value: (intro.value_var.as_str(), value),
        };
        let inner = Context {
            input: context.input,
            scope: &scope,
        };
        if let Some(cond) = &expr.cond
            && !to_bool(&inner.eval(&cond.expr))?
        {
            continue;
        }
        let Some(key_expr) = &expr.key_expr else {
            items.push(inner.eval(&expr.value_expr));
            continue;
        };
        let key: Arc<str> = match inner.eval(key_expr) {
            Value::Null => return Err(invalid("null as the key of an object")),
            key => convert::to_known(&key)?.into(),
        };
        let value = inner.eval(&expr.value_expr);
        if expr.grouping {
            groups.entry(key).or_default().push(value);
        } else if entries.insert(Arc::clone(&key), value).is_some() {
            return Err(invalid(format!("two elements with the key {key}")));
        }
    }
    Ok(match (&expr.key_expr, expr.grouping) {
        (None, _) => list(items),
        (Some(_), false) => Value::Map(Arc::new(entries)),
        (Some(_), true) => Value::Map(Arc::new(
            groups
                .into_iter()
                .map(|(key, values)| (key, list(values)))
                .collect(),
        )),
    })
}
