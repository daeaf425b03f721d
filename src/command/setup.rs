//! `pintle setup forgejo`.

use super::ending::Completion;
use super::{out, source};
use crate::cli::{SetupArgs, SetupCommand};
use crate::error::{Error, Result};
use crate::remote::forgejo::Client;
use crate::write::WriteLease;
use crate::write::setup::{ForgeSetup, SetupState, WebhookSetup, set_up_forge};
use url::Url;

pub async fn run(args: &SetupArgs) -> Result<Completion> {
    let SetupCommand::Forgejo(args) = &args.what;
    let none = || {
        Error::usage("no forge is named")
            .hint("name the repo's page: --forge https://forge.example.org/ops/infra")
    };
    let place = source::forge(&args.clone)?.ok_or_else(none)?;
    let hook = match &args.hook_url {
        None => None,
        Some(url) => Some(WebhookSetup {
            url: Url::parse(url).map_err(|why| {
                Error::usage(format!("--hook-url {url} is not an address")).because(why)
            })?,
            secret: source::webhook_secret(args.webhook_secret_file.as_deref())?.ok_or_else(
                || {
                    Error::usage("a webhook needs a secret")
                        .hint("--webhook-secret-file, or PINTLE_WEBHOOK_SECRET")
                },
            )?,
            replace: args.replace_hook,
        }),
    };
    let client = Client::new(&place, &source::forge_told(&args.clone)?)?;
    let labels = source::config(&args.clone)?.forge.labels;
    let branch = args
        .clone
        .branch
        .clone()
        .filter(|branch| !branch.is_empty());
    let wanted = ForgeSetup {
        branch,
        labels,
        hook,
        dry_run: args.dry_run,
    };
    let lines = set_up_forge(&WriteLease::for_setup(), &client, &wanted).await?;
    out::data(
        &lines
            .iter()
            .map(|line| format!("{:<8}{}\n", line.state.word(), line.what))
            .collect::<String>(),
    )?;
    let wrong = lines
        .iter()
        .filter(|line| line.state == SetupState::Wrong)
        .count();
    let made = lines
        .iter()
        .filter(|line| line.state == SetupState::Made)
        .count();
    if wrong > 0 {
        return Err(Error::failed(format!(
            "{} to be put right before pintle can work here",
            out::many(wrong, "thing")
        ))
        .hint("docs/forgejo.md has the rights and scopes that the account and its token need"));
    }
    out::say(&if made == 0 {
        "nothing was changed".to_owned()
    } else {
        format!("made {}", out::many(made, "thing"))
    });
    Ok(Completion::Ok)
}
