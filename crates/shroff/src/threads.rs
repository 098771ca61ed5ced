//! The threads that the engine is given.

use anyhow::Context;
use rayon::ThreadPool;
use shroff_detect::{Job, Workers};

/// A pool of threads, or none where one thread does it all.
#[derive(Debug)]
pub(crate) struct Threads {
    pool: Option<ThreadPool>,
    threads: usize,
}

impl Threads {
    /// The thread that asks, and no other.
    pub(crate) fn alone() -> Threads {
        Threads { pool: None, threads: 1 }
    }

    /// So many threads; 0 for as many as the machine runs side by side.
    pub(crate) fn new(threads: usize) -> anyhow::Result<Threads> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        if threads == 1 {
            return Ok(Threads::alone());
        }
        let pool = rayon::ThreadPoolBuilder::new()
            // The thread that asks does a share itself.
            .num_threads(threads - 1)
            .thread_name(|number| format!("shroff-{number}"))
            .build()
            .with_context(|| format!("cannot start {threads} threads\nhint: ask for fewer"))?;
        Ok(Threads { pool: Some(pool), threads })
    }
}

impl Threads {
    /// Does two things side by side; one after the other where there is one thread.
    ///
    /// # Panics
    /// If one of them does.
    pub(crate) fn both<A: Send, B>(
        &self,
        one: impl FnOnce() -> A + Send,
        other: impl FnOnce() -> B,
    ) -> (A, B) {
        if self.threads == 1 {
            return (one(), other());
        }
        std::thread::scope(|scope| {
            let one = scope.spawn(one);
            let other = other();
            match one.join() {
                Ok(one) => (one, other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

impl Workers for Threads {
    fn threads(&self) -> usize {
        self.threads
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
        match &self.pool {
            Some(pool) => pool.in_place_scope(|scope| {
                let mut jobs = jobs.into_iter();
                let mine = jobs.next();
                for job in jobs {
                    scope.spawn(|_| job());
                }
                if let Some(job) = mine {
                    job();
                }
            }),
            None => {
                for job in jobs {
                    job();
                }
            }
        }
    }
}
