//! What stays of an object: names, images, who set them, and how far it is. Two objects that are
//! equal give the same plan.

use super::Kind;
use crate::model::rollout::{Container, PodContainer, Rollout};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Everything that was read, by kind; a kind that could not be read has the reason: a sentence.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    pub kinds: BTreeMap<Kind, Result<Vec<Arc<Object>>, String>>,
}

/// Any object that is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Empty for a namespace itself.
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub uid: Arc<str>,
    pub created: Option<Timestamp>,
    /// It is being deleted.
    pub going: bool,
    /// The owner that controls it.
    pub controller: Option<Owner>,
    /// Labels that mean something here, sorted.
    pub labels: Box<[(Arc<str>, Arc<str>)]>,
    /// Annotations that mean something here, sorted.
    pub annotations: Box<[(Arc<str>, Arc<str>)]>,
    /// How many pods are wanted, where it says so.
    pub replicas: Option<u32>,
    /// Of its pod template, or its own; none for a pod that somebody controls.
    pub containers: Box<[Container]>,
    /// A ControllerRevision's number, or the annotation `deployment.kubernetes.io/revision`.
    pub revision: Option<i64>,
    /// The ControllerRevision that a StatefulSet goes to.
    pub update_revision: Option<Arc<str>>,
    pub rollout: Rollout,
    /// A pod has ended for good.
    pub ended: bool,
    /// Since when a pod that was ready is not.
    pub lost: Option<Timestamp>,
    /// Since when a pod is not ready, whether it ever was or not.
    pub unready: Option<Timestamp>,
    /// The node that a pod is on.
    pub node: Option<Arc<str>>,
    /// What a pod's containers do, init containers too.
    pub statuses: Box<[PodContainer]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// As Kubernetes writes it.
    pub kind: Arc<str>,
    pub name: Arc<str>,
    pub uid: Arc<str>,
}

impl Object {
    pub fn label(&self, key: &str) -> Option<&Arc<str>> {
        find(&self.labels, key)
    }

    pub fn annotation(&self, key: &str) -> Option<&Arc<str>> {
        find(&self.annotations, key)
    }

    pub fn is_controlled_by(&self, kind: &Kind) -> bool {
        self.controller
            .as_ref()
            .is_some_and(|owner| &*owner.kind == kind.name())
    }
}

fn find<'a>(pairs: &'a [(Arc<str>, Arc<str>)], key: &str) -> Option<&'a Arc<str>> {
    pairs
        .iter()
        .find(|(own, _)| &**own == key)
        .map(|(_, value)| value)
}

/// Each text once: the same image, namespace or label value stands in thousands of objects.
#[derive(Debug, Default)]
pub(super) struct Words {
    known: HashSet<Arc<str>>,
    /// When it grows beyond this, what nobody uses any more is let go.
    sweep: usize,
}

impl Words {
    pub(super) fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if self.known.len() >= self.sweep.max(1024) {
            self.known.retain(|word| Arc::strong_count(word) > 1);
            self.sweep = self.known.len() * 2;
        }
        let new: Arc<str> = text.into();
        self.known.insert(new.clone());
        new
    }
}
