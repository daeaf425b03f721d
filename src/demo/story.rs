//! The story of `pintle demo`: real runs of the real line, on made-up servers.

use super::world::{self, DemoWorld};
use crate::error::{Error, Result};
use crate::model::reference::{Channel, Reference};
use crate::observe::{
    COMMITS, ClusterAccess, RegistrySettings, RepoOrigin, Session, SessionSettings,
};
use crate::pipeline::{CacheAnswer, Receipt, Recorded, Seen, Verdict};
use crate::plan::report_status;
use crate::reconcile::{self, Planned};
use crate::remote::git::Remote;
use crate::remote::kubernetes;
use crate::report::{count_verdicts, diff};
use crate::sites::json::fate_word;
use crate::sites::lookup::find;
use crate::write::WriteLease;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the story goes.
pub type PrintFn<'a> = &'a (dyn Fn(&str) -> Result<()> + Sync);

/// The image whose tag moves in the story.
const MOVED: &str = "lscr.io/linuxserver/sonarr:latest";

/// The deployment that somebody takes back, and its namespace.
const UNDONE: (&str, &str) = ("media", "sonarr");
/// An answer to an undo that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a world, tells the story in it, and leaves it in place.
pub async fn play_story(dir: Option<&Path>, print: PrintFn<'_>) -> Result<()> {
    let dir = dir.map_or_else(new_dir, |dir| Ok(dir.to_owned()))?;
    let world = DemoWorld::make(&dir).await?;
    let session = || Session::new(setup(&world)?);
    world.apply(&reconcile::plan_offline(&session()?).await?.snapshot.scan);
    print(&format!(
        "A repo of an infra team, its registries and a pull-through cache, all made up, in {}\n",
        dir.display()
    ))?;

    show_title(
        print,
        1,
        "scan: every image, at the literal that decides it",
    )?;
    let looked = reconcile::plan_offline(&session()?).await?;
    show_scan(&looked, print)?;

    show_title(
        print,
        2,
        "sync: the first pins, one commit a stack, one push",
    )?;
    let (planned, receipt) =
        reconcile::reconcile(&session()?, &WriteLease::for_sync(), &|_, _, _| {}).await?;
    for commit in receipt.commits.iter().take(6) {
        print(&format!("  {} {}\n", commit.commit.short(), commit.subject))?;
    }
    print(&format!(
        "  … {} commits, {} pins; {}\n",
        receipt.commits.len(),
        receipt.commits.iter().map(|c| c.pins).sum::<usize>(),
        count_verdicts(&planned.plan.decisions)
    ))?;
    apply_branch(&world, &session()?, print).await?;

    show_title(
        print,
        3,
        "upstream moves a tag, and the cache goes on serving yesterday's bytes",
    )?;
    let channel = channel(MOVED)?;
    world.stop_cache(&channel.repository.registry);
    world::push_image(&world.registry, &channel)?;
    let planned = reconcile::make_plan(&session()?, &|_, _, _| {}).await?;
    show_moved_tag(&planned, &channel, print)?;

    show_title(
        print,
        4,
        "sync: the new digest is pinned; a digest cannot be stale in a cache",
    )?;
    let (planned, receipt) =
        reconcile::reconcile(&session()?, &WriteLease::for_sync(), &|_, _, _| {}).await?;
    for commit in &receipt.commits {
        print(&format!("  {} {}\n", commit.commit.short(), commit.subject))?;
    }
    show_changes(&planned, print)?;
    apply_branch(&world, &session()?, print).await?;

    show_title(
        print,
        5,
        "somebody rolls the new image back by hand, while pintle runs",
    )?;
    show_undo(&world, &session()?, print).await?;
    apply_branch(&world, &session()?, print).await?;

    show_title(print, 6, "status: what runs, since when, and why")?;
    let planned = reconcile::make_plan(&session()?, &|_, _, _| {}).await?;
    show_status(&planned, print)?;

    show_title(print, 7, "log: what happened, read back from the commits")?;
    let looked = reconcile::plan_offline(&session()?).await?;
    show_log(&looked, print)?;
    world.save()?;
    show_next_steps(&dir, print)
}

/// What a pass wrote, and why; the subjects of its commits are told already.
fn show_changes(planned: &Planned, print: PrintFn<'_>) -> Result<()> {
    let below = |text: &str| {
        text.split_once('\n')
            .map_or(String::new(), |(_, rest)| indent(rest.trim_start()))
    };
    for change in &planned.plan.changes {
        print(&below(&change.message))?;
        print(&below(&diff::diff_changes(
            &planned.snapshot.files,
            std::slice::from_ref(change),
        )))?;
    }
    Ok(())
}

/// CI applies the branch to the cluster.
async fn apply_branch(world: &DemoWorld, session: &Session, print: PrintFn<'_>) -> Result<()> {
    let looked = reconcile::plan_offline(session).await?;
    let line = match world.apply(&looked.snapshot.scan) {
        0 => "  CI applies it: nothing changes in the cluster\n".to_owned(),
        1 => "  CI applies it: 1 workload is rolled out\n".to_owned(),
        some => format!("  CI applies it: {some} workloads are rolled out\n"),
    };
    print(&line)
}

