//! Fetches into the bare clone with gix: the followed branch, pintle's own branches and refs,
//! nothing else. Never asks a person for credentials and reads no configuration of the machine.

use super::access::Access;
use super::address::{Remote, Where};
use super::deadline::{Deadline, Timed};
use super::failure::{self, Failure, causes, local};
use super::http;
use super::program::{self, Side};
use crate::error::Error;
use crate::remote::child::{self, Conversation, Cut};
use crate::remote::http::{USER_AGENT, count};
use gix::credentials::{helper, protocol};
use gix::protocol::handshake::Ref;
use gix::remote::fetch::refmap::Source;
use gix::{ObjectId, remote};
use gix_transport::Protocol;
use gix_transport::client::blocking_io::{Transport, http as transport};
use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection as Process;
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use url::Url;

/// What the short names of pintle's branches begin with.
pub(super) const OWN: &str = "pintle/";
/// Where the clone keeps the followed branch, whatever its name is.
const TIP: &str = "refs/pintle-clone/tip";
/// What the clone holds of the remote; a ref below that the remote has no longer is removed.
const KEPT: [&str; 2] = ["refs/pintle-clone/", "refs/pintle/"];

/// What the remote said.
pub(super) struct Advertised {
    pub branch: String,
    pub tip: ObjectId,
    /// pintle's own refs by full name.
    pub own: BTreeMap<String, ObjectId>,
    /// The branches `pintle/…` by short name.
    pub branches: BTreeMap<String, ObjectId>,
}

/// Makes an empty bare repository in an empty folder.
pub(super) fn create(folder: &Path) -> Result<gix::Repository, Failure> {
    let made = gix::ThreadSafeRepository::init_opts(
        folder,
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        options(),
    );
    made.map(Into::into)
        .map_err(local("cannot make a repository"))
}

pub(super) fn open(folder: &Path) -> Result<gix::Repository, Failure> {
    let opened = gix::open_opts(folder, options().open_path_as_is(true));
    opened.map_err(|why| Failure::Local(format!("cannot open the clone: {}", causes(&why))))
}

fn options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides([
        format!("gitoxide.userAgent={USER_AGENT}"),
        "gitoxide.committer.nameFallback=pintle".into(),
        "gitoxide.committer.emailFallback=pintle@localhost".into(),
    ])
}

/// Fetches, and returns what the remote holds now.
pub(super) fn fetch(
    repo: &gix::Repository,
    remote: &Remote,
    access: &Access,
) -> Result<Advertised, Failure> {
    let from = match &access.branch {
        Some(branch) => format!("refs/heads/{branch}"),
        None => "HEAD".into(),
    };
    let specs = [
        format!("+{from}:{TIP}"),
        "+refs/pintle/*:refs/pintle/*".into(),
        "+refs/heads/pintle/*:refs/pintle-clone/branches/*".into(),
        "+refs/heads/pintle-ledger:refs/pintle-clone/ledger".into(),
    ];
    let anonymous = repo
        .remote_at_without_url_rewrite(remote.as_str())
        .map_err(local("cannot use the address"))?;
    let anonymous = anonymous.with_fetch_tags(remote::fetch::Tags::None);
    let anonymous =
        anonymous.with_refspecs(specs.iter().map(String::as_str), remote::Direction::Fetch);
    let anonymous = anonymous.map_err(|why| {
        Failure::Remote(Error::usage(format!("{from} is not the name of a branch")).because(why))
    })?;
    let deadline = Deadline::within(access.limits().total);
    let (connection, conversation) = connect(&anonymous, remote, access, &deadline)?;
    let got = receive(repo, connection, remote, access);
    let Some((said, cut)) = conversation.map(Conversation::end) else {
        return got.map_err(|failure| match deadline.is_over() {
            true => took_too_long(remote, access),
            false => failure,
        });
    };
    got.map_err(|failure| match (failure, cut) {
        (Failure::Remote(error), None) if matches!(remote.place(), Where::Ssh(_)) => {
            Failure::Remote(with_words(error, &said))
        }
        (failure, None) => failure,
        (_, Some(cut)) => Failure::Remote(
            Error::outside(format!("cannot fetch from {remote}"))
                .cause(cut.of(remote.as_str()))
                .hint("try again later"),
        ),
    })
}

type Connection<'a> = gix::remote::Connection<'a, 'a, 'a, Box<dyn Transport + Send>>;

fn took_too_long(remote: &Remote, access: &Access) -> Failure {
    Failure::Remote(
        Error::outside(format!("cannot fetch from {remote}"))
            .cause(Cut::TooLong(access.limits().total).of(remote.as_str()))
            .hint("try again later"),
    )
}

