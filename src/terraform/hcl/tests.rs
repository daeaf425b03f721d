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
