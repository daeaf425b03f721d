//! `pintle log`: the commits' trailers, and nothing else.

use super::ending::{Completion, on_runtime};
use super::{out, source, table::table};
use crate::cli::{ClusterArgs, LogArgs, OutputFormat, RegistryArgs};
use crate::error::{Error, Result};
use crate::model::duration::show_time;
use crate::pipeline::{Recorded, Seen};
use crate::reconcile;
use serde_json::json;

pub fn run(args: &LogArgs) -> Result<Completion> {
    let session = source::setup(
        args.repo.dir.as_deref(),
        &args.repo.clone,
        &RegistryArgs::default(),
        &ClusterArgs::default(),
    )?;
    let all = match on_runtime(reconcile::read_history(&session))? {
        Seen::Known(all) => all,
        Seen::Unknown(why) => return Err(Error::failed("the history cannot be read").cause(why)),
        Seen::NotAsked => {
            return Err(Error::usage("a folder has no history of pins here")
                .hint("name the git remote: pintle log --remote URL"));
        }
    };
    let wanted = |one: &&Recorded| {
        let only = args.only.as_deref().unwrap_or("");
        [&one.pin.site, &one.pin.image, &one.subject]
            .iter()
            .any(|text| text.contains(only))
    };
    let shown: Vec<&Recorded> = all.iter().filter(wanted).take(args.limit).collect();
    match args.output.output {
        OutputFormat::Json => out::json(
            &json!({ "version": 1, "pins": shown.iter().map(|one| json(one)).collect::<Vec<_>>() }),
        )?,
        OutputFormat::Table => out::data(&table(
            ["commit", "when", "what", "image", "from", "to", "site"],
            shown.iter().map(|one| row(one)),
        ))?,
    }
    if shown.is_empty() {
        out::say("pintle has written no pin here that matches");
    }
    Ok(Completion::Ok)
}

fn row(one: &Recorded) -> [String; 7] {
    let from = one
        .pin
        .from
        .as_ref()
        .map(|digest| digest.short().to_owned())
        .unwrap_or_else(|| "-".into());
    let what = one.pin.action.as_str().to_owned();
    [
        one.commit.short().to_owned(),
        show_time(one.at),
        what,
        one.pin.image.clone(),
        from,
        one.pin
            .to
            .as_ref()
            .map_or("none", |to| to.short())
            .to_owned(),
        one.pin.site.clone(),
    ]
}

fn json(one: &Recorded) -> serde_json::Value {
    json!({
        "commit": one.commit.as_str(),
        "at": one.at.to_string(),
        "author": one.author,
        "subject": one.subject,
        "action": one.pin.action.as_str(),
        "cause": one.pin.cause.as_str(),
        "site": one.pin.site,
        "uses": one.pin.uses,
        "image": one.pin.image,
        "from": one.pin.from.as_ref().map(|digest| digest.as_str()),
        "to": one.pin.to.as_ref().map(|to| to.as_str()),
    })
}
