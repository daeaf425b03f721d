//! A real nginx in front of a registry: a gate that answers with a chosen fault, and the usual
//! split of a homelab (blobs through the cache, manifests passed on). One process, its own folder
//! and port.

use std::fs::{create_dir, read_to_string, write};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::guard::{Guard, free_port, server};
use super::http;

/// The statuses the gate can answer with.
const FAULTS: [u16; 7] = [401, 403, 404, 429, 500, 502, 503];
/// How often another port is tried when somebody took the one that was free.
const TRIES: usize = 5;

/// A running nginx.
pub struct Nginx {
    folder: TempDir,
    port: u16,
    _guard: Guard,
}

impl Nginx {
    /// A gate in front of `upstream` (`host:port`): passes everything on until a fault is set.
    pub fn gate(upstream: &str) -> Nginx {
        Nginx::start(|folder| {
            let fault = |status: &u16| {
                let file = folder.join(format!("fault-{status}"));
                let retry = if *status == 429 {
                    "add_header Retry-After 7 always; "
                } else {
                    ""
                };
                format!("if (-f {}) {{ {retry}return {status}; }}\n", file.display())
            };
            let faults: String = FAULTS.iter().map(fault).collect();
            format!("location / {{ {faults} proxy_pass http://{upstream}; {PASS} }}")
        })
    }

    /// Manifests straight from `upstream`, everything else through the proxy `cache` (both
    /// `host:port`).
    pub fn split(cache: &str, upstream: &str) -> Nginx {
        Nginx::start(|_| {
            format!(
                "location ~ ^/v2/.*/manifests/ {{ proxy_pass http://{upstream}; {PASS} }}\n\
                 location /v2/ {{ proxy_pass http://{cache}; {PASS} }}"
            )
        })
    }

    /// From now on every answer has this status (429 with `Retry-After: 7`); `None` lifts it.
    pub fn fault(&self, status: Option<u16>) {
        for known in FAULTS {
            let file = self.folder.path().join(format!("fault-{known}"));
            if Some(known) == status {
                write(file, "").expect("the fault can be set");
            } else if file.exists() {
                std::fs::remove_file(file).expect("the fault can be lifted");
            }
        }
        assert!(
            status.is_none_or(|status| FAULTS.contains(&status)),
            "the gate has no fault {status:?}"
        );
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The requests it has logged, as `METHOD target status`, in order.
    pub fn requests(&self) -> Vec<String> {
        let log = read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn start(locations: impl Fn(PathBuf) -> String) -> Nginx {
        let mut said = String::new();
        for _ in 0..TRIES {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let port = free_port();
            let config = folder.path().join("nginx.conf");
            let text = configuration(folder.path(), port, &locations(folder.path().to_owned()));
            write(&config, text).expect("the configuration can be written");
            create_dir(folder.path().join("tmp")).expect("a folder of its own");
            let mut command = Command::new(server("PINTLE_TEST_NGINX"));
            command
                .arg("-e")
                .arg(folder.path().join("error.log"))
                .arg("-c")
                .arg(&config);
            let mut guard = Guard::start(command, &folder.path().join("log"));
            let mark = folder.path().display().to_string();
            match guard.wait_until(|| answers(port, &mark)) {
                Ok(()) => {
                    return Nginx {
                        folder,
                        port,
                        _guard: guard,
                    };
                }
                Err(log) => said = log,
            }
        }
        panic!("nginx ended {TRIES} times, lastly with:\n{said}");
    }
}

/// Whether the server on this port is the one with this mark, not another that took the port.
fn answers(port: u16, mark: &str) -> Option<()> {
    let reply = http::request(&format!("127.0.0.1:{port}"), "GET", "/its-mark", &[], b"").ok()?;
    (reply.body == mark.as_bytes()).then_some(())
}

const PASS: &str =
    "proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection \"\";";

/// `master_process off`: a worker would outlive its killed master.
fn configuration(folder: &std::path::Path, port: u16, locations: &str) -> String {
    let here = folder.display();
    format!(
        "worker_processes 1; daemon off; master_process off; pid {here}/pid; error_log {here}/error.log warn;\n\
         events {{ worker_connections 256; }}\nhttp {{\n\
         client_body_temp_path {here}/tmp/b; proxy_temp_path {here}/tmp/p; fastcgi_temp_path {here}/tmp/f;\n\
         uwsgi_temp_path {here}/tmp/u; scgi_temp_path {here}/tmp/s;\n\
         log_format plain '$request_method $request_uri $status'; access_log {here}/access.log plain;\n\
         client_max_body_size 0; proxy_request_buffering off;\n\
         server {{ listen 127.0.0.1:{port};\n\
         location = /its-mark {{ access_log off; return 200 '{here}'; }}\n{locations}\n}}\n}}\n"
    )
}
