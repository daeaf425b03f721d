//! What pintle calls the image of a chart, against the real Helm: values of every form that is
//! read, in one to three layers with nulls, numbers and `--set`, are rendered by a chart that puts
//! them together as charts do.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use pintle::model::reference::Reference;
use pintle::sites::settings::ScanSettings;
use pintle::sites::{Fate, Literal, Problem, Scan, scan};
use pintle::terraform::files::{Entry, Files, RepoPath};

use crate::support::cmd;
use crate::support::guard::server;

/// How many releases are compared in one run of Helm.
const RELEASES: usize = 400;
const SEEDS: [u64; 3] = [20_261_122, 7, 4_711];

/// A form: the keys of an image in order, with what stands before each in the reference. The last
/// is the tag.
struct Form {
    /// What the keys are in: `image`, or nothing.
    below: Option<&'static str>,
    keys: &'static [(&'static str, &'static str)],
    digest: Option<&'static str>,
}

const fn split(keys: &'static [(&'static str, &'static str)]) -> Form {
    Form {
        below: Some("image"),
        keys,
        digest: None,
    }
}

const FORMS: [Form; 9] = [
    split(&[("repository", ""), ("tag", ":")]),
    split(&[("registry", ""), ("repository", "/"), ("tag", ":")]),
    split(&[("registry", ""), ("image", "/"), ("tag", ":")]),
    split(&[("repository", ""), ("image", "/"), ("tag", ":")]),
    split(&[("name", ""), ("tag", ":")]),
    Form {
        below: None,
        keys: &[("image", ""), ("imageTag", ":")],
        digest: None,
    },
    Form {
        below: None,
        keys: &[("image", "")],
        digest: None,
    },
    Form {
        below: Some("image"),
        keys: &[("repository", ""), ("tag", ":")],
        digest: Some("digest"),
    },
    Form {
        below: Some("image"),
        keys: &[("registry", ""), ("repository", "/"), ("tag", ":")],
        digest: Some("imageDigest"),
    },
];

/// Tags as people write them in YAML: what Helm makes of them is its business.
/// `0` is left out: whether a chart prints it or takes it for nothing is its own choice.
const SCALARS: [&str; 32] = [
    "1.10",
    "2.0",
    "0123",
    "1e3",
    "1_000",
    "0x10",
    "0o17",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "False",
    "~",
    "null",
    ".5",
    "+1",
    "07",
    "08",
    "1.0e10",
    "20241119",
    "2026-11-19",
    "1:30",
    "1.20.0",
    "16",
    "'1.10'",
    "\"2.0\"",
    "'0123'",
    "v1.4.2",
    "latest",
    "3-alpine",
    "0b11",
];
/// Those of which every parser makes what is written.
const PLAIN: [&str; 5] = ["v1.4.2", "'1.10'", "\"2.0\"", "3-alpine", "latest"];
/// What is given to `--set`.
const SETS: [&str; 7] = ["v9", "1.10", "0123", "7", "true", "null", "2-slim"];
const HOSTS: [&str; 2] = ["quay.io", "registry.example.org:5000"];
const NAMES: [&str; 3] = ["team/web", "a/b", "library/redis"];

/// One release to be.
struct Release {
    form: &'static Form,
    /// Values by document: key and scalar.
    layers: Vec<Vec<(&'static str, String)>>,
    /// Key and value.
    sets: Vec<(&'static str, &'static str)>,
    /// Every scalar is a text to every parser, and nothing is deleted.
    is_plain: bool,
}

impl Release {
    fn generate(rng: &mut Rng) -> Self {
        let form = &FORMS[rng.usize(..FORMS.len())];
        let is_plain = rng.u8(..3) == 0;
        let scalars: &[&str] = if is_plain { &PLAIN } else { &SCALARS };
        let mut value = |key: &str| match key {
            "registry" => HOSTS[rng.usize(..HOSTS.len())].to_owned(),
            "tag" | "imageTag" => scalars[rng.usize(..scalars.len())].to_owned(),
            "digest" | "imageDigest" => {
                let digit = char::from(b'a' + rng.u8(..6));
                format!("sha256:{}", digit.to_string().repeat(64))
            }
            // Before another name it is where that one is found.
            "repository" if form.keys.iter().any(|(key, _)| *key == "image") => "quay.io/x".into(),
            // Only a bare name is known to be appended to a repository.
            "image" if form.keys.iter().any(|(key, _)| *key == "repository") => "web".into(),
            "image" if form.keys.len() == 1 => format!("{}:v1.4.2", NAMES[rng.usize(..3)]),
            _ => NAMES[rng.usize(..3)].to_owned(),
        };
        let keys: Vec<&str> = form
            .keys
            .iter()
            .map(|(key, _)| *key)
            .chain(form.digest)
            .collect();
        let mut layers: Vec<Vec<(&str, String)>> =
            vec![keys.iter().map(|key| (*key, value(key))).collect()];
        let over: Vec<(&str, String)> = keys.iter().map(|key| (*key, value(key))).collect();
        for _ in 0..rng.usize(..3) {
            let (key, scalar) = over[rng.usize(..over.len())].clone();
            // Without its name an image has another form.
            let is_optional = !matches!(key, "repository" | "image" | "name");
            let is_deleted = is_optional && !is_plain && rng.u8(..4) == 0;
            layers.push(vec![(key, if is_deleted { "null".into() } else { scalar })]);
        }
        let last = form.keys[form.keys.len() - 1].0;
        let sets = if last != "image" && !is_plain && rng.u8(..4) == 0 {
            vec![(last, SETS[rng.usize(..SETS.len())])]
        } else {
            Vec::new()
        };
        Self {
            form,
            layers,
            sets,
            is_plain,
        }
    }

