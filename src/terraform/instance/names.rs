//! What the names in a module mean: variables, locals, resources, other modules' outputs. Takes
//! from a resource only what its text says.

use super::super::body::BodyView;
use super::super::eval::Step;
use super::super::eval::support::to_int;
use super::super::module::Declared;
use super::super::value::{Value, Why, WhyKind};
use super::repeat::{Bindings, Repeat, same_key};
use super::{Callee, Instance, data};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

type Resolved = (Value, usize);

/// Returns the value of a name in an instance, and how many of the steps behind it that took.
pub(in super::super) fn resolve(
    instance: &Instance<'_>,
    bindings: &Bindings,
    name: &str,
    steps: &[Step<'_>],
) -> Resolved {
    if let Some((key, value)) = bindings.get(name) {
        return bound(steps, key, value);
    }
    match (name, attribute(steps.first())) {
        ("var", Some(variable)) => (instance.variable(variable), 1),
        ("local", Some(local)) => (instance.local(local), 1),
        ("path", Some(path)) => (instance.path(path), 1),
        ("terraform", Some(fact)) => (instance.terraform(fact), 1),
        ("module", Some(module)) => instance.module_reference(module, steps),
        ("data", Some(kind)) => match attribute(steps.get(1)) {
            Some(label) => instance.resource_reference("data", kind, label, &steps[2..], 2),
            None => (
                Value::unknown(WhyKind::KnownAfterApply, format!("data.{kind}")),
                steps.len(),
            ),
        },
        ("resource", Some(kind)) if attribute(steps.get(1)).is_some() => {
            let label = attribute(steps.get(1)).unwrap_or_default();
            instance.resource_reference("resource", kind, label, &steps[2..], 2)
        }
        ("self" | "ephemeral", _) => (Value::unknown(WhyKind::KnownAfterApply, name), steps.len()),
        ("var" | "local" | "path" | "terraform" | "module" | "each" | "count", _) => {
            (Value::unknown(WhyKind::NotDeclared, name), steps.len())
        }
        (kind, Some(label)) => instance.resource_reference("resource", kind, label, &steps[1..], 1),
        _ => (Value::unknown(WhyKind::NotDeclared, name), steps.len()),
    }
}

/// `each.key`, `count.index`, `container.value`.
fn bound(steps: &[Step<'_>], key: &Value, value: &Value) -> Resolved {
    match attribute(steps.first()) {
        Some("key" | "index") => (key.clone(), 1),
        Some("value") => (value.clone(), 1),
        other => (
            Value::unknown(WhyKind::NotDeclared, other.unwrap_or("each")),
            steps.len(),
        ),
    }
}

fn attribute<'e>(step: Option<&Step<'e>>) -> Option<&'e str> {
    match step {
        Some(Step::Attr(name)) => Some(name),
        _ => None,
    }
}

