//! Seeded worlds of payments with planted typologies and their innocent look-alikes.
//!
//! [`simulate`] makes a world from a seed: households with salaries and rent, shops, firms with
//! suppliers, and among them attempts of every typology and innocent flows of the same shape.
//! Equal parameters give equal bytes on every platform: only whole numbers are used.
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

mod attempts;
mod background;
mod calendar;
mod cast;
mod csv;
mod dice;
mod flow;
mod ledger;
mod lookalikes;
mod stage;
mod world;

pub use flow::{Flow, Kind, Lookalike, Shortfall, Typology};
pub use ledger::Method;
pub use world::{Row, SimError, Simulation, Summary, World, simulate};
