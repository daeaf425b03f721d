use super::*;

fn region(text: &str, at: &str) -> Option<(String, bool)> {
    let offset = text.find(at).expect(at);
    let found = Language::Hcl.end_of_line(text, offset)?;
    Some((text[found.span.range()].to_owned(), found.alone))
}

#[test]
fn the_end_of_a_line_is_what_follows_its_code() {
    for (text, wanted) in [
        ("a = \"x\"\nb = 1", "\n"),
        ("a = \"x\"  \r\nb = 1", "  \r\n"),
        ("a = \"x\" # c\n", " # c\n"),
        ("a = \"x\" /* b */ # c", " # c"),
        ("a = \"x\" # c # d\r\n", " # c # d\r\n"),
        ("a = [\"x\", \"#\"]\n", "\n"),
        ("a = \"x\"", ""),
    ] {
        assert_eq!(
            region(text, "x"),
            Some((wanted.to_owned(), false)),
            "{text:?}"
        );
    }
}

#[test]
fn a_comment_goes_with_its_blanks_and_alone_with_its_line() {
    for (text, wanted, alone, left) in [
        ("a = 1 # c \nb = 2\n", " # c \n", false, " \n"),
        ("a = 1\n  # c\nb = 2\n", "  # c\n", true, ""),
        (
            "a = 1\r\n  /* c\r\n */ \r\nb = 2\n",
            "  /* c\r\n */ \r\n",
            true,
            "",
        ),
        ("a = 1 /* c */ + 2\n", " /* c */", false, ""),
        ("\u{feff}# c\nb = 2\n", "# c\n", true, ""),
    ] {
        let comment = Language::Hcl.comments(text).remove(0);
        let found = around_comment(text, comment.span);
        let region = &text[found.span.range()];
        assert_eq!((region, found.alone), (wanted, alone), "{text:?}");
        assert_eq!(&region[words(region).expect("a comment")], "c");
        assert_eq!(without_comment(region, found.alone), left);
    }
    assert_eq!(words("  \n"), None);
}

#[test]
fn comments_of_yaml_are_found_by_their_lines() {
    let text = "\u{feff}# a\nb: 'x # y' # c\r\n  #d\ne: f#g\n";
    let found: Vec<_> = Language::Yaml
        .comments(text)
        .into_iter()
        .map(|c| (c.text, c.line, c.trailing, text[c.span.range()].to_owned()))
        .collect();
    let one = |text: &str, line, trailing, written: &str| {
        (text.to_owned(), line, trailing, written.to_owned())
    };
    assert_eq!(
        found,
        [
            one("a", 1, false, "# a"),
            one("c", 2, true, "# c"),
            one("d", 3, false, "#d")
        ]
    );
    assert_eq!(
        Language::Yaml.around(text, text.find('e').expect("e")),
        ["d"]
    );
}

#[test]
fn where_a_comment_would_be_part_of_a_value_there_is_no_language() {
    let of = |name: &str, text, form| Language::of(&RepoPath::new(name).expect(name), text, form);
    assert_eq!(of("a.tf", "", Form::Quoted), Some(Language::Hcl));
    assert_eq!(of("terragrunt.hcl", "", Form::Quoted), Some(Language::Hcl));
    assert_eq!(of("a.yaml", "a: x", Form::YamlSingle), Some(Language::Yaml));
    for (name, text, form) in [
        ("a.tf", "", Form::Raw),
        ("a.tf", "", Form::YamlPlain),
        ("a.tf.json", "", Form::Json),
        ("a.yaml", "a: x", Form::YamlBlock),
        ("a.yaml", "a: ${x}", Form::YamlPlain),
        ("a.yaml.tpl", "a: x", Form::YamlPlain),
        ("a", "", Form::Quoted),
    ] {
        assert_eq!(of(name, text, form), None, "{name}");
    }
}

#[test]
fn a_new_line_ends_as_its_neighbours() {
    assert_eq!(
        [
            newline("a\r\nb", 0),
            newline("a\r\nb", 3),
            newline("a\nb", 2),
            newline("a", 0)
        ],
        ["\r\n", "\r\n", "\n", "\n"]
    );
}
