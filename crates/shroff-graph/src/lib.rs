//! The windowed temporal multigraph: insert, expire, cycles, rings, scatter-gathers, chains.
#![forbid(unsafe_code)]
