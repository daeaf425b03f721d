//! The section `[forge]`, checked.

use super::checked::{Checked, each, hint, length, line, optional};
use super::wire::{self, TomlText};
use super::{ForgeConfig, RebaseMode};
use std::sync::Arc;
use url::Url;

pub(super) fn forge(wire: &wire::ForgeToml) -> Checked<ForgeConfig> {
    let built_in = ForgeConfig::default();
    Ok(ForgeConfig {
        max_pull_requests: match &wire.max_pull_requests {
            Some(at) if *at.value() == 0 => {
                return Err(hint(
                    at.wrong("0 pull requests are none at all"),
                    "write `mode = \"off\"` for that",
                ));
            }
            Some(at) => usize::from(*at.value()),
            None => built_in.max_pull_requests,
        },
        labels: wire
            .labels
            .as_ref()
            .map_or(Ok(built_in.labels), |labels| each(labels, line))?,
        merge_style: wire.merge_style.map(|style| merge_style(style).into()),
        rebase: wire.rebase.map_or(built_in.rebase, rebase_mode),
        commanders: wire.commanders.clone(),
        release_notes: wire.release_notes.unwrap_or(built_in.release_notes),
        sources: wire
            .sources
            .as_ref()
            .map_or(Ok(built_in.sources), |hosts| each(hosts, host))?,
        command_age: optional(wire.command_age.as_ref(), length)?.unwrap_or(built_in.command_age),
        dashboard: wire.dashboard.unwrap_or(built_in.dashboard),
    })
}

fn rebase_mode(word: wire::RebaseWord) -> RebaseMode {
    match word {
        wire::RebaseWord::WhenNeeded => RebaseMode::WhenNeeded,
        wire::RebaseWord::Always => RebaseMode::Always,
    }
}

fn merge_style(style: wire::MergeStyle) -> &'static str {
    match style {
        wire::MergeStyle::Merge => "merge",
        wire::MergeStyle::Rebase => "rebase",
        wire::MergeStyle::RebaseMerge => "rebase-merge",
        wire::MergeStyle::Squash => "squash",
        wire::MergeStyle::FastForwardOnly => "fast-forward-only",
    }
}

/// `codeberg.org`, `git.example.org:3000`: what stands between `https://` and the path of an
/// address, as addresses have it.
fn host(text: &TomlText) -> Checked<Arc<str>> {
    let is_host = |text: &String| {
        let url = Url::parse(&format!("https://{text}/")).ok()?;
        (url.as_str() == format!("https://{text}/")
            && url.path() == "/"
            && url.username().is_empty())
        .then(|| text.as_str().into())
    };
    let checked = text.check(|text| is_host(text).ok_or_else(|| format!("`{text}` is no host")));
    checked.map_err(|wrong| {
        hint(
            wrong,
            "write the host only, in lower case and without `https://`: `codeberg.org`",
        )
    })
}
