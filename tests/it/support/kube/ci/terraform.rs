//! What the stand-in for CI reads of a resource's text by itself, beside what `pintle scan` tells:
//! annotations, pull policies, and what Terraform ignores. Knows plain strings only; what is
//! written in another way is not applied.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::repr::Span;
use hcl_edit::structure::{Block, Body};

/// A resource as far as it is applied beside its images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    pub annotations: BTreeMap<String, String>,
    /// By container.
    pulls: BTreeMap<String, String>,
    /// The containers, then the init containers, in the order of the text.
    containers: [Vec<String>; 2],
    /// The entries of `ignore_changes`, without blanks.
    ignored: BTreeSet<String>,
}

impl Resource {
    /// Reads the resource of a kind (as a scan has it) with this name in its metadata; `None` where
    /// there is none written so.
    pub fn read(text: &str, kind: &str, name: &str) -> Option<Resource> {
        let body = hcl_edit::parser::parse_body(text).expect("the code can be parsed");
        let is_one = |block: &&Block| {
            let label = block
                .labels
                .first()
                .map(|label| label.as_str().replace('_', ""));
            let own = label
                .is_some_and(|label| label.trim_end_matches("v1") == format!("kubernetes{kind}"));
            own && inside(&block.body, &["metadata"])
                .and_then(|body| string(body, "name"))
                .as_deref()
                == Some(name)
        };
        let block = body.get_blocks("resource").find(is_one)?;
        let mut one = Resource::default();
        if let Some(Expression::Object(object)) = inside(&block.body, &["metadata"])?
            .get_attribute("annotations")
            .map(|it| &it.value)
        {
            let plain = object
                .iter()
                .filter_map(|(key, value)| Some((word(key)?, value.expr().as_str()?.to_owned())));
            one.annotations = plain.collect();
        }
        let pod = inside(&block.body, &["spec", "template", "spec"])?;
        for (at, kind) in ["container", "init_container"].into_iter().enumerate() {
            for container in pod.get_blocks(kind) {
                let name = string(&container.body, "name").unwrap_or_default();
                one.pulls.extend(
                    string(&container.body, "image_pull_policy")
                        .map(|policy| (name.clone(), policy)),
                );
                one.containers[at].push(name);
            }
        }
        let lifecycle = inside(&block.body, &["lifecycle"])
            .and_then(|body| body.get_attribute("ignore_changes"));
        if let Some(Expression::Array(entries)) = lifecycle.map(|it| &it.value) {
            let written = entries
                .iter()
                .map(|entry| &text[entry.span().expect("it was parsed")]);
            one.ignored = written
                .map(|entry| entry.split_whitespace().collect())
                .collect();
        }
        Some(one)
    }

    /// Whether Terraform leaves the image of a container as it is in the cluster.
    pub fn ignores_image(&self, container: &str, init: bool) -> bool {
        let block = if init { "init_container" } else { "container" };
        let place = self.containers[usize::from(init)]
            .iter()
            .position(|name| name == container);
        place.is_some_and(|at| {
            self.ignored
                .contains(&format!("spec[0].template[0].spec[0].{block}[{at}].image"))
        })
    }

    /// Whether it leaves an annotation as it is there.
    pub fn ignores_annotation(&self, key: &str) -> bool {
        let all = [
            "metadata[0].annotations".to_owned(),
            format!("metadata[0].annotations[\"{key}\"]"),
        ];
        all.iter().any(|entry| self.ignored.contains(entry))
    }

    /// The pull policy that a container declares. Where it declares none, the provider keeps the
    /// one that is there.
    pub fn pulls(&self, container: &str) -> Option<&str> {
        self.pulls.get(container).map(String::as_str)
    }
}

fn inside<'a>(body: &'a Body, path: &[&'a str]) -> Option<&'a Body> {
    path.iter().try_fold(body, |body, step| {
        body.get_blocks(step).next().map(|block| &block.body)
    })
}

fn string(body: &Body, name: &str) -> Option<String> {
    body.get_attribute(name)?.value.as_str().map(str::to_owned)
}

fn word(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
        ObjectKey::Expression(expression) => expression.as_str().map(str::to_owned),
    }
}
