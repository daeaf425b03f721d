//! A real forge on loopback: Gitea, which stands for Forgejo. Each test has its own, with its own
//! folder and port, and it dies with its test. People and repositories are made and looked at
//! through HTTP only.

use std::fs::{
    Permissions, copy, create_dir, create_dir_all, read_dir, read_to_string, set_permissions, write,
};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use super::forge_repo::Repo;
use super::guard::{Guard, server};
use super::{cmd, http, images};

/// The password of everybody here.
const PASSWORD: &str = "not-a-secret-1";
/// The longest wait for what the forge does after it has answered.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);
/// Whom a server of root is run as: Gitea refuses to be root.
const NOBODY: u32 = 65534;

/// A running forge (or a stopped one that keeps its port and data).
pub struct Gitea {
    // The order of the fields is the order of the end: the server, then its folder.
    running: Option<Guard>,
    folder: TempDir,
    port: Port,
    admin: Account,
}

/// Somebody with an account, and a token that speaks for them.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: u64,
    pub login: String,
    pub token: SecretString,
    address: String,
}

/// An answer of the forge's API.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The body; `Null` when it is empty, a string when it is no JSON.
    pub body: Value,
}

impl Gitea {
    /// Starts one and waits until it is healthy. It has one account, an administrator.
    pub fn start() -> Gitea {
        Gitea::launch(None)
    }

    /// Starts one that takes `url` for its own address: where a proxy stands.
    pub fn start_behind(url: &str) -> Gitea {
        Gitea::launch(Some(url))
    }

    fn launch(root_url: Option<&str>) -> Gitea {
        let seed = Seed::of_this_process();
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy_folder(&seed.folder.join("seed"), folder.path());
        let port = Port::hold();
        let address = format!("127.0.0.1:{}", port.number);
        let url = root_url.map_or_else(
            || format!("http://{address}"),
            |url| url.trim_end_matches('/').to_owned(),
        );
        configure(folder.path(), &seed.folder, port.number, &url);
        give_away(folder.path());
        let token = SecretString::from(seed.token.as_str());
        let admin = Account {
            id: 0,
            login: ADMIN.to_owned(),
            token,
            address,
        };
        let mut gitea = Gitea {
            running: None,
            folder,
            port,
            admin,
        };
        gitea.resume();
        gitea.admin.id = id(&gitea.admin.get("/user"));
        gitea
    }

    /// Starts it again after [`Gitea::stop`], with the same port and data.
    pub fn resume(&mut self) {
        assert!(self.running.is_none(), "the forge is running already");
        let mut command = command(&Seed::of_this_process().folder, self.folder.path());
        command
            .arg("web")
            .arg("--pid")
            .arg(self.folder.path().join("pid"));
        let mut guard = Guard::start(command, &self.folder.path().join("output"));
        let address = self.address();
        let healthy = || {
            http::request(&address, "GET", "/api/healthz", &[], b"")
                .ok()
                .filter(|reply| reply.status == 200)
        };
        let started = guard.wait_until(healthy);
        started.unwrap_or_else(|output| panic!("the forge ended:\n{output}\n{}", self.log()));
        self.running = Some(guard);
    }

    /// Starts it again as one that takes signatures by this SSH key for its own.
    pub fn trust_signatures_of(&mut self, public_key: &str) {
        self.stop();
        let path = self.folder.path().join("app.ini");
        let text = read_to_string(&path).expect("it is configured");
        let trust = format!("[repository.signing]\nTRUSTED_SSH_KEYS = {public_key}\n");
        write(&path, text + &trust).expect("the configuration can be written");
        self.resume();
    }

    /// Stops it as a power cut would; the address stays its own and connections to it are refused.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The administrator, who may do everything everywhere.
    pub fn admin(&self) -> &Account {
        &self.admin
    }

    /// Makes an account with a token for all that its owner may do. Its address is
    /// `login@example.org`.
    pub fn user(&self, login: &str) -> Account {
        let person = json!({
            "username": login, "email": format!("{login}@example.org"), "password": PASSWORD, "must_change_password": false,
        });
        let made = self.admin.post("/admin/users", &person);
        let account = Account {
            id: id(&made),
            login: login.to_owned(),
            ..self.admin.clone()
        };
        account.scoped(&["all"])
    }

    /// Makes a repository with one commit (a README) on `main`.
    pub fn repo(&self, owner: &Account, name: &str, private: bool) -> Repo {
        let options =
            json!({"name": name, "private": private, "auto_init": true, "default_branch": "main"});
        owner.post("/user/repos", &options);
        Repo::new(&self.admin, owner, name)
    }

    /// What the server wrote about itself so far, its requests included.
    pub fn log(&self) -> String {
        read_to_string(self.folder.path().join("log/gitea.log")).unwrap_or_default()
    }
}

