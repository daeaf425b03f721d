use super::{Config, ExtraFile, ModuleArguments, image_matches};
use crate::model::policy::Policy;
use crate::model::reference::Reference;
use crate::model::settings::{Drift, Mode};
use crate::terraform::files::RepoPath;

fn parse(text: &str) -> Config {
    Config::parse(text, "pintle.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Returns the sentence, the hint and the marked text.
fn complaint(text: &str) -> (String, Option<String>, String) {
    let error = Config::parse(text, "pintle.toml").expect_err(text);
    assert_eq!(error.kind, crate::error::Kind::Usage);
    let marked = error
        .source
        .as_ref()
        .map(|at| at.text[at.span.clone()].to_owned());
    (error.to_string(), error.hint, marked.expect("a place"))
}

#[test]
fn an_empty_file_is_no_file() {
    assert_eq!(parse(""), Config::default());
    assert_eq!(parse("version = 1\n"), Config::default());
    assert!(
        Config::default()
            .do_not_bump
            .iter()
            .any(|words| words.found_in("Do NOT bump: schema"))
    );
}

#[test]
fn any_file_a_person_can_have_is_read() {
    assert_eq!(
        parse("\u{feff}version = 1\r\n[git]\r\nbranch = 'refs/heads/main'")
            .git
            .branch
            .as_deref(),
        Some("main")
    );
}

#[test]
fn every_section_is_read() {
    let config = parse(
        r#"
        version = 1
        [scan]
        exclude = ["archive/**"]
        without_images = ["*.secret.tfvars"]
        var_files = ["/common.tfvars", "local.tfvars"]
        [[environment]]
        root = "apps/*"
        name = "prod"
        var_files = ["prod.tfvars"]
        [[module]]
        source = "registry.example.com/**"
        repository = "image_repository"
        tag = "image_tag"
        [[module]]
        source = "git::*"
        reference = "image"
        [[extra]]
        resource = "kubernetes_deployment.*"
        env = ["RUNNER_IMAGE"]
        [[extra]]
        file = "**/pod.json"
        path = "spec.containers.*.image"
        [defaults]
        policy = "force"
        mode = "off"
        schedule = "@daily"
        settle = "1h"
        [[rule]]
        match = { stack = "immich", image = ["ghcr.io/immich-app/*"] }
        policy = "never"
        mode = "commit"
        group = "photos"
        hold = "waits"
        [[group]]
        name = "photos"
        stacks = ["immich"]
        [[hold]]
        image = "postgres"
        until = 'never'
        because = "x"
        "#
        .replace("until = 'never'", "until = '2026-12-01'")
        .as_str(),
    );
    assert_eq!(
        config.scan.var_files[0].run_path(),
        RepoPath::new("common.tfvars")
            .expect("a path")
            .to_absolute()
    );
    assert_eq!(config.scan.var_files[1].run_path(), "local.tfvars");
    assert!(
        config.environments[0].root.matches("apps/web")
            && !config.environments[0].root.matches("apps/web/deep")
    );
    assert_eq!(
        config.modules[1].arguments,
        ModuleArguments::Reference("image".into())
    );
    assert!(matches!(&config.extras[1], ExtraFile::File { path, .. } if path.len() == 4));
    let defaults = &config.defaults.settings;
    assert_eq!(
        [defaults.adopt, defaults.update, defaults.rollback],
        [Some(Mode::Off); 3]
    );
    assert_eq!(defaults.policy.as_ref(), Some(&Policy::Force));
    assert_eq!(config.rules[0].number, 1);
    assert!(image_matches(
        &config.rules[0].matches.image,
        &Reference::parse("ghcr.io/immich-app/server:v1").expect("image")
    ));
}

#[test]
fn a_module_names_a_reference_its_parts_or_the_values_of_a_chart() {
    let parse = |keys: &str| {
        let text = format!("[[module]]\nsource = \"x/*\"\n{keys}\n");
        let config = Config::parse(&text, "pintle.toml");
        config.map(|config| config.modules[0].arguments.clone())
    };
    for keys in ["values = \"values\"", "values = [\"values\"]"] {
        let arguments = parse(keys).expect(keys);
        assert_eq!(arguments, ModuleArguments::Values(vec!["values".into()]));
    }
    for (keys, what) in [
        ("", "the module names no argument"),
        ("values = []", "the list is empty"),
        ("values = \"a b\"", "`a b` is not the name of an argument"),
        (
            "values = \"values\"\ntag = \"tag\"",
            "either `values` or the arguments of one image",
        ),
        (
            "values = \"values\"\nreference = \"image\"",
            "either `values` or the arguments of one image",
        ),
    ] {
        let error = parse(keys).expect_err(keys);
        assert!(error.to_string().contains(what), "{keys}: {error}");
    }
}

#[test]
fn an_image_matches_however_it_is_spelled() {
    let matches = |glob: &str, image: &str| {
        let glob = crate::model::pattern::Glob::name(glob).expect("glob");
        image_matches(&[glob], &Reference::parse(image).expect("image"))
    };
    for glob in [
        "alpine",
        "alpine:3",
        "library/alpine",
        "docker.io/library/alpine",
        "docker.io/alpine:3",
        "*alpine*",
    ] {
        assert!(matches(glob, "alpine:3"), "{glob}");
        assert!(matches(glob, "docker.io/library/alpine:3"), "{glob}");
        assert!(!matches(glob, "ghcr.io/a/b:3"), "{glob}");
    }
    assert!(matches("alpine:latest", "alpine"));
    assert!(!matches("alpine:latest", "alpine:3"));
}

#[test]
fn an_unknown_key_gets_a_suggestion_and_its_line() {
    let (what, hint, marked) = complaint("[defaults]\npolcy = \"force\"\n");
    assert_eq!(what, "pintle.toml:2 is wrong: there is no key `polcy` here");
    assert_eq!(hint.as_deref(), Some("did you mean `policy`?"));
    assert_eq!(marked, "polcy");
    let (what, hint, _) = complaint("[defaults]\n\npollSchedule = \"@every 1h\"\n");
    assert_eq!(
        what,
        "pintle.toml:3 is wrong: there is no key `pollSchedule` here"
    );
    assert_eq!(hint.as_deref(), Some("in pintle it is `schedule`"));
    let (_, hint, _) = complaint("[defaults]\nxyzzyplugh = 1\n");
    assert_eq!(
        hint.as_deref(),
        Some(
            "it is one of `budget`, `adopt_batch`, `policy`, `step`, `exclude`, `match_pre_release`, `mode`, `schedule`, `settle`, `automerge`, `soak`, `watch`, `auto_rollback`, `drift`, `assignees`, `reviewers`"
        )
    );
    let (_, hint, _) = complaint("[[rule]]\nimages = 'x'\nmatch = {}\n");
    assert_eq!(
        hint.as_deref(),
        Some("what a rule applies to goes into `match = { image = … }`")
    );
    let (_, hint, _) = complaint("[[hold]]\nimages = 'x'\nbecause = 'y'\n");
    assert_eq!(hint.as_deref(), Some("did you mean `image`?"));
    let (what, hint, _) = complaint("[defaults]\nmode = { adpt = \"commit\" }\n");
    assert_eq!(what, "pintle.toml:2 is wrong: there is no key `adpt` here");
    assert_eq!(hint.as_deref(), Some("did you mean `adopt`?"));
    let (what, hint, _) = complaint("[defaults]\nmode = \"comit\"\n");
    assert_eq!(
        what,
        "pintle.toml:2 is wrong: there is no word `comit` here"
    );
    assert_eq!(hint.as_deref(), Some("did you mean `commit`?"));
}

#[test]
fn what_is_wrong_is_shown_in_its_place() {
    for (text, sentence, mark) in [
        (
            "version = 2",
            "1 is wrong: this pintle reads version 1 of the format, not 2",
            "2",
        ),
        (
            "[scan]\nexclude = 3",
            "2 is wrong: invalid type: integer `3`, expected a list",
            "3",
        ),
        (
            "[defaults]\nsettle = 'soon'",
            "2 is wrong: `soon` is not a length of time such as `45m`, `1h30m` or `7d`",
            "'soon'",
        ),
        (
            "[defaults]\nschedule = '0 0 30 2 *'",
            "2 is wrong: `0 0 30 2 *` never comes round",
            "'0 0 30 2 *'",
        ),
        (
            "[defaults]\npolicy = 'nevr'",
            "2 is wrong: `nevr` is not a policy: did you mean `never`?",
            "'nevr'",
        ),
        (
            "[[rule]]\nmatch = { stack = [] }",
            "2 is wrong: the list is empty: nothing would match",
            "[]",
        ),
        (
            "[[rule]]\nmatch = { stack = 4 }",
            "2 is wrong: invalid type: integer `4`, expected a string or a list of strings",
            "4",
        ),
        (
            "[[group]]\nname = 'a'",
            "2 is wrong: the group `a` has no members",
            "'a'",
        ),
        (
            "[[group]]\nname = 'a'\nstacks = ['x']\n[[group]]\nname = 'b'\nstacks = ['x']",
            "6 is wrong: the stack `x` is already in group `a`",
            "'x'",
        ),
        (
            "[[hold]]\nsite = 'x'\nuntil = 'may'\nbecause = 'y'",
            "3 is wrong: `may` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`",
            "'may'",
        ),
        (
            "[do_not_bump]\npatterns = ['']",
            "2 is wrong: the pattern is empty: it would match every comment",
            "''",
        ),
        (
            "[[cache]]\nregistry = 'ghcr'\nurl = 'https://cache.example.com'",
            "2 is wrong: `ghcr` is not a registry",
            "'ghcr'",
        ),
        (
            "[[registry]]\nhost = 'a.example.com'\nrequests_per_second = 0.0",
            "3 is wrong: 0 requests a second is not a rate",
            "0.0",
        ),
        (
            "[git]\nauthor_name = \"a\\nb\"",
            "2 is wrong: the text has a line break or another control character",
            "\"a\\nb\"",
        ),
        (
            "[[module]]\nsource = 'x'\nreference = 'a'\ntag = 'b'",
            "1 is wrong: a module has either `reference` or the parts",
            "[[module]]",
        ),
        (
            "[[extra]]\nfile = 'x'",
            "1 is wrong: the extra place is not complete",
            "[[extra]]",
        ),
    ] {
        let (what, _, marked) = complaint(text);
        assert_eq!(what, format!("pintle.toml:{sentence}"));
        assert!(marked.starts_with(mark), "{marked:?} for {text}");
    }
}

#[test]
fn an_address_with_a_password_is_refused_and_not_shown() {
    let text = "[[cache]]\nregistry = 'ghcr.io'\nurl = 'https://u:hunter2@cache.example.com'";
    let error = Config::parse(text, "pintle.toml").expect_err(text);
    assert_eq!(
        error.to_string(),
        "pintle.toml:3 is wrong: the address holds credentials"
    );
    assert!(
        error.source.is_none() && !format!("{error:?}").contains("hunter2"),
        "{error:?}"
    );
}

#[test]
fn a_broken_file_is_a_sentence() {
    let (what, ..) = complaint("[defaults\n");
    assert!(what.starts_with("pintle.toml:1 is wrong: "), "{what}");
    let (what, ..) = complaint("[[hold]]\nsite = 'x'\n");
    assert_eq!(what, "pintle.toml:1 is wrong: missing field `because`");
}

#[test]
fn six_fields_are_warned_about() {
    let config = parse("[[rule]]\nmatch = {}\nschedule = '0 0 3 * * *'\n");
    assert_eq!(
        config.warnings(),
        [
            "[[rule]] 1: `0 0 3 * * *` has six fields: the first is read as seconds, as Keel does; write five fields to start with minutes"
        ]
    );
}

#[test]
fn cluster_alerts_and_budget_are_read_and_checked() {
    let config = parse(
        "[cluster]\nroots = [\"live/prod/**\"]\nenvironments = [\"prod-*\"]\nkeel = \"no\"\nterraform = [\"ci-*\"]\nready_grace = \"30s\"\n[[cluster.custom]]\ngroup = \"g\"\nversion = \"v1\"\nkind = \"Cluster\"\n\
         plural = \"clusters\"\nimage = \"spec.imageName\"\n[[alert]]\nmatch = { severity = \"critical\" }\n[defaults]\nbudget = \"3 per 1d\"\nwatch = \"0\"\n\
         drift = \"adopt\"\n[[rule]]\nmatch = { stack = \"db\" }\nauto_rollback = false\n",
    );
    assert_eq!(
        (config.cluster.keel, config.cluster.graces.ready.as_secs()),
        (super::KeelConfig::No, 30)
    );
    assert!(
        config.cluster.roots[0].matches("live/prod/web")
            && !config.cluster.roots[0].matches("live/dev/web")
    );
    assert!(
        config.cluster.environments[0].matches("prod-eu")
            && !config.cluster.environments[0].matches("dev")
    );
    assert!(
        config
            .cluster
            .terraform
            .iter()
            .any(|glob| glob.matches("ci-apply"))
            && config.cluster.terraform.len() == 1
    );
    assert_eq!(
        config.cluster.custom[0].image,
        ["spec".into(), "imageName".into()]
    );
    assert_eq!(
        (
            &*config.alerts[0].namespace,
            &*config.alerts[0].pod,
            config.alerts[0].workload.len()
        ),
        ("namespace", "pod", 3)
    );
    assert_eq!(
        config
            .defaults
            .budget
            .map(|budget| (budget.changes, budget.per.as_hours())),
        Some((3, 24))
    );
    assert_eq!(
        (
            config.defaults.settings.drift,
            config.rules[0].settings.auto_rollback
        ),
        (Some(Drift::Adopt), Some(false))
    );
    assert_eq!(
        parse("[defaults]\nbudget = \"off\"\n").defaults.budget,
        None
    );
    for (text, what) in [
        (
            "[defaults]\nbudget = \"5\"\n",
            "pintle.toml:2 is wrong: `5` is not a budget",
        ),
        (
            "[defaults]\nbudget = \"0 per 6h\"\n",
            "pintle.toml:2 is wrong: `0 per 6h` is not a budget",
        ),
        (
            "[defaults]\nbudget = \"5 per 0\"\n",
            "pintle.toml:2 is wrong: `5 per 0` is not a budget",
        ),
        ("[[alert]]\nmatch = { a = \"[\" }\n", ""),
    ] {
        let (found, _, _) = complaint(text);
        assert!(
            found.starts_with("pintle.toml:2 is wrong") && (what.is_empty() || found == what),
            "{found}"
        );
    }
}

#[test]
fn a_file_may_name_its_schema_in_both_ways() {
    let text =
        "#:schema ./pintle.schema.json\n\"$schema\" = \"./pintle.schema.json\"\nversion = 1\n";
    assert!(Config::parse(text, "pintle.toml").is_ok());
    assert_eq!(super::schema()["$id"], "urn:pintle:config:1");
    assert_eq!(
        super::schema()["properties"]["$schema"]["type"][0],
        "string"
    );
}

#[test]
fn the_schema_knows_every_section() {
    let schema = super::schema();
    let properties = schema["properties"].as_object().expect("properties");
    assert_eq!(properties.len(), 20);
    assert_eq!(
        schema["additionalProperties"],
        serde_json::Value::Bool(false)
    );
    assert_eq!(
        schema["properties"]["version"]["type"],
        serde_json::json!(["integer", "null"])
    );
}

const DOCS: &str = include_str!("../../docs/configuration.md");

#[test]
fn every_documented_example_is_accepted() {
    let examples: Vec<&str> = DOCS
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 13, "{}", examples.len());
    examples.iter().for_each(|example| {
        parse(example);
    });
}

#[test]
fn every_key_is_documented() {
    let schema = super::schema();
    let definitions = schema["$defs"].as_object().expect("definitions").values();
    let sections = definitions
        .chain([&schema])
        .filter_map(|object| object["properties"].as_object());
    for key in sections.flat_map(|properties| properties.keys()) {
        let known = [
            format!("`{key}`"),
            format!("[{key}]"),
            format!("\n{key} = "),
        ];
        assert!(
            known.iter().any(|text| DOCS.contains(text)),
            "{key} is not in docs/configuration.md"
        );
    }
}

#[test]
fn the_default_patterns_are_the_documented_ones() {
    let documented = DOCS
        .split("[do_not_bump]\n")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("the section");
    for words in &Config::default().do_not_bump {
        assert!(documented.contains(words.as_str()), "{}", words.as_str());
    }
}

#[test]
fn a_path_may_have_brackets() {
    let path = |text: &str| match parse(&format!("[[extra]]\nfile = 'x.json'\npath = '{text}'"))
        .extras
        .remove(0)
    {
        ExtraFile::File { path, .. } => path.join("/"),
        ExtraFile::Env { .. } => panic!("a file"),
    };
    assert_eq!(path("spec.containers.*.image"), "spec/containers/*/image");
    assert_eq!(path("spec.containers[*].image"), "spec/containers/*/image");
    assert_eq!(path("images[0]"), "images/0");
    let (what, ..) = complaint("[[extra]]\nfile = 'x.json'\npath = 'a..b'");
    assert_eq!(
        what,
        "pintle.toml:3 is wrong: `a..b` is not a path such as `spec.containers.*.image`"
    );
}

#[test]
fn sources_are_hosts_as_addresses_have_them() {
    assert_eq!(parse("").forge.sources, ["codeberg.org".into()]);
    assert!(parse("").forge.release_notes);
    let forge =
        parse("[forge]\nrelease_notes = false\nsources = [\"git.example.org:3000\"]\n").forge;
    assert_eq!(
        (forge.release_notes, forge.sources),
        (false, vec!["git.example.org:3000".into()])
    );
    assert_eq!(parse("[forge]\nsources = []\n").forge.sources, []);
    for host in [
        "",
        "https://codeberg.org",
        "codeberg.org/",
        "Codeberg.org",
        "a b",
        "u@git.example.org",
        "codeberg.org:443",
        "codeberg.org?x",
        "*.org/x",
    ] {
        let (what, hint, _) = complaint(&format!("[forge]\nsources = [\"{host}\"]\n"));
        assert_eq!(what, format!("pintle.toml:2 is wrong: `{host}` is no host"));
        assert!(
            hint.is_some_and(|hint| hint.contains("codeberg.org")),
            "{host}"
        );
    }
}

#[test]
fn a_value_of_another_type_is_told_how_it_is_written() {
    let words = "write one of its words in quotation marks; `pintle config schema` has them";
    let quoted = "write it in quotation marks; a length of time with its unit, such as `\"15m\"`";
    for (text, said, hint, marked) in [
        (
            "[cluster]\nkeel = true\n",
            "this is not a word",
            words,
            "true",
        ),
        (
            "[defaults]\ndrift = true\n",
            "this is not a word",
            words,
            "true",
        ),
        (
            "[cluster]\nready_grace = 120\n",
            "invalid type: integer `120`, expected a string",
            quoted,
            "120",
        ),
        (
            "[defaults]\nwatch = 15\n",
            "invalid type: integer `15`, expected a string",
            quoted,
            "15",
        ),
        (
            "[cluster]\nterraform = \"CI\"\n",
            "invalid type: string \"CI\", expected a list",
            "write a list, such as `[\"…\"]`",
            "\"CI\"",
        ),
        (
            "[defaults]\nauto_rollback = \"no\"\n",
            "invalid type: string \"no\", expected a boolean",
            "write `true` or `false`, without quotation marks",
            "\"no\"",
        ),
        (
            "cluster = \"yes\"\n",
            "invalid type: string \"yes\", expected a section",
            "write its keys below a line of its own, such as `[cluster]`",
            "\"yes\"",
        ),
    ] {
        let (sentence, given, at) = complaint(text);
        assert!(
            sentence.ends_with(&format!("is wrong: {said}")),
            "{sentence}"
        );
        assert_eq!(
            (given.as_deref(), at.as_str()),
            (Some(hint), marked),
            "{text}"
        );
    }
}

#[test]
fn a_section_with_other_brackets_is_told_so() {
    for (text, said, hint, marked) in [
        (
            "[alert]\nmatch = {}\n",
            "there may be several sections `alert`",
            "write `[[alert]]`, also where there is one",
            "[alert]",
        ),
        (
            "[git]\n[ rule ] # a\nmatch = {}\n",
            "there may be several sections `rule`",
            "write `[[rule]]`, also where there is one",
            "[ rule ] # a",
        ),
        (
            "[cluster.custom]\ngroup = \"g\"\n",
            "there may be several sections `cluster.custom`",
            "write `[[cluster.custom]]`, also where there is one",
            "[cluster.custom]",
        ),
        (
            "\n[[cluster]]\nkeel = \"yes\"\n",
            "there is one section `cluster`, not several",
            "write `[cluster]`",
            "[[cluster]]",
        ),
        (
            "[[defaults]]\nwatch = \"5m\"\n",
            "there is one section `defaults`, not several",
            "write `[defaults]`",
            "[[defaults]]",
        ),
    ] {
        let (sentence, given, at) = complaint(text);
        assert!(
            sentence.ends_with(&format!("is wrong: {said}")),
            "{sentence}"
        );
        assert_eq!(
            (given.as_deref(), at.as_str()),
            (Some(hint), marked),
            "{text}"
        );
    }
    let (sentence, ..) = complaint("[[alert]]\nlabels = {}\n");
    assert!(
        sentence.ends_with("there is no key `labels` here"),
        "{sentence}"
    );
}

#[test]
fn what_a_registry_may_redirect_to_is_a_host() {
    let parse = |host: &str| {
        let text = format!("[[registry]]\nhost = 'a.example.com'\nredirects = ['{host}']\n");
        Config::parse(&text, "pintle.toml")
    };
    for host in [
        "images.example.com",
        "intranet",
        "10.0.0.1:5000",
        ".example.com",
    ] {
        let config = parse(host).expect(host);
        assert_eq!(config.registries[0].redirects, [host.into()]);
    }
    for host in [
        "https://images.example.com",
        "a@b",
        "images.example.com/x",
        "",
        "*",
    ] {
        assert!(parse(host).is_err(), "{host}");
    }
}