/// An undo in the cluster, and what pintle makes of it: its watches wake it, as in `pintle run`.
async fn show_undo(world: &DemoWorld, session: &Session, print: PrintFn<'_>) -> Result<()> {
    let Some((watches, keeper)) = session.watch()? else {
        return Ok(());
    };
    let mut keeper = tokio::spawn(keeper.run());
    reconcile::reconcile(session, &WriteLease::for_sync(), &|_, _, _| {}).await?;
    let (namespace, deployment) = UNDONE;
    world.undo(namespace, deployment)?;
    print(&format!(
        "  $ kubectl -n {namespace} rollout undo deployment/{deployment}\n"
    ))?;
    let begun = Instant::now();
    let answered = async {
        loop {
            watches.changed().await;
            let (planned, receipt) =
                reconcile::reconcile(session, &WriteLease::for_sync(), &|_, _, _| {}).await?;
            if !receipt.commits.is_empty() {
                return Ok((planned, receipt));
            }
        }
    };
    let answer: Result<(Planned, Receipt)> = tokio::select! {
        answered = tokio::time::timeout(PATIENCE, answered) => answered.unwrap_or_else(|_| Err(Error::failed("the undo was not answered"))),
        ended = &mut keeper => Err(Error::failed(format!("the watches ended: {ended:?}"))),
    };
    keeper.abort();
    let (planned, receipt) = answer?;
    let milliseconds = begun.elapsed().as_millis();
    for commit in &receipt.commits {
        print(&format!(
            "  {} {} ({milliseconds} ms after the undo)\n",
            commit.commit.short(),
            commit.subject
        ))?;
    }
    show_changes(&planned, print)
}

/// The deployment of the story in the words of `pintle status`.
fn show_status(planned: &Planned, print: PrintFn<'_>) -> Result<()> {
    let (namespace, deployment) = UNDONE;
    let found = find(&planned.snapshot.scan, &format!("{namespace}/{deployment}"));
    let literals: Vec<_> = found
        .literals
        .iter()
        .map(|index| &planned.snapshot.scan.literals[*index])
        .collect();
    for row in report_status(&planned.snapshot, &planned.plan, Some(&literals)).rows {
        print(&format!("  {}: {}\n", row.workload(), row.runs_text()))?;
        for why in row.why.iter().chain(&row.waits) {
            print(&format!("    - {why}\n"))?;
        }
    }
    print(&format!("  {}\n", count_verdicts(&planned.plan.decisions)))
}

/// Serves the registry and the caches of an earlier demo until interrupted.
pub async fn serve_demo(dir: &Path, print: PrintFn<'_>) -> Result<()> {
    let registry = world::load_registry(dir)?;
    let cluster = world::load_cluster(dir)?;
    let taken = |e| Error::failed(format!("cannot serve the demo in {}", dir.display())).because(e);
    let running = registry.start().await.map_err(taken)?;
    let answering = cluster.start().await.map_err(taken)?;
    let (addr, at) = (running.addr(), answering.addr());
    print(&format!(
        "The registries of {} answer on http://{addr}, the cluster on http://{at}; end with Ctrl-C\n",
        dir.display()
    ))?;
    tokio::signal::ctrl_c()
        .await
        .map_err(|e| Error::failed("cannot wait for Ctrl-C").because(e))?;
    world::save_registry(dir, &registry)?;
    answering
        .stop()
        .await
        .map_err(|e| Error::failed("the cluster did not end well").because(e))?;
    running
        .stop()
        .await
        .map_err(|e| Error::failed("the registry did not end well").because(e))
}

/// Pushes a new image under a tag of an earlier demo's registry, which must not be served
/// meanwhile.
pub async fn push_image(dir: &Path, image: &str, print: PrintFn<'_>) -> Result<()> {
    let channel = channel(image)?;
    let registry = world::load_registry(dir)?;
    let served = |e| {
        Error::usage(format!("the demo in {} is being served", dir.display()))
            .because(e)
            .hint("end it first (Ctrl-C), then push")
    };
    let running = registry.start().await.map_err(served)?;
    world::push_image(&registry, &channel)?;
    world::save_registry(dir, &registry)?;
    running
        .stop()
        .await
        .map_err(|e| Error::failed("the registry did not end well").because(e))?;
    print(&format!("{channel} is a new image now\n"))
}

fn new_dir() -> Result<PathBuf> {
    let made = tempfile::Builder::new().prefix("pintle-demo-").tempdir();
    made.map(tempfile::TempDir::keep).map_err(|e| {
        Error::failed("cannot make a temporary folder")
            .because(e)
            .hint("name a folder with --dir")
    })
}

