//! Two threads for work that falls into independent parts. Shares nothing between the parts.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Stack of a thread that parses or evaluates: nesting is bounded, and this holds the bound. The
/// memory is used only as far as it is needed.
const STACK: usize = 64 << 20;

/// Returns `work(0)`, `work(1)`, … up to `count`, in that order.
pub(super) fn on_two_threads<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mine = std::iter::from_fn(|| {
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < count)
        });
        mine.map(|at| (at, work(at))).collect::<Vec<_>>()
    };
    let mut all = std::thread::scope(|scope| {
        let start = || {
            std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, run)
                .ok()
        };
        let workers: Vec<_> = [start(), start()].into_iter().flatten().collect();
        if workers.is_empty() {
            return run();
        }
        workers
            .into_iter()
            .flat_map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests;
