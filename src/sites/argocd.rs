//! `argocd_application`: what its blocks hand to a chart or a kustomization, as the object of the
//! cluster says it.

use super::Use;
use super::finder::Finder;
use super::values;
use super::workload;
use crate::terraform::body::BodyView;
use crate::terraform::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads an application of the argocd provider.
pub fn application(finder: &mut Finder<'_>, view: &BodyView<'_>, user: &Use) {
    let (namespace, name, annotations) = workload::metadata(view);
    let user = Use {
        namespace,
        name,
        ..user.clone()
    };
    for spec in view.blocks("spec") {
        let sources = spec.blocks("source");
        for (number, source) in sources.iter().enumerate() {
            let path = match sources.len() {
                1 => "spec.source".to_owned(),
                _ => format!("spec.sources[{number}]"),
            };
            let tree = map([
                (
                    "helm",
                    source
                        .blocks("helm")
                        .first()
                        .map(|helm| chart(finder, helm)),
                ),
                (
                    "kustomize",
                    source.blocks("kustomize").first().map(|one| {
                        finder.consume(one, &["images"]);
                        map([("images", Some(one.value("images")))])
                    }),
                ),
            ]);
            let images = values::images(&tree);
            finder.keep_others(&tree, &images);
            for mut found in images {
                found.prefix(&path);
                finder.found(found, user.clone(), annotations.clone());
            }
        }
    }
}

fn chart(finder: &mut Finder<'_>, helm: &BodyView<'_>) -> Value {
    finder.consume(helm, &["values"]);
    let parameters: Vec<Value> = helm
        .blocks("parameter")
        .iter()
        .map(|parameter| {
            finder.consume(parameter, &["value"]);
            map(["name", "value"].map(|key| (key, Some(parameter.value(key)))))
        })
        .collect();
    let values = helm.attr("values").map(|attr| attr.value());
    let parameters = (!parameters.is_empty()).then(|| Value::List(Arc::new(parameters)));
    map([("values", values), ("parameters", parameters)])
}

/// A map of the values that are there.
fn map<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let there = entries
        .into_iter()
        .filter_map(|(key, value)| Some((Arc::from(key), value?)));
    Value::Map(Arc::new(there.collect::<BTreeMap<_, _>>()))
}