    /// A document, indented by so many blanks.
    fn document(&self, layer: &[(&str, String)], indent: usize) -> String {
        let blanks = " ".repeat(indent);
        let mut text = String::new();
        let mut inner = blanks.clone();
        if let Some(below) = self.form.below {
            let _ = writeln!(text, "{blanks}{below}:");
            inner += "  ";
        }
        for (key, scalar) in layer {
            let _ = writeln!(text, "{inner}{key}: {scalar}");
        }
        text
    }

    fn path(&self, key: &str) -> String {
        self.form
            .below
            .map_or_else(|| key.to_owned(), |below| format!("{below}.{key}"))
    }

    /// What a chart writes to put the image together, with the values below a key.
    fn template(&self, values: &str) -> String {
        let below = self.form.below.map_or_else(
            || format!("(.Values.{values})"),
            |below| format!("(.Values.{values}.{below})"),
        );
        // What a later value deletes takes its separator with it.
        let part = |before: &str, key: &str, behind: &str| {
            format!("{{{{ with {below}.{key} }}}}{before}{{{{ . }}}}{behind}{{{{ end }}}}")
        };
        let mut text = String::new();
        for (at, (key, before)) in self.form.keys.iter().enumerate() {
            let next = self.form.keys.get(at + 1).map_or("", |(_, before)| *before);
            let before = if *before == "/" { "" } else { *before };
            text += &part(before, key, if next == "/" { "/" } else { "" });
        }
        let digest = self.form.digest.map(|key| part("@", key, ""));
        text + &digest.unwrap_or_default()
    }

    /// The release in Terraform.
    fn resource(&self, name: &str) -> String {
        let mut text = format!(
            "resource \"helm_release\" \"{name}\" {{\n  name      = \"{name}\"\n  namespace = \"apps\"\n  chart     = \"{name}\"\n  values = [\n"
        );
        for layer in &self.layers {
            let _ = write!(text, "<<EOT\n{}EOT\n    ,\n", self.document(layer, 0));
        }
        text += "  ]\n";
        for (key, value) in &self.sets {
            let path = self.path(key);
            let _ = writeln!(
                text,
                "  set {{\n    name  = \"{path}\"\n    value = \"{value}\"\n  }}"
            );
        }
        text + "}\n"
    }
}

/// What Helm renders of each release, in order.
fn render(releases: &[Release]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    };
    write(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: c\nversion: 1.0.0\n",
    );
    let mut template = String::new();
    let mut arguments: Vec<String> = ["template", "r", "chart"].map(String::from).into();
    let most = releases.iter().map(|one| one.layers.len()).max();
    let mut layers = vec![String::new(); most.unwrap_or_default()];
    for (number, release) in releases.iter().enumerate() {
        let key = format!("c{number}");
        let _ = writeln!(template, "{key}: '{}'", release.template(&key));
        for (layer, text) in release.layers.iter().zip(&mut layers) {
            let _ = write!(text, "{key}:\n{}", release.document(layer, 2));
        }
        for (path, value) in &release.sets {
            arguments.push("--set".into());
            arguments.push(format!("{key}.{}={value}", release.path(path)));
        }
    }
    write("chart/templates/all.yaml", &template);
    for (number, text) in layers.iter().enumerate() {
        write(&format!("values-{number}.yaml"), text);
        arguments.extend(["-f".to_owned(), format!("values-{number}.yaml")]);
    }
    let rendered = run_helm(folder.path(), &arguments);
    let line = |number: usize| {
        let start = format!("c{number}: '");
        let found = rendered.lines().find_map(|line| line.strip_prefix(&*start));
        let text = found.and_then(|rest| rest.strip_suffix('\''));
        text.unwrap_or_else(|| panic!("c{number} in {rendered}"))
            .to_owned()
    };
    (0..releases.len()).map(line).collect()
}

