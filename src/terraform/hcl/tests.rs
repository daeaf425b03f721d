use super::*;

fn source(text: &str) -> Source {
    let path = RepoPath::new("a.tf").expect("path");
    Source::parse(path, text.as_bytes().into()).expect("HCL")
}

fn error(bytes: &[u8]) -> SyntaxError {
    Source::parse(RepoPath::new("a.tf").expect("path"), bytes.into()).expect_err("no HCL")
}

#[test]
fn a_byte_order_mark_shifts_every_span() {
    let source = source("\u{feff}a = \"x\"\r\nb = 1");
    let value = source.body.get_attribute("a").expect("a");
    let span = source.span(hcl_edit::Span::span(&value.value).expect("span"));
    assert_eq!(&source.bytes[span.range()], b"\"x\"");
    assert_eq!(
        (
            source.offset(),
            source.line(span.start),
            source.column(span.start)
        ),
        (3, 1, 5)
    );
    assert_eq!(source.line(source.bytes.len() - 1), 2);
}

#[test]
fn errors_say_what_and_where() {
    let syntax = error(b"a = 1\nb = = 2\n");
    assert_eq!((syntax.kind, syntax.line), (SyntaxErrorKind::Syntax, 2));
    let binary = error(b"a = 1\nb = \"\xff\"\n");
    assert_eq!(
        (binary.kind, binary.line, binary.column),
        (SyntaxErrorKind::NotText, 2, 6)
    );
    assert_eq!(
        error(b"\0GITCRYPT\0abc").kind,
        SyntaxErrorKind::Encrypted("git-crypt")
    );
}

#[test]
fn encryption_is_seen_by_its_marks() {
    assert_eq!(
        is_encrypted(b"a: ENC[AES256_GCM,data:x]\nsops:\n  mac: y\n"),
        Some("sops")
    );
    assert_eq!(
        is_encrypted(b"{\n  \"a\": \"ENC[AES256_GCM,data:x]\",\n  \"sops\": {}\n}"),
        Some("sops")
    );
    assert_eq!(
        is_encrypted(b"$ANSIBLE_VAULT;1.1;AES256\n"),
        Some("ansible-vault")
    );
    assert_eq!(is_encrypted(b"sops: a tool\n"), None);
    assert_eq!(is_encrypted(b""), None);
}

#[test]
fn comments_end_a_line_or_stand_above_it() {
    let text = "# far\n\n# first\n// second\na = \"# no\" # third\n/* one\n two */\nb = <<EOT # no heredoc\n";
    let source = source(&text.replace(
        "b = <<EOT # no heredoc\n",
        "b = <<EOT\n# text\n${\"}\" /* in */}\nEOT\nc = 1 // last",
    ));
    let texts = |at: &str| -> Vec<(String, bool)> {
        let offset = source.text.find(at).expect("there");
        source
            .comments_around(offset)
            .iter()
            .map(|comment| (comment.text.clone(), comment.trailing))
            .collect()
    };
    let own = |text: &str, trailing| (text.to_owned(), trailing);
    assert_eq!(
        texts("a ="),
        [
            own("# first", false),
            own("// second", false),
            own("# third", true)
        ]
    );
    assert_eq!(texts("b ="), [own("/* one\n two */", false)]);
    assert_eq!(texts("c ="), [own("// last", true)]);
    assert_eq!(source.comments().len(), 7);
}

#[test]
fn a_heredoc_without_a_line_is_empty() {
    let source = source("# <<EOT\n# EOT\na = <<-EOT\n  EOT\nb = 2\nc = <<EOT\nx\nEOT\n");
    assert!(source.body.has_attribute("b") && source.body.has_attribute("c"));
    assert_eq!(
        source
            .body
            .get_attribute("a")
            .and_then(|a| a.value.as_str()),
        Some("")
    );
}

