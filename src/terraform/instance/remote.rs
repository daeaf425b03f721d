//! The calls of modules whose text is not in the repo, and what is handed to them.

use super::super::body::BodyView;
use super::super::module::is_argument;
use super::super::sources::SourcePlace;
use super::super::terragrunt::{Location, merged};
use super::super::value::Value;
use super::{Callee, Instance};

/// A value handed to a remote module.
#[derive(Clone, Debug)]
pub struct RemoteArgument {
    pub name: String,
    pub value: Value,
    /// Where the value is written.
    pub place: SourcePlace,
}

/// A call of a module whose text is not in the repo.
#[derive(Clone, Debug)]
pub struct RemoteCall {
    /// The call's label; `None` for a Terragrunt unit with a remote source.
    pub label: Option<String>,
    /// As it is written, with `?` for what is not known of it.
    pub source: String,
    pub place: SourcePlace,
    pub instances: Option<u64>,
    pub arguments: Vec<RemoteArgument>,
}

impl Instance<'_> {
    /// Returns the calls of modules whose text is not in the repo.
    pub fn remote_calls(&self) -> Vec<RemoteCall> {
        let own = self
            .node
            .call
            .is_none()
            .then(|| self.remote_unit())
            .flatten();
        let calls = self
            .node
            .module
            .calls
            .iter()
            .filter(|call| matches!(*self.callee(call.label(0)), Callee::Boundary(_)));
        own.into_iter()
            .chain(calls.flat_map(|call| self.expand(call)).map(remote_call))
            .collect()
    }

    fn remote_unit(&self) -> Option<RemoteCall> {
        let unit = self.tree.unit.as_ref()?;
        let (Location::Remote(source), place) = unit.source()? else {
            return None;
        };
        let inputs = unit.inputs();
        let names: Vec<String> = if let Value::Map(map) = merged(&inputs) {
            map.keys().map(ToString::to_string).collect()
        } else {
            Vec::new()
        };
        let arguments = names.into_iter().filter_map(|name| {
            let given = self.tree.layers.given(&name).0.into_iter().next()?;
            Some(RemoteArgument {
                name,
                value: given.value,
                place: given.place,
            })
        });
        Some(RemoteCall {
            label: None,
            source,
            place,
            instances: Some(1),
            arguments: arguments.collect(),
        })
    }
}

fn remote_call(view: BodyView<'_>) -> RemoteCall {
    let arguments = view
        .attrs()
        .into_iter()
        .filter(|attr| is_argument(attr.name()));
    RemoteCall {
        label: view.labels().first().map(|label| (*label).to_owned()),
        source: view.value("source").shown(),
        place: SourcePlace::of(view.source(), &view.block().ident),
        instances: view.instances(),
        arguments: arguments
            .map(|attr| RemoteArgument {
                name: attr.name().to_owned(),
                value: attr.value(),
                place: attr.place(),
            })
            .collect(),
    }
}
