//! `for` expressions, and the names they bind.

use super::super::files::{Files, RepoPath};
use super::super::value::{Entries, Value, Why, WhyKind, add_unknown_key};
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
    let (pairs, rest) = match traversal::pairs_and_rest(&collection) {
        Ok(found) => found,
        Err(why) if why.kind == WhyKind::Invalid => return Err(why),
        Err(why) => {
            let any = Value::Unknown(why.clone());
            (vec![(any.clone(), any)], Some(why))
        }
    };
    let mut out = Iterated {
        grouping: expr.grouping,
        ..Iterated::default()
    };
    let mut rest = rest;
    for (key, value) in pairs {
        if let Some(why) = value.why_unknown().filter(|_| value.is_elements()) {
            out.elements(why);
            rest = None;
            continue;
        }
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
        let mut perhaps = None;
        if let Some(cond) = &expr.cond {
            match to_bool(&inner.eval(&cond.expr)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) if why.kind == WhyKind::Invalid => return Err(why),
                Err(why) => perhaps = Some(why),
            }
        }
        match &expr.key_expr {
            None => {
                out.items.extend(perhaps.as_ref().map(Value::elements));
                out.items.push(inner.eval(&expr.value_expr));
            }
            Some(key) => {
                let value = inner.eval(&expr.value_expr);
                let value = perhaps.map_or(value.clone(), |why| value.unsure(&why));
                out.entry(&inner.eval(key), value)?;
            }
        }
    }
    Ok(out.finish(expr.key_expr.is_some(), rest.as_ref()))
}

/// What a loop has made.
#[derive(Default)]
struct Iterated {
    grouping: bool,
    items: Vec<Value>,
    entries: Entries,
    groups: BTreeMap<Arc<str>, Vec<Value>>,
}

impl Iterated {
    /// There may be any number of elements at this place.
    fn elements(&mut self, why: &Why) {
        self.items.push(Value::elements(why));
        add_unknown_key(&mut self.entries, why, Value::Unknown(why.clone()));
    }

    fn entry(&mut self, key: &Value, value: Value) -> Result<(), Why> {
        let known = match key {
            Value::Null => return Err(invalid("null as the key of an object")),
            key => convert::to_known(key),
        };
        match known {
            Ok(key) if self.grouping => self.groups.entry(key.into()).or_default().push(value),
            Ok(key) if self.entries.contains_key(key.as_str()) => {
                return Err(invalid(format!("two elements with the key {key}")));
            }
            Ok(key) => drop(self.entries.insert(key.into(), value)),
            Err(why) if why.kind == WhyKind::Invalid => return Err(why),
            // Two elements with one key are an error, so that this one takes the place of none.
            Err(why) => {
                let value = if self.grouping {
                    list(vec![value])
                } else {
                    value
                };
                add_unknown_key(&mut self.entries, &why, value);
            }
        }
        Ok(())
    }

    /// `rest` says why there may be more.
    fn finish(mut self, is_map: bool, rest: Option<&Why>) -> Value {
        if !is_map {
            self.items.extend(rest.map(Value::elements));
            return list(self.items);
        }
        let mut entries = self.entries;
        entries.extend(
            self.groups
                .into_iter()
                .map(|(key, values)| (key, list(values))),
        );
        if let Some(why) = rest {
            add_unknown_key(&mut entries, why, Value::Unknown(why.clone()));
        }
        Value::Map(Arc::new(entries))
    }
}