fn map(entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Value {
    Value::Map(Arc::new(entries.into_iter().collect::<BTreeMap<_, _>>()))
}

impl<'p> Instance<'p> {
    fn path(&self, name: &str) -> Value {
        match name {
            "module" => Value::text(self.path_module()),
            "root" => Value::text("."),
            "cwd" => Value::text(self.tree.root.module_dir().to_absolute()),
            _ => Value::unknown(WhyKind::NotDeclared, format!("path.{name}")),
        }
    }

    fn terraform(&self, name: &str) -> Value {
        match &self.tree.root.workspace {
            Some(workspace) if name == "workspace" => Value::text(workspace.as_str()),
            _ => Value::unknown(WhyKind::RunTime, format!("terraform.{name}")),
        }
    }

    /// `module.name.output`, `module.name["key"].output`, or all of the call.
    fn module_reference(&self, name: &str, steps: &[Step<'_>]) -> Resolved {
        let callee = self.callee(name);
        let (repeat, items) = match &*callee {
            Callee::Boundary(why) => return (Value::Unknown(why.clone()), steps.len()),
            Callee::Local { repeat, items } => (repeat, items),
        };
        let child = |id: usize| self.tree.instance(id);
        match (repeat, steps.get(1), items.first()) {
            (Repeat::Once, next, Some((_, id))) => child(*id).outputs(next, 1),
            (Repeat::Unknown(..), Some(Step::Index(_)), Some((_, id))) => {
                child(*id).outputs(steps.get(2), 2)
            }
            (Repeat::Unknown(_, why), ..) => (Value::Unknown(why.clone()), steps.len()),
            (_, Some(Step::Index(key)), _) => {
                if let Some(why) = key.why_unknown() {
                    return (Value::Unknown(why.clone()), steps.len());
                }
                match items
                    .iter()
                    .find(|(own, _)| own.as_ref().is_some_and(|own| same_key(own, key)))
                {
                    Some((_, id)) => child(*id).outputs(steps.get(2), 2),
                    None => (
                        Value::unknown(
                            WhyKind::Invalid,
                            format!("module.{name} has no such instance"),
                        ),
                        steps.len(),
                    ),
                }
            }
            (Repeat::Count(_), ..) => (
                Value::List(Arc::new(
                    self.live(items)
                        .map(|(_, id)| child(id).outputs(None, 0).0)
                        .collect(),
                )),
                1,
            ),
            _ => (
                map(self.live(items).filter_map(|(key, id)| {
                    Some((key.as_str()?.into(), child(id).outputs(None, 0).0))
                })),
                1,
            ),
        }
    }

    fn live<'i>(
        &self,
        items: &'i [(Option<Value>, usize)],
    ) -> impl Iterator<Item = (&'i Value, usize)> {
        items
            .iter()
            .filter_map(|(key, id)| Some((key.as_ref()?, *id)))
    }

    /// Returns one output, or all as an object; `used` steps were taken before `next`.
    fn outputs(&self, next: Option<&Step<'_>>, used: usize) -> Resolved {
        match next {
            Some(Step::Attr(output)) => (self.output(output), used + 1),
            Some(Step::Index(output)) if output.as_str().is_some() => {
                (self.output(&output.as_str().unwrap_or_default()), used + 1)
            }
            _ => (
                map(self
                    .node
                    .module
                    .outputs
                    .keys()
                    .map(|name| (Arc::from(*name), self.output(name)))),
                used,
            ),
        }
    }

    /// `kind.label…`: the instance if there are several, then as far into its text as the steps go.
    fn resource_reference(
        &self,
        block: &str,
        kind: &str,
        label: &str,
        steps: &[Step<'_>],
        before: usize,
    ) -> Resolved {
        let dot = if block == "data" { "data." } else { "" };
        let what = format!("{dot}{kind}.{label}");
        let all = before + steps.len();
        let Some(declared) = self.node.module.find(block, kind, label) else {
            return (Value::unknown(WhyKind::NotDeclared, what), all);
        };
        let repeat = self.guarded(declared, &what);
        let (value, used) = match (&repeat, steps.first()) {
            (Repeat::Once, _) => ResourceReader { what: &what }.read(
                &self.bound(declared, Bindings::default()),
                steps,
                0,
            ),
            (_, Some(Step::Index(key))) if key.why_unknown().is_none() => {
                match repeat.select(key) {
                    Some(bindings) => ResourceReader { what: &what }.read(
                        &self.bound(declared, bindings),
                        steps,
                        1,
                    ),
                    None => (
                        Value::unknown(WhyKind::Invalid, format!("{what} has no such instance")),
                        steps.len(),
                    ),
                }
            }
            (Repeat::Unknown(_, why), _) => (Value::Unknown(why.clone()), steps.len()),
            (_, Some(Step::Index(key))) => (
                Value::Unknown(
                    key.why_unknown()
                        .cloned()
                        .unwrap_or_else(|| unreachable_key(&what)),
                ),
                steps.len(),
            ),
            _ => (self.collection(declared, &repeat, &what), 0),
        };
        (value, before + used)
    }

    /// Returns the repetition of a resource; one that depends on the resource itself is unknown.
    fn guarded(&self, declared: &Declared<'p>, what: &str) -> Repeat {
        let key = (self.node.id, std::ptr::from_ref(declared).cast());
        if !self.tree.busy.borrow_mut().insert(key) {
            return Repeat::Unknown("each", Why::new(WhyKind::Cycle, what));
        }
        let repeat = self.repeat(&declared.layers);
        self.tree.busy.borrow_mut().remove(&key);
        repeat
    }

    fn bound(&self, declared: &Declared<'p>, bindings: Bindings) -> BodyView<'p> {
        BodyView::of(self, declared, bindings)
    }

    fn collection(&self, declared: &Declared<'p>, repeat: &Repeat, what: &str) -> Value {
        let live = repeat
            .bindings()
            .into_iter()
            .filter(|(_, key, _)| key.is_some());
        let mut objects = live.map(|(bindings, key, _)| {
            (
                key,
                ResourceReader { what }.object(&self.bound(declared, bindings)),
            )
        });
        match repeat {
            Repeat::Count(_) => Value::List(Arc::new(objects.map(|(_, object)| object).collect())),
            _ => map(objects
                .by_ref()
                .filter_map(|(key, object)| Some((key?.as_str()?.into(), object)))),
        }
    }
}

fn unreachable_key(what: &str) -> Why {
    Why::new(WhyKind::Invalid, format!("{what} has no such instance"))
}

/// Reads a resource's text.
struct ResourceReader<'w> {
    what: &'w str,
}

impl ResourceReader<'_> {
    fn read(&self, view: &BodyView<'_>, steps: &[Step<'_>], used: usize) -> Resolved {
        let name = match steps.get(used) {
            None => return (self.object(view), used),
            Some(Step::Attr(name)) => Cow::Borrowed(*name),
            Some(Step::Index(index)) => match index.as_str() {
                Some(name) => Cow::Owned(name),
                None => {
                    return (
                        Value::unknown(WhyKind::Invalid, format!("{} has no elements", self.what)),
                        steps.len(),
                    );
                }
            },
        };
        if view.attr(&name).is_some() {
            return (self.attribute(view, &name), used + 1);
        }
        if let Some(value) = self.computed(view, &name) {
            return (value, used + 1);
        }
        let blocks = view.blocks(&name);
        if blocks.is_empty() {
            return (self.after_apply(&name), steps.len());
        }
        if blocks.iter().any(|block| block.instances().is_none()) {
            return (self.after_apply(&name), steps.len());
        }
        let live: Vec<BodyView<'_>> = blocks
            .into_iter()
            .filter(|block| block.instances() != Some(0))
            .collect();
        match steps.get(used + 1) {
            Some(Step::Index(index)) => match to_int(index)
                .ok()
                .and_then(|at| live.get(usize::try_from(at).ok()?))
            {
                Some(block) => self.read(block, steps, used + 2),
                None => (
                    Value::unknown(
                        WhyKind::Invalid,
                        format!("{}.{name} has no such element", self.what),
                    ),
                    steps.len(),
                ),
            },
            Some(Step::Attr(_)) if live.len() == 1 => self.read(&live[0], steps, used + 1),
            _ => (
                Value::List(Arc::new(
                    live.iter().map(|block| self.object(block)).collect(),
                )),
                used + 1,
            ),
        }
    }

    /// An attribute that is null, or not there, may get its value from the provider.
    fn attribute(&self, view: &BodyView<'_>, name: &str) -> Value {
        let Some(attr) = view.attr(name) else {
            return self.after_apply(name);
        };
        let instance = view.instance();
        let key = (instance.node.id, std::ptr::from_ref(attr.expr()));
        if !instance.tree.busy.borrow_mut().insert(key) {
            return Value::unknown(WhyKind::Cycle, format!("{}.{name}", self.what));
        }
        let value = attr.value();
        instance.tree.busy.borrow_mut().remove(&key);
        if matches!(value, Value::Null) {
            self.after_apply(name)
        } else {
            value
        }
    }

    /// Returns what follows from the text although it does not set it.
    fn computed(&self, view: &BodyView<'_>, name: &str) -> Option<Value> {
        let instance = view.instance();
        let key = (instance.node.id, std::ptr::from_ref(view.block()).cast());
        if !instance.tree.busy.borrow_mut().insert(key) {
            return None;
        }
        let value = data::computed(view, name);
        instance.tree.busy.borrow_mut().remove(&key);
        value
    }

    fn after_apply(&self, name: &str) -> Value {
        Value::unknown(WhyKind::KnownAfterApply, format!("{}.{name}", self.what))
    }

    fn object(&self, view: &BodyView<'_>) -> Value {
        let attrs = view
            .attrs()
            .into_iter()
            .map(|attr| (Arc::from(attr.name()), self.attribute(view, attr.name())));
        let blocks = view.block_names().into_iter().map(|name| {
            let all = view.blocks(name);
            let value = match all.iter().any(|block| block.instances().is_none()) {
                true => self.after_apply(name),
                false => Value::List(Arc::new(
                    all.iter()
                        .filter(|block| block.instances() != Some(0))
                        .map(|block| self.object(block))
                        .collect(),
                )),
            };
            (Arc::from(name), value)
        });
        let made = ["id", "documents", "manifests", "rendered", "content"]
            .into_iter()
            .filter_map(|name| Some((Arc::from(name), self.computed(view, name)?)));
        map([(Arc::from("id"), self.after_apply("id"))]
            .into_iter()
            .chain(made)
            .chain(attrs)
            .chain(blocks))
    }
}
