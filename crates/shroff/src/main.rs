//! Shroff watches payments: the command line.

fn main() {}
