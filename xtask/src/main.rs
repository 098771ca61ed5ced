//! Tidiness checks, the test command and continuous integration.

fn main() {}
