//! Feature definitions, exact features and rules: what a payment looks like, and why it is pointed at.
#![forbid(unsafe_code)]