fn setup(world: &DemoWorld) -> Result<SessionSettings> {
    let remote = Remote::parse(&world.remote().display().to_string())?;
    let origin = RepoOrigin::Remote {
        remote,
        cache: world.clones(),
        access: Box::default(),
    };
    Ok(SessionSettings {
        origin,
        config: None,
        registries: RegistrySettings::default(),
        forge: None,
        github: None,
        cluster: Some(ClusterAccess {
            place: kubernetes::Place::Kubeconfig {
                file: world.kubeconfig(),
                context: None,
            },
            options: kubernetes::Options::default(),
        }),
        commits: COMMITS,
        clock: jiff::Timestamp::now,
    })
}

fn channel(image: &str) -> Result<Channel> {
    let parsed = Reference::parse(image).and_then(|reference| reference.channel());
    parsed.ok_or_else(|| {
        Error::usage(format!("{image} is not an image with a tag")).hint(format!("such as {MOVED}"))
    })
}

fn show_title(print: PrintFn<'_>, number: usize, text: &str) -> Result<()> {
    print(&format!("\n{number}. {text}\n"))
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("      {line}\n")
            }
        })
        .collect()
}

fn show_scan(looked: &Planned, print: PrintFn<'_>) -> Result<()> {
    let scan = &looked.snapshot.scan;
    let mut fates: BTreeMap<&str, usize> = BTreeMap::new();
    for literal in &scan.literals {
        *fates.entry(fate_word(&literal.fate).0).or_default() += 1;
    }
    let counts: Vec<String> = fates
        .iter()
        .map(|(fate, count)| format!("{count} {fate}"))
        .collect();
    print(&format!(
        "  {} files, {} literals that take part in an image: {}\n",
        looked.snapshot.files.len(),
        scan.literals.len(),
        counts.join(", ")
    ))?;
    for fate in ["component", "unpinnable", "dead"] {
        if let Some(literal) = scan
            .literals
            .iter()
            .find(|literal| fate_word(&literal.fate).0 == fate)
        {
            let reason = fate_word(&literal.fate).1.unwrap_or_default();
            print(&format!(
                "  {}:{} \"{}\" is {fate}: {reason}\n",
                literal.file, literal.line, literal.literal
            ))?;
        }
    }
    for problem in &scan.problems {
        let line = problem
            .line
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        print(&format!(
            "  note: {}{line}: {}\n",
            problem.file, problem.what
        ))?;
    }
    Ok(())
}

fn show_moved_tag(planned: &Planned, channel: &Channel, print: PrintFn<'_>) -> Result<()> {
    if let Some(CacheAnswer::Stale { serves }) = planned.snapshot.cache.get(channel) {
        print(&format!(
            "  the cache serves {} for {channel}: stale, and its answer looks like any other\n",
            serves.short()
        ))?;
    }
    for decision in planned
        .plan
        .decisions
        .iter()
        .filter(|decision| decision.verdict == Verdict::Update)
    {
        print(&format!("  {}: {}\n", decision.site, decision.verdict))?;
        for reason in &decision.reasons {
            print(&format!("    - {reason}\n"))?;
        }
    }
    print(&format!("  {}\n", count_verdicts(&planned.plan.decisions)))
}

fn show_log(looked: &Planned, print: PrintFn<'_>) -> Result<()> {
    let Seen::Known(history) = &looked.snapshot.history else {
        return Ok(());
    };
    let line = |one: &Recorded| {
        format!(
            "  {} {} {} {} → {}\n",
            one.commit.short(),
            one.pin.action.as_str(),
            one.pin.image,
            one.pin.from.as_ref().map_or("-", |d| d.short()),
            one.pin.to.as_ref().map_or("none", |to| to.short())
        )
    };
    for one in history.iter().take(5) {
        print(&line(one))?;
    }
    print(&format!("  … {} pins in all\n", history.len()))
}

/// Commands that go on from here; they work as printed, in the folder the demo was started in.
fn show_next_steps(dir: &Path, print: PrintFn<'_>) -> Result<()> {
    let program = std::env::args().next().unwrap_or_else(|| "pintle".into());
    let (dir, program) = (
        shell_quote(&dir.display().to_string()),
        shell_quote(&program),
    );
    let remote = format!("{dir}/infra.git");
    let (clones, kubeconfig) = (format!("{dir}/clones"), format!("{dir}/kubeconfig"));
    print(&format!(
        "\nGo on by hand; all of it is in {dir}:\n\
         \n  {program} scan --remote {remote} --cache-dir {clones}\
         \n  {program} log --remote {remote} --cache-dir {clones} --only sonarr\
         \n  {program} explain --offline --remote {remote} --cache-dir {clones} media/sonarr\
         \n  git -C {remote} log --stat -3\n\
         \nMove another tag, serve registries and cluster again (in a second terminal, or with & behind it), and sync:\n\
         \n  {program} demo push {dir} docker.io/library/debian:bookworm-slim\
         \n  {program} demo serve {dir}\
         \n  {program} plan --remote {remote} --cache-dir {clones}\
         \n  {program} status --remote {remote} --cache-dir {clones} --kubeconfig {kubeconfig} media/sonarr\
         \n  {program} sync --remote {remote} --cache-dir {clones}\n"
    ))
}

/// Quotes a word for a shell where it has to be.
fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