impl Account {
    /// `127.0.0.1:port` of the forge that knows this account.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same person with a token of these scopes only, such as `write:repository`.
    pub fn scoped(&self, scopes: &[&str]) -> Account {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let options = json!({"name": format!("token-{number}"), "scopes": scopes});
        let path = format!("/users/{}/tokens", self.login);
        let answer = self.send(
            &images::basic(&self.login, PASSWORD),
            "POST",
            &path,
            &options,
        );
        assert_eq!(
            answer.status, 201,
            "a token for {}: {}",
            self.login, answer.body
        );
        Account {
            token: SecretString::from(text(&answer.body["sha1"])),
            ..self.clone()
        }
    }

    /// Sends a request to `/api/v1` + `path` (with its query); a `Null` is no body.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(
            &format!("token {}", self.token.expose_secret()),
            method,
            path,
            body,
        )
    }

    /// A request that has to succeed. Returns the body of the answer.
    pub fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, path, body);
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path} as {}: {} {}",
            self.login,
            answer.status,
            answer.body
        );
        answer.body
    }

    pub fn get(&self, path: &str) -> Value {
        self.must("GET", path, &Value::Null)
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.must("POST", path, body)
    }

    /// All pages of a list.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut all: Vec<Value> = Vec::new();
        for page in 1.. {
            match self.get(&format!("{path}{mark}limit=50&page={page}")) {
                // Some lists have no pages, and answer every page with everything.
                Value::Array(items) if items.is_empty() || all.starts_with(&items) => break,
                Value::Array(items) => all.extend(items),
                other => panic!("{path} is no list: {other}"),
            }
        }
        all
    }

    /// The titles of all that this person is told of, newest first, once `last` is among them:
    /// people are told a while after a comment is taken, in the order of the comments.
    pub fn told_of(&self, last: &str) -> Vec<String> {
        let start = Instant::now();
        loop {
            let told: Vec<String> = self
                .list("/notifications?all=true")
                .iter()
                .map(|told| text(&told["subject"]["title"]))
                .collect();
            if told.iter().any(|title| title == last) {
                return told;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "{} is not told of {last:?} after a minute, but of {told:?}",
                self.login
            );
            std::thread::sleep(LOOK);
        }
    }

    /// The value of an `Authorization` header that git over HTTP takes.
    pub fn basic(&self) -> String {
        images::basic(&self.login, self.token.expose_secret())
    }

    fn send(&self, authorization: &str, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [
            ("Authorization", authorization),
            ("Content-Type", "application/json"),
        ];
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let reply = http::request(
            &self.address,
            method,
            &format!("/api/v1{path}"),
            &headers,
            &body,
        );
        let reply = reply.unwrap_or_else(|why| panic!("{method} {path}: {why}"));
        let text = String::from_utf8_lossy(&reply.body);
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| text.into())
        };
        Answer {
            status: reply.status,
            body,
        }
    }
}

/// The number that a thing of the forge goes by.
pub fn id(value: &Value) -> u64 {
    value["id"]
        .as_u64()
        .unwrap_or_else(|| panic!("no id in {value}"))
}

/// A field that has to be text.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// A port that stays taken as long as this lives, while one server may listen on it: a socket that
/// is bound and does not listen.
pub(super) struct Port {
    pub(super) number: u16,
    _socket: TcpSocket,
}

impl Port {
    pub(super) fn hold() -> Port {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .set_reuseaddr(true)
            .expect("an option of every socket");
        socket
            .bind(([127, 0, 0, 1], 0).into())
            .expect("loopback has a free port");
        Port {
            number: socket
                .local_addr()
                .expect("a bound socket has an address")
                .port(),
            _socket: socket,
        }
    }
}

/// What all forges of this process start from: the program where its user can reach it, and a
/// database with its administrator.
struct Seed {
    folder: PathBuf,
    token: String,
}

const ADMIN: &str = "admin";
/// Where seeds are, with the number of the process that made one.
const SEEDS: &str = "pintle-test-forge-";

static SEED: OnceLock<Seed> = OnceLock::new();

