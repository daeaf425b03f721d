//! What a forge means by its answer to a merge.

use super::*;
use reqwest::StatusCode;

fn read(status: u16, message: &str, style: MergeStyle) -> String {
    let body =
        serde_json::json!({"message": message, "url": "https://forge.example.org/api/swagger"})
            .to_string()
            .into();
    let reply = Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: reqwest::header::HeaderMap::new(),
        body,
    };
    match verdict(&reply, style) {
        Verdict::Merged => "merged".to_owned(),
        Verdict::Later => "later".to_owned(),
        Verdict::Unsure => "unsure".to_owned(),
        Verdict::Not(MergeError::NotYet(why)) => format!("not yet: {why}"),
        Verdict::Not(MergeError::Refused(why)) => format!("refused: {why}"),
        Verdict::Not(error) => format!("{error:?}"),
    }
}

#[test]
fn an_answer_is_read_by_status_and_words() {
    let cases = [
        (200, "", "merged"),
        (405, "Please try again later", "later"),
        (405, "The PR is already merged", "Already"),
        (
            405,
            "User not allowed to merge PR",
            "refused: User not allowed to merge PR",
        ),
        (
            405,
            "Work in progress PRs cannot be merged",
            "refused: Work in progress PRs cannot be merged",
        ),
        (
            405,
            "squash is not allowed an allowed merge style for this repository",
            "refused: squash is not allowed an allowed merge style for this repository",
        ),
        (405, "wont sign: nokey", "refused: wont sign: nokey"),
        (
            405,
            "Not all required status checks successful",
            "not yet: Not all required status checks successful",
        ),
        (
            405,
            "not allowed to merge [reason: Does not have enough approvals]",
            "not yet: not allowed to merge [reason: Does not have enough approvals]",
        ),
        (
            405,
            "",
            "not yet: the base branch's protection is not satisfied",
        ),
        (409, "head out of date", "HeadMoved"),
        (
            409,
            "merge push out of date",
            "not yet: its base has new commits",
        ),
        (
            409,
            "PushRejected with remote message: no",
            "refused: PushRejected with remote message: no",
        ),
        (409, "", "not yet: it conflicts with its base"),
        (404, "not found", "refused: it is closed, or gone"),
        (500, "boom", "unsure"),
        (502, "", "unsure"),
        (403, "no", "unsure"),
    ];
    for (status, message, expected) in cases {
        assert_eq!(
            read(status, message, MergeStyle::Squash),
            expected,
            "{status} {message}"
        );
    }
    assert_eq!(
        read(500, "", MergeStyle::FastForwardOnly),
        "not yet: its base has new commits, and it is merged by fast-forward only"
    );
}
