//! What the benches share: measuring two things in turns, and the peak memory of a fresh process. Prints; decides nothing.
#![allow(dead_code, reason = "each bench uses its part")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::process::Command;
use std::time::{Duration, Instant};

/// The durations of the runs of one thing, sorted.
pub struct Runs(Vec<Duration>);

impl Runs {
    pub fn new(mut runs: Vec<Duration>) -> Self {
        runs.sort();
        Self(runs)
    }

    pub fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    pub fn fastest(&self) -> Duration {
        self.0[0]
    }

    pub fn print(&self, name: &str) {
        println!("  {name:<28} {:>9.1} ms median of {}, {:.1} fastest", ms(self.median()), self.0.len(), ms(self.fastest()));
    }
}

/// Prints how much longer `one` takes than `other`, which ran in turns with it.
pub fn ratio(name: &str, one: &Runs, other: &Runs, target: f64) {
    let of = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let (median, fastest) = (of(one.median(), other.median()), of(one.fastest(), other.fastest()));
    println!("  {name:<28} {median:>9.2}    of the medians, {fastest:.2} of the fastest; target {target:.1}");
}

/// Runs each of the two in turns, so that whatever else the machine does meets both.
pub fn in_turns(runs: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> (Runs, Runs) {
    let mut timed = (Vec::new(), Vec::new());
    for _ in 0..runs {
        timed.0.push(time(&mut one));
        timed.1.push(time(&mut other));
    }
    (Runs::new(timed.0), Runs::new(timed.1))
}

pub fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Whether `cargo bench` started the program; `cargo test` only wants to see that it runs.
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// The arguments after `--memory`, in the process that `peak` started.
pub fn memory_arguments() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--memory");
    arguments.next()?;
    Some(arguments.collect())
}

/// Starts this program again with `--memory` and the arguments, and prints the most memory it ever held (`VmHWM`, proc(5)).
pub fn peak(name: &str, arguments: &[&str]) {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(program).arg("--memory").args(arguments).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|line| line.strip_prefix("peak ")?.parse::<f64>().ok()) {
        Some(kib) => println!("  {name:<28} {:>9.1} MB peak", kib / 1024.0),
        None => println!("  {name:<28} not measured: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Prints the peak of this process in KiB, for `peak`.
pub fn print_peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next());
    println!("peak {}", kib.unwrap_or("unknown"));
}
