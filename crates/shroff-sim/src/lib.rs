//! Seeded worlds of payments with planted typologies and their innocent look-alikes.
#![forbid(unsafe_code)]
