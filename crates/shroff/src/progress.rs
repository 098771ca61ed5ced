//! Progress bars for whatever takes over two seconds, on a terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::settings;

/// A bar that shows itself once the work has taken two seconds.
#[derive(Debug)]
pub(crate) struct Bar {
    drawn: ProgressBar,
    begun: Instant,
    bytes: bool,
    shown: bool,
}

const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a bar is drawn: of what goes on side by side one is.
static IS_DRAWN: AtomicBool = AtomicBool::new(false);

impl Bar {
    /// A bar over bytes that are read; without a total, it counts them.
    pub(crate) fn of_bytes(what: &'static str, total: Option<u64>) -> Bar {
        Bar::new(what, total, true)
    }

    /// A bar over payments.
    pub(crate) fn of_payments(what: &'static str, total: u64) -> Bar {
        Bar::new(what, Some(total), false)
    }

    fn new(what: &'static str, total: Option<u64>, bytes: bool) -> Bar {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        bar.set_message(what);
        Bar { drawn: bar, begun: settings::now(), bytes, shown: false }
    }

    /// So much is done.
    pub(crate) fn at(&mut self, position: u64) {
        if !self.shown && self.begun.elapsed() > PATIENCE && !IS_DRAWN.swap(true, Ordering::Relaxed)
        {
            self.shown = true;
            self.drawn.set_draw_target(ProgressDrawTarget::stderr());
            self.drawn.set_style(self.style());
        }
        self.drawn.set_position(position);
    }

    /// It is over.
    pub(crate) fn done(self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn style(&self) -> ProgressStyle {
        let template = match (self.bytes, self.drawn.length()) {
            (true, Some(_)) => {
                "{msg:10} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left"
            }
            (true, None) => "{msg:10} {spinner} {bytes} {bytes_per_sec}",
            (false, _) => "{msg:10} {bar:30} {human_pos}/{human_len} {rate}, {eta} left",
        };
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A bar that cannot be drawn is no reason to stop.
            write!(out, "{:.0} a second", state.per_sec()).unwrap_or_default();
        };
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", rate)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.drawn.finish_and_clear();
        if self.shown {
            IS_DRAWN.store(false, Ordering::Relaxed);
        }
    }
}
