use super::*;
use crate::model::reference::Reference;
use proptest::prelude::*;

fn entries() -> impl Strategy<Value = Ledger> {
    let channel = prop_oneof![
        Just("alpine"),
        Just("host:5000/a/b:v1"),
        Just("ghcr.io/x/y:release")
    ];
    let one = (channel, "[0-9a-f]{64}", 0i64..4_000_000_000);
    proptest::collection::vec(one, 0..6).prop_map(|list| {
        let entry = |(image, hex, second): (&str, String, i64)| {
            let channel = Reference::parse(image).unwrap().channel().unwrap();
            (
                (channel, Digest::parse(&format!("sha256:{hex}")).unwrap()),
                Timestamp::from_second(second).unwrap(),
            )
        };
        Ledger {
            first_seen: list.into_iter().map(entry).collect(),
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(ledger in entries()) {
        prop_assert_eq!(Ledger::parse(&ledger.render()).unwrap(), ledger);
    }

    #[test]
    fn a_merge_loses_nothing_and_keeps_the_earliest(one in entries(), other in entries()) {
        let merged = one.merge(&Ledger::default(), &other);
        for (key, at) in one.first_seen.iter().chain(&other.first_seen) {
            prop_assert!(merged.first_seen[key] <= *at);
        }
        prop_assert_eq!(&merged, &other.merge(&Ledger::default(), &one));
    }
}

#[test]
fn what_we_dropped_stays_dropped() {
    let image = Reference::parse("alpine").unwrap().channel().unwrap();
    let key = |c: char| {
        (
            image.clone(),
            Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap(),
        )
    };
    let at = Timestamp::from_second(7).unwrap();
    let ledger = |keys: &[char]| Ledger {
        first_seen: keys.iter().map(|c| (key(*c), at)).collect(),
    };
    let merged = ledger(&['a', 'b', 'c']).merge(&ledger(&['a', 'b']), &ledger(&['b', 'd']));
    assert_eq!(merged, ledger(&['b', 'c', 'd']));
}

#[test]
fn another_format_and_a_broken_line_are_named() {
    assert!(
        Ledger::parse("# pintle ledger 2\n")
            .unwrap_err()
            .to_string()
            .contains("ledger 2")
    );
    assert!(Ledger::parse("").is_err());
    let broken = format!("{HEAD}\nalpine\tsha256:1\tnever\n");
    assert!(
        Ledger::parse(&broken)
            .unwrap_err()
            .to_string()
            .contains("line 2")
    );
}