/// Connects to the remote: over http, or through a program whose conversation has to be ended.
fn connect<'a>(
    anonymous: &'a gix::Remote<'a>,
    remote: &Remote,
    access: &Access,
    deadline: &Deadline,
) -> Result<(Connection<'a>, Option<Conversation>), Failure> {
    let Some(mut command) = program::command(remote.place(), &access.ssh, Side::Fetch) else {
        let (url, version) = anonymous
            .sanitized_url_and_version(remote::Direction::Fetch)
            .map_err(|why| diagnose(remote, access, &why))?;
        let http = Timed {
            inner: transport::reqwest::Remote::default(),
            deadline: deadline.clone(),
        };
        let http = transport::Transport::new_http(http, url, version, false);
        let http: Box<dyn Transport + Send> = Box::new(http);
        return Ok((anonymous.to_connection_with_transport(http), None));
    };
    let started = child::converse(&mut command, access.limits());
    let (conversation, output, input) = started.map_err(|why| {
        Failure::Remote(
            Error::failed(format!("cannot fetch from {remote}"))
                .because(why)
                .hint("is the program installed?"),
        )
    })?;
    let transport = Process::new(
        output,
        input,
        Protocol::V2,
        remote.as_str(),
        None::<(String, _)>,
        ConnectMode::Process,
        false,
    );
    // A path is named by itself, with `file://` in front.
    let named = matches!(remote.place(), Where::Ssh(_)).then(|| remote.as_str().into());
    let transport: Box<dyn Transport + Send> = Box::new(transport.custom_url(named));
    let connection = anonymous.to_connection_with_transport(transport);
    Ok((connection, Some(conversation)))
}

fn receive<'a>(
    repo: &gix::Repository,
    mut connection: Connection<'a>,
    remote: &'a Remote,
    access: &'a Access,
) -> Result<Advertised, Failure> {
    if let Where::Http(url) = remote.place() {
        let options = transport_options(url, access).map_err(Failure::Remote)?;
        connection.set_transport_options(Box::new(options));
    }
    connection.set_credentials(|action| match remote.place() {
        Where::Http(_) => Ok(credentials(access, action)),
        _ => Err(gix::Error::from_error(std::io::Error::other(
            "permission denied",
        ))),
    });
    let prepared = connection
        .prepare_fetch(gix::progress::Discard, Default::default())
        .map_err(|why| diagnose(remote, access, &why))?;
    let seen = advertised(prepared.ref_map(), remote, access).map_err(Failure::Remote)?;
    prune(repo, prepared.ref_map())?;
    let (stop, limit) = (AtomicBool::new(false), access.limits().total);
    // A server that sends a little now and then never lets a read end by its own limit.
    let received = thread::scope(|scope| {
        let (done, over) = channel::<()>();
        let stop = &stop;
        scope.spawn(move || {
            if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                stop.store(true, Ordering::Relaxed);
            }
        });
        let received = prepared.receive(gix::progress::Discard, stop);
        drop(done);
        received
    });
    received.map_err(|why| match failure::is_of_connection(&why) {
        _ if stop.load(Ordering::Relaxed) => took_too_long(remote, access),
        true => diagnose(remote, access, &why),
        false => Failure::Local(format!("the fetch failed: {}", causes(&why))),
    })?;
    Ok(seen)
}

/// Adds what `ssh` or `git` printed, which says more than that the connection ended.
fn with_words(error: Error, said: &str) -> Error {
    let said = said.trim().replace('\n', "; ");
    if said.is_empty() {
        return error;
    }
    error.cause(said)
}

/// The token, when it is asked for; nothing is ever stored.
fn credentials(access: &Access, action: helper::Action) -> Option<protocol::Outcome> {
    let (helper::Action::Get(context), Some(token)) = (action, &access.token) else {
        return None;
    };
    let password = token.expose_secret().to_owned();
    let identity = gix::sec::identity::Account {
        username: http::USER.into(),
        password,
        oauth_refresh_token: None,
    };
    Some(protocol::Outcome {
        identity,
        next: context.into(),
    })
}

fn transport_options(url: &Url, access: &Access) -> Result<transport::Options, Error> {
    // Said before gix asks for it: there an error would be taken for the connection's.
    http::client(url, access)?;
    let (own, access, counted) = (url.clone(), access.clone(), url.clone());
    let backend = transport::reqwest::Options {
        configure_client: Some(Box::new(move |_| {
            http::builder(&own, &access).map_err(gix::Error::from_error)
        })),
        configure_request: Some(Box::new(move |_| {
            count(&counted);
            Ok(())
        })),
    };
    Ok(transport::Options {
        follow_redirects: transport::options::FollowRedirects::None,
        backend: Some(Arc::new(Mutex::new(backend))),
        ..Default::default()
    })
}

