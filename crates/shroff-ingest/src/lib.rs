//! Foreign formats to payments, with a reason for every record that is refused.
#![forbid(unsafe_code)]
