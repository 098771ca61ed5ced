//! The deterministic core: payments in order in, alerts with their evidence out.
#![forbid(unsafe_code)]
