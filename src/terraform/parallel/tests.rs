use super::*;
use std::sync::Barrier;

#[test]
fn every_part_is_done_once_and_the_results_are_in_order() {
    for count in [0, 1, 2, 1000] {
        let done = on_two_threads(count, |at| at * 2);
        assert_eq!(done, (0..count).map(|at| at * 2).collect::<Vec<_>>());
    }
}

#[test]
fn two_parts_are_worked_on_at_the_same_time() {
    let both = Barrier::new(2);
    assert_eq!(
        on_two_threads(2, |_| both.wait().is_leader())
            .iter()
            .filter(|leader| **leader)
            .count(),
        1
    );
}

#[test]
#[should_panic(expected = "part 3")]
fn a_panic_of_a_part_is_one_of_the_whole() {
    on_two_threads(5, |at| assert_ne!(at, 3, "part 3"));
}