#[test]
fn a_layout_says_of_lines_and_comments_what_the_source_does() {
    let text = "\u{feff}# one\r\n# two\na = 1 # three\n\nb = <<EOT\n# none\nEOT\n";
    let (source, layout) = (source(text), Layout::read(text));
    for at in 0..text.len() {
        assert_eq!(layout.line(at), source.line(at), "{at}");
        assert_eq!(
            layout.comments_around(at),
            source.comments_around(at),
            "{at}"
        );
    }
    let paths = ["a.tf", "none.tf"].map(|name| RepoPath::new(name).expect("a path"));
    let mut files = Files::default();
    files.insert(
        paths[0].clone(),
        crate::terraform::files::Entry::Text(text.as_bytes().into()),
    );
    let all = Layout::read_all(&files, &paths.into());
    assert_eq!(
        all.values()
            .map(|layout| layout.comments.len())
            .collect::<Vec<_>>(),
        [3]
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = Source::parse(RepoPath::default(), bytes.into());
    }

    #[test]
    fn comments_of_any_text_are_where_they_say(text in "([#/*\"{}$%<EOT\n a\\\\-]|<<EOT\n|EOT\n|/\\*|\\*/|//|\\$\\{)*") {
        let (lines, text) = Lines::of(&text);
        for comment in comments::read(text, &lines) {
            proptest::prop_assert_eq!(&text[comment.span.range()], comment.text);
        }
        let _ = comments::without_empty_heredocs(text);
    }
}

/// The texts of the values that attributes have, by their bytes in the file.
fn written(text: &str, name: &str) -> String {
    let source = source(text);
    let attribute = source.body.get_attribute(name).expect("the attribute");
    let span = source.span(hcl_edit::Span::span(&attribute.value).expect("span"));
    String::from_utf8(source.bytes[span.range()].to_vec()).expect("text")
}

#[test]
fn an_object_may_name_a_key_twice() {
    for object in [
        "{\n  p = 1\n  t = 2\n  p = 3\n}",
        "{ p = 1, t = 2, p = 3 }",
        "{ p = 1, p = 2, p = 3 }",
        "{ p : 1, \"p\" : 2, p : 3 }",
        "{\n  \"a b\" = <<EOT\n}{ p = 1\nEOT\n  \"a b\" = 1\n  p     = 3\n}",
        "{\n  p = { q = 1, q = 2 } # p = 4\n  p = 3 // p\n}",
        "{\n  p = [\n    1,\n    { é = 1 },\n  ]\n  /* p = 1 */ p = 3\n}",
        "{\r\n  p = 1\r\n  p = 3\r\n}",
        "merge({ p = 1, p = 3 }, { p = 3 })",
        "{ for k, v in { p = 1, p = 3 } : k => v }",
    ] {
        let text = format!("a = {object}\nb = \"x\"\n");
        assert_eq!(written(&text, "a"), object);
        assert_eq!(written(&text, "b"), "\"x\"");
    }
}

#[test]
fn the_last_of_two_keys_counts() {
    let text = "a = {\n  p = 1\n  t = 2\n  p = 3\n}\n";
    let source = source(text);
    let object = source
        .body
        .get_attribute("a")
        .and_then(|a| a.value.as_object());
    let written: Vec<String> = object
        .expect("an object")
        .iter()
        .map(|(_, value)| {
            let span = hcl_edit::Span::span(value.expr()).expect("span");
            source.text[span].trim().to_owned()
        })
        .collect();
    assert_eq!(written, ["2", "3"]);
}

#[test]
fn line_ends_inside_the_braces_of_a_for_mean_nothing() {
    for object in [
        "{\n  for n, p in x : n => p > 100\n  ? \"high\"\n  : \"low\"\n}",
        "{ for n, p in x : n => p\n  && true\n  || false\n}",
        "{\n  for n, p in x : n => p # why\n  == 1\n  if p\n  != 2\n}",
        "{\n  for n, p in x :\n  n\n  => {\n    a = 1\n    b = 2\n  }\n}",
        "{\r\n  for n, p in x : n => p\r\n  + 1\r\n}",
        "{\n  for n, p in x : n => {\n    for m in p : m => m\n    ? 1\n    : 2\n  }\n}",
    ] {
        let text = format!("a = {object}\nb = \"x\"\n");
        assert_eq!(written(&text, "a"), object);
        assert_eq!(written(&text, "b"), "\"x\"");
    }
}

#[test]
fn what_is_no_hcl_stays_none() {
    for text in [
        "a = {\n  p = 1\n  p = \n}\n",
        "a = 1\n? 2\n: 3\n",
        "a {\n  b = 1\n  b\n}\n",
        "a = { for\n",
        "a = { p = 1, p = 2\n",
        "a = }\n",
    ] {
        assert_eq!(
            error(text.as_bytes()).kind,
            SyntaxErrorKind::Syntax,
            "{text}"
        );
    }
    let late = error(b"a = {\n  p = 1\n  p = 2\n}\nb = = 1\n");
    assert_eq!(late.kind, SyntaxErrorKind::Syntax);
}
