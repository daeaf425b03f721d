//! What the benches share: measuring two things in turns, and the peak memory of a fresh process.
//! Prints; decides nothing.
#![allow(dead_code, reason = "each bench uses its part")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::process::Command;
use std::time::{Duration, Instant};

/// The runs of one thing.
#[derive(Default)]
pub struct Runs {
    /// By the clock, sorted.
    wall: Vec<Duration>,
    /// Processor time of all threads, all runs together.
    processor: Duration,
}

impl Runs {
    /// Times one run more.
    pub fn run(&mut self, mut work: impl FnMut()) {
        let (start, before) = (Instant::now(), processor());
        work();
        self.wall.push(start.elapsed());
        self.processor += processor().saturating_sub(before);
        self.wall.sort();
    }

    pub fn median(&self) -> Duration {
        self.wall[self.wall.len() / 2]
    }

    pub fn fastest(&self) -> Duration {
        self.wall[0]
    }

    /// Processor time of a run, on average.
    pub fn processor(&self) -> Duration {
        self.processor / u32::try_from(self.wall.len()).unwrap_or(u32::MAX)
    }

    pub fn print(&self, name: &str) {
        let (median, fastest, processor) =
            (ms(self.median()), ms(self.fastest()), ms(self.processor()));
        println!(
            "  {name:<28} {median:>9.1} ms median of {}, {fastest:.1} fastest, {processor:.0} of processor time",
            self.wall.len()
        );
    }
}

/// Prints how much longer `one` takes than `other`, which ran in turns with it.
pub fn ratio(name: &str, one: &Runs, other: &Runs, target: f64) {
    let of = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let (median, fastest) = (
        of(one.median(), other.median()),
        of(one.fastest(), other.fastest()),
    );
    let processor = of(one.processor(), other.processor());
    println!(
        "  {name:<28} {median:>9.2}    of the medians, {fastest:.2} of the fastest, {processor:.2} of processor time; target {target:.1}"
    );
}

/// Runs each of the two in turns, so that whatever else the machine does meets both.
pub fn in_turns(runs: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> (Runs, Runs) {
    let (mut ours, mut theirs) = (Runs::default(), Runs::default());
    for _ in 0..runs {
        ours.run(&mut one);
        theirs.run(&mut other);
    }
    (ours, theirs)
}

/// What all threads of this process used so far: user and system time (proc(5), in ticks of 10 ms
/// as Linux has it everywhere).
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
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

/// Starts this program again with `--memory` and the arguments, and prints the most memory it ever
/// held (`VmHWM`, proc(5)).
pub fn peak(name: &str, arguments: &[&str]) {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(program)
        .arg("--memory")
        .args(arguments)
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    match text
        .lines()
        .find_map(|line| line.strip_prefix("peak ")?.parse::<f64>().ok())
    {
        Some(kib) => println!("  {name:<28} {:>9.1} MB peak", kib / 1024.0),
        None => println!(
            "  {name:<28} not measured: {}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Prints the peak of this process in KiB, for `peak`.
pub fn print_peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next());
    println!("peak {}", kib.unwrap_or("unknown"));
}