fn run_helm(folder: &Path, arguments: &[String]) -> String {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(server("PINTLE_TEST_HELM"));
    command.args(arguments).current_dir(folder);
    cmd::clean(&mut command, home.path());
    let output = command.output().expect("helm starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).expect("it is UTF-8")
}

fn scan_releases(releases: &[Release]) -> Scan {
    let all = releases.iter().enumerate();
    let resources: String = all
        .map(|(number, release)| release.resource(&format!("c{number}")))
        .collect();
    let text = format!("provider \"helm\" {{}}\n{resources}");
    let mut files = Files::default();
    let path = RepoPath::new("main.tf").expect("a path");
    files.insert(path, Entry::Text(text.as_bytes().into()));
    scan(&files, &ScanSettings::default())
}

/// The repository and the digest of an image with a digest: beside it the tag decides nothing.
fn pinned_part(image: &str) -> Option<(String, String)> {
    let image = Reference::parse(image)?;
    Some((image.name.to_string(), image.digest?.to_string()))
}

/// What is wrong with what pintle says of a release of which Helm makes this image.
fn complaint(release: &Release, literals: &[&Literal], rendered: &str) -> Option<String> {
    let image = Reference::parse(rendered);
    let has_tag = image
        .as_ref()
        .is_some_and(|image| image.tag.is_some() || image.digest.is_some());
    let sites: Vec<String> = literals
        .iter()
        .filter_map(|one| match &one.fate {
            Fate::Site(site) => Some(site.image.to_string()),
            _ => None,
        })
        .collect();
    let is_same = |image: &str| {
        let own = pinned_part(image);
        image == rendered || own.is_some() && own == pinned_part(rendered)
    };
    if sites.iter().any(|site| !is_same(site)) || sites.len() > 1 {
        return Some(format!("pintle pins {sites:?}"));
    }
    let is_wrong = |one: &&&Literal| {
        matches!(one.fate, Fate::Unpinnable(_))
            && one.reference.as_ref().is_some_and(|image| !is_same(image))
    };
    if let Some(wrong) = literals.iter().find(is_wrong) {
        return Some(format!(
            "pintle says {:?} of {}",
            wrong.reference, wrong.literal
        ));
    }
    (release.is_plain && has_tag && sites.is_empty()).then(|| {
        let fates: Vec<_> = literals
            .iter()
            .map(|one| (&one.literal, &one.fate))
            .collect();
        format!("pintle pins nothing: {fates:?}")
    })
}

#[test]
fn an_image_of_a_chart_is_what_helm_renders() {
    let (mut complaints, mut pinned) = (Vec::new(), 0);
    for seed in SEEDS {
        let mut rng = Rng::with_seed(seed);
        let releases: Vec<Release> = (0..RELEASES).map(|_| Release::generate(&mut rng)).collect();
        let found = scan_releases(&releases);
        let is_broken = |problem: &&Problem| problem.what.contains("parse");
        assert_eq!(found.problems.iter().find(is_broken), None, "seed {seed}");
        for (number, (release, rendered)) in releases.iter().zip(render(&releases)).enumerate() {
            let name = format!("c{number}");
            let is_own = |one: &&Literal| {
                let mut uses = one.uses.iter();
                uses.any(|used| used.name.as_deref() == Some(&*name))
            };
            let literals: Vec<&Literal> = found.literals.iter().filter(is_own).collect();
            let is_site = |one: &&&Literal| matches!(one.fate, Fate::Site(_));
            pinned += literals.iter().filter(is_site).count();
            if let Some(what) = complaint(release, &literals, &rendered) {
                let text = release.resource(&name);
                complaints.push(format!("helm renders {rendered}, {what}\n{text}"));
            }
        }
    }
    let some: Vec<String> = complaints.iter().take(5).cloned().collect();
    assert!(
        complaints.is_empty(),
        "{} of them:\n{}",
        complaints.len(),
        some.join("\n")
    );
    assert!(pinned > 400, "only {pinned} sites were compared");
}