/// Removes what the remote has no longer. Before anything is received: `pintle/a` may have become
/// `pintle/a/b`, and a ref is no folder.
fn prune(repo: &gix::Repository, map: &remote::fetch::RefMap) -> Result<(), Failure> {
    let there: BTreeSet<&[u8]> = map
        .mappings
        .iter()
        .filter_map(|mapping| mapping.local.as_ref().map(|name| name.as_slice()))
        .collect();
    for prefix in KEPT {
        let refs = repo.references().map_err(local("cannot list refs"))?;
        for one in refs.prefixed(prefix).map_err(local("cannot list refs"))? {
            let one = one.map_err(|why| Failure::Local(format!("cannot read a ref: {why}")))?;
            if !there.contains(one.name().as_bstr().as_ref() as &[u8]) {
                one.delete().map_err(local("cannot remove a ref"))?;
            }
        }
    }
    Ok(())
}

/// Picks the refs out of what the remote listed.
fn advertised(
    map: &remote::fetch::RefMap,
    remote: &Remote,
    access: &Access,
) -> Result<Advertised, Error> {
    let mut head = None;
    let (mut own, mut branches) = (BTreeMap::new(), BTreeMap::new());
    for reference in map
        .mappings
        .iter()
        .filter_map(|mapping| match &mapping.remote {
            Source::Ref(reference) => Some(reference),
            Source::ObjectId(_) => None,
        })
    {
        let (name, target, id) = match reference {
            Ref::Symbolic {
                full_ref_name,
                target,
                object,
                ..
            } => (full_ref_name, target, *object),
            Ref::Direct {
                full_ref_name,
                object,
            }
            | Ref::Peeled {
                full_ref_name,
                object,
                ..
            } => (full_ref_name, full_ref_name, *object),
            Ref::Unborn { .. } => continue,
        };
        // A name that is not UTF-8 is no ref of pintle's.
        let Ok(name) = str::from_utf8(name).map(str::to_owned) else {
            continue;
        };
        if name.starts_with("refs/pintle/") || name == "refs/heads/pintle-ledger" {
            own.insert(name.clone(), id);
        }
        if let Some(short) = name
            .strip_prefix("refs/heads/")
            .filter(|short| short.starts_with(OWN))
        {
            branches.insert(short.to_owned(), id);
        }
        if name == "HEAD"
            || access
                .branch
                .as_ref()
                .is_some_and(|branch| name == format!("refs/heads/{branch}"))
        {
            head = Some((target.to_string(), id));
        }
    }
    let (target, tip) = head.ok_or_else(|| missing(map, remote, access))?;
    let branch = target.strip_prefix("refs/heads/").map(str::to_owned);
    let branch = branch.ok_or_else(|| {
        Error::failed(format!("the HEAD of {remote} names no branch"))
            .hint("name the branch to follow")
    })?;
    Ok(Advertised {
        branch,
        tip,
        own,
        branches,
    })
}

fn missing(map: &remote::fetch::RefMap, remote: &Remote, access: &Access) -> Error {
    match &access.branch {
        Some(branch) => Error::failed(format!("{remote} has no branch {branch}"))
            .hint("check the name of the branch"),
        None if map
            .remote_refs
            .iter()
            .all(|one| matches!(one, Ref::Unborn { .. })) =>
        {
            Error::failed(format!("{remote} has no commit on its default branch"))
                .hint("push a first commit, or name the branch to follow")
        }
        None => Error::failed(format!(
            "the HEAD of {remote} names a branch that does not exist"
        ))
        .hint("name the branch to follow"),
    }
}

/// Says why the remote could not be asked; what gix says is the cause where nothing better is
/// known.
fn diagnose(remote: &Remote, access: &Access, why: &gix::Error) -> Failure {
    Failure::Remote(match remote.place() {
        Where::Http(url) => http::diagnose(remote, url, access).unwrap_or_else(|| {
            Error::outside(format!("cannot fetch from {remote}"))
                .cause(causes(why))
                .hint("try again later")
        }),
        Where::Path(path) if !path.exists() => Error::failed(format!("{remote} does not exist"))
            .hint("check the path of the repository"),
        Where::Path(path) if !path.join("HEAD").exists() && !path.join(".git").exists() => {
            Error::failed(format!("{remote} is not a git repository"))
                .hint("give the folder that git clones from")
        }
        Where::Path(_) => Error::failed(format!("cannot fetch from {remote}"))
            .cause(causes(why))
            .hint("is git installed, and may it read there?"),
        Where::Ssh(_) => Error::outside(format!("cannot fetch from {remote}"))
            .cause(causes(why))
            .hint("try the same address with git; is the key loaded and the host known?"),
    })
}
