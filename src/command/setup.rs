//! `pintle setup forgejo`, `pintle setup registry-hook`.

use super::ending::Completion;
use super::{out, source};
use crate::cli::{SetupArgs, SetupCommand, SetupForgejoArgs, SetupRegistryHookArgs};
use crate::daemon::hooks::registry::{RegistrySender, SenderProof};
use crate::error::{Error, Result};
use crate::remote::forgejo::Client;
use crate::write::WriteLease;
use crate::write::setup::{ForgeSetup, SetupState, WebhookSetup, set_up_forge};
use url::Url;

pub async fn run(args: &SetupArgs) -> Result<Completion> {
    match &args.what {
        SetupCommand::Forgejo(args) => set_up(args).await,
        SetupCommand::RegistryHook(args) => show_registry_hook(args),
    }
}

/// Shows the address of a webhook and how its sender proves itself. Of secrets only the one that is
/// part of an address is shown, because it is entered nowhere else.
fn show_registry_hook(args: &SetupRegistryHookArgs) -> Result<Completion> {
    let sender: RegistrySender = args.kind.parse().map_err(|_| {
        Error::usage(format!("`{}` is no kind of registry", args.kind))
            .hint("write distribution, dockerhub, harbor, quay, ghcr or diun")
    })?;
    let file = args.registry_hook_token_file.as_deref();
    let token = source::registry_hook_token(file)?.ok_or_else(|| {
        Error::usage("there is no token for webhooks of registries")
            .hint("--registry-hook-token-file, or PINTLE_REGISTRY_HOOK_TOKEN")
    })?;
    let base = Url::parse(&args.base_url).map_err(|why| {
        Error::usage(format!("--base-url {} is not an address", args.base_url)).because(why)
    })?;
    let path = sender.path(&token)?;
    out::data(&format!("{}{path}\n", base.as_str().trim_end_matches('/')))?;
    out::say(match sender.proof() {
        SenderProof::Token => "send the token in the header Authorization: Bearer TOKEN",
        SenderProof::Signature => {
            "enter the token as the secret of the webhook, with content type application/json"
        }
        SenderProof::Path => "the end of the address is a secret",
    });
    Ok(Completion::Ok)
}

async fn set_up(args: &SetupForgejoArgs) -> Result<Completion> {
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
