//! Labels of the repository.

use super::Client;
use super::body::CreateLabelBody;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Wire, number};
use crate::error::Result;
use reqwest::Method;
use serde::Deserialize;

/// So many pages of labels are read.
const LABELS: u32 = 20;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    pub id: u64,
    pub name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireLabel {
    id: Lax<u64>,
    name: Lax<String>,
}

impl Wire for WireLabel {
    type Out = Label;

    fn read(self, _: &Place) -> Option<Label> {
        Some(Label {
            id: number(self.id)?,
            name: self.name.0,
        })
    }
}

impl Client {
    /// Returns the repository's own labels.
    pub async fn labels(&self) -> Result<Vec<Label>> {
        let ask = Ask::get(
            self.path(["labels"]),
            format!("read the labels of {}", self.place()),
        );
        self.list::<WireLabel>(ask, LABELS)
            .await
            .map(|labels| labels.items)
    }

    /// Makes a label; `color` is `#rrggbb`.
    pub async fn create_label(&self, name: &str, color: &str, description: &str) -> Result<Label> {
        let body = CreateLabelBody {
            name: name.to_owned(),
            color: color.to_owned(),
            description: description.to_owned(),
        };
        let what = format!("make the label {name} in {}", self.place());
        self.read::<WireLabel>(Ask::write(
            Method::POST,
            self.path(["labels"]),
            &body,
            what,
        )?)
        .await
    }
}
