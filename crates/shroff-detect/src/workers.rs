//! Threads, as the engine is given them: it starts none itself.

/// A piece of work that one thread does.
pub type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Whoever carries out work side by side.
pub trait Workers: Sync + std::fmt::Debug {
    /// How many jobs run side by side: 1 or more.
    fn threads(&self) -> usize;

    /// Does all of the jobs, in any order and on any threads, and returns when they are done.
    fn run(&self, jobs: Vec<Job<'_>>);
}

/// Does everything itself, one job after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Workers for Alone {
    fn threads(&self) -> usize {
        1
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
        jobs.into_iter().for_each(|job| job());
    }
}