impl Seed {
    fn of_this_process() -> &'static Seed {
        SEED.get_or_init(Seed::make)
    }

    fn make() -> Seed {
        remove_orphans();
        let folder = std::env::temp_dir().join(format!("{SEEDS}{}", std::process::id()));
        create_dir(&folder).expect("a folder that only this process makes");
        remove_at_exit();
        set_permissions(&folder, Permissions::from_mode(0o755)).expect("its own folder");
        let program = server("PINTLE_TEST_GITEA");
        copy(&program, folder.join("gitea")).expect("the program can be copied");
        copy_folder(&program.with_file_name("static"), &folder.join("static"));
        let seed = folder.join("seed");
        create_dir(&seed).expect("a folder of its own");
        configure(&seed, &folder, 1, "http://127.0.0.1");
        give_away(&seed);
        run(command(&folder, &seed).arg("migrate"), &seed);
        let create = [
            "admin",
            "user",
            "create",
            "--admin",
            "--must-change-password=false",
            "--username",
            ADMIN,
        ];
        let rest = [
            "--email",
            "admin@example.org",
            "--password",
            PASSWORD,
            "--access-token",
            "--access-token-scopes",
            "all",
        ];
        let said = run(command(&folder, &seed).args(create).args(rest), &seed);
        let hex =
            |word: &&str| word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let token = said
            .split_whitespace()
            .find(hex)
            .unwrap_or_else(|| panic!("no token in {said}"));
        Seed {
            token: token.to_owned(),
            folder,
        }
    }
}

/// Runs one of the forge's own commands to its end.
fn run(command: &mut Command, home: &Path) -> String {
    cmd::clean(command, home);
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the forge's program starts");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// The program in `programs` with the configuration in `folder`, as the user who may run it.
fn command(programs: &Path, folder: &Path) -> Command {
    let mut command = Command::new(programs.join("gitea"));
    command
        .arg("--config")
        .arg(folder.join("app.ini"))
        .current_dir(folder);
    if am_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn configure(folder: &Path, programs: &Path, port: u16, url: &str) {
    let (here, programs) = (folder.display(), programs.display());
    let text = format!(
        "APP_NAME = Forge\nWORK_PATH = {here}\n\
         [server]\nPROTOCOL = http\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}\nROOT_URL = {url}/\n\
         LOCAL_ROOT_URL = http://127.0.0.1:{port}/\nPUBLIC_URL_DETECTION = never\n\
         STATIC_ROOT_PATH = {programs}/static\nAPP_DATA_PATH = {here}/data\nDISABLE_SSH = true\nOFFLINE_MODE = true\n\
         [database]\nDB_TYPE = sqlite3\nPATH = {here}/forge.db\nSQLITE_JOURNAL_MODE = WAL\n\
         [repository]\nROOT = {here}/repositories\nDEFAULT_BRANCH = main\n\
         [security]\nINSTALL_LOCK = true\nSECRET_KEY = not-a-secret\nPASSWORD_HASH_ALGO = pbkdf2$1000$50\n\
         INTERNAL_TOKEN = not-a-secret\n\
         [service]\nENABLE_REVERSE_PROXY_AUTHENTICATION = true\nENABLE_NOTIFY_MAIL = false\n\
         [webhook]\nALLOWED_HOST_LIST = loopback\n\
         [indexer]\nISSUE_INDEXER_TYPE = db\n[queue]\nTYPE = channel\nMAX_WORKERS = 1\n[session]\nPROVIDER = memory\n\
         [log]\nMODE = file\nLEVEL = info\nROOT_PATH = {here}/log\n"
    );
    let off = [
        "actions",
        "packages",
        "mailer",
        "oauth2",
        "cron.update_checker",
    ]
    .map(|name| format!("[{name}]\nENABLED = false\n"));
    write(folder.join("app.ini"), text + &off.concat()).expect("the configuration can be written");
}

fn am_root() -> bool {
    let status = read_to_string("/proc/self/status").expect("/proc can be read");
    status.lines().any(|line| {
        line.strip_prefix("Uid:")
            .is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
    })
}

/// Lets the server's user have a folder and all that is in it.
fn give_away(folder: &Path) {
    if !am_root() {
        return;
    }
    chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may give a file away");
    if folder.is_dir() {
        entries(folder).for_each(|path| give_away(&path));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    create_dir_all(to).expect("the folder can be made");
    for path in entries(from) {
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            copy(&path, target).expect("the file can be copied");
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    entries.map(|entry| entry.expect("the folder can be read").path())
}

/// Removes the seeds of processes that were killed and could not.
fn remove_orphans() {
    for path in entries(&std::env::temp_dir()) {
        let process = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix(SEEDS)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // Another run may be doing the same.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// A static is never dropped, so the seed goes when the process ends by itself.
#[expect(
    unsafe_code,
    reason = "the standard library has no hook for the end of a process"
)]
fn remove_at_exit() {
    extern "C" fn remove() {
        let _ = std::fs::remove_dir_all(
            std::env::temp_dir().join(format!("{SEEDS}{}", std::process::id())),
        );
    }
    // SAFETY: the function lives as long as the process, unwinds nowhere and uses no state that is
    // gone by then.
    let registered = unsafe { libc::atexit(remove) };
    assert_eq!(
        registered, 0,
        "the end of the process takes one more function"
    );
}
