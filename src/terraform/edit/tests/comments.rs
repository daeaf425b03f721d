//! Edits beside literals: comments and blanks may change, and nothing may with them.

use super::*;

/// An insertion before the first `at`.
fn before(name: &str, text: &str, at: &str, put: &str) -> Edit {
    let start = text.find(at).unwrap();
    Edit {
        span: Span::new(start, start),
        expect: Vec::new(),
        put: put.into(),
        ..edit(name, text, at, "")
    }
}

const TF: &str = "a {\n  b = \"x\" # c\n  d = <<-E\n    e\n  E\n}\n";
const YAML: &str = "a: x # c\nb: |\n  d\ne: [y, z]\n";

#[test]
fn comments_come_and_go_with_their_lines() {
    for (name, text, made) in [
        (
            "a.tf",
            TF,
            vec![
                before("a.tf", TF, "  b", "  # n\r\n"),
                pin("a.tf", TF, "x"),
                edit("a.tf", TF, " # c\n", "\n"),
            ],
        ),
        (
            "a.tf",
            TF,
            vec![
                edit("a.tf", TF, "# c", "/* n */ // m"),
                before("a.tf", TF, "}", "\n\n#\u{e9}\n"),
            ],
        ),
        ("a.tf", TF, vec![edit("a.tf", TF, "# c", "# \u{e9}")]),
        (
            "a.yaml",
            YAML,
            vec![edit("a.yaml", YAML, "# c", "# \u{e9}")],
        ),
        (
            "a.yaml",
            YAML,
            vec![
                before("a.yaml", YAML, "e:", "# n\n"),
                edit("a.yaml", YAML, " # c\n", "\n"),
                pin("a.yaml", YAML, "x"),
            ],
        ),
    ] {
        let after = proved(name, text, &made).unwrap_or_else(|why| panic!("{why}"));
        assert!(after.contains(PIN) || after.contains('\u{e9}'));
    }
}

#[test]
fn nothing_else_comes_or_goes_with_a_comment() {
    for (name, text, wrong) in [
        ("a.tf", TF, before("a.tf", TF, "  b", "  f = 1\n")),
        ("a.tf", TF, before("a.tf", TF, "  b", "# n")),
        ("a.tf", TF, before("a.tf", TF, "  b", "/* n ")),
        ("a.tf", TF, before("a.tf", TF, "  b", "\u{1b} # n\n")),
        ("a.tf", TF, before("a.tf", TF, "    e", "    # n\n")),
        ("a.tf", TF, before("a.tf", TF, "x", "\n")),
        ("a.tf", TF, edit("a.tf", TF, "b =", "# n\n")),
        ("a.tf", TF, edit("a.tf", TF, "# c\n  d", "# c\n  f")),
        ("a.yaml", YAML, before("a.yaml", YAML, " # c", "#n\n")),
        ("a.yaml", YAML, before("a.yaml", YAML, "  d", "  # n\n")),
        ("a.yaml", YAML, before("a.yaml", YAML, "y", "# n ")),
        ("a.yaml", YAML, before("a.yaml", YAML, "e:", "// n\n")),
        (
            "a.json",
            "{\"a\": \"x\"}",
            before("a.json", "{\"a\": \"x\"}", "}", "# n\n"),
        ),
        ("a.txt", "x", before("a.txt", "x", "x", "# n\n")),
    ] {
        assert!(
            proved(name, text, std::slice::from_ref(&wrong)).is_err(),
            "{wrong:?}"
        );
    }
}
