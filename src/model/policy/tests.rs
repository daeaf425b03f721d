use super::Policy;

#[test]
fn policies_read_back_as_written() {
    for (text, shown, chooses) in [
        ("never", "never", false),
        ("force", "force", false),
        ("patch", "patch", true),
        ("minor", "minor", true),
        ("major", "major", true),
        ("all", "all", true),
        ("glob:2026.*-nightly", "glob:2026.*-nightly", true),
        ("regexp:^v[0-9]+$", "regexp:^v[0-9]+$", true),
    ] {
        let policy = Policy::parse(text).expect(text);
        assert_eq!(policy.to_string(), shown);
        assert_eq!(policy.chooses_tag(), chooses, "{text}");
    }
}

#[test]
fn a_wrong_policy_is_a_sentence() {
    let error = |text| Policy::parse(text).expect_err(text);
    assert_eq!(
        error("nevr"),
        "`nevr` is not a policy: did you mean `never`?"
    );
    assert_eq!(
        error("whatever works"),
        "`whatever works` is not a policy: it is one of `never`, `force`, `patch`, `minor`, `major`, `all`, `glob:`, `regexp:`"
    );
    assert!(
        error("regexp:(").starts_with("`regexp:(` is not a policy: "),
        "{}",
        error("regexp:(")
    );
    assert!(error("glob:[").starts_with("`[` is not a glob: "));
    assert_eq!(error("glob:"), "the pattern is empty");
}
